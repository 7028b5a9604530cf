// SPDX-License-Identifier: GPL-2.0
//! Log lines, in the kernel's form as far as it goes (`nf_log_syslog.c`).

use std::net::{Ipv4Addr, Ipv6Addr};

use ferrule_uapi::hook::Family;

use super::context::Nic;

/// A line that was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Index of the rule.
    pub rule: u32,
    /// Index of the record in the logs section.
    pub log: u32,
    /// The prefix, and what the kernel says of the packet.
    pub text: String,
}

/// The line for a packet.
pub(super) fn text(
    prefix: &[u8],
    family: Family,
    packet: &[u8],
    input: Option<Nic>,
    output: Option<Nic>,
) -> String {
    let name = |nic: Option<Nic>| {
        let name = nic.map_or([0; 16], |nic| nic.name);
        let text = String::from_utf8_lossy(&name);
        text.trim_end_matches('\0').to_owned()
    };
    let mut line = String::from_utf8_lossy(prefix).into_owned();
    line += &format!("IN={} OUT={} ", name(input), name(output));
    let rest = match family {
        Family::Ip6 => ipv6(packet),
        _ => ipv4(packet),
    };
    line += &rest.unwrap_or_else(|| "TRUNCATED".to_owned());
    line
}

fn ipv4(packet: &[u8]) -> Option<String> {
    let header: [u8; 20] = *packet.first_chunk()?;
    let address = |at: usize| -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = *header.get(at..)?.first_chunk()?;
        Some(Ipv4Addr::from(bytes))
    };
    let [first, tos, l0, l1, i0, i1, _, _, ttl, protocol, ..] = header;
    let mut line = format!(
        "SRC={} DST={} LEN={} TOS=0x{:02X} PREC=0x{:02X} TTL={ttl} ID={} ",
        address(12)?,
        address(16)?,
        u16::from_be_bytes([l0, l1]),
        tos & 0x1e,
        tos & 0xe0,
        u16::from_be_bytes([i0, i1]),
    );
    let transport = packet.get(usize::from(first & 15) * 4..);
    line += &protocol_text(protocol, transport.unwrap_or_default());
    Some(line)
}

fn ipv6(packet: &[u8]) -> Option<String> {
    let header: [u8; 40] = *packet.first_chunk()?;
    let address = |at: usize| -> Option<String> {
        let bytes: [u8; 16] = *header.get(at..)?.first_chunk()?;
        let groups = Ipv6Addr::from(bytes).segments();
        let groups: Vec<String> = groups.iter().map(|group| format!("{group:04x}")).collect();
        Some(groups.join(":"))
    };
    let [v0, v1, v2, v3, l0, l1, nexthdr, hoplimit, ..] = header;
    let word = u32::from_be_bytes([v0, v1, v2, v3]);
    let mut line = format!(
        "SRC={} DST={} LEN={} TC={} HOPLIMIT={hoplimit} FLOWLBL={} ",
        address(8)?,
        address(24)?,
        u32::from(u16::from_be_bytes([l0, l1])) + 40,
        word >> 20 & 0xff,
        word & 0xf_ffff,
    );
    line += &protocol_text(nexthdr, packet.get(40..).unwrap_or_default());
    Some(line)
}

/// What the line says of the transport.
fn protocol_text(protocol: u8, transport: &[u8]) -> String {
    let ports = |name: &str| match transport {
        [s0, s1, d0, d1, ..] => format!(
            "PROTO={name} SPT={} DPT={} ",
            u16::from_be_bytes([*s0, *s1]),
            u16::from_be_bytes([*d0, *d1])
        ),
        _ => format!("PROTO={name} INCOMPLETE "),
    };
    let icmp = |name: &str| match transport {
        [kind, code, ..] => format!("PROTO={name} TYPE={kind} CODE={code} "),
        _ => format!("PROTO={name} INCOMPLETE "),
    };
    match protocol {
        1 => icmp("ICMP"),
        6 => ports("TCP"),
        17 => ports("UDP"),
        58 => icmp("ICMPv6"),
        132 => ports("SCTP"),
        other => format!("PROTO={other} "),
    }
}
