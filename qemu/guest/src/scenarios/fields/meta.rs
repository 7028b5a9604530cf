// SPDX-License-Identifier: GPL-2.0
//! What is known about a packet besides its bytes.

use ferrule_uapi::hook::Family::{self, Inet, Ip, Ip6};

use crate::packet::{LinkDestination, Packet};
use crate::scenarios::match_case::{case, Matches};

use super::Field;

pub(super) const FIELDS: &[Field] = &[
    ("meta-l4proto-matches-what-it-names", l4proto),
    ("meta-nfproto-matches-what-it-names", nfproto),
    ("meta-protocol-matches-what-it-names", protocol),
    ("meta-length-matches-what-it-names", length),
    ("meta-mark-matches-what-was-set", mark),
    ("meta-iif-matches-the-receiving-device", iif),
    ("meta-oif-matches-the-sending-device", oif),
    ("meta-iifname-matches-the-receiving-devices-name", iifname),
    ("meta-oifname-matches-the-sending-devices-name", oifname),
    (
        "meta-oifname-is-empty-before-routing",
        oifname_before_routing,
    ),
    ("meta-pkttype-matches-how-the-frame-was-addressed", pkttype),
];

fn udp(family: Family) -> Packet {
    Packet::udp(family, 1, 2)
}

fn both() -> [Packet; 2] {
    [udp(Ip), udp(Ip6)]
}

fn l4proto() -> Matches {
    let tcp = || [Packet::tcp(Ip, 1, 2), Packet::tcp(Ip6, 1, 2)];
    Matches::new(
        Inet,
        vec![
            case("meta l4proto udp", both(), tcp()),
            case("meta l4proto != udp", tcp(), both()),
            case(
                "meta l4proto icmp",
                [Packet::echo_reply(Ip)],
                [Packet::echo_reply(Ip6)],
            ),
            case(
                "meta l4proto { tcp, ipv6-icmp }",
                [Packet::tcp(Ip, 1, 2), Packet::echo_reply(Ip6)],
                [udp(Ip), Packet::echo_reply(Ip)],
            ),
        ],
    )
}

fn nfproto() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("meta nfproto ipv4", [udp(Ip)], [udp(Ip6)]),
            case("meta nfproto ipv6", [udp(Ip6)], [udp(Ip)]),
            case("meta nfproto != ipv4", [udp(Ip6)], [udp(Ip)]),
        ],
    )
}

fn protocol() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("meta protocol ip", [udp(Ip)], [udp(Ip6)]),
            case("meta protocol ip6", [udp(Ip6)], [udp(Ip)]),
            case("meta protocol { ip, ip6 }", both(), []),
        ],
    )
}

fn length() -> Matches {
    let v4 = |length: usize| udp(Ip).payload(length - 28);
    let v6 = |length: usize| udp(Ip6).payload(length - 48);
    Matches::new(
        Inet,
        vec![
            case("meta length 100", [v4(100), v6(100)], [v4(99), v6(101)]),
            case(
                "meta length > 1000",
                [v4(1001), v6(1001)],
                [v4(1000), v6(1000)],
            ),
            case("meta length != 50-99", [v4(100), v6(100)], [v4(99), v6(99)]),
        ],
    )
}

fn mark() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("meta mark 0", both(), []),
            case("meta mark != 0", [], both()),
            case("meta mark set 5 meta mark 5", both(), []),
            case("meta mark set 5 meta mark != 5", [], both()),
            case("meta mark set 0x12 meta mark & 0xf0 == 0x10", both(), []),
            case(
                "meta mark set 0xffffffff meta mark > 0xfffffffe",
                both(),
                [],
            ),
            case("meta mark set 7 meta mark { 1-6, 8 }", [], both()),
        ],
    )
}

fn iif() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("iif \"lan0\"", both(), []),
            case("iif \"wan0\"", [], both()),
            case("iif != \"lan0\"", [], both()),
            case("iif { \"lo\", \"lan0\" }", both(), []),
        ],
    )
}

fn oif() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("oif \"wan0\"", both(), []),
            case("oif \"lan0\"", [], both()),
            case("meta oif != \"lan0\"", both(), []),
        ],
    )
    .at("postrouting")
}

fn iifname() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("iifname \"lan0\"", both(), []),
            case("iifname \"lan\"", [], both()),
            case("iifname \"lan*\"", both(), []),
            case("iifname \"wan*\"", [], both()),
            case("iifname != \"lan0\"", [], both()),
            case("iifname { \"eth0\", \"lan0\" }", both(), []),
        ],
    )
}

fn oifname() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("oifname \"wan0\"", both(), []),
            case("oifname \"w*\"", both(), []),
            case("meta oifname != \"wan0\"", [], both()),
            case("oifname != { \"lan0\", \"lo\" }", both(), []),
        ],
    )
}

fn oifname_before_routing() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("oifname \"wan0\"", [], both()),
            case("oifname != \"wan0\"", both(), []),
            case("oif 0", both(), []),
        ],
    )
    .at("prerouting")
}

fn pkttype() -> Matches {
    let to = |link| both().map(|packet| packet.link(link));
    let (broadcast, multicast) = (LinkDestination::Broadcast, LinkDestination::Multicast);
    Matches::new(
        Inet,
        vec![
            case("meta pkttype host", both(), to(broadcast)),
            case("meta pkttype broadcast", to(broadcast), both()),
            case("meta pkttype multicast", to(multicast), to(broadcast)),
            case(
                "pkttype != { host, multicast }",
                to(broadcast),
                [both(), to(multicast)].concat(),
            ),
        ],
    )
    .at("prerouting")
}
