// SPDX-License-Identifier: GPL-2.0
//! Fields of the IPv4 and the IPv6 header.

use ferrule_uapi::hook::Family::{Ip, Ip6};

use crate::packet::{protocol, sink, source, Packet, DONT_FRAGMENT, MORE_FRAGMENTS};
use crate::scenarios::match_case::{case, Matches};

use super::Field;

pub(super) const FIELDS: &[Field] = &[
    ("ip-saddr-matches-what-it-names", ip_saddr),
    ("ip-daddr-matches-what-it-names", ip_daddr),
    ("ip-protocol-matches-what-it-names", ip_protocol),
    ("ip-ttl-matches-what-it-names", ip_ttl),
    ("ip-length-matches-what-it-names", ip_length),
    ("ip-dscp-matches-what-it-names", ip_dscp),
    ("ip-id-matches-what-it-names", ip_id),
    ("ip-frag-off-matches-what-it-names", ip_frag_off),
    ("ip-version-matches-what-it-names", ip_version),
    ("ip-hdrlength-matches-what-it-names", ip_hdrlength),
    ("ip6-saddr-matches-what-it-names", ip6_saddr),
    ("ip6-daddr-matches-what-it-names", ip6_daddr),
    ("ip6-nexthdr-matches-what-it-names", ip6_nexthdr),
    ("ip6-hoplimit-matches-what-it-names", ip6_hoplimit),
    ("ip6-length-matches-what-it-names", ip6_length),
    ("ip6-dscp-matches-what-it-names", ip6_dscp),
    ("ip6-flowlabel-matches-what-it-names", ip6_flowlabel),
    ("time-to-live-is-one-less-at-forward", ttl_at_forward),
];

fn udp4() -> Packet {
    Packet::udp(Ip, 1000, 2000)
}

fn udp6() -> Packet {
    Packet::udp(Ip6, 1000, 2000)
}

fn ip_saddr() -> Matches {
    let from = |host| udp4().from(source(Ip, host));
    Matches::new(
        Ip,
        vec![
            case("ip saddr 10.0.1.7", [from(7)], [from(8)]),
            case("ip saddr != 10.0.1.7", [from(8)], [from(7)]),
            case(
                "ip saddr 10.0.1.64/26",
                [from(64), from(127)],
                [from(63), from(128)],
            ),
            case(
                "ip saddr 10.0.1.5-10.0.1.9",
                [from(5), from(9)],
                [from(4), from(10)],
            ),
            case(
                "ip saddr { 10.0.1.5, 10.0.1.16/28 }",
                [from(5), from(31)],
                [from(6), from(32)],
            ),
            case(
                "ip saddr & 0.0.0.3 == 0.0.0.1",
                [from(5), from(65)],
                [from(2), from(64)],
            ),
        ],
    )
    .by_destination()
}

fn ip_daddr() -> Matches {
    let to = |host| udp4().to(sink(Ip, host));
    Matches::new(
        Ip,
        vec![
            case("ip daddr 10.0.3.7", [to(7)], [to(8)]),
            case("ip daddr != 10.0.3.0/25", [to(128)], [to(127)]),
            case(
                "ip daddr 10.0.3.200-10.0.3.210",
                [to(200), to(210)],
                [to(199), to(211)],
            ),
            case(
                "ip daddr != { 10.0.3.5, 10.0.3.9 }",
                [to(6)],
                [to(5), to(9)],
            ),
        ],
    )
}

fn ip_protocol() -> Matches {
    let tcp = || Packet::tcp(Ip, 1, 2);
    Matches::new(
        Ip,
        vec![
            case("ip protocol udp", [udp4()], [tcp(), Packet::echo_reply(Ip)]),
            case("ip protocol != udp", [tcp()], [udp4()]),
            case(
                "ip protocol { tcp, icmp, 132 }",
                [
                    tcp(),
                    Packet::echo_reply(Ip),
                    Packet::ports(Ip, protocol::SCTP, 1, 2),
                ],
                [udp4()],
            ),
        ],
    )
}

fn ip_ttl() -> Matches {
    let ttl = |ttl| udp4().ttl(ttl);
    Matches::new(
        Ip,
        vec![
            case("ip ttl 9", [ttl(9)], [ttl(8), ttl(10)]),
            case("ip ttl != 9", [ttl(10)], [ttl(9)]),
            case("ip ttl < 9", [ttl(8)], [ttl(9)]),
            case("ip ttl >= 255", [ttl(255)], [ttl(254)]),
        ],
    )
    .at("prerouting")
}

fn ttl_at_forward() -> Matches {
    Matches::new(
        ferrule_uapi::hook::Family::Inet,
        vec![
            case("ip ttl 9", [udp4().ttl(10)], [udp4().ttl(9)]),
            case("ip6 hoplimit 9", [udp6().ttl(10)], [udp6().ttl(9)]),
        ],
    )
}

fn ip_length() -> Matches {
    // 20 bytes of IPv4, 8 of UDP.
    let length = |length: usize| udp4().payload(length - 28);
    Matches::new(
        Ip,
        vec![
            case("ip length 100", [length(100)], [length(99), length(101)]),
            case(
                "ip length 100-300",
                [length(100), length(300)],
                [length(99), length(301)],
            ),
            case("ip length > 300", [length(301)], [length(300)]),
        ],
    )
}

fn ip_dscp() -> Matches {
    let dscp = |dscp| udp4().dscp(dscp);
    Matches::new(
        Ip,
        vec![
            case("ip dscp cs1", [dscp(8)], [dscp(9), dscp(0)]),
            case("ip dscp != af41", [dscp(33)], [dscp(34)]),
            case("ip dscp { ef, 1-3 }", [dscp(46), dscp(3)], [dscp(4)]),
        ],
    )
}

fn ip_id() -> Matches {
    Matches::new(
        Ip,
        vec![
            case("ip id 0x102", [udp4().id(0x102)], [udp4().id(0x201)]),
            case("ip id <= 100", [udp4().id(100)], [udp4().id(101)]),
        ],
    )
}

fn ip_frag_off() -> Matches {
    let frag = |bits| udp4().frag_off(bits);
    Matches::new(
        Ip,
        vec![
            case(
                "ip frag-off 0x4000",
                [frag(DONT_FRAGMENT)],
                [frag(0), frag(MORE_FRAGMENTS)],
            ),
            case(
                "ip frag-off & 0x1fff != 0",
                [frag(3), frag(MORE_FRAGMENTS | 3)],
                [frag(0), frag(DONT_FRAGMENT)],
            ),
            case(
                "ip frag-off & 0x2000 == 0x2000",
                [frag(MORE_FRAGMENTS | 3)],
                [frag(3)],
            ),
        ],
    )
}

fn ip_version() -> Matches {
    let cases = vec![
        case("ip version 4", [udp4()], []),
        case("ip version 5", [], [udp4()]),
    ];
    Matches::new(Ip, cases)
}

fn ip_hdrlength() -> Matches {
    let options = || udp4().options(&[1, 1, 1, 0]);
    Matches::new(
        Ip,
        vec![
            case("ip hdrlength 5", [udp4()], [options()]),
            case("ip hdrlength > 5", [options()], [udp4()]),
        ],
    )
}

fn ip6_saddr() -> Matches {
    let from = |host| udp6().from(source(Ip6, host));
    Matches::new(
        Ip6,
        vec![
            case("ip6 saddr fd00:1::7", [from(7)], [from(8)]),
            case("ip6 saddr != fd00:1::7", [from(8)], [from(7)]),
            case(
                "ip6 saddr fd00:1::40/122",
                [from(0x40), from(0x7f)],
                [from(0x3f), from(0x80)],
            ),
            case(
                "ip6 saddr fd00:1::5-fd00:1::9",
                [from(5), from(9)],
                [from(4), from(10)],
            ),
            case(
                "ip6 saddr { fd00:1::5, fd00:1::10/124 }",
                [from(5), from(0x1f)],
                [from(6), from(0x20)],
            ),
            case(
                "ip6 saddr & ::3 == ::1",
                [from(5), from(0x41)],
                [from(2), from(0x40)],
            ),
        ],
    )
    .by_destination()
}

fn ip6_daddr() -> Matches {
    let to = |host| udp6().to(sink(Ip6, host));
    Matches::new(
        Ip6,
        vec![
            case("ip6 daddr fd00:3::7", [to(7)], [to(8)]),
            case("ip6 daddr != fd00:3::/121", [to(0x80)], [to(0x7f)]),
            case(
                "ip6 daddr fd00:3::c8-fd00:3::d2",
                [to(0xc8), to(0xd2)],
                [to(0xc7), to(0xd3)],
            ),
            case(
                "ip6 daddr != { fd00:3::5, fd00:3::9 }",
                [to(6)],
                [to(5), to(9)],
            ),
        ],
    )
}

fn ip6_nexthdr() -> Matches {
    let behind = |kind| udp6().empty_extension(kind);
    Matches::new(
        Ip6,
        vec![
            case(
                "ip6 nexthdr udp",
                [udp6()],
                [Packet::tcp(Ip6, 1, 2), behind(protocol::DESTINATION)],
            ),
            case("ip6 nexthdr != udp", [Packet::tcp(Ip6, 1, 2)], [udp6()]),
            case(
                "ip6 nexthdr 60",
                [behind(protocol::DESTINATION)],
                [udp6(), behind(protocol::ROUTING)],
            ),
            case(
                "ip6 nexthdr { tcp, 43 }",
                [behind(protocol::ROUTING)],
                [udp6()],
            ),
        ],
    )
}

fn ip6_hoplimit() -> Matches {
    let hops = |hops| udp6().ttl(hops);
    Matches::new(
        Ip6,
        vec![
            case("ip6 hoplimit 9", [hops(9)], [hops(8), hops(10)]),
            case("ip6 hoplimit <= 9", [hops(9)], [hops(10)]),
            case("ip6 hoplimit 254-255", [hops(255)], [hops(253)]),
        ],
    )
    .at("prerouting")
}

fn ip6_length() -> Matches {
    // What follows the fixed header: 8 bytes of UDP and the payload.
    let length = |length: usize| udp6().payload(length - 8);
    Matches::new(
        Ip6,
        vec![
            case("ip6 length 100", [length(100)], [length(99), length(101)]),
            case("ip6 length != 100-300", [length(301)], [length(300)]),
        ],
    )
}

fn ip6_dscp() -> Matches {
    let dscp = |dscp| udp6().dscp(dscp);
    Matches::new(
        Ip6,
        vec![
            case("ip6 dscp cs1", [dscp(8)], [dscp(9), dscp(0)]),
            case("ip6 dscp { ef, 1-3 }", [dscp(46), dscp(3)], [dscp(4)]),
        ],
    )
}

fn ip6_flowlabel() -> Matches {
    let label = |label| udp6().flow_label(label);
    Matches::new(
        Ip6,
        vec![
            case(
                "ip6 flowlabel 0x12345",
                [label(0x12345)],
                [label(0x12344), label(0)],
            ),
            case("ip6 flowlabel != 0", [label(1)], [label(0)]),
            case(
                "ip6 flowlabel > 0xffff0",
                [label(0xfffff)],
                [label(0xffff0)],
            ),
        ],
    )
}
