// SPDX-License-Identifier: GPL-2.0
//! What the kernel notes about a packet beside its bytes.

use core::slice;

use super::{Interface, Skb};
use crate::abstractions::{bindings, member::Member};

const PRIORITY: Member<u32> = Member::at(bindings::FERRULE_SKB_PRIORITY);
const SECMARK: Member<u32> = Member::at(bindings::FERRULE_SKB_SECMARK);
const DEVICE: Member<*mut kernel::bindings::net_device> = Member::at(bindings::FERRULE_SKB_DEV);
const VLAN_PROTO: Member<[u8; 2]> = Member::at(bindings::FERRULE_SKB_VLAN_PROTO);
const VLAN_TCI: Member<u16> = Member::at(bindings::FERRULE_SKB_VLAN_TCI);
const MAC_HEADER: Member<u16> = Member::at(bindings::FERRULE_SKB_MAC_HEADER);

/// `mac_header` where there is none (`skb_mac_header_was_set()`).
const NO_HEADER: u16 = !0;

impl Skb<'_> {
    /// `skb->priority`.
    pub(crate) fn priority(&self) -> u32 {
        // SAFETY: By the type invariants `skb` is valid.
        unsafe { PRIORITY.read(self.skb) }
    }

    /// Sets `skb->priority`.
    pub(crate) fn set_priority(&mut self, priority: u32) {
        // SAFETY: By the type invariants `skb` is valid and ours to write to.
        unsafe { PRIORITY.write(self.skb, priority) }
    }

    /// `skb->secmark`, if this kernel has it.
    pub(crate) fn secmark(&self) -> Option<u32> {
        // SAFETY: By the type invariants `skb` is valid.
        unsafe { SECMARK.get(self.skb) }
    }

    /// Sets `skb->secmark`, if this kernel has it.
    pub(crate) fn set_secmark(&mut self, secmark: u32) {
        if SECMARK.exists() {
            // SAFETY: By the type invariants `skb` is valid and ours to write to.
            unsafe { SECMARK.write(self.skb, secmark) }
        }
    }

    /// `skb->nf_trace`.
    pub(crate) fn is_traced(&self) -> bool {
        // SAFETY: By the type invariants `skb` is valid.
        unsafe { bindings::ferrule_skb_nf_trace(self.skb.as_ptr()) }
    }

    /// Sets `skb->nf_trace`.
    pub(crate) fn set_traced(&mut self, traced: bool) {
        // SAFETY: By the type invariants `skb` is valid and ours to write to.
        unsafe { bindings::ferrule_skb_set_nf_trace(self.skb.as_ptr(), traced) }
    }

    /// Sets `skb->pkt_type`.
    pub(crate) fn set_pkttype(&mut self, pkttype: u8) {
        // SAFETY: By the type invariants `skb` is valid and ours to write to.
        unsafe { bindings::ferrule_skb_set_pkt_type(self.skb.as_ptr(), pkttype) }
    }

    /// `skb->dev`.
    pub(crate) fn device(&self) -> Interface<'_> {
        // SAFETY: By the type invariants `skb` is valid; its device is null or protected by RCU.
        unsafe { Interface::from_raw(DEVICE.read(self.skb)) }
    }

    /// Whether it came through IPsec (`secpath_exists()`).
    pub(crate) fn has_security_path(&self) -> bool {
        // SAFETY: By the type invariants `skb` is valid.
        !unsafe { bindings::ferrule_skb_sec_path(self.skb.as_ptr()) }.is_null()
    }

    /// Index of the interface that was enslaved to the VRF which it came in by; 0 if none (`inet_sdif()`,
    /// `inet6_sdif()`).
    pub(crate) fn slave(&self) -> u32 {
        let skb = self.skb.as_ptr();
        // SAFETY: By the type invariants `skb` is valid, and it is in a hook of the family whose control
        // block is read.
        let index = unsafe {
            if u32::from(self.family()) == kernel::bindings::NFPROTO_IPV6 {
                bindings::ferrule_inet6_sdif(skb)
            } else {
                bindings::ferrule_inet_sdif(skb)
            }
        };
        index as u32
    }

    /// The interface with this index.
    pub(crate) fn interface(&self, index: u32) -> Interface<'_> {
        // SAFETY: By the type invariants the namespace is valid; the RCU read-side lock is held, which
        // protects what is returned.
        unsafe { Interface::from_raw(bindings::dev_get_by_index_rcu(self.net(), index as i32)) }
    }

    /// A hash that both directions of a flow have in common.
    pub(crate) fn symmetric_hash(&self) -> u32 {
        // SAFETY: By the type invariants both are valid.
        unsafe { bindings::__skb_get_hash_symmetric_net(self.net(), self.skb.as_ptr()) }
    }

    /// The VLAN tag that is kept beside the packet: protocol and TCI as on the wire.
    pub(crate) fn vlan(&self) -> Option<[u8; 4]> {
        // SAFETY: By the type invariants `skb` is valid.
        if !unsafe { bindings::ferrule_skb_vlan_tag_present(self.skb.as_ptr()) } {
            return None;
        }
        // SAFETY: As above.
        let (protocol, tci) = unsafe { (VLAN_PROTO.read(self.skb), VLAN_TCI.read(self.skb)) };
        let ([p0, p1], [t0, t1]) = (protocol, tci.to_be_bytes());
        Some([p0, p1, t0, t1])
    }

    /// Bytes of the link header, up to the network header.
    pub(crate) fn link(&self) -> &[u8] {
        // SAFETY: By the type invariants `skb` is valid.
        let (head, mac, network) = unsafe {
            (
                (*self.skb.as_ptr()).head,
                MAC_HEADER.read(self.skb),
                Member::<u16>::at(bindings::FERRULE_SKB_NETWORK_HEADER).read(self.skb),
            )
        };
        if mac == NO_HEADER || mac >= network {
            return &[];
        }
        let len = usize::from(network.wrapping_sub(mac));
        // SAFETY: Both headers lie in the linear part's buffer, and what is between them came from the wire or
        // was written by whoever set them.
        unsafe { slice::from_raw_parts(head.wrapping_add(usize::from(mac)), len) }
    }
}
