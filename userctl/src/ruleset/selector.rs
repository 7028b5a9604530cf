// SPDX-License-Identifier: GPL-2.0
//! Selectors: what a rule may compare, and everything that differs from one to the next.
//!
//! One row a selector. The row says which field of the key it reads, how wide and of which type its
//! values are, and which headers a packet must have for the comparison to make sense; parser, checks,
//! compiler and listing hold no case of their own for any of them.

use ferrule_uapi::field::Field;
use ferrule_uapi::hook::Family;

use super::datatype::Datatype;

/// Something that a rule compares.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector {
    /// The protocol (`tcp`), or `meta`.
    pub protocol: &'static str,
    /// The field or key (`dport`).
    pub name: &'static str,
    /// Whether nft lists it without the word `meta` before it.
    pub unqualified: bool,
    /// The field of the key.
    pub field: Field,
    /// Type of its values.
    pub datatype: Datatype,
    /// Width of its values in bits.
    pub bits: u32,
    /// Which headers it belongs to.
    pub layer: Layer,
    /// What an equality with it says about other headers.
    pub tells: Tells,
}

/// The header that a selector reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// None: a fact about the packet.
    Meta,
    /// The network header of this family.
    Network(Family),
    /// Any transport header.
    AnyTransport,
    /// The transport header of this protocol; of this family where nothing else says which.
    Transport(u8, Option<Family>),
}

/// What is known of a packet once the selector was compared for equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Nothing.
    Nothing,
    /// The network protocol, as `NFPROTO_*`.
    Network,
    /// The transport protocol.
    Transport,
}

impl Selector {
    /// The largest value.
    pub const fn max(&self) -> u128 {
        if self.bits == 128 {
            u128::MAX
        } else {
            (1 << self.bits) - 1
        }
    }
}

const fn header(
    protocol: &'static str,
    name: &'static str,
    field: Field,
    datatype: Datatype,
    bits: u32,
    layer: Layer,
) -> Selector {
    let tells = Tells::Nothing;
    Selector {
        protocol,
        name,
        unqualified: false,
        field,
        datatype,
        bits,
        layer,
        tells,
    }
}

const fn meta(name: &'static str, field: Field, datatype: Datatype, bits: u32) -> Selector {
    header("meta", name, field, datatype, bits, Layer::Meta)
}

impl Selector {
    const fn telling(self, tells: Tells) -> Self {
        Selector { tells, ..self }
    }

    const fn unqualified(self) -> Self {
        Selector {
            unqualified: true,
            ..self
        }
    }
}

const IP: Layer = Layer::Network(Family::Ip);
const IP6: Layer = Layer::Network(Family::Ip6);
const TCP: Layer = Layer::Transport(6, None);
const UDP: Layer = Layer::Transport(17, None);
const ICMP: Layer = Layer::Transport(1, Some(Family::Ip));
const ICMPV6: Layer = Layer::Transport(58, Some(Family::Ip6));

use Datatype as T;
use Field as F;

/// Every selector.
pub static SELECTORS: &[Selector] = &[
    meta("nfproto", F::MetaNfproto, T::Nfproto, 8).telling(Tells::Network),
    meta("l4proto", F::MetaL4proto, T::Protocol, 8).telling(Tells::Transport),
    meta("protocol", F::MetaProtocol, T::EtherType, 16),
    meta("length", F::MetaLength, T::Integer, 32),
    meta("mark", F::MetaMark, T::Mark, 32),
    meta("iif", F::MetaIif, T::IfIndex, 32).unqualified(),
    meta("oif", F::MetaOif, T::IfIndex, 32).unqualified(),
    meta("iifname", F::MetaIifname, T::IfName, 128).unqualified(),
    meta("oifname", F::MetaOifname, T::IfName, 128).unqualified(),
    meta("pkttype", F::MetaPkttype, T::PktType, 8),
    header("ip", "version", F::IpVersion, T::Integer, 4, IP),
    header("ip", "hdrlength", F::IpHdrlength, T::Integer, 4, IP),
    header("ip", "dscp", F::IpDscp, T::Dscp, 6, IP),
    header("ip", "ecn", F::IpEcn, T::Ecn, 2, IP),
    header("ip", "length", F::IpLength, T::Integer, 16, IP),
    header("ip", "id", F::IpId, T::Integer, 16, IP),
    header("ip", "frag-off", F::IpFragOff, T::Hex, 16, IP),
    header("ip", "ttl", F::IpTtl, T::Integer, 8, IP),
    header("ip", "protocol", F::IpProtocol, T::Protocol, 8, IP).telling(Tells::Transport),
    header("ip", "checksum", F::IpChecksum, T::Integer, 16, IP),
    header("ip", "saddr", F::IpSaddr, T::Ipv4, 32, IP),
    header("ip", "daddr", F::IpDaddr, T::Ipv4, 32, IP),
    header("ip6", "version", F::Ip6Version, T::Integer, 4, IP6),
    header("ip6", "dscp", F::Ip6Dscp, T::Dscp, 6, IP6),
    header("ip6", "ecn", F::Ip6Ecn, T::Ecn, 2, IP6),
    header("ip6", "flowlabel", F::Ip6Flowlabel, T::Integer, 20, IP6),
    header("ip6", "length", F::Ip6Length, T::Integer, 16, IP6),
    header("ip6", "nexthdr", F::Ip6Nexthdr, T::Protocol, 8, IP6).telling(Tells::Transport),
    header("ip6", "hoplimit", F::Ip6Hoplimit, T::Integer, 8, IP6),
    header("ip6", "saddr", F::Ip6Saddr, T::Ipv6, 128, IP6),
    header("ip6", "daddr", F::Ip6Daddr, T::Ipv6, 128, IP6),
    header("th", "sport", F::ThSport, T::Port, 16, Layer::AnyTransport),
    header("th", "dport", F::ThDport, T::Port, 16, Layer::AnyTransport),
    header("tcp", "sport", F::TcpSport, T::Port, 16, TCP),
    header("tcp", "dport", F::TcpDport, T::Port, 16, TCP),
    header("tcp", "flags", F::TcpFlags, T::TcpFlags, 8, TCP),
    header("udp", "sport", F::UdpSport, T::Port, 16, UDP),
    header("udp", "dport", F::UdpDport, T::Port, 16, UDP),
    header("icmp", "type", F::IcmpType, T::IcmpType, 8, ICMP),
    header("icmp", "code", F::IcmpCode, T::IcmpCode, 8, ICMP),
    header("icmpv6", "type", F::Icmpv6Type, T::Icmpv6Type, 8, ICMPV6),
    header("icmpv6", "code", F::Icmpv6Code, T::Icmpv6Code, 8, ICMPV6),
];

/// Fields that nft has and Ferrule has not, by protocol. A protocol with an empty list is not
/// supported at all.
static UNSUPPORTED: &[(&str, &[&str])] = &[
    (
        "meta",
        &[
            "priority",
            "iiftype",
            "oiftype",
            "skuid",
            "skgid",
            "nftrace",
            "rtclassid",
            "secmark",
            "ibrname",
            "obrname",
            "ibriport",
            "obriport",
            "cpu",
            "iifgroup",
            "oifgroup",
            "cgroup",
            "random",
            "ipsec",
            "iifkind",
            "oifkind",
            "ibrpvid",
            "ibrvproto",
            "ibrhwaddr",
            "time",
            "day",
            "hour",
            "sdif",
            "sdifname",
            "broute",
        ],
    ),
    ("ip", &["option"]),
    ("ip6", &[]),
    (
        "tcp",
        &[
            "sequence", "ackseq", "doff", "reserved", "window", "checksum", "urgptr", "option",
        ],
    ),
    ("udp", &["length", "checksum"]),
    ("icmp", &["checksum", "id", "sequence", "gateway", "mtu"]),
    (
        "icmpv6",
        &[
            "checksum",
            "parameter-problem",
            "param-problem",
            "packet-too-big",
            "mtu",
            "id",
            "sequence",
            "max-delay",
            "taddr",
            "daddr",
        ],
    ),
    ("udplite", &["sport", "dport", "checksum", "csumcov"]),
    ("sctp", &["sport", "dport", "vtag", "checksum", "chunk"]),
    ("dccp", &["sport", "dport", "type", "option"]),
    ("igmp", &["type", "mrt", "checksum", "group"]),
    (
        "ah",
        &["nexthdr", "hdrlength", "reserved", "spi", "sequence"],
    ),
    ("esp", &["spi", "sequence"]),
    ("comp", &["nexthdr", "flags", "cpi"]),
    ("ether", &["saddr", "daddr", "type"]),
    ("vlan", &["id", "cfi", "dei", "pcp", "type"]),
    (
        "arp",
        &[
            "htype",
            "ptype",
            "hlen",
            "plen",
            "operation",
            "saddr",
            "daddr",
        ],
    ),
];

/// What a name on the left-hand side stands for.
pub(super) enum Lookup {
    /// A selector.
    Found(&'static Selector),
    /// One that only nft has.
    Unsupported,
    /// Nothing; perhaps this was meant.
    Unknown(Option<&'static str>),
}

/// Looks up `protocol` and `name`.
pub(super) fn find(protocol: &str, name: &str) -> Lookup {
    let mut of_protocol = SELECTORS.iter().filter(|row| row.protocol == protocol);
    if let Some(selector) = of_protocol.clone().find(|row| row.name == name) {
        return Lookup::Found(selector);
    }
    let others = UNSUPPORTED
        .iter()
        .find(|(known, _)| *known == protocol)
        .map_or(&[][..], |row| row.1);
    if others.contains(&name) {
        return Lookup::Unsupported;
    }
    let mut names: Vec<&'static str> = of_protocol.by_ref().map(|row| row.name).collect();
    names.extend(others);
    Lookup::Unknown(crate::lang::words::similar(name, &names))
}
