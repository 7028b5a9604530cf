// SPDX-License-Identifier: GPL-2.0
//! What statements do to packets, sets and verdicts do to the way on, and how packets leave.

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

use ferrule_engine::{Decider, Found, Outcome, Queue};
use ferrule_uapi::{
    expr::MetaKey,
    field::Field,
    hook::Verdict,
    insn::{Insn, Opcode, FLAG_NEGATE},
    set::{ElementVerdict, SetKind},
    statement::{
        Object, ObjectKind, RejectKind, SetUpdate, State, StateKind, Statement, StatementKind,
        NO_FIELD, PAYLOAD_CSUM, PAYLOAD_CSUM_PSEUDO, PAYLOAD_CSUM_SCTP, STATEMENT_BY_MAP,
        STATE_OBJECT,
    },
    NONE,
};
use support::{frame::Frame, headers::*, program::*, run};

const REG: Field = Field::Reg0;

/// A statement of this kind without a source.
fn statement(kind: StatementKind) -> Statement {
    Statement {
        kind: kind as u8,
        field: NO_FIELD,
        ..Statement::default()
    }
}

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

/// Runs `register = value; statement; drop`. Whether the rule went on to its end.
fn apply(statement: Statement, value: u32, frame: &mut Frame) -> bool {
    let mut records = Records::of(&[&[
        set_register(value),
        insn(Opcode::Do, 0, 3, 0, 0),
        drop(0),
        end(),
    ]]);
    records.statement(statement);
    run(&records, frame).verdict == Verdict::Drop
}

/// Writes a constant to the register, by way of a field that every packet has.
fn set_register(value: u32) -> Insn {
    Insn {
        flags: u16::from(Field::MetaNfproto as u8),
        ..insn(Opcode::Bitwise, REG as u8, 3, 0, value)
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
        if what != "unsummed" {
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

/// A program with one set of addresses, looked up by `insn` and followed by `code`.
fn lookup(kind: SetKind, insn: Insn, code: &[Insn]) -> Records {
    let mut records = Records::of(&[&[&[insn], code].concat(), &[count(1), end()], &[accept(2)]]);
    let key = records.key(&[Field::IpSaddr]);
    records.set(kind, key);
    records
}

/// A packet whose source address a set has.
fn found(found: Option<Found>) -> Frame {
    let mut frame = tcp();
    frame
        .sets
        .extend(found.map(|found| ((0, vec![10, 1, 2, 3]), found)));
    frame
}

#[test]
fn a_lookup_holds_if_the_set_has_the_key_and_its_statements_agree() {
    let lookup_set = |flags| Insn {
        flags,
        ..insn(Opcode::LookupSet, 0, 2, 0, 0)
    };
    for (flags, held, expected) in [
        (0, Some(Found::Member), true),
        (0, None, false),
        (0, Some(Found::Refused), false),
        (FLAG_NEGATE, None, true),
        (FLAG_NEGATE, Some(Found::Member), false),
        (FLAG_NEGATE, Some(Found::Refused), false),
    ] {
        let records = lookup(SetKind::Set, lookup_set(flags), &[drop(0), end()]);
        let dropped = run(&records, &mut found(held)).verdict == Verdict::Drop;
        assert_eq!(expected, dropped, "{flags} {held:?}");
        let mut six = ipv6(TCP, &transport());
        let outcome = run(&records, &mut six);
        assert_eq!(
            Verdict::Accept,
            outcome.verdict,
            "an absent part of the key"
        );
    }
}

#[test]
fn a_map_gives_a_number_to_a_register() {
    let map = insn(Opcode::LookupMap, REG as u8, 3, 0, 0);
    let is_five = matches(Opcode::MatchMask, REG, 3, u32::MAX, 5);
    let records = lookup(SetKind::Map, map, &[is_five, drop(0), end()]);
    for (held, expected) in [(Some(5), true), (Some(6), false), (None, false)] {
        let data = held.map(|number| Found::Data(wide(number)));
        let dropped = run(&records, &mut found(data)).verdict == Verdict::Drop;
        assert_eq!(expected, dropped, "{held:?}");
    }
}

#[test]
fn a_verdict_map_says_where_to_go() {
    use ElementVerdict::{Accept, Continue, Drop, Goto, Jump, Return};
    let follow = insn(Opcode::LookupVerdict, 0, 3, 0, 0);
    let named = insn(Opcode::Verdict, 0, 0, 1, 2);
    let rest = [named, count(0), end()];
    let mut records = lookup(SetKind::Verdict, follow, &rest);
    records.lead_to(&[1, 2]);
    for (verdict, handle, decider, dropped, counted) in [
        (Accept, 0, Decider::Rule(1), false, vec![]),
        (Drop, 0, Decider::Rule(1), true, vec![2]),
        (Continue, 0, Decider::Policy, false, vec![0]),
        (Return, 0, Decider::Policy, false, vec![]),
        (Jump, 2, Decider::Policy, false, vec![1, 0]),
        (Goto, 2, Decider::Policy, false, vec![1]),
        (Goto, 3, Decider::Rule(2), false, vec![]),
        (Jump, 9, Decider::Fault, true, vec![]),
    ] {
        let mut frame = found(Some(Found::Verdict(verdict, handle)));
        let outcome = run(&records, &mut frame);
        let verdict = if dropped {
            Verdict::Drop
        } else {
            Verdict::Accept
        };
        assert_eq!((verdict, decider), (outcome.verdict, outcome.decider));
        assert_eq!(counted, frame.counted, "{verdict:?} {handle}");
    }
    assert_eq!(Decider::Policy, run(&records, &mut found(None)).decider);
}

#[test]
fn states_and_objects_are_asked_and_counted() {
    let state = statement(StatementKind::State);
    let object = |a| Statement {
        a,
        ..statement(StatementKind::Object)
    };
    let mapped = Statement {
        flags: STATEMENT_BY_MAP,
        ..statement(StatementKind::Object)
    };
    for (statement, says, held, expected, counted) in [
        (state, true, None, true, vec![]),
        (state, false, None, false, vec![]),
        (object(0), false, None, true, vec![2]),
        (object(1), true, None, true, vec![]),
        (object(1), false, None, false, vec![]),
        (mapped, false, Some(Found::Object(7)), true, vec![2]),
        (mapped, false, Some(Found::Object(8)), false, vec![]),
        (mapped, true, None, false, vec![]),
    ] {
        let act = insn(Opcode::Do, 0, 2, 0, 0);
        let mut records = lookup(SetKind::Object, act, &[drop(0), end()]);
        records.sets[0].object = ObjectKind::Counter as u8;
        for (identity, flags) in [(1, 0), (2, STATE_OBJECT)] {
            records.states.push(State {
                identity,
                flags,
                kind: StateKind::Quota as u8,
                ..State::default()
            });
        }
        for (identity, kind, a) in [(7, ObjectKind::Counter, 2), (8, ObjectKind::Quota, 1)] {
            records.objects.push(Object {
                identity,
                kind: kind as u8,
                family: 1,
                a,
                ..Object::default()
            });
        }
        records.statement(statement);
        let mut frame = found(held);
        frame.says = says;
        let went_on = run(&records, &mut frame).verdict == Verdict::Drop;
        assert_eq!(
            (expected, counted),
            (went_on, frame.counted),
            "{statement:?} {says}"
        );
    }
}

#[test]
fn a_rule_changes_a_set_and_a_deletion_never_ends_it() {
    let update = |kind: SetUpdate| Statement {
        key: kind as u8,
        ..statement(StatementKind::UpdateSet)
    };
    for (kind, says, expected) in [
        (SetUpdate::Add, true, true),
        (SetUpdate::Update, false, false),
        (SetUpdate::Delete, false, true),
    ] {
        let act = insn(Opcode::Do, 0, 2, 0, 0);
        let mut records = lookup(SetKind::Set, act, &[drop(0), end()]);
        records.statement(update(kind));
        let mut frame = tcp();
        frame.says = says;
        let went_on = run(&records, &mut frame).verdict == Verdict::Drop;
        assert_eq!(expected, went_on, "{kind:?}");
        assert_eq!(vec![(0, vec![10, 1, 2, 3], None, 0)], frame.updated);
    }
}

#[test]
fn what_only_the_environment_can_do_is_left_to_it_with_its_value() {
    let priority = Statement {
        key: MetaKey::Priority as u8,
        field: REG as u8,
        ..statement(StatementKind::SetMeta)
    };
    let mut frame = tcp();
    assert!(apply(priority, 5, &mut frame));
    assert_eq!(vec![(priority, wide(5), 0)], frame.acted);
    let mark = Statement {
        key: MetaKey::Mark as u8,
        ..priority
    };
    assert!(apply(mark, 6, &mut frame));
    assert_eq!((6, 1), (frame.mark, frame.acted.len()));
    let absent = Statement {
        field: Field::Ip6Saddr as u8,
        ..priority
    };
    assert!(
        !apply(absent, 5, &mut frame),
        "without a value the rule ends"
    );
}

/// How a program of one instruction leaves a packet.
fn leaves(insn: Insn, frame: &mut Frame) -> Outcome {
    run(&Records::of(&[&[insn]]), frame)
}

#[test]
fn a_rejected_packet_is_answered_counted_and_dropped() {
    let reject = Insn {
        flags: 3,
        ..insn(Opcode::Reject, RejectKind::Icmp as u8, 0, 1, 2)
    };
    let mut frame = tcp();
    let outcome = leaves(reject, &mut frame);
    assert!(outcome.rejected);
    assert_eq!(
        (Verdict::Drop, Decider::Rule(1)),
        (outcome.verdict, outcome.decider)
    );
    assert_eq!(vec![(RejectKind::Icmp, 3)], frame.rejected);
    assert_eq!(vec![2], frame.counted);
    let silent = insn(Opcode::Reject, RejectKind::TcpReset as u8, 0, 1, NONE);
    leaves(silent, &mut frame);
    assert_eq!(1, frame.counted.len());
}

#[test]
fn a_queued_packet_says_where_to() {
    let queue = |flags, b| Insn {
        flags,
        ..insn(Opcode::Queue, 0, 0, 1, b)
    };
    for (insn, first, total, bypass, fanout) in [
        (queue(0, 1 << 16 | 5), 5, 1, false, false),
        (queue(3, 4 << 16), 0, 4, true, true),
    ] {
        let outcome = leaves(insn, &mut tcp());
        let expected = Queue {
            first,
            total,
            bypass,
            fanout,
        };
        assert_eq!(
            (Some(expected), Decider::Rule(1)),
            (outcome.queue, outcome.decider)
        );
    }
    let by_register = insn(Opcode::Queue, REG as u8, 0, 1, 0);
    let mut set = set_register(9);
    set.target = 1;
    let outcome = run(&Records::of(&[&[set, by_register]]), &mut tcp());
    assert_eq!(
        Some((9, 1)),
        outcome.queue.map(|queue| (queue.first, queue.total))
    );
}

#[test]
fn registers_are_absent_at_the_beginning_of_each_base_chain() {
    let absent = matches(Opcode::MatchMask, REG, 1, 0, 0);
    let mut set = set_register(9);
    set.target = 1;
    let mut records = Records::of(&[&[set, accept(0)], &[absent, end()], &[drop(0)]]);
    records.insns[2].target = 3;
    records.base(1, Verdict::Accept, NONE);
    let image = records.build();
    let program = support::verified(&image);
    let view = program.view();
    let mut frame = tcp();
    let mut key = ferrule_engine::Key::parse(&frame, program.fields());
    view.run(&view.base_chains[0], &mut key, &mut frame);
    assert_eq!(Some(9), support::value(&key, REG));
    view.run(&view.base_chains[1], &mut key, &mut frame);
    assert_eq!(None, support::value(&key, REG));
}
