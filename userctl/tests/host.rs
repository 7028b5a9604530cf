// SPDX-License-Identifier: GPL-2.0
//! The host environment: elements of sets, state and packets, through hand-made programs.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

/// The engine's tests build programs record by record; so do these.
#[allow(dead_code, unreachable_pub, reason = "only a part of it is used here")]
#[path = "../../kmod/engine/tests/support/program.rs"]
mod program;

use ferrule_engine::{scratch_len, verify, Program, Scratch};
use ferrule_uapi::{
    error::VerifyError,
    expr::MetaKey,
    field::Field,
    hook::{Family, Hook, Verdict},
    insn::Opcode,
    set::{
        BatchHeader, SetKind, SetOp, SetOpKind, BATCH_MAGIC, CARRIES_DATA, CARRIES_END,
        CARRIES_TIMEOUT, SET_AUTO_MERGE, SET_DYNAMIC, SET_INTERVAL, SET_OP_EXCLUSIVE,
        SET_OP_LENIENT, SET_TIMEOUT,
    },
    statement::{SetUpdate, State, StateKind, Statement, StatementKind, NO_FIELD, STATE_TEMPLATE},
    ABI_VERSION,
};
use program::{accept, drop, end, insn, Image, Records};
use userctl::host::{Context, Frame, Host};
use zerocopy::IntoBytes;

const SECOND: u64 = 1_000_000_000;

/// A set of IPv4 addresses whose members are dropped.
fn dropping(flags: u32) -> Records {
    let lookup = insn(Opcode::LookupSet, 0, 2, 0, 0);
    let mut records = Records::of(&[&[lookup, drop(0), end()]]);
    let key = records.key(&[Field::IpSaddr]);
    records.set(SetKind::Set, key);
    named(&mut records, flags);
    records
}

/// Gives the first set a name and flags.
fn named(records: &mut Records, flags: u32) {
    records.strings = b"s".to_vec();
    records.sets[0].name = program::text(0, 1);
    records.sets[0].flags = flags;
}

fn verified(image: Image) -> Program<Image> {
    let mut scratch = vec![Scratch::ZERO; scratch_len(image.bytes())];
    verify(image, &mut scratch).expect("accepted")
}

/// One op on set 1, whose elements are these words.
fn op(kind: SetOpKind, flags: u8, carries: u32, stride: u32, elements: &[u8]) -> Vec<u8> {
    let op = SetOp {
        set: 1,
        kind: kind as u8,
        flags,
        carries,
        count: (elements.len() as u32).checked_div(stride).unwrap_or(0),
        stride,
        ..SetOp::default()
    };
    let mut bytes = [op.as_bytes(), elements].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A batch of these ops.
fn batch(ops: &[Vec<u8>]) -> Vec<u8> {
    let body = ops.concat();
    let header = BatchHeader {
        magic: BATCH_MAGIC,
        version: ABI_VERSION,
        size: (size_of::<BatchHeader>() + body.len()) as u64,
        ops: ops.len() as u32,
        reserved: 0,
    };
    [header.as_bytes(), &body].concat()
}

/// One op on intervals.
fn intervals(kind: SetOpKind, flags: u8, bounds: &[(u32, u32)]) -> Vec<u8> {
    let words = bounds.iter().flat_map(|(from, to)| [*from, *to]);
    let bytes: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
    op(kind, flags, CARRIES_END, 8, &bytes)
}

/// A UDP packet from `saddr`.
fn packet(saddr: u32) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
    bytes.extend(saddr.to_be_bytes());
    bytes.extend([10, 0, 0, 1, 0, 1, 0, 53, 0, 8, 0, 0]);
    bytes
}

/// What becomes of a packet from `saddr` at `seconds`.
fn verdict(host: &mut Host<'_>, saddr: u32, seconds: u64) -> Verdict {
    let packet = packet(saddr);
    let frame = Frame {
        family: Family::Ip,
        link: &[],
        packet: &packet,
        len: packet.len() as u32,
        pkttype: 0,
    };
    let context = Context {
        time: Some(seconds * SECOND),
        ..Context::default()
    };
    host.judge(Hook::LocalIn, &frame, &context).verdict
}

/// Which of the addresses 0 to 20 are in the set.
fn members(host: &mut Host<'_>) -> Vec<u32> {
    let dropped = |saddr: &u32| verdict(host, *saddr, 1) == Verdict::Drop;
    (0..=20).filter(dropped).collect()
}

#[test]
fn intervals_hold_what_lies_between_and_must_not_overlap() {
    let program = verified(dropping(SET_INTERVAL).build());
    let first = batch(&[intervals(SetOpKind::Add, 0, &[(2, 4), (7, 7)])]);
    let mut host = Host::new(program.view(), program.fields(), &first).unwrap();
    assert_eq!(vec![2, 3, 4, 7], members(&mut host));
    for (bounds, expected) in [
        ((4, 5), Err(VerifyError::Overlap)),
        ((0, 9), Err(VerifyError::Overlap)),
        ((2, 4), Ok(())),
        ((5, 6), Ok(())),
    ] {
        let change = batch(&[intervals(SetOpKind::Add, 0, &[bounds])]);
        let done = host.change(&change).map_err(|refusal| refusal.error);
        assert_eq!(expected, done, "{bounds:?}");
    }
    let again = batch(&[intervals(SetOpKind::Add, SET_OP_EXCLUSIVE, &[(2, 4)])]);
    assert_eq!(
        Some(VerifyError::Exists),
        host.change(&again).err().map(|r| r.error)
    );
    assert_eq!(vec![2, 3, 4, 5, 6, 7], members(&mut host));
}

#[test]
fn auto_merge_joins_what_meets_and_gives_pieces_back() {
    let program = verified(dropping(SET_INTERVAL | SET_AUTO_MERGE).build());
    let adds = batch(&[intervals(
        SetOpKind::Add,
        0,
        &[(2, 4), (9, 12), (5, 6), (12, 14)],
    )]);
    let mut host = Host::new(program.view(), program.fields(), &adds).unwrap();
    let bounds: Vec<(u8, u8)> = host
        .elements(0)
        .unwrap()
        .entries()
        .map(|entry| (entry.from[3], entry.to[3]))
        .collect();
    assert_eq!(vec![(2, 6), (9, 14)], bounds);
    let piece = batch(&[intervals(SetOpKind::Delete, 0, &[(10, 11)])]);
    host.change(&piece).unwrap();
    assert_eq!(vec![2, 3, 4, 5, 6, 9, 12, 13, 14], members(&mut host));
}

#[test]
fn a_batch_changes_all_or_nothing() {
    let program = verified(dropping(SET_INTERVAL).build());
    let mut host = Host::new(program.view(), program.fields(), &[]).unwrap();
    let bad = batch(&[
        intervals(SetOpKind::Add, 0, &[(1, 1), (3, 5)]),
        intervals(SetOpKind::Delete, 0, &[(1, 1), (2, 2)]),
    ]);
    let refusal = host.change(&bad).expect_err("nothing at 2");
    assert_eq!(
        (VerifyError::Missing, 1, 1),
        (refusal.error, refusal.op, refusal.element)
    );
    assert!(members(&mut host).is_empty());
    let lenient = batch(&[intervals(SetOpKind::Delete, SET_OP_LENIENT, &[(2, 2)])]);
    host.change(&lenient).unwrap();
    let clear = batch(&[
        intervals(SetOpKind::Add, 0, &[(1, 1), (3, 5)]),
        op(SetOpKind::Clear, 0, 0, 0, &[]),
    ]);
    host.change(&clear).unwrap();
    assert!(members(&mut host).is_empty());
}

#[test]
fn an_element_times_out_by_the_clock_of_the_packets() {
    let program = verified(dropping(SET_TIMEOUT).build());
    let mut element = 5_u32.to_be_bytes().to_vec();
    element.extend(2_000_u64.to_ne_bytes());
    let adds = batch(&[op(SetOpKind::Add, 0, CARRIES_TIMEOUT, 12, &element)]);
    let mut host = Host::new(program.view(), program.fields(), &[]).unwrap();
    assert_eq!(Verdict::Accept, verdict(&mut host, 5, 100));
    host.change(&adds).unwrap();
    assert_eq!(Verdict::Drop, verdict(&mut host, 5, 101));
    assert_eq!(Verdict::Accept, verdict(&mut host, 5, 102));
}

#[test]
fn a_rule_adds_elements_each_with_a_limit_of_its_own() {
    // add @s { ip saddr limit rate over 2/second burst 2 } drop
    let update = Statement {
        kind: StatementKind::UpdateSet as u8,
        key: SetUpdate::Add as u8,
        field: NO_FIELD,
        ..Statement::default()
    };
    let mut records = Records::of(&[&[insn(Opcode::Do, 0, 2, 0, 0), drop(0), accept(0)]]);
    let key = records.key(&[Field::IpSaddr]);
    records.set(SetKind::Set, key);
    named(&mut records, SET_DYNAMIC);
    records.sets[0].size = 2;
    records.sets[0].state_count = 1;
    records.states.push(State {
        identity: 1,
        kind: StateKind::Limit as u8,
        flags: STATE_TEMPLATE | ferrule_uapi::statement::STATE_INVERT,
        a: 2,
        b: SECOND,
        c: 2,
        ..State::default()
    });
    records.statement(update);
    let program = verified(records.build());
    let mut host = Host::new(program.view(), program.fields(), &[]).unwrap();
    let mut tries = |saddr| [(); 3].map(|()| verdict(&mut host, saddr, 1));
    let expected = [Verdict::Accept, Verdict::Accept, Verdict::Drop];
    assert_eq!(expected, tries(1));
    assert_eq!(expected, tries(2), "another element has another limit");
    assert_eq!([Verdict::Accept; 3], tries(3), "the set is full");
    assert_eq!(Verdict::Accept, verdict(&mut host, 1, 2), "a second later");
}

#[test]
fn a_map_gives_the_mark_that_the_packet_leaves_with() {
    // meta mark set ip saddr map @s
    let mut records = Records::of(&[&[
        insn(Opcode::LookupMap, Field::Reg0 as u8, 2, 0, 0),
        insn(Opcode::Do, 0, 2, 0, 0),
        accept(0),
    ]]);
    let key = records.key(&[Field::IpSaddr]);
    records.set(SetKind::Map, key);
    named(&mut records, 0);
    records.statement(Statement {
        kind: StatementKind::SetMeta as u8,
        key: MetaKey::Mark as u8,
        field: Field::Reg0 as u8,
        ..Statement::default()
    });
    let element = [7_u32, 0x1234].map(u32::to_be_bytes).concat();
    let adds = batch(&[op(SetOpKind::Add, 0, CARRIES_DATA, 8, &element)]);
    let program = verified(records.build());
    let mut host = Host::new(program.view(), program.fields(), &adds).unwrap();
    for (saddr, mark) in [(7, 0x1234), (8, 0)] {
        let packet = packet(saddr);
        let frame = Frame {
            family: Family::Ip,
            link: &[],
            packet: &packet,
            len: 28,
            pkttype: 0,
        };
        let judgement = host.judge(Hook::LocalIn, &frame, &Context::default());
        assert_eq!(mark, judgement.mark);
    }
}
