// SPDX-License-Identifier: GPL-2.0
//! Sorting, in place and without a way to panic.
//!
//! The sorts of `core` panic if an order contradicts itself. This is heapsort, as in the kernel's
//! `lib/sort.c`; what is in order already, as compilers and listings have it, is left alone.

use core::{cmp::Ordering, mem};

/// Sorts `items`. Equal ones may change places.
pub(crate) fn sort<T>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    let ascends = |pair: &[T]| match pair {
        [a, b] => order(a, b) != Ordering::Greater,
        _ => true,
    };
    if items.windows(2).all(ascends) {
        return;
    }
    let len = items.len();
    for start in (0..len.div_ceil(2)).rev() {
        sift(items, start, &order);
    }
    for end in (1..len).rev() {
        swap(items, 0, end);
        if let Some(heap) = items.get_mut(..end) {
            sift(heap, 0, &order);
        }
    }
}

/// Lets the item at `at` sink until none below it is greater.
fn sift<T>(heap: &mut [T], mut at: usize, order: &impl Fn(&T, &T) -> Ordering) {
    loop {
        let left = at.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        let greater = |a: usize, b: usize| match (heap.get(a), heap.get(b)) {
            (Some(a), Some(b)) => order(a, b) == Ordering::Greater,
            _ => false,
        };
        let child = if greater(right, left) { right } else { left };
        if !greater(child, at) {
            return;
        }
        swap(heap, at, child);
        at = child;
    }
}

/// Exchanges two items, the first of which comes first.
fn swap<T>(items: &mut [T], first: usize, second: usize) {
    if let Some((before, after)) = items.split_at_mut_checked(second) {
        if let (Some(a), Some(b)) = (before.get_mut(first), after.first_mut()) {
            mem::swap(a, b);
        }
    }
}
