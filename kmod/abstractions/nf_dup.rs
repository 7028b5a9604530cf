// SPDX-License-Identifier: GPL-2.0
//! Sending a copy of a packet elsewhere.
//!
//! C headers: [`include/net/netfilter/ipv4/nf_dup_ipv4.h`](srctree/include/net/netfilter/ipv4/nf_dup_ipv4.h),
//! [`include/net/netfilter/ipv6/nf_dup_ipv6.h`](srctree/include/net/netfilter/ipv6/nf_dup_ipv6.h)

use kernel::{
    bindings::{in6_addr, in_addr, net, sk_buff},
    prelude::*,
};

use super::{dst::Address6, optional::optional, skbuff::Skb};

optional! {
    /// Copies IPv4 packets.
    pub(super) struct Dup4 from "nf_dup_ipv4" {
        nf_dup_ipv4: unsafe extern "C" fn(*mut net, *mut sk_buff, c_uint, *const in_addr, c_int),
    }

    /// Copies IPv6 packets.
    pub(super) struct Dup6 from "nf_dup_ipv6" {
        nf_dup_ipv6: unsafe extern "C" fn(*mut net, *mut sk_buff, c_uint, *const in6_addr, c_int),
    }
}

/// What copies packets.
pub(crate) struct Copier {
    v4: Dup4,
    v6: Dup6,
}

impl Copier {
    /// Gets ready. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if this kernel cannot.
    pub(crate) fn get() -> Result<Self> {
        Ok(Copier {
            v4: Dup4::get()?,
            v6: Dup6::get()?,
        })
    }

    /// Sends a copy of an IPv4 packet to `gateway`, by the interface with index `oif` if it says one.
    pub(crate) fn send(&self, packet: &Skb<'_>, gateway: [u8; 4], oif: Option<u32>) {
        let gateway = u32::from_ne_bytes(gateway);
        // SAFETY: The packet is in a hook; the pointer is to an address in network order. The function copies
        // the packet, and is there while `self` is.
        unsafe {
            (self.v4.nf_dup_ipv4)(
                packet.net(),
                packet.raw().as_ptr(),
                u32::from(packet.hook()),
                (&raw const gateway).cast(),
                oif.map_or(-1, |oif| oif as i32),
            )
        };
    }

    /// The same of an IPv6 packet.
    pub(crate) fn send6(&self, packet: &Skb<'_>, gateway: [u8; 16], oif: Option<u32>) {
        let gateway = Address6(gateway);
        // SAFETY: As above.
        unsafe {
            (self.v6.nf_dup_ipv6)(
                packet.net(),
                packet.raw().as_ptr(),
                u32::from(packet.hook()),
                gateway.pointer(),
                oif.map_or(-1, |oif| oif as i32),
            )
        };
    }
}
