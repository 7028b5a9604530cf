// SPDX-License-Identifier: GPL-2.0
//! Bits at an offset from a header's beginning: `nft_payload_eval()`.

use ferrule_uapi::expr::{Expr, PayloadBase};

use crate::{
    key::{protocol, Key},
    number::{Span, MAX_SPAN},
    packet::Packet,
};

/// Bytes of the addresses in an Ethernet header: what follows is behind a VLAN tag, if there is one.
pub(crate) const ETHERNET_ADDRESSES: usize = 12;

/// The value of a payload expression.
pub(super) fn load<P: Packet>(packet: &P, key: &Key, expr: &Expr) -> Option<u128> {
    let span = Span::of(expr.offset, expr.bits.into());
    let base = PayloadBase::from_raw(expr.key)?;
    if base == PayloadBase::Link {
        return read_link(packet, span);
    }
    read(packet, offset(packet, key, base)?, span)
}

/// Where a base lies, from the network header on; `None` if the packet has none.
pub(crate) fn offset<P: Packet>(packet: &P, key: &Key, base: PayloadBase) -> Option<u32> {
    match base {
        PayloadBase::Network => Some(0),
        PayloadBase::Transport => Some(key.transport()?.offset),
        PayloadBase::Inner => inner_offset(packet, key),
        PayloadBase::Link | PayloadBase::Tunnel => None,
    }
}

/// The value of `span` from the byte at `base` on.
pub(super) fn read<P: Packet>(packet: &P, base: u32, span: Span) -> Option<u128> {
    let mut bytes = [0_u8; MAX_SPAN];
    let bytes = bytes.get_mut(..span.len() as usize)?;
    let at = base.checked_add(span.start)?;
    fill(packet, at, bytes).then(|| span.read(bytes))
}

/// Fills `to` from `offset`, from what lies together if it is there.
pub(crate) fn fill<P: Packet>(packet: &P, offset: u32, to: &mut [u8]) -> bool {
    let start = offset as usize;
    let end = start.saturating_add(to.len());
    match packet.head().get(start..end) {
        Some(from) => {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
            true
        }
        None => packet.copy(offset, to),
    }
}

/// The value of `span` in the link header. What lies behind that header is the network header.
fn read_link<P: Packet>(packet: &P, span: Span) -> Option<u128> {
    if packet.link().is_empty() {
        return None;
    }
    let mut bytes = [0_u8; MAX_SPAN];
    let bytes = bytes.get_mut(..span.len() as usize)?;
    let tag = packet
        .vlan()
        .filter(|_| span.end as usize > ETHERNET_ADDRESSES);
    let mut at = span.start as usize;
    for byte in bytes.iter_mut() {
        *byte = link_byte(packet, tag, at)?;
        at = at.wrapping_add(1);
    }
    Some(span.read(bytes))
}

/// Byte `at` of the link header, with the VLAN tag that the device took out put back
/// (`nft_payload_copy_vlan()`).
fn link_byte<P: Packet>(packet: &P, tag: Option<[u8; 4]>, at: usize) -> Option<u8> {
    let plain = |at: usize| match packet.link().get(at) {
        Some(byte) => Some(*byte),
        None => {
            let behind = at.checked_sub(packet.link().len())?;
            let [byte] = packet.bytes(u32::try_from(behind).ok()?)?;
            Some(byte)
        }
    };
    let (Some([p0, p1, t0, t1]), Some(behind)) = (tag, at.checked_sub(ETHERNET_ADDRESSES)) else {
        return plain(at);
    };
    let [e0, e1] = packet.protocol().to_be_bytes();
    match [p0, p1, t0, t1, e0, e1].get(behind) {
        Some(byte) => Some(*byte),
        None => plain(at.wrapping_sub(4)),
    }
}

/// What the transport header is followed by: `nft_payload_inner_offset()`.
pub(crate) fn inner_offset<P: Packet>(packet: &P, key: &Key) -> Option<u32> {
    let transport = key.transport()?;
    let offset = transport.offset;
    let header = match transport.protocol {
        protocol::UDP => 8,
        protocol::TCP => {
            let header: [u8; 20] = packet.bytes(offset)?;
            let [.., length, _, _, _, _, _, _, _] = header;
            u32::from(length >> 4).wrapping_mul(4)
        }
        protocol::GRE => gre_header(packet.bytes(offset)?)?,
        protocol::IPIP => 0,
        _ => return None,
    };
    offset.checked_add(header)
}

/// Length of a GRE header (RFC 2784, RFC 2890), of which these are the first bytes; `None` if it is of
/// another version, or has a source route.
fn gre_header(first: [u8; 4]) -> Option<u32> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 7;
    let [f0, f1, _, _] = first;
    let flags = u16::from_be_bytes([f0, f1]);
    if flags & (VERSION | ROUTING) != 0 {
        return None;
    }
    let words = [CHECKSUM, KEY, SEQUENCE]
        .iter()
        .filter(|bit| flags & **bit != 0);
    Some(words.fold(4, |len: u32, _| len.wrapping_add(4)))
}
