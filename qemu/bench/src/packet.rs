// SPDX-License-Identifier: GPL-2.0

//! Headers, and the frames that the sender puts into the receive path.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where frames are sent to: the guest gives its devices these addresses.
pub const RECEIVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SENDER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

/// Numbers of protocols.
pub const ICMP: u8 = 1;
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
/// ICMP for IPv6.
pub const ICMPV6: u8 = 58;

/// TCP's flags.
pub const SYN: u8 = 2;
/// SYN and ACK.
pub const SYN_ACK: u8 = 0x12;
/// ACK.
pub const ACK: u8 = 0x10;

/// Bytes behind the last header.
const PAYLOAD: usize = 8;

/// A packet's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Source.
    pub src: IpAddr,
    /// Destination, of the same family.
    pub dst: IpAddr,
    /// The protocol above.
    pub proto: u8,
    /// Source port, or ICMP's type.
    pub sport: u16,
    /// Destination port, or ICMP's code.
    pub dport: u16,
    /// TCP's flags.
    pub flags: u8,
}

/// A header, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The header.
    pub header: Header,
    /// Do the rules drop it?
    pub dropped: bool,
}

impl Header {
    /// Would a router forward it, without any rule? (Addresses that must not be on a wire it drops.)
    pub fn is_forwarded(&self) -> bool {
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let unicast = |a: Ipv4Addr| !matches!(a.octets()[0], 0 | 127 | 224..=255);
                unicast(src) && unicast(dst)
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let unicast = |a: Ipv6Addr| {
                    !a.is_multicast()
                        && !a.is_loopback()
                        && !a.is_unspecified()
                        && a.octets()[0] & 0xfe != 0xfe
                };
                unicast(src) && unicast(dst)
            }
            _ => false,
        }
    }

    /// The frame's bytes.
    pub fn frame(&self) -> Vec<u8> {
        let body = self.body();
        let mut frame = Vec::with_capacity(96);
        frame.extend(RECEIVER_MAC);
        frame.extend(SENDER_MAC);
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                frame.extend([0x08, 0x00]);
                let length = (20 + body.len()) as u16;
                let mut header = vec![0x45, 0];
                header.extend(length.to_be_bytes());
                header.extend([0, 0, 0x40, 0, 64, self.proto, 0, 0]);
                header.extend(src.octets());
                header.extend(dst.octets());
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                frame.extend(header);
            }
            (src, dst) => {
                let octets = |address: IpAddr| match address {
                    IpAddr::V6(address) => address.octets(),
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                };
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend((body.len() as u16).to_be_bytes());
                frame.extend([self.proto, 64]);
                frame.extend(octets(src));
                frame.extend(octets(dst));
            }
        }
        frame.extend(body);
        frame
    }

    /// What is above IP. Checksums there are of no interest to a router, but conntrack looks at them:
    /// the guest tells it not to.
    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let ports = |body: &mut Vec<u8>| {
            body.extend(self.sport.to_be_bytes());
            body.extend(self.dport.to_be_bytes());
        };
        match self.proto {
            TCP => {
                ports(&mut body);
                let sequence: u32 = if self.flags & SYN != 0 { 0 } else { 1 };
                body.extend(sequence.to_be_bytes());
                body.extend(u32::from(self.flags & ACK != 0).to_be_bytes());
                body.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
            }
            UDP => {
                ports(&mut body);
                body.extend(((8 + PAYLOAD) as u16).to_be_bytes());
                body.extend([0, 0]);
                body.extend([0; PAYLOAD]);
            }
            _ => {
                body.extend([self.sport as u8, self.dport as u8, 0, 0, 0, 1, 0, 1]);
                body.extend([0; PAYLOAD]);
            }
        }
        body
    }
}

/// The internet checksum of a header whose checksum field is 0.
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2);
    let mut sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)))
        .sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The records that the sender module takes (see `qemu/sender/`).
pub fn records(packets: &[Packet]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for packet in packets {
        let frame = packet.header.frame();
        bytes.extend((frame.len() as u16).to_ne_bytes());
        bytes.extend(u16::from(packet.dropped).to_ne_bytes());
        bytes.extend(&frame);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(src: &str, dst: &str, proto: u8) -> Header {
        Header {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            proto,
            sport: 1024,
            dport: 53,
            flags: ACK,
        }
    }

    #[test]
    fn an_ipv4_frame_has_a_right_checksum_and_length() {
        let frame = header("192.0.2.1", "198.51.100.7", UDP).frame();
        assert_eq!(frame.len(), 14 + 20 + 8 + PAYLOAD);
        assert_eq!(frame[16..18], 36u16.to_be_bytes());
        assert_eq!(checksum(&frame[14..34]), 0);
    }

    #[test]
    fn addresses_that_no_router_forwards_are_told() {
        assert!(header("192.0.2.1", "8.8.8.8", TCP).is_forwarded());
        for (src, dst) in [
            ("127.0.0.1", "8.8.8.8"),
            ("8.8.8.8", "224.0.0.1"),
            ("0.0.0.0", "8.8.8.8"),
            ("::1", "2001:db8::1"),
        ] {
            assert!(!header(src, dst, TCP).is_forwarded(), "{src} {dst}");
        }
    }

    #[test]
    fn records_are_aligned_and_say_what_is_dropped() {
        let packet = Packet {
            header: header("2001:db8::1", "2001:db8::2", TCP),
            dropped: true,
        };
        let bytes = records(&[packet]);
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(bytes[0..2], 74u16.to_ne_bytes());
        assert_eq!(bytes[2..4], 1u16.to_ne_bytes());
    }
}
