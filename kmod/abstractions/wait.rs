// SPDX-License-Identifier: GPL-2.0
//! Waiting for what a softirq brings.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)
//!
//! The kernel's `CondVar` lets go of a lock that the bringer takes too, and such a lock would have to be
//! taken with bottom halves off, in which one must not sleep. Here the condition needs no lock.

use kernel::{
    bindings::{self, wait_queue_entry, wait_queue_head},
    prelude::*,
    task::TASK_INTERRUPTIBLE,
    types::Opaque,
};

/// Those who wait.
///
/// # Invariants
///
/// `head` is initialised.
#[pin_data]
pub(crate) struct WaitQueue {
    #[pin]
    head: Opaque<wait_queue_head>,
}

// SAFETY: A wait queue has a lock of its own.
unsafe impl Send for WaitQueue {}
// SAFETY: As above.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    /// Nobody waits.
    pub(crate) fn new() -> impl PinInit<Self> {
        let key = kernel::static_lock_class!();
        pin_init!(WaitQueue {
            head <- Opaque::ffi_init(move |head| {
                // SAFETY: The memory is valid for writes and pinned; name and key are static.
                unsafe {
                    bindings::__init_waitqueue_head(head, c"ferrule_events".as_char_ptr(), key.as_ptr())
                }
            }),
        })
    }

    /// Waits until `done` gives something (`wait_event_interruptible`).
    ///
    /// # Errors
    ///
    /// `EINTR` where C says `-ERESTARTSYS`: a signal came.
    pub(crate) fn wait<T>(&self, mut done: impl FnMut() -> Option<T>) -> Result<T> {
        let entry = Opaque::<wait_queue_entry>::uninit();
        // SAFETY: The entry is valid for writes, and stays on this stack until `finish_wait`.
        unsafe { bindings::init_wait_entry(entry.get(), 0) };
        let result = loop {
            // SAFETY: By the type invariant; the entry is initialised.
            let interrupted = unsafe {
                bindings::prepare_to_wait_event(
                    self.head.get(),
                    entry.get(),
                    TASK_INTERRUPTIBLE as c_int,
                )
            };
            if let Some(value) = done() {
                break Ok(value);
            }
            if interrupted != 0 {
                break Err(ERESTARTSYS);
            }
            // SAFETY: In process context, without locks: the caller may sleep.
            unsafe { bindings::schedule() };
        };
        // SAFETY: Undoes `prepare_to_wait_event`, before the entry goes.
        unsafe { bindings::finish_wait(self.head.get(), entry.get()) };
        result
    }

    /// Wakes them all (`wake_up_interruptible`). May be called in a softirq.
    pub(crate) fn wake(&self) {
        // SAFETY: By the type invariant.
        unsafe {
            bindings::__wake_up(
                self.head.get(),
                TASK_INTERRUPTIBLE as c_uint,
                0,
                core::ptr::null_mut(),
            )
        };
    }
}
