// SPDX-License-Identifier: GPL-2.0
//! Counting connections.
//!
//! C header: [`include/net/netfilter/nf_conntrack_count.h`](srctree/include/net/netfilter/nf_conntrack_count.h)

use core::ptr::NonNull;

use kernel::{
    bindings::{net, sk_buff},
    prelude::*,
    sync::Arc,
    types::Opaque,
};

use super::{
    bindings::{self, nf_conncount_list},
    member::Member,
    optional::optional,
    skbuff::Skb,
};

const COUNT: Member<u32> = Member::at(bindings::FERRULE_CONNCOUNT_COUNT);

optional! {
    /// Keeps lists of connections.
    pub(super) struct Functions from "nf_conncount" {
        nf_conncount_list_init: unsafe extern "C" fn(*mut nf_conncount_list),
        nf_conncount_add_skb: unsafe extern "C" fn(*mut net, *const sk_buff, u16, *mut nf_conncount_list) -> c_int,
        nf_conncount_gc_list: unsafe extern "C" fn(*mut net, *mut nf_conncount_list) -> bool,
        nf_conncount_cache_free: unsafe extern "C" fn(*mut nf_conncount_list),
    }
}

/// What counts connections.
pub(crate) struct ConnectionCounter(Functions);

impl ConnectionCounter {
    /// Gets ready. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if this kernel cannot; `ENOMEM`.
    pub(crate) fn get() -> Result<Arc<Self>> {
        Ok(Arc::new(
            ConnectionCounter(Functions::get()?),
            GFP_KERNEL_ACCOUNT,
        )?)
    }
}

/// A list of connections.
///
/// # Invariants
///
/// `list` was initialised by `nf_conncount_list_init()`, and stays where it is.
pub(crate) struct Connections {
    list: KBox<Opaque<nf_conncount_list>>,
    counter: Arc<ConnectionCounter>,
}

// SAFETY: The list has a lock of its own.
unsafe impl Send for Connections {}
// SAFETY: As above.
unsafe impl Sync for Connections {}

impl Connections {
    /// An empty list. `flags` says how to allocate it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        counter: Arc<ConnectionCounter>,
        flags: kernel::alloc::Flags,
    ) -> Result<Self> {
        let list = KBox::new(Opaque::zeroed(), flags)?;
        // SAFETY: The list is ours, and in its place.
        unsafe { (counter.0.nf_conncount_list_init)(list.get()) };
        // INVARIANT: It was just initialised.
        Ok(Connections { list, counter })
    }

    /// Adds the packet's connection; how many there are then. `None` if it cannot be counted: the packet is to be
    /// dropped (`nft_connlimit_do_eval()`).
    pub(crate) fn add(&self, packet: &Skb<'_>) -> Option<u32> {
        let list = self.list.get();
        let functions = &self.counter.0;
        // SAFETY: By the type invariants the list is valid; the packet is in a hook.
        let status = unsafe {
            (functions.nf_conncount_add_skb)(
                packet.net(),
                packet.raw().as_ptr(),
                u16::from(packet.family()),
                list,
            )
        };
        if status == EEXIST.to_errno() {
            // Others may have ended meanwhile.
            // SAFETY: As above.
            unsafe { (functions.nf_conncount_gc_list)(packet.net(), list) };
        } else if status != 0 {
            return None;
        }
        let list = NonNull::new(list)?;
        // SAFETY: As above.
        Some(unsafe { COUNT.read(list) })
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; nobody else has it any more.
        unsafe { (self.counter.0.nf_conncount_cache_free)(self.list.get()) };
    }
}
