// SPDX-License-Identifier: GPL-2.0
//! What the engine needs to know of a packet, and what it does to it.
//!
//! The kernel implements this for an `sk_buff` in a hook, the host tools for a frame from a capture.
//! Offsets count from the network header.

use ferrule_uapi::hook::Family;

/// A packet at a hook.
pub trait Packet {
    /// The family of the hook that it came through: [`Family::Ip`] or [`Family::Ip6`].
    fn family(&self) -> Family;

    /// Bytes from the network header on (`skb->len`).
    fn len(&self) -> u32;

    /// Whether there is not a byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes, as many as lie together in memory; may be none.
    fn head(&self) -> &[u8];

    /// Fills `to` from `offset`, wherever the bytes lie. `false`, with `to` in any state, if the
    /// packet has not that many.
    fn copy(&self, offset: u32, to: &mut [u8]) -> bool;

    /// The EtherType (`skb->protocol`), as a number.
    fn protocol(&self) -> u16;

    /// `PACKET_*` of `linux/if_packet.h`.
    fn pkttype(&self) -> u8;

    /// Index of the receiving interface; 0 if there is none.
    fn iif(&self) -> u32;

    /// Index of the sending interface; 0 if there is none.
    fn oif(&self) -> u32;

    /// Name of the receiving interface, padded with zeros; all zeros if there is none.
    fn iifname(&self) -> [u8; 16];

    /// Name of the sending interface, padded with zeros; all zeros if there is none.
    fn oifname(&self) -> [u8; 16];

    /// The mark.
    fn mark(&self) -> u32;

    /// Sets the mark.
    fn set_mark(&mut self, mark: u32);

    /// Adds this packet (one, and [`Packet::len`] bytes) to a counter of the program.
    fn count(&mut self, counter: u32);

    /// The `N` bytes at `offset`, or `None` if the packet has not that many.
    fn bytes<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        if let Some(rest) = self.head().get(offset as usize..) {
            if let Some(bytes) = rest.first_chunk::<N>() {
                return Some(*bytes);
            }
        }
        let mut bytes = [0; N];
        self.copy(offset, &mut bytes).then_some(bytes)
    }
}
