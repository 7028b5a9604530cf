// SPDX-License-Identifier: GPL-2.0
//! Sections and records to bytes, in the one layout that there is.

use std::collections::HashMap;

use ferrule_uapi::{
    expr::ExprKind,
    insn::Opcode,
    limit,
    program::{
        BaseChain, Chain, Counter, Header, Initial, Origin, Rule, Section, SectionId, Text,
        COUNTER_OBJECT, MAGIC, PROGRAM_SOURCE_LZ4, SECTIONS, SECTION_ALIGN,
    },
    set::{Set, Target},
    statement::{
        Log, Object, State, StatementKind, LOG_KERNEL, STATEMENT_BY_MAP, STATE_OBJECT,
        STATE_RULE_TEMPLATE, STATE_TEMPLATE,
    },
    ABI_VERSION, NONE,
};
use zerocopy::IntoBytes;

use super::batch::{object_identity, with_shape, Batch, Shape};
use super::counters::Counted;
use super::lower::{ElementsOf, Lowered, ObjectEntry, Run, SetEntry};
use super::order::Ordered;
use super::{CompileError, Compiled};
use crate::image::Image;
use crate::listing;
use crate::program_text;
use crate::ruleset::object::ObjectSpec;
use crate::ruleset::{statement as ruleset, Ruleset};

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

    /// Where pairs of 32-bit numbers are.
    fn numbers(&mut self, pairs: &[(u32, u32)]) -> Text {
        let text = Text {
            offset: self.bytes.len() as u32,
            len: (pairs.len() * 8) as u32,
        };
        for (first, second) in pairs {
            self.bytes.extend_from_slice(&first.to_ne_bytes());
            self.bytes.extend_from_slice(&second.to_ne_bytes());
        }
        text
    }
}

/// Where things that were numbered went.
struct Places {
    counters: Vec<u32>,
    states: Vec<u32>,
    sets: Vec<u32>,
    objects: Vec<u32>,
}

/// The place of number `number`.
fn place(places: &[u32], number: u32) -> u32 {
    places.get(number as usize).copied().unwrap_or(NONE)
}

/// Encodes what was lowered.
pub(super) fn encode(
    ruleset: &Ruleset,
    ordered: &Ordered<'_>,
    mut lowered: Lowered<'_>,
) -> Result<Compiled, CompileError> {
    let (counters, counter_places) =
        std::mem::take(&mut lowered.counters).finish(|counter| counter.record.identity);
    let initials = initials(&counters);
    let mut counters: Vec<Counter> = counters.iter().map(|counter| counter.record).collect();
    let (mut states, state_places) =
        std::mem::take(&mut lowered.states).finish(|state| state.identity);
    let (sets, set_places) = std::mem::take(&mut lowered.sets).finish(|set| set.record.identity);
    let (objects, object_places) =
        std::mem::take(&mut lowered.objects).finish(|entry| entry.object.handle);
    let places = Places {
        counters: counter_places,
        states: state_places,
        sets: set_places,
        objects: object_places,
    };
    put_places(&mut lowered, &mut counters, &mut states, &places);
    let source = listing::to_text(ruleset, &source_options());
    within(
        "bytes of rule text",
        source.len() as u64,
        limit::MAX_SOURCE_SIZE,
    )?;
    let (source, packed) = program_text::pack(source);
    let mut strings = Strings::default();
    let chains = chains(ordered, &lowered, &mut strings);
    let base_chains = base_chains(ordered, &lowered, &places.counters);
    let (rules, origins) = rules(ordered, &lowered, &mut strings);
    let (set_records, targets) = set_records(&sets, &places, &mut strings);
    let objects = object_records(&objects, &places, &mut strings);
    let logs: Vec<Log> = lowered
        .logs
        .iter()
        .map(|log| log_record(log, &mut strings))
        .collect();
    check_limits(&[
        ("instructions", lowered.insns.len(), limit::MAX_INSNS),
        ("chains", chains.len(), limit::MAX_CHAINS),
        ("base chains", base_chains.len(), limit::MAX_BASE_CHAINS),
        ("rules", rules.len(), limit::MAX_RULES),
        ("counters", counters.len(), limit::MAX_COUNTERS),
        ("sets and maps", sets.len(), limit::MAX_SETS),
        ("limits and quotas", states.len(), limit::MAX_STATES),
        (
            "expressions",
            lowered.exprs.list().len(),
            limit::MAX_RECORDS,
        ),
        ("statements", lowered.statements.len(), limit::MAX_RECORDS),
        ("objects", objects.len(), limit::MAX_RECORDS),
    ])?;
    let sections = [
        (SectionId::Insns, lowered.insns.as_bytes()),
        (SectionId::Ranges32, lowered.ranges32.as_bytes()),
        (SectionId::WidePairs, lowered.wide_pairs.as_bytes()),
        (SectionId::Tables, lowered.tables.as_bytes()),
        (SectionId::Chains, chains.as_bytes()),
        (SectionId::BaseChains, base_chains.as_bytes()),
        (SectionId::Rules, rules.as_bytes()),
        (SectionId::Counters, counters.as_bytes()),
        (SectionId::Strings, strings.bytes.as_bytes()),
        (SectionId::Source, source.as_bytes()),
        (SectionId::Exprs, lowered.exprs.list().as_bytes()),
        (SectionId::Keys, lowered.keys.list().as_bytes()),
        (SectionId::Sets, set_records.as_bytes()),
        (SectionId::Targets, targets.as_bytes()),
        (SectionId::Statements, lowered.statements.as_bytes()),
        (SectionId::States, states.as_bytes()),
        (SectionId::Objects, objects.as_bytes()),
        (SectionId::Logs, logs.as_bytes()),
        (SectionId::Classifiers, lowered.classifiers.as_bytes()),
        (SectionId::Words, lowered.words.as_bytes()),
        (SectionId::Origins, origins.as_bytes()),
        (SectionId::Initials, initials.as_bytes()),
    ];
    let flags = if packed { PROGRAM_SOURCE_LZ4 } else { 0 };
    let program = lay_out(ruleset.next_handle(), flags, &sections)?;
    let batch = batch(ordered, &sets);
    Ok(Compiled { program, batch })
}

/// How the source section is listed: so that the ruleset can be made from it again, in any time zone. Elements are
/// no part of it.
fn source_options() -> listing::Options<'static> {
    listing::Options {
        handles: true,
        terse: true,
        utc: true,
        ..listing::Options::default()
    }
}

/// Puts places where numbers were.
fn put_places(
    lowered: &mut Lowered<'_>,
    counters: &mut [Counter],
    states: &mut [State],
    places: &Places,
) {
    for insn in &mut lowered.insns {
        match Opcode::from_raw(insn.opcode) {
            Some(Opcode::Count) => insn.a = place(&places.counters, insn.a),
            Some(Opcode::Accept | Opcode::Drop | Opcode::Verdict | Opcode::Reject) => {
                insn.b = place(&places.counters, insn.b);
            }
            Some(Opcode::LookupSet | Opcode::LookupMap | Opcode::LookupVerdict) => {
                insn.a = place(&places.sets, insn.a);
            }
            _ => {}
        }
    }
    for expr in lowered.exprs.list_mut() {
        if expr.kind == ExprKind::Numgen as u8 && expr.key == 0 {
            expr.c = place(&places.states, expr.c);
        }
    }
    for statement in &mut lowered.statements {
        let by_map = statement.flags & STATEMENT_BY_MAP != 0;
        match StatementKind::from_raw(statement.kind) {
            Some(StatementKind::State) => statement.a = place(&places.states, statement.a),
            Some(StatementKind::Object) if by_map => {
                statement.a = place(&places.sets, statement.a);
            }
            Some(StatementKind::Object) => statement.a = place(&places.objects, statement.a),
            Some(StatementKind::UpdateSet) => {
                statement.a = place(&places.sets, statement.a);
                if statement.f > 0 {
                    statement.e = place(&places.states, statement.e);
                }
            }
            _ => {}
        }
    }
    for counter in counters {
        if counter.flags & COUNTER_OBJECT != 0 {
            counter.owner = place(&places.objects, counter.owner);
        }
    }
    for state in states {
        let of_set = state.flags & STATE_TEMPLATE != 0 && state.flags & STATE_RULE_TEMPLATE == 0;
        if of_set {
            state.owner = place(&places.sets, state.owner);
        } else if state.flags & STATE_OBJECT != 0 {
            state.owner = place(&places.objects, state.owner);
        }
    }
}

/// Set records, and the targets of their verdicts.
fn set_records(
    sets: &[SetEntry<'_>],
    places: &Places,
    strings: &mut Strings,
) -> (Vec<Set>, Vec<Target>) {
    let mut targets = Vec::new();
    let records = sets.iter().map(|entry| {
        let mut record = entry.record;
        record.table = strings.add(entry.table);
        record.name = strings.add(entry.name);
        if record.state_count > 0 {
            record.first_state = place(&places.states, record.first_state);
        }
        let mut own: Vec<Target> = entry
            .targets
            .iter()
            .map(|(handle, chain)| Target {
                handle: *handle,
                chain: *chain,
                reserved: 0,
            })
            .collect();
        own.sort_by_key(|target| target.handle);
        own.dedup_by_key(|target| target.handle);
        if !own.is_empty() {
            record.first_target = targets.len() as u32;
            record.target_count = own.len() as u32;
        }
        targets.extend(own);
        record
    });
    let records = records.collect();
    (records, targets)
}

/// Object records.
fn object_records(
    entries: &[ObjectEntry<'_>],
    places: &Places,
    strings: &mut Strings,
) -> Vec<Object> {
    let record = |entry: &ObjectEntry<'_>| {
        let object = entry.object;
        let mut record = Object {
            identity: super::identity(object.handle, 0),
            table: strings.add(&entry.table.name),
            name: strings.add(&object.name),
            kind: object.spec.kind() as u8,
            family: entry.table.family as u8,
            ..Object::default()
        };
        match &object.spec {
            ObjectSpec::Counter(_) => record.a = place(&places.counters, entry.state),
            ObjectSpec::Quota(_) | ObjectSpec::Limit(_) => {
                record.a = place(&places.states, entry.state);
            }
            ObjectSpec::CtHelper {
                helper,
                l4proto,
                l3proto,
            } => {
                (record.l4proto, record.l3proto) = (*l4proto, *l3proto as u8);
                record.text = strings.add(helper);
            }
            ObjectSpec::CtTimeout {
                l4proto,
                l3proto,
                policy,
            } => {
                (record.l4proto, record.l3proto) = (*l4proto, *l3proto as u8);
                record.a = policy.len() as u32;
                record.text = strings.numbers(policy);
            }
            ObjectSpec::CtExpectation {
                l4proto,
                l3proto,
                dport,
                timeout,
                size,
            } => {
                (record.l4proto, record.l3proto) = (*l4proto, *l3proto as u8);
                record.a = (*dport).into();
                record.b = u32::try_from(*timeout).unwrap_or(u32::MAX);
                record.c = (*size).into();
            }
            ObjectSpec::Secmark(context) => record.text = strings.add(context),
        }
        record
    };
    entries.iter().map(record).collect()
}

/// A log record. nft's own defaults: level warn, to the kernel's log.
fn log_record(log: &ruleset::Log, strings: &mut Strings) -> Log {
    const WARNING: u8 = 4;
    Log {
        prefix: strings.add(log.prefix.as_deref().unwrap_or_default()),
        snaplen: log.snaplen.unwrap_or_default(),
        group: log.group.map_or(LOG_KERNEL, u32::from),
        qthreshold: log.queue_threshold.unwrap_or_default(),
        level: log.level.unwrap_or(WARNING),
        flags: log.flags,
        reserved: 0,
    }
}

/// The elements that go with the program.
fn batch(ordered: &Ordered<'_>, sets: &[SetEntry<'_>]) -> Vec<u8> {
    let mut batch = Batch::default();
    for entry in sets {
        let table = ordered
            .tables
            .iter()
            .find(|table| *table.name == *entry.table && table.family as u8 == entry.record.family);
        let Some(table) = table else { continue };
        match &entry.elements {
            ElementsOf::Changes(changes) => {
                let set = table.sets.iter().find(|set| *set.name == *entry.name);
                if let Some(set) = set {
                    with_shape(table, set, |shape| batch.changes(shape, changes, true));
                }
            }
            ElementsOf::Anonymous(set) => {
                let chain = |name: &str| {
                    let found = table.chains.iter().find(|chain| *chain.name == *name);
                    found.map_or(0, |chain| chain.handle)
                };
                let object = |name: &str| object_identity(table, &set.data, name);
                let shape = Shape {
                    identity: entry.record.identity,
                    key: &set.key,
                    data: &set.data,
                    interval: set.interval,
                    states: &entry.states,
                    chain: &chain,
                    object: &object,
                };
                batch.elements(&shape, &set.elements);
            }
        }
    }
    batch.finish()
}

/// Chain records, in the order of the program.
fn chains(ordered: &Ordered<'_>, lowered: &Lowered<'_>, strings: &mut Strings) -> Vec<Chain> {
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
fn base_chains(ordered: &Ordered<'_>, lowered: &Lowered<'_>, places: &[u32]) -> Vec<BaseChain> {
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

/// Rule records, in the order of the program, and where they come from.
fn rules(
    ordered: &Ordered<'_>,
    lowered: &Lowered<'_>,
    strings: &mut Strings,
) -> (Vec<Rule>, Vec<Origin>) {
    let mut origins: Vec<Origin> = Vec::new();
    let numbered = (0_u32..).zip(&lowered.rules);
    let rules = numbered.map(|(number, (place, index, run))| {
        let rule = &ordered.chains[*place].chain.rules[*index];
        let file = strings.add(&rule.origin.file);
        if origins.last().is_none_or(|origin| origin.file != file) {
            origins.push(Origin {
                first_rule: number,
                file,
            });
        }
        Rule {
            handle: rule.handle,
            first_insn: run.first,
            line: rule.origin.line,
        }
    });
    (rules.collect(), origins)
}

/// What counters begin with, by their places.
fn initials(counters: &[Counted]) -> Vec<Initial> {
    let initial = |(counter, counted): (u32, &Counted)| {
        let counts = counted.initial?;
        Some(Initial {
            packets: counts.packets,
            bytes: counts.bytes,
            counter,
            reserved: 0,
        })
    };
    (0..).zip(counters).filter_map(initial).collect()
}

/// Refuses what is larger than a program may be, before anything is written.
fn check_limits(limits: &[(&'static str, usize, u32)]) -> Result<(), CompileError> {
    for (what, count, limit) in limits {
        within(what, *count as u64, *limit)?;
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

/// Lays out sections, which come in order, one after another.
fn lay_out(
    next_handle: u64,
    flags: u32,
    sections: &[(SectionId, &[u8])],
) -> Result<Image, CompileError> {
    let mut header = Header {
        magic: MAGIC,
        version: ABI_VERSION,
        flags,
        next_handle,
        sections: [Section::default(); SECTIONS],
        ..Header::default()
    };
    let mut end = size_of::<Header>();
    for (id, bytes) in sections {
        let start = end.next_multiple_of(SECTION_ALIGN as usize);
        end = start + bytes.len();
        header.sections[*id as usize] = Section {
            offset: u32::try_from(start).unwrap_or(u32::MAX),
            size: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        };
    }
    within("bytes of program", end as u64, limit::MAX_PROGRAM_SIZE)?;
    header.size = end as u32;
    Ok(Image::filled(end, |program| {
        program[..size_of::<Header>()].copy_from_slice(header.as_bytes());
        for (id, bytes) in sections {
            let start = header.sections[*id as usize].offset as usize;
            program[start..start + bytes.len()].copy_from_slice(bytes);
        }
    }))
}
