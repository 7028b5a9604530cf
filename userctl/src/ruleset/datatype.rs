// SPDX-License-Identifier: GPL-2.0
//! Types of values: how each is written and read.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::services::{PROTOCOLS, SERVICES};

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// A number, written in decimal.
    Integer,
    /// A number, written in hexadecimal.
    Hex,
    /// A packet mark.
    Mark,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A port.
    Port,
    /// A transport protocol.
    Protocol,
    /// A differentiated services code point.
    Dscp,
    /// Explicit congestion notification.
    Ecn,
    /// TCP flags: a set of bits.
    TcpFlags,
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// ICMPv6 type.
    Icmpv6Type,
    /// ICMPv6 code.
    Icmpv6Code,
    /// Index of an interface.
    IfIndex,
    /// Name of an interface.
    IfName,
    /// Packet type.
    PktType,
    /// EtherType.
    EtherType,
    /// `NFPROTO_*`.
    Nfproto,
}

type Names = &'static [(&'static str, u128)];

#[rustfmt::skip]
const DSCP: Names = &[
    ("cs0", 0x00), ("cs1", 0x08), ("cs2", 0x10), ("cs3", 0x18), ("cs4", 0x20), ("cs5", 0x28),
    ("cs6", 0x30), ("cs7", 0x38), ("df", 0x00), ("be", 0x00), ("lephb", 0x01), ("af11", 0x0a),
    ("af12", 0x0c), ("af13", 0x0e), ("af21", 0x12), ("af22", 0x14), ("af23", 0x16),
    ("af31", 0x1a), ("af32", 0x1c), ("af33", 0x1e), ("af41", 0x22), ("af42", 0x24),
    ("af43", 0x26), ("va", 0x2c), ("ef", 0x2e),
];

const ECN: Names = &[("not-ect", 0), ("ect1", 1), ("ect0", 2), ("ce", 3)];

#[rustfmt::skip]
const TCP_FLAGS: Names = &[
    ("fin", 0x01), ("syn", 0x02), ("rst", 0x04), ("psh", 0x08), ("ack", 0x10), ("urg", 0x20),
    ("ecn", 0x40), ("cwr", 0x80),
];

#[rustfmt::skip]
const ICMP_TYPES: Names = &[
    ("echo-reply", 0), ("destination-unreachable", 3), ("source-quench", 4), ("redirect", 5),
    ("echo-request", 8), ("router-advertisement", 9), ("router-solicitation", 10),
    ("time-exceeded", 11), ("parameter-problem", 12), ("timestamp-request", 13),
    ("timestamp-reply", 14), ("info-request", 15), ("info-reply", 16),
    ("address-mask-request", 17), ("address-mask-reply", 18),
];

#[rustfmt::skip]
const ICMPV6_TYPES: Names = &[
    ("destination-unreachable", 1), ("packet-too-big", 2), ("time-exceeded", 3),
    ("parameter-problem", 4), ("echo-request", 128), ("echo-reply", 129),
    ("mld-listener-query", 130), ("mld-listener-report", 131), ("mld-listener-done", 132),
    ("mld-listener-reduction", 132), ("nd-router-solicit", 133), ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135), ("nd-neighbor-advert", 136), ("nd-redirect", 137),
    ("router-renumbering", 138), ("ind-neighbor-solicit", 141), ("ind-neighbor-advert", 142),
    ("mld2-listener-report", 143),
];

// nft reads these two by name and lists them as numbers.
#[rustfmt::skip]
const ICMP_CODES: Names = &[
    ("net-unreachable", 0), ("host-unreachable", 1), ("prot-unreachable", 2),
    ("port-unreachable", 3), ("frag-needed", 4), ("net-prohibited", 9), ("host-prohibited", 10),
    ("admin-prohibited", 13),
];

#[rustfmt::skip]
const ICMPV6_CODES: Names = &[
    ("no-route", 0), ("admin-prohibited", 1), ("addr-unreachable", 3), ("port-unreachable", 4),
    ("policy-fail", 5), ("reject-route", 6),
];

const PKT_TYPES: Names = &[
    ("host", 0),
    ("unicast", 0),
    ("broadcast", 1),
    ("multicast", 2),
    ("other", 3),
];

#[rustfmt::skip]
const ETHER_TYPES: Names = &[
    ("ip", 0x0800), ("arp", 0x0806), ("ip6", 0x86dd), ("8021q", 0x8100), ("8021ad", 0x88a8),
    ("vlan", 0x8100),
];

const NFPROTOS: Names = &[("ipv4", 2), ("ipv6", 10)];

impl Datatype {
    /// Names of values. Of two names for one value, the first is listed.
    fn names(self) -> Names {
        match self {
            Datatype::Protocol => PROTOCOLS,
            Datatype::Dscp => DSCP,
            Datatype::Ecn => ECN,
            Datatype::TcpFlags => TCP_FLAGS,
            Datatype::IcmpType => ICMP_TYPES,
            Datatype::IcmpCode => ICMP_CODES,
            Datatype::Icmpv6Type => ICMPV6_TYPES,
            Datatype::Icmpv6Code => ICMPV6_CODES,
            Datatype::PktType => PKT_TYPES,
            Datatype::EtherType => ETHER_TYPES,
            Datatype::Nfproto => NFPROTOS,
            _ => &[],
        }
    }

    /// Whether values are sets of bits, so that a bare value on the right means "any of these".
    pub fn is_bitmask(self) -> bool {
        self == Datatype::TcpFlags
    }

    /// Whether a range that is a prefix is listed as one.
    pub fn has_prefixes(self) -> bool {
        matches!(self, Datatype::Ipv4 | Datatype::Ipv6)
    }

    /// The type in words, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            Datatype::Integer | Datatype::Hex => "a number",
            Datatype::Mark => "a packet mark",
            Datatype::Ipv4 => "an IPv4 address",
            Datatype::Ipv6 => "an IPv6 address",
            Datatype::Port => "a port or the name of a service",
            Datatype::Protocol => "a transport protocol",
            Datatype::Dscp => "a DSCP",
            Datatype::Ecn => "an ECN value",
            Datatype::TcpFlags => "a TCP flag",
            Datatype::IcmpType => "an ICMP type",
            Datatype::IcmpCode => "an ICMP code",
            Datatype::Icmpv6Type => "an ICMPv6 type",
            Datatype::Icmpv6Code => "an ICMPv6 code",
            Datatype::IfIndex => "an interface",
            Datatype::IfName => "the name of an interface",
            Datatype::PktType => "a packet type",
            Datatype::EtherType => "an EtherType",
            Datatype::Nfproto => "a netfilter protocol",
        }
    }

    /// The value that `text` names. Interfaces are not looked up here.
    pub(super) fn read(self, text: &str) -> Option<u128> {
        if let Some((_, value)) = self.names().iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        match self {
            Datatype::Ipv4 => text.parse().ok().map(|a: Ipv4Addr| u32::from(a).into()),
            Datatype::Ipv6 => {
                let text = text.trim_start_matches('[').trim_end_matches(']');
                text.parse().ok().map(|a: Ipv6Addr| u128::from(a))
            }
            Datatype::Port => SERVICES
                .get(text)
                .map(|port| u128::from(*port))
                .or_else(|| text.parse::<u16>().ok().map(u128::from)),
            _ => text.strip_prefix("0x").map_or_else(
                || text.parse().ok(),
                |digits| u128::from_str_radix(digits, 16).ok(),
            ),
        }
    }

    /// A name that is like `text`.
    pub(super) fn similar(self, text: &str) -> Option<&'static str> {
        let names: Vec<&'static str> = match self {
            Datatype::Port => SERVICES.keys().copied().collect(),
            _ => self.names().iter().map(|(name, _)| *name).collect(),
        };
        crate::lang::words::similar(text, &names)
    }

    /// Writes a value as nft lists it. Interfaces come out as numbers.
    pub fn write(self, value: u128, numeric: bool, out: &mut String) {
        let named = !matches!(self, Datatype::IcmpCode | Datatype::Icmpv6Code);
        let name = self.names().iter().find(|(_, known)| *known == value);
        // Formatting into a string does not fail.
        let _ = match (self, name) {
            (Datatype::TcpFlags, _) if !numeric => write_flags(value, " | ", out),
            (_, Some((name, _))) if named && !numeric => write!(out, "{name}"),
            (Datatype::Ipv4, _) => write!(out, "{}", Ipv4Addr::from(value as u32)),
            (Datatype::Ipv6, _) => write!(out, "{}", Ipv6Addr::from(value)),
            (Datatype::IfName, _) => write_name(value, 128, out),
            (Datatype::Mark, _) => write!(out, "0x{value:08x}"),
            (Datatype::Dscp, _) => write!(out, "0x{value:02x}"),
            (Datatype::EtherType, _) => write!(out, "0x{value:04x}"),
            (Datatype::Hex | Datatype::TcpFlags, _) => write!(out, "0x{value:x}"),
            _ => write!(out, "{value}"),
        };
    }
}

/// Writes TCP flags by name, with `between` between them.
pub(crate) fn write_flags(value: u128, between: &str, out: &mut String) -> std::fmt::Result {
    if value == 0 {
        return write!(out, "0x0");
    }
    let set = TCP_FLAGS.iter().filter(|(_, bit)| value & bit != 0);
    for (index, (name, _)) in set.enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        out.push_str(name);
    }
    Ok(())
}

/// Writes the first `bits` of an interface's name in quotes, with an asterisk if the rest is open.
pub(crate) fn write_name(value: u128, bits: u32, out: &mut String) -> std::fmt::Result {
    let bytes = value.to_be_bytes();
    let bytes = &bytes[..(bits / 8) as usize];
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[..end]);
    let wildcard = bits < 128;
    // A name that ends in an asterisk of its own is told from a wildcard by a backslash.
    let name = match name.strip_suffix('*') {
        Some(start) => format!("{start}\\*"),
        None => name.into_owned(),
    };
    write!(out, "\"{name}{}\"", if wildcard { "*" } else { "" })
}
