// SPDX-License-Identifier: GPL-2.0
//! What is dead, or over its time, in the hash table: a worker unlinks and frees it.

use kernel::prelude::*;

use super::{
    super::element::{Element, CATCHALL, NEVER},
    Exact,
};
use crate::{
    abstractions::{rcupdate::GracePeriod, workqueue::Work},
    clock,
};

/// Most entries that are unlinked before the lock on the table's shape is given up.
const MOST_AT_ONCE: usize = 1 << 20;

/// If there is no memory for that: so many.
const FEW_AT_ONCE: usize = 256;

impl Exact {
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
                self.tally(element, -1);
            }
            if waste && !element.is(CATCHALL) {
                self.linked.set(self.linked.get().wrapping_sub(1));
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
