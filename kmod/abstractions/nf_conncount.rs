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
    bindings::{self, nf_conncount_data, nf_conncount_list},
    member::Member,
    net_namespace::Net,
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
        nf_conncount_init: unsafe extern "C" fn(*mut net, c_uint) -> *mut nf_conncount_data,
        nf_conncount_destroy: unsafe extern "C" fn(*mut net, *mut nf_conncount_data),
        nf_conncount_count_skb: unsafe extern "C" fn(*mut net, *const sk_buff, u16, *mut nf_conncount_data, *const u32) -> c_uint,
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

/// Words of the longest key (`MAX_KEYLEN`).
const KEY_WORDS: usize = 5;

/// Lists of connections, one for each key that comes.
///
/// # Invariants
///
/// - `data` is from `nf_conncount_init()`, for keys of `KEY_WORDS` words.
/// - The namespace that it was made for is not freed before it is dropped: it belongs to a ruleset of that
///   namespace, which only the namespace's state holds, until [`PerNet`](super::net_namespace::PerNet)'s end,
///   and descriptors, which hold the namespace.
pub(crate) struct KeyedConnections {
    data: NonNull<nf_conncount_data>,
    counter: Arc<ConnectionCounter>,
}

// SAFETY: The lists have locks of their own.
unsafe impl Send for KeyedConnections {}
// SAFETY: As above.
unsafe impl Sync for KeyedConnections {}

impl KeyedConnections {
    /// No lists yet, for connections of `net`. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(counter: Arc<ConnectionCounter>, net: &Net) -> Result<Self> {
        let len = size_of::<[u32; KEY_WORDS]>() as u32;
        // SAFETY: The namespace is there, and stays, by the type invariants.
        let data = unsafe { (counter.0.nf_conncount_init)(net.raw(), len) };
        let data = NonNull::new(kernel::error::from_err_ptr(data)?).ok_or(ENOMEM)?;
        // INVARIANT: It was just made.
        Ok(KeyedConnections { data, counter })
    }

    /// Adds the packet's connection to the list of `key`; how many there are then. `None` if it cannot be
    /// counted. Of a key that is too long, what is beyond goes into the words by exclusive or.
    pub(crate) fn add(&self, packet: &Skb<'_>, key: &[u8]) -> Option<u32> {
        let mut words = [0_u32; KEY_WORDS];
        for (index, chunk) in key.chunks(4).enumerate() {
            let mut bytes = [0; 4];
            for (to, from) in bytes.iter_mut().zip(chunk) {
                *to = *from;
            }
            let place = index.checked_rem(KEY_WORDS).unwrap_or(0);
            // Turned by its round, so that parts that are equal do not cancel out.
            let round = index.checked_div(KEY_WORDS).unwrap_or(0) as u32;
            let word = u32::from_ne_bytes(bytes).rotate_left(round.wrapping_mul(7));
            if let Some(to) = words.get_mut(place) {
                *to ^= word;
            }
        }
        // SAFETY: By the type invariants; the packet is in a hook, and the RCU read-side lock held.
        let count = unsafe {
            (self.counter.0.nf_conncount_count_skb)(
                packet.net(),
                packet.raw().as_ptr(),
                u16::from(packet.family()),
                self.data.as_ptr(),
                words.as_ptr(),
            )
        };
        (count != 0).then_some(count)
    }
}

impl Drop for KeyedConnections {
    fn drop(&mut self) {
        // The namespace is not looked at.
        let net = core::ptr::null_mut();
        // SAFETY: By the type invariants; nobody else has it any more.
        unsafe { (self.counter.0.nf_conncount_destroy)(net, self.data.as_ptr()) };
    }
}
