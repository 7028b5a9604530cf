// SPDX-License-Identifier: GPL-2.0
//! Bottom halves.
//!
//! C header: [`include/linux/bottom_half.h`](srctree/include/linux/bottom_half.h)

use kernel::types::NotThreadSafe;

use super::bindings;

/// Evidence that bottom halves are off on this CPU, and so that this code stays on it.
///
/// A netfilter hook runs in a softirq for what is received, and in the context of a process for
/// what that sends. With bottom halves off nothing else can run a hook on this CPU meanwhile; except on
/// `PREEMPT_RT`, where only moving to another CPU is ruled out.
///
/// # Invariants
///
/// Bottom halves are off while an instance exists, and `cpu` is the CPU that it was made on. `ours` says
/// whether they are so by the instance's doing.
pub(crate) struct BottomHalvesOff {
    cpu: u32,
    ours: bool,
    _not_thread_safe: NotThreadSafe,
}

impl BottomHalvesOff {
    /// Turns bottom halves off. This may be nested.
    #[inline]
    pub(crate) fn new() -> Self {
        // SAFETY: May be called in every context that a netfilter hook, or a process, runs in; the
        // type's `Drop` undoes it once.
        unsafe { bindings::ferrule_local_bh_disable() };
        // SAFETY: With bottom halves off the answer stays true.
        let cpu = unsafe { kernel::bindings::raw_smp_processor_id() };
        // INVARIANT: Bottom halves were turned off before the CPU was asked for.
        BottomHalvesOff {
            cpu,
            ours: true,
            _not_thread_safe: NotThreadSafe,
        }
    }

    /// Turns bottom halves off, unless they are: what is received finds them off, which then costs one call.
    ///
    /// # Safety
    ///
    /// If bottom halves are off already, whoever did that must not undo it while the instance exists.
    #[inline]
    pub(super) unsafe fn within() -> Self {
        // SAFETY: May be called in any context.
        let context = unsafe { bindings::ferrule_softirq_count_and_cpu() };
        if context.softirq_count == 0 {
            return Self::new();
        }
        // INVARIANT: Bottom halves are off, and stay so by the safety requirement; so this stays on the CPU that
        // was asked for meanwhile.
        BottomHalvesOff {
            cpu: context.cpu,
            ours: false,
            _not_thread_safe: NotThreadSafe,
        }
    }

    /// The number of this CPU.
    #[inline]
    pub(crate) fn cpu(&self) -> usize {
        self.cpu as usize
    }
}

impl Drop for BottomHalvesOff {
    #[inline]
    fn drop(&mut self) {
        if self.ours {
            // SAFETY: By the type invariant bottom halves are off, by `new`'s doing; the type is not
            // `Send`, so this is the same thread.
            unsafe { bindings::ferrule_local_bh_enable() };
        }
    }
}
