// SPDX-License-Identifier: GPL-2.0
//! The time of day.
//!
//! C headers: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h),
//! [`include/linux/time.h`](srctree/include/linux/time.h)

use super::bindings;

/// Seconds since the epoch.
pub(crate) fn seconds() -> i64 {
    // SAFETY: May be called in any context.
    unsafe { kernel::bindings::ktime_get_real_seconds() }
}

/// How far west of Greenwich the kernel was told that it is, in minutes (`sys_tz`).
pub(crate) fn minutes_west() -> i32 {
    // SAFETY: A number that is written rarely, and read as the kernel reads it.
    unsafe { (&raw const bindings::sys_tz.tz_minuteswest).read_volatile() }
}

/// The CPU that this runs on.
pub(crate) fn cpu() -> u32 {
    // SAFETY: May be called in any context.
    unsafe { bindings::ferrule_raw_smp_processor_id() }
}
