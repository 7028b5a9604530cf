// SPDX-License-Identifier: GPL-2.0
//! The beginning of a packet in words, like the kernel's log has them.

use std::net::{Ipv4Addr, Ipv6Addr};

use ferrule_uapi::hook::Family;

/// Addresses, protocol and ports, as far as the bytes go.
pub(super) fn describe(family: u8, bytes: &[u8]) -> String {
    let described = match Family::from_raw(family) {
        Some(Family::Ip6) => ipv6(bytes),
        _ => ipv4(bytes),
    };
    described.unwrap_or_else(|| "(truncated)".to_owned())
}

fn ipv4(bytes: &[u8]) -> Option<String> {
    let header: &[u8; 20] = bytes.first_chunk()?;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = *header[12..].first_chunk()?;
    let saddr = Ipv4Addr::from([s0, s1, s2, s3]);
    let daddr = Ipv4Addr::from([d0, d1, d2, d3]);
    let at = usize::from(header[0] & 15) * 4;
    let transport = transport(header[9], bytes.get(at..).unwrap_or_default());
    Some(format!(
        "SRC={saddr} DST={daddr} TTL={} {transport}",
        header[8]
    ))
}

fn ipv6(bytes: &[u8]) -> Option<String> {
    let header: &[u8; 40] = bytes.first_chunk()?;
    let saddr = Ipv6Addr::from(*header[8..].first_chunk::<16>()?);
    let daddr = Ipv6Addr::from(*header[24..].first_chunk::<16>()?);
    let transport = transport(header[6], bytes.get(40..).unwrap_or_default());
    Some(format!(
        "SRC={saddr} DST={daddr} HOPLIMIT={} {transport}",
        header[7]
    ))
}

fn transport(protocol: u8, bytes: &[u8]) -> String {
    let ports = |name| match bytes.first_chunk::<4>() {
        Some([s0, s1, d0, d1]) => {
            let (sport, dport) = (
                u16::from_be_bytes([*s0, *s1]),
                u16::from_be_bytes([*d0, *d1]),
            );
            format!("PROTO={name} SPT={sport} DPT={dport}")
        }
        None => format!("PROTO={name}"),
    };
    let kind = |name| match bytes.first_chunk::<2>() {
        Some([kind, code]) => format!("PROTO={name} TYPE={kind} CODE={code}"),
        None => format!("PROTO={name}"),
    };
    match protocol {
        6 => ports("TCP"),
        17 => ports("UDP"),
        132 => ports("SCTP"),
        1 => kind("ICMP"),
        58 => kind("ICMPv6"),
        other => format!("PROTO={other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_described_as_far_as_its_bytes_go() {
        let mut packet = vec![
            0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        packet.extend([0x30, 0x39, 0, 80]);
        assert_eq!(
            describe(Family::Ip as u8, &packet),
            "SRC=10.0.0.1 DST=10.0.0.2 TTL=64 PROTO=TCP SPT=12345 DPT=80"
        );
        assert_eq!(
            describe(Family::Ip as u8, &packet[..22]),
            "SRC=10.0.0.1 DST=10.0.0.2 TTL=64 PROTO=TCP"
        );
        assert_eq!(describe(Family::Ip6 as u8, &packet[..10]), "(truncated)");
    }
}
