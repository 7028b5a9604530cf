// SPDX-License-Identifier: GPL-2.0
//! The single keys of a set that are there to stay: a table that never changes once it is published.
//!
//! # Layout
//!
//! An element is its key, its data behind it, and a bit that says whether it came with a ruleset. It has no
//! allocation, no epochs and no pointer of its own, so that a million IPv4 addresses take 7 MB. Elements lie
//! in *buckets*, which for keys of four or eight bytes are one cache line:
//!
//! ```text
//! tags     one byte an element, from its hash: at least 2; 0: no element here.
//! last     the last byte of the tags: 1 if an element that belongs here found no room and went on.
//! slots    key and data, key and data, …
//!
//! 4 bytes    12 tags, last of 16 bytes    12 slots               64 bytes
//! 8 bytes     7 tags, last of  8 bytes     7 slots               64 bytes
//! 16 bytes    7 tags, last of  8 bytes     7 slots              120 bytes
//! ```
//!
//! # Lookup
//!
//! The upper half of the hash says which bucket, the lowest byte which tag. All tags of a word are compared at
//! once. Where `last` says so, the search goes on in the next bucket. So a key that is there costs one
//! cache line, or two that are neighbours, and so does one that is not.
//!
//! # Change
//!
//! Whoever has a table to himself (`sets/stage`) may insert and remove in place. What is removed leaves its
//! slot free; `last` stays, so that what went on is found.

use core::iter;

use kernel::prelude::*;
use zerocopy::IntoBytes;

use super::element::Shape;
use crate::abstractions::rwonce::Shared32;

/// A byte of each.
const ONES: u64 = 0x0101_0101_0101_0101;

/// All but the highest bit of each byte.
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// The bit of a word that [`Frozen`] has for `last`.
const LAST: u64 = 1 << 56;

/// How full a table is made, and how full one may become, of 256.
const FILL: u64 = 200;
const FULL: u64 = 224;

/// For tables.
fn flags() -> kernel::alloc::Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// The highest bit of each byte that is zero.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    !((word & LOW).wrapping_add(LOW) | word | LOW)
}

/// The tag of a hash.
#[inline]
fn tag(hash: u64) -> u8 {
    (hash as u8).max(2)
}

/// Whether two keys of one set are the same.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    match (a.len(), b.len()) {
        (4, 4) => a.first_chunk::<4>() == b.first_chunk(),
        (8, 8) => a.first_chunk::<8>() == b.first_chunk(),
        (16, 16) => a.first_chunk::<16>() == b.first_chunk(),
        _ => a == b,
    }
}

/// How elements lie in a bucket.
#[derive(Clone, Copy)]
struct Form {
    /// Bytes of the key.
    key: usize,
    /// Bytes of key and data.
    slot: usize,
    /// Elements.
    lanes: usize,
    /// Words of tags.
    tags: usize,
    /// Words in all.
    words: usize,
}

impl Form {
    fn new(shape: &Shape) -> Self {
        let slot = shape.key.saturating_add(shape.data_len);
        let (tags, lanes) = if slot <= 4 { (2, 12) } else { (1, 7_usize) };
        let slots = lanes.saturating_mul(slot).div_ceil(size_of::<u64>());
        Form {
            key: shape.key,
            slot,
            lanes,
            tags,
            words: slots.saturating_add(tags),
        }
    }
}

/// An element of a table.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    /// Where it is.
    pub(crate) place: usize,
    /// Its key.
    pub(crate) key: &'a [u8],
    /// Its data, as they were put there.
    pub(crate) data: &'a [u8],
}

/// A table.
pub(crate) struct Frozen {
    words: KVVec<u64>,
    form: Form,
    buckets: u32,
    len: u32,
    /// Which elements came with a ruleset: a bit for each place. Only requests look at it.
    statics: KVVec<Shared32>,
}

impl Frozen {
    /// An empty table with room for `len` elements.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(shape: &Shape, len: u32) -> Result<Self> {
        Self::of(Form::new(shape), len)
    }

    fn of(form: Form, len: u32) -> Result<Self> {
        let filled = (form.lanes as u64).saturating_mul(FILL).max(1);
        let buckets = u64::from(len).saturating_mul(256).div_ceil(filled).max(1);
        let buckets = u32::try_from(buckets).map_err(|_| EINVAL)?;
        let words = (buckets as usize).checked_mul(form.words).ok_or(EINVAL)?;
        let places = (buckets as usize).checked_mul(form.lanes).ok_or(EINVAL)?;
        Ok(Frozen {
            words: KVVec::zeroed(words, flags())?,
            form,
            buckets,
            len: 0,
            statics: KVVec::zeroed(places.div_ceil(32), flags())?,
        })
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Bytes that it occupies.
    pub(crate) fn bytes(&self) -> usize {
        self.words.len().saturating_mul(size_of::<u64>())
    }

    /// Whether there is room for `len` elements in all.
    fn has_room(&self, len: u32) -> bool {
        let places = u64::from(self.buckets).saturating_mul(self.form.lanes as u64);
        u64::from(len).saturating_mul(256) <= places.saturating_mul(FULL)
    }

    /// Whether it is much larger than it needs to be.
    pub(crate) fn is_sparse(&self) -> bool {
        let places = (self.buckets as usize).saturating_mul(self.form.lanes);
        self.buckets > 1 && (self.len as usize).saturating_mul(3) < places
    }

    /// A table of the same elements with room for `len` in all. `hash` is how keys are hashed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn copy(&self, len: u32, hash: impl Fn(&[u8]) -> u64) -> Result<Self> {
        if !self.has_room(len) || self.is_sparse() {
            return self.spread(len, hash);
        }
        let mut words = KVVec::with_capacity(self.words.len(), flags())?;
        words.extend_from_slice(&self.words, flags())?;
        let mut statics = KVVec::with_capacity(self.statics.len(), flags())?;
        for bits in &self.statics {
            statics.push(Shared32::new(bits.get()), flags())?;
        }
        Ok(Frozen {
            words,
            statics,
            ..*self
        })
    }

    /// Makes room for `more` elements.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn reserve(&mut self, more: u32, hash: impl Fn(&[u8]) -> u64) -> Result {
        let len = self.len.saturating_add(more);
        if !self.has_room(len) {
            *self = self.spread(len, hash)?;
        }
        Ok(())
    }

    /// A copy that is as large as `len` elements need.
    pub(crate) fn spread(&self, len: u32, hash: impl Fn(&[u8]) -> u64) -> Result<Self> {
        let mut copy = Self::of(self.form, len.max(self.len))?;
        for kept in self.iter() {
            let is_static = self.is_static(kept.place);
            copy.insert(kept.key, kept.data, hash(kept.key), is_static)?;
        }
        Ok(copy)
    }

    /// The bucket where a hash belongs.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((hash >> 32).wrapping_mul(u64::from(self.buckets)) >> 32) as usize
    }

    /// The bucket after another.
    #[inline]
    fn next(&self, bucket: usize) -> usize {
        match bucket.wrapping_add(1) {
            next if next < self.buckets as usize => next,
            _ => 0,
        }
    }

    /// The element with this key.
    #[inline]
    pub(crate) fn find(&self, key: &[u8], hash: u64) -> Option<Kept<'_>> {
        let form = &self.form;
        let tags = ONES.wrapping_mul(tag(hash).into());
        let mut bucket = self.home(hash);
        for _ in 0..self.buckets {
            let from = bucket.wrapping_mul(form.words);
            let words = self.words.get(from..from.wrapping_add(form.words))?;
            let (tagged, slots) = words.split_at_checked(form.tags)?;
            let mut last = 0;
            for (first, word) in (0_usize..).step_by(8).zip(tagged) {
                last = *word;
                let mut matches = zero_bytes(word ^ tags);
                while matches != 0 {
                    let lane = first.wrapping_add(matches.trailing_zeros() as usize >> 3);
                    let at = lane.wrapping_mul(form.slot);
                    let slot = slots.as_bytes().get(at..at.wrapping_add(form.slot))?;
                    let (its, data) = slot.split_at_checked(form.key)?;
                    if same(its, key) {
                        let place = bucket.wrapping_mul(form.lanes).wrapping_add(lane);
                        return Some(Kept {
                            place,
                            key: its,
                            data,
                        });
                    }
                    matches &= matches.wrapping_sub(1);
                }
            }
            if last & LAST == 0 {
                return None;
            }
            bucket = self.next(bucket);
        }
        None
    }

    /// All elements.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Kept<'_>> + '_ {
        let form = self.form;
        let buckets = self.words.chunks_exact(form.words.max(1));
        let firsts = (0_usize..).step_by(form.lanes.max(1));
        buckets.zip(firsts).flat_map(move |(words, first)| {
            let (tags, slots) = words.split_at_checked(form.tags).unwrap_or_default();
            let mut slots = slots.as_bytes().chunks_exact(form.slot.max(1));
            let mut lane = 0_usize;
            iter::from_fn(move || loop {
                if lane >= form.lanes {
                    return None;
                }
                let (word, bit) = (tags.get(lane >> 3)?, (lane & 7) << 3);
                let slot = slots.next()?;
                let place = first.wrapping_add(lane);
                lane = lane.wrapping_add(1);
                if word >> bit & 0xff != 0 {
                    let (key, data) = slot.split_at_checked(form.key)?;
                    return Some(Kept { place, key, data });
                }
            })
        })
    }

    /// Whether the element at `place` came with a ruleset.
    pub(crate) fn is_static(&self, place: usize) -> bool {
        let bits = self.statics.get(place >> 5);
        bits.is_some_and(|bits| bits.get() >> (place & 31) & 1 != 0)
    }

    /// Notes whether it did. Requests alone do, one at a time.
    pub(crate) fn mark_static(&self, place: usize, on: bool) {
        if let Some(bits) = self.statics.get(place >> 5) {
            let bit = 1 << (place & 31);
            let others = bits.get() & !bit;
            bits.set(if on { others | bit } else { others });
        }
    }

    /// Adds an element whose key is not there.
    ///
    /// # Errors
    ///
    /// `ENOSPC`: there is no room, which whoever made the table has not made large enough.
    pub(crate) fn insert(&mut self, key: &[u8], data: &[u8], hash: u64, is_static: bool) -> Result {
        let form = self.form;
        let mut bucket = self.home(hash);
        for _ in 0..self.buckets {
            let from = bucket.wrapping_mul(form.words);
            let words = self.words.get_mut(from..from.wrapping_add(form.words));
            let words = words.ok_or(EINVAL)?;
            let (tags, slots) = words.split_at_mut_checked(form.tags).ok_or(EINVAL)?;
            if let Some(lane) = free_lane(tags, form.lanes) {
                if let Some(word) = tags.get_mut(lane >> 3) {
                    *word |= u64::from(tag(hash)) << ((lane & 7) << 3);
                }
                let at = lane.wrapping_mul(form.slot);
                let slot = slots.as_mut_bytes().get_mut(at..).ok_or(EINVAL)?;
                for (to, from) in slot.iter_mut().zip(key) {
                    *to = *from;
                }
                for (to, from) in slot.iter_mut().skip(key.len()).zip(data) {
                    *to = *from;
                }
                let place = bucket.wrapping_mul(form.lanes).wrapping_add(lane);
                self.mark_static(place, is_static);
                self.len = self.len.wrapping_add(1);
                return Ok(());
            }
            if let Some(last) = tags.last_mut() {
                *last |= LAST;
            }
            bucket = self.next(bucket);
        }
        Err(ENOSPC)
    }

    /// Removes the element at `place`.
    fn remove_at(&mut self, place: usize) {
        let form = self.form;
        let bucket = place.checked_div(form.lanes).unwrap_or(0);
        let lane = place.wrapping_sub(bucket.wrapping_mul(form.lanes));
        let at = bucket.wrapping_mul(form.words).wrapping_add(lane >> 3);
        if let Some(word) = self.words.get_mut(at) {
            *word &= !(0xff << ((lane & 7) << 3));
            self.len = self.len.wrapping_sub(1);
        }
        self.mark_static(place, false);
    }

    /// Removes the element with this key; `false` if there is none.
    pub(crate) fn remove(&mut self, key: &[u8], hash: u64) -> bool {
        let place = self.find(key, hash).map(|kept| kept.place);
        place.inspect(|place| self.remove_at(*place)).is_some()
    }

    /// Removes those that came with a ruleset.
    pub(crate) fn remove_static(&mut self) {
        for index in 0..self.statics.len() {
            let mut bits = self.statics.get(index).map_or(0, Shared32::get);
            while bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                self.remove_at(index.wrapping_mul(32).wrapping_add(bit));
                bits &= bits.wrapping_sub(1);
            }
        }
    }
}

/// The first lane without an element.
fn free_lane(tags: &[u64], lanes: usize) -> Option<usize> {
    for (first, word) in (0_usize..).step_by(8).zip(tags) {
        let free = zero_bytes(*word);
        if free != 0 {
            let lane = first.wrapping_add(free.trailing_zeros() as usize >> 3);
            return (lane < lanes).then_some(lane);
        }
    }
    None
}
