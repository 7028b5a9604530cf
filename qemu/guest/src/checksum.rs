// SPDX-License-Identifier: GPL-2.0
//! The Internet checksum (RFC 1071).

use std::net::IpAddr;

/// The checksum of `parts`, one after the other; each but the last of even length.
pub(crate) fn internet(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The checksum of a transport header and what follows it. ICMP in IPv4 has no pseudo-header.
pub(crate) fn transport(saddr: IpAddr, daddr: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    const ICMP: u8 = 1;
    let length = (bytes.len() as u32).to_be_bytes();
    let tail = [0, 0, 0, protocol];
    match (saddr, daddr) {
        (IpAddr::V4(_), IpAddr::V4(_)) if protocol == ICMP => internet(&[bytes]),
        (IpAddr::V4(saddr), IpAddr::V4(daddr)) => {
            internet(&[&saddr.octets(), &daddr.octets(), &length, &tail, bytes])
        }
        (IpAddr::V6(saddr), IpAddr::V6(daddr)) => {
            internet(&[&saddr.octets(), &daddr.octets(), &length, &tail, bytes])
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_sums_to_what_it_says() {
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(internet(&[&data]), !0xddf2);
    }

    #[test]
    fn a_checksum_over_itself_is_zero() {
        let mut data = [0x45, 0, 0, 20, 1, 2, 3, 4, 5, 6, 0, 0];
        let sum = internet(&[&data]);
        data[10..].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(internet(&[&data]), 0);
    }
}
