// SPDX-License-Identifier: GPL-2.0
//! What packets do to the hash table: they add and remove at once, for all epochs.

use kernel::prelude::*;

use super::{
    super::element::{Element, ElementRef, NEVER},
    Exact, Moment, Wanted,
};
use crate::abstractions::bottom_half::BottomHalvesOff;

/// A packet's wish to add an element.
pub(in crate::sets) trait Entrant {
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
    /// Adds what `entrant` makes, unless there is such an element, and asks its states either way. `false`:
    /// they say no, or there is no room.
    pub(in crate::sets) fn enter(
        &self,
        entrant: &impl Entrant,
        at: Moment,
        here: &BottomHalvesOff,
    ) -> bool {
        let key = entrant.key();
        let hash = self.hash(key) as u32;
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
            self.tally(element, 1);
            return entrant.ask(element);
        }
        let Ok(new) = entrant.make(hash) else {
            return false;
        };
        let yes = entrant.ask(&new);
        self.tally(&new, 1);
        self.insert(&locked, new);
        yes
    }

    /// Removes what is there for `key`, at once.
    pub(in crate::sets) fn leave(&self, key: &[u8], at: Moment, here: &BottomHalvesOff) {
        let wanted = Wanted {
            key,
            catchall: false,
        };
        let locked = self.table.lock(here);
        locked.find(self.hash(key) as u32, |element| {
            if element.lives(at.epoch) && self.is(element, wanted) {
                self.bury(element);
            }
            false
        });
    }
}
