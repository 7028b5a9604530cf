// SPDX-License-Identifier: GPL-2.0
//! From a refused element of a program to the rule that it was made of.
//!
//! The program is one of our compiler's that some verifier refused, so there is no [`View`] of it:
//! its sections are found by the header alone, and whatever does not fit is left unsaid.
//!
//! [`View`]: ferrule_engine::View

use ferrule_uapi::program::{
    BaseChain, Chain, Counter, Header, Origin, Rule, SectionId, Text, COUNTER_POLICY,
    PROGRAM_SOURCE_LZ4,
};
use userctl::program_text;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// What was refused and why, and the rule on a line of its own.
pub(super) fn message(who: &str, reason: &str, rule: Option<String>) -> String {
    match rule {
        Some(rule) => format!("{rule}\n  {who} this: {reason}"),
        None => format!("{who} the program: {reason}"),
    }
}

/// The rule, or at least the chain, that an element belongs to: `rules.nft:3: tcp dport 22 drop`.
pub(super) fn describe(program: &[u8], section: Option<SectionId>, index: u32) -> Option<String> {
    let records = Records(program);
    match section? {
        SectionId::Insns => {
            let rules: &[Rule] = records.section(SectionId::Rules)?;
            let chain = records.chain_at(index)?;
            // What is before the chain's first rule, or its end, is of no rule.
            let after = rules.partition_point(|rule| rule.first_insn <= index);
            let first = after.checked_sub(1).and_then(|at| rules.get(at));
            let own = first.is_some_and(|rule| rule.first_insn >= chain.first_insn);
            let end = chain.first_insn.saturating_add(chain.insn_count);
            match after.checked_sub(1).filter(|_| own && index + 1 < end) {
                Some(rule) => records.rule(rule as u32),
                None => records.chain(chain),
            }
        }
        SectionId::Rules => records.rule(index),
        SectionId::Chains => records.chain(records.element(SectionId::Chains, index)?),
        SectionId::BaseChains => records.base_chain(index),
        SectionId::Counters => {
            let counter: &Counter = records.element(SectionId::Counters, index)?;
            if counter.flags & COUNTER_POLICY != 0 {
                records.base_chain(counter.owner)
            } else {
                records.rule(counter.owner)
            }
        }
        _ => None,
    }
}

/// The bytes of a program, by section.
struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    fn section<T>(&self, id: SectionId) -> Option<&'a [T]>
    where
        T: FromBytes + Immutable + KnownLayout,
    {
        let (header, _) = Header::read_from_prefix(self.0).ok()?;
        let section = header.sections.get(id as usize)?;
        let start = section.offset as usize;
        let bytes = self
            .0
            .get(start..start.checked_add(section.size as usize)?)?;
        <[T]>::ref_from_bytes(bytes).ok()
    }

    fn element<T>(&self, id: SectionId, index: u32) -> Option<&'a T>
    where
        T: FromBytes + Immutable + KnownLayout,
    {
        self.section(id)?.get(index as usize)
    }

    fn text(&self, id: SectionId, text: Text) -> Option<String> {
        let bytes: &[u8] = self.section(id)?;
        let start = text.offset as usize;
        let bytes = bytes.get(start..start.checked_add(text.len as usize)?)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    fn rule(&self, number: u32) -> Option<String> {
        let rule: &Rule = self.element(SectionId::Rules, number)?;
        let (header, _) = Header::read_from_prefix(self.0).ok()?;
        let packed = header.flags & PROGRAM_SOURCE_LZ4 != 0;
        let source = program_text::unpack(self.section(SectionId::Source)?, packed).ok()?;
        let text = *program_text::by_handle(&source).get(&rule.handle)?;
        let origins: &[Origin] = self.section(SectionId::Origins)?;
        let after = origins.partition_point(|origin| origin.first_rule <= number);
        let file = origins.get(after.checked_sub(1)?)?.file;
        let file = self.text(SectionId::Strings, file)?;
        Some(match file.as_str() {
            "" => format!("rule with handle {}: {text}", rule.handle),
            file => format!("{file}:{}: {text}", rule.line),
        })
    }

    fn chain(&self, chain: &Chain) -> Option<String> {
        let table = self.text(SectionId::Strings, chain.table)?;
        let name = self.text(SectionId::Strings, chain.name)?;
        let family = ferrule_uapi::hook::Family::from_raw(chain.family)?.name();
        Some(format!("chain {family} {table} {name}"))
    }

    fn base_chain(&self, index: u32) -> Option<String> {
        let base: &BaseChain = self.element(SectionId::BaseChains, index)?;
        self.chain(self.element(SectionId::Chains, base.chain)?)
    }

    /// The chain that an instruction is in.
    fn chain_at(&self, index: u32) -> Option<&'a Chain> {
        let chains: &[Chain] = self.section(SectionId::Chains)?;
        let after = chains.partition_point(|chain| chain.first_insn <= index);
        chains.get(after.checked_sub(1)?)
    }
}
