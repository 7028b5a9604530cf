// SPDX-License-Identifier: GPL-2.0
//! Random numbers.
//!
//! C header: [`include/linux/random.h`](srctree/include/linux/random.h)

/// A random number of 32 bits.
pub(crate) fn number32() -> u32 {
    // SAFETY: May be called in any context.
    unsafe { kernel::bindings::get_random_u32() }
}

/// A random number of 64 bits.
pub(crate) fn number() -> u64 {
    u64::from(number32()) << 32 | u64::from(number32())
}
