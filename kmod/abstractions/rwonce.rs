// SPDX-License-Identifier: GPL-2.0
//! Numbers that one side writes while another reads.
//!
//! C header: [`include/asm-generic/rwonce.h`](srctree/include/asm-generic/rwonce.h)
//!
//! Unless a kernel inlines its C helpers (Debian's does not), `Atomic::load` is a function call, and these
//! numbers are read for every packet. What it calls is `READ_ONCE`: a volatile access, as here. There is no
//! order but that of addresses that depend on one another; whoever changes a number by what it was holds
//! a lock.

use kernel::{prelude::*, sync::atomic::Atomic};

/// A number of 64 bits.
#[repr(transparent)]
pub(crate) struct Shared64(Atomic<u64>);

impl Shared64 {
    /// Begins with `value`.
    pub(crate) const fn new(value: u64) -> Self {
        Shared64(Atomic::new(value))
    }

    /// `READ_ONCE`.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // SAFETY: The memory is valid and aligned; all accesses to it are marked, so that there is no
        // data race as the kernel's memory model defines it.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// `WRITE_ONCE`.
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        // SAFETY: As in `get`.
        unsafe { self.0.as_ptr().write_volatile(value) }
    }
}

/// A number of 32 bits.
#[repr(transparent)]
pub(crate) struct Shared32(Atomic<u32>);

// SAFETY: All bytes zero are the number zero.
unsafe impl Zeroable for Shared32 {}

impl Shared32 {
    /// Begins with `value`.
    pub(crate) const fn new(value: u32) -> Self {
        Shared32(Atomic::new(value))
    }

    /// `READ_ONCE`.
    #[inline]
    pub(crate) fn get(&self) -> u32 {
        // SAFETY: As in [`Shared64::get`].
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// `WRITE_ONCE`.
    #[inline]
    pub(crate) fn set(&self, value: u32) {
        // SAFETY: As in [`Shared64::get`].
        unsafe { self.0.as_ptr().write_volatile(value) }
    }
}
