// SPDX-License-Identifier: GPL-2.0
//! Elements that are single keys: a hash table, changed by requests and by packets.
//!
//! Requests change it in two steps (`sets/stage`): what they add and remove is written down with the epoch
//! to come, and is there, or gone, once that epoch is published. Should something be refused meanwhile,
//! [`Exact::undo`] takes it back. Packets add and remove at once, under the same lock.
//!
//! Nothing is unlinked by either. What is dead or over its time is *waste*: it matches nothing, and a
//! worker collects it ([`Work`]), after a grace period so that packets of an older epoch find what they
//! are to find.

use ferrule_uapi::error::VerifyError;
use kernel::{prelude::*, sync::Arc};

use super::element::{Element, ElementRef, Life, Shape, CATCHALL, NEVER, REPLACED, STATIC};
use crate::{
    abstractions::{
        bottom_half::BottomHalvesOff,
        random,
        rculist::{Locked, Table, Walk},
        rcupdate::{GracePeriod, ReadSide},
        rwonce::{Shared32, Shared64},
        workqueue::Work,
    },
    clock,
};

/// Most entries that are unlinked before the lock on the table's shape is given up.
const MOST_AT_ONCE: usize = 1 << 20;

/// If there is no memory for that: so many.
const FEW_AT_ONCE: usize = 256;

/// How long waste may lie, in milliseconds, where no set says otherwise.
const COLLECT_AFTER: u32 = 1000;

/// The single keys of a set.
#[pin_data]
pub(crate) struct Exact {
    #[pin]
    table: Table<Life>,
    shape: Shape,
    seed: u64,
    collect_after: Shared32,
    /// Whether elements have timeouts.
    pub(super) timed: bool,
    /// How many are there, as the change sees it that is being made. Under the lock.
    count: Shared32,
    /// Whether there is, or was, a single key.
    used: Shared32,
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

/// A packet's wish to add an element.
pub(super) trait Entrant {
    /// The key.
    fn key(&self) -> &[u8];

    /// Most elements of the set; 0: any number.
    fn size(&self) -> u32;

    /// The element is there: lets its time begin anew, if that is what is wished.
    fn renew(&self, element: &Element);

    /// Lets a dead element of that key begin anew, if it is what would be made.
    fn revive(&self, element: &Element) -> bool;

    /// Makes the element.
    fn make(&self, hash: u32) -> Result<ElementRef>;

    /// Whether the element's states let the packet on.
    fn ask(&self, element: &Element) -> bool;
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
            seed: random::number(),
            collect_after: Shared32::new(COLLECT_AFTER),
            timed,
            count: Shared32::new(0),
            used: Shared32::new(0),
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

    /// Whether there is, or was, any single key.
    #[inline]
    pub(super) fn is_used(&self) -> bool {
        self.used.get() != 0
    }

    /// How many elements there are, with those of the change that is being made.
    pub(crate) fn count(&self) -> u32 {
        self.count.get()
    }

    /// What `key` is hashed to. The seed keeps others from choosing keys that all meet.
    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u32 {
        let mut hash = self.seed;
        for word in key.chunks(8) {
            let mut number = 0_u64;
            for byte in word {
                number = number << 8 | u64::from(*byte);
            }
            let product =
                u128::from(hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            hash = (product as u64) ^ ((product >> 64) as u64) ^ self.seed.rotate_left(32);
        }
        (hash ^ hash >> 32) as u32
    }

    /// Whether `element` is what `wanted` says, dead or alive.
    fn is(&self, element: &Element, wanted: Wanted<'_>) -> bool {
        self.shape.begin(element) == wanted.key && element.is(CATCHALL) == wanted.catchall
    }

    /// The element with this key that a packet of `epoch` sees.
    #[inline]
    pub(crate) fn find<'a>(
        &'a self,
        rcu: &'a ReadSide<'_>,
        key: &[u8],
        epoch: u64,
        now: u64,
    ) -> Option<&'a Element> {
        let wanted = Wanted {
            key,
            catchall: false,
        };
        self.look_up(rcu, wanted, epoch, now)
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
        self.look_up(
            rcu,
            Wanted {
                key,
                catchall: true,
            },
            epoch,
            now,
        )
    }

    #[inline]
    fn look_up<'a>(
        &'a self,
        rcu: &'a ReadSide<'_>,
        wanted: Wanted<'_>,
        epoch: u64,
        now: u64,
    ) -> Option<&'a Element> {
        let hash = self.hash(wanted.key);
        let is = |element: &Element| {
            element.lives(epoch)
                && self.is(element, wanted)
                && !(self.timed && element.is_over(now))
        };
        self.table.find(rcu, hash, is)
    }

    // --- requests -----------------------------------------------------------------------------

    /// Adds `new`, from the epoch to come on, if there are less than `size`. One that is there already
    /// stays, if it has the same data.
    pub(super) fn add(
        &self,
        new: ElementRef,
        exclusive: bool,
        size: u32,
        at: Moment,
    ) -> Result<(), VerifyError> {
        let here = BottomHalvesOff::new();
        let locked = self.table.lock(&here);
        let wanted = Wanted {
            key: self.shape.begin(&new),
            catchall: new.is(CATCHALL),
        };
        if let Some(old) = self.present(&locked, new.hash(), wanted, at) {
            let same = self.shape.data(old) == self.shape.data(&new);
            if exclusive || !same {
                return Err(VerifyError::Exists);
            }
            if new.is(STATIC) {
                old.mark(STATIC, true);
            }
            return Ok(());
        }
        self.ensure_room(size)?;
        self.count.set(self.count.get().wrapping_add(1));
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
            }
            None => self.insert(&locked, new),
        }
        Ok(())
    }

    /// Links `new`.
    fn insert(&self, locked: &Locked<'_, Life>, new: ElementRef) {
        if new.is(CATCHALL) {
            self.catchall.set(1);
        } else {
            self.used.set(1);
        }
        locked.insert(new);
    }

    /// Refuses one more than `size`; 0: any number.
    fn ensure_room(&self, size: u32) -> Result<(), VerifyError> {
        match size != 0 && self.count.get() >= size {
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
            self.count.set(self.count.get().wrapping_sub(1));
        }
        element.value().dies.set(0);
        self.waste.set(1);
    }

    /// Takes an element that is there away in the epoch to come.
    fn condemn(&self, element: &Element, at: Moment) {
        self.count.set(self.count.get().wrapping_sub(1));
        element.value().dies.set(at.epoch);
        self.waste.set(1);
    }

    /// Removes an element from the epoch to come on; `false` if there is none.
    pub(super) fn remove(&self, wanted: Wanted<'_>, at: Moment) -> bool {
        let here = BottomHalvesOff::new();
        let locked = self.table.lock(&here);
        let found = self.present(&locked, self.hash(wanted.key), wanted, at);
        found.inspect(|element| self.condemn(element, at)).is_some()
    }

    /// Whether there will be such an element; `then` is done with it.
    pub(super) fn with(&self, wanted: Wanted<'_>, at: Moment, then: impl FnOnce(&Element)) -> bool {
        let here = BottomHalvesOff::new();
        let locked = self.table.lock(&here);
        let found = self.present(&locked, self.hash(wanted.key), wanted, at);
        found.map(then).is_some()
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
        locked.find(self.hash(wanted.key), |element| {
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
            self.count.set(self.count.get().wrapping_add(1));
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

    /// The element with this key in `epoch`.
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
        walk.find(self.hash(key), |element| {
            element.lives(epoch) && self.is(element, wanted) && !element.is_over(now)
        })
    }

    // --- packets ------------------------------------------------------------------------------

    /// Adds what `entrant` makes, unless there is such an element, and asks its states either way. `false`:
    /// they say no, or there is no room.
    pub(super) fn enter(&self, entrant: &impl Entrant, at: Moment, here: &BottomHalvesOff) -> bool {
        let key = entrant.key();
        let hash = self.hash(key);
        let wanted = Wanted {
            key,
            catchall: false,
        };
        let locked = self.table.lock(here);
        // One that a request is about to add is there from now on.
        let there = locked.find(hash, |element| {
            let lives = element.value().dies.get() > at.epoch;
            lives && self.is(element, wanted) && !element.is_over(at.now)
        });
        if let Some(element) = there {
            if element.value().born.get() > at.epoch {
                element.value().born.set(0);
            }
            entrant.renew(element);
            return entrant.ask(element);
        }
        // One whose time was over makes room for it.
        let _ = self.present(&locked, hash, wanted, at);
        if self.ensure_room(entrant.size()).is_err() {
            return false;
        }
        let dead = locked.find(hash, |element| {
            element.value().dies.get() == 0 && self.is(element, wanted) && entrant.revive(element)
        });
        if let Some(element) = dead {
            element.value().born.set(0);
            element.value().dies.set(NEVER);
            self.count.set(self.count.get().wrapping_add(1));
            return entrant.ask(element);
        }
        let Ok(new) = entrant.make(hash) else {
            return false;
        };
        let yes = entrant.ask(&new);
        self.count.set(self.count.get().wrapping_add(1));
        self.insert(&locked, new);
        yes
    }

    /// Removes what is there for `key`, at once.
    pub(super) fn leave(&self, key: &[u8], at: Moment, here: &BottomHalvesOff) {
        let wanted = Wanted {
            key,
            catchall: false,
        };
        let locked = self.table.lock(here);
        locked.find(self.hash(key), |element| {
            if element.lives(at.epoch) && self.is(element, wanted) {
                self.bury(element);
            }
            false
        });
    }

    /// Whether `element` is to be unlinked, when no packet of an epoch before `epoch` is left.
    fn is_waste(&self, element: &Element, epoch: u64, now: u64) -> bool {
        let dies = element.value().dies.get();
        dies <= epoch || (dies == NEVER && self.timed && element.is_over(now))
    }

    /// Unlinks waste, and frees it. Returns whether there was any.
    fn collect(&self, epoch: u64) -> Result<bool> {
        let now = clock::milliseconds(clock::now());
        let walk = self.table.walk();
        let maybe = |element: &Element| self.is_waste(element, epoch, now);
        let amount = walk.entries().filter(|element| maybe(element)).count();
        if amount == 0 {
            return Ok(false);
        }
        let take = |element: &Element| {
            let waste = self.is_waste(element, epoch, now);
            if waste && element.value().dies.get() == NEVER {
                self.count.set(self.count.get().wrapping_sub(1));
            }
            waste
        };
        let swept = match walk.sweep(amount.min(MOST_AT_ONCE), maybe, take) {
            Ok(swept) => swept,
            Err(_) => walk.sweep(FEW_AT_ONCE.min(amount), maybe, take)?,
        };
        drop(walk);
        Ok(!swept.is_empty())
    }
}

impl Work for Exact {
    fn run(&self) -> Option<u32> {
        let epoch = self.published.get();
        self.waste.set(0);
        GracePeriod::begin().wait();
        while let Ok(true) = self.collect(epoch) {}
        let _ = self.table.walk().grow(self.count.get() as usize);
        let again = self.waste.get() != 0 || (self.timed && self.count.get() != 0);
        again.then_some(self.collect_after.get())
    }
}
