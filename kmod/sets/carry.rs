// SPDX-License-Identifier: GPL-2.0
//! From one program's sets to the next one's.
//!
//! A set that the new program declares as the old one did keeps its elements, with their states and
//! timeouts: one with a name under family, table and name, an anonymous one under its identity, if elements have
//! states (else there is nothing to keep: they come with every ruleset). Size,
//! timeout and the interval of collection may differ; what elements look like may not.

use ferrule_engine::View;
use ferrule_uapi::{
    set::{Set, SET_ANONYMOUS, SET_DYNAMIC, SET_INTERVAL, SET_TIMEOUT},
    statement::StatementKind,
};
use kernel::{prelude::*, sync::Arc};

use super::{
    element::Shape, exact::Exact, sort::sort, Brought, Content, Name, SetState, Sets, Snapshot,
    Tables,
};
use crate::{abstractions::workqueue::Timer, states::Templates};

/// Elements that a dynamic set has room for at first, if it says no size.
const EXPECTED: u32 = 1 << 16;

/// For what grows with the program.
fn flags() -> kernel::alloc::Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

impl Sets {
    /// None.
    pub(crate) const fn empty() -> Self {
        Sets {
            sets: KVVec::new(),
            names: KVVec::new(),
            templates: KVVec::new(),
        }
    }

    /// The sets of a new program, which go on where those of the old one are.
    pub(crate) fn carry(view: &View<'_>, old: &Sets) -> Result<Self> {
        let mut sets = KVVec::with_capacity(view.sets().len(), flags())?;
        let mut names = KVVec::with_capacity(view.sets().len(), flags())?;
        let updated = updated(view)?;
        for (index, declared) in (0..).zip(view.sets()) {
            let is_updated = updated.binary_search(&index).is_ok();
            let set = SetState::new(view, declared, old, is_updated)?;
            if !set.name.anonymous {
                names.push((set.name.hash(), index), flags())?;
            }
            sets.push(set, flags())?;
        }
        sort(&mut names, |a: &(u64, u32), b| a.cmp(b));
        let templates = templates(view)?;
        Ok(Sets {
            sets,
            names,
            templates,
        })
    }

    /// The tables that this program's sets begin with, of what `snapshot` has for `old`.
    pub(crate) fn tables(&self, old: &Sets, snapshot: &Snapshot) -> Result<Tables> {
        let mut tables = KVVec::with_capacity(self.sets.len(), flags())?;
        for set in &self.sets {
            let before = old.position(&set.name);
            let before = before.filter(|at| old.sets.get(*at).is_some_and(|old| old.shares(set)));
            let table = before.and_then(|at| snapshot.tables.get(at));
            tables.push(table.cloned().unwrap_or_default(), flags())?;
        }
        Ok(tables)
    }

    /// The index of the set that is called this.
    fn position(&self, name: &Name) -> Option<usize> {
        if name.anonymous {
            let identity = name.identity;
            let at = self
                .sets
                .binary_search_by_key(&identity, |set| set.name.identity);
            return at.ok();
        }
        let hash = name.hash();
        let from = self.names.partition_point(|(other, _)| *other < hash);
        let near = self.names.get(from..)?.iter();
        let mut near = near.take_while(|(other, _)| *other == hash);
        let found = near.find(|(_, at)| {
            let set = self.sets.get(*at as usize);
            set.is_some_and(|set| set.name.is(name))
        });
        found.map(|(_, at)| *at as usize)
    }
}

/// The sets that rules add to, or remove from, ascending.
fn updated(view: &View<'_>) -> Result<KVVec<u32>> {
    let mut updated = KVVec::new();
    for statement in view.statements() {
        if statement.kind == StatementKind::UpdateSet as u8 {
            updated.push(statement.a, flags())?;
        }
    }
    sort(&mut updated, u32::cmp);
    Ok(updated)
}

/// The templates that rules bring along, by place.
fn templates(view: &View<'_>) -> Result<Brought> {
    let mut templates = KVVec::new();
    for statement in view.statements() {
        let place = (statement.e, statement.f);
        if statement.kind == StatementKind::UpdateSet as u8 && place.1 != 0 {
            let new = Templates::new(view.states(), place.0, place.1)?;
            templates.push((place, new), flags())?;
        }
    }
    sort(&mut templates, |(a, _): &((u32, u32), _), (b, _)| a.cmp(b));
    Ok(templates)
}

impl SetState {
    /// A set of the new program, whose rules add to it if it `is_updated`.
    fn new(view: &View<'_>, declared: &Set, old: &Sets, is_updated: bool) -> Result<Self> {
        let name = Name {
            anonymous: declared.flags & SET_ANONYMOUS != 0,
            identity: declared.identity,
            family: declared.family,
            table: bytes(view.string(declared.table))?,
            name: bytes(view.string(declared.name))?,
        };
        let shape = Shape::new(declared)?;
        let first = declared.first_state as usize;
        let states = view.states().get(first..).unwrap_or_default();
        let states = states
            .get(..declared.state_count as usize)
            .unwrap_or_default();
        let before = old.position(&name).and_then(|at| old.sets.get(at));
        let keeps = !name.anonymous || declared.state_count != 0;
        let before = before.filter(|old| {
            keeps && is_alike(&old.declared, declared) && old.content.templates.same(states)
        });
        let content = match before {
            Some(old) => old.content.clone(),
            None => Content::new(view, declared, shape)?,
        };
        let moves = SET_INTERVAL | SET_TIMEOUT | SET_DYNAMIC;
        let plain = declared.flags & moves == 0 && declared.state_count == 0 && !is_updated;
        Ok(SetState {
            declared: *declared,
            name,
            shape,
            plain,
            // Packets of the program before go on until the new one is published.
            freezes: plain && before.is_none_or(|old| old.plain),
            content,
        })
    }

    /// Whether this has the elements of `other`.
    fn shares(&self, other: &SetState) -> bool {
        Arc::ptr_eq(&self.content, &other.content)
    }
}

impl Name {
    /// Whether both are called the same.
    fn is(&self, other: &Name) -> bool {
        !self.anonymous
            && self.family == other.family
            && *self.table == *other.table
            && *self.name == *other.name
    }

    /// FNV-1a of family, table and name.
    fn hash(&self) -> u64 {
        let pieces = [&[self.family, 0][..], &self.table, &[0], &self.name];
        let bytes = pieces.iter().flat_map(|piece| piece.iter());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// Whether elements of one set may be elements of the other.
fn is_alike(a: &Set, b: &Set) -> bool {
    let look = |set: &Set| {
        (
            set.shape,
            set.kind,
            set.key_len,
            set.parts,
            set.part_lens,
            set.data_len,
            set.object,
            set.flags,
        )
    };
    look(a) == look(b)
}

impl Content {
    /// That of a new set.
    fn new(view: &View<'_>, declared: &Set, shape: Shape) -> Result<Arc<Self>> {
        let expected = match declared.size {
            _ if declared.flags & SET_DYNAMIC == 0 => 0,
            0 => EXPECTED,
            size => size,
        };
        let timed = declared.flags & SET_TIMEOUT != 0;
        let exact = Exact::new(shape, timed, expected)?;
        let timer = KBox::pin_init(Timer::new(exact.clone()), GFP_KERNEL_ACCOUNT)?;
        let templates = Templates::new(view.states(), declared.first_state, declared.state_count)?;
        Ok(Arc::new(
            Content {
                timer,
                exact,
                templates,
            },
            GFP_KERNEL_ACCOUNT,
        )?)
    }
}

/// A copy.
fn bytes(from: &[u8]) -> Result<KVec<u8>> {
    let mut to = KVec::new();
    to.extend_from_slice(from, flags())?;
    Ok(to)
}
