// SPDX-License-Identifier: GPL-2.0
//! Routing a packet anew after a chain of type route has changed what its route depends on.
//!
//! C headers: [`include/linux/netfilter_ipv4.h`](srctree/include/linux/netfilter_ipv4.h),
//! [`include/linux/netfilter_ipv6.h`](srctree/include/linux/netfilter_ipv6.h)

use super::{bindings, skbuff::Skb};

/// `NFPROTO_IPV6`.
const IPV6: u8 = 10;

/// `RTN_UNSPEC`: whatever type of address the source is.
const ANY_TYPE: u32 = 0;

impl Skb<'_> {
    /// Looks the route up again. `false`: there is none, and the packet cannot go on.
    pub(crate) fn reroute(&mut self) -> bool {
        let skb = self.raw().as_ptr();
        let (net, sk) = (self.net(), self.state().sk);
        // SAFETY: By the type invariants `skb` is valid and nobody else uses it, and netfilter's namespace and
        // socket are valid for as long as the hook function runs. Both may be called in softirq context.
        let result = unsafe {
            match self.family() {
                IPV6 => bindings::ip6_route_me_harder(net, sk, skb),
                _ => bindings::ip_route_me_harder(net, sk, skb, ANY_TYPE),
            }
        };
        // Room for another link header may have been made.
        self.locate();
        result >= 0
    }
}
