// SPDX-License-Identifier: GPL-2.0
//! Sets, maps and objects: what is declared before the rules that use it.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use ferrule_uapi::{
    hook::Family,
    set::{
        Set as Record, SetKind, KEY_PARTS, SET_ANONYMOUS, SET_AUTO_MERGE, SET_CONSTANT,
        SET_DYNAMIC, SET_INTERVAL, SET_TIMEOUT,
    },
    statement::{ObjectKind, STATE_OBJECT, STATE_TEMPLATE},
};
use rustc_hash::FxHasher;

use super::super::order::{in_elements, map_targets, Ordered, Placed};
use super::super::records::part_len;
use super::super::{counters, identity, states};
use super::Lowered;
use crate::ruleset::object::{Object, ObjectSpec};
use crate::ruleset::set::{Anonymous, Change, Data, Part, Set};
use crate::ruleset::statement::StateSpec;
use crate::ruleset::{Ruleset, Table};

/// A set with what its record refers to.
#[derive(Debug)]
pub(in super::super) struct SetEntry<'a> {
    /// The record; texts, states and targets are still to be put in.
    pub(in super::super) record: Record,
    /// Name of its table.
    pub(in super::super) table: &'a str,
    /// Its name; empty if it has none.
    pub(in super::super) name: &'a str,
    /// Handles and places of the chains that its verdicts lead to.
    pub(in super::super) targets: Vec<(u64, u32)>,
    /// What happens to its elements.
    pub(in super::super) elements: ElementsOf<'a>,
    /// What each element has.
    pub(in super::super) states: Vec<StateSpec>,
}

/// What happens to the elements of a set with the program.
#[derive(Clone, Debug)]
pub(in super::super) enum ElementsOf<'a> {
    /// Changes to a named set.
    Changes(&'a [Change]),
    /// The elements of an anonymous one.
    Anonymous(Cow<'a, Anonymous>),
}

/// An object with what its record refers to.
#[derive(Debug)]
pub(in super::super) struct ObjectEntry<'a> {
    /// The object.
    pub(in super::super) object: &'a Object,
    /// Its table.
    pub(in super::super) table: &'a Table,
    /// Number of its counter or state.
    pub(in super::super) state: u32,
}

/// Type, in what decides whether two sets are the same.
struct Shape<'a> {
    key: &'a [Part],
    data: &'a Data,
    interval: bool,
}

impl<'a> Lowered<'a> {
    /// Numbers all named sets and objects.
    pub(super) fn declare(&mut self, ruleset: &'a Ruleset, ordered: &Ordered<'a>) {
        for table in ruleset.tables() {
            for object in &table.objects {
                self.object(ruleset, table, object);
            }
            for set in &table.sets {
                self.named_set(table, set, ordered);
            }
        }
    }

    /// Declares an object, and the counter or state that it is.
    fn object(&mut self, ruleset: &Ruleset, table: &'a Table, object: &'a Object) {
        let number = self.objects.len();
        let fresh = !ruleset.is_loaded(object.handle);
        let state = match &object.spec {
            ObjectSpec::Counter(counts) => {
                let initial = (fresh && counts.packets | counts.bytes != 0).then_some(*counts);
                let counter = counters::object(number, object.handle, initial);
                self.counters.push(counter)
            }
            ObjectSpec::Quota(quota) => {
                self.object_state(StateSpec::Quota(*quota), object, number, fresh)
            }
            ObjectSpec::Limit(limit) => {
                self.object_state(StateSpec::Limit(*limit), object, number, fresh)
            }
            _ => 0,
        };
        self.objects.push(ObjectEntry {
            object,
            table,
            state,
        });
        let key = (table.handle, object.spec.kind(), &*object.name);
        self.object_names.insert(key, number);
    }

    fn object_state(&mut self, spec: StateSpec, object: &Object, number: u32, fresh: bool) -> u32 {
        let identity = identity(object.handle, 0);
        let record = states::record(&spec, identity, number, STATE_OBJECT, fresh);
        self.states.push(record)
    }

    /// Declares a named set or map.
    fn named_set(&mut self, table: &'a Table, set: &'a Set, ordered: &Ordered<'a>) {
        let number = self.sets.len();
        let shape = Shape {
            key: &set.key,
            data: &set.data,
            interval: set.interval,
        };
        let flags = flag(SET_CONSTANT, set.constant)
            | flag(SET_INTERVAL, set.interval)
            | flag(SET_TIMEOUT, set.has_timeout || set.timeout.is_some())
            | flag(SET_DYNAMIC, set.dynamic)
            | flag(SET_AUTO_MERGE, set.auto_merge);
        let mut record = record(identity(set.handle, 0), table.family, flags, &shape);
        record.size = set.size.unwrap_or_default();
        record.timeout = set.timeout.unwrap_or_default();
        record.gc_interval = set.gc_interval.unwrap_or_default();
        self.templates(&mut record, &set.states, set.handle, number);
        let mut names = Vec::new();
        map_targets(set, &mut |name| names.push(name));
        let placed = ordered.chains.iter().enumerate();
        let targets = placed
            .filter(|(_, placed)| std::ptr::eq(placed.table, table))
            .filter(|(_, placed)| names.contains(&&*placed.chain.name))
            .map(|(place, placed)| (placed.chain.handle, place as u32));
        self.sets.push(SetEntry {
            record,
            table: &table.name,
            name: &set.name,
            targets: targets.collect(),
            elements: ElementsOf::Changes(&set.changes),
            states: set.states.clone(),
        });
        self.set_names.insert((table.handle, &set.name), number);
    }

    /// Declares the `n`th anonymous set of a rule.
    pub(super) fn anonymous_set(
        &mut self,
        set: Cow<'a, Anonymous>,
        identity: u64,
        placed: &Placed<'a>,
    ) -> u32 {
        let number = self.sets.len();
        let shape = Shape {
            key: &set.key,
            data: &set.data,
            interval: set.interval,
        };
        let flags = SET_ANONYMOUS | SET_CONSTANT | flag(SET_INTERVAL, set.interval);
        let mut record = record(identity, placed.table.family, flags, &shape);
        let mut with_states = set.elements.iter().filter(|e| !e.more.states.is_empty());
        let states = with_states
            .next()
            .map_or_else(Vec::new, |element| element.more.states.clone());
        self.templates(&mut record, &states, identity >> 8, number);
        let mut targets = Vec::new();
        in_elements(&set.elements, &mut |name| {
            if let Some(place) = placed.targets.get(name) {
                targets.push((name, *place as u32));
            }
        });
        let handles = placed.table.chains.iter();
        let handles = handles.filter_map(|chain| {
            let target = targets.iter().find(|(name, _)| **name == *chain.name)?;
            Some((chain.handle, target.1))
        });
        self.sets.push(SetEntry {
            record,
            table: &placed.table.name,
            name: "",
            targets: handles.collect(),
            elements: ElementsOf::Anonymous(set),
            states,
        })
    }

    /// Declares what each element of set number `number` has.
    fn templates(&mut self, record: &mut Record, specs: &[StateSpec], handle: u64, number: u32) {
        let first = self.states.len();
        for spec in specs {
            let identity = self.next_state(handle);
            let state = states::record(spec, identity, number, STATE_TEMPLATE, false);
            self.states.push(state);
        }
        record.first_state = if specs.is_empty() { 0 } else { first };
        record.state_count = specs.len() as u32;
    }
}

/// `bit`, if `set`.
fn flag(bit: u32, set: bool) -> u32 {
    if set {
        bit
    } else {
        0
    }
}

/// The record of a set, as far as its shape says it.
fn record(identity: u64, family: Family, flags: u32, shape: &Shape<'_>) -> Record {
    let mut part_lens = [0; KEY_PARTS];
    for (slot, part) in part_lens.iter_mut().zip(shape.key) {
        *slot = part_len(part.bits);
    }
    let (kind, data_len, object) = match shape.data {
        Data::None => (SetKind::Set, 0, 0),
        Data::Value(parts) => {
            let bits: u32 = parts.iter().map(|part| part.bits).sum();
            (SetKind::Map, if bits <= 32 { 4 } else { 16 }, 0)
        }
        Data::Verdict => (SetKind::Verdict, 0, 0),
        Data::Object(kind) => (SetKind::Object, 0, *kind as u8),
    };
    Record {
        identity,
        flags,
        family: family as u8,
        kind: kind as u8,
        key_len: part_lens.iter().sum(),
        parts: shape.key.len() as u8,
        part_lens,
        data_len,
        object,
        shape: hash(shape),
        ..Record::default()
    }
}

/// A number that differs for sets of different types.
fn hash(shape: &Shape<'_>) -> u64 {
    let mut hasher = FxHasher::default();
    let parts = |parts: &[Part], hasher: &mut FxHasher| {
        for part in parts {
            part.datatype.describe().hash(hasher);
            part.bits.hash(hasher);
        }
    };
    parts(shape.key, &mut hasher);
    match shape.data {
        Data::None => 0_u8.hash(&mut hasher),
        Data::Value(data) => parts(data, &mut hasher),
        Data::Verdict => 1_u8.hash(&mut hasher),
        Data::Object(kind) => (2_u8, *kind as u8).hash(&mut hasher),
    }
    shape.interval.hash(&mut hasher);
    hasher.finish()
}

impl<'a> Lowered<'a> {
    /// Number of a named set. Checked: there is one.
    pub(super) fn named(&self, table: &Table, name: &str) -> u32 {
        let found = self.set_names.get(&(table.handle, name));
        found.copied().unwrap_or_default()
    }

    /// Number of an object, and of its counter or state. Checked: there is one.
    pub(super) fn object_number(&self, table: &Table, kind: ObjectKind, name: &str) -> (u32, u32) {
        let number = self.object_names.get(&(table.handle, kind, name));
        let number = number.copied().unwrap_or_default();
        (
            number,
            self.objects.get(number).map_or(0, |entry| entry.state),
        )
    }

    /// The identity of the next state of whatever has this handle.
    pub(super) fn next_state(&mut self, handle: u64) -> u64 {
        let count = self.states_of.entry(handle).or_default();
        *count += 1;
        identity(handle, *count)
    }
}
