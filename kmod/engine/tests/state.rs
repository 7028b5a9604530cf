// SPDX-License-Identifier: GPL-2.0
//! Limits, quotas and their kin, in numbers worked out by hand from Linux's own formulas.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use ferrule_engine::state::{ask, begin, connections, number, reset, restore, value, Cell};
use ferrule_uapi::{
    ioctl::StateValue,
    statement::{State, StateKind, STATE_BYTES, STATE_INVERT},
};

const SECOND: u64 = 1_000_000_000;

fn state(kind: StateKind, flags: u8, [a, b, c]: [u64; 3]) -> State {
    State {
        kind: kind as u8,
        flags,
        a,
        b,
        c,
        ..State::default()
    }
}

/// What a state says to packets of these lengths at these times.
fn answers(state: &State, packets: &[(u64, u32)]) -> Vec<bool> {
    let mut cell = begin(state, 0);
    let ask = |(now, len): &(u64, u32)| {
        let (next, yes) = ask(state, cell, *len, *now);
        cell = next;
        yes
    };
    packets.iter().map(ask).collect()
}

#[test]
fn a_limit_of_packets_lets_the_burst_through_and_then_the_rate() {
    let limit = state(StateKind::Limit, 0, [10, SECOND, 2]);
    let tenth = SECOND / 10;
    let packets = [
        (0, 1),
        (0, 1),
        (0, 1),
        (tenth - 1, 1),
        (tenth, 1),
        (tenth, 1),
    ];
    let expected = [true, true, false, false, true, false];
    assert_eq!(expected.as_slice(), answers(&limit, &packets));
}

#[test]
fn a_limit_of_packets_without_a_burst_has_one_of_five() {
    let limit = state(StateKind::Limit, 0, [1, SECOND, 0]);
    let yes = answers(&limit, &[(0, 1); 7]);
    assert_eq!(5, yes.iter().filter(|yes| **yes).count());
}

#[test]
fn a_limit_of_bytes_holds_a_unit_and_the_burst() {
    // 1000 bytes a second, burst 500: 1500 bytes at once.
    let limit = state(StateKind::Limit, STATE_BYTES, [1000, SECOND, 500]);
    let packets = [(0, 1000), (0, 501), (0, 500), (0, 1), (SECOND / 1000, 1)];
    let expected = [true, false, true, false, true];
    assert_eq!(expected.as_slice(), answers(&limit, &packets));
}

#[test]
fn over_says_the_opposite_of_a_limit_a_quota_and_a_limit_of_connections() {
    for (kind, numbers) in [
        (StateKind::Limit, [1, SECOND, 1]),
        (StateKind::Quota, [150, 0, 0]),
    ] {
        let packets = [(0, 100), (0, 100)];
        let plain = answers(&state(kind, 0, numbers), &packets);
        let over = answers(&state(kind, STATE_INVERT, numbers), &packets);
        assert_eq!((vec![true, false], vec![false, true]), (plain, over));
    }
    let of = |flags| state(StateKind::Connections, flags, [2, 0, 0]);
    assert!(connections(&of(0), 2) && !connections(&of(0), 3));
    assert!(!connections(&of(STATE_INVERT), 2) && connections(&of(STATE_INVERT), 3));
}

#[test]
fn a_quota_is_used_up_when_more_than_it_came() {
    let quota = state(StateKind::Quota, 0, [100, 40, 0]);
    let expected = [true, true, false];
    assert_eq!(
        expected.as_slice(),
        answers(&quota, &[(0, 59), (0, 1), (0, 1)])
    );
}

#[test]
fn last_says_how_long_ago_a_packet_came() {
    let last = state(StateKind::Last, 0, [0; 3]);
    let unseen = begin(&last, SECOND);
    assert_eq!(StateValue { a: 0, b: 0 }, value(&last, unseen, 9 * SECOND));
    let (seen, _) = ask(&last, unseen, 1, 2 * SECOND);
    assert_eq!(
        StateValue { a: 1, b: 1500 },
        value(&last, seen, 3_500_000_000)
    );
    let restored = restore(&last, StateValue { a: 1, b: 1500 }, 9 * SECOND);
    assert_eq!(1500, value(&last, restored, 9 * SECOND).b);
}

#[test]
fn a_counter_counts_packets_and_bytes_and_a_reset_makes_them_zero() {
    let counter = state(StateKind::Counter, 0, [1, 20, 0]);
    let (cell, yes) = ask(&counter, begin(&counter, 0), 80, 0);
    assert_eq!((Cell { a: 2, b: 100 }, true), (cell, yes));
    assert_eq!(Cell::default(), reset(&counter, cell));
}

#[test]
fn numbers_go_round() {
    let mut cell = Cell::default();
    let mut next = || {
        let (after, now) = number(cell, 3);
        cell = after;
        now
    };
    assert_eq!([0, 1, 2, 0], [next(), next(), next(), next()]);
}
