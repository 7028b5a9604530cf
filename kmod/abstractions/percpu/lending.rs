// SPDX-License-Identifier: GPL-2.0
//! Working memory that each CPU has to itself, lent to whoever runs there.
//!
//! What is too large to be made anew for each packet, or to lie on the stack, is made once for each CPU. A hook
//! may run within a hook (one that answers a packet sends the answer), so a CPU's value is lent to one at a time;
//! who comes second is told so, and makes do with its own.

use core::{
    cell::{Cell, UnsafeCell},
    ops::{Deref, DerefMut},
};

use kernel::{cpu::nr_cpu_ids, prelude::*};

use crate::abstractions::bottom_half::BottomHalvesOff;

/// A CPU's value, in cache lines of its own.
#[repr(C, align(64))]
struct Slot<T> {
    lent: Cell<bool>,
    value: UnsafeCell<T>,
}

/// A value for every possible CPU.
///
/// # Invariants
///
/// A slot is accessed only by its CPU, with bottom halves off, and not at all on `PREEMPT_RT`, where these do not
/// keep others away. While `lent` is set, `value` is borrowed by one [`Lent`].
pub(crate) struct Lending<T> {
    slots: KVVec<Slot<T>>,
}

// SAFETY: By the type invariants each slot is accessed from one CPU at a time; values go from thread to thread.
unsafe impl<T: Send> Sync for Lending<T> {}

impl<T> Lending<T> {
    /// A value from `make` for each CPU.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. What is allocated is charged to the memory cgroup of the caller.
    pub(crate) fn new(make: impl Fn() -> T) -> Result<Self> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let cpus = nr_cpu_ids() as usize;
        let mut slots = KVVec::with_capacity(cpus, flags)?;
        for _ in 0..cpus {
            let slot = Slot {
                lent: Cell::new(false),
                value: UnsafeCell::new(make()),
            };
            slots.push(slot, flags)?;
        }
        Ok(Lending { slots })
    }

    /// This CPU's value; `None` if it is lent already.
    #[inline]
    pub(crate) fn lend<'a>(&'a self, here: &'a BottomHalvesOff) -> Option<Lent<'a, T>> {
        if cfg!(CONFIG_PREEMPT_RT) {
            return None;
        }
        let slot = self.slots.get(here.cpu())?;
        if slot.lent.replace(true) {
            return None;
        }
        // INVARIANT: It was not lent, and now it is.
        Some(Lent { slot, _here: here })
    }
}

/// A CPU's value, until it is dropped.
///
/// # Invariants
///
/// The slot is that of the CPU that this code runs on and stays on while the instance exists, and it is lent
/// to this instance alone.
pub(crate) struct Lent<'a, T> {
    slot: &'a Slot<T>,
    _here: &'a BottomHalvesOff,
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: By the type invariants nobody else has a reference to the value.
        unsafe { &*self.slot.value.get() }
    }
}

impl<T> DerefMut for Lent<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: As in `deref`.
        unsafe { &mut *self.slot.value.get() }
    }
}

impl<T> Drop for Lent<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // INVARIANT: Nobody has a reference to the value any more.
        self.slot.lent.set(false);
    }
}
