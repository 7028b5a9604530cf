// SPDX-License-Identifier: GPL-2.0
//! What keys are hashed to.
//!
//! Each set draws two numbers, so that nobody who does not know them can choose keys that all meet: one that a
//! key is mixed with, and the odd one that it is multiplied by. The second multiplication spreads what
//! the first leaves of a pattern of the keys: networks are full of them.

use crate::abstractions::random;

/// 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// How a set hashes its keys.
#[derive(Clone, Copy)]
pub(crate) struct Hasher {
    seed: u64,
    factor: u64,
}

/// Both halves of a product, folded into one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    (product as u64) ^ ((product >> 64) as u64)
}

impl Hasher {
    /// One that nobody can foresee.
    pub(crate) fn new() -> Self {
        Hasher {
            seed: random::number(),
            factor: random::number() | 1,
        }
    }

    /// The hash of a key, whose length is a multiple of four bytes.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        let mut hash = self.seed;
        let mut rest = key;
        while let Some((word, after)) = rest.split_first_chunk::<8>() {
            hash = fold(hash ^ u64::from_ne_bytes(*word), self.factor);
            rest = after;
        }
        if let Some(word) = rest.first_chunk::<4>() {
            hash = fold(hash ^ u64::from(u32::from_ne_bytes(*word)), self.factor);
        }
        fold(hash, SPREAD)
    }
}
