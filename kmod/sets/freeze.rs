// SPDX-License-Identifier: GPL-2.0
//! Changes of a set whose elements may be frozen: the part of `sets/stage` that decides what is done to the hash
//! table and what to a copy of the frozen one.
//!
//! ```text
//!             few elements                            many, or all
//! tables ───► hash table: elements, tombstones        melt: copy ◄─ hash table; then insert, remove
//!             (the frozen table stays in force)       (the copy will be in force)
//! ```
//!
//! Once there is a copy, nothing that is plain is in the hash table, and no key is in both.

use core::mem;

use ferrule_engine::{Element as Given, Op};
use ferrule_uapi::error::VerifyError;
use kernel::prelude::*;

use super::{
    element::{Life, NEVER, STATIC, VERDICT_BYTES},
    exact,
    frozen::Frozen,
    intervals::Refused,
    stage::{data_of, flags, wanted, Stage},
    SetState,
};
use crate::abstractions::{
    rculist::Entry,
    rwonce::{Shared32, Shared64},
};

/// The hash table may have this part of what the set has, before it is melted into a new frozen table.
const PART: u32 = 16;

/// Whether a frozen table could have the element.
fn is_plain(given: &Given<'_>) -> bool {
    !given.catchall && given.comment.is_empty()
}

impl Stage<'_> {
    /// The frozen table of a set as it will be.
    pub(super) fn frozen(&self, index: usize) -> Option<&Frozen> {
        let staged = self.staged.get(index).and_then(Option::as_ref);
        match staged {
            Some(staged) if staged.reshaped => staged.frozen.as_ref(),
            _ => self.tables.get(index)?.frozen.as_deref(),
        }
    }

    /// Adds elements to a set that freezes.
    pub(super) fn add_freezing(&mut self, set: &SetState, op: &Op<'_>) -> Result<(), Refused> {
        let exact = &set.content.exact;
        let plain = op.elements().filter(is_plain).count();
        let plain = u32::try_from(plain).map_err(|_| EINVAL)?;
        self.prepare(set, op.index, plain, plain)?;
        let Some(mut table) = self.take(set, op.index)? else {
            exact.reserve(op.count)?;
            let below = self.tables.get(op.index as usize);
            let below = below.and_then(|tables| tables.frozen.as_deref());
            for (number, given) in (0..).zip(op.elements()) {
                self.add_one(set, &given, (op.exclusive, number), below)?;
            }
            return Ok(());
        };
        exact.reserve(op.count.wrapping_sub(plain))?;
        for (number, given) in (0..).zip(op.elements()) {
            if is_plain(&given) {
                self.add_frozen(set, &given, (op.exclusive, number), &mut table)?;
            } else {
                self.add_one(set, &given, (op.exclusive, number), Some(&table))?;
            }
        }
        self.put(set, op.index, table)
    }

    /// Adds an element to the table that is being made.
    fn add_frozen(
        &self,
        set: &SetState,
        given: &Given<'_>,
        (exclusive, number): (bool, u32),
        table: &mut Frozen,
    ) -> Result<(), Refused> {
        let exact = &set.content.exact;
        let refuse = |error| Refused::Element(error, number);
        let mut data = [0; VERDICT_BYTES];
        let data = data_of(&set.shape, given, &mut data);
        let same = (data, given.is_static);
        if exact.entries() != 0 {
            let mut stays = Ok(());
            let there = exact.with(wanted(given), self.at, |old| {
                stays = exact.stays(old, same, exclusive);
            });
            if there == Some(true) {
                return stays.map_err(refuse);
            }
        }
        let hash = exact.hash(given.key);
        if let Some(kept) = table.find(given.key, hash) {
            return exact::stays(table, &kept, same, exclusive).map_err(refuse);
        }
        let size = set.declared.size;
        if size != 0 && exact.count() >= size {
            return Err(refuse(VerifyError::Full));
        }
        table.insert(given.key, data, hash, given.is_static)?;
        exact.set_beside(table.len());
        Ok(())
    }

    /// Removes elements of a set that freezes.
    pub(super) fn delete_freezing(&mut self, set: &SetState, op: &Op<'_>) -> Result<(), Refused> {
        let exact = &set.content.exact;
        self.prepare(set, op.index, op.count, 0)?;
        let mut table = self.take(set, op.index)?;
        let below = self.tables.get(op.index as usize);
        let below = below.and_then(|tables| tables.frozen.as_deref());
        for (number, given) in (0..).zip(op.elements()) {
            let gone = match &mut table {
                None => exact.remove(wanted(&given), below, self.at)?,
                Some(table) => {
                    let above = exact.entries() != 0;
                    let above = above && exact.remove(wanted(&given), None, self.at)?;
                    let gone = above
                        || (!given.catchall && table.remove(given.key, exact.hash(given.key)));
                    exact.set_beside(table.len());
                    gone
                }
            };
            if !gone && !op.lenient {
                return Err(Refused::Element(VerifyError::Missing, number));
            }
        }
        match table {
            Some(table) => self.put(set, op.index, table),
            None => Ok(()),
        }
    }

    /// Removes all elements of a set that freezes; if `replace`, those that came with a ruleset.
    pub(super) fn clear_freezing(&mut self, set: &SetState, index: u32, replace: bool) -> Result {
        let exact = &set.content.exact;
        if replace {
            self.melt(set, index, 0)?;
        }
        let staged = self.staged(set, index)?;
        let mut table = match staged.frozen.take() {
            Some(table) if replace => table,
            _ => Frozen::new(&set.shape, 0)?,
        };
        table.remove_static();
        if table.len() == 0 {
            table = Frozen::new(&set.shape, 0)?;
        }
        staged.reshaped = true;
        exact.set_beside(table.len());
        staged.frozen = Some(table);
        exact.clear(replace, self.at);
        Ok(())
    }

    /// Decides where a change of `count` elements is made. A table that is being made has room for `more` then.
    fn prepare(&mut self, set: &SetState, index: u32, count: u32, more: u32) -> Result {
        let exact = &set.content.exact;
        let is_being_made = self.staged(set, index)?.frozen.is_some();
        let hashed = exact.plain().saturating_add(count);
        let many = count != 0 && hashed.saturating_mul(PART) > exact.count();
        match is_being_made || many {
            true => self.melt(set, index, more),
            false => Ok(()),
        }
    }

    /// Makes a frozen table of all that could be in one, with room for `more`.
    fn melt(&mut self, set: &SetState, index: u32, more: u32) -> Result {
        let exact = &set.content.exact;
        let (at, hash) = (self.at, |key: &[u8]| exact.hash(key));
        let old = self.tables.get(index as usize);
        let old = old.and_then(|tables| tables.frozen.clone());
        let staged = self.staged(set, index)?;
        if let Some(table) = &mut staged.frozen {
            return table.reserve(more, hash);
        }
        let more = more.saturating_add(exact.plain());
        let mut table = match old {
            Some(old) => old.copy(old.len().saturating_add(more), hash)?,
            None => Frozen::new(&set.shape, more)?,
        };
        staged.reshaped = true;
        exact.melt_into(&mut table, at)?;
        exact.set_beside(table.len());
        staged.frozen = Some(table);
        Ok(())
    }

    /// The table that is being made, to be given back by [`Stage::put`].
    fn take(&mut self, set: &SetState, index: u32) -> Result<Option<Frozen>> {
        Ok(self.staged(set, index)?.frozen.take())
    }

    fn put(&mut self, set: &SetState, index: u32, table: Frozen) -> Result<(), Refused> {
        self.staged(set, index)?.frozen = Some(table);
        Ok(())
    }

    /// Lets sets that packets add to from now on have their frozen elements in the hash table.
    pub(super) fn unfreeze(&mut self) -> Result {
        let sets = self.sets.clone();
        for (index, set) in (0..).zip(&sets.sets) {
            let tables = self.tables.get(index as usize);
            if set.freezes || tables.is_none_or(|tables| tables.frozen.is_none()) {
                continue;
            }
            self.melt(set, index, 0)?;
            if let Some(table) = self.take(set, index)? {
                self.unfreeze_all(set, &table)?;
            }
        }
        Ok(())
    }

    fn unfreeze_all(&self, set: &SetState, table: &Frozen) -> Result {
        let exact = &set.content.exact;
        exact.set_beside(0);
        exact.reserve(table.len())?;
        for kept in table.iter() {
            let is_static = table.is_static(kept.place);
            let life = Life {
                born: Shared64::new(self.at.epoch),
                dies: Shared64::new(NEVER),
                flags: Shared32::new(if is_static { STATIC } else { 0 }),
                extras: None,
            };
            let hash = exact.hash(kept.key) as u32;
            let new = Entry::new(hash, life, &[kept.key, kept.data], flags())?;
            let added = exact.add(new, false, 0, None, self.at);
            added.map_err(|_| EINVAL)?;
        }
        Ok(())
    }

    /// Takes back what was done to sets of which all may have been changed, and says of the others how many
    /// elements they had.
    pub(super) fn undo_staged(&mut self) {
        let staged = mem::take(&mut self.staged);
        for (set, staged) in self.sets.sets.iter().zip(&staged) {
            let Some(staged) = staged else {
                continue;
            };
            if staged.reshaped {
                set.content.exact.undo_all(self.at);
                set.collect();
            }
            set.content.exact.set_beside(staged.beside);
        }
    }
}
