// SPDX-License-Identifier: GPL-2.0
//! Writing bits of a header: `nft_payload_set_eval()`.
//!
//! nftables' user space makes of a bit field the bytes around it, an even number if a checksum is to be put
//! right, and the kernel checks what those bytes may be; so the same bytes are worked out here, and the
//! same are refused. A checksum is put right before the bytes are written, as there.

use ferrule_uapi::{
    expr::PayloadBase,
    hook::Family,
    program::Wide,
    statement::{Statement, PAYLOAD_CSUM, PAYLOAD_CSUM_PSEUDO, PAYLOAD_CSUM_SCTP},
};

use crate::{
    checksum::{crc32c, replaced},
    expr::payload::{fill, offset, ETHERNET_ADDRESSES},
    key::{protocol, Key, Transport},
    number::{number, Span, MAX_SPAN},
    packet::Packet,
};

use super::tcp_option::TCP_CHECKSUM;

/// Offset of the checksum in an IPv4 header, in bytes.
const IPV4_CHECKSUM: u32 = 10;

/// Offset of the checksum in UDP and UDP-Lite headers.
const UDP_CHECKSUM: u32 = 6;

/// Offset of the checksum in ICMP and ICMPv6 headers.
const ICMP_CHECKSUM: u32 = 2;

/// Offset and length of the checksum in an SCTP header.
const SCTP_CHECKSUM: u32 = 8;

/// `CSUM_MANGLED_0`: how a checksum of zero is written.
const MANGLED_ZERO: [u8; 2] = [0xff, 0xff];

/// What is written: the bytes that were there, and those that will be.
struct Change {
    old: [u8; MAX_SPAN],
    new: [u8; MAX_SPAN],
    len: usize,
}

impl Change {
    /// The bytes that were there.
    fn before(&self) -> &[u8] {
        self.old.get(..self.len).unwrap_or_default()
    }

    /// The bytes that will be.
    fn after(&self) -> &[u8] {
        self.new.get(..self.len).unwrap_or_default()
    }
}

/// Sets the statement's bits to `value`. `false`: they could not be, or must not.
#[inline(never)]
pub(super) fn set<P: Packet>(
    statement: &Statement,
    value: Wide,
    key: &mut Key,
    packet: &mut P,
) -> bool {
    let Some(base) = PayloadBase::from_raw(statement.key) else {
        return false;
    };
    let mut span = Span::of(statement.a, statement.b);
    let behind = base == PayloadBase::Inner;
    if behind || statement.flags & (PAYLOAD_CSUM | PAYLOAD_CSUM_SCTP) != 0 {
        make_even(&mut span);
    }
    let done = match base {
        PayloadBase::Link => set_link(packet, span, number(value)),
        _ => set_behind_link(packet, key, base, statement, span, number(value)),
    };
    if done == Some(true) {
        key.parse_again(packet);
    }
    done.unwrap_or(false)
}

/// Takes in one byte more, so that a checksum can be put right: in front, if the bytes begin at an odd place.
fn make_even(span: &mut Span) {
    if span.len() & 1 == 0 {
        return;
    }
    match span.start & 1 {
        1 => span.start = span.start.wrapping_sub(1),
        _ => span.end = span.end.wrapping_add(1),
    }
}

/// Writes in the link header.
#[inline(never)]
fn set_link<P: Packet>(packet: &mut P, span: Span, value: u128) -> Option<bool> {
    let (start, end) = (span.start as usize, span.end as usize);
    if end > ETHERNET_ADDRESSES && packet.vlan().is_some() {
        return None;
    }
    let mut bytes = [0; MAX_SPAN];
    let bytes = bytes.get_mut(..span.len() as usize)?;
    for (to, from) in bytes.iter_mut().zip(packet.link().get(start..end)?) {
        *to = *from;
    }
    span.write(value, bytes);
    Some(packet.write_link(span.start, bytes))
}

/// Writes anywhere else.
#[inline(never)]
fn set_behind_link<P: Packet>(
    packet: &mut P,
    key: &Key,
    base: PayloadBase,
    statement: &Statement,
    span: Span,
    value: u128,
) -> Option<bool> {
    let at = offset(packet, key, base)?;
    let mut change = Change {
        old: [0; MAX_SPAN],
        new: [0; MAX_SPAN],
        len: span.len() as usize,
    };
    let first = at.checked_add(span.start)?;
    if !fill(packet, first, change.old.get_mut(..change.len)?) {
        return None;
    }
    change.new = change.old;
    span.write(value, change.new.get_mut(..change.len)?);
    if !may_write(packet, key, base, span, &change) {
        return None;
    }
    if statement.flags & PAYLOAD_CSUM != 0 {
        let sum = statement.c >> 3;
        fix_own_checksum(packet, key, base, (at, sum), &change)?;
    }
    if statement.flags & PAYLOAD_CSUM_PSEUDO != 0 {
        if let Some(sum) = pseudo_checksum(packet, key) {
            // Who works out a sum later takes in what lies behind the pseudo header.
            let pseudo = base == PayloadBase::Network;
            fix_transport_checksum(packet, sum, &change, pseudo)?;
        }
    }
    if !packet.write(first, change.after()) {
        return None;
    }
    if statement.flags & PAYLOAD_CSUM_SCTP != 0 {
        if let Some(transport) = key.transport() {
            fix_sctp_checksum(packet, transport)?;
        }
    }
    Some(true)
}

/// Whether nftables lets these bytes be written (`nft_nh_write_ok()`, `nft_th_write_ok()`).
fn may_write<P: Packet>(
    packet: &P,
    key: &Key,
    base: PayloadBase,
    span: Span,
    change: &Change,
) -> bool {
    match (base, packet.family()) {
        (PayloadBase::Network, Family::Ip6) => may_write_ipv6(span, change.after()),
        (PayloadBase::Network, _) => may_write_ipv4(span, change.before(), change.after()),
        (PayloadBase::Transport, _) => {
            // Not across the data offset, on which the length of the header hangs.
            let tcp = key.transport().map(|found| found.protocol) == Some(protocol::TCP);
            !tcp || span.start > 12 || span.end <= 12
        }
        _ => true,
    }
}

/// `nft_nh_write_ok_ip4()`: version, lengths, fragment and protocol stay.
fn may_write_ipv4(span: Span, old: &[u8], new: &[u8]) -> bool {
    let len = span.len();
    let stays = |index: usize| old.get(index) == new.get(index);
    match span.start {
        0 => len == 2 && stays(0),
        1 => len == 1,
        4 => len == 2,
        8 => len == 1 || len == 2 && stays(1),
        10 => len <= 10,
        12 => len <= 8,
        16 => len <= 4,
        _ => false,
    }
}

/// `nft_nh_write_ok_ip6()`: version, length and next header stay.
fn may_write_ipv6(span: Span, new: &[u8]) -> bool {
    let len = span.len();
    match span.start {
        0 => len <= 4 && new.first().is_some_and(|first| first >> 4 == 6),
        2 => len <= 2,
        7 => len == 1,
        8 => len <= 32,
        24 => len <= 16,
        _ => false,
    }
}

/// Puts right the checksum of the header that is written to, if it is one that may be
/// (`nft_payload_csum_write_ok()`). `None` if it is not there.
#[inline(never)]
fn fix_own_checksum<P: Packet>(
    packet: &mut P,
    key: &Key,
    base: PayloadBase,
    (at, sum): (u32, u32),
    change: &Change,
) -> Option<()> {
    match base {
        PayloadBase::Network if packet.family() == Family::Ip && sum == IPV4_CHECKSUM => {
            let old = u16::from_be_bytes(packet.bytes(IPV4_CHECKSUM)?);
            let new = replaced(old, change.before(), change.after()).to_be_bytes();
            let new = if new == [0; 2] { MANGLED_ZERO } else { new };
            packet.write(IPV4_CHECKSUM, &new).then_some(())
        }
        PayloadBase::Transport if Some(sum) == checksum_in(key) => {
            fix_transport_checksum(packet, at.checked_add(sum)?, change, false)
        }
        PayloadBase::Inner => fix_transport_checksum(packet, at.checked_add(sum)?, change, false),
        _ => Some(()),
    }
}

/// Where the packet's transport header has its checksum.
fn checksum_in(key: &Key) -> Option<u32> {
    match key.transport()?.protocol {
        protocol::TCP => Some(TCP_CHECKSUM),
        protocol::UDP | protocol::UDPLITE => Some(UDP_CHECKSUM),
        protocol::ICMP | protocol::ICMPV6 => Some(ICMP_CHECKSUM),
        _ => None,
    }
}

/// Where the transport checksum is that covers the pseudo header; `None` if there is none, or a UDP packet
/// goes without (`nft_payload_l4csum_offset()`).
fn pseudo_checksum<P: Packet>(packet: &P, key: &Key) -> Option<u32> {
    let transport = key.transport()?;
    let sum = match transport.protocol {
        protocol::ICMP => return None,
        protocol::UDP => {
            let header: [u8; 8] = packet.bytes(transport.offset)?;
            let [.., s0, s1] = header;
            ([s0, s1] != [0, 0]).then_some(UDP_CHECKSUM)
        }
        _ => checksum_in(key),
    };
    transport.offset.checked_add(sum?)
}

/// Puts right a checksum over the transport; one of zero is written otherwise.
#[inline(never)]
fn fix_transport_checksum<P: Packet>(
    packet: &mut P,
    at: u32,
    change: &Change,
    pseudo: bool,
) -> Option<()> {
    packet.bytes::<2>(at)?;
    if !packet.fix_checksum(at, change.before(), change.after(), pseudo) {
        return None;
    }
    match packet.bytes(at)? {
        [0, 0] => packet.write(at, &MANGLED_ZERO).then_some(()),
        _ => Some(()),
    }
}

/// Works the SCTP checksum out anew (RFC 9260, appendix A).
#[inline(never)]
fn fix_sctp_checksum<P: Packet>(packet: &mut P, transport: Transport) -> Option<()> {
    if transport.protocol != protocol::SCTP {
        return Some(());
    }
    let at = transport.offset.checked_add(SCTP_CHECKSUM)?;
    packet.bytes::<4>(at)?;
    let mut sum = u32::MAX;
    for offset in transport.offset..packet.len() {
        let [byte] = packet.bytes(offset)?;
        let under = offset.wrapping_sub(at) < 4;
        sum = crc32c(sum, if under { 0 } else { byte });
    }
    packet.write(at, &(!sum).to_le_bytes()).then_some(())
}
