// SPDX-License-Identifier: GPL-2.0
//! Transport headers: TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC 4443), and the
//! first four bytes of any other, where UDP-Lite, SCTP and DCCP have their ports.

use ferrule_uapi::field::Field;

use super::{Key, Transport};
use crate::packet::Packet;

/// Protocol numbers (IANA).
pub(crate) mod protocol {
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const IPIP: u8 = 4;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const DCCP: u8 = 33;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const SCTP: u8 = 132;
    pub(crate) const UDPLITE: u8 = 136;
}

/// Offset of the flags byte in a TCP header.
const TCP_FLAGS: u32 = 13;

impl Key {
    /// Stores what there is of the transport header.
    #[inline(never)]
    pub(super) fn parse_transport<P: Packet>(&mut self, packet: &P, transport: Transport) {
        let offset = transport.offset;
        let Some([b0, b1, b2, b3]) = packet.bytes(offset) else {
            self.parse_stump(packet, transport);
            return;
        };
        let sport = u16::from_be_bytes([b0, b1]).into();
        let dport = u16::from_be_bytes([b2, b3]).into();
        self.set(Field::ThSport, sport);
        self.set(Field::ThDport, dport);
        match transport.protocol {
            protocol::TCP => {
                self.set(Field::TcpSport, sport);
                self.set(Field::TcpDport, dport);
                if let Some([flags]) = packet.bytes(offset.wrapping_add(TCP_FLAGS)) {
                    self.set(Field::TcpFlags, flags.into());
                }
            }
            protocol::UDP => {
                self.set(Field::UdpSport, sport);
                self.set(Field::UdpDport, dport);
            }
            _ => self.set_icmp(transport.protocol, b0, Some(b1)),
        }
    }

    /// A packet that ends within the first four bytes of its transport header has still the fields
    /// that lie before the end.
    fn parse_stump<P: Packet>(&mut self, packet: &P, transport: Transport) {
        let offset = transport.offset;
        let Some([b0]) = packet.bytes(offset) else {
            return;
        };
        let second = packet.bytes(offset.wrapping_add(1)).map(|[byte]| byte);
        self.set_icmp(transport.protocol, b0, second);
        let Some(b1) = second else { return };
        let sport = u16::from_be_bytes([b0, b1]).into();
        self.set(Field::ThSport, sport);
        match transport.protocol {
            protocol::TCP => self.set(Field::TcpSport, sport),
            protocol::UDP => self.set(Field::UdpSport, sport),
            _ => {}
        }
    }

    /// Stores type and code if the protocol is one of the ICMPs.
    fn set_icmp(&mut self, protocol: u8, kind: u8, code: Option<u8>) {
        let (kind_field, code_field) = match protocol {
            protocol::ICMP => (Field::IcmpType, Field::IcmpCode),
            protocol::ICMPV6 => (Field::Icmpv6Type, Field::Icmpv6Code),
            _ => return,
        };
        self.set(kind_field, kind.into());
        if let Some(code) = code {
            self.set(code_field, code.into());
        }
    }
}
