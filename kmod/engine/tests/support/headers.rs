// SPDX-License-Identifier: GPL-2.0
//! Headers as bytes, with a different value in every field.

use ferrule_uapi::hook::Family;

use super::frame::Frame;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMPV6: u8 = 58;
pub const HOP: u8 = 0;
pub const ROUTING: u8 = 43;
pub const FRAGMENT: u8 = 44;
pub const AUTH: u8 = 51;
pub const NONE: u8 = 59;
pub const DEST: u8 = 60;

pub const SADDR6: u128 = 0x2001_0db8_0000_0000_0102_0304_0506_0708;
pub const DADDR6: u128 = 0x2001_0db8_ffff_0000_1112_1314_1516_1718;

/// A transport header of 20 bytes: as TCP, 0x1234 to 0x5678, flags SYN and ACK.
pub fn transport() -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1, 0, 0, 0, 2];
    bytes.extend([0x50, 0x12, 0x20, 0, 0xab, 0xcd, 0, 0]);
    bytes
}

/// An IPv4 packet: 10.1.2.3 to 192.168.4.5, with `options` words of options.
pub fn ipv4(protocol: u8, frag_off: u16, options: u8, payload: &[u8]) -> Frame {
    let ihl = 5 + options;
    let total = (usize::from(ihl) * 4 + payload.len()) as u16;
    let mut bytes = vec![0x40 | ihl, 0xb9];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0xbe, 0xef]);
    bytes.extend(frag_off.to_be_bytes());
    bytes.extend([63, protocol, 0xfa, 0xce, 10, 1, 2, 3, 192, 168, 4, 5]);
    bytes.extend(vec![1; usize::from(options) * 4]);
    bytes.extend(payload);
    Frame::new(Family::Ip, bytes)
}

/// An IPv6 packet whose fixed header names `nexthdr`.
pub fn ipv6(nexthdr: u8, payload: &[u8]) -> Frame {
    let mut bytes = vec![0x6b, 0x91, 0x23, 0x45];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend([nexthdr, 62]);
    bytes.extend(SADDR6.to_be_bytes());
    bytes.extend(DADDR6.to_be_bytes());
    bytes.extend(payload);
    Frame::new(Family::Ip6, bytes)
}

/// An IPv6 packet with these extension headers, 8 bytes each (AH: 24), then `protocol` and 20 bytes.
pub fn ipv6_chain(extensions: &[u8], protocol: u8) -> Frame {
    let mut payload = Vec::new();
    for (at, kind) in extensions.iter().enumerate() {
        let next = extensions.get(at + 1).copied().unwrap_or(protocol);
        match *kind {
            AUTH => payload.extend([[next, 4].as_slice(), &[9; 22]].concat()),
            _ => payload.extend([next, 0, 0, 0, 0, 0, 0, 0]),
        }
    }
    payload.extend(transport());
    ipv6(extensions.first().copied().unwrap_or(protocol), &payload)
}

/// An IPv6 packet with one fragment header: this offset-and-flags word, then `protocol`.
pub fn ipv6_fragment(word: u16, protocol: u8) -> Frame {
    let mut payload = vec![protocol, 0];
    payload.extend(word.to_be_bytes());
    payload.extend([0, 0, 0, 1]);
    payload.extend(transport());
    ipv6(FRAGMENT, &payload)
}
