// SPDX-License-Identifier: GPL-2.0
//! From a packet's description to its bytes: lengths, checksums and chains of headers are right unless
//! the description says otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrule_uapi::hook::Family;

use crate::checksum;

use super::{protocol, Packet, Transport};

impl Packet {
    /// Everything from the network header on.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut upper = self.transport_bytes();
        if let Some(len) = self.cut {
            upper.truncate(len);
        }
        match (self.saddr, self.daddr) {
            (IpAddr::V4(saddr), IpAddr::V4(daddr)) => self.v4_bytes(saddr, daddr, &upper),
            (IpAddr::V6(saddr), IpAddr::V6(daddr)) => self.v6_bytes(saddr, daddr, &upper),
            (saddr, daddr) => panic!("a packet from {saddr} to {daddr} mixes families"),
        }
    }

    /// Length from the network header on, as counters and `meta length` have it.
    pub(crate) fn len(&self) -> u64 {
        self.bytes().len() as u64
    }

    fn protocol(&self) -> u8 {
        match (&self.transport, self.family()) {
            (Transport::Ports { protocol, .. } | Transport::Raw { protocol, .. }, _) => *protocol,
            (Transport::Tcp { .. }, _) => protocol::TCP,
            (Transport::Icmp { .. }, Family::Ip6) => protocol::ICMPV6,
            (Transport::Icmp { .. }, _) => protocol::ICMP,
        }
    }

    fn transport_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Where in the header the checksum belongs, if it has one that routers or receivers look at.
        let checksum_at = match &self.transport {
            Transport::Ports {
                protocol,
                sport,
                dport,
            } => {
                bytes.extend_from_slice(&sport.to_be_bytes());
                bytes.extend_from_slice(&dport.to_be_bytes());
                bytes.extend_from_slice(&((8 + self.payload) as u16).to_be_bytes());
                bytes.extend_from_slice(&[0, 0]);
                (*protocol == protocol::UDP).then_some(6)
            }
            Transport::Tcp {
                sport,
                dport,
                flags,
            } => {
                bytes.extend_from_slice(&sport.to_be_bytes());
                bytes.extend_from_slice(&dport.to_be_bytes());
                bytes.extend_from_slice(&[
                    0, 0, 0, 1, 0, 0, 0, 0, 0x50, *flags, 0x10, 0, 0, 0, 0, 0,
                ]);
                Some(16)
            }
            Transport::Icmp { kind, code } => {
                bytes.extend_from_slice(&[*kind, *code, 0, 0, 0, 1, 0, 1]);
                Some(2)
            }
            Transport::Raw { body, .. } => {
                bytes.extend_from_slice(body);
                return bytes;
            }
        };
        bytes.extend((0..self.payload).map(|index| index as u8));
        if let Some(at) = checksum_at {
            let sum = checksum::transport(self.saddr, self.daddr, self.protocol(), &bytes);
            bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    fn v4_bytes(&self, saddr: Ipv4Addr, daddr: Ipv4Addr, upper: &[u8]) -> Vec<u8> {
        let header = 20 + self.v4.options.len();
        let mut bytes = vec![0x40 | (header / 4) as u8, self.tos];
        bytes.extend_from_slice(&((header + upper.len()) as u16).to_be_bytes());
        bytes.extend_from_slice(&self.v4.id.to_be_bytes());
        bytes.extend_from_slice(&self.v4.frag_off.to_be_bytes());
        bytes.extend_from_slice(&[self.ttl, self.protocol(), 0, 0]);
        bytes.extend_from_slice(&saddr.octets());
        bytes.extend_from_slice(&daddr.octets());
        bytes.extend_from_slice(&self.v4.options);
        let sum = checksum::internet(&[&bytes]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend_from_slice(upper);
        bytes
    }

    fn v6_bytes(&self, saddr: Ipv6Addr, daddr: Ipv6Addr, upper: &[u8]) -> Vec<u8> {
        let mut kinds = self.v6.extensions.iter().map(|extension| extension.kind);
        let first = kinds.next().unwrap_or(self.protocol());
        let mut payload = Vec::new();
        for extension in &self.v6.extensions {
            payload.push(kinds.next().unwrap_or(self.protocol()));
            payload.extend_from_slice(&extension.body);
        }
        payload.extend_from_slice(upper);
        let word = 6 << 28 | u32::from(self.tos) << 20 | self.v6.flow_label;
        let mut bytes = word.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&[first, self.ttl]);
        bytes.extend_from_slice(&saddr.octets());
        bytes.extend_from_slice(&daddr.octets());
        bytes.extend_from_slice(&payload);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_packet_has_the_length_and_checksum_of_its_header() {
        let bytes = Packet::udp(Family::Ip, 1, 2).options(&[1, 1, 1, 0]).bytes();
        assert_eq!(bytes[0], 0x46);
        assert_eq!(
            usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
            bytes.len()
        );
        assert_eq!(checksum::internet(&[&bytes[..24]]), 0);
    }

    #[test]
    fn ipv6_extension_headers_name_what_follows_them() {
        let bytes = Packet::udp(Family::Ip6, 1, 2)
            .empty_extension(protocol::HOP_BY_HOP)
            .fragment(0, true)
            .bytes();
        assert_eq!(bytes[6], protocol::HOP_BY_HOP);
        assert_eq!(bytes[40], protocol::FRAGMENT);
        assert_eq!(bytes[48], protocol::UDP);
        assert_eq!(&bytes[56..60], &[0, 1, 0, 2]);
    }

    #[test]
    fn a_cut_packet_ends_where_it_says() {
        let bytes = Packet::tcp(Family::Ip, 1, 2).cut(3).bytes();
        assert_eq!(bytes.len(), 23);
    }
}
