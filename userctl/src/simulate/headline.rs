// SPDX-License-Identifier: GPL-2.0
//! What a packet is, in a few words: from where, to where, by which protocol.

use std::fmt;
use std::net::IpAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};

/// Ends and protocol of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// The sender.
    pub from: End,
    /// The receiver.
    pub to: End,
    /// The transport protocol's number.
    pub protocol: u8,
}

/// Where a packet comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Its address.
    pub address: IpAddr,
    /// Its port, if the protocol has ports and the packet has them.
    pub port: Option<u16>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (address, None) => write!(f, "{address}"),
            (IpAddr::V4(address), Some(port)) => write!(f, "{address}:{port}"),
            (IpAddr::V6(address), Some(port)) => write!(f, "[{address}]:{port}"),
        }
    }
}

/// Protocols with a name here; others are numbers.
const PROTOCOLS: &[(u8, &str)] = &[
    (1, "icmp"),
    (2, "igmp"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "icmpv6"),
    (89, "ospf"),
    (103, "pim"),
    (112, "vrrp"),
    (132, "sctp"),
    (136, "udplite"),
];

/// The name of a transport protocol, or its number.
pub fn protocol_name(number: u8) -> String {
    let named = PROTOCOLS.iter().find(|(known, _)| *known == number);
    named.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

impl Headline {
    /// Of an IP packet; `None` if it has no whole header.
    pub fn of(packet: &[u8]) -> Option<Self> {
        let sliced = LaxSlicedPacket::from_ip(packet).ok()?;
        let (from, to, protocol) = match sliced.net.as_ref()? {
            LaxNetSlice::Ipv4(slice) => (
                IpAddr::V4(slice.header().source_addr()),
                IpAddr::V4(slice.header().destination_addr()),
                slice.payload().ip_number.0,
            ),
            LaxNetSlice::Ipv6(slice) => (
                IpAddr::V6(slice.header().source_addr()),
                IpAddr::V6(slice.header().destination_addr()),
                slice.payload().ip_number.0,
            ),
            LaxNetSlice::Arp(_) => return None,
        };
        let ports = match &sliced.transport {
            Some(TransportSlice::Udp(udp)) => Some((udp.source_port(), udp.destination_port())),
            Some(TransportSlice::Tcp(tcp)) => Some((tcp.source_port(), tcp.destination_port())),
            _ => None,
        };
        let end = |address, port| End { address, port };
        Some(Self {
            from: end(from, ports.map(|(from, _)| from)),
            to: end(to, ports.map(|(_, to)| to)),
            protocol,
        })
    }
}
