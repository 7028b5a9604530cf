// SPDX-License-Identifier: GPL-2.0
//! Looking a packet's addresses up in the routing table.
//!
//! C header: [`include/net/ip_fib.h`](srctree/include/net/ip_fib.h)
//!
//! The same questions as nftables' `fib` asks, in the same words: `v4` is what `nft_fib_ipv4.c` does, `v6`
//! what `nft_fib_ipv6.c` does.

mod v4;
mod v6;

use super::{bindings, netdevice::Interface, skbuff::Skb};

/// What is asked (`NFTA_FIB_F_*`).
#[derive(Clone, Copy)]
pub(crate) struct Question {
    /// About the source, not the destination.
    pub(crate) source: bool,
    /// With the packet's mark.
    pub(crate) mark: bool,
    /// Only by the interface that it came from.
    pub(crate) input: bool,
    /// Only by the interface that it goes to.
    pub(crate) output: bool,
    /// Its transport protocol; 0 if it has none.
    pub(crate) l4proto: u8,
}

/// `NF_INET_FORWARD`.
const FORWARD: u8 = kernel::bindings::nf_inet_hooks_NF_INET_FORWARD as u8;

/// `LOOPBACK_IFINDEX`.
const LOOPBACK_IFINDEX: i32 = 1;

impl Skb<'_> {
    /// The interface that the address is reached by: its index, and name. `None` if the packet has no whole header;
    /// no interface if there is no route.
    pub(crate) fn reached_by(&self, question: Question) -> Option<Interface<'_>> {
        if self.is_input() && self.is_routed() {
            return Some(self.input_again());
        }
        if self.is_v6() {
            v6::interface(self, question)
        } else {
            v4::interface(self, question)
        }
    }

    /// What kind of address it is (`RTN_*`). `None` if the packet has no whole header.
    pub(crate) fn address_kind(&self, question: Question) -> Option<u32> {
        if self.is_v6() {
            v6::kind(self, question)
        } else {
            v4::kind(self, question)
        }
    }

    /// Whether it is in a hook before it is known to be for somebody.
    fn is_input(&self) -> bool {
        let hook = u32::from(self.hook());
        hook == kernel::bindings::nf_inet_hooks_NF_INET_PRE_ROUTING
            || hook == kernel::bindings::nf_inet_hooks_NF_INET_LOCAL_IN
    }

    fn is_v6(&self) -> bool {
        u32::from(self.family()) == kernel::bindings::NFPROTO_IPV6
    }

    fn input_again(&self) -> Interface<'_> {
        // SAFETY: It is null or valid as long as the packet is in the hook.
        unsafe { Interface::from_raw(self.input().raw()) }
    }

    fn output_again(&self) -> Interface<'_> {
        // SAFETY: It is null or valid as long as the packet is in the hook.
        unsafe { Interface::from_raw(self.output().raw()) }
    }

    /// The interface that the question is confined to; none if it is not.
    fn confined_to(&self, question: Question) -> Interface<'_> {
        match question {
            Question { input: true, .. } => self.input_again(),
            Question { output: true, .. } => self.output_again(),
            // SAFETY: Null is no interface.
            _ => unsafe { Interface::from_raw(core::ptr::null_mut()) },
        }
    }

    /// The VRF of `interface`, or, if that is none, of the packet's device.
    fn master_of(&self, interface: &Interface<'_>) -> i32 {
        let device = match interface.raw() {
            device if device.is_null() => self.device().raw(),
            device => device,
        };
        // SAFETY: It is null or valid; the RCU read-side lock is held.
        unsafe { bindings::ferrule_l3mdev_master_ifindex_rcu(device) }
    }

    /// The index of the interface that a flow is said to come from.
    fn flow_input(&self, question: Question) -> i32 {
        if self.hook() == FORWARD && question.input && question.source {
            self.output().index() as i32
        } else {
            LOOPBACK_IFINDEX
        }
    }
}
