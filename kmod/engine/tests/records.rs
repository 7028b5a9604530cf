// SPDX-License-Identifier: GPL-2.0
//! Every reason to refuse an expression, key, set, target, statement, state, object or log, and the
//! instructions that name them, each provoked by the smallest change to a program that is accepted.

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

use ferrule_engine::Refusal;
use ferrule_uapi::{
    error::VerifyError::{self, *},
    expr::{CtKey, Expr, ExprKind, MetaKey, EXPR_PRESENT},
    field::Field,
    insn::{Insn, Opcode},
    program::{
        SectionId::{self, *},
        COUNTER_OBJECT,
    },
    set::{SetKind, SET_CONSTANT, SET_DYNAMIC, SET_INTERVAL, SET_TIMEOUT},
    statement::{
        Log, Object, ObjectKind, State, StateKind, Statement, StatementKind, NO_FIELD,
        PAYLOAD_CSUM, STATEMENT_BY_MAP, STATE_OBJECT, STATE_RULE_TEMPLATE, STATE_TEMPLATE,
    },
    NONE,
};
use support::{program::*, try_verify};

const REG: [u8; 3] = [Field::Reg0 as u8, Field::Reg1 as u8, Field::Reg2 as u8];
const WIDE: u8 = Field::Wide0 as u8;

/// An expression of `bits` bits.
fn expr(kind: ExprKind, key: u8, bits: u16) -> Expr {
    Expr {
        kind: kind as u8,
        key,
        bits,
        ..Expr::default()
    }
}

/// A statement that writes `field`.
fn write(kind: StatementKind, key: u8, field: u8) -> Statement {
    Statement {
        key,
        field,
        ..statement(kind)
    }
}

/// A program with every kind of record.
///
/// ```text
///  0 load     1 load wide  2 bitwise  3 bitwise wide  4 shift     5 combine  6 set lookup
///  7 map      8 vmap       9 verdict 10 do           11 queue
/// 12 return
/// 13 reject
/// ```
fn good() -> Records {
    let flags = |flags: u16, insn: Insn| Insn { flags, ..insn };
    let source = u16::from(Field::IpSaddr as u8);
    let pair = u16::from(Field::Reg0 as u8) | u16::from(Field::Reg1 as u8) << 8;
    let code = [
        insn(Opcode::Load, REG[0], 11, 0, 0),
        insn(Opcode::Load, WIDE, 11, 1, 0),
        flags(source, insn(Opcode::Bitwise, REG[1], 11, 0xff, 3)),
        flags(source, insn(Opcode::BitwiseWide, WIDE, 11, 0, 0)),
        flags(source, insn(Opcode::Shift, REG[2], 11, 127, 1)),
        flags(pair, insn(Opcode::Combine, REG[2], 11, 2, 0)),
        flags(1, insn(Opcode::LookupSet, 0, 11, 0, 0)),
        insn(Opcode::LookupMap, REG[0], 11, 1, 0),
        insn(Opcode::LookupVerdict, 0, 10, 2, 0),
        insn(Opcode::Verdict, 0, 0, 1, 2),
        insn(Opcode::Do, 0, 11, 0, 1),
        flags(3, insn(Opcode::Queue, 0, 0, 2, 2 << 16 | 0xfffe)),
    ];
    let reject = flags(3, insn(Opcode::Reject, 3, 0, 0, NONE));
    let mut records = Records::of(&[&code, &[end()], &[reject]]);
    records.wide_pairs.push(support::program::pair(1, 2));
    records.strings = b"name".to_vec();
    records.key(&[Field::IpSaddr, Field::Wide1]);
    add_exprs(&mut records);
    add_sets(&mut records);
    add_state(&mut records);
    add_statements(&mut records);
    records
}

fn add_exprs(records: &mut Records) {
    let options = |key, op, flags| Expr {
        op,
        flags,
        ..expr(ExprKind::Exthdr, key, 8)
    };
    for expr in [
        expr(ExprKind::Payload, 2, 16),
        expr(ExprKind::Payload, 0, 128),
        options(2, 148, 0),
        options(4, 3, EXPR_PRESENT),
        expr(ExprKind::Meta, MetaKey::Skuid as u8, 32),
        expr(ExprKind::Ct, CtKey::Mark as u8, 32),
        Expr {
            a: 255,
            ..expr(ExprKind::Socket, 3, 64)
        },
        Expr {
            a: 9,
            ..expr(ExprKind::Fib, 3, 32)
        },
        expr(ExprKind::Rt, 4, 1),
        Expr {
            flags: 2,
            ..expr(ExprKind::Xfrm, 6, 32)
        },
        Expr {
            a: 1 << 31,
            b: 1 << 31,
            ..expr(ExprKind::Numgen, 0, 32)
        },
        Expr {
            a: 2,
            ..expr(ExprKind::Jhash, 0, 32)
        },
        Expr {
            a: 1,
            ..expr(ExprKind::Symhash, 0, 8)
        },
        Expr {
            op: ExprKind::Payload as u8,
            a: 4,
            offset: 32,
            ..expr(ExprKind::Inner, 1, 24)
        },
        Expr {
            c: 1,
            d: 2,
            ..expr(ExprKind::Constant, 0, 33)
        },
    ] {
        records.expr(expr);
    }
}

fn add_sets(records: &mut Records) {
    records.set(SetKind::Set, 0);
    records.set(SetKind::Map, 0);
    records.set(SetKind::Verdict, 0);
    records.lead_to(&[1, 2]);
    records.set(SetKind::Object, 0);
    records.sets[3].object = ObjectKind::Counter as u8;
    records.sets[0].name = text(0, 4);
    records.sets[0].flags = SET_INTERVAL | SET_TIMEOUT | SET_DYNAMIC;
    records.sets[0].timeout = 5;
    records.sets[0].first_state = 1;
    records.sets[0].state_count = 1;
}

fn add_state(records: &mut Records) {
    let state = |identity, kind: StateKind, flags, [a, b, c]: [u64; 3]| State {
        identity,
        kind: kind as u8,
        flags,
        a,
        b,
        c,
        ..State::default()
    };
    let of_rule = STATE_TEMPLATE | STATE_RULE_TEMPLATE;
    records.states = vec![
        state(1, StateKind::Number, 0, [0; 3]),
        state(2, StateKind::Counter, STATE_TEMPLATE, [1, 2, 0]),
        state(3, StateKind::Limit, of_rule, [1, 1, 1]),
        state(4, StateKind::Quota, STATE_OBJECT, [2, 1, 0]),
        state(5, StateKind::Limit, 0, [1, 1, 1]),
    ];
    let object = |identity, kind: ObjectKind, a| Object {
        identity,
        kind: kind as u8,
        family: 2,
        name: text(0, 1),
        a,
        ..Object::default()
    };
    let timeout = Object {
        l4proto: 6,
        l3proto: 2,
        text: text(0, 0),
        ..object(3, ObjectKind::CtTimeout, 0)
    };
    records.objects = vec![
        object(1, ObjectKind::Counter, 2),
        object(2, ObjectKind::Quota, 3),
        timeout,
    ];
    records.counters[2].flags = COUNTER_OBJECT;
    records.logs.push(Log {
        group: 5,
        snaplen: 100,
        level: 4,
        ..Log::default()
    });
}

fn add_statements(records: &mut Records) {
    let payload = Statement {
        flags: PAYLOAD_CSUM,
        a: 64,
        b: 128,
        c: 80,
        ..write(StatementKind::SetPayload, 1, REG[0])
    };
    records.statements = vec![
        Statement {
            a: 4,
            ..statement(StatementKind::State)
        },
        Statement {
            a: 2,
            ..statement(StatementKind::Object)
        },
        Statement {
            flags: STATEMENT_BY_MAP,
            a: 3,
            ..statement(StatementKind::Object)
        },
        write(StatementKind::SetMeta, MetaKey::Mark as u8, REG[0]),
        write(StatementKind::SetCt, CtKey::Zone as u8, REG[0]),
        payload,
        Statement {
            a: 16,
            b: 16,
            ..write(StatementKind::SetTcpOption, 2, REG[0])
        },
        statement(StatementKind::Log),
        Statement {
            b: NO_FIELD.into(),
            ..write(StatementKind::Dup, 10, WIDE)
        },
        Statement {
            c: 9,
            e: 2,
            f: 1,
            ..statement(StatementKind::UpdateSet)
        },
        statement(StatementKind::Notrack),
    ];
}

/// What is changed, and where that is found.
type Case = (VerifyError, SectionId, u32, fn(&mut Records));

const EXPRS: &[Case] = &[
    (Reserved, Exprs, 0, |r| r.exprs[0].reserved = 1),
    (Reserved, Exprs, 0, |r| r.exprs[0].flags = 1),
    (Reserved, Exprs, 0, |r| r.exprs[0].a = 1),
    (Reserved, Exprs, 4, |r| r.exprs[4].offset = 1),
    (Reserved, Exprs, 8, |r| r.exprs[8].op = 1),
    (Reserved, Exprs, 11, |r| r.exprs[11].key = 1),
    (Reserved, Exprs, 14, |r| r.exprs[14].e = 1),
    (Expr, Exprs, 0, |r| r.exprs[0].kind = 0),
    (Expr, Exprs, 0, |r| r.exprs[0].bits = 0),
    (Expr, Exprs, 1, |r| r.exprs[1].bits = 129),
    (Expr, Exprs, 0, |r| r.exprs[0].key = 4),
    (Expr, Exprs, 0, |r| r.exprs[0].offset = 0xffff * 8 + 1),
    (Expr, Exprs, 2, |r| r.exprs[2].op = 1),
    (Expr, Exprs, 2, |r| r.exprs[2].key = 5),
    (Expr, Exprs, 2, |r| r.exprs[2].flags = 2),
    (Expr, Exprs, 3, |r| r.exprs[3].flags = 0),
    (Expr, Exprs, 4, |r| r.exprs[4].key = MetaKey::Mark as u8),
    (Expr, Exprs, 5, |r| r.exprs[5].key = CtKey::Eventmask as u8),
    (Expr, Exprs, 5, |r| r.exprs[5].flags = 6),
    (Expr, Exprs, 6, |r| r.exprs[6].key = 0),
    (Expr, Exprs, 6, |r| r.exprs[6].a = 256),
    (Expr, Exprs, 7, |r| r.exprs[7].a = 11),
    (Expr, Exprs, 7, |r| r.exprs[7].a = 25),
    (Expr, Exprs, 7, |r| r.exprs[7].key = 4),
    (Expr, Exprs, 8, |r| r.exprs[8].key = 5),
    (Expr, Exprs, 9, |r| r.exprs[9].flags = 0),
    (Expr, Exprs, 10, |r| r.exprs[10].a += 1),
    (Expr, Exprs, 10, |r| r.exprs[10].a = 0),
    (Expr, Exprs, 10, |r| r.exprs[10].c = 1),
    (Expr, Exprs, 10, |r| r.exprs[10].key = 2),
    (Expr, Exprs, 10, |r| r.exprs[10].bits = 33),
    (Expr, Exprs, 11, |r| r.exprs[11].d = 1),
    (Expr, Exprs, 11, |r| r.exprs[11].e = 21 << 16),
    (Expr, Exprs, 11, |r| r.exprs[11].e = 4),
    (Expr, Exprs, 12, |r| r.exprs[12].a = 0),
    (Expr, Exprs, 13, |r| r.exprs[13].a = 3),
    (Expr, Exprs, 13, |r| r.exprs[13].key = 5),
    (Expr, Exprs, 13, |r| r.exprs[13].op = 4),
    (Expr, Exprs, 14, |r| r.exprs[14].c = 2),
    (Key, Keys, 0, |r| r.keys[0].count = 0),
    (Key, Keys, 0, |r| r.keys[0].count = 17),
    (Key, Keys, 0, |r| r.keys[0].len = 16),
    (Key, Keys, 0, |r| r.keys[0].parts[0].len = 8),
    (Key, Keys, 0, |r| r.keys[0].parts[1].len = 5),
    (FIELD, Keys, 0, |r| r.keys[0].parts[1].field = 40),
    (Reserved, Keys, 0, |r| r.keys[0].parts[2].len = 4),
    (Reserved, Keys, 0, |r| r.keys[0].reserved = 1),
];

const SETS: &[Case] = &[
    (Identity, Sets, 1, |r| r.sets[1].identity = 1),
    (Set, Sets, 0, |r| r.sets[0].kind = 4),
    (Set, Sets, 0, |r| r.sets[0].flags |= SET_CONSTANT),
    (Set, Sets, 0, |r| r.sets[0].flags ^= SET_TIMEOUT),
    (Set, Sets, 0, |r| r.sets[0].name = text(0, 0)),
    (Set, Sets, 0, |r| r.sets[0].key_len = 16),
    (Set, Sets, 0, |r| r.sets[0].part_lens[2] = 4),
    (Set, Sets, 0, |r| r.sets[0].part_lens[0] = 3),
    (Set, Sets, 0, |r| r.sets[0].parts = 0),
    (Set, Sets, 0, |r| r.sets[0].data_len = 4),
    (Set, Sets, 0, |r| r.sets[0].first_target = 1),
    (Set, Sets, 0, |r| r.sets[0].first_state = 2),
    (Set, Sets, 0, |r| r.states[1].owner = 1),
    (Index, Sets, 0, |r| r.sets[0].first_state = 5),
    (Set, Sets, 0, |r| r.sets[0].state_count = 9),
    (Set, Sets, 1, |r| r.sets[1].data_len = 8),
    (Set, Sets, 1, |r| r.sets[1].target_count = 1),
    (Set, Sets, 3, |r| r.sets[3].object = 0),
    (Hook, Sets, 0, |r| r.sets[0].family = 3),
    (Index, Sets, 0, |r| r.sets[0].name = text(2, 3)),
    (Reserved, Sets, 0, |r| r.sets[0].flags |= 64),
    (Reserved, Sets, 0, |r| r.sets[0].reserved = 1),
    (Index, Sets, 2, |r| r.sets[2].target_count = 3),
    (Order, Sets, 2, |r| r.targets.swap(0, 1)),
    (Order, Sets, 4, |r| {
        let shared = ferrule_uapi::set::Set {
            identity: 9,
            ..r.sets[2]
        };
        r.sets.push(shared);
    }),
    (Set, Targets, 1, |r| r.targets[1].chain = 0),
    (Index, Targets, 1, |r| r.targets[1].chain = 3),
    (Reserved, Targets, 0, |r| r.targets[0].reserved = 1),
];

const STATEMENTS: &[Case] = &[
    (Statement, Statements, 0, |r| r.statements[0].kind = 0),
    (Statement, Statements, 0, |r| r.statements[0].a = 0),
    (Statement, Statements, 0, |r| r.statements[0].a = 5),
    (FIELD, Statements, 0, |r| r.statements[0].field = 0),
    (Reserved, Statements, 0, |r| r.statements[0].b = 1),
    (Reserved, Statements, 1, |r| r.statements[1].b = 1),
    (Index, Statements, 1, |r| r.statements[1].a = 3),
    (Set, Statements, 2, |r| r.statements[2].a = 0),
    (Index, Statements, 2, |r| r.statements[2].b = 1),
    (Key, Statements, 2, |r| {
        let key = r.key(&[Field::IpSaddr]);
        r.statements[2].b = key;
    }),
    (Statement, Statements, 3, |r| r.statements[3].key = 0),
    (FIELD, Statements, 3, |r| r.statements[3].field = NO_FIELD),
    (FIELD, Statements, 3, |r| r.statements[3].field = 40),
    (Statement, Statements, 4, |r| r.statements[4].key = 0),
    (Statement, Statements, 4, |r| r.statements[4].flags = 6),
    (Statement, Statements, 5, |r| r.statements[5].b = 129),
    (Statement, Statements, 5, |r| r.statements[5].c = 81),
    (Statement, Statements, 5, |r| r.statements[5].flags = 0),
    (Statement, Statements, 5, |r| r.statements[5].key = 4),
    (Reserved, Statements, 5, |r| r.statements[5].flags = 8),
    (Statement, Statements, 6, |r| r.statements[6].b = 8),
    (Statement, Statements, 6, |r| r.statements[6].a = 17),
    (Statement, Statements, 6, |r| r.statements[6].c = 2),
    (Statement, Statements, 7, |r| r.statements[7].a = 1),
    (Statement, Statements, 8, |r| r.statements[8].key = 1),
    (FIELD, Statements, 8, |r| r.statements[8].key = 2),
    (FIELD, Statements, 8, |r| r.statements[8].b = WIDE.into()),
    (Statement, Statements, 9, |r| r.statements[9].key = 3),
    (Index, Statements, 9, |r| r.statements[9].a = 4),
    (Constant, Statements, 9, |r| {
        r.sets[0].flags = SET_CONSTANT | SET_TIMEOUT
    }),
    (Statement, Statements, 9, |r| r.statements[9].a = 1),
    (Statement, Statements, 9, |r| r.statements[9].e = 1),
    (Statement, Statements, 9, |r| r.statements[9].field = REG[0]),
    (Statement, Statements, 9, |r| {
        r.sets[0].flags ^= SET_TIMEOUT;
        r.sets[0].timeout = 0;
    }),
    (Reserved, Statements, 10, |r| r.statements[10].key = 1),
];

const STATE: &[Case] = &[
    (Identity, States, 1, |r| r.states[1].identity = 1),
    (Statement, States, 2, |r| r.states[2].kind = 7),
    (Reserved, States, 0, |r| r.states[0].flags = 64),
    (Reserved, States, 0, |r| r.states[0].reserved = 1),
    (Statement, States, 0, |r| r.states[0].a = 1),
    (Statement, States, 0, |r| r.states[0].flags = 1),
    (Statement, States, 3, |r| r.states[3].flags |= 2),
    (Index, States, 3, |r| r.states[3].owner = 3),
    (Index, States, 2, |r| r.states[2].owner = 3),
    (Statement, States, 3, |r| r.states[3].b = 3),
    (Statement, States, 4, |r| r.states[4].a = 0),
    (Statement, States, 4, |r| r.states[4].a = u64::MAX),
    (Statement, States, 4, |r| r.states[4].c = 1 << 32),
    (Statement, States, 3, |r| {
        r.states[3].flags = STATE_OBJECT | STATE_TEMPLATE
    }),
    (Identity, Objects, 1, |r| r.objects[1].identity = 1),
    (Statement, Objects, 0, |r| r.objects[0].kind = 0),
    (Unsupported, Objects, 0, |r| {
        r.objects[0].kind = ObjectKind::Synproxy as u8
    }),
    (Hook, Objects, 0, |r| r.objects[0].family = 0),
    (Index, Objects, 0, |r| r.objects[0].name = text(4, 1)),
    (Reserved, Objects, 0, |r| r.objects[0].l4proto = 1),
    (Reserved, Objects, 0, |r| r.objects[0].text = text(0, 1)),
    (Reserved, Objects, 2, |r| r.objects[2].b = 1),
    (Statement, Objects, 0, |r| r.objects[0].a = 3),
    (Statement, Objects, 1, |r| r.objects[1].a = 4),
    (Statement, Objects, 2, |r| r.objects[2].a = 1),
    (Statement, Logs, 0, |r| r.logs[0].level = 9),
    (Statement, Logs, 0, |r| r.logs[0].flags = 16),
    (Statement, Logs, 0, |r| r.logs[0].group = 1 << 16),
    (Statement, Logs, 0, |r| r.logs[0].group = NONE),
    (Reserved, Logs, 0, |r| r.logs[0].reserved = 1),
    (Index, Logs, 0, |r| r.logs[0].prefix = text(0, 5)),
    (Index, Counters, 2, |r| r.counters[2].owner = 3),
];

const CODE: &[Case] = &[
    (Index, Insns, 0, |r| r.insns[0].a = 15),
    (FIELD, Insns, 0, |r| r.insns[0].a = 1),
    (FIELD, Insns, 1, |r| r.insns[1].field = REG[0]),
    (FIELD, Insns, 0, |r| {
        r.insns[0].field = Field::MetaMark as u8
    }),
    (FIELD, Insns, 2, |r| r.insns[2].flags = 40),
    (FIELD, Insns, 2, |r| r.insns[2].field = WIDE),
    (Reserved, Insns, 2, |r| r.insns[2].flags |= 0x100),
    (Index, Insns, 3, |r| r.insns[3].a = 1),
    (Index, Insns, 4, |r| r.insns[4].a = 128),
    (Index, Insns, 4, |r| r.insns[4].b = 2),
    (FIELD, Insns, 4, |r| r.insns[4].flags = WIDE.into()),
    (Index, Insns, 5, |r| r.insns[5].a = 3),
    (FIELD, Insns, 5, |r| r.insns[5].flags |= 0xff00),
    (Index, Insns, 6, |r| r.insns[6].a = 4),
    (Index, Insns, 6, |r| r.insns[6].b = 1),
    (Key, Insns, 6, |r| {
        let key = r.key(&[Field::Wide1, Field::IpSaddr]);
        r.insns[6].b = key;
    }),
    (Set, Insns, 7, |r| r.insns[7].a = 0),
    (FIELD, Insns, 7, |r| r.sets[1].data_len = 16),
    (Set, Insns, 8, |r| r.insns[8].a = 1),
    (OPCODE, Insns, 8, |r| r.insns[9] = count(0)),
    (Reserved, Insns, 8, |r| r.insns[8].flags = 1),
    (Target, Insns, 8, |r| r.insns[8].target = 8),
    (ChainTarget, Insns, 8, |r| {
        r.targets[0].chain = 0;
        r.targets[0].handle = 1;
    }),
    (Index, Insns, 9, |r| r.insns[9].a = 3),
    (Index, Insns, 9, |r| r.insns[9].b = 3),
    (Index, Insns, 10, |r| r.insns[10].a = 11),
    (Index, Insns, 10, |r| r.insns[10].b = 3),
    (Index, Insns, 11, |r| r.insns[11].b += 1),
    (Index, Insns, 11, |r| r.insns[11].b &= 0xffff),
    (Reserved, Insns, 11, |r| r.insns[11].field = REG[0]),
    (Reserved, Insns, 11, |r| r.insns[11].flags = 4),
    (Index, Insns, 13, |r| r.insns[13].flags = 4),
    (FIELD, Insns, 13, |r| r.insns[13].field = 5),
    (Index, Insns, 13, |r| r.insns[13].field = 4),
];

// Names that the types of the ABI have too.
const OPCODE: VerifyError = VerifyError::Opcode;
const FIELD: VerifyError = VerifyError::Field;

#[test]
fn the_program_that_the_cases_change_is_accepted() {
    assert_eq!(None, try_verify(good().build().bytes()).err());
}

#[test]
fn a_wrong_record_is_refused_where_it_is() {
    let mut wrong = Vec::new();
    for (table, cases) in [
        ("exprs", EXPRS),
        ("sets", SETS),
        ("statements", STATEMENTS),
        ("state", STATE),
        ("code", CODE),
    ] {
        for (case, (error, section, index, change)) in cases.iter().enumerate() {
            let mut records = good();
            change(&mut records);
            let expected = Refusal {
                error: *error,
                section: Some(*section),
                index: *index,
            };
            let found = try_verify(records.build().bytes()).err();
            if found != Some(expected) {
                wrong.push(format!("{table}, case {case}: {found:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_verdict_map_costs_what_its_dearest_target_costs() {
    let lookup = insn(Opcode::LookupVerdict, 0, 2, 0, 0);
    let verdict = insn(Opcode::Verdict, 0, 0, 0, NONE);
    let code = [lookup, verdict, count(0), end()];
    let mut records = Records::of(&[&code, &[end()], &[count(0), count(0), end()]]);
    let key = records.key(&[Field::IpSaddr]);
    records.set(SetKind::Verdict, key);
    records.lead_to(&[1, 2]);
    let steps = |records: &Records| {
        let image = records.build();
        try_verify(image.bytes()).expect("accepted").max_steps()
    };
    assert_eq!(1 + 3 + 2, steps(&records), "a jump, and what is behind it");
    records.targets.truncate(1);
    records.sets[0].target_count = 1;
    assert_eq!(
        4,
        steps(&records),
        "falling through costs more than a return"
    );
}

#[test]
fn a_program_looks_at_what_its_keys_statements_and_calculations_read() {
    let image = good().build();
    let fields = try_verify(image.bytes()).expect("accepted").fields();
    assert!(fields.contains(Field::IpSaddr));
    assert!(!fields.contains(Field::TcpDport));
    let mut records = good();
    records.keys[0].parts[0].field = Field::TcpDport as u8;
    records.statements[3].field = Field::IpTtl as u8;
    records.insns[10].a = 3;
    let image = records.build();
    let fields = try_verify(image.bytes()).expect("accepted").fields();
    assert!(fields.contains(Field::TcpDport) && fields.contains(Field::IpTtl));
}
