// SPDX-License-Identifier: GPL-2.0
//! Read-copy-update: a pointer that readers follow without a lock, and grace periods.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! ```text
//! reader                                  writer (one at a time: the caller's lock)
//! ReadSide ─► Published::read ─► &T       Published::replace ─► Retired ─► wait ─► Arc<T>
//! ```
//!
//! What is published is held by an [`Arc`], so that writers keep a reference of their own to it: to read
//! it where they may sleep, and to publish it again without allocating.

use core::{marker::PhantomData, mem::ManuallyDrop};

use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc,
    },
    types::NotThreadSafe,
};

/// Evidence of a read-side critical section that somebody else has begun and will end.
///
/// # Invariants
///
/// The RCU read-side lock is held for `'a` on this thread.
pub(crate) struct ReadSide<'a>(PhantomData<&'a ()>, NotThreadSafe);

impl ReadSide<'_> {
    /// Vouches for a read-side critical section.
    ///
    /// # Safety
    ///
    /// The RCU read-side lock must be held for the lifetime that the caller gives the result.
    #[inline]
    pub(super) unsafe fn assume_held() -> Self {
        // INVARIANT: By the safety requirement.
        ReadSide(PhantomData, NotThreadSafe)
    }
}

/// A point in time that readers may not have left behind yet.
#[derive(Clone, Copy)]
pub(crate) struct GracePeriod(c_ulong);

impl GracePeriod {
    /// Notes the present.
    pub(crate) fn begin() -> Self {
        // SAFETY: May be called in any context.
        GracePeriod(unsafe { kernel::bindings::get_state_synchronize_rcu() })
    }

    /// Whether all readers that were there in [`GracePeriod::begin`] have left.
    pub(crate) fn is_over(self) -> bool {
        // SAFETY: The cookie is from `get_state_synchronize_rcu`; may be called in any context.
        unsafe { kernel::bindings::poll_state_synchronize_rcu(self.0) }
    }

    /// Waits until all readers that were there in [`GracePeriod::begin`] have left: not at all if a
    /// grace period has ended since. Sleeps, like [`kernel::sync::rcu::synchronize_rcu`].
    pub(crate) fn wait(self) {
        // SAFETY: The cookie is from `get_state_synchronize_rcu`; called in process context.
        unsafe { kernel::bindings::cond_synchronize_rcu(self.0) };
    }
}

/// A pointer to what readers are to see.
///
/// # Invariants
///
/// `pointer` came from [`Arc::into_raw`], and that reference is owned by this instance. A reference that
/// was owned before is given up only a grace period after it was replaced.
pub(crate) struct Published<T: Send + Sync + 'static> {
    pointer: Atomic<*mut T>,
    _owns: PhantomData<Arc<T>>,
}

impl<T: Send + Sync + 'static> Published<T> {
    /// Publishes `value` from the beginning.
    pub(crate) fn new(value: Arc<T>) -> Self {
        // INVARIANT: The reference now belongs to the instance.
        Published {
            pointer: Atomic::new(value.into_raw().cast_mut()),
            _owns: PhantomData,
        }
    }

    /// What is published now (`rcu_dereference`).
    #[inline]
    pub(crate) fn read<'a>(&'a self, _rcu: &'a ReadSide<'_>) -> &'a T {
        // SAFETY: `READ_ONCE` of a valid, aligned pointer that is otherwise written by `xchg` alone;
        // what is read through it depends on its address.
        let pointer = unsafe { self.pointer.as_ptr().read_volatile() };
        // SAFETY: By the type invariants the pointer is valid for a grace period at least, and by those
        // of `ReadSide` none ends within `'a`.
        unsafe { &*pointer }
    }

    /// Publishes `value` instead. Two writers do no harm, but one of them does not see the other's.
    pub(crate) fn replace(&self, value: Arc<T>) -> Retired<T> {
        let old = self.pointer.xchg(value.into_raw().cast_mut(), Full);
        // SAFETY: By the type invariants `old` came from `Arc::into_raw` and its reference was owned
        // by `self`, which has forgotten it.
        let old = unsafe { Arc::from_raw(old.cast_const()) };
        // INVARIANT: The grace period begins after the replacement.
        Retired {
            old: ManuallyDrop::new(old),
            grace: GracePeriod::begin(),
        }
    }
}

impl<T: Send + Sync + 'static> Drop for Published<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the reference is owned by `self`. No reader is left: it would
        // borrow `self`.
        drop(unsafe { Arc::from_raw(self.pointer.get_mut().cast_const()) });
    }
}

/// What was published until now: readers may still look at it.
///
/// # Invariants
///
/// `grace` began after readers could last begin to look at `old`.
pub(crate) struct Retired<T> {
    old: ManuallyDrop<Arc<T>>,
    grace: GracePeriod,
}

impl<T> Retired<T> {
    /// Whether the last readers have left, so that dropping it does not sleep.
    pub(crate) fn is_over(&self) -> bool {
        self.grace.is_over()
    }

    /// Waits for the last readers. Sleeps.
    pub(crate) fn wait(self) {}
}

impl<T> Drop for Retired<T> {
    fn drop(&mut self) {
        self.grace.wait();
        // SAFETY: Dropped once, here. By the type invariant no reader is left.
        unsafe { ManuallyDrop::drop(&mut self.old) };
    }
}
