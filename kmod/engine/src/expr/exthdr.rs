// SPDX-License-Identifier: GPL-2.0
//! Options, extension headers and chunks, looked for in their lists: `nft_exthdr.c`.

use ferrule_uapi::expr::{Expr, ExthdrOp, EXPR_PRESENT};

use crate::{
    key::{is_extension, nexthdr, protocol, Key, MAX_EXTENSION_HEADERS},
    number::Span,
    packet::Packet,
};

use super::payload::read;

/// EtherTypes of the two families.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Length of the fixed headers, in bytes.
const IPV4_HEADER: u32 = 20;
const IPV6_HEADER: u32 = 40;
const TCP_HEADER: u32 = 20;
const SCTP_HEADER: u32 = 12;
const DCCP_HEADER: u32 = 12;

/// The value of an option, header or chunk.
pub(super) fn load<P: Packet>(packet: &P, key: &Key, expr: &Expr) -> Option<u128> {
    match ExthdrOp::from_raw(expr.key)? {
        ExthdrOp::Ipv6 if packet.protocol() == IPV6 => {
            at(packet, expr, find_extension(packet, expr.op))
        }
        ExthdrOp::Ipv4 if packet.protocol() == IPV4 => {
            at(packet, expr, find_ipv4_option(packet, expr.op))
        }
        ExthdrOp::Ipv6 | ExthdrOp::Ipv4 => None,
        ExthdrOp::Tcp => present(expr, tcp_option(packet, key, expr)),
        ExthdrOp::Sctp => present(expr, sctp_chunk(packet, key, expr)),
        ExthdrOp::Dccp => Some(has_dccp_option(packet, key, expr.op).into()),
    }
}

/// Whether the expression asks only if there is such a thing.
fn asks_presence(expr: &Expr) -> bool {
    expr.flags & EXPR_PRESENT != 0
}

/// The value at the place that was found, or whether one was.
fn at<P: Packet>(packet: &P, expr: &Expr, found: Option<u32>) -> Option<u128> {
    if asks_presence(expr) {
        return Some(found.is_some().into());
    }
    read(packet, found?, Span::of(expr.offset, expr.bits.into()))
}

/// The value that was found, or whether one was.
fn present(expr: &Expr, found: Option<u128>) -> Option<u128> {
    match asks_presence(expr) {
        true => Some(found.is_some().into()),
        false => found,
    }
}

/// Where the IPv6 extension header `target` begins: `ipv6_find_hdr(skb, &offset, target, NULL, NULL)`.
fn find_extension<P: Packet>(packet: &P, target: u8) -> Option<u32> {
    let [mut kind] = packet.bytes(6)?;
    let mut start = IPV6_HEADER;
    for _ in 0..MAX_EXTENSION_HEADERS {
        let found = kind == target;
        if !is_extension(kind) || kind == nexthdr::NONE {
            return found.then_some(start);
        }
        let [next, words]: [u8; 2] = packet.bytes(start)?;
        let words = u32::from(words);
        let mut len = words.wrapping_add(1).wrapping_mul(8);
        match kind {
            nexthdr::ROUTING => {
                packet.bytes::<4>(start)?;
            }
            nexthdr::FRAGMENT => {
                let word: [u8; 2] = packet.bytes(start.checked_add(2)?)?;
                if u16::from_be_bytes(word) & !7 != 0 {
                    return found.then_some(start);
                }
                len = 8;
            }
            nexthdr::AUTH => len = words.wrapping_add(2).wrapping_mul(4),
            _ => {}
        }
        if found {
            return Some(start);
        }
        if packet.len().checked_sub(start)? < len {
            return None;
        }
        kind = next;
        start = start.checked_add(len)?;
    }
    // One look more, as the kernel counts: what need not be walked may be found behind the last.
    let ends = !is_extension(kind) || kind == nexthdr::NONE;
    (ends && kind == target).then_some(start)
}

/// IPv4 options (RFC 791, RFC 2113; `linux/ip.h`).
pub(crate) mod ipv4_option {
    pub(crate) const END: u8 = 0;
    pub(crate) const NOOP: u8 = 1;
    pub(crate) const RECORD_ROUTE: u8 = 7;
    pub(crate) const TIMESTAMP: u8 = 68;
    pub(crate) const LOOSE_ROUTE: u8 = 131;
    pub(crate) const CIPSO: u8 = 134;
    pub(crate) const STRICT_ROUTE: u8 = 137;
    pub(crate) const ROUTER_ALERT: u8 = 148;
}

/// Where the IPv4 option `target` begins. All options must be in order, as `__ip_options_compile()` wants
/// them, or none is found.
fn find_ipv4_option<P: Packet>(packet: &P, target: u8) -> Option<u32> {
    let [first] = packet.bytes(0)?;
    let end = u32::from(first & 15).wrapping_mul(4);
    if end <= IPV4_HEADER || end > packet.len() {
        return None;
    }
    let mut seen = Seen::default();
    let mut offset = IPV4_HEADER;
    let mut found = None;
    while offset < end {
        let [kind] = packet.bytes(offset)?;
        match kind {
            ipv4_option::END => break,
            ipv4_option::NOOP => {
                offset = offset.wrapping_add(1);
                continue;
            }
            _ => {}
        }
        let left = end.wrapping_sub(offset);
        if left < 2 {
            return None;
        }
        let [_, len]: [u8; 2] = packet.bytes(offset)?;
        if len < 2 || u32::from(len) > left {
            return None;
        }
        let stands = is_in_order(packet, &mut seen, kind, offset, len)?;
        if stands && kind == target {
            found = Some(offset);
        }
        offset = offset.wrapping_add(len.into());
    }
    found
}

/// Options that may be there only once.
#[derive(Default)]
struct Seen {
    source_route: bool,
    record_route: bool,
    timestamp: bool,
}

/// Whether an option stands for something; `None` if it is malformed.
fn is_in_order<P: Packet>(
    packet: &P,
    seen: &mut Seen,
    kind: u8,
    offset: u32,
    len: u8,
) -> Option<bool> {
    let byte = |at: u32| {
        packet
            .bytes::<1>(offset.wrapping_add(at))
            .map(|[byte]| byte)
    };
    let holds = match kind {
        ipv4_option::STRICT_ROUTE | ipv4_option::LOOSE_ROUTE => {
            let once = !core::mem::replace(&mut seen.source_route, true);
            let body = len.checked_sub(3)?;
            once && byte(2)? == 4 && len >= 7 && body & 3 == 0
        }
        ipv4_option::RECORD_ROUTE => {
            let once = !core::mem::replace(&mut seen.record_route, true);
            once && len >= 3 && room(byte(2)?, 4, 3, len)
        }
        ipv4_option::TIMESTAMP => {
            let once = !core::mem::replace(&mut seen.timestamp, true);
            once && len >= 4 && is_timestamp(byte(2)?, byte(3)?, len)
        }
        ipv4_option::ROUTER_ALERT => {
            return match len >= 4 {
                true => Some(byte(2)? == 0 && byte(3)? == 0),
                false => None,
            }
        }
        // Its domain would have to be configured in the kernel.
        ipv4_option::CIPSO => false,
        _ => true,
    };
    holds.then_some(true)
}

/// Whether a pointer is at least `least`, and at the end or with this much room before it.
fn room(pointer: u8, least: u8, needed: u8, len: u8) -> bool {
    let full = pointer > len;
    pointer >= least && (full || u16::from(pointer).wrapping_add(needed.into()) <= u16::from(len))
}

/// Whether a timestamp option's pointer, and its overflow and flags, are in order.
fn is_timestamp(pointer: u8, flags: u8, len: u8) -> bool {
    const ADDRESSES: u8 = 1;
    const PRESPECIFIED: u8 = 3;
    let kind = flags & 15;
    if pointer > len {
        return pointer >= 5 && (kind == PRESPECIFIED || flags >> 4 != 15);
    }
    let needed = match kind {
        ADDRESSES | PRESPECIFIED => 7,
        _ => 3,
    };
    room(pointer, 5, needed, len)
}

/// A TCP header: where it begins and how long it is, options included.
pub(crate) fn tcp_header<P: Packet>(packet: &P, key: &Key) -> Option<(u32, u32)> {
    let transport = key.transport()?;
    if transport.protocol != protocol::TCP {
        return None;
    }
    let header: [u8; 20] = packet.bytes(transport.offset)?;
    let [.., length, _, _, _, _, _, _, _] = header;
    let len = u32::from(length >> 4).wrapping_mul(4);
    let end = transport.offset.checked_add(len)?;
    (len >= TCP_HEADER && end <= packet.len()).then_some((transport.offset, len))
}

/// Where the TCP option `kind` begins and how long it says it is, in a header of `len` bytes at
/// `header`; from the header's beginning.
pub(crate) fn find_tcp_option<P: Packet>(
    packet: &P,
    (header, len): (u32, u32),
    kind: u8,
) -> Option<(u32, u32)> {
    let mut at = TCP_HEADER;
    while at < len.wrapping_sub(1) {
        let [found, says]: [u8; 2] = packet.bytes(header.checked_add(at)?)?;
        let option = match (found, says) {
            (0 | 1, _) | (_, 0) => 1,
            _ => says.into(),
        };
        if found == kind {
            return Some((at, option));
        }
        at = at.wrapping_add(option);
    }
    None
}

/// The value of a TCP option.
fn tcp_option<P: Packet>(packet: &P, key: &Key, expr: &Expr) -> Option<u128> {
    let header = tcp_header(packet, key)?;
    let (at, len) = find_tcp_option(packet, header, expr.op)?;
    let (start, whole) = header;
    let span = Span::of(expr.offset, expr.bits.into());
    if at.wrapping_add(len) > whole || span.end > len {
        return None;
    }
    read(packet, start.checked_add(at)?, span)
}

/// The value of an SCTP chunk (RFC 9260).
fn sctp_chunk<P: Packet>(packet: &P, key: &Key, expr: &Expr) -> Option<u128> {
    let transport = key.transport()?;
    if transport.protocol != protocol::SCTP {
        return None;
    }
    let span = Span::of(expr.offset, expr.bits.into());
    let mut offset = transport.offset.checked_add(SCTP_HEADER)?;
    loop {
        let [kind, _, l0, l1]: [u8; 4] = packet.bytes(offset)?;
        let len = u32::from(u16::from_be_bytes([l0, l1]));
        if len == 0 {
            return None;
        }
        if kind == expr.op {
            if asks_presence(expr) {
                return Some(1);
            }
            let end = offset.checked_add(len)?;
            let within = span.end <= len && end <= packet.len();
            return within.then(|| read(packet, offset, span)).flatten();
        }
        offset = offset.checked_add(len.checked_next_multiple_of(4)?)?;
        if offset >= packet.len() {
            return None;
        }
    }
}

/// Whether there is a DCCP option (RFC 4340) of this type.
fn has_dccp_option<P: Packet>(packet: &P, key: &Key, target: u8) -> bool {
    find_dccp_option(packet, key, target).is_some()
}

/// Options up to this type are one byte long.
const DCCP_MAX_RESERVED: u8 = 31;

/// Walks the DCCP options; `None` if there is no such one.
fn find_dccp_option<P: Packet>(packet: &P, key: &Key, target: u8) -> Option<()> {
    let transport = key.transport()?;
    if transport.protocol != protocol::DCCP {
        return None;
    }
    let header: [u8; 12] = packet.bytes(transport.offset)?;
    let [_, _, _, _, words, _, _, _, flags, ..] = header;
    let data = u32::from(words).wrapping_mul(4);
    let mut at = dccp_header(flags);
    while at < data {
        let offset = transport.offset.checked_add(at)?;
        let whole = data.wrapping_sub(at) >= 2;
        let [kind] = packet.bytes(offset)?;
        let second = match whole {
            true => packet.bytes::<2>(offset).map(|[_, second]| second)?,
            false => 0,
        };
        if kind == target {
            return Some(());
        }
        let len = match kind {
            0..=DCCP_MAX_RESERVED => 1,
            _ if second < 2 => return None,
            _ => second,
        };
        at = at.wrapping_add(len.into());
    }
    None
}

/// Length of a DCCP header without its options; `flags` is the byte with type and X (`__dccp_hdr_len()`).
fn dccp_header(flags: u8) -> u32 {
    let extended = if flags & 1 != 0 { 4 } else { 0 };
    let of_type = match flags >> 1 & 15 {
        0 => 4,                     // request
        2 => 0,                     // data
        3 | 4 | 6 | 7 | 8 | 9 => 8, // ack, dataack, closereq, close, sync, syncack
        _ => 12,                    // response, reset, and what is none
    };
    DCCP_HEADER.wrapping_add(extended).wrapping_add(of_type)
}
