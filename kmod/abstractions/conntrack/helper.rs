// SPDX-License-Identifier: GPL-2.0
//! Helpers: what follows protocols that open further connections.
//!
//! C header: [`include/net/netfilter/nf_conntrack_helper.h`](srctree/include/net/netfilter/nf_conntrack_helper.h)

use core::ptr::NonNull;

use kernel::{prelude::*, sync::Arc};

use super::{Skb, Tracking, HELPER, NAT};
use crate::abstractions::{
    bindings::{self, nf_conntrack_helper},
    member::Member,
};

/// Longest name, its zero included (`NF_CT_HELPER_NAME_LEN`).
const NAME_SIZE: usize = 16;

/// A helper, for one or both families.
///
/// # Invariants
///
/// The pointers are to helpers whose modules this instance holds.
pub(crate) struct Helper {
    tracking: Arc<Tracking>,
    v4: Option<NonNull<nf_conntrack_helper>>,
    v6: Option<NonNull<nf_conntrack_helper>>,
    l4proto: u8,
}

// SAFETY: The helpers are the kernel's, and used as it does itself.
unsafe impl Send for Helper {}
// SAFETY: As above.
unsafe impl Sync for Helper {}

impl Helper {
    /// Finds the helper `name`, loading its module if need be. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none of that name for a wanted family.
    pub(crate) fn find(
        tracking: Arc<Tracking>,
        name: &[u8],
        (v4, v6): (bool, bool),
        l4proto: u8,
    ) -> Result<Self> {
        let mut buffer = [0_u8; NAME_SIZE];
        let room = buffer
            .get_mut(..name.len())
            .filter(|room| room.len() < NAME_SIZE);
        room.ok_or(ENOENT)?.copy_from_slice(name);
        let find = |family: u32| {
            let find = tracking.functions().nf_conntrack_helper_try_module_get;
            // SAFETY: The name ends with a zero; the function is there while `tracking` is.
            NonNull::new(unsafe { find(buffer.as_ptr().cast(), family as u16, l4proto) })
        };
        let v4 = v4.then(|| find(kernel::bindings::NFPROTO_IPV4)).flatten();
        let v6 = v6.then(|| find(kernel::bindings::NFPROTO_IPV6)).flatten();
        // INVARIANT: The references were just taken.
        let helper = Helper {
            tracking,
            v4,
            v6,
            l4proto,
        };
        if v4.is_none() && v6.is_none() {
            return Err(ENOENT);
        }
        Ok(helper)
    }

    /// Has the helper follow the packet's connection, if that is new and of its protocols. `false` if the packet
    /// is to be dropped.
    pub(crate) fn assign(&self, packet: &Skb<'_>) -> bool {
        let Some(ct) = packet.connection() else {
            return true;
        };
        let helper = match u32::from(ct.l3proto()) {
            kernel::bindings::NFPROTO_IPV4 => self.v4,
            kernel::bindings::NFPROTO_IPV6 => self.v6,
            _ => None,
        };
        let Some(helper) = helper else {
            return true;
        };
        let status = ct.status_bits();
        if ct.is_confirmed() || ct.l4proto() != self.l4proto || status & HELPER != 0 {
            return true;
        }
        // A translated connection needs room for its sequence numbers' offsets, which only modules that
        // link to conntrack can add.
        if status & NAT != 0 && ct.extension(bindings::FERRULE_EXT_SEQADJ).is_none() {
            return false;
        }
        let add = self.tracking.functions().nf_ct_helper_ext_add;
        // SAFETY: The connection is not in the table yet, so it is ours.
        let Some(help) = NonNull::new(unsafe { add(ct.ct.as_ptr(), kernel::bindings::GFP_ATOMIC) })
        else {
            return true;
        };
        let users = Member::<u32>::at(bindings::FERRULE_HELPER_USE);
        let slot = Member::<*mut nf_conntrack_helper>::at(bindings::FERRULE_HELP_HELPER);
        // SAFETY: By the type invariants the helper is valid; `help` is a `struct nf_conn_help` that nobody else
        // sees yet.
        unsafe {
            if bindings::ferrule_refcount_inc_not_zero(users.of(helper).cast()) {
                slot.write(help, helper.as_ptr());
            }
        }
        true
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        for helper in [self.v4, self.v6].into_iter().flatten() {
            // SAFETY: By the type invariants.
            unsafe { (self.tracking.functions().nf_conntrack_helper_put)(helper.as_ptr()) };
        }
    }
}
