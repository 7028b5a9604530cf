// SPDX-License-Identifier: GPL-2.0
//! Counters of rules and policies: values that outlive the program that counts.
//!
//! A program counts into [`RuleCounters`], per CPU, from zero. What a reader is told is *base + sum*:
//! the base is what the counter had before this program came, or what the program says it begins
//! with. Bases belong to whoever holds the namespace's lock; packets never see them.
//!
//! - Replacing a program: when the last packet has left the old one, its values are final, and become
//!   the bases of counters of the same identity in the new one ([`Bases::carry_over`]). Nothing that the
//!   new program has counted meanwhile is touched, so nothing is lost or counted twice.
//! - Resetting: the base becomes *−sum* ([`Bases::reset`]). Nothing that another CPU adds to is written.
//!
//! All of this is modulo 2⁶⁴.

use core::iter::Peekable;

use ferrule_uapi::{
    ioctl::CounterValue,
    program::{Counter, COUNTER_INITIAL},
};
use kernel::prelude::*;

use crate::abstractions::percpu::{Lane, PerCpuCounters};

/// What a program counts: packets and bytes.
pub(crate) type RuleCounters = PerCpuCounters<2>;

/// This CPU's part of them.
pub(crate) type RuleLane<'a> = Lane<'a, 2>;

/// What a program's counters had before it counted, in their order.
pub(crate) struct Bases(KVVec<[u64; 2]>);

impl Bases {
    /// Zeros, for `len` counters.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        Ok(Bases(KVVec::zeroed(len, flags)?))
    }

    /// The values of all counters, in their order.
    fn values<'a>(&'a self, sums: &'a RuleCounters) -> impl Iterator<Item = [u64; 2]> + 'a {
        let bases = self.0.iter().enumerate();
        bases.map(|(index, base)| add(*base, sums.sum(index)))
    }

    /// The values of all counters, for a reader.
    pub(crate) fn read(&self, sums: &RuleCounters) -> Result<KVVec<CounterValue>> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let mut values = KVVec::with_capacity(self.0.len(), flags)?;
        for [packets, bytes] in self.values(sums) {
            values.push(CounterValue { packets, bytes }, flags)?;
        }
        Ok(values)
    }

    /// Makes all values zero.
    pub(crate) fn reset(&mut self, sums: &RuleCounters) {
        for (index, base) in self.0.iter_mut().enumerate() {
            *base = sums.sum(index).map(u64::wrapping_neg);
        }
    }

    /// Makes the values of one counter zero, and returns what they were.
    pub(crate) fn reset_one(&mut self, sums: &RuleCounters, index: usize) -> Option<[u64; 2]> {
        let base = self.0.get_mut(index)?;
        let sum = sums.sum(index);
        let value = add(*base, sum);
        *base = sum.map(u64::wrapping_neg);
        Some(value)
    }

    /// What the counters of a program begin with, if nothing comes before it.
    pub(crate) fn initial(counters: &[Counter]) -> Result<Self> {
        let mut bases = Self::new(counters.len())?;
        for (base, counter) in bases.0.iter_mut().zip(counters) {
            *base = [counter.packets, counter.bytes];
        }
        Ok(bases)
    }

    /// Lets the counters of a new program, `new`, go on where those of the old one ended. Both are in the
    /// order of identity, as the verifier has seen to. `old` is no longer counted into.
    pub(crate) fn carry_over(&mut self, new: &[Counter], old: &[Counter], values: Final<'_>) {
        let mut ended = old.iter().zip(values.bases.values(values.sums)).peekable();
        for (base, counter) in self.0.iter_mut().zip(new) {
            let before = find(&mut ended, counter.identity);
            *base = if counter.flags & COUNTER_INITIAL != 0 {
                [counter.packets, counter.bytes]
            } else {
                before.unwrap_or_default()
            };
        }
    }
}

/// What the counters of a program ended with.
#[derive(Clone, Copy)]
pub(crate) struct Final<'a> {
    /// Their bases.
    pub(crate) bases: &'a Bases,
    /// What was counted.
    pub(crate) sums: &'a RuleCounters,
}

/// Goes on in `counters` to `identity`, and past it; its value, if it is there.
fn find<'a>(
    counters: &mut Peekable<impl Iterator<Item = (&'a Counter, [u64; 2])>>,
    identity: u64,
) -> Option<[u64; 2]> {
    while counters
        .next_if(|(counter, _)| counter.identity < identity)
        .is_some()
    {}
    let found = counters.next_if(|(counter, _)| counter.identity == identity);
    found.map(|(_, value)| value)
}

/// The sums of two counters, number by number.
pub(crate) fn add<const N: usize>(mut a: [u64; N], b: [u64; N]) -> [u64; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = a.wrapping_add(b);
    }
    a
}
