// SPDX-License-Identifier: GPL-2.0
//! Batches: what is in them, and every reason to refuse one that shows before it is applied.

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

use ferrule_engine::{Batch as Checked, BatchRefusal};
use ferrule_uapi::{
    error::VerifyError::{self, *},
    field::Field,
    ioctl::StateValue,
    set::{
        BatchHeader, ElementVerdict, SetKind, SetOp, SetOpKind, BATCH_MAGIC, CARRIES_COMMENT,
        CARRIES_DATA, CARRIES_END, CARRIES_EXPIRES, CARRIES_FLAGS, CARRIES_STATES, CARRIES_TIMEOUT,
        CARRIES_VERDICT, ELEMENT_CATCHALL, SET_CONSTANT, SET_INTERVAL, SET_OP_EXCLUSIVE,
        SET_OP_LENIENT, SET_TIMEOUT,
    },
    statement::{Object, ObjectKind, State, StateKind, STATE_TEMPLATE},
    ABI_VERSION,
};
use support::{program::*, verified};
use zerocopy::IntoBytes;

/// Sets 1 to 4: an interval set with timeouts and counters, a map, a verdict map that leads to chain 2, a
/// map of counters.
fn program() -> Image {
    let mut records = Records::of(&[&[end()], &[end()]]);
    records.strings = b"s".to_vec();
    let key = records.key(&[Field::IpSaddr]);
    for kind in [SetKind::Set, SetKind::Map, SetKind::Verdict] {
        records.set(kind, key);
    }
    records.lead_to(&[1]);
    records.set(SetKind::Object, key);
    records.sets[3].object = ObjectKind::Counter as u8;
    for set in &mut records.sets {
        set.name = text(0, 1);
        set.flags = 0;
    }
    records.sets[0].flags = SET_INTERVAL | SET_TIMEOUT;
    records.sets[0].state_count = 1;
    records.sets[1].flags = SET_CONSTANT;
    records.states.push(State {
        identity: 1,
        kind: StateKind::Counter as u8,
        flags: STATE_TEMPLATE,
        ..State::default()
    });
    for (identity, kind) in [(7, ObjectKind::Counter), (8, ObjectKind::CtHelper)] {
        records.objects.push(Object {
            identity,
            kind: kind as u8,
            family: 1,
            ..Object::default()
        });
    }
    records.build()
}

/// One op with its elements and strings.
#[derive(Clone)]
struct Raw {
    op: SetOp,
    elements: Vec<u8>,
    strings: Vec<u8>,
}

/// An op on set `set` with one element, made of these pieces.
fn op(set: u64, kind: SetOpKind, carries: u32, element: &[&[u8]]) -> Raw {
    let elements = element.concat();
    Raw {
        op: SetOp {
            set,
            kind: kind as u8,
            carries,
            count: 1,
            stride: elements.len() as u32,
            ..SetOp::default()
        },
        elements,
        strings: Vec::new(),
    }
}

fn batch(ops: &[Raw]) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<BatchHeader>()];
    for raw in ops {
        let op = SetOp {
            strings: raw.strings.len() as u32,
            ..raw.op
        };
        bytes.extend(op.as_bytes());
        bytes.extend(&raw.elements);
        bytes.extend(&raw.strings);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    let header = BatchHeader {
        magic: BATCH_MAGIC,
        version: ABI_VERSION,
        size: bytes.len() as u64,
        ops: ops.len() as u32,
        reserved: 0,
    };
    bytes[..size_of::<BatchHeader>()].copy_from_slice(header.as_bytes());
    bytes
}

fn check(bytes: &[u8], live: bool) -> Option<BatchRefusal> {
    let image = program();
    let program = verified(&image);
    Checked::check(bytes, program.view(), live).err()
}

/// An element with everything that an interval set's can carry.
fn full() -> Raw {
    let carries = CARRIES_END
        | CARRIES_FLAGS
        | CARRIES_TIMEOUT
        | CARRIES_EXPIRES
        | CARRIES_COMMENT
        | CARRIES_STATES;
    let state = StateValue { a: 3, b: 4 };
    let element: [&[u8]; 7] = [
        &[10, 0, 0, 0],
        &[10, 0, 0, 9],
        &2_u32.to_ne_bytes(),
        &5000_u64.to_ne_bytes(),
        &4000_u64.to_ne_bytes(),
        &[1_u32.to_ne_bytes(), 2_u32.to_ne_bytes()].concat(),
        state.as_bytes(),
    ];
    Raw {
        strings: b"abc".to_vec(),
        ..op(1, SetOpKind::Add, carries, &element)
    }
}

const KEY: &[u8] = &[10, 1, 2, 3];

#[test]
fn a_batch_gives_back_what_was_put_into_it() {
    let data = op(2, SetOpKind::Add, CARRIES_DATA, &[KEY, &[0, 0, 0, 5]]);
    let jump = (ElementVerdict::Jump as u32).to_ne_bytes();
    let chain = 2_u64.to_ne_bytes();
    let verdict = op(3, SetOpKind::Add, CARRIES_VERDICT, &[KEY, &jump, &chain]);
    let bytes = batch(&[full(), data, verdict]);
    let image = program();
    let program = verified(&image);
    let batch = Checked::check(&bytes, program.view(), false).expect("accepted");
    let ops: Vec<_> = batch.ops().collect();
    assert_eq!([0, 1, 2], [ops[0].index, ops[1].index, ops[2].index]);
    let element = |op: usize| ops[op].elements().next().expect("there is one");
    let full = element(0);
    assert_eq!(
        (&[10, 0, 0, 0][..], &[10, 0, 0, 9][..]),
        (full.key, full.end)
    );
    assert!(full.is_static && !full.catchall);
    assert_eq!((Some(5000), Some(4000)), (full.timeout, full.expires));
    assert_eq!(b"bc", full.comment);
    assert_eq!(Some(StateValue { a: 3, b: 4 }), full.state(0));
    assert_eq!(None, full.state(1));
    let mapped = element(1);
    assert_eq!((KEY, KEY), (mapped.key, mapped.end));
    assert_eq!((&[0, 0, 0, 5][..], None), (mapped.data, mapped.timeout));
    assert_eq!(Some((ElementVerdict::Jump, 2)), element(2).verdict);
}

/// What is changed of a batch of one op that carries everything.
type Case = (VerifyError, fn(&mut Raw));

const CASES: &[Case] = &[
    (Batch, |r| r.op.set = 9),
    (Batch, |r| r.op.kind = 0),
    (Batch, |r| r.op.stride += 4),
    (Batch, |r| r.op.count = 2),
    (Reserved, |r| r.op.reserved = 1),
    (Reserved, |r| r.op.reserved2 = 1),
    (Reserved, |r| r.op.flags = SET_OP_LENIENT),
    (Reserved, |r| r.op.carries |= 256),
    (Reserved, |r| r.op.kind = SetOpKind::Delete as u8),
    (Reserved, |r| r.op.kind = SetOpKind::Clear as u8),
    (TooMany, |r| r.op.count = u32::MAX),
    (Element, |r| r.elements[3] = 10),
    (Reserved, |r| r.elements[8] = 4),
    (Reserved, |r| r.elements[8] = ELEMENT_CATCHALL as u8),
    (Element, |r| r.elements[22] = 1),
    (Index, |r| r.strings = b"ab".to_vec()),
];

#[test]
fn a_wrong_batch_is_refused() {
    assert_eq!(None, check(&batch(&[full()]), true));
    for (case, (error, change)) in CASES.iter().enumerate() {
        let mut raw = full();
        change(&mut raw);
        let found = check(&batch(&[raw]), false);
        assert_eq!(Some(*error), found.map(|r| r.error), "case {case}");
    }
}

#[test]
fn an_element_must_fit_its_set() {
    let add = SetOpKind::Add;
    let verdict = |verdict: u32, handle: u64| {
        let rest = [&verdict.to_ne_bytes()[..], &handle.to_ne_bytes()].concat();
        op(3, add, CARRIES_VERDICT, &[KEY, &rest])
    };
    let object = |identity: u64| op(4, add, CARRIES_DATA, &[KEY, &identity.to_ne_bytes()]);
    for (raw, expected) in [
        (op(2, add, 0, &[KEY]), Some(Element)),
        (op(2, SetOpKind::Delete, 0, &[KEY]), None),
        (op(1, add, CARRIES_DATA, &[KEY]), Some(Element)),
        (
            op(2, add, CARRIES_DATA | CARRIES_END, &[KEY, KEY, KEY]),
            Some(Element),
        ),
        (op(3, add, 0, &[KEY]), Some(Element)),
        (verdict(1, 0), None),
        (verdict(1, 2), Some(Element)),
        (verdict(4, 2), None),
        (verdict(5, 1), Some(Element)),
        (verdict(6, 0), Some(Element)),
        (object(7), None),
        (object(8), Some(Element)),
        (object(9), Some(Element)),
    ] {
        let found = check(&batch(std::slice::from_ref(&raw)), false);
        assert_eq!(expected, found.map(|r| r.error), "{:?}", raw.op);
    }
}

#[test]
fn the_refusal_says_which_element_of_which_op() {
    let mut raw = op(1, SetOpKind::Add, CARRIES_END, &[KEY, KEY, KEY, &[0; 4]]);
    raw.op.count = 2;
    raw.op.stride = 8;
    raw.op.flags = SET_OP_EXCLUSIVE;
    let found = check(&batch(&[full(), raw]), false);
    let expected = BatchRefusal {
        error: Element,
        op: 1,
        element: 1,
    };
    assert_eq!(Some(expected), found);
}

#[test]
fn a_constant_set_is_changed_with_its_program_only() {
    let bytes = batch(&[op(2, SetOpKind::Delete, 0, &[KEY])]);
    assert_eq!(None, check(&bytes, false));
    assert_eq!(Some(Constant), check(&bytes, true).map(|r| r.error));
}

#[test]
fn a_batch_that_is_cut_off_or_has_something_behind_it_is_refused() {
    let bytes = batch(&[full(), full()]);
    for len in 0..bytes.len() {
        assert!(check(&bytes[..len], false).is_some(), "{len}");
        let mut cut = bytes[..len].to_vec();
        if len >= size_of::<BatchHeader>() {
            cut[8..16].copy_from_slice(&(len as u64).to_ne_bytes());
            // Zeros up to the next multiple of eight may be missing at the end.
            let padding = bytes.len() - len < 8 && bytes[len..].iter().all(|byte| *byte == 0);
            let whole = padding && len >= bytes.len() - 1;
            assert_eq!(whole, check(&cut, false).is_none(), "{len}");
        }
    }
    let mut longer = [bytes.as_slice(), &[0; 8]].concat();
    let len = longer.len() as u64;
    longer[8..16].copy_from_slice(&len.to_ne_bytes());
    assert_eq!(Some(Batch), check(&longer, false).map(|r| r.error));
}

#[test]
fn whatever_bytes_come_the_check_answers() {
    let good = batch(&[full()]);
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..rng.u32(1..4) {
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u32(..8);
        }
        let image = program();
        let program = verified(&image);
        if let Ok(batch) = Checked::check(&bytes, program.view(), false) {
            for op in batch.ops() {
                assert_eq!(op.count as usize, op.elements().count());
            }
        }
    }
}
