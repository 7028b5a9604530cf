// SPDX-License-Identifier: GPL-2.0
//! Packets that are not what most are: fragments, extension headers, options, too few bytes. What a
//! packet does not have matches nothing, negated or not.

use ferrule_uapi::hook::Family::{Inet, Ip, Ip6};

use crate::packet::{protocol, Packet, MORE_FRAGMENTS};
use crate::scenarios::match_case::{case, Matches};

use super::Field;

pub(super) const FIELDS: &[Field] = &[
    ("ipv4-options-do-not-hide-the-ports", ipv4_options),
    (
        "ipv4-first-fragments-have-ports-and-later-ones-do-not",
        ipv4_fragments,
    ),
    (
        "ipv6-first-fragments-have-ports-and-later-ones-do-not",
        ipv6_fragments,
    ),
    ("ipv6-hop-by-hop-header-is-passed-over", hop_by_hop),
    ("ipv6-routing-header-is-passed-over", routing),
    ("ipv6-destination-header-is-passed-over", destination),
    ("ipv6-authentication-header-ends-the-search", authentication),
    ("ipv6-chains-of-extension-headers-are-followed", several),
    ("ipv6-unknown-headers-end-the-search", unknown),
    (
        "truncated-transport-headers-match-only-what-they-have",
        truncated,
    ),
];

fn udp4() -> Packet {
    Packet::udp(Ip, 1, 7)
}

fn udp6() -> Packet {
    Packet::udp(Ip6, 1, 7)
}

fn ipv4_options() -> Matches {
    // Record route, with room for nine addresses: the longest header there is.
    let mut record = vec![7, 39, 4];
    record.extend_from_slice(&[0; 36]);
    record.push(1);
    let long = || udp4().options(&record);
    let short = || udp4().options(&[1, 1, 1, 0]);
    Matches::new(
        Ip,
        vec![
            case(
                "udp dport 7",
                [short(), long()],
                [Packet::udp(Ip, 1, 8).options(&[1, 1, 1, 0])],
            ),
            case("ip hdrlength 15", [long()], [short()]),
        ],
    )
    .at("prerouting")
}

fn ipv4_fragments() -> Matches {
    let whole = udp4;
    let first = || udp4().frag_off(MORE_FRAGMENTS);
    let later = || udp4().frag_off(MORE_FRAGMENTS | 5);
    let last = || udp4().frag_off(5);
    Matches::new(
        Inet,
        vec![
            case("udp dport 7", [whole(), first()], [later(), last()]),
            case("udp dport != 8", [whole(), first()], [later(), last()]),
            case("th dport 7", [first()], [later(), last()]),
            case("meta l4proto udp", [first(), later(), last()], []),
            case("ip protocol udp", [first(), later()], []),
            case(
                "ip frag-off & 0x1fff != 0",
                [later(), last()],
                [whole(), first()],
            ),
        ],
    )
}

fn ipv6_fragments() -> Matches {
    let whole = udp6;
    let first = || udp6().fragment(0, true);
    let later = || udp6().fragment(5, true);
    let last = || udp6().fragment(5, false);
    Matches::new(
        Inet,
        vec![
            case("udp dport 7", [whole(), first()], [later(), last()]),
            case("udp dport != 8", [whole(), first()], [later(), last()]),
            case("th dport 7", [first()], [later(), last()]),
            case("meta l4proto udp", [first(), later(), last()], []),
            case("ip6 nexthdr 44", [first(), later(), last()], [whole()]),
        ],
    )
}

fn behind(kind: u8) -> Matches {
    let packet = || udp6().empty_extension(kind);
    let other = || Packet::udp(Ip6, 1, 8).empty_extension(kind);
    Matches::new(
        Ip6,
        vec![
            case("udp dport 7", [packet()], [other()]),
            case(
                "meta l4proto udp",
                [packet(), udp6()],
                [Packet::tcp(Ip6, 1, 7).empty_extension(kind)],
            ),
            case(&format!("ip6 nexthdr {kind}"), [packet()], [udp6()]),
            case("ip6 nexthdr udp", [udp6()], [packet()]),
        ],
    )
}

fn hop_by_hop() -> Matches {
    behind(protocol::HOP_BY_HOP)
}

fn routing() -> Matches {
    behind(protocol::ROUTING)
}

fn destination() -> Matches {
    behind(protocol::DESTINATION)
}

/// As nftables has it: what is authenticated is not looked into.
fn authentication() -> Matches {
    let packet = || udp6().empty_extension(protocol::AH);
    Matches::new(
        Ip6,
        vec![
            case("meta l4proto 51", [packet()], [udp6()]),
            case("meta l4proto udp", [udp6()], [packet()]),
            case("udp dport 7", [udp6()], [packet()]),
            case("ip6 nexthdr 51", [packet()], [udp6()]),
        ],
    )
}

fn several() -> Matches {
    let all = |packet: Packet| {
        packet
            .empty_extension(protocol::HOP_BY_HOP)
            .empty_extension(protocol::DESTINATION)
            .empty_extension(protocol::ROUTING)
            .fragment(0, true)
            .empty_extension(protocol::DESTINATION)
    };
    Matches::new(
        Ip6,
        vec![
            case("udp dport 7", [all(udp6())], [all(Packet::udp(Ip6, 1, 8))]),
            case("tcp dport 7", [all(Packet::tcp(Ip6, 1, 7))], [all(udp6())]),
            case(
                "icmpv6 type 129",
                [all(Packet::echo_reply(Ip6))],
                [all(udp6())],
            ),
        ],
    )
}

fn unknown() -> Matches {
    // What would be UDP's header, behind a protocol that nobody knows.
    let hidden = || {
        Packet::raw(
            Ip6,
            protocol::EXPERIMENT,
            &[17, 0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 7, 0, 8, 0, 0],
        )
    };
    let behind = || hidden().empty_extension(protocol::DESTINATION);
    let none = || Packet::raw(Ip6, 59, &[]);
    Matches::new(
        Ip6,
        vec![
            case("udp dport 7", [udp6()], [hidden(), behind(), none()]),
            case("meta l4proto 253", [hidden(), behind()], [udp6(), none()]),
            case("meta l4proto udp", [udp6()], [hidden(), behind(), none()]),
            case("ip6 nexthdr 59", [none()], [hidden()]),
        ],
    )
}

fn truncated() -> Matches {
    let tcp = |family, len| Packet::tcp(family, 5, 7).cut(len);
    let both = |len| [tcp(Ip, len), tcp(Ip6, len)];
    Matches::new(
        Inet,
        vec![
            case("tcp dport 7", both(20), [both(3), both(0)].concat()),
            case("tcp dport != 8", both(20), [both(3), both(0)].concat()),
            case("tcp flags rst", both(20), [both(13), both(4)].concat()),
            case("tcp flags != syn", both(20), both(12)),
            case("th dport 7", both(20), both(1)),
            case(
                "icmp type 0",
                [Packet::echo_reply(Ip)],
                [Packet::echo_reply(Ip).cut(0)],
            ),
            case(
                "icmpv6 type 129",
                [Packet::echo_reply(Ip6)],
                [Packet::echo_reply(Ip6).cut(0)],
            ),
        ],
    )
}
