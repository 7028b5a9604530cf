// SPDX-License-Identifier: GPL-2.0
//! How a file is read.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use kernel::{bindings, fs::Kiocb, types::ForeignOwnable};

/// Whether whoever reads may be made to wait: not with `O_NONBLOCK`.
pub(crate) fn may_wait<T: ForeignOwnable>(kiocb: &Kiocb<'_, T>) -> bool {
    // SAFETY: By the invariants of `Kiocb` it is valid, and so is its file.
    let flags = unsafe { (*(*kiocb.as_raw()).ki_filp).f_flags };
    flags & bindings::O_NONBLOCK == 0
}
