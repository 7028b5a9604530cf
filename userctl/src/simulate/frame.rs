// SPDX-License-Identifier: GPL-2.0
//! Link headers: where in a captured frame the IP packet is, and what the kernel would make of it
//! before netfilter sees it.
//!
//! What `ip_rcv` and `ip6_rcv` drop never comes to a hook, and what is behind the packet (padding) is
//! cut off there; both are done here. Checksums are not: captures of sent packets often have none.

use ferrule_uapi::hook::Family;

use crate::host::Frame;

/// Why a frame comes to no hook of IPv4 and IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// Its link type is not known.
    Link(u32),
    /// It is of another protocol.
    NotIp,
    /// It is, or was captured, too short for an IP header.
    Short,
    /// The kernel drops it before any hook: its IP header contradicts itself or the packet.
    Malformed,
}

impl Skip {
    /// As it is printed.
    pub fn text(self) -> String {
        match self {
            Skip::Link(link) => format!("link type {link} not known"),
            Skip::NotIp => "not IP".to_owned(),
            Skip::Short => "too short for an IP header".to_owned(),
            Skip::Malformed => "malformed IP header".to_owned(),
        }
    }
}

const PACKET_HOST: u8 = 0;
const PACKET_BROADCAST: u8 = 1;
const PACKET_MULTICAST: u8 = 2;
const PACKET_OUTGOING: u8 = 4;

/// How a link's header is read: gives what follows it.
type Read = fn(&[u8]) -> Result<Inner<'_>, Skip>;

/// The link types, by their numbers (`LINKTYPE_*`).
const LINKS: &[(u32, Read)] = &[
    (0, address_family),
    (1, ethernet),
    (12, raw),
    (14, raw),
    (101, raw),
    (108, address_family),
    (113, cooked),
    (228, raw),
    (229, raw),
    (276, cooked_v2),
];

/// What a link header says.
struct Inner<'a> {
    link: &'a [u8],
    /// Told by the packet's version if `None`.
    ethertype: Option<u16>,
    packet: &'a [u8],
    pkttype: u8,
}

/// Finds the packet in a frame of `len` bytes, of which `data` was captured.
///
/// # Errors
///
/// It would come to no hook.
pub fn find(link: u32, data: &[u8], len: u32) -> Result<Frame<'_>, Skip> {
    let known = LINKS.iter().find(|(number, _)| *number == link);
    let (_, read) = known.ok_or(Skip::Link(link))?;
    let inner = read(data)?;
    let before = data.len().saturating_sub(inner.packet.len());
    let on_wire = len.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX));
    let version = inner.packet.first().ok_or(Skip::Short)? >> 4;
    let (family, len) = match (inner.ethertype, version) {
        (Some(0x0800) | None, 4) => (Family::Ip, ipv4_len(inner.packet, on_wire)?),
        (Some(0x86dd) | None, 6) => (Family::Ip6, ipv6_len(inner.packet, on_wire)?),
        (Some(0x0800 | 0x86dd), _) => return Err(Skip::Malformed),
        _ => return Err(Skip::NotIp),
    };
    let captured = inner.packet.len().min(len as usize);
    Ok(Frame {
        family,
        link: inner.link,
        packet: inner.packet.get(..captured).unwrap_or(inner.packet),
        len,
        pkttype: inner.pkttype,
    })
}

/// The length in an IPv4 header that `ip_rcv_core` lets pass.
fn ipv4_len(packet: &[u8], on_wire: u32) -> Result<u32, Skip> {
    let header = packet.first_chunk::<20>().ok_or(Skip::Short)?;
    let header_len = u32::from(header[0] & 0xf) * 4;
    // Zero: a segment too large for the field, whose length is the frame's.
    let total = match u16::from_be_bytes([header[2], header[3]]) {
        0 => on_wire,
        total => total.into(),
    };
    match header_len >= 20 && total >= header_len && total <= on_wire {
        true => Ok(total),
        false => Err(Skip::Malformed),
    }
}

/// The length that an IPv6 header says and `ip6_rcv_core` lets pass.
fn ipv6_len(packet: &[u8], on_wire: u32) -> Result<u32, Skip> {
    let header = packet.first_chunk::<40>().ok_or(Skip::Short)?;
    let payload = u32::from(u16::from_be_bytes([header[4], header[5]]));
    // Zero before hop-by-hop options: a jumbogram, whose length is the frame's.
    let total = match (payload, header[6]) {
        (0, 0) => on_wire,
        _ => payload.saturating_add(40),
    };
    match total <= on_wire {
        true => Ok(total),
        false => Err(Skip::Malformed),
    }
}

fn ethernet(data: &[u8]) -> Result<Inner<'_>, Skip> {
    let (link, _) = data.split_at_checked(14).ok_or(Skip::Short)?;
    let pkttype = match link {
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ..] => PACKET_BROADCAST,
        [first, ..] if first & 1 != 0 => PACKET_MULTICAST,
        _ => PACKET_HOST,
    };
    let mut rest = data.get(12..).unwrap_or_default();
    // Tags of 802.1Q and 802.1ad, and the latter's old number.
    while let [0x81, 0x00, ..] | [0x88, 0xa8, ..] | [0x91, 0x00, ..] = rest {
        rest = rest.get(4..).ok_or(Skip::Short)?;
    }
    typed(link, rest, pkttype)
}

/// LINKTYPE_LINUX_SLL: type of packet, of address, its length, eight bytes of it, EtherType.
fn cooked(data: &[u8]) -> Result<Inner<'_>, Skip> {
    let header = data.first_chunk::<16>().ok_or(Skip::Short)?;
    let pkttype = cooked_type(u16::from_be_bytes([header[0], header[1]]));
    typed(&[], data.get(14..).unwrap_or_default(), pkttype)
}

/// LINKTYPE_LINUX_SLL2: EtherType, reserved, interface, type of address, of packet, address.
fn cooked_v2(data: &[u8]) -> Result<Inner<'_>, Skip> {
    let header = data.first_chunk::<20>().ok_or(Skip::Short)?;
    Ok(Inner {
        link: &[],
        ethertype: Some(u16::from_be_bytes([header[0], header[1]])),
        packet: data.get(20..).unwrap_or_default(),
        pkttype: cooked_type(header[10].into()),
    })
}

/// The cooked headers number them as `linux/if_packet.h` does, up to 4.
fn cooked_type(number: u16) -> u8 {
    match u8::try_from(number) {
        Ok(number) if number <= PACKET_OUTGOING => number,
        _ => PACKET_HOST,
    }
}

/// An EtherType and the packet.
fn typed<'a>(link: &'a [u8], rest: &'a [u8], pkttype: u8) -> Result<Inner<'a>, Skip> {
    let (ethertype, packet) = rest.split_first_chunk::<2>().ok_or(Skip::Short)?;
    Ok(Inner {
        link,
        ethertype: Some(u16::from_be_bytes(*ethertype)),
        packet,
        pkttype,
    })
}

/// LINKTYPE_NULL and LINKTYPE_LOOP: an address family of some system, in some byte order. The packet's
/// own version tells as much.
fn address_family(data: &[u8]) -> Result<Inner<'_>, Skip> {
    raw(data.get(4..).ok_or(Skip::Short)?)
}

fn raw(data: &[u8]) -> Result<Inner<'_>, Skip> {
    Ok(Inner {
        link: &[],
        ethertype: None,
        packet: data,
        pkttype: PACKET_HOST,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 packet of 24 bytes.
    fn ipv4() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 24, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.resize(24, 7);
        packet
    }

    fn framed(header: &[u8]) -> Vec<u8> {
        [header, &ipv4()].concat()
    }

    fn whole(link: u32, frame: &[u8]) -> Result<Frame<'_>, Skip> {
        find(link, frame, frame.len() as u32)
    }

    #[test]
    fn every_link_type_leads_to_the_packet() {
        let mac = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let vlan = [&mac[..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 7, 8, 0]].concat();
        let mut cooked2 = vec![8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6];
        cooked2.resize(20, 0);
        let frames: [(u32, Vec<u8>, u8); 8] = [
            (0, vec![2, 0, 0, 0], 0),
            (1, [&mac[..], &[8, 0]].concat(), 0),
            (1, vlan, 0),
            (101, vec![], 0),
            (108, vec![0, 0, 0, 2], 0),
            (113, [&[0, 2][..], &[0; 12], &[8, 0]].concat(), 2),
            (228, vec![], 0),
            (276, cooked2, 4),
        ];
        for (link, header, pkttype) in frames {
            let bytes = framed(&header);
            let frame = whole(link, &bytes).unwrap();
            assert_eq!(frame.packet, ipv4(), "link type {link}");
            assert_eq!((frame.family, frame.len), (Family::Ip, 24));
            assert_eq!(frame.pkttype, pkttype, "link type {link}");
        }
    }

    #[test]
    fn padding_is_cut_off_and_what_was_not_captured_is_missing() {
        let padded = [ipv4(), vec![0; 22]].concat();
        assert_eq!(whole(101, &padded).unwrap().packet, ipv4());
        let cut = &ipv4()[..21];
        let frame = find(101, cut, 24).unwrap();
        assert_eq!((frame.packet, frame.len), (cut, 24));
    }

    #[test]
    fn what_comes_to_no_hook_is_told_apart() {
        let arp = [&[0xff; 12][..], &[8, 6, 0, 1]].concat();
        let mut long = ipv4();
        long[3] = 25;
        let mut header = ipv4();
        header[0] = 0x44;
        for (link, bytes, skip) in [
            (1, arp, Skip::NotIp),
            (1, vec![0; 10], Skip::Short),
            (127, ipv4(), Skip::Link(127)),
            (101, ipv4()[..19].to_vec(), Skip::Short),
            (101, long, Skip::Malformed),
            (101, header, Skip::Malformed),
            (101, vec![0x50; 40], Skip::NotIp),
            (101, vec![], Skip::Short),
        ] {
            assert_eq!(whole(link, &bytes), Err(skip), "{bytes:?}");
        }
    }

    #[test]
    fn broadcast_and_multicast_are_told_by_the_address() {
        for (first, pkttype) in [(0xff, PACKET_BROADCAST), (0x33, PACKET_MULTICAST)] {
            let bytes = framed(&[&[first; 6][..], &[2; 6], &[8, 0]].concat());
            assert_eq!(whole(1, &bytes).unwrap().pkttype, pkttype);
        }
    }
}
