// SPDX-License-Identifier: GPL-2.0
//! What fields packets have, and with what values: nftables' semantics, header by header.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use ferrule_engine::{FieldSet, Key};
use ferrule_uapi::field::Field::{self, *};
use support::{frame::Frame, headers::*, value};

/// The key of all fields.
fn key(frame: &Frame) -> Key {
    Key::parse(frame, FieldSet::ALL)
}

/// The fields have these values; `None` stands for an absent one.
fn assert_fields(frame: &Frame, expected: &[(Field, Option<u128>)]) {
    let key = key(frame);
    for (field, expected) in expected {
        assert_eq!(*expected, value(&key, *field), "{field:?} of {frame:x?}");
    }
}

/// Exactly these fields are there, beside what every packet has.
fn assert_present(frame: &Frame, present: impl Fn(Field) -> bool) {
    let key = key(frame);
    for field in Field::ALL {
        let found = value(&key, *field).is_some();
        let expected = is_meta(*field) || present(*field);
        assert_eq!(expected, found, "{field:?} of {frame:x?}");
    }
}

/// Whether every packet has the field.
fn is_meta(field: Field) -> bool {
    let names = [MetaIifname, MetaOifname];
    (field as u8) < 8 && field != MetaL4proto || names.contains(&field)
}

/// Where the field ends in the fixed header, in bytes; `None` if it is not of that header.
fn end_in_ipv4(field: Field) -> Option<usize> {
    // The kernel lets no shorter header reach a hook, so all of it is there or nothing.
    (8..20).contains(&(field as u8)).then_some(20)
}

fn end_in_ipv6(field: Field) -> Option<usize> {
    match field {
        Ip6Saddr => Some(24),
        Ip6Daddr => Some(40),
        _ => (20..27).contains(&(field as u8)).then_some(8),
    }
}

/// Where the field ends in the transport header of type `protocol`.
fn end_in_transport(protocol: u8, field: Field) -> Option<usize> {
    let end = match field {
        ThSport => 2,
        ThDport => 4,
        TcpSport if protocol == TCP => 2,
        TcpDport if protocol == TCP => 4,
        TcpFlags if protocol == TCP => 14,
        UdpSport if protocol == UDP => 2,
        UdpDport if protocol == UDP => 4,
        IcmpType if protocol == ICMP => 1,
        IcmpCode if protocol == ICMP => 2,
        Icmpv6Type if protocol == ICMPV6 => 1,
        Icmpv6Code if protocol == ICMPV6 => 2,
        _ => return None,
    };
    Some(end)
}

#[test]
fn ipv4_fields_have_the_values_of_the_header() {
    let expected = [
        (IpVersion, 4),
        (IpHdrlength, 7),
        (IpDscp, 0xb9 >> 2),
        (IpEcn, 1),
        (IpLength, 48),
        (IpId, 0xbeef),
        (IpFragOff, 0x4000),
        (IpTtl, 63),
        (IpProtocol, 6),
        (IpChecksum, 0xface),
        (IpSaddr, 0x0a01_0203),
        (IpDaddr, 0xc0a8_0405),
        (MetaNfproto, 2),
        (MetaL4proto, 6),
        (MetaProtocol, 0x0800),
        (MetaLength, 48),
    ];
    let frame = ipv4(TCP, 0x4000, 2, &transport());
    assert_fields(&frame, &expected.map(|(field, value)| (field, Some(value))));
}

#[test]
fn ipv6_fields_have_the_values_of_the_header() {
    let expected = [
        (Ip6Version, 6),
        (Ip6Dscp, 0xb9 >> 2),
        (Ip6Ecn, 1),
        (Ip6Flowlabel, 0x1_2345),
        (Ip6Length, 20),
        (Ip6Nexthdr, 6),
        (Ip6Hoplimit, 62),
        (Ip6Saddr, SADDR6),
        (Ip6Daddr, DADDR6),
        (MetaNfproto, 10),
        (MetaL4proto, 6),
        (MetaProtocol, 0x86dd),
        (MetaLength, 60),
    ];
    let frame = ipv6(TCP, &transport());
    assert_fields(&frame, &expected.map(|(field, value)| (field, Some(value))));
}

#[test]
fn transport_fields_have_the_values_of_the_header_in_both_families() {
    let table: &[(u8, &[(Field, u128)])] = &[
        (
            TCP,
            &[(TcpSport, 0x1234), (TcpDport, 0x5678), (TcpFlags, 0x12)],
        ),
        (UDP, &[(UdpSport, 0x1234), (UdpDport, 0x5678)]),
        (ICMP, &[(IcmpType, 0x12), (IcmpCode, 0x34)]),
        (ICMPV6, &[(Icmpv6Type, 0x12), (Icmpv6Code, 0x34)]),
        (132, &[(ThSport, 0x1234), (ThDport, 0x5678)]),
    ];
    for (protocol, fields) in table {
        for frame in [
            ipv4(*protocol, 0, 3, &transport()),
            ipv6_chain(&[HOP], *protocol),
        ] {
            for (field, value) in *fields {
                assert_fields(&frame, &[(*field, Some(*value))]);
            }
            assert_fields(&frame, &[(MetaL4proto, Some((*protocol).into()))]);
        }
    }
}

#[test]
fn facts_of_the_packet_come_from_the_packet() {
    let name = |name: &[u8; 16]| Some(u128::from_be_bytes(*name));
    let mut frame = ipv4(TCP, 0, 0, &transport());
    frame.pkttype = 3;
    assert_fields(
        &frame,
        &[
            (MetaMark, Some(7)),
            (MetaIif, Some(3)),
            (MetaOif, Some(4)),
            (MetaPkttype, Some(3)),
            (MetaIifname, name(b"eth0\0\0\0\0\0\0\0\0\0\0\0\0")),
            (MetaOifname, name(b"wlan1\0\0\0\0\0\0\0\0\0\0\0")),
        ],
    );
}

#[test]
fn a_looped_back_packet_has_the_type_that_its_address_tells() {
    let mut unicast = ipv4(UDP, 0, 0, &transport());
    let mut multicast = unicast.clone();
    let mut ip6 = ipv6(UDP, &transport());
    multicast.bytes[16] = 0xe9;
    for (frame, pkttype) in [(&mut unicast, 1), (&mut multicast, 2), (&mut ip6, 2)] {
        frame.pkttype = 5;
        assert_fields(frame, &[(MetaPkttype, Some(pkttype))]);
    }
}

#[test]
fn ipv4_fields_are_there_as_far_as_their_bytes_are() {
    for protocol in [TCP, UDP, ICMP, ICMPV6, 132] {
        let whole = ipv4(protocol, 0, 2, &transport());
        for len in 0..=whole.bytes.len() {
            assert_present(&whole.cut_to(len), |field| match end_in_ipv4(field) {
                Some(end) => len >= end,
                None if field == MetaL4proto => len >= 20,
                None => end_in_transport(protocol, field).is_some_and(|end| len >= 28 + end),
            });
        }
    }
}

#[test]
fn ipv6_fields_are_there_as_far_as_their_bytes_are() {
    for protocol in [TCP, UDP, ICMP, ICMPV6, 132, NONE] {
        let whole = ipv6(protocol, &transport());
        for len in 0..=whole.bytes.len() {
            assert_present(&whole.cut_to(len), |field| match end_in_ipv6(field) {
                Some(end) => len >= end,
                None if field == MetaL4proto => len >= 8,
                None => end_in_transport(protocol, field).is_some_and(|end| len >= 40 + end),
            });
        }
    }
}

#[test]
fn a_packet_that_ends_within_its_extension_headers_has_no_transport_protocol() {
    for extension in [HOP, ROUTING, DEST, FRAGMENT] {
        let whole = ipv6_chain(&[DEST, extension], UDP);
        for len in 40..=whole.bytes.len() {
            assert_present(&whole.cut_to(len), |field| match end_in_ipv6(field) {
                Some(end) => len >= end,
                None if field == MetaL4proto => len >= 56,
                None => end_in_transport(UDP, field).is_some_and(|end| len >= 56 + end),
            });
        }
    }
}

#[test]
fn an_extension_header_is_skipped_by_its_own_length() {
    for extension in [HOP, ROUTING, DEST] {
        let mut payload = vec![UDP, 2];
        payload.resize(24, 0xee);
        payload.extend(transport());
        let frame = ipv6(extension, &payload);
        assert_fields(&frame, &[(MetaL4proto, Some(17)), (UdpDport, Some(0x5678))]);
    }
}

#[test]
fn the_walk_ends_at_ah_at_no_next_header_and_at_what_is_unknown() {
    for last in [AUTH, NONE, 135, 253, 50] {
        let frame = ipv6_chain(&[HOP, last], TCP);
        let sport = u128::from(frame.bytes[48]) << 8 | u128::from(frame.bytes[49]);
        assert_fields(
            &frame,
            &[
                (MetaL4proto, Some(last.into())),
                (ThSport, Some(sport)),
                (TcpSport, None),
            ],
        );
    }
}

#[test]
fn eight_extension_headers_are_walked_and_nine_are_not() {
    let eight = ipv6_chain(&[DEST; 8], UDP);
    assert_fields(&eight, &[(MetaL4proto, Some(17)), (UdpSport, Some(0x1234))]);
    let nine = ipv6_chain(&[DEST; 9], UDP);
    assert_fields(
        &nine,
        &[(MetaL4proto, None), (UdpSport, None), (ThSport, None)],
    );
}

#[test]
fn an_extension_header_longer_than_the_packet_leaves_no_transport_protocol() {
    let mut payload = vec![UDP, 3];
    payload.resize(31, 0);
    let short = ipv6(DEST, &payload);
    assert_fields(&short, &[(MetaL4proto, None), (Ip6Nexthdr, Some(60))]);
    payload.push(0);
    assert_fields(
        &ipv6(DEST, &payload),
        &[(MetaL4proto, Some(17)), (ThSport, None)],
    );
}

#[test]
fn a_first_fragment_has_its_transport_header() {
    let expected = [(MetaL4proto, Some(17)), (UdpDport, Some(0x5678))];
    assert_fields(&ipv4(UDP, 0x2000, 0, &transport()), &expected);
    assert_fields(&ipv6_fragment(1, UDP), &expected);
}

#[test]
fn a_later_fragment_has_a_transport_protocol_and_no_transport_header() {
    let expected = [(MetaL4proto, Some(17)), (UdpDport, None), (ThSport, None)];
    for offset in [1, 0x2001, 0x1fff] {
        assert_fields(&ipv4(UDP, offset, 0, &transport()), &expected);
    }
    for word in [8, 9, 0xfff8] {
        assert_fields(&ipv6_fragment(word, UDP), &expected);
    }
}

#[test]
fn a_later_fragment_that_begins_with_an_extension_header_has_no_transport_protocol() {
    for next in [HOP, ROUTING, FRAGMENT, AUTH, DEST] {
        assert_fields(
            &ipv6_fragment(8, next),
            &[(MetaL4proto, None), (ThSport, None)],
        );
    }
    assert_fields(
        &ipv6_fragment(8, NONE),
        &[(MetaL4proto, Some(59)), (ThSport, None)],
    );
}

#[test]
fn an_ipv4_header_length_below_twenty_is_believed() {
    let mut frame = ipv4(TCP, 0, 0, &transport());
    frame.bytes[0] = 0x43;
    assert_fields(&frame, &[(IpHdrlength, Some(3)), (TcpSport, Some(0x0a01))]);
}

#[test]
fn a_packet_of_one_family_has_no_field_of_the_other() {
    let (ip, ip6) = (ipv4(TCP, 0, 0, &transport()), ipv6(TCP, &transport()));
    for field in Field::ALL {
        if end_in_ipv4(*field).is_some() {
            assert_fields(&ip6, &[(*field, None)]);
        }
        if end_in_ipv6(*field).is_some() {
            assert_fields(&ip, &[(*field, None)]);
        }
    }
}

#[test]
fn fields_that_are_wanted_have_the_same_value_as_when_all_are() {
    for frame in [
        ipv4(TCP, 0, 0, &transport()),
        ipv4(ICMP, 0, 1, &transport()),
        ipv6_chain(&[HOP, DEST], UDP),
        ipv6(ICMPV6, &transport()),
    ] {
        let all = key(&frame);
        for field in Field::ALL {
            let alone = Key::parse(&frame, FieldSet::of(&[*field]));
            assert_eq!(value(&all, *field), value(&alone, *field), "{field:?}");
        }
    }
}

#[test]
fn a_packet_in_pieces_has_the_fields_of_one_that_lies_together() {
    for frame in [
        ipv4(TCP, 0, 3, &transport()),
        ipv6_chain(&[HOP, ROUTING, DEST], TCP),
        ipv6_fragment(0, ICMPV6),
    ] {
        let whole = key(&frame);
        for split in 0..=frame.bytes.len() {
            let pieces = key(&frame.split_at(split));
            for field in Field::ALL {
                assert_eq!(value(&whole, *field), value(&pieces, *field), "{split}");
            }
        }
    }
}
