// SPDX-License-Identifier: GPL-2.0
//! Packets.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)
//!
//! A packet's bytes lie in a linear part and in fragments:
//!
//! ```text
//!  skb->head        skb->data                  skb->tail
//!  │   headroom     │   linear: len - data_len │           fragments: data_len
//!  ├────────────────┼──────────────────────────┤   ┌───────┐ ┌───────┐
//!  └────────────────┴──────────────────────────┘   └───────┘ └───────┘
//!                   │
//!                   skb->head + skb->network_header, in a netfilter hook
//! ```
//!
//! In a hook of IPv4 or IPv6 the network header is where the data begin. Should it lie elsewhere, offsets
//! here still count from it.

mod notes;
mod write;

use core::{marker::PhantomData, ptr::NonNull, slice};

use kernel::{
    bindings::{net, sk_buff},
    types::NotThreadSafe,
};

use super::{
    bindings::{self, nf_hook_state},
    netdevice::Interface,
};

/// A packet in a hook, which has it for itself.
///
/// # Invariants
///
/// - `skb` is valid for `'a`, and nobody else writes to it or to its linear part meanwhile.
/// - `head_len` bytes from `head` on are in its linear part, initialised, and valid for `'a`.
/// - `offset` is the network header's, from `skb->data`.
/// - `state` is valid for `'a`, and so are the namespace and the devices that it names.
pub(crate) struct Skb<'a> {
    skb: NonNull<sk_buff>,
    state: NonNull<nf_hook_state>,
    head: *const u8,
    head_len: usize,
    offset: i32,
    len: u32,
    input: Interface<'a>,
    output: Interface<'a>,
    _lifetime: PhantomData<&'a mut sk_buff>,
    _not_thread_safe: NotThreadSafe,
}

impl<'a> Skb<'a> {
    /// Wraps a packet on its way from one interface to another.
    ///
    /// # Safety
    ///
    /// `skb` must be valid and not be shared, and its network header set, and `state` be what netfilter handed
    /// over with it, for the lifetime that the caller gives the result. The RCU read-side lock must be
    /// held meanwhile.
    #[inline]
    pub(super) unsafe fn from_raw(skb: NonNull<sk_buff>, state: NonNull<nf_hook_state>) -> Self {
        // SAFETY: `state` is valid, its devices are null or protected by RCU.
        let (input, output) = unsafe {
            (
                Interface::from_raw((*state.as_ptr()).in_),
                Interface::from_raw((*state.as_ptr()).out),
            )
        };
        let mut this = Skb {
            skb,
            state,
            head: skb.as_ptr().cast_const().cast(),
            head_len: 0,
            offset: 0,
            len: 0,
            input,
            output,
            _lifetime: PhantomData,
            _not_thread_safe: NotThreadSafe,
        };
        this.locate();
        this
    }

    /// Finds out where the bytes lie: to be called again when that may have changed.
    #[inline]
    pub(super) fn locate(&mut self) {
        let raw = self.skb.as_ptr();
        // SAFETY: By the type invariants `skb` is valid.
        let (head, data, len, data_len) =
            unsafe { ((*raw).head, (*raw).data, (*raw).len, (*raw).data_len) };
        // SAFETY: The constant is the offset of `network_header`, a `u16`.
        let network_header = unsafe {
            self.member(bindings::FERRULE_SKB_NETWORK_HEADER)
                .cast::<u16>()
                .read()
        };
        self.head = head.wrapping_add(usize::from(network_header)).cast_const();
        // The buffer is far smaller than 2 GiB: the differences fit.
        let offset = (self.head.addr() as i64).wrapping_sub(data.addr() as i64);
        let linear = i64::from(len).wrapping_sub(i64::from(data_len));
        // INVARIANT: The linear part ends `linear` bytes after `data`, `linear - offset` after `head`,
        // which is not before `skb->head`: `network_header` is no negative number.
        self.head_len = usize::try_from(linear.wrapping_sub(offset)).unwrap_or(0);
        self.len = u32::try_from(i64::from(len).wrapping_sub(offset)).unwrap_or(0);
        self.offset = offset as i32;
    }

    /// Where a member of `struct sk_buff` is.
    #[inline]
    fn member(&self, offset: u32) -> *mut u8 {
        self.skb.as_ptr().cast::<u8>().wrapping_add(offset as usize)
    }

    /// Bytes from the network header on.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Those of them that lie in the linear part.
    #[inline]
    pub(crate) fn head(&self) -> &[u8] {
        // SAFETY: By the type invariants.
        unsafe { slice::from_raw_parts(self.head, self.head_len) }
    }

    /// Fills `to` from `offset` after the network header (`skb_copy_bits`). `false`, with `to` in any
    /// state, if the packet has not that many bytes.
    pub(crate) fn copy(&self, offset: u32, to: &mut [u8]) -> bool {
        let end = u64::from(offset).saturating_add(to.len() as u64);
        if end > u64::from(self.len) {
            return false;
        }
        let from = i64::from(self.offset).saturating_add(i64::from(offset));
        let (Ok(from), Ok(len)) = (i32::try_from(from), i32::try_from(to.len())) else {
            return false;
        };
        // SAFETY: By the type invariants `skb` is valid; `to` is `len` bytes. C checks the rest.
        unsafe {
            kernel::bindings::skb_copy_bits(self.skb.as_ptr(), from, to.as_mut_ptr().cast(), len)
                == 0
        }
    }

    /// `skb->protocol` as a number.
    #[inline]
    pub(crate) fn protocol(&self) -> u16 {
        // SAFETY: By the type invariants `skb` is valid; the constant is the offset of `protocol`,
        // a `__be16`.
        let protocol = unsafe {
            self.member(bindings::FERRULE_SKB_PROTOCOL)
                .cast::<u16>()
                .read()
        };
        u16::from_be(protocol)
    }

    /// `skb->pkt_type`.
    #[inline]
    pub(crate) fn pkttype(&self) -> u8 {
        // SAFETY: By the type invariants `skb` is valid; the constant is the offset of the byte that the
        // bit field is in.
        let byte = unsafe { self.member(bindings::FERRULE_SKB_PKT_TYPE).read() };
        const MASK: u8 = bindings::FERRULE_SKB_PKT_TYPE_MASK as u8;
        (byte & MASK) >> MASK.trailing_zeros()
    }

    /// `skb->mark`.
    #[inline]
    pub(crate) fn mark(&self) -> u32 {
        // SAFETY: By the type invariants `skb` is valid; the constant is the offset of `mark`, a `u32`.
        unsafe { self.member(bindings::FERRULE_SKB_MARK).cast::<u32>().read() }
    }

    /// Sets `skb->mark`.
    #[inline]
    pub(crate) fn set_mark(&mut self, mark: u32) {
        // SAFETY: As in `mark`; and nobody else writes to `skb`.
        unsafe {
            self.member(bindings::FERRULE_SKB_MARK)
                .cast::<u32>()
                .write(mark)
        }
    }

    /// The packet itself, for what else has to do with it.
    #[inline]
    pub(super) fn raw(&self) -> NonNull<sk_buff> {
        self.skb
    }

    /// What netfilter handed over with it.
    #[inline]
    pub(super) fn state(&self) -> &nf_hook_state {
        // SAFETY: By the type invariants.
        unsafe { self.state.as_ref() }
    }

    /// The network namespace of the hook.
    #[inline]
    pub(super) fn net(&self) -> *mut net {
        self.state().net
    }

    /// The hook (`NF_INET_*`).
    #[inline]
    pub(crate) fn hook(&self) -> u8 {
        self.state().hook
    }

    /// The family of the hook (`NFPROTO_*`).
    #[inline]
    pub(crate) fn family(&self) -> u8 {
        self.state().pf
    }

    /// The interface that it came in through.
    #[inline]
    pub(crate) fn input(&self) -> &Interface<'a> {
        &self.input
    }

    /// The interface that it is to go out through.
    #[inline]
    pub(crate) fn output(&self) -> &Interface<'a> {
        &self.output
    }
}
