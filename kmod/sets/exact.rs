// SPDX-License-Identifier: GPL-2.0
//! Elements that are single keys: a hash table, changed by requests and by packets.
//!
//! Of a set that has a frozen table (`frozen`) it has what differs from that: elements that came since, and
//! *tombstones*, which are elements like any other but for what they say: the key below them is gone. There
//! is at most one entry for a key at a time, and where there is one the table below does not matter.
//!
//! Requests change it in two steps (`sets/stage`): what they add and remove is written down with the epoch
//! to come, and is there, or gone, once that epoch is published. Should something be refused meanwhile,
//! [`Exact::undo`] takes it back. Packets add and remove at once, under the same lock.
//!
//! Nothing is unlinked by either. What is dead or over its time is *waste*: it matches nothing, and a
//! worker collects it ([`Work`]), after a grace period so that packets of an older epoch find what they
//! are to find.

mod packets;
mod waste;

use ferrule_uapi::error::VerifyError;
use kernel::{prelude::*, sync::Arc};

use super::{
    element::{Element, ElementRef, Life, Shape, CATCHALL, NEVER, REPLACED, STATIC, TOMBSTONE},
    frozen::{Frozen, Kept},
    hash::Hasher,
};
use crate::abstractions::{
    bottom_half::BottomHalvesOff,
    rculist::{Entry, Locked, Table, Walk},
    rcupdate::ReadSide,
    rwonce::{Shared32, Shared64},
};

/// How long waste may lie, in milliseconds, where no set says otherwise.
const COLLECT_AFTER: u32 = 1000;

pub(super) use packets::Entrant;

/// The single keys of a set.
#[pin_data]
pub(crate) struct Exact {
    #[pin]
    table: Table<Life>,
    shape: Shape,
    hasher: Hasher,
    collect_after: Shared32,
    /// Whether elements have timeouts.
    pub(super) timed: bool,
    /// How many are there, tombstones included, as the change sees it that is being made. Under the lock.
    count: Shared32,
    /// How many of these a frozen table could have, tombstones included. Under the lock.
    plain: Shared32,
    /// How many elements more the set has than are here; it may be less than none. Requests alone change it.
    beside: Shared32,
    /// How many entries with a single key are linked, dead or alive. Under the lock.
    linked: Shared32,
    /// Whether there is, or was, a catch-all element.
    catchall: Shared32,
    /// Epoch of the last change that has been published.
    published: Shared64,
    /// Whether there may be waste.
    waste: Shared32,
}

/// What a request wants of a key.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The key; zero for the catch-all element.
    pub(crate) key: &'a [u8],
    /// Whether it is the catch-all element.
    pub(crate) catchall: bool,
}

/// The moment in which a change is made.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// The epoch to come.
    pub(crate) epoch: u64,
    /// The clock, in milliseconds.
    pub(crate) now: u64,
}

impl Exact {
    /// No elements. `expected` says for how many there is room at first.
    pub(super) fn new(shape: Shape, timed: bool, expected: u32) -> Result<Arc<Self>> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let bits = u32::BITS
            .wrapping_sub(expected.leading_zeros())
            .clamp(4, 12);
        let table = Table::new(bits, flags)?;
        let exact = pin_init!(Exact {
            table <- table,
            shape,
            hasher: Hasher::new(),
            collect_after: Shared32::new(COLLECT_AFTER),
            timed,
            count: Shared32::new(0),
            plain: Shared32::new(0),
            beside: Shared32::new(0),
            linked: Shared32::new(0),
            catchall: Shared32::new(0),
            published: Shared64::new(0),
            waste: Shared32::new(0),
        });
        Arc::pin_init(exact, flags)
    }

    /// Sets how long waste may lie, in milliseconds, and returns it; 0: as seems fit.
    pub(super) fn adjust(&self, collect_after: u64) -> u32 {
        let collect_after = match u32::try_from(collect_after) {
            Ok(0) => COLLECT_AFTER,
            Ok(milliseconds) => milliseconds,
            Err(_) => u32::MAX,
        };
        self.collect_after.set(collect_after);
        collect_after
    }

    /// Whether there is any single key, dead or alive.
    #[inline]
    pub(super) fn is_used(&self) -> bool {
        self.linked.get() != 0
    }

    /// How many elements the set has, with those of the change that is being made.
    pub(crate) fn count(&self) -> u32 {
        self.count.get().wrapping_add(self.beside.get())
    }

    /// How many entries there are, tombstones included.
    pub(super) fn entries(&self) -> u32 {
        self.count.get()
    }

    /// How many entries a frozen table could take over.
    pub(super) fn plain(&self) -> u32 {
        self.plain.get()
    }

    /// How many elements more the set has than are here.
    pub(super) fn beside(&self) -> u32 {
        self.beside.get()
    }

    /// Says how many these are.
    pub(super) fn set_beside(&self, beside: u32) {
        self.beside.set(beside);
    }

    /// What `key` is hashed to.
    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// An element counts from now on, or (-1) no longer. Under the lock.
    fn tally(&self, element: &Element, one: i32) {
        self.count.set(self.count.get().wrapping_add_signed(one));
        if element.is_plain() || element.is(TOMBSTONE) {
            self.plain.set(self.plain.get().wrapping_add_signed(one));
        }
    }

    /// Whether `element` is what `wanted` says, dead or alive.
    fn is(&self, element: &Element, wanted: Wanted<'_>) -> bool {
        self.shape.key_of(element) == wanted.key && element.is(CATCHALL) == wanted.catchall
    }

    /// The entry with this key that a packet of `epoch` sees: an element, or a tombstone.
    #[inline]
    pub(crate) fn find<'a>(
        &'a self,
        rcu: &'a ReadSide<'_>,
        (key, hash): (&[u8], u64),
        epoch: u64,
        now: u64,
    ) -> Option<&'a Element> {
        let wanted = Wanted {
            key,
            catchall: false,
        };
        self.look_up(rcu, wanted, hash as u32, epoch, now)
    }

    /// The catch-all element that a packet of `epoch` sees.
    #[inline]
    pub(crate) fn find_catchall<'a>(
        &'a self,
        rcu: &'a ReadSide<'_>,
        epoch: u64,
        now: u64,
    ) -> Option<&'a Element> {
        if self.catchall.get() == 0 {
            return None;
        }
        let zero = [0; ferrule_uapi::set::KEY_BYTES];
        let key = zero.get(..self.shape.key)?;
        let wanted = Wanted {
            key,
            catchall: true,
        };
        self.look_up(rcu, wanted, self.hash(key) as u32, epoch, now)
    }

    #[inline]
    fn look_up<'a>(
        &'a self,
        rcu: &'a ReadSide<'_>,
        wanted: Wanted<'_>,
        hash: u32,
        epoch: u64,
        now: u64,
    ) -> Option<&'a Element> {
        let is = |element: &Element| {
            element.lives(epoch)
                && self.is(element, wanted)
                && !(self.timed && element.is_over(now))
        };
        self.table.find(rcu, hash, is)
    }

    // --- requests -----------------------------------------------------------------------------

    /// Adds `new`, from the epoch to come on, if there are less than `size`. One that is there already
    /// stays, if it has the same data; `below` is where it may be, if not here.
    pub(super) fn add(
        &self,
        new: ElementRef,
        exclusive: bool,
        size: u32,
        below: Option<&Frozen>,
        at: Moment,
    ) -> Result<(), VerifyError> {
        let here = BottomHalvesOff::new();
        let locked = self.table.lock(&here);
        let wanted = Wanted {
            key: self.shape.key_of(&new),
            catchall: new.is(CATCHALL),
        };
        let old = self.present(&locked, new.hash(), wanted, at);
        let tombstone = old.filter(|old| old.is(TOMBSTONE));
        let given = (self.shape.data(&new), new.is(STATIC));
        if let (Some(old), None) = (old, tombstone) {
            return self.stays(old, given, exclusive);
        }
        let below = below.filter(|_| tombstone.is_none());
        if let Some((table, kept)) = self.below(below, wanted) {
            return stays(table, &kept, given, exclusive);
        }
        self.ensure_room(size)?;
        if let Some(tombstone) = tombstone {
            self.condemn(tombstone, at);
            self.beside.set(self.beside.get().wrapping_add(1));
        }
        let replaced = locked.find(new.hash(), |old| {
            let same =
                self.shape.data(old) == self.shape.data(&new) && old.comment() == new.comment();
            let gone = old.is(REPLACED) && old.value().dies.get() == at.epoch;
            gone && same && self.is(old, wanted)
        });
        match replaced {
            Some(old) => {
                old.mark(REPLACED, false);
                old.value().dies.set(NEVER);
                self.tally(old, 1);
            }
            None => {
                self.tally(&new, 1);
                self.insert(&locked, new);
            }
        }
        Ok(())
    }

    /// One that is here already stays, if the same is `given`: data, and whether they came with a ruleset.
    /// Under the lock.
    pub(super) fn stays(
        &self,
        old: &Element,
        (data, is_static): (&[u8], bool),
        exclusive: bool,
    ) -> Result<(), VerifyError> {
        if exclusive || self.shape.data(old) != data {
            return Err(VerifyError::Exists);
        }
        if is_static {
            old.mark(STATIC, true);
        }
        Ok(())
    }

    /// What the table below has for `wanted`.
    fn below<'a>(
        &self,
        below: Option<&'a Frozen>,
        wanted: Wanted<'_>,
    ) -> Option<(&'a Frozen, Kept<'a>)> {
        let below = below.filter(|_| !wanted.catchall)?;
        Some((below, below.find(wanted.key, self.hash(wanted.key))?))
    }

    /// Links `new`.
    fn insert(&self, locked: &Locked<'_, Life>, new: ElementRef) {
        if new.is(CATCHALL) {
            self.catchall.set(1);
        } else {
            self.linked.set(self.linked.get().wrapping_add(1));
        }
        locked.insert(new);
    }

    /// Refuses one more than `size`; 0: any number.
    fn ensure_room(&self, size: u32) -> Result<(), VerifyError> {
        match size != 0 && self.count() >= size {
            true => Err(VerifyError::Full),
            false => Ok(()),
        }
    }

    /// The element that will be there in the epoch to come. One whose time is over is buried.
    fn present<'a>(
        &self,
        locked: &'a Locked<'_, Life>,
        hash: u32,
        wanted: Wanted<'_>,
        at: Moment,
    ) -> Option<&'a Element> {
        locked.find(hash, |element| {
            if !element.lives(at.epoch) || !self.is(element, wanted) {
                return false;
            }
            let over = element.is_over(at.now);
            if over {
                self.bury(element);
            }
            !over
        })
    }

    /// Takes an element that is there away, at once.
    fn bury(&self, element: &Element) {
        if element.value().dies.get() == NEVER {
            self.tally(element, -1);
        }
        element.value().dies.set(0);
        self.waste.set(1);
    }

    /// Takes an element that is there away in the epoch to come.
    fn condemn(&self, element: &Element, at: Moment) {
        self.tally(element, -1);
        element.value().dies.set(at.epoch);
        self.waste.set(1);
    }

    /// Removes an element from the epoch to come on; `false` if there is none. One that is `below` gets a
    /// tombstone.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: there is none for the tombstone.
    pub(super) fn remove(
        &self,
        wanted: Wanted<'_>,
        below: Option<&Frozen>,
        at: Moment,
    ) -> Result<bool> {
        let hash = self.hash(wanted.key) as u32;
        let tombstone = self
            .below(below, wanted)
            .map(|_| tombstone(wanted, hash, at));
        let tombstone = tombstone.transpose()?;
        let here = BottomHalvesOff::new();
        let locked = self.table.lock(&here);
        let found = self.present(&locked, hash, wanted, at);
        let beside = self.beside.get();
        match (found, tombstone) {
            (Some(found), _) if found.is(TOMBSTONE) => return Ok(false),
            (None, None) => return Ok(false),
            (Some(found), None) => self.condemn(found, at),
            (Some(found), Some(tombstone)) => {
                self.condemn(found, at);
                self.beside.set(beside.wrapping_sub(1));
                self.tally(&tombstone, 1);
                self.insert(&locked, tombstone);
            }
            (None, Some(tombstone)) => {
                self.beside.set(beside.wrapping_sub(2));
                self.tally(&tombstone, 1);
                self.insert(&locked, tombstone);
            }
        }
        Ok(true)
    }

    /// Whether there will be such an element; `then` is done with it. `None` if nothing here says so.
    pub(super) fn with(
        &self,
        wanted: Wanted<'_>,
        at: Moment,
        then: impl FnOnce(&Element),
    ) -> Option<bool> {
        let here = BottomHalvesOff::new();
        let locked = self.table.lock(&here);
        let found = self.present(&locked, self.hash(wanted.key) as u32, wanted, at)?;
        if found.is(TOMBSTONE) {
            return Some(false);
        }
        then(found);
        Some(true)
    }

    /// Takes whatever is plain out of here, from the epoch to come on, and puts it into `table`, which has room
    /// for it.
    pub(super) fn melt_into(&self, table: &mut Frozen, at: Moment) -> Result {
        let walk = self.table.walk();
        for element in walk.entries() {
            if !element.lives(at.epoch) || element.is(CATCHALL) {
                continue;
            }
            let key = self.shape.key_of(element);
            let hash = self.hash(key);
            let _ = table.remove(key, hash);
            if element.is_plain() {
                table.insert(key, self.shape.data(element), hash, element.is(STATIC))?;
            }
            if element.is_plain() || element.is(TOMBSTONE) {
                let here = BottomHalvesOff::new();
                let _locked = self.table.lock(&here);
                self.condemn(element, at);
            }
        }
        Ok(())
    }

    /// Removes all from the epoch to come on; if `replace`, only those that came with a ruleset, and they may be
    /// brought back.
    pub(super) fn clear(&self, replace: bool, at: Moment) {
        let walk = self.table.walk();
        for element in walk.entries() {
            let here = BottomHalvesOff::new();
            let _locked = self.table.lock(&here);
            if element.lives(at.epoch) && (!replace || element.is(STATIC)) {
                element.mark(REPLACED, replace);
                self.condemn(element, at);
            }
        }
    }

    /// Takes back what a change did with one key.
    pub(super) fn undo(&self, wanted: Wanted<'_>, at: Moment) {
        let here = BottomHalvesOff::new();
        let locked = self.table.lock(&here);
        locked.find(self.hash(wanted.key) as u32, |element| {
            if self.is(element, wanted) {
                self.undo_element(element, at);
            }
            false
        });
    }

    /// Takes back whatever a change did.
    pub(super) fn undo_all(&self, at: Moment) {
        let walk = self.table.walk();
        for element in walk.entries() {
            let here = BottomHalvesOff::new();
            let _locked = self.table.lock(&here);
            self.undo_element(element, at);
        }
    }

    fn undo_element(&self, element: &Element, at: Moment) {
        if element.value().born.get() == at.epoch {
            self.bury(element);
        } else if element.value().dies.get() == at.epoch {
            element.mark(REPLACED, false);
            element.value().dies.set(NEVER);
            self.tally(element, 1);
        }
    }

    /// Makes room for `more` elements.
    pub(super) fn reserve(&self, more: u32) -> Result {
        let want = self.count.get().saturating_add(more);
        self.table.walk().grow(want as usize)
    }

    /// The change of this epoch has been published. Returns whether there is something to collect.
    pub(super) fn settle(&self, epoch: u64) -> bool {
        self.published.set(epoch);
        self.waste.get() != 0
    }

    /// All elements, dead and alive. Nothing is unlinked meanwhile.
    pub(super) fn walk(&self) -> Walk<'_, Life> {
        self.table.walk()
    }

    /// The entry with this key in `epoch`: an element, or a tombstone.
    pub(super) fn seek<'a>(
        &self,
        walk: &'a Walk<'_, Life>,
        key: &[u8],
        epoch: u64,
        now: u64,
    ) -> Option<&'a Element> {
        let wanted = Wanted {
            key,
            catchall: false,
        };
        walk.find(self.hash(key) as u32, |element| {
            element.lives(epoch) && self.is(element, wanted) && !element.is_over(now)
        })
    }
}

/// One that is in a frozen table already stays, if the same is `given`: data, and whether they came with a
/// ruleset.
pub(super) fn stays(
    table: &Frozen,
    kept: &Kept<'_>,
    (data, is_static): (&[u8], bool),
    exclusive: bool,
) -> Result<(), VerifyError> {
    if exclusive || kept.data != data {
        return Err(VerifyError::Exists);
    }
    if is_static {
        table.mark_static(kept.place, true);
    }
    Ok(())
}

/// The word, from the epoch to come on, that what is below is gone.
fn tombstone(wanted: Wanted<'_>, hash: u32, at: Moment) -> Result<ElementRef> {
    let life = Life {
        born: Shared64::new(at.epoch),
        dies: Shared64::new(NEVER),
        flags: Shared32::new(TOMBSTONE),
        extras: None,
    };
    let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
    Entry::new(hash, life, &[wanted.key], flags)
}
