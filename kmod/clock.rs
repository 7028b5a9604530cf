// SPDX-License-Identifier: GPL-2.0
//! The clock that timeouts and limits go by: it never goes back, and stands still in suspension.

use kernel::time::{ClockSource, Monotonic};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// Now, in nanoseconds.
pub(crate) fn now() -> u64 {
    Monotonic::ktime_get().unsigned_abs()
}

/// Nanoseconds as milliseconds.
pub(crate) fn milliseconds(nanoseconds: u64) -> u64 {
    nanoseconds.checked_div(MILLISECOND).unwrap_or(0)
}
