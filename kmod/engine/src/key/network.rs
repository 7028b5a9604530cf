// SPDX-License-Identifier: GPL-2.0
//! Network headers: IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200).

use ferrule_uapi::field::Field;

use super::{wide, FieldSet, Key, Transport, BEHIND_NETWORK};
use crate::packet::Packet;

/// `PACKET_BROADCAST`, `PACKET_MULTICAST` and `PACKET_LOOPBACK` of `linux/if_packet.h`.
const BROADCAST: u32 = 1;
const MULTICAST: u32 = 2;
const LOOPBACK: u32 = 5;

/// Fields of the IPv4 header but its addresses: stored only if wanted.
const IPV4: FieldSet = FieldSet::of(&[
    Field::IpVersion,
    Field::IpHdrlength,
    Field::IpDscp,
    Field::IpEcn,
    Field::IpLength,
    Field::IpId,
    Field::IpFragOff,
    Field::IpTtl,
    Field::IpProtocol,
    Field::IpChecksum,
]);

/// Fields of the fixed IPv6 header: stored only if wanted.
const IPV6: FieldSet = FieldSet::of(&[
    Field::Ip6Version,
    Field::Ip6Dscp,
    Field::Ip6Ecn,
    Field::Ip6Flowlabel,
    Field::Ip6Length,
    Field::Ip6Nexthdr,
    Field::Ip6Hoplimit,
    Field::Ip6Saddr,
    Field::Ip6Daddr,
]);

/// Protocol numbers that the walk through extension headers knows (RFC 8200; IANA).
pub(crate) mod nexthdr {
    pub(crate) const HOP: u8 = 0;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const AUTH: u8 = 51;
    pub(crate) const NONE: u8 = 59;
    pub(crate) const DEST: u8 = 60;
}

/// `IP6_MAX_EXT_HDRS_CNT` of `net/ipv6.h`: as many headers the kernel walks.
pub(crate) const MAX_EXTENSION_HEADERS: u32 = 8;

/// Length of the fixed IPv6 header in bytes.
const IPV6_HEADER: u32 = 40;

impl Key {
    /// Stores the IPv4 header's fields and says where the transport header is.
    #[inline]
    pub(super) fn parse_ipv4<P: Packet>(
        &mut self,
        packet: &P,
        wanted: FieldSet,
    ) -> Option<Transport> {
        // Where it lies in one piece it is read where it is, and only what is wanted.
        if let Some(header) = packet.head().first_chunk() {
            return Some(self.read_ipv4(packet, header, wanted));
        }
        let header = packet.bytes(0)?;
        Some(self.read_ipv4(packet, &header, wanted))
    }

    #[inline]
    fn read_ipv4<P: Packet>(
        &mut self,
        packet: &P,
        header: &[u8; 20],
        wanted: FieldSet,
    ) -> Transport {
        let [vihl, _, _, _, _, _, f0, f1, _, protocol, _, _, addresses @ ..] = header;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = *addresses;
        let daddr = u32::from_be_bytes([d0, d1, d2, d3]);
        self.set(Field::IpSaddr, u32::from_be_bytes([s0, s1, s2, s3]));
        self.set(Field::IpDaddr, daddr);
        if wanted.meets(IPV4) {
            self.set_ipv4(header);
        }
        if wanted.contains(Field::MetaPkttype) && packet.pkttype() == LOOPBACK as u8 {
            let multicast = daddr >> 28 == 0xe;
            self.set(
                Field::MetaPkttype,
                if multicast { MULTICAST } else { BROADCAST },
            );
        }
        Transport {
            protocol: *protocol,
            offset: u32::from(vihl & 15).wrapping_mul(4),
            later_fragment: u16::from_be_bytes([*f0, *f1]) & 0x1fff != 0,
        }
    }

    /// Stores the IPv4 header's fields but its addresses.
    #[inline(never)]
    fn set_ipv4(&mut self, header: &[u8; 20]) {
        let [vihl, tos, l0, l1, i0, i1, f0, f1, ttl, protocol, c0, c1, ..] = *header;
        self.set(Field::IpVersion, (vihl >> 4).into());
        self.set(Field::IpHdrlength, (vihl & 15).into());
        self.set(Field::IpDscp, (tos >> 2).into());
        self.set(Field::IpEcn, (tos & 3).into());
        self.set(Field::IpLength, u16::from_be_bytes([l0, l1]).into());
        self.set(Field::IpId, u16::from_be_bytes([i0, i1]).into());
        self.set(Field::IpFragOff, u16::from_be_bytes([f0, f1]).into());
        self.set(Field::IpTtl, ttl.into());
        self.set(Field::IpProtocol, protocol.into());
        self.set(Field::IpChecksum, u16::from_be_bytes([c0, c1]).into());
    }

    /// Stores the IPv6 header's fields and walks the extension headers.
    #[inline(never)]
    pub(super) fn parse_ipv6<P: Packet>(
        &mut self,
        packet: &P,
        wanted: FieldSet,
    ) -> Option<Transport> {
        let first: [u8; 8] = packet.bytes(0)?;
        let [v0, v1, v2, v3, l0, l1, nexthdr, hoplimit] = first;
        if packet.pkttype() == LOOPBACK as u8 {
            self.set(Field::MetaPkttype, MULTICAST);
        }
        if wanted.meets(IPV6) {
            let word = u32::from_be_bytes([v0, v1, v2, v3]);
            self.set(Field::Ip6Version, word >> 28);
            self.set(Field::Ip6Dscp, word >> 22 & 0x3f);
            self.set(Field::Ip6Ecn, word >> 20 & 3);
            self.set(Field::Ip6Flowlabel, word & 0xf_ffff);
            self.set(Field::Ip6Length, u16::from_be_bytes([l0, l1]).into());
            self.set(Field::Ip6Nexthdr, nexthdr.into());
            self.set(Field::Ip6Hoplimit, hoplimit.into());
            if let Some(saddr) = packet.bytes::<16>(8) {
                self.set_wide(Field::Ip6Saddr, wide(&saddr));
            }
            if let Some(daddr) = packet.bytes::<16>(24) {
                self.set_wide(Field::Ip6Daddr, wide(&daddr));
            }
        }
        if !wanted.meets(BEHIND_NETWORK) {
            return None;
        }
        find_transport(packet, nexthdr, IPV6_HEADER)
    }
}

/// What one extension header says.
enum Extension {
    /// The next header, this many bytes further on.
    Next(u8, u32),
    /// The walk ends here.
    End(Transport),
}

/// Walks the extension headers from `offset`, where one of type `nexthdr` is, as
/// `ipv6_find_hdr(skb, &offset, -1, …)` with `IP6_FH_F_AUTH` does. `None` if they do not parse.
pub(crate) fn find_transport<P: Packet>(
    packet: &P,
    mut nexthdr: u8,
    mut offset: u32,
) -> Option<Transport> {
    for _ in 0..MAX_EXTENSION_HEADERS {
        if !is_extension(nexthdr) || nexthdr == nexthdr::NONE {
            return at(nexthdr, offset);
        }
        match extension(packet, nexthdr, offset)? {
            Extension::End(transport) => return Some(transport),
            Extension::Next(next, len) => {
                if packet.len().checked_sub(offset)? < len {
                    return None;
                }
                nexthdr = next;
                offset = offset.checked_add(len)?;
            }
        }
    }
    // One look more: the header after the last that may be walked need not be walked.
    if !is_extension(nexthdr) || nexthdr == nexthdr::NONE {
        return at(nexthdr, offset);
    }
    None
}

/// Reads the extension header at `offset`, which is of type `nexthdr`.
fn extension<P: Packet>(packet: &P, nexthdr: u8, offset: u32) -> Option<Extension> {
    let [next, len]: [u8; 2] = packet.bytes(offset)?;
    let len = u32::from(len);
    match nexthdr {
        nexthdr::AUTH => at(nexthdr, offset).map(Extension::End),
        nexthdr::FRAGMENT => {
            let bytes: [u8; 2] = packet.bytes(offset.checked_add(2)?)?;
            if u16::from_be_bytes(bytes) & !7 == 0 {
                return Some(Extension::Next(next, 8));
            }
            if is_extension(next) && next != nexthdr::NONE {
                return None;
            }
            Some(Extension::End(Transport {
                protocol: next,
                offset: 0,
                later_fragment: true,
            }))
        }
        nexthdr::ROUTING => {
            // The kernel wants the whole fixed part of a routing header (`ipv6_rt_hdr`).
            packet.bytes::<4>(offset)?;
            Some(Extension::Next(next, len.wrapping_add(1).wrapping_mul(8)))
        }
        _ => Some(Extension::Next(next, len.wrapping_add(1).wrapping_mul(8))),
    }
}

/// The transport header of type `protocol` at `offset`, unless that is further than nftables looks.
fn at(protocol: u8, offset: u32) -> Option<Transport> {
    (offset <= u32::from(u16::MAX)).then_some(Transport {
        protocol,
        offset,
        later_fragment: false,
    })
}

/// `ipv6_ext_hdr()` of the kernel.
pub(crate) fn is_extension(nexthdr: u8) -> bool {
    matches!(
        nexthdr,
        nexthdr::HOP
            | nexthdr::ROUTING
            | nexthdr::FRAGMENT
            | nexthdr::AUTH
            | nexthdr::NONE
            | nexthdr::DEST
    )
}
