// SPDX-License-Identifier: GPL-2.0
//! Fields of the transport headers, in both families.

use ferrule_uapi::hook::Family::{self, Inet, Ip, Ip6};

use crate::packet::{protocol, tcp_flag, Packet};
use crate::scenarios::match_case::{case, Case, Matches};

use super::Field;

pub(super) const FIELDS: &[Field] = &[
    ("tcp-sport-matches-what-it-names", tcp_sport),
    ("tcp-dport-matches-what-it-names", tcp_dport),
    ("udp-sport-matches-what-it-names", udp_sport),
    ("udp-dport-matches-what-it-names", udp_dport),
    ("th-sport-matches-every-protocol-with-ports", th_sport),
    ("th-dport-matches-every-protocol-with-ports", th_dport),
    ("tcp-flags-match-with-and-without-masks", tcp_flags),
    ("icmp-type-matches-what-it-names", icmp_type),
    ("icmp-code-matches-what-it-names", icmp_code),
    ("icmpv6-type-matches-what-it-names", icmpv6_type),
    ("icmpv6-code-matches-what-it-names", icmpv6_code),
    ("udp-lite-sctp-and-dccp-are-not-udp", other_protocols),
];

/// The same packet in both families.
fn both(packet: impl Fn(Family) -> Packet) -> [Packet; 2] {
    [packet(Ip), packet(Ip6)]
}

fn inet(cases: Vec<Case>) -> Matches {
    Matches::new(Inet, cases)
}

fn tcp(sport: u16, dport: u16) -> [Packet; 2] {
    both(|family| Packet::tcp(family, sport, dport))
}

fn udp(sport: u16, dport: u16) -> [Packet; 2] {
    both(|family| Packet::udp(family, sport, dport))
}

fn tcp_sport() -> Matches {
    inet(vec![
        case(
            "tcp sport 1024",
            tcp(1024, 5),
            [tcp(5, 1024), udp(1024, 5)].concat(),
        ),
        case(
            "tcp sport != 1024",
            tcp(1025, 5),
            [tcp(1024, 5), udp(1025, 5)].concat(),
        ),
        case("tcp sport >= 1024", tcp(65535, 5), tcp(1023, 5)),
    ])
}

fn tcp_dport() -> Matches {
    inet(vec![
        case(
            "tcp dport 22",
            tcp(5, 22),
            [tcp(22, 5), udp(5, 22)].concat(),
        ),
        case(
            "tcp dport { 22, 80, 8000-8010 }",
            [tcp(5, 80), tcp(5, 8010)].concat(),
            tcp(5, 8011),
        ),
        case(
            "tcp dport != { 22, 80 }",
            tcp(5, 23),
            [tcp(5, 22), udp(5, 23)].concat(),
        ),
    ])
}

fn udp_sport() -> Matches {
    inet(vec![
        case(
            "udp sport 53",
            udp(53, 5),
            [udp(5, 53), tcp(53, 5)].concat(),
        ),
        case("udp sport < 1024", udp(1023, 5), udp(1024, 5)),
    ])
}

fn udp_dport() -> Matches {
    inet(vec![
        case(
            "udp dport 53",
            udp(5, 53),
            [udp(53, 5), tcp(5, 53)].concat(),
        ),
        case(
            "udp dport 1000-2000",
            [udp(5, 1000), udp(5, 2000)].concat(),
            udp(5, 2001),
        ),
        case(
            "udp dport & 0xff00 == 0x1f00",
            udp(5, 0x1f90),
            udp(5, 0x2090),
        ),
    ])
}

fn with_ports(sport: u16, dport: u16) -> Vec<Packet> {
    use protocol::{DCCP, SCTP, UDPLITE};
    let mut packets = [tcp(sport, dport), udp(sport, dport)].concat();
    for number in [SCTP, UDPLITE, DCCP] {
        packets.extend(both(|family| Packet::ports(family, number, sport, dport)));
    }
    packets
}

fn th_sport() -> Matches {
    inet(vec![case(
        "th sport 7777",
        with_ports(7777, 1),
        with_ports(1, 7777),
    )])
}

fn th_dport() -> Matches {
    inet(vec![
        case("th dport 7777", with_ports(1, 7777), with_ports(7777, 1)),
        case("th dport != 7777", with_ports(1, 7778), with_ports(1, 7777)),
    ])
}

fn tcp_flags() -> Matches {
    use tcp_flag::{ACK, FIN, PSH, RST, SYN, URG};
    let flags = |flags| both(|family| Packet::tcp(family, 1, 2).flags(flags));
    let udp = || udp(1, 2);
    inet(vec![
        case(
            "tcp flags syn",
            [flags(SYN), flags(SYN | ACK)].concat(),
            [flags(ACK), udp()].concat(),
        ),
        case("tcp flags == syn", flags(SYN), flags(SYN | ACK)),
        case(
            "tcp flags != syn",
            flags(SYN | ACK),
            [flags(SYN), udp()].concat(),
        ),
        case(
            "tcp flags & (syn | ack) == syn",
            flags(SYN | URG),
            flags(SYN | ACK),
        ),
        case(
            "tcp flags & (fin | syn | rst | ack) != syn",
            flags(SYN | FIN),
            flags(SYN | PSH),
        ),
        case(
            "tcp flags syn / syn,ack",
            flags(SYN | URG),
            flags(SYN | ACK),
        ),
        case(
            "tcp flags { syn, rst }",
            [flags(SYN), flags(RST)].concat(),
            flags(SYN | RST),
        ),
    ])
}

fn icmp_type() -> Matches {
    let icmp = |kind| Packet::icmp(Ip, kind, 0);
    // The number that ICMPv6 has, in IPv4, is somebody else's protocol.
    let foreign = Packet::raw(Ip, protocol::ICMPV6, &[8, 0, 0, 0, 0, 0, 0, 0]);
    inet(vec![
        case(
            "icmp type echo-request",
            [icmp(8)],
            [icmp(0), Packet::icmp(Ip6, 8, 0), foreign],
        ),
        case(
            "icmp type != echo-request",
            [icmp(13)],
            [icmp(8), Packet::udp(Ip, 1, 2)],
        ),
        case(
            "icmp type { echo-reply, 13-14 }",
            [icmp(0), icmp(14)],
            [icmp(15)],
        ),
    ])
}

fn icmp_code() -> Matches {
    let icmp = |code| Packet::icmp(Ip, 3, code);
    inet(vec![
        case("icmp code 3", [icmp(3)], [icmp(4)]),
        case(
            "icmp type destination-unreachable icmp code 1-2",
            [icmp(2)],
            [icmp(3), Packet::icmp(Ip, 11, 1)],
        ),
    ])
}

fn icmpv6_type() -> Matches {
    let icmpv6 = |kind| Packet::icmp(Ip6, kind, 0);
    let foreign = Packet::raw(Ip6, protocol::ICMP, &[128, 0, 0, 0, 0, 0, 0, 0]);
    inet(vec![
        case(
            "icmpv6 type echo-request",
            [icmpv6(128)],
            [icmpv6(129), Packet::icmp(Ip, 128, 0), foreign],
        ),
        case(
            "icmpv6 type != echo-request",
            [icmpv6(129)],
            [icmpv6(128), Packet::udp(Ip6, 1, 2)],
        ),
        case(
            "icmpv6 type { destination-unreachable, time-exceeded }",
            [icmpv6(1), icmpv6(3)],
            [icmpv6(4)],
        ),
    ])
}

fn icmpv6_code() -> Matches {
    let icmpv6 = |code| Packet::icmp(Ip6, 1, code);
    inet(vec![
        case(
            "icmpv6 code 4",
            [icmpv6(4)],
            [icmpv6(3), Packet::icmp(Ip, 1, 4)],
        ),
        case("icmpv6 code < 2", [icmpv6(1)], [icmpv6(2)]),
    ])
}

fn other_protocols() -> Matches {
    let protocols = [protocol::UDPLITE, protocol::SCTP, protocol::DCCP];
    let packets = protocols
        .map(|number| both(|family| Packet::ports(family, number, 1, 7777)))
        .concat();
    inet(vec![
        case("udp dport 7777", udp(1, 7777), packets.clone()),
        case(
            "meta l4proto { udplite, sctp, dccp }",
            packets,
            udp(1, 7777),
        ),
    ])
}
