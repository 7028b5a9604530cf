// SPDX-License-Identifier: GPL-2.0
//! What named sets hold: from the bytes that the module gives, to elements of the checked ruleset.
//!
//! ```text
//! Kernel::elements ─► batch bytes ─► engine (checked) ─► decode ─► Vec<Element> ─► listing, JSON, get
//! ```

use std::collections::HashMap;

use ferrule_engine::{Batch, BatchRefusal, Element as Raw, Op, View};
use ferrule_uapi::{
    hook::Family,
    ioctl::StateValue,
    set::{BatchHeader, ElementVerdict, SetOp, SetOpKind, CARRIES_END},
};
use zerocopy::FromBytes;

use crate::rare::Rare;
use crate::ruleset::expr::Named;
use crate::ruleset::set::{Data, Element, ElementData, ElementKey, More, Part};
use crate::ruleset::statement::StateSpec;
use crate::ruleset::{Counts, Ruleset, Set, Table, Verdict};

/// Elements of named sets, by family, table and name.
pub type Contents = HashMap<(Family, Named, Named), Vec<Element>>;

/// The elements that `bytes` say `set` has, by key, the catch-all last. `view` is the program that is
/// published.
///
/// # Errors
///
/// The module gave something else than what it declares.
pub fn decode(
    table: &Table,
    set: &Set,
    bytes: &[u8],
    view: View<'_>,
) -> Result<Vec<Element>, BatchRefusal> {
    let batch = Batch::check(bytes, view, false)?;
    let mut elements = Vec::new();
    for op in batch.ops().filter(|op| op.kind == SetOpKind::Add) {
        elements.extend(op.elements().map(|raw| element(table, set, &raw)));
    }
    sort(&mut elements);
    Ok(elements)
}

/// The elements of one op of a batch.
pub fn of_op(table: &Table, set: &Set, op: &Op<'_>) -> Vec<Element> {
    op.elements().map(|raw| element(table, set, &raw)).collect()
}

/// Sorts elements as they are listed.
pub fn sort(elements: &mut [Element]) {
    elements.sort_by(|a, b| {
        let catchall = a.is_catchall().cmp(&b.is_catchall());
        catchall.then_with(|| a.key.cmp(&b.key))
    });
}

/// What a ruleset that was never loaded would hold: the changes of its sets, done to nothing.
pub fn of_changes(ruleset: &Ruleset) -> Contents {
    use crate::ruleset::set::Change;
    let mut contents = Contents::new();
    for table in ruleset.tables() {
        for set in &table.sets {
            let mut elements: Vec<Element> = Vec::new();
            for change in &set.changes {
                match change {
                    Change::Replace | Change::Clear => elements.clear(),
                    Change::Add { elements: new, .. } => {
                        let mut known: std::collections::HashSet<_> =
                            elements.iter().map(|element| element.key.clone()).collect();
                        let fresh = new.iter().filter(|new| known.insert(new.key.clone()));
                        elements.extend(fresh.cloned().collect::<Vec<_>>());
                    }
                    Change::Delete { elements: gone, .. } => {
                        elements.retain(|element| !gone.iter().any(|g| g.key == element.key));
                    }
                }
            }
            sort(&mut elements);
            contents.insert(
                (table.family, table.name.clone(), set.name.clone()),
                elements,
            );
        }
    }
    contents
}

/// One element.
fn element(table: &Table, set: &Set, raw: &Raw<'_>) -> Element {
    let key = match raw.catchall {
        true => ElementKey::new(),
        false => key(&set.key, raw),
    };
    let states = set.states.iter().enumerate();
    let states = states.map(|(index, spec)| match raw.state(index as u32) {
        Some(value) => with_value(spec, value),
        None => spec.clone(),
    });
    let timeout = raw.timeout.filter(|timeout| *timeout != 0);
    Element {
        key,
        data: data(table, set, raw),
        more: Rare::from(More {
            timeout: timeout.filter(|timeout| Some(*timeout) != set.timeout),
            expires: raw.expires.filter(|_| raw.timeout != Some(0)),
            comment: std::str::from_utf8(raw.comment)
                .ok()
                .filter(|comment| !comment.is_empty())
                .map(Into::into),
            states: states.collect(),
        }),
    }
}

/// The key, part by part.
fn key(parts: &[Part], raw: &Raw<'_>) -> ElementKey {
    let mut at = 0;
    let ranges = parts.iter().map(|part| {
        let len = part_len(part.bits);
        let range = at..at + len;
        at += len;
        let lo = raw.key.get(range.clone()).map_or(0, number);
        let hi = raw.end.get(range).map_or(lo, number);
        (lo, hi)
    });
    ranges.collect()
}

/// Bytes as a number, the most significant first.
fn number(bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// What a map has for it.
fn data(table: &Table, set: &Set, raw: &Raw<'_>) -> ElementData {
    match &set.data {
        Data::None => ElementData::None,
        Data::Value(parts) => {
            let mut joined = number(raw.data);
            let mut values: Vec<u128> = parts
                .iter()
                .rev()
                .map(|part| {
                    let value = joined & (u128::MAX >> (128 - part.bits.clamp(1, 128)));
                    joined = joined.checked_shr(part.bits).unwrap_or(0);
                    value
                })
                .collect();
            values.reverse();
            ElementData::Value(values)
        }
        Data::Verdict => ElementData::Verdict(verdict(table, raw)),
        Data::Object(_) => {
            let handle = raw.object >> 8;
            let object = table.objects.iter().find(|object| object.handle == handle);
            ElementData::Object(object.map_or_else(|| "".into(), |object| object.name.clone()))
        }
    }
}

fn verdict(table: &Table, raw: &Raw<'_>) -> Verdict {
    let (verdict, handle) = raw.verdict.unwrap_or((ElementVerdict::Continue, 0));
    let name = || {
        let chain = table.chains.iter().find(|chain| chain.handle == handle);
        chain.map_or_else(|| "".into(), |chain| chain.name.clone())
    };
    match verdict {
        ElementVerdict::Drop => Verdict::Drop,
        ElementVerdict::Accept => Verdict::Accept,
        ElementVerdict::Continue => Verdict::Continue,
        ElementVerdict::Return => Verdict::Return,
        ElementVerdict::Jump => Verdict::Jump(name()),
        ElementVerdict::Goto => Verdict::Goto(name()),
    }
}

/// The statement with its present value.
pub fn with_value(spec: &StateSpec, value: StateValue) -> StateSpec {
    match spec {
        StateSpec::Counter(_) => StateSpec::Counter(Counts {
            packets: value.a,
            bytes: value.b,
        }),
        StateSpec::Quota(quota) => {
            let mut quota = *quota;
            // What is counted beyond it is of no interest, and nft lists none of it.
            quota.used = value.a.min(quota.bytes);
            StateSpec::Quota(quota)
        }
        StateSpec::Last(_) => StateSpec::Last((value.a != 0).then_some(value.b)),
        other => other.clone(),
    }
}

/// What to call element `element` of op `op` of a batch: `element 10.0.0.1 of set ip filter blocked`.
pub fn place(ruleset: &Ruleset, batch: &[u8], op: u32, element: u32) -> Option<String> {
    let mut at = size_of::<BatchHeader>();
    for _ in 0..op {
        let (header, _) = SetOp::read_from_prefix(batch.get(at..)?).ok()?;
        let elements = (header.count as usize).checked_mul(header.stride as usize)?;
        let end = at + size_of::<SetOp>() + elements + header.strings as usize;
        at = end.next_multiple_of(8);
    }
    let (header, rest) = SetOp::read_from_prefix(batch.get(at..)?).ok()?;
    let handle = header.set >> 8;
    let mut tables = ruleset.tables().iter();
    let (table, set) = tables.find_map(|table| {
        let set = table.sets.iter().find(|set| set.handle == handle)?;
        Some((table, set))
    })?;
    let start = (element as usize).checked_mul(header.stride as usize)?;
    let record = rest.get(start..start.checked_add(header.stride as usize)?)?;
    let len: usize = set.key.iter().map(|part| part_len(part.bits)).sum();
    let mut raw = Raw::default();
    raw.key = record.get(..len)?;
    raw.end = match header.carries & CARRIES_END {
        0 => raw.key,
        _ => record.get(len..2 * len)?,
    };
    let text = crate::listing::key_to_text(&set.key, &key(&set.key, &raw));
    let family = table.family.name();
    Some(format!(
        "element {text} of set {family} {} {}",
        table.name, set.name
    ))
}

/// Bytes that a part of so many bits takes in a key.
fn part_len(bits: u32) -> usize {
    bits.div_ceil(32) as usize * 4
}
