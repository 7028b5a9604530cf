// SPDX-License-Identifier: GPL-2.0
//! What the base chains at a hook make of a packet.

use ferrule_engine::{Decider, FieldSet, Key, Outcome, Packet, View};
use ferrule_uapi::hook::{Family, Hook, Verdict};
use ferrule_uapi::program::BaseChain;

use super::frame::Frame;

/// What a capture does not say of its packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// The receiving interface.
    pub input: Option<Nic>,
    /// The sending interface.
    pub output: Option<Nic>,
    /// Their mark.
    pub mark: u32,
}

/// An interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Its index.
    pub index: u32,
    /// Its name, padded with zeros.
    pub name: [u8; 16],
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// It goes on.
    Accept,
    /// It ends here.
    Drop,
    /// It ends here, and the sender is told.
    Reject,
    /// It goes to user space, by this queue or the first of several.
    Queue(u16),
}

impl Ruling {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome {
                queue: Some(queue), ..
            } => Ruling::Queue(queue.first),
            Outcome { rejected: true, .. } => Ruling::Reject,
            Outcome {
                verdict: Verdict::Accept,
                ..
            } => Ruling::Accept,
            _ => Ruling::Drop,
        }
    }

    /// As it is printed: the word of the rules.
    pub fn name(self) -> &'static str {
        match self {
            Ruling::Accept => "accept",
            Ruling::Drop => "drop",
            Ruling::Reject => "reject",
            Ruling::Queue(_) => "queue",
        }
    }
}

/// What a base chain made of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Index of the base chain in the program.
    pub base: usize,
    /// Its verdict.
    pub verdict: Ruling,
    /// What decided.
    pub decider: Decider,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Ruling,
    /// Every base chain that it came through, in order.
    pub decisions: Vec<Decision>,
    /// Its mark at the end.
    pub mark: u32,
    /// The program's counters that counted it, in order.
    pub counted: Vec<u32>,
}

impl Judgement {
    /// The decision that counts: the one that ended it; else the last one by a rule; else the last policy.
    pub fn decisive(&self) -> Option<&Decision> {
        let by_rule = |decision: &&Decision| matches!(decision.decider, Decider::Rule(_));
        let last = self.decisions.last();
        match self.verdict {
            Ruling::Drop | Ruling::Reject | Ruling::Queue(_) => last,
            Ruling::Accept => self.decisions.iter().rev().find(by_rule).or(last),
        }
    }
}

/// The base chains of a program at one hook.
pub struct Judge<'a> {
    view: View<'a>,
    fields: FieldSet,
    /// In the order in which they run, with their indices.
    bases: Vec<(usize, &'a BaseChain)>,
}

impl<'a> Judge<'a> {
    /// Those of this program, which looks at `fields`.
    pub fn new(view: View<'a>, fields: FieldSet, hook: Hook) -> Self {
        let hook = hook as u8;
        let mut bases: Vec<_> = view.base_chains.iter().enumerate().collect();
        bases.retain(|(_, base)| base.hook == hook);
        // Stable: those of one priority stay in the order of definition.
        bases.sort_by_key(|(_, base)| base.priority);
        Self {
            view,
            fields,
            bases,
        }
    }

    /// Runs them on a packet.
    pub fn judge(&mut self, frame: &Frame<'_>, circumstances: &Circumstances) -> Judgement {
        let mut subject = Subject {
            frame: *frame,
            input: circumstances.input,
            output: circumstances.output,
            mark: circumstances.mark,
            counted: Vec::new(),
        };
        let mut key = Key::parse(&subject, self.fields);
        let mut judgement = Judgement {
            verdict: Ruling::Accept,
            decisions: Vec::new(),
            mark: 0,
            counted: Vec::new(),
        };
        for (index, base) in &self.bases {
            if base.families & frame.family.bits() == 0 {
                continue;
            }
            let outcome = self.view.run(base, &mut key, &mut subject);
            let verdict = Ruling::of(&outcome);
            judgement.decisions.push(Decision {
                base: *index,
                verdict,
                decider: outcome.decider,
            });
            judgement.verdict = verdict;
            if verdict != Ruling::Accept {
                break;
            }
        }
        judgement.mark = subject.mark;
        judgement.counted = subject.counted;
        judgement
    }
}

/// A packet that is judged.
struct Subject<'a> {
    frame: Frame<'a>,
    input: Option<Nic>,
    output: Option<Nic>,
    mark: u32,
    counted: Vec<u32>,
}

impl Packet for Subject<'_> {
    fn family(&self) -> Family {
        self.frame.family
    }

    fn len(&self) -> u32 {
        self.frame.len
    }

    fn head(&self) -> &[u8] {
        self.frame.packet
    }

    fn copy(&self, offset: u32, to: &mut [u8]) -> bool {
        let start = offset as usize;
        let from = self.frame.packet.get(start..start.saturating_add(to.len()));
        from.map(|from| to.copy_from_slice(from)).is_some()
    }

    fn protocol(&self) -> u16 {
        match self.frame.family {
            Family::Ip6 => 0x86dd,
            _ => 0x0800,
        }
    }

    fn pkttype(&self) -> u8 {
        self.frame.pkttype
    }

    fn iif(&self) -> u32 {
        self.input.map_or(0, |nic| nic.index)
    }

    fn oif(&self) -> u32 {
        self.output.map_or(0, |nic| nic.index)
    }

    fn iifname(&self) -> [u8; 16] {
        self.input.map_or([0; 16], |nic| nic.name)
    }

    fn oifname(&self) -> [u8; 16] {
        self.output.map_or([0; 16], |nic| nic.name)
    }

    fn mark(&self) -> u32 {
        self.mark
    }

    fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }

    fn count(&mut self, counter: u32) {
        self.counted.push(counter);
    }

    fn link(&self) -> &[u8] {
        self.frame.link
    }
}
