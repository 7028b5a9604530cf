// SPDX-License-Identifier: GPL-2.0
//! Security marks.
//!
//! C header: [`include/linux/security.h`](srctree/include/linux/security.h)

#[cfg(CONFIG_SECURITY_NETWORK)]
use kernel::{bindings, error::to_result};

use kernel::prelude::*;

/// A security context that packets are marked with.
///
/// # Invariants
///
/// It was counted with the security module (`security_secmark_refcount_inc()`).
pub(crate) struct Secmark(u32);

impl Secmark {
    /// Finds `context` (`nft_secmark_compute_secid()`). Sleeps.
    ///
    /// # Errors
    ///
    /// What the security module says: that there is none, no such context, or that this process may not use it.
    #[cfg(CONFIG_SECURITY_NETWORK)]
    pub(crate) fn find(context: &[u8]) -> Result<Self> {
        let len = u32::try_from(context.len()).map_err(|_| EINVAL)?;
        let mut id = 0;
        // SAFETY: The context is `len` bytes; the number is written to.
        to_result(unsafe {
            bindings::security_secctx_to_secid(context.as_ptr().cast(), len, &mut id)
        })?;
        if id == 0 {
            return Err(ENOENT);
        }
        // SAFETY: May be called by any process.
        to_result(unsafe { bindings::security_secmark_relabel_packet(id) })?;
        // SAFETY: As above; `Drop` undoes it.
        unsafe { bindings::security_secmark_refcount_inc() };
        Ok(Secmark(id))
    }

    /// In a kernel that has no security modules for packets.
    ///
    /// # Errors
    ///
    /// That there are none.
    #[cfg(not(CONFIG_SECURITY_NETWORK))]
    pub(crate) fn find(_context: &[u8]) -> Result<Self> {
        Err(EOPNOTSUPP)
    }

    /// The number that stands for it.
    pub(crate) fn id(&self) -> u32 {
        self.0
    }
}

#[cfg(CONFIG_SECURITY_NETWORK)]
impl Drop for Secmark {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::security_secmark_refcount_dec() };
    }
}
