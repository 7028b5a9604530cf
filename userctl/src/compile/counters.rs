// SPDX-License-Identifier: GPL-2.0
//! Counters: who has one, and in which order they stand.
//!
//! While rules are lowered, counters are numbered as they come. The program wants them by identity:
//! [`Counters::finish`] sorts them and says where each went.

use ferrule_uapi::program::{Counter, COUNTER_IMPLICIT, COUNTER_INITIAL, COUNTER_POLICY};

use crate::ruleset::Counts;

/// Last byte of the identity of what a rule without a counter drops.
const IMPLICIT: u64 = 0xff;

/// Last byte of the identity of what a policy drops.
const POLICY: u64 = 0xfe;

/// Counters as they come.
#[derive(Default)]
pub(super) struct Counters {
    list: Vec<Counter>,
}

impl Counters {
    /// The `n`th `counter` of the rule with this handle, number `rule` of the program. `initial` is
    /// what it begins with, if not with what it had before.
    pub(super) fn statement(
        &mut self,
        rule: u32,
        handle: u64,
        n: u64,
        initial: Option<Counts>,
    ) -> u32 {
        let counts = initial.unwrap_or_default();
        self.push(Counter {
            identity: super::identity(handle, n),
            packets: counts.packets,
            bytes: counts.bytes,
            owner: rule,
            flags: if initial.is_some() {
                COUNTER_INITIAL
            } else {
                0
            },
        })
    }

    /// What the rule drops.
    pub(super) fn drops(&mut self, rule: u32, handle: u64) -> u32 {
        self.push(Counter {
            identity: super::identity(handle, IMPLICIT),
            owner: rule,
            flags: COUNTER_IMPLICIT,
            ..Counter::default()
        })
    }

    /// What the policy of base chain number `base` drops, whose chain has this handle.
    pub(super) fn policy(&mut self, base: u32, handle: u64) -> u32 {
        self.push(Counter {
            identity: super::identity(handle, POLICY),
            owner: base,
            flags: COUNTER_IMPLICIT | COUNTER_POLICY,
            ..Counter::default()
        })
    }

    fn push(&mut self, counter: Counter) -> u32 {
        self.list.push(counter);
        self.list.len() as u32 - 1
    }

    /// The counters by identity, and for each number that was given out its place there.
    pub(super) fn finish(self) -> (Vec<Counter>, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.list.len() as u32).collect();
        order.sort_by_key(|number| self.list[*number as usize].identity);
        let mut places = vec![0; order.len()];
        for (place, number) in order.iter().enumerate() {
            places[*number as usize] = place as u32;
        }
        let sorted = order.iter().map(|number| self.list[*number as usize]);
        (sorted.collect(), places)
    }
}
