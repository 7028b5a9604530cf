// SPDX-License-Identifier: GPL-2.0
//! Operators and right-hand sides, each at its edges.

use ferrule_uapi::hook::Family::{Inet, Ip, Ip6};

use crate::packet::Packet;
use crate::scenarios::match_case::{case, Matches};

use super::Field;

pub(super) const FIELDS: &[Field] = &[
    ("comparisons-hold-at-their-edges", comparisons),
    ("ranges-include-both-ends", ranges),
    ("sets-hold-their-elements-and-no-others", sets),
    ("several-matches-in-a-rule-must-all-hold", conjunction),
    ("definitions-stand-for-their-values", definitions),
];

fn udp(port: u16) -> [Packet; 2] {
    [Packet::udp(Ip, 1, port), Packet::udp(Ip6, 1, port)]
}

fn comparisons() -> Matches {
    Matches::new(
        Inet,
        vec![
            case("udp dport == 100", udp(100), [udp(99), udp(101)].concat()),
            case("udp dport != 100", [udp(99), udp(101)].concat(), udp(100)),
            case("udp dport < 100", [udp(0), udp(99)].concat(), udp(100)),
            case("udp dport <= 100", udp(100), udp(101)),
            case("udp dport > 100", [udp(101), udp(65535)].concat(), udp(100)),
            case("udp dport >= 100", udp(100), udp(99)),
        ],
    )
}

fn ranges() -> Matches {
    Matches::new(
        Inet,
        vec![
            case(
                "udp dport 100-200",
                [udp(100), udp(200)].concat(),
                [udp(99), udp(201)].concat(),
            ),
            case(
                "udp dport != 100-200",
                [udp(99), udp(201)].concat(),
                [udp(100), udp(200)].concat(),
            ),
            case("udp dport 0-65534", udp(0), udp(65535)),
        ],
    )
}

fn sets() -> Matches {
    Matches::new(
        Inet,
        vec![
            case(
                "udp dport { 1, 3, 5-7, 100, 65535 }",
                [udp(1), udp(5), udp(7), udp(65535)].concat(),
                [udp(0), udp(2), udp(4), udp(8), udp(101)].concat(),
            ),
            case(
                "udp dport != { 1, 5-7 }",
                [udp(2), udp(8)].concat(),
                [udp(1), udp(6)].concat(),
            ),
            case("udp dport { 9 }", udp(9), udp(10)),
        ],
    )
}

fn conjunction() -> Matches {
    Matches::new(
        Inet,
        vec![
            case(
                "iifname \"lan0\" udp sport 1 udp dport 5 meta length > 20",
                udp(5),
                [udp(6), [Packet::udp(Ip, 2, 5), Packet::tcp(Ip6, 1, 5)]].concat(),
            ),
            case("ip ttl 63 udp dport 5", [Packet::udp(Ip, 1, 5)], udp(6)),
        ],
    )
}

fn definitions() -> Matches {
    Matches::new(Inet, vec![case("udp dport $ports", udp(7), udp(8))])
        .preamble("define low = 5-7\ndefine ports = { $low, 100 }\n")
}
