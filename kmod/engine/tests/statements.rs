// SPDX-License-Identifier: GPL-2.0
//! Sets and verdict maps, state, what is left to the environment, and how packets leave.

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
        STATEMENT_BY_MAP, STATE_OBJECT,
    },
    NONE,
};
use support::{apply, frame::Frame, headers::*, program::*, run, set_register, REGISTER as REG};

fn tcp() -> Frame {
    ipv4(TCP, 0, 0, &transport())
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
fn a_packet_that_a_state_cannot_take_note_of_is_dropped() {
    for (uncountable, expected) in [(false, Verdict::Accept), (true, Verdict::Drop)] {
        let act = insn(Opcode::Do, 0, 2, 0, 0);
        let mut records = lookup(SetKind::Set, act, &[end(), end()]);
        records.states.push(State {
            identity: 1,
            kind: StateKind::Connections as u8,
            ..State::default()
        });
        records.statement(statement(StatementKind::State));
        let mut frame = tcp();
        frame.uncountable = uncountable;
        assert_eq!(run(&records, &mut frame).verdict, expected);
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
    view.run(&view.base_chains()[0], &mut key, &mut frame);
    assert_eq!(Some(9), support::value(&key, REG));
    view.run(&view.base_chains()[1], &mut key, &mut frame);
    assert_eq!(None, support::value(&key, REG));
}
