// SPDX-License-Identifier: GPL-2.0
//! State records: limits, quotas, `last`, limits of connections, and what elements have of them.

use ferrule_uapi::{
    ioctl::StateValue,
    statement::{State, StateKind, STATE_BYTES, STATE_INITIAL, STATE_INVERT},
};

use crate::ruleset::statement::StateSpec;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The record of `spec`, under `identity`. `flags` say who owns it; `fresh`, that it begins with what the
/// text says and not with what it had.
pub(super) fn record(spec: &StateSpec, identity: u64, owner: u32, flags: u8, fresh: bool) -> State {
    let (kind, own, [a, b, c]) = parts(spec);
    let initial = match spec {
        StateSpec::Quota(quota) => quota.used > 0,
        StateSpec::Last(used) => used.is_some(),
        _ => false,
    };
    let initial = if initial && fresh { STATE_INITIAL } else { 0 };
    State {
        identity,
        kind: kind as u8,
        flags: flags | own | initial,
        owner,
        a,
        b,
        c,
        ..State::default()
    }
}

/// Kind, flags and numbers.
fn parts(spec: &StateSpec) -> (StateKind, u8, [u64; 3]) {
    let invert = |over| if over { STATE_INVERT } else { 0 };
    match spec {
        StateSpec::Counter(counts) => (StateKind::Counter, 0, [counts.packets, counts.bytes, 0]),
        StateSpec::Limit(limit) => {
            let bytes = if limit.bytes { STATE_BYTES } else { 0 };
            let period = limit.unit.saturating_mul(NANOS_PER_SECOND);
            let flags = invert(limit.over) | bytes;
            (StateKind::Limit, flags, [limit.rate, period, limit.burst])
        }
        StateSpec::Quota(quota) => {
            let numbers = [quota.bytes, quota.used, 0];
            (StateKind::Quota, invert(quota.over), numbers)
        }
        StateSpec::Last(used) => {
            let numbers = [u64::from(used.is_some()), used.unwrap_or_default(), 0];
            (StateKind::Last, 0, numbers)
        }
        StateSpec::Connections { over, count } => {
            let numbers = [u64::from(*count), 0, 0];
            (StateKind::Connections, invert(*over), numbers)
        }
    }
}

/// What the state of an element begins with, as a batch says it. A limit is full.
pub(super) fn value(spec: &StateSpec) -> StateValue {
    let (a, b) = match spec {
        StateSpec::Counter(counts) => (counts.packets, counts.bytes),
        StateSpec::Limit(_) => (u64::MAX, 0),
        StateSpec::Quota(quota) => (quota.used, 0),
        StateSpec::Last(used) => (u64::from(used.is_some()), used.unwrap_or_default()),
        StateSpec::Connections { .. } => (0, 0),
    };
    StateValue { a, b }
}
