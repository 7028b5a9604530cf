// SPDX-License-Identifier: GPL-2.0
//! Counters: who has one, and under which identity.

use ferrule_uapi::program::{
    Counter, COUNTER_IMPLICIT, COUNTER_INITIAL, COUNTER_OBJECT, COUNTER_POLICY,
};

use crate::ruleset::Counts;

/// A counter, and what it begins with, if not with what it had before.
pub(super) struct Counted {
    pub(super) record: Counter,
    pub(super) initial: Option<Counts>,
}

/// Last byte of the identity of what a rule without a counter drops.
const IMPLICIT: u64 = 0xff;

/// Last byte of the identity of what a policy drops.
const POLICY: u64 = 0xfe;

/// The `n`th `counter` of the rule with this handle, number `rule` of the program. `initial` is what it
/// begins with, if not with what it had before.
pub(super) fn statement(rule: u32, handle: u64, n: u64, initial: Option<Counts>) -> Counted {
    with(super::identity(handle, n), rule, 0, initial)
}

/// The counter of an object, by its number.
pub(super) fn object(object: u32, handle: u64, initial: Option<Counts>) -> Counted {
    with(super::identity(handle, 0), object, COUNTER_OBJECT, initial)
}

/// What the rule drops.
pub(super) fn drops(rule: u32, handle: u64) -> Counted {
    with(
        super::identity(handle, IMPLICIT),
        rule,
        COUNTER_IMPLICIT,
        None,
    )
}

/// What the policy of base chain number `base` drops, whose chain has this handle.
pub(super) fn policy(base: u32, handle: u64) -> Counted {
    let flags = COUNTER_IMPLICIT | COUNTER_POLICY;
    with(super::identity(handle, POLICY), base, flags, None)
}

fn with(identity: u64, owner: u32, flags: u32, initial: Option<Counts>) -> Counted {
    let begins = initial.map_or(0, |_| COUNTER_INITIAL);
    Counted {
        record: Counter {
            identity,
            owner,
            flags: flags | begins,
        },
        initial,
    }
}
