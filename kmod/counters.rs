// SPDX-License-Identifier: GPL-2.0
//! Counters of rules and policies: values that outlive the program that counts.
//!
//! A program counts into [`RuleCounters`], per CPU, from zero. What a reader is told is the sum of what all
//! CPUs have. Whoever holds the namespace's lock changes values by adding to what its own CPU has, as a packet
//! would: nothing that another CPU adds to is written, so nothing is lost or counted twice.
//!
//! - Beginning with something: it is added before the program is published ([`begin`]).
//! - Replacing a program: when the last packet has left the old one, its values are final, and are
//!   added to the counters of the same identity in the new one ([`carry_over`]), whatever those have counted
//!   meanwhile.
//! - Resetting: the sum is taken off ([`reset`]).
//!
//! All of this is modulo 2⁶⁴.

use core::iter::Peekable;

use ferrule_engine::View;
use ferrule_uapi::{
    ioctl::CounterValue,
    program::{Counter, COUNTER_INITIAL},
};
use kernel::prelude::*;

use crate::abstractions::{bottom_half::BottomHalvesOff, percpu::PerCpuCounters};

/// What a program counts: packets and bytes.
pub(crate) type RuleCounters = PerCpuCounters<2>;

/// Adds to the values of one counter.
fn add_to(counters: &RuleCounters, index: usize, amounts: [u64; 2]) {
    let here = BottomHalvesOff::new();
    counters.here(&here).add(index, amounts);
}

/// The values of all `len` counters, for a reader.
pub(crate) fn read(counters: &RuleCounters, len: usize) -> Result<KVVec<CounterValue>> {
    let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
    let mut values = KVVec::with_capacity(len, flags)?;
    for index in 0..len {
        let [packets, bytes] = counters.sum(index);
        values.push(CounterValue { packets, bytes }, flags)?;
    }
    Ok(values)
}

/// Makes all `len` values zero.
pub(crate) fn reset(counters: &RuleCounters, len: usize) {
    for index in 0..len {
        reset_one(counters, index);
    }
}

/// Makes the values of one counter zero, and returns what they were.
pub(crate) fn reset_one(counters: &RuleCounters, index: usize) -> [u64; 2] {
    let values = counters.sum(index);
    if values != [0, 0] {
        add_to(counters, index, values.map(u64::wrapping_neg));
    }
    values
}

/// Lets counters that nobody has counted into begin with what the program says.
pub(crate) fn begin(counters: &RuleCounters, view: &View<'_>) {
    for initial in view.initials() {
        let amounts = [initial.packets, initial.bytes];
        add_to(counters, initial.counter as usize, amounts);
    }
}

/// Counters of a program and what they have counted.
#[derive(Clone, Copy)]
pub(crate) struct Counted<'a> {
    /// The program's, in the order of identity, as the verifier has seen to.
    pub(crate) counters: &'a [Counter],
    /// Their values.
    pub(crate) values: &'a RuleCounters,
}

/// Lets the counters of a new program go on where those of the old one ended, which is no longer counted into.
pub(crate) fn carry_over(new: Counted<'_>, old: Counted<'_>) {
    let mut ended = old.counters.iter().enumerate().peekable();
    for (index, counter) in new.counters.iter().enumerate() {
        let Some(before) = find(&mut ended, counter.identity) else {
            continue;
        };
        let values = old.values.sum(before);
        if values != [0, 0] && counter.flags & COUNTER_INITIAL == 0 {
            add_to(new.values, index, values);
        }
    }
}

/// Goes on in `counters` to `identity`, and past it; its index, if it is there.
fn find<'a>(
    counters: &mut Peekable<impl Iterator<Item = (usize, &'a Counter)>>,
    identity: u64,
) -> Option<usize> {
    while counters
        .next_if(|(_, counter)| counter.identity < identity)
        .is_some()
    {}
    let found = counters.next_if(|(_, counter)| counter.identity == identity);
    found.map(|(index, _)| index)
}

/// The sums of two counters, number by number.
pub(crate) fn add<const N: usize>(mut a: [u64; N], b: [u64; N]) -> [u64; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = a.wrapping_add(b);
    }
    a
}
