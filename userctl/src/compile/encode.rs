// SPDX-License-Identifier: GPL-2.0
//! Sections and records to bytes, in the one layout that there is.

use std::collections::HashMap;
use std::ops::Range;

use ferrule_uapi::{
    insn::Opcode,
    limit,
    program::{
        BaseChain, Chain, Counter, Header, Rule, Section, SectionId, Text, MAGIC, SECTIONS,
        SECTION_ALIGN,
    },
    ABI_VERSION, NONE,
};
use zerocopy::{Immutable, IntoBytes};

use super::lower::{Lowered, Run};
use super::order::Ordered;
use super::{CompileError, Compiled};
use crate::listing;
use crate::ruleset::Ruleset;

/// Names, each once.
#[derive(Default)]
struct Strings {
    bytes: Vec<u8>,
    known: HashMap<String, Text>,
}

impl Strings {
    /// Where `name` is.
    fn add(&mut self, name: &str) -> Text {
        if let Some(text) = self.known.get(name) {
            return *text;
        }
        let text = Text {
            offset: self.bytes.len() as u32,
            len: name.len() as u32,
        };
        self.bytes.extend_from_slice(name.as_bytes());
        self.known.insert(name.to_owned(), text);
        text
    }
}

/// Encodes what was lowered.
pub(super) fn encode(
    ruleset: &Ruleset,
    ordered: &Ordered<'_>,
    mut lowered: Lowered,
) -> Result<Compiled, CompileError> {
    let (counters, places) = std::mem::take(&mut lowered.counters).finish();
    for insn in &mut lowered.insns {
        let counter = match Opcode::from_raw(insn.opcode) {
            Some(Opcode::Count) => &mut insn.a,
            Some(Opcode::Accept | Opcode::Drop) => &mut insn.b,
            _ => continue,
        };
        *counter = places.get(*counter as usize).copied().unwrap_or(NONE);
    }
    let (source, texts) = listing::with_places(
        ruleset,
        &listing::Options {
            handles: true,
            ..listing::Options::default()
        },
    );
    let mut strings = Strings::default();
    let chains = chains(ordered, &lowered, &mut strings);
    let base_chains = base_chains(ordered, &lowered, &places);
    let rules = rules(ordered, &lowered, &rule_texts(&texts), &mut strings);
    check_limits(&lowered, &chains, &base_chains, &rules, &counters, &source)?;
    let mut program = Writer::new(ruleset.next_handle());
    program.section(SectionId::Insns, &lowered.insns);
    program.section(SectionId::Ranges32, &lowered.ranges32);
    program.section(SectionId::WidePairs, &lowered.wide_pairs);
    program.section(SectionId::Tables, &lowered.tables);
    program.section(SectionId::Chains, &chains);
    program.section(SectionId::BaseChains, &base_chains);
    program.section(SectionId::Rules, &rules);
    program.section(SectionId::Counters, &counters);
    program.section(SectionId::Strings, &strings.bytes);
    program.section(SectionId::Source, source.as_bytes());
    for empty in &SectionId::ALL[SectionId::Exprs as usize..] {
        program.section::<u8>(*empty, &[]);
    }
    program.finish()
}

/// Chain records, in the order of the program.
fn chains(ordered: &Ordered<'_>, lowered: &Lowered, strings: &mut Strings) -> Vec<Chain> {
    let record = |(placed, run): (&super::order::Placed<'_>, &Run)| Chain {
        handle: placed.chain.handle,
        table: strings.add(&placed.table.name),
        name: strings.add(&placed.chain.name),
        first_insn: run.first,
        insn_count: run.count,
        family: placed.table.family as u8,
        ..Chain::default()
    };
    ordered
        .chains
        .iter()
        .zip(&lowered.chains)
        .map(record)
        .collect()
}

/// Base-chain records, in the order of definition.
fn base_chains(ordered: &Ordered<'_>, lowered: &Lowered, places: &[u32]) -> Vec<BaseChain> {
    let numbered = ordered.base_chains.iter().zip(&lowered.policy_counters);
    numbered
        .filter_map(|(place, counter)| {
            let placed = &ordered.chains[*place];
            let base = placed.chain.base?;
            Some(BaseChain {
                chain: *place as u32,
                priority: base.priority,
                hook: base.hook as u8,
                families: placed.table.family.bits(),
                policy: base.policy as u8,
                kind: base.kind as u8,
                counter: places.get(*counter as usize).copied().unwrap_or(NONE),
            })
        })
        .collect()
}

/// Rule records, in the order of the program.
fn rules(
    ordered: &Ordered<'_>,
    lowered: &Lowered,
    texts: &HashMap<u64, Text>,
    strings: &mut Strings,
) -> Vec<Rule> {
    let record = |(place, index, run): &(usize, usize, Run)| {
        let rule = &ordered.chains[*place].chain.rules[*index];
        Rule {
            handle: rule.handle,
            source: texts.get(&rule.handle).copied().unwrap_or_default(),
            file: strings.add(&rule.origin.file),
            line: rule.origin.line,
            chain: *place as u32,
            first_insn: run.first,
            insn_count: run.count,
        }
    };
    lowered.rules.iter().map(record).collect()
}

/// Where each rule's text is in the listing, by handle.
fn rule_texts(places: &[(u64, Range<usize>)]) -> HashMap<u64, Text> {
    let text = |range: &Range<usize>| Text {
        offset: range.start as u32,
        len: range.len() as u32,
    };
    let texts = places.iter().map(|(handle, range)| (*handle, text(range)));
    texts.collect()
}

/// Refuses what is larger than a program may be, before anything is written.
fn check_limits(
    lowered: &Lowered,
    chains: &[Chain],
    base_chains: &[BaseChain],
    rules: &[Rule],
    counters: &[Counter],
    source: &str,
) -> Result<(), CompileError> {
    let limits = [
        ("instructions", lowered.insns.len(), limit::MAX_INSNS),
        ("chains", chains.len(), limit::MAX_CHAINS),
        ("base chains", base_chains.len(), limit::MAX_BASE_CHAINS),
        ("rules", rules.len(), limit::MAX_RULES),
        ("counters", counters.len(), limit::MAX_COUNTERS),
        ("bytes of rule text", source.len(), limit::MAX_SOURCE_SIZE),
    ];
    for (what, count, limit) in limits {
        within(what, count as u64, limit)?;
    }
    Ok(())
}

/// `Ok` if there are no more than `limit`.
fn within(what: &'static str, count: u64, limit: u32) -> Result<(), CompileError> {
    let limit = u64::from(limit);
    if count > limit {
        return Err(CompileError::TooMany { what, count, limit });
    }
    Ok(())
}

/// Lays out sections one after another.
struct Writer {
    header: Header,
    bytes: Vec<u8>,
}

impl Writer {
    fn new(next_handle: u64) -> Self {
        let header = Header {
            magic: MAGIC,
            version: ABI_VERSION,
            next_handle,
            sections: [Section::default(); SECTIONS],
            ..Header::default()
        };
        Writer {
            header,
            bytes: vec![0; size_of::<Header>()],
        }
    }

    /// Appends a section.
    fn section<T: IntoBytes + Immutable>(&mut self, id: SectionId, elements: &[T]) {
        let start = self.bytes.len().next_multiple_of(SECTION_ALIGN as usize);
        self.bytes.resize(start, 0);
        let bytes = elements.as_bytes();
        self.bytes.extend_from_slice(bytes);
        self.header.sections[id as usize] = Section {
            offset: u32::try_from(start).unwrap_or(u32::MAX),
            size: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        };
    }

    /// Writes the header and moves the whole to aligned memory.
    fn finish(mut self) -> Result<Compiled, CompileError> {
        let len = self.bytes.len();
        within("bytes of program", len as u64, limit::MAX_PROGRAM_SIZE)?;
        self.header.size = len as u32;
        let mut words = vec![0_u64; len.div_ceil(size_of::<u64>())];
        let aligned = &mut words.as_mut_bytes()[..len];
        aligned.copy_from_slice(&self.bytes);
        aligned[..size_of::<Header>()].copy_from_slice(self.header.as_bytes());
        Ok(Compiled { words, len })
    }
}
