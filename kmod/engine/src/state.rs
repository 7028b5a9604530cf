// SPDX-License-Identifier: GPL-2.0
//! The arithmetic of state: limits, quotas, `last`, counters, running numbers.
//!
//! Where state lies and how it is kept from being written twice at once is the affair of whoever keeps it
//! (the driver, the host). What is kept is two numbers, a [`Cell`]; what they become is worked out here, for
//! both, exactly as `nft_limit.c`, `nft_quota.c`, `nft_last.c` and `nft_numgen.c` of Linux 7.3 do.
//!
//! | kind | `a` | `b` |
//! | --- | --- | --- |
//! | limit | tokens left, in nanoseconds | when that was, in nanoseconds |
//! | quota | bytes used | 0 |
//! | last | 1 if ever | when, in nanoseconds |
//! | connections | how many (for readers only) | 0 |
//! | counter | packets | bytes |
//! | number | the next one | 0 |
//!
//! "When" is a clock that never goes back (`ktime_get_ns`), the same for all calls.

use ferrule_uapi::{
    ioctl::StateValue,
    statement::{State, StateKind, STATE_BYTES, STATE_INVERT},
};

/// The two numbers of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// See the table in the module's docs.
    pub a: u64,
    /// See the table in the module's docs.
    pub b: u64,
}

/// `NFT_LIMIT_PKT_BURST_DEFAULT`: the burst of a limit of packets that says none.
const DEFAULT_BURST: u64 = 5;

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// What a new state begins with, at the time `now`.
pub fn begin(state: &State, now: u64) -> Cell {
    match StateKind::from_raw(state.kind) {
        Some(StateKind::Limit) => Cell {
            a: bucket(state).unwrap_or(0),
            b: now,
        },
        Some(StateKind::Quota) => Cell { a: state.b, b: 0 },
        Some(StateKind::Last) if state.a != 0 => Cell {
            a: 1,
            b: now.saturating_sub(state.b.saturating_mul(MILLISECOND)),
        },
        Some(StateKind::Counter) => Cell {
            a: state.a,
            b: state.b,
        },
        _ => Cell::default(),
    }
}

/// What `cell` becomes when a packet of `len` bytes comes at `now`, and whether the packet may go on.
///
/// A limit of connections says yes here, and changes nothing: see [`connections`]. A number does too:
/// see [`number`].
pub fn ask(state: &State, cell: Cell, len: u32, now: u64) -> (Cell, bool) {
    match StateKind::from_raw(state.kind) {
        Some(StateKind::Limit) => limit(state, cell, len, now),
        Some(StateKind::Quota) => {
            let used = cell.a.wrapping_add(len.into());
            let over = used > state.a;
            (Cell { a: used, b: 0 }, over == inverted(state))
        }
        Some(StateKind::Last) => (Cell { a: 1, b: now }, true),
        Some(StateKind::Counter) => {
            let counted = Cell {
                a: cell.a.wrapping_add(1),
                b: cell.b.wrapping_add(len.into()),
            };
            (counted, true)
        }
        _ => (cell, true),
    }
}

/// Whether a limit of connections lets a packet on whose key has `count` of them, its own included.
pub fn connections(state: &State, count: u32) -> bool {
    let over = u64::from(count) > state.a;
    over == inverted(state)
}

/// The number whose turn it is, below `modulus`, and the cell after it.
pub fn number(cell: Cell, modulus: u32) -> (Cell, u32) {
    let now = u32::try_from(cell.a).unwrap_or(0);
    let now = if now < modulus { now } else { 0 };
    let next = now.wrapping_add(1);
    let next = if next < modulus { next } else { 0 };
    let cell = Cell {
        a: next.into(),
        b: 0,
    };
    (cell, now)
}

/// What readers are told of `cell` at `now`: see [`StateValue`].
pub fn value(state: &State, cell: Cell, now: u64) -> StateValue {
    let (a, b) = match StateKind::from_raw(state.kind) {
        Some(StateKind::Limit) => (cell.a, 0),
        Some(StateKind::Last) if cell.a != 0 => {
            let since = now.saturating_sub(cell.b);
            (1, since.checked_div(MILLISECOND).unwrap_or(0))
        }
        Some(StateKind::Last) => (0, 0),
        _ => (cell.a, cell.b),
    };
    StateValue { a, b }
}

/// The cell for which [`value`] says `value` at `now`: how elements bring their states along.
pub fn restore(state: &State, value: StateValue, now: u64) -> Cell {
    match StateKind::from_raw(state.kind) {
        Some(StateKind::Limit) => Cell {
            a: value.a.min(bucket(state).unwrap_or(0)),
            b: now,
        },
        Some(StateKind::Last) if value.a != 0 => Cell {
            a: 1,
            b: now.saturating_sub(value.b.saturating_mul(MILLISECOND)),
        },
        Some(StateKind::Last) => Cell::default(),
        _ => Cell {
            a: value.a,
            b: value.b,
        },
    }
}

/// What `reset` leaves: counters, quotas and `last` begin anew; what is a running affair goes on.
pub fn reset(state: &State, cell: Cell) -> Cell {
    match StateKind::from_raw(state.kind) {
        Some(StateKind::Quota | StateKind::Last | StateKind::Counter) => Cell::default(),
        _ => cell,
    }
}

/// `nft_limit_eval()`: a bucket of time that fills by itself, and from which each packet takes what it
/// costs.
fn limit(state: &State, cell: Cell, len: u32, now: u64) -> (Cell, bool) {
    let Some(bucket) = bucket(state) else {
        return (cell, false);
    };
    let filled = cell.a.wrapping_add(now.wrapping_sub(cell.b));
    let tokens = filled.min(bucket);
    let rest = tokens.wrapping_sub(cost(state, len));
    // As the kernel has it: the difference is looked at as a signed number.
    let enough = (rest as i64) >= 0;
    let cell = Cell {
        a: if enough { rest } else { tokens },
        b: now,
    };
    (cell, enough != inverted(state))
}

/// What a packet of `len` bytes costs, in nanoseconds.
fn cost(state: &State, len: u32) -> u64 {
    let time = match is_bytes(state) {
        true => state.b.wrapping_mul(len.into()),
        false => state.b,
    };
    time.checked_div(state.a).unwrap_or(u64::MAX)
}

/// How much the bucket of a limit holds, in nanoseconds; `None` for what nftables refuses
/// (`nft_limit_init()`): no rate, or numbers that overflow.
pub fn bucket(state: &State) -> Option<u64> {
    let (rate, time) = (state.a, state.b);
    let burst = match state.c {
        0 if !is_bytes(state) => DEFAULT_BURST,
        burst => burst,
    };
    let both = rate.checked_add(burst)?;
    if is_bytes(state) {
        time.checked_mul(both)?.checked_div(rate)
    } else {
        time.checked_div(rate)?.checked_mul(burst)
    }
}

/// Whether the limit is one of bytes.
fn is_bytes(state: &State) -> bool {
    state.flags & STATE_BYTES != 0
}

/// Whether the state says no where it would say yes (`over`).
fn inverted(state: &State) -> bool {
    state.flags & STATE_INVERT != 0
}
