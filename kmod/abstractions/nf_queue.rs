// SPDX-License-Identifier: GPL-2.0
//! Choosing the queue by which a packet goes to user space.
//!
//! C header: [`include/net/netfilter/nf_queue.h`](srctree/include/net/netfilter/nf_queue.h)

use super::{bindings, skbuff::Skb};

impl Skb<'_> {
    /// One of `total` queues from `first` on, by the packet's flow: both directions have the same.
    pub(crate) fn queue_of_flow(&self, first: u16, total: u16, seed: u32) -> u16 {
        // SAFETY: `skb` is valid, and IP has seen to it that its header is in the linear part.
        unsafe {
            bindings::ferrule_nfqueue_hash(self.raw().as_ptr(), first, total, self.family(), seed)
        }
    }
}
