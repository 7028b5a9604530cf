// SPDX-License-Identifier: GPL-2.0
//! Work that is done later, in a process of the kernel's.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! The kernel's own `DelayedWork` cannot be cancelled: what is queued runs, and code of a module that is
//! gone must not. A [`Timer`] is cancelled when it is dropped, and waits for what is running.

use kernel::{bindings::delayed_work, bindings::work_struct, prelude::*, sync::Arc, types::Opaque};

use super::bindings;

/// What a timer works on.
pub(crate) trait Work: Send + Sync + 'static {
    /// Does the work. Returns in how many milliseconds to do it again, if at all. May sleep.
    fn run(&self) -> Option<u32>;
}

/// Does the work of a `T` when it is asked to.
///
/// # Invariants
///
/// `work` is initialised, with [`run`] as its function; it is not queued once the instance is dropped.
#[pin_data(PinnedDrop)]
pub(crate) struct Timer<T: Work> {
    #[pin]
    work: Opaque<delayed_work>,
    target: Arc<T>,
}

// SAFETY: A delayed work may be queued and cancelled on any thread.
unsafe impl<T: Work> Send for Timer<T> {}
// SAFETY: As above.
unsafe impl<T: Work> Sync for Timer<T> {}

impl<T: Work> Timer<T> {
    /// A timer that is not set.
    pub(crate) fn new(target: Arc<T>) -> impl PinInit<Self> {
        pin_init!(Timer {
            work <- Opaque::ffi_init(|work| {
                // SAFETY: The memory is valid for writes and pinned; `run` is a work function.
                unsafe { bindings::ferrule_init_delayed_work(work, Some(run::<T>)) }
            }),
            target,
        })
    }

    /// Sets it to go off in so many milliseconds, unless it is set already. May be called anywhere.
    pub(crate) fn schedule(&self, milliseconds: u32) {
        // SAFETY: By the type invariants it is initialised.
        unsafe { bindings::ferrule_queue_delayed_work(self.work.get(), milliseconds) };
    }
}

#[pinned_drop]
impl<T: Work> PinnedDrop for Timer<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants; this may sleep, as the type's users see to.
        unsafe { kernel::bindings::cancel_delayed_work_sync(self.work.get()) };
    }
}

/// Runs the work of a timer.
///
/// # Safety
///
/// To be called by the kernel alone, with the work of a [`Timer<T>`].
unsafe extern "C" fn run<T: Work>(work: *mut work_struct) {
    // SAFETY: It is in a `delayed_work`, which is in a timer.
    let timer: *const Timer<T> = unsafe {
        let work = kernel::container_of!(work, delayed_work, work);
        kernel::container_of!(Opaque::cast_from(work), Timer<T>, work)
    };
    // SAFETY: The timer is there: its drop waits for this function.
    let timer = unsafe { &*timer };
    if let Some(again) = timer.target.run() {
        timer.schedule(again);
    }
}
