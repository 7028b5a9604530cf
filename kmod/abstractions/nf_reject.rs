// SPDX-License-Identifier: GPL-2.0
//! Answering a packet with an error.
//!
//! C headers: [`include/net/netfilter/ipv4/nf_reject.h`](srctree/include/net/netfilter/ipv4/nf_reject.h),
//! [`include/net/netfilter/ipv6/nf_reject.h`](srctree/include/net/netfilter/ipv6/nf_reject.h)

use kernel::{
    bindings::{net, sk_buff, sock},
    prelude::*,
};

use super::{optional::optional, skbuff::Skb};

optional! {
    /// Answers IPv4 packets.
    pub(super) struct Reject4 from "nf_reject_ipv4" {
        nf_send_unreach: unsafe extern "C" fn(*mut sk_buff, c_int, c_int),
        nf_send_reset: unsafe extern "C" fn(*mut net, *mut sock, *mut sk_buff, c_int),
    }

    /// Answers IPv6 packets.
    pub(super) struct Reject6 from "nf_reject_ipv6" {
        nf_send_unreach6: unsafe extern "C" fn(*mut net, *mut sk_buff, u8, c_uint),
        nf_send_reset6: unsafe extern "C" fn(*mut net, *mut sock, *mut sk_buff, c_int),
    }
}

/// What answers packets.
pub(crate) struct Rejecter {
    v4: Reject4,
    v6: Reject6,
}

impl Rejecter {
    /// Gets ready. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if this kernel cannot.
    pub(crate) fn get() -> Result<Self> {
        Ok(Rejecter {
            v4: Reject4::get()?,
            v6: Reject6::get()?,
        })
    }

    /// Answers with ICMP or ICMPv6 destination unreachable.
    pub(crate) fn unreachable(&self, packet: &Skb<'_>, code: u8) {
        let (skb, hook) = (packet.raw().as_ptr(), packet.hook());
        // SAFETY: The packet is in a hook of the family, and the functions are there while `self` is. They look
        // at it, and do not keep it.
        unsafe {
            if u32::from(packet.family()) == kernel::bindings::NFPROTO_IPV6 {
                (self.v6.nf_send_unreach6)(packet.net(), skb, code, u32::from(hook));
            } else {
                (self.v4.nf_send_unreach)(skb, c_int::from(code), c_int::from(hook));
            }
        }
    }

    /// Answers with a TCP reset.
    pub(crate) fn reset(&self, packet: &Skb<'_>) {
        let (skb, hook) = (packet.raw().as_ptr(), c_int::from(packet.hook()));
        let sock = packet.state().sk;
        // SAFETY: As above; the socket is null or the one that sends the packet.
        unsafe {
            if u32::from(packet.family()) == kernel::bindings::NFPROTO_IPV6 {
                (self.v6.nf_send_reset6)(packet.net(), sock, skb, hook);
            } else {
                (self.v4.nf_send_reset)(packet.net(), sock, skb, hook);
            }
        }
    }
}
