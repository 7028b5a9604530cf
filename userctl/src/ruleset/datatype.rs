// SPDX-License-Identifier: GPL-2.0
//! Types of values: how each is written and read.
//!
//! One row a type (`ROWS`) says what nft calls it, what it is in words, how wide it is and how its numbers look;
//! [`symbols`] has the names of values. What the machine alone knows (users, interfaces, files of names) is
//! asked of the [`super::Environment`] by the reader of constants.

pub(crate) mod clock;
mod symbols;

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::services::{PROTOCOLS, SERVICES};
pub(crate) use symbols::Names;

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Datatype {
    /// A number, written in decimal.
    Integer,
    /// A number, written in hexadecimal: raw payload.
    Hex,
    /// A set of bits without names.
    Bitmask,
    /// A string of at most 15 bytes, zero-padded to 16.
    String,
    /// A packet mark.
    Mark,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An Ethernet address.
    Ether,
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
    /// Code of `reject with icmpx`.
    IcmpxCode,
    /// ICMPv6 type.
    Icmpv6Type,
    /// ICMPv6 code.
    Icmpv6Code,
    /// IGMP type.
    IgmpType,
    /// Type of a DCCP packet.
    DccpType,
    /// Type of a mobility header.
    MhType,
    /// ARP operation.
    ArpOp,
    /// Index of an interface.
    IfIndex,
    /// Name of an interface.
    IfName,
    /// `ARPHRD_*`.
    IfType,
    /// Group of an interface.
    DevGroup,
    /// Packet type.
    PktType,
    /// EtherType.
    EtherType,
    /// `NFPROTO_*`.
    Nfproto,
    /// Routing realm.
    Realm,
    /// Handle of a traffic control class.
    ClassId,
    /// User.
    Uid,
    /// Group.
    Gid,
    /// Conntrack state: a set of bits.
    CtState,
    /// Direction of a connection.
    CtDir,
    /// Conntrack status: a set of bits.
    CtStatus,
    /// Conntrack label: a set of 128 bits.
    CtLabel,
    /// Conntrack events: a set of bits.
    CtEvent,
    /// Type of an address, by the routing table.
    FibAddr,
    /// Nanoseconds since the epoch.
    Time,
    /// Day of the week.
    Day,
    /// Seconds since midnight, UTC.
    Hour,
    /// A length of time in milliseconds.
    Duration,
    /// Whether there is such a thing.
    Boolean,
    /// A control group, by its path.
    CgroupV2,
}

/// What differs from one type to the next.
struct Row {
    datatype: Datatype,
    /// In nft: what follows `type`. Empty: it cannot be named there.
    name: &'static str,
    /// In nft's `describe`.
    title: &'static str,
    /// In nft's `describe`: what it is based on.
    base: &'static str,
    /// In our messages.
    expected: &'static str,
    /// Bits; 0: depends on what has the type.
    bits: u32,
    /// How numbers without a name are written.
    style: Style,
}

/// How numbers are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Decimal,
    /// With at least so many digits.
    Hex(usize),
    /// By a routine of its own.
    Own,
}

const fn row(
    datatype: Datatype,
    name: &'static str,
    title: &'static str,
    base: &'static str,
    expected: &'static str,
    bits: u32,
    style: Style,
) -> Row {
    Row {
        datatype,
        name,
        title,
        base,
        expected,
        bits,
        style,
    }
}

use Datatype as T;
use Style::{Decimal, Hex, Own};

/// Every type.
#[rustfmt::skip]
static ROWS: &[Row] = &[
    row(T::Integer, "integer", "integer", "", "a number", 0, Decimal),
    row(T::Hex, "integer", "integer", "", "a number", 0, Hex(1)),
    row(T::Bitmask, "bitmask", "bitmask", "integer", "a number", 0, Hex(1)),
    row(T::String, "string", "string", "", "a name", 128, Own),
    row(T::Mark, "mark", "packet mark", "integer", "a packet mark", 32, Hex(8)),
    row(T::Ipv4, "ipv4_addr", "IPv4 address", "integer", "an IPv4 address", 32, Own),
    row(T::Ipv6, "ipv6_addr", "IPv6 address", "integer", "an IPv6 address", 128, Own),
    row(T::Ether, "ether_addr", "Ethernet address", "link layer address, integer", "an Ethernet address", 48, Own),
    row(T::Port, "inet_service", "internet network service", "integer", "a port or the name of a service", 16, Decimal),
    row(T::Protocol, "inet_proto", "Internet protocol", "integer", "a transport protocol", 8, Decimal),
    row(T::Dscp, "dscp", "Differentiated Services Code Point", "integer", "a DSCP", 6, Hex(2)),
    row(T::Ecn, "ecn", "Explicit Congestion Notification", "integer", "an ECN value", 2, Decimal),
    row(T::TcpFlags, "tcp_flag", "TCP flag", "bitmask, integer", "a TCP flag", 8, Hex(1)),
    row(T::IcmpType, "icmp_type", "ICMP type", "integer", "an ICMP type", 8, Decimal),
    row(T::IcmpCode, "icmp_code", "icmp code", "integer", "an ICMP code", 8, Decimal),
    row(T::IcmpxCode, "icmpx_code", "icmpx code", "integer", "an ICMPX code", 8, Decimal),
    row(T::Icmpv6Type, "icmpv6_type", "ICMPv6 type", "integer", "an ICMPv6 type", 8, Decimal),
    row(T::Icmpv6Code, "icmpv6_code", "icmpv6 code", "integer", "an ICMPv6 code", 8, Decimal),
    row(T::IgmpType, "igmp_type", "IGMP type", "integer", "an IGMP type", 8, Decimal),
    row(T::DccpType, "dccp_pkttype", "DCCP packet type", "integer", "a DCCP packet type", 4, Hex(2)),
    row(T::MhType, "mh_type", "Mobility Header Type", "integer", "a type of mobility headers", 8, Decimal),
    row(T::ArpOp, "arp_op", "ARP operation", "integer", "an ARP operation", 16, Hex(4)),
    row(T::IfIndex, "iface_index", "network interface index", "integer", "an interface", 32, Decimal),
    row(T::IfName, "ifname", "network interface name", "string", "the name of an interface", 128, Own),
    row(T::IfType, "iface_type", "network interface type", "integer", "a type of interfaces", 16, Decimal),
    row(T::DevGroup, "devgroup", "devgroup name", "integer", "a group of interfaces", 32, Decimal),
    row(T::PktType, "pkt_type", "packet type", "integer", "a packet type", 8, Decimal),
    row(T::EtherType, "ether_type", "Ethernet protocol", "integer", "an EtherType", 16, Hex(4)),
    row(T::Nfproto, "nf_proto", "netfilter protocol", "integer", "a netfilter protocol", 8, Decimal),
    row(T::Realm, "realm", "routing realm", "integer", "a routing realm", 32, Decimal),
    row(T::ClassId, "classid", "TC classid", "integer", "a class of traffic control", 32, Own),
    row(T::Uid, "uid", "user ID", "integer", "a user", 32, Decimal),
    row(T::Gid, "gid", "group ID", "integer", "a group of users", 32, Decimal),
    row(T::CtState, "ct_state", "conntrack state", "bitmask, integer", "a state of connections", 32, Hex(1)),
    row(T::CtDir, "ct_dir", "conntrack direction", "integer", "a direction", 8, Decimal),
    row(T::CtStatus, "ct_status", "conntrack status", "bitmask, integer", "a status of connections", 32, Hex(1)),
    row(T::CtLabel, "ct_label", "conntrack label", "bitmask, integer", "a label of connections (0 to 127)", 128, Own),
    row(T::CtEvent, "ct_event", "conntrack event bits", "bitmask, integer", "an event of connections", 32, Hex(1)),
    row(T::FibAddr, "fib_addrtype", "fib address type", "integer", "a type of addresses", 32, Decimal),
    row(T::Time, "time", "Relative time of packet reception", "integer", "a time (`\"2026-01-31 17:00:00\"`)", 64, Own),
    row(T::Day, "day", "Day of week of packet reception", "integer", "a day of the week", 8, Decimal),
    row(T::Hour, "hour", "Hour of day of packet reception", "integer", "a time of the day (`\"17:00\"`)", 32, Own),
    row(T::Duration, "", "relative time", "integer", "a length of time (`30s`)", 32, Own),
    row(T::Boolean, "boolean", "boolean type", "integer", "`exists` or `missing`", 1, Decimal),
    row(T::CgroupV2, "cgroupsv2", "cgroupsv2 path", "integer", "the path of a control group", 64, Decimal),
];

impl Datatype {
    fn row(self) -> &'static Row {
        ROWS.iter()
            .find(|row| row.datatype == self)
            .unwrap_or(&ROWS[0])
    }

    /// The type that nft calls so.
    pub fn by_name(name: &str) -> Option<Datatype> {
        let row = ROWS.iter().find(|row| row.name == name);
        row.filter(|row| !row.name.is_empty())
            .map(|row| row.datatype)
    }

    /// The name that is most like `name`.
    pub(super) fn similar_name(name: &str) -> Option<&'static str> {
        let names: Vec<&'static str> = ROWS.iter().map(|row| row.name).collect();
        crate::lang::words::similar(name, &names)
    }

    /// What nft calls it (`inet_service`).
    pub fn name(self) -> &'static str {
        match self {
            Datatype::Duration => "time",
            _ => self.row().name,
        }
    }

    /// Bits of its values, if the type says so; 0 if what has the type does.
    pub fn bits(self) -> u32 {
        self.row().bits
    }

    /// Names of values. Of two names for one value, the first is listed.
    pub(crate) fn names(self) -> Names {
        match self {
            Datatype::Protocol => PROTOCOLS,
            _ => symbols::of(self),
        }
    }

    /// Whether values are sets of bits, so that a bare value on the right means "any of these".
    pub fn is_bitmask(self) -> bool {
        matches!(
            self,
            Datatype::TcpFlags
                | Datatype::CtState
                | Datatype::CtStatus
                | Datatype::CtLabel
                | Datatype::CtEvent
        )
    }

    /// Whether values are text.
    pub fn is_string(self) -> bool {
        matches!(self, Datatype::IfName | Datatype::String)
    }

    /// Whether a range that is a prefix is listed as one.
    pub fn has_prefixes(self) -> bool {
        matches!(self, Datatype::Ipv4 | Datatype::Ipv6)
    }

    /// Whether values are numbers of any meaning, so that others may stand for them.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Datatype::Integer | Datatype::Hex | Datatype::Bitmask)
    }

    /// The type in words, for messages.
    pub fn describe(self) -> &'static str {
        self.row().expected
    }

    /// nft's `describe`, without what is described: type, width and names of values.
    pub fn describe_text(self, bits: u32) -> String {
        let row = self.row();
        let mut out = format!("datatype {} ({})", self.name(), row.title);
        // Formatting into a string does not fail.
        if !row.base.is_empty() {
            let _ = write!(out, " (basetype {})", row.base);
        }
        let _ = match self.is_string() {
            true => writeln!(out, ", {} characters", bits / 8),
            false => writeln!(out, ", {bits} bits"),
        };
        self.describe_names(&mut out);
        out
    }

    fn describe_names(self, out: &mut String) {
        let names = self.names();
        if names.is_empty() {
            return;
        }
        if self == Datatype::Protocol {
            names.iter().for_each(|(name, value)| {
                let _ = writeln!(out, "\t{name:<30}\t{value}");
            });
            return;
        }
        let hex = matches!(self.row().style, Hex(_)) || self == Datatype::IfType;
        let base = if hex { "hexadecimal" } else { "decimal" };
        let digits = self.bits().div_ceil(8) as usize * 2;
        let _ = writeln!(out, "\npre-defined symbolic constants (in {base}):");
        for (name, value) in names {
            let _ = match hex {
                true => writeln!(out, "\t{name:<30}\t0x{value:0digits$x}"),
                false => writeln!(out, "\t{name:<30}\t{value:>20}"),
            };
        }
    }

    /// The value that `text` names. What the machine knows is not looked up here.
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
            Datatype::Ether => read_ether(text),
            Datatype::Port => SERVICES
                .get(text)
                .map(|port| u128::from(*port))
                .or_else(|| text.parse::<u16>().ok().map(u128::from)),
            Datatype::ClassId => read_class(text),
            Datatype::Day => self.read_day(text),
            Datatype::Hour => clock::read_hour(text),
            Datatype::Time => clock::read_time(text),
            Datatype::CtLabel => {
                let bit = text.parse::<u32>().ok().filter(|bit| *bit < 128)?;
                Some(1 << bit)
            }
            _ => read_number(text),
        }
    }

    /// Days may be written in any case and cut to three letters at least.
    fn read_day(self, text: &str) -> Option<u128> {
        let lower = text.to_ascii_lowercase();
        let mut days = self.names().iter();
        let day = days
            .find(|(name, _)| lower.len() >= 3 && name.to_ascii_lowercase().starts_with(&lower));
        day.map(|(_, value)| *value)
            .or_else(|| read_number(text).filter(|day| *day < 7))
    }

    /// A name that is like `text`.
    pub(super) fn similar(self, text: &str) -> Option<&'static str> {
        let names: Vec<&'static str> = match self {
            Datatype::Port => SERVICES.keys().copied().collect(),
            _ => self.names().iter().map(|(name, _)| *name).collect(),
        };
        crate::lang::words::similar(text, &names)
    }

    /// Whether values are listed by their names. nft reads some by name and lists them as numbers.
    fn lists_names(self) -> bool {
        !matches!(
            self,
            Datatype::IcmpCode | Datatype::Icmpv6Code | Datatype::IcmpxCode
        )
    }

    /// Writes a value as nft lists it. Interfaces and users come out as numbers.
    pub fn write(self, value: u128, numeric: bool, out: &mut String) {
        let name = self.names().iter().find(|(_, known)| *known == value);
        // Formatting into a string does not fail.
        let _ = match (self, name) {
            (Datatype::Day | Datatype::Realm | Datatype::DevGroup, Some((name, _))) if !numeric => {
                write!(out, "\"{name}\"")
            }
            (Datatype::Boolean, Some((name, _))) => write!(out, "{name}"),
            (_, Some((name, _))) if self.lists_names() && !numeric => write!(out, "{name}"),
            (Datatype::CtLabel, _) if value.is_power_of_two() => {
                write!(out, "{}", value.trailing_zeros())
            }
            _ if self.is_bitmask() && !numeric && value != 0 => self.write_flags(value, " | ", out),
            _ => self.write_number(value, out),
        };
    }

    fn write_number(self, value: u128, out: &mut String) -> std::fmt::Result {
        match self.row().style {
            Decimal => write!(out, "{value}"),
            Hex(digits) => write!(out, "0x{value:0digits$x}"),
            Own => self.write_own(value, out),
        }
    }

    fn write_own(self, value: u128, out: &mut String) -> std::fmt::Result {
        match self {
            Datatype::Ipv4 => write!(out, "{}", Ipv4Addr::from(value as u32)),
            Datatype::Ipv6 => write_ipv6(value, out),
            Datatype::Ether => {
                let bytes = value.to_be_bytes();
                let pairs: Vec<String> = bytes[10..].iter().map(|b| format!("{b:02x}")).collect();
                out.write_str(&pairs.join(":"))
            }
            Datatype::IfName | Datatype::String => write_name(value, 128, out),
            Datatype::ClassId => write!(out, "{:x}:{:x}", value >> 16, value & 0xffff),
            Datatype::Time => out.write_str(&clock::write_time(value)),
            Datatype::Hour => out.write_str(&clock::write_hour(value)),
            Datatype::Duration => out.write_str(&clock::write_duration(value)),
            _ => write!(out, "0x{value:x}"),
        }
    }

    /// Writes a set of bits by name, with `between` between them; what has no name as a number.
    pub(crate) fn write_flags(
        self,
        value: u128,
        between: &str,
        out: &mut String,
    ) -> std::fmt::Result {
        let mut left = value;
        let mut parts = Vec::new();
        for (name, bit) in self.names().iter().filter(|(_, bit)| *bit != 0) {
            if left & bit == *bit {
                parts.push((*name).to_owned());
                left &= !bit;
            }
        }
        if self == Datatype::CtLabel {
            let bits = (0..128).filter(|bit| left >> bit & 1 == 1);
            parts.extend(bits.map(|bit| bit.to_string()));
        } else if left != 0 || parts.is_empty() {
            parts.push(format!("0x{left:x}"));
        }
        out.write_str(&parts.join(between))
    }
}

/// A number: hexadecimal behind `0x`.
fn read_number(text: &str) -> Option<u128> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Six bytes in hexadecimal, of one or two digits each.
fn read_ether(text: &str) -> Option<u128> {
    let mut value = 0;
    let mut count = 0;
    for part in text.split(':') {
        let byte = u8::from_str_radix(part, 16)
            .ok()
            .filter(|_| part.len() <= 2)?;
        value = value << 8 | u128::from(byte);
        count += 1;
    }
    (count == 6).then_some(value)
}

/// `MAJOR:MINOR` in hexadecimal, either of which may be missing.
fn read_class(text: &str) -> Option<u128> {
    let Some((major, minor)) = text.split_once(':') else {
        return read_number(text);
    };
    let half = |text: &str| match text {
        "" => Some(0),
        _ => u16::from_str_radix(text, 16).ok(),
    };
    let (major, minor) = (half(major)?, half(minor)?);
    Some(u128::from(major) << 16 | u128::from(minor))
}

/// An IPv6 address as the C library has it: `::10.0.0.1` where only the last 32 bits are not zero.
fn write_ipv6(value: u128, out: &mut String) -> std::fmt::Result {
    match u32::try_from(value) {
        Ok(low) if low > 0xffff => write!(out, "::{}", Ipv4Addr::from(low)),
        _ => write!(out, "{}", Ipv6Addr::from(value)),
    }
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
