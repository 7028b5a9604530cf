// SPDX-License-Identifier: GPL-2.0
//! Statements that write to packets: what is written, what must not be, and the checksums over it.

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

use ferrule_engine::Decider;
use ferrule_uapi::{
    field::Field,
    hook::Verdict,
    insn::Opcode,
    statement::{Statement, StatementKind, PAYLOAD_CSUM, PAYLOAD_CSUM_PSEUDO, PAYLOAD_CSUM_SCTP},
};
use support::{apply, frame::Frame, headers::*, program::*, run, set_register, REGISTER as REG};

/// `bits` at `offset` of a base set to what is in the register.
fn set_payload(base: u8, offset: u32, bits: u32, flags: u8, sum: u32) -> Statement {
    Statement {
        key: base,
        flags,
        field: REG as u8,
        a: offset,
        b: bits,
        c: sum,
        ..statement(StatementKind::SetPayload)
    }
}

/// The Internet checksum of some bytes: zero if the one among them is right.
fn sum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let mut total: u32 = words.sum();
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

/// The transport with its pseudo header.
fn with_pseudo(frame: &Frame, protocol: u8) -> Vec<u8> {
    let (addresses, transport) = match frame.bytes[0] >> 4 {
        4 => (12..20, 20..),
        _ => (8..40, 40..),
    };
    let transport = &frame.bytes[transport];
    let len = (transport.len() as u32).to_be_bytes();
    [
        &frame.bytes[addresses],
        &len,
        &[0, 0, 0, protocol],
        transport,
    ]
    .concat()
}

/// Puts both checksums of a packet right.
fn with_checksums(mut frame: Frame, protocol: u8, at: usize) -> Frame {
    let start = if frame.bytes[0] >> 4 == 4 { 20 } else { 40 };
    if start == 20 {
        frame.bytes[10..12].fill(0);
        let header = sum(&frame.bytes[..20]).to_be_bytes();
        frame.bytes[10..12].copy_from_slice(&header);
    }
    frame.bytes[start + at..start + at + 2].fill(0);
    let check = sum(&with_pseudo(&frame, protocol)).to_be_bytes();
    frame.bytes[start + at..start + at + 2].copy_from_slice(&check);
    frame
}

fn tcp() -> Frame {
    with_checksums(ipv4(TCP, 0, 0, &transport()), TCP, 16)
}

#[test]
fn fields_of_headers_are_written_and_their_checksums_put_right() {
    let both = PAYLOAD_CSUM | PAYLOAD_CSUM_PSEUDO;
    let udp = |check: u16| {
        let header = [[0, 1], [0, 2], [0, 8], check.to_be_bytes()].concat();
        let frame = with_checksums(ipv4(UDP, 0, 0, &header), UDP, 6);
        match check {
            0 => {
                let mut frame = frame;
                frame.bytes[26..28].fill(0);
                frame
            }
            _ => frame,
        }
    };
    let six = || with_checksums(ipv6(TCP, &transport()), TCP, 16);
    let ping6 = || with_checksums(ipv6(ICMPV6, &[128, 0, 0, 0, 1, 2, 3, 4]), ICMPV6, 2);
    for (what, frame, statement, value, at, bytes) in [
        (
            "ttl",
            tcp(),
            set_payload(1, 64, 8, PAYLOAD_CSUM, 80),
            9,
            8,
            vec![9, 6],
        ),
        (
            "dscp",
            tcp(),
            set_payload(1, 8, 6, PAYLOAD_CSUM, 80),
            10,
            1,
            vec![10 << 2 | 1],
        ),
        (
            "ecn",
            tcp(),
            set_payload(1, 14, 2, PAYLOAD_CSUM, 80),
            3,
            1,
            vec![0xbb],
        ),
        (
            "saddr",
            tcp(),
            set_payload(1, 96, 32, both, 80),
            0x0102_0304,
            12,
            vec![1, 2, 3, 4],
        ),
        (
            "dport",
            tcp(),
            set_payload(2, 16, 16, PAYLOAD_CSUM, 128),
            443,
            22,
            vec![1, 0xbb],
        ),
        (
            "udp saddr",
            udp(1),
            set_payload(1, 96, 32, both, 80),
            7,
            12,
            vec![0, 0, 0, 7],
        ),
        (
            "unsummed",
            udp(0),
            set_payload(1, 96, 32, both, 80),
            7,
            26,
            vec![0, 0],
        ),
        (
            "udp dport",
            udp(1),
            set_payload(2, 16, 16, PAYLOAD_CSUM_PSEUDO, 0),
            443,
            22,
            vec![1, 0xbb],
        ),
        (
            "unsummed dport",
            udp(0),
            set_payload(2, 16, 16, PAYLOAD_CSUM_PSEUDO, 0),
            443,
            22,
            vec![1, 0xbb, 0, 8, 0, 0],
        ),
        (
            "hoplimit",
            six(),
            set_payload(1, 56, 8, 0, 0),
            5,
            7,
            vec![5],
        ),
        (
            "saddr6",
            six(),
            set_payload(1, 64, 128, PAYLOAD_CSUM_PSEUDO, 0),
            1,
            22,
            vec![0, 1],
        ),
        (
            "ping6",
            ping6(),
            set_payload(1, 64, 128, PAYLOAD_CSUM_PSEUDO, 0),
            1,
            22,
            vec![0, 1],
        ),
    ] {
        let mut changed = frame.clone();
        assert!(apply(statement, value, &mut changed), "{what}");
        assert_eq!(bytes, changed.bytes[at..at + bytes.len()], "{what}");
        if changed.bytes[0] >> 4 == 4 {
            assert_eq!(0, sum(&changed.bytes[..20]), "{what}: header");
        }
        let protocol = match changed.bytes[0] >> 4 {
            4 => changed.bytes[9],
            _ => changed.bytes[6],
        };
        if !what.starts_with("unsummed") {
            assert_eq!(
                0,
                sum(&with_pseudo(&changed, protocol)),
                "{what}: transport"
            );
        }
    }
}

#[test]
fn what_nftables_does_not_let_be_written_ends_the_rule() {
    let later = ipv4(TCP, 1, 0, &transport());
    let six = ipv6(TCP, &transport());
    for (what, frame, statement, value) in [
        ("version", tcp(), set_payload(1, 0, 4, PAYLOAD_CSUM, 80), 5),
        ("length", tcp(), set_payload(1, 16, 16, PAYLOAD_CSUM, 80), 5),
        (
            "frag-off",
            tcp(),
            set_payload(1, 48, 16, PAYLOAD_CSUM, 80),
            5,
        ),
        (
            "protocol",
            tcp(),
            set_payload(1, 72, 8, PAYLOAD_CSUM, 80),
            17,
        ),
        (
            "data offset",
            tcp(),
            set_payload(2, 96, 8, PAYLOAD_CSUM, 128),
            0xf0,
        ),
        // They share a word with the data offset, and nftables writes words.
        (
            "flags",
            tcp(),
            set_payload(2, 104, 8, PAYLOAD_CSUM, 128),
            0xff,
        ),
        (
            "a later fragment",
            later,
            set_payload(2, 0, 16, PAYLOAD_CSUM, 128),
            1,
        ),
        ("nexthdr", six.clone(), set_payload(1, 48, 8, 0, 0), 17),
        ("flowlabel", six, set_payload(1, 12, 20, 0, 0), 1),
        ("behind the end", tcp(), set_payload(2, 160, 16, 0, 0), 1),
        ("no link header", tcp(), set_payload(0, 0, 48, 0, 0), 1),
    ] {
        let mut changed = frame.clone();
        assert!(!apply(statement, value, &mut changed), "{what}");
        assert_eq!(frame.bytes, changed.bytes, "{what}");
    }
}

#[test]
fn a_write_is_seen_by_what_comes_after_it() {
    let sees = matches(Opcode::MatchMask, Field::TcpDport, 4, u32::MAX, 443);
    let code = [
        set_register(443),
        insn(Opcode::Do, 0, 4, 0, 0),
        sees,
        drop(1),
        end(),
    ];
    let mut records = Records::of(&[&code]);
    records.insns[0].target = 4;
    records.statement(set_payload(2, 16, 16, PAYLOAD_CSUM, 128));
    assert_eq!(Decider::Rule(1), run(&records, &mut tcp()).decider);
}

#[test]
fn the_link_header_is_written_up_to_its_end() {
    let mut frame = tcp();
    frame.link = vec![0; 14];
    assert!(apply(set_payload(0, 16, 32, 0, 0), 0x0102_0304, &mut frame));
    assert_eq!([0, 0, 1, 2, 3, 4, 0], frame.link[..7]);
    assert!(!apply(set_payload(0, 104, 16, 0, 0), 1, &mut frame));
}

#[test]
fn the_sctp_checksum_is_worked_out_anew() {
    // CRC32c of "123456789" is 0xe3069283; here the whole packet is under it.
    let mut frame = ipv4(132, 0, 0, &[0; 12]);
    let statement = set_payload(2, 0, 16, PAYLOAD_CSUM_SCTP, 0);
    assert!(apply(statement, 0x1234, &mut frame));
    let crc = |bytes: &[u8]| {
        let step = |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
                0 => crc >> 1,
                _ => crc >> 1 ^ 0x82f6_3b78,
            })
        };
        !bytes.iter().fold(u32::MAX, step)
    };
    assert_eq!(0xe306_9283, crc(b"123456789"));
    let mut under = frame.bytes[20..32].to_vec();
    under[8..12].fill(0);
    assert_eq!(crc(&under).to_le_bytes(), frame.bytes[28..32]);
}

/// A TCP segment with these options.
fn tcp_with(options: &[u8]) -> Frame {
    let mut segment = transport();
    segment[12] = ((5 + options.len() / 4) << 4) as u8;
    segment.extend(options);
    with_checksums(ipv4(TCP, 0, 0, &segment), TCP, 16)
}

#[test]
fn the_segment_size_is_only_made_smaller() {
    let set = Statement {
        key: 2,
        field: REG as u8,
        a: 16,
        b: 16,
        ..statement(StatementKind::SetTcpOption)
    };
    for (value, expected) in [(1400, 1400_u16), (1460, 1460), (1500, 1460)] {
        let mut frame = tcp_with(&[2, 4, 0x05, 0xb4]);
        assert!(apply(set, value, &mut frame));
        assert_eq!(expected.to_be_bytes(), frame.bytes[42..44]);
        assert_eq!(0, sum(&with_pseudo(&frame, TCP)));
    }
    assert!(
        apply(set, 1, &mut tcp_with(&[])),
        "without the option the rule goes on"
    );
    assert!(!apply(set, 1, &mut ipv4(UDP, 0, 0, &transport())));
    assert!(!apply(set, 1, &mut tcp_with(&[1, 1, 2, 9])), "cut off");
}

#[test]
fn an_option_is_overwritten_with_no_operations() {
    let reset = Statement {
        key: 8,
        ..statement(StatementKind::ResetTcpOption)
    };
    let mut frame = tcp_with(&[1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
    assert!(apply(reset, 0, &mut frame));
    assert_eq!([&[1; 11][..], &[0]].concat(), frame.bytes[40..52]);
    assert_eq!(0, sum(&with_pseudo(&frame, TCP)));
    let mut records = Records::of(&[&[insn(Opcode::Do, 0, 1, 0, 2), end()]]);
    records.statement(reset);
    let outcome = run(&records, &mut tcp_with(&[1, 1, 8, 9]));
    assert_eq!(
        (Verdict::Drop, Decider::Rule(2)),
        (outcome.verdict, outcome.decider),
        "what is cut off cannot be removed"
    );
}
