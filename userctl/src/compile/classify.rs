// SPDX-License-Identifier: GPL-2.0
//! Pass 3: a classifier in front of a chain's rules.
//!
//! ```text
//! rules as instructions ─► boxes (which packets)        boxes
//!                      └─► bodies (what remains)         here
//! boxes ─► trees (forest, tree, cut) ─► words            layout
//! ```
//!
//! What a rule asks of fields before it does anything becomes one or more boxes: a range in each of a few
//! dimensions. What boxes say exactly is left out of the rule's body; what they say only roughly, or not at all,
//! stays in it and is asked when the packet gets there. So a box may be too wide, never too narrow.
//!
//! A chain becomes
//!
//! ```text
//!        rules in front of the first that asks for anything
//!        classify                         else END
//!        body of rule 5
//!        classify                         else END      only where the body may go on to the next rule
//!        body of rule 6
//!        …
//!  END:  rules behind the last that asks for anything
//! ```
//!
//! Rules that ask for nothing have a box of all packets and keep their place among the others. A chain of few
//! rules is read one by one: that is cheaper.

mod boxes;
mod cut;
mod forest;
mod layout;
mod region;
mod tree;

use ferrule_uapi::{
    classifier::{Classifier, Dim},
    insn::{Insn, Opcode},
};

use super::lower::{is_call, Lowered, Run};
use boxes::{Constants, RuleBoxes};
use forest::Forest;

/// Chains with fewer rules that ask for something are read one by one.
const FEWEST: usize = 6;

/// Boxes: what entries of a classifier are made of, in the order of the rules.
#[derive(Default)]
pub(super) struct Boxes {
    /// The dimensions.
    pub(super) dims: Vec<Dim>,
    /// Least and greatest value, dimension by dimension, box after box.
    pub(super) ranges: Vec<(u32, u32)>,
    /// Bits of the dimensions that must be there.
    pub(super) needed: Vec<u32>,
    /// The rule, counted from the first of the chain.
    pub(super) rules: Vec<u32>,
    /// Whether no packet in the box gets behind its rule in the chain, or comes into the box behind it.
    pub(super) last: Vec<bool>,
}

impl Boxes {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The range of box `index` in dimension `dim`.
    pub(super) fn range(&self, index: u32, dim: usize) -> (u32, u32) {
        self.ranges[index as usize * self.dims.len() + dim]
    }

    /// Whether box `index` needs dimension `dim`.
    pub(super) fn needs(&self, index: u32, dim: usize) -> bool {
        self.needed[index as usize] >> dim & 1 != 0
    }
}

impl Lowered<'_> {
    /// Puts a classifier in front of the rules of the chain at `place`, which were the last to be lowered: those
    /// from `first_rule` on. Leaves the chain as it is if that would gain nothing.
    pub(super) fn classify(&mut self, place: usize, first_rule: usize) {
        let Some((_, _, run)) = self.rules.get(first_rule) else {
            return;
        };
        let start = run.first as usize;
        let constants = Constants {
            ranges32: &self.ranges32,
            wide_pairs: &self.wide_pairs,
            tables: &self.tables,
        };
        let rules: Vec<RuleBoxes> = self.rules[first_rule..]
            .iter()
            .map(|(_, _, run)| {
                let first = run.first as usize;
                let end = first + run.count as usize;
                RuleBoxes::of(&self.insns[first..end], end as u32, &constants)
            })
            .collect();
        let asking = rules.iter().filter(|rule| rule.asks()).count();
        if asking < FEWEST {
            return;
        }
        let from = rules.iter().position(RuleBoxes::asks).unwrap_or(0);
        let to = rules.iter().rposition(RuleBoxes::asks).unwrap_or(0) + 1;
        let (mut boxes, said) = boxes::combine(&rules, from..to);
        if self.insns[start..].iter().any(may_change_fields) {
            // What was not in an earlier box may be in a later one like it.
            boxes.last.fill(false);
        }
        if boxes.dims.is_empty() || boxes.len() == 0 {
            return;
        }
        let forest = Forest::grow(&boxes);
        let old = self.insns.split_off(start);
        let number = self.classifiers.len() as u32;
        let mut writer = Writer {
            old: &old,
            start: start as u32,
            number,
            patches: Vec::new(),
            bodies: vec![0; rules.len()],
        };
        for index in 0..rules.len() {
            if index == from {
                writer.ask(&mut self.insns);
            }
            if index == to {
                writer.land(&mut self.insns);
            }
            let run = &mut self.rules[first_rule + index].2;
            let said = match (from..to).contains(&index) {
                true => said[index - from].as_slice(),
                false => &[],
            };
            let more = (from..to - 1).contains(&index);
            *run = writer.body(&mut self.insns, *run, said, more);
            writer.bodies[index] = run.first;
        }
        if to == rules.len() {
            writer.land(&mut self.insns);
        }
        let (classifier, words) = layout::lay_out(&boxes, &forest, &writer.bodies);
        self.classifiers.push(Classifier {
            chain: place as u32,
            first_word: self.words.len() as u32,
            ..classifier
        });
        self.words.extend(words);
    }
}

/// Writes a chain's instructions anew.
struct Writer<'o> {
    /// The chain's instructions before.
    old: &'o [Insn],
    /// The index of the first of them.
    start: u32,
    /// The classifier's number.
    number: u32,
    /// `Classify` instructions whose target is not known yet.
    patches: Vec<usize>,
    /// Where each rule's body is.
    bodies: Vec<u32>,
}

impl Writer<'_> {
    /// Appends a `Classify`.
    fn ask(&mut self, out: &mut Vec<Insn>) {
        self.patches.push(out.len());
        out.push(Insn {
            opcode: Opcode::Classify as u8,
            a: self.number,
            ..Insn::default()
        });
    }

    /// What finds nothing goes on here.
    fn land(&mut self, out: &mut [Insn]) {
        let end = out.len() as u32;
        for at in self.patches.drain(..) {
            out[at].target = end;
        }
    }

    /// Appends what is to remain of a rule: all but the matches it begins with that `said` marks. If `more` rules
    /// of the classifier follow, and it may go on to them, it asks again.
    fn body(&mut self, out: &mut Vec<Insn>, run: Run, said: &[bool], more: bool) -> Run {
        let old_end = run.first + run.count;
        let range = (run.first - self.start) as usize..(old_end - self.start) as usize;
        let old = &self.old[range];
        let first = out.len() as u32;
        let mut places = Vec::with_capacity(old.len());
        for (index, insn) in old.iter().enumerate() {
            places.push(out.len() as u32);
            if !said.get(index).is_some_and(|said| *said) {
                out.push(*insn);
            }
        }
        let end = out.len() as u32;
        // Nothing leads to a body of nothing.
        let mut goes_on = end > first && out.last().is_some_and(|last| !ends(last));
        for insn in &mut out[first as usize..] {
            if insn.target == 0 || is_call(insn) {
                continue;
            }
            goes_on |= insn.target == old_end;
            let place = places.get((insn.target - run.first) as usize);
            insn.target = place.copied().unwrap_or(end);
        }
        if more && goes_on {
            self.ask(out);
        }
        Run {
            first,
            count: end - first,
        }
    }
}

/// Whether the packet may have other fields after the instruction, or after the chain that it calls.
fn may_change_fields(insn: &Insn) -> bool {
    matches!(
        Opcode::from_raw(insn.opcode),
        Some(Opcode::SetMark | Opcode::Do | Opcode::Call | Opcode::LookupVerdict)
    )
}

/// Whether nothing behind the instruction is run after it.
pub(super) fn ends(insn: &Insn) -> bool {
    matches!(
        Opcode::from_raw(insn.opcode),
        Some(
            Opcode::Accept
                | Opcode::Drop
                | Opcode::Goto
                | Opcode::Return
                | Opcode::Reject
                | Opcode::Queue
        )
    )
}
