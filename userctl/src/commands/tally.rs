// SPDX-License-Identifier: GPL-2.0
//! A program and the values of its counters: who counted, who dropped.
//!
//! A rule that drops is counted either by a `counter` of its own that stands behind all its matches,
//! or by an implicit counter which the compiler gave it. Which one it is follows from the program: it
//! is what the `Drop` instruction (or `Reject`, or that of a verdict map) counts into, or the last `Count` before it with no match between.

use std::collections::HashMap;
use std::ops::Range;

use ferrule_engine::View;
use ferrule_uapi::hook::{Family, Verdict};
use ferrule_uapi::insn::{Insn, Opcode};
use ferrule_uapi::ioctl::CounterValue;
use ferrule_uapi::program::{Chain, COUNTER_IMPLICIT, COUNTER_OBJECT, COUNTER_POLICY};
use ferrule_uapi::NONE;
use serde::Serialize;
use userctl::interfaces::Interfaces;
use userctl::listing::{self, rule_to_text};
use userctl::ruleset::{Environment, Ruleset};

/// A counter's value and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) family: &'static str,
    pub(super) table: String,
    pub(super) chain: String,
    /// The rule; none for a policy.
    #[serde(flatten)]
    pub(super) rule: Option<RuleEntry>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RuleEntry {
    pub(super) handle: u64,
    pub(super) file: String,
    pub(super) line: u32,
    #[serde(rename = "rule")]
    pub(super) text: String,
}

impl RuleEntry {
    /// `rules.nft:3`; `-` if it is not known.
    pub(super) fn place(&self) -> String {
        match self.file.as_str() {
            "" => "-".to_owned(),
            file => format!("{file}:{}", self.line),
        }
    }
}

/// All counters of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    /// Every `counter` statement, in the order of the rules.
    pub(super) counters: Vec<Entry>,
    /// Every rule that drops, those that dropped most first.
    pub(super) rule_drops: Vec<Entry>,
    /// Every policy that drops, those that dropped most first.
    pub(super) policy_drops: Vec<Entry>,
}

impl Tally {
    /// Reads it out of a program, with the names that rules have in the ruleset it was made of.
    pub(super) fn of(view: &View<'_>, values: &[CounterValue], ruleset: &Ruleset) -> Self {
        let reader = Reader {
            view,
            values,
            texts: texts(ruleset, &Interfaces),
        };
        let mut tally = Self {
            counters: reader.counters(),
            rule_drops: reader.rule_drops(),
            policy_drops: reader.policy_drops(),
        };
        for drops in [&mut tally.rule_drops, &mut tally.policy_drops] {
            drops.sort_by_key(|entry| std::cmp::Reverse((entry.packets, entry.bytes)));
        }
        tally
    }

    /// Leaves out what has counted nothing.
    pub(super) fn without_zeros(mut self) -> Self {
        for entries in [
            &mut self.counters,
            &mut self.rule_drops,
            &mut self.policy_drops,
        ] {
            entries.retain(|entry| entry.packets != 0);
        }
        self
    }
}

struct Reader<'a> {
    view: &'a View<'a>,
    values: &'a [CounterValue],
    /// By handle.
    texts: HashMap<u64, String>,
}

impl Reader<'_> {
    fn counters(&self) -> Vec<Entry> {
        let others = COUNTER_IMPLICIT | COUNTER_POLICY | COUNTER_OBJECT;
        let explicit = |flags: u32| flags & others == 0;
        let mut found: Vec<_> = (0_u32..)
            .zip(self.view.counters())
            .filter(|(_, counter)| explicit(counter.flags))
            .map(|(index, counter)| (counter.owner, index))
            .collect();
        found.sort_unstable();
        found
            .into_iter()
            .filter_map(|(owner, index)| self.rule(owner, self.value(index)))
            .collect()
    }

    fn rule_drops(&self) -> Vec<Entry> {
        let rules = 0..self.view.rules().len() as u32;
        rules
            .filter_map(|rule| self.rule(rule, self.value(self.drop_counter(rule)?)))
            .collect()
    }

    fn policy_drops(&self) -> Vec<Entry> {
        let bases = self.view.base_chains().iter();
        bases
            .filter(|base| base.policy == Verdict::Drop as u8 && base.counter != NONE)
            .filter_map(|base| {
                let chain = self.view.chains().get(base.chain as usize)?;
                Some(self.entry(chain, self.value(base.counter), None))
            })
            .collect()
    }

    /// Index of the counter that counts what rule number `rule` drops.
    fn drop_counter(&self, rule: u32) -> Option<u32> {
        let Range { start, end } = self.view.insns_of(rule);
        let insns = self.view.insns().get(start as usize..end as usize)?;
        let opcode = |insn: &Insn| Opcode::from_raw(insn.opcode);
        let drops = [Opcode::Drop, Opcode::Reject, Opcode::Verdict];
        let drop = insns
            .iter()
            .rposition(|insn| opcode(insn).is_some_and(|opcode| drops.contains(&opcode)))?;
        let (before, rest) = insns.split_at(drop);
        if let Some(insn) = rest.first().filter(|insn| insn.b != NONE) {
            return Some(insn.b);
        }
        let last = before
            .iter()
            .rev()
            .find(|insn| opcode(insn) != Some(Opcode::SetMark))?;
        (opcode(last) == Some(Opcode::Count)).then_some(last.a)
    }

    fn value(&self, counter: u32) -> CounterValue {
        let value = self.values.get(counter as usize);
        value.copied().unwrap_or_default()
    }

    fn rule(&self, number: u32, value: CounterValue) -> Option<Entry> {
        let rule = self.view.rules().get(number as usize)?;
        let chain = self.view.chain_of(rule.first_insn)?;
        let chain = self.view.chains().get(chain)?;
        let rule = RuleEntry {
            handle: rule.handle,
            file: text(self.view.file_of(number)),
            line: rule.line,
            text: self.texts.get(&rule.handle).cloned().unwrap_or_default(),
        };
        Some(self.entry(chain, value, Some(rule)))
    }

    fn entry(&self, chain: &Chain, value: CounterValue, rule: Option<RuleEntry>) -> Entry {
        Entry {
            packets: value.packets,
            bytes: value.bytes,
            family: Family::from_raw(chain.family).map_or("?", Family::name),
            table: text(self.view.string(chain.table)),
            chain: text(self.view.string(chain.name)),
            rule,
        }
    }
}

/// Each rule as it is listed, by handle; without what its counters began with, which would be taken
/// for what they counted.
pub(super) fn texts(ruleset: &Ruleset, machine: &dyn Environment) -> HashMap<u64, String> {
    let options = listing::Options {
        stateless: true,
        environment: Some(machine),
        ..listing::Options::default()
    };
    let chains = ruleset.tables().iter().flat_map(|table| &table.chains);
    chains
        .flat_map(|chain| &chain.rules)
        .map(|rule| (rule.handle, rule_to_text(rule, &options)))
        .collect()
}

/// Bytes of a program as text.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
