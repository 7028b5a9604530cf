// SPDX-License-Identifier: GPL-2.0
//! Packets made byte by byte, and what they are by default: valid ones that the router forwards.
//!
//! A [`Packet`] is a description; [`Packet::bytes`] gives the network layer on. The default transport is
//! one that nobody answers: nothing but what a scenario sends passes a hook while it counts.

mod encode;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrule_uapi::hook::Family;

/// Protocol numbers, as IANA has them.
pub(crate) mod protocol {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const DCCP: u8 = 33;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const AH: u8 = 51;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const DESTINATION: u8 = 60;
    pub(crate) const SCTP: u8 = 132;
    pub(crate) const UDPLITE: u8 = 136;
    /// Reserved for experiments (RFC 3692): nobody's protocol.
    pub(crate) const EXPERIMENT: u8 = 253;
}

/// Flags of the TCP header.
pub(crate) mod tcp_flag {
    pub(crate) const FIN: u8 = 0x01;
    pub(crate) const SYN: u8 = 0x02;
    pub(crate) const RST: u8 = 0x04;
    pub(crate) const PSH: u8 = 0x08;
    pub(crate) const ACK: u8 = 0x10;
    pub(crate) const URG: u8 = 0x20;
}

/// "More fragments", in the 16 bits of `frag-off`.
pub(crate) const MORE_FRAGMENTS: u16 = 0x2000;

/// "Don't fragment", in the 16 bits of `frag-off`.
pub(crate) const DONT_FRAGMENT: u16 = 0x4000;

/// Where the frame that carries the packet is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkDestination {
    /// The next hop.
    Host,
    /// Everybody.
    Broadcast,
    /// A group.
    Multicast,
}

/// The IPv4 header's less usual fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct V4 {
    id: u16,
    frag_off: u16,
    options: Vec<u8>,
}

/// The IPv6 header's own fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct V6 {
    flow_label: u32,
    extensions: Vec<Extension>,
}

/// An IPv6 extension header, without its first byte, which says what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Extension {
    kind: u8,
    body: Vec<u8>,
}

/// What the packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Transport {
    /// UDP, UDP-Lite, SCTP or DCCP: ports first.
    Ports {
        protocol: u8,
        sport: u16,
        dport: u16,
    },
    /// TCP.
    Tcp { sport: u16, dport: u16, flags: u8 },
    /// ICMP in IPv4, ICMPv6 in IPv6.
    Icmp { kind: u8, code: u8 },
    /// Bytes.
    Raw { protocol: u8, body: Vec<u8> },
}

/// A packet to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    saddr: IpAddr,
    daddr: IpAddr,
    /// Type of service or traffic class: DSCP and ECN.
    tos: u8,
    /// Time to live or hop limit.
    ttl: u8,
    v4: V4,
    v6: V6,
    transport: Transport,
    payload: usize,
    /// How much of transport header and payload there really is.
    cut: Option<usize>,
    /// To whom the frame goes.
    pub(crate) link: LinkDestination,
}

/// Bytes after the transport header, unless a scenario wants another number.
const PAYLOAD: usize = 16;

/// A host on the client's side, by the last part of its address.
pub(crate) fn source(family: Family, host: u16) -> IpAddr {
    match family {
        Family::Ip6 => Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, host).into(),
        _ => Ipv4Addr::new(10, 0, 1, host.to_be_bytes()[1]).into(),
    }
}

/// A host behind the server that takes everything and answers nothing.
pub(crate) fn sink(family: Family, host: u16) -> IpAddr {
    match family {
        Family::Ip6 => Ipv6Addr::new(0xfd00, 3, 0, 0, 0, 0, 0, host).into(),
        _ => Ipv4Addr::new(10, 0, 3, host.to_be_bytes()[1]).into(),
    }
}

impl Packet {
    fn new(family: Family, transport: Transport) -> Self {
        Self {
            saddr: source(family, 2),
            daddr: sink(family, 2),
            tos: 0,
            ttl: 64,
            v4: V4 {
                id: 0x1234,
                ..V4::default()
            },
            v6: V6::default(),
            transport,
            payload: PAYLOAD,
            cut: None,
            link: LinkDestination::Host,
        }
    }

    /// A UDP packet.
    pub(crate) fn udp(family: Family, sport: u16, dport: u16) -> Self {
        Self::ports(family, protocol::UDP, sport, dport)
    }

    /// A packet of a protocol that begins with ports.
    pub(crate) fn ports(family: Family, protocol: u8, sport: u16, dport: u16) -> Self {
        Self::new(
            family,
            Transport::Ports {
                protocol,
                sport,
                dport,
            },
        )
    }

    /// A TCP packet; with RST, unless a scenario wants other flags, because that is never answered.
    pub(crate) fn tcp(family: Family, sport: u16, dport: u16) -> Self {
        let flags = tcp_flag::RST;
        Self::new(
            family,
            Transport::Tcp {
                sport,
                dport,
                flags,
            },
        )
    }

    /// An ICMP or ICMPv6 packet.
    pub(crate) fn icmp(family: Family, kind: u8, code: u8) -> Self {
        Self::new(family, Transport::Icmp { kind, code })
    }

    /// An echo reply that nobody asked for: never answered.
    pub(crate) fn echo_reply(family: Family) -> Self {
        Self::icmp(family, if family == Family::Ip6 { 129 } else { 0 }, 0)
    }

    /// A packet of any protocol, with these bytes after the network header.
    pub(crate) fn raw(family: Family, protocol: u8, body: &[u8]) -> Self {
        let body = body.to_vec();
        Self::new(family, Transport::Raw { protocol, body })
    }

    /// The family, `ip` or `ip6`.
    pub(crate) fn family(&self) -> Family {
        match self.daddr {
            IpAddr::V4(_) => Family::Ip,
            IpAddr::V6(_) => Family::Ip6,
        }
    }

    /// The destination address.
    pub(crate) fn destination(&self) -> IpAddr {
        self.daddr
    }

    /// Sets the source address.
    pub(crate) fn from(self, saddr: IpAddr) -> Self {
        Self { saddr, ..self }
    }

    /// Sets the destination address.
    pub(crate) fn to(self, daddr: IpAddr) -> Self {
        Self { daddr, ..self }
    }

    /// Sets time to live or hop limit, at the sender.
    pub(crate) fn ttl(self, ttl: u8) -> Self {
        Self { ttl, ..self }
    }

    /// Sets the DSCP's six bits.
    pub(crate) fn dscp(self, dscp: u8) -> Self {
        Self {
            tos: dscp << 2,
            ..self
        }
    }

    /// Sets the number of bytes after the transport header.
    pub(crate) fn payload(self, payload: usize) -> Self {
        Self { payload, ..self }
    }

    /// Keeps only the first `len` bytes of what follows the network header.
    pub(crate) fn cut(self, len: usize) -> Self {
        Self {
            cut: Some(len),
            ..self
        }
    }

    /// Sets to whom the frame goes.
    pub(crate) fn link(self, link: LinkDestination) -> Self {
        Self { link, ..self }
    }

    /// Sets IPv4's identification.
    pub(crate) fn id(mut self, id: u16) -> Self {
        self.v4.id = id;
        self
    }

    /// Sets the 16 bits of IPv4's fragment offset and flags.
    pub(crate) fn frag_off(mut self, frag_off: u16) -> Self {
        self.v4.frag_off = frag_off;
        self
    }

    /// Sets IPv4's options; a multiple of four bytes.
    pub(crate) fn options(mut self, options: &[u8]) -> Self {
        self.v4.options = options.to_vec();
        self
    }

    /// Sets IPv6's flow label.
    pub(crate) fn flow_label(mut self, flow_label: u32) -> Self {
        self.v6.flow_label = flow_label;
        self
    }

    /// Sets the flags of the TCP header.
    pub(crate) fn flags(mut self, new: u8) -> Self {
        if let Transport::Tcp { flags, .. } = &mut self.transport {
            *flags = new;
        }
        self
    }

    /// Adds an IPv6 extension header behind those there are; `body` begins at its second byte.
    pub(crate) fn extension(mut self, kind: u8, body: &[u8]) -> Self {
        let body = body.to_vec();
        self.v6.extensions.push(Extension { kind, body });
        self
    }

    /// Adds IPv6's hop-by-hop, destination or routing header, with nothing in it.
    pub(crate) fn empty_extension(self, kind: u8) -> Self {
        match kind {
            // Type 4 (segment routing), no segments left, last entry 0, one segment.
            protocol::ROUTING => {
                let mut body = vec![2, 4, 0, 0, 0, 0, 0];
                body.extend_from_slice(&[0xfd; 16]);
                self.extension(kind, &body)
            }
            // SPI 1, sequence number 1, a check value of 12 bytes.
            protocol::AH => {
                let mut body = vec![4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
                body.extend_from_slice(&[0xaa; 12]);
                self.extension(kind, &body)
            }
            // Options: one PadN that fills the eight bytes.
            _ => self.extension(kind, &[0, 1, 4, 0, 0, 0, 0]),
        }
    }

    /// Adds IPv6's fragment header; `offset` in units of eight bytes.
    pub(crate) fn fragment(self, offset: u16, more: bool) -> Self {
        let [hi, lo] = (offset << 3 | u16::from(more)).to_be_bytes();
        self.extension(protocol::FRAGMENT, &[0, hi, lo, 0, 0, 0x12, 0x34])
    }
}
