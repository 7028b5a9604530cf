// SPDX-License-Identifier: GPL-2.0
//! Keys of sets, as bytes: how they are put together, compared and found.
//!
//! A key is its parts one after another, each a number with the most significant byte first in 4, 8, 12 or
//! 16 bytes (`ferrule_uapi::set`). Bytes compare as the numbers do, so whoever keeps the elements needs no
//! knowledge of types: what is here suffices, for the driver and for the host.
//!
//! An interval is two keys, beginning and end, both included. Where a key has several parts, each is an
//! interval of its own: the element is a box, and two of them meet if they meet in every part.

use ferrule_uapi::{
    field::{Field, FIRST_WIDE},
    set::{self, KEY_BYTES},
};

use crate::key::Key;

/// The bytes of a key that was put together from a packet's fields.
#[derive(Clone, Copy, Debug)]
pub struct KeyBytes {
    bytes: [u8; KEY_BYTES],
    len: usize,
}

impl KeyBytes {
    /// The key that `shape` describes, of the fields in `key`; `None` if one of them is absent.
    pub fn of(shape: &set::Key, key: &Key) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES];
        let mut at = 0_usize;
        for part in shape.parts.iter().take(shape.count.into()) {
            let end = at.checked_add(part.len.into())?;
            put(key, part.field, bytes.get_mut(at..end)?)?;
            at = end;
        }
        Some(KeyBytes { bytes, len: at })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Writes field `field` to `to`, as a number of that many bytes.
fn put(key: &Key, field: u8, to: &mut [u8]) -> Option<()> {
    if field < FIRST_WIDE {
        let value = key.get(field)?.to_be_bytes();
        let (_, low) = to.split_last_chunk_mut::<4>()?;
        *low = value;
    } else {
        let value = key.get_wide(field)?;
        let hi = value.hi.to_be_bytes();
        let lo = value.lo.to_be_bytes();
        for (to, from) in to.iter_mut().rev().zip(hi.iter().chain(&lo).rev()) {
            *to = *from;
        }
    }
    Some(())
}

/// Whether `len` is a length that a part may have, read from `field`.
pub(crate) fn fits(field: Field, len: u8) -> bool {
    match field.is_wide() {
        true => matches!(len, 4 | 8 | 12 | 16),
        false => len == 4,
    }
}

/// Whether `key` lies between `from` and `to` in every part. `parts` are the parts' lengths.
pub fn contains(parts: &[u8], from: &[u8], to: &[u8], key: &[u8]) -> bool {
    each_part(parts, |at, end| {
        let key = key.get(at..end);
        from.get(at..end) <= key && key <= to.get(at..end)
    })
}

/// Whether the intervals from `from` to `to` and from `other_from` to `other_to` have a key in common.
pub fn overlap(parts: &[u8], from: &[u8], to: &[u8], other_from: &[u8], other_to: &[u8]) -> bool {
    each_part(parts, |at, end| {
        from.get(at..end) <= other_to.get(at..end) && other_from.get(at..end) <= to.get(at..end)
    })
}

/// Whether `from` is at most `to` in every part: whether there is such an interval.
pub fn ascends(parts: &[u8], from: &[u8], to: &[u8]) -> bool {
    each_part(parts, |at, end| from.get(at..end) <= to.get(at..end))
}

/// Whether `holds` says so of the beginning and end of each part.
fn each_part(parts: &[u8], holds: impl Fn(usize, usize) -> bool) -> bool {
    let mut at = 0_usize;
    for len in parts {
        let end = at.saturating_add((*len).into());
        if !holds(at, end) {
            return false;
        }
        at = end;
    }
    true
}

/// The interval that holds `key` among intervals of one part that are disjoint and ascend: its index.
///
/// `sorted` holds them one after another, `stride` bytes each, of which the first are the beginning and the
/// next the end, each as long as `key`.
pub fn find_interval(sorted: &[u8], stride: usize, key: &[u8]) -> Option<usize> {
    let len = key.len();
    let both = len.checked_mul(2)?;
    let element = |index: usize| {
        let at = index.checked_mul(stride)?;
        let bytes = sorted.get(at..at.checked_add(both)?)?;
        bytes.split_at_checked(len)
    };
    let mut low = 0;
    let mut high = sorted.len().checked_div(stride)?;
    // The first interval that does not end before the key.
    while low < high {
        let middle = low.midpoint(high);
        match element(middle) {
            Some((_, end)) if end < key => low = middle.saturating_add(1),
            Some(_) => high = middle,
            None => return None,
        }
    }
    let (begin, _) = element(low)?;
    (begin <= key).then_some(low)
}
