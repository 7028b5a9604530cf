// SPDX-License-Identifier: GPL-2.0
//! The packet within the packet: `nft_inner.c`.
//!
//! It is walked anew for each expression; nftables keeps what it found for each CPU, which is the same as
//! long as the packet is.

use ferrule_uapi::expr::{Expr, ExprKind, MetaKey, PayloadBase, Tunnel};

use crate::{
    key::{find_transport, protocol, Key},
    number::Span,
    packet::Packet,
};

use super::payload::{inner_offset, read};

/// EtherTypes.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;

/// Bytes of the fixed VXLAN and GENEVE headers.
const UDP_TUNNEL_HEADER: u32 = 8;

/// What was found of the packet within.
#[derive(Default)]
struct Inside {
    tunnel: Option<u32>,
    link: Option<u32>,
    network: u32,
    protocol: u16,
    /// Offset and protocol, unless it is a later fragment.
    transport: Option<(u32, u8)>,
}

/// The value of an inner expression.
pub(super) fn load<P: Packet>(packet: &P, key: &Key, expr: &Expr) -> Option<u128> {
    let inside = parse(packet, key, Tunnel::from_raw(expr.key)?)?;
    if expr.op == ExprKind::Meta as u8 {
        return match MetaKey::from_raw(u8::try_from(expr.a).ok()?)? {
            MetaKey::Protocol => Some(inside.protocol.into()),
            MetaKey::L4proto => inside.transport.map(|(_, protocol)| protocol.into()),
            _ => None,
        };
    }
    let base = match PayloadBase::from_raw(u8::try_from(expr.a).ok()?)? {
        PayloadBase::Link => inside.link?,
        PayloadBase::Network => inside.network,
        PayloadBase::Transport => inside.transport?.0,
        PayloadBase::Tunnel => inside.tunnel?,
        PayloadBase::Inner => return None,
    };
    read(packet, base, Span::of(expr.offset, expr.bits.into()))
}

/// Walks the tunnel's header and what is in it.
fn parse<P: Packet>(packet: &P, key: &Key, tunnel: Tunnel) -> Option<Inside> {
    let mut at = inner_offset(packet, key)?;
    let outer = key.transport()?;
    let mut inside = Inside::default();
    match outer.protocol {
        protocol::GRE => inside.tunnel = Some(outer.offset),
        protocol::UDP => {
            inside.tunnel = Some(at);
            let header = udp_tunnel_header(packet, at, tunnel)?;
            at = at.checked_add(header)?;
        }
        _ => return None,
    }
    let (kind, at) = match tunnel {
        Tunnel::Gre => (by_version(packet, at)?, at),
        Tunnel::Vxlan | Tunnel::Geneve | Tunnel::Gretap => {
            inside.link = Some(at);
            ethernet(packet, at, &mut inside)?
        }
    };
    if tunnel == Tunnel::Gre {
        inside.protocol = kind;
    }
    inside.network = at;
    inside.transport = match kind {
        IPV4 => ipv4(packet, at)?,
        IPV6 => ipv6(packet, at)?,
        _ => return None,
    };
    Some(inside)
}

/// Bytes of the header of a tunnel over UDP.
fn udp_tunnel_header<P: Packet>(packet: &P, at: u32, tunnel: Tunnel) -> Option<u32> {
    match tunnel {
        Tunnel::Geneve => {
            let header: [u8; 8] = packet.bytes(at)?;
            let [first, ..] = header;
            let options = u32::from(first & 0x3f).wrapping_mul(4);
            Some(UDP_TUNNEL_HEADER.wrapping_add(options))
        }
        Tunnel::Vxlan => Some(UDP_TUNNEL_HEADER),
        // `sizeof(struct grehdr)`, which is what such an expression says whatever encloses it.
        Tunnel::Gre | Tunnel::Gretap => Some(4),
    }
}

/// The EtherType that the first byte of an IP packet stands for.
fn by_version<P: Packet>(packet: &P, at: u32) -> Option<u16> {
    let [first, _, _, _]: [u8; 4] = packet.bytes(at)?;
    match first >> 4 {
        4 => Some(IPV4),
        6 => Some(IPV6),
        _ => None,
    }
}

/// The EtherType behind an Ethernet header and perhaps a VLAN tag, and where what follows begins.
fn ethernet<P: Packet>(packet: &P, at: u32, inside: &mut Inside) -> Option<(u16, u32)> {
    let kind_at = |offset: u32| {
        let kind: [u8; 2] = packet.bytes(at.checked_add(offset)?)?;
        Some(u16::from_be_bytes(kind))
    };
    let kind = kind_at(12)?;
    inside.protocol = kind;
    match kind {
        IPV4 | IPV6 => Some((kind, at.checked_add(14)?)),
        VLAN => Some((kind_at(16)?, at.checked_add(18)?)),
        _ => None,
    }
}

/// The transport header in an IPv4 packet. The outer `None`: it is none.
fn ipv4<P: Packet>(packet: &P, at: u32) -> Option<Option<(u32, u8)>> {
    let header: [u8; 20] = packet.bytes(at)?;
    let [first, _, _, _, _, _, f0, f1, _, protocol, ..] = header;
    let words = first & 15;
    if words < 5 || first >> 4 != 4 {
        return None;
    }
    let offset = at.checked_add(u32::from(words).wrapping_mul(4))?;
    let first_fragment = u16::from_be_bytes([f0, f1]) & 0x1fff == 0;
    Some(first_fragment.then_some((offset, protocol)))
}

/// The transport header in an IPv6 packet. The outer `None`: it is none.
fn ipv6<P: Packet>(packet: &P, at: u32) -> Option<Option<(u32, u8)>> {
    let header: [u8; 40] = packet.bytes(at)?;
    let [first, _, _, _, _, _, nexthdr, ..] = header;
    if first >> 4 != 6 {
        return None;
    }
    let found = find_transport(packet, nexthdr, at.checked_add(40)?)?;
    let whole = !found.later_fragment;
    Some(whole.then_some((found.offset, found.protocol)))
}
