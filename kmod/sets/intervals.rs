// SPDX-License-Identifier: GPL-2.0
//! Elements that are intervals: a sorted table that never changes once it is published.
//!
//! # Layout
//!
//! An element is a row: its beginning in one array, its end and its data in another, a byte of flags in a
//! third. What only some sets have is in arrays that are empty otherwise: what is more than key and data
//! (`Extras`), and for concatenations which element came first and how far those before reach. A million
//! IPv4 prefixes take 9 MB, and the search for one passes through 4 MB of beginnings alone.
//!
//! # Lookup
//!
//! Intervals ascend by their beginning. Those of a key of one part are disjoint, so the one that holds a
//! key is found by binary search. Those of a concatenation are boxes, of which several may hold a key and
//! any may reach far in the first part. Beside each element therefore stands the one, among it and those before it,
//! that ends last in the first part:
//!
//! ```text
//! element     10-20 . 22    12-15 . 80    30-90 . 443   40-41 . 53
//! reach       0 (20)        0 (20)        2 (90)        2 (90)
//!
//! 43 . 443:   the last that begins at or before 43 is 3; its reach (90) is not before 43, go on down:
//!             3 does not hold it; 2 does; the reach of 1 (20) is before 43: there can be no more.
//! ```
//!
//! Of several that hold the key the one that was added first counts, as in `nft_set_pipapo.c`.
//!
//! # Change
//!
//! A request makes a [`Draft`] of the table: adds are sorted and merged into it (`draft`), removals cut out
//! (`cut`), either in one pass, in which rows that stay as they are are copied in runs. What an element of
//! the two tables has beside key and data they share: its states and its time.

mod cut;
mod draft;

use core::{cmp::Ordering, ops::Range};

use ferrule_engine::contains;
use ferrule_uapi::error::VerifyError;
use kernel::{prelude::*, sync::Arc};

use super::element::{Extras, Shape};
use crate::states::Cells;

pub(super) use draft::{Coming, Draft};

/// For tables.
fn flags() -> kernel::alloc::Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// An element.
#[derive(Clone, Copy)]
pub(crate) struct Interval<'a> {
    /// Its beginning.
    pub(crate) begin: &'a [u8],
    /// Its end, which it holds.
    pub(crate) end: &'a [u8],
    /// Its data, as they were put there.
    pub(crate) data: &'a [u8],
    /// Whether it came with a ruleset.
    pub(crate) is_static: bool,
    /// Of a concatenation: the less, the earlier it was added.
    pub(crate) number: u32,
    /// What only some have.
    pub(crate) extras: Option<&'a Arc<Extras>>,
}

impl<'a> Interval<'a> {
    /// Whether its time is over at `now`, in milliseconds.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        self.extras
            .is_some_and(|extras| extras.expires.get() <= now)
    }

    /// Its states.
    pub(crate) fn cells(&self) -> Option<&'a Cells> {
        self.extras?.cells.as_deref()
    }

    /// Its comment.
    pub(crate) fn comment(&self) -> &'a [u8] {
        self.extras.map_or(&[], |extras| &extras.comment)
    }

    /// By beginning, then by end.
    fn place(&self) -> (&'a [u8], &'a [u8]) {
        (self.begin, self.end)
    }
}

/// Intervals, ascending by beginning and end.
pub(crate) struct IntervalTable {
    shape: Shape,
    begins: KVVec<u8>,
    /// End and data of each.
    rests: KVVec<u8>,
    /// Whether each came with a ruleset.
    statics: KVVec<bool>,
    /// What is more than that; none if no element has any.
    extras: KVVec<Option<Arc<Extras>>>,
    /// Of a concatenation: in which order they were added.
    numbers: KVVec<u32>,
    /// Of a concatenation: for each the one, up to here, that ends last in the first part.
    reach: KVVec<u32>,
}

/// How many of the first `len` are not greater than `key`, where they ascend.
#[inline]
fn not_greater<T: Ord>(len: usize, key: T, at: impl Fn(usize) -> T) -> usize {
    let (mut from, mut left) = (0_usize, len);
    while left != 0 {
        let half = left >> 1;
        let middle = from.wrapping_add(half);
        if at(middle) <= key {
            from = middle.wrapping_add(1);
            left = left.wrapping_sub(half).wrapping_sub(1);
        } else {
            left = half;
        }
    }
    from
}

/// The first part of a key.
fn first<'a>(shape: &Shape, key: &'a [u8]) -> &'a [u8] {
    let len = shape.parts().first().copied().unwrap_or(0);
    key.get(..len.into()).unwrap_or_default()
}

/// The `at`th piece of `len` bytes.
#[inline]
fn piece(bytes: &[u8], at: usize, len: usize) -> &[u8] {
    let from = at.wrapping_mul(len);
    bytes.get(from..from.wrapping_add(len)).unwrap_or_default()
}

impl IntervalTable {
    /// An empty table with room for `len`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(shape: &Shape, len: usize) -> Result<Self> {
        let rest = shape.key.saturating_add(shape.data_len);
        let boxes = if shape.parts().len() > 1 { len } else { 0 };
        Ok(IntervalTable {
            shape: *shape,
            begins: KVVec::with_capacity(len.saturating_mul(shape.key), flags())?,
            rests: KVVec::with_capacity(len.saturating_mul(rest), flags())?,
            statics: KVVec::with_capacity(len, flags())?,
            extras: KVVec::new(),
            numbers: KVVec::with_capacity(boxes, flags())?,
            reach: KVVec::new(),
        })
    }

    /// Whether keys have more than one part.
    fn has_boxes(&self) -> bool {
        self.shape.parts().len() > 1
    }

    /// Bytes of end and data.
    #[inline]
    fn rest_len(&self) -> usize {
        self.shape.key.wrapping_add(self.shape.data_len) // At most 80.
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.statics.len()
    }

    /// Bytes that it occupies, about.
    pub(crate) fn bytes(&self) -> usize {
        self.begins.len().saturating_add(self.rests.len())
    }

    /// The beginning of an element.
    #[inline]
    fn begin(&self, at: usize) -> &[u8] {
        piece(&self.begins, at, self.shape.key)
    }

    /// End and data of an element.
    #[inline]
    fn rest(&self, at: usize) -> (&[u8], &[u8]) {
        let rest = piece(&self.rests, at, self.rest_len());
        rest.split_at_checked(self.shape.key).unwrap_or_default()
    }

    /// An element.
    #[inline]
    pub(crate) fn row(&self, at: usize) -> Option<Interval<'_>> {
        let is_static = *self.statics.get(at)?;
        let (end, data) = self.rest(at);
        Some(Interval {
            begin: self.begin(at),
            end,
            data,
            is_static,
            number: self.numbers.get(at).copied().unwrap_or(0),
            extras: self.extras.get(at).and_then(Option::as_ref),
        })
    }

    /// The elements, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Interval<'_>> + '_ {
        (0..self.len()).filter_map(|at| self.row(at))
    }

    /// How many elements begin at or before `key`, of which the first part counts if there are several.
    #[inline]
    fn until(&self, key: &[u8]) -> usize {
        let len = self.len();
        if self.has_boxes() {
            let shape = &self.shape;
            return not_greater(len, first(shape, key), |at| first(shape, self.begin(at)));
        }
        match (self.shape.key, key.first_chunk::<4>()) {
            (4, Some(key)) => not_greater(len, u32::from_be_bytes(*key), |at| {
                let begin = self.begin(at).first_chunk().copied();
                u32::from_be_bytes(begin.unwrap_or_default())
            }),
            _ => not_greater(len, key, |at| self.begin(at)),
        }
    }

    /// The element that holds `key` and whose time is not over at `now`.
    pub(crate) fn find(&self, key: &[u8], now: u64) -> Option<Interval<'_>> {
        if !self.has_boxes() {
            let row = self.row(self.until(key).checked_sub(1)?)?;
            return (key <= row.end && !row.is_over(now)).then_some(row);
        }
        let mut found: Option<Interval<'_>> = None;
        for row in self.holding(key) {
            let earlier = found.is_none_or(|found| row.number < found.number);
            if earlier && !row.is_over(now) {
                found = Some(row);
            }
        }
        found
    }

    /// The boxes that hold `key`, of a concatenation.
    fn holding<'a, 'k>(&'a self, key: &'k [u8]) -> impl Iterator<Item = Interval<'a>> + 'k
    where
        'a: 'k,
    {
        let shape = &self.shape;
        let part = first(shape, key);
        let reaches = self.reach.get(..self.until(key)).unwrap_or_default();
        let near = reaches.iter().enumerate().rev();
        let near = near.take_while(move |(_, reach)| {
            first(shape, self.rest(**reach as usize).0) >= part // No reach is behind the last row.
        });
        let near = near.filter_map(|(at, _)| self.row(at));
        near.filter(move |row| contains(shape.parts(), row.begin, row.end, key))
    }

    /// The interval that is exactly this.
    pub(super) fn get(&self, begin: &[u8], end: &[u8]) -> Option<Interval<'_>> {
        self.row(self.position(begin, end)?)
    }

    /// The index of the interval from `begin` to `end`.
    fn position(&self, begin: &[u8], end: &[u8]) -> Option<usize> {
        let behind = self.behind((begin, end), 0);
        let at = behind.checked_sub(1)?;
        let place = self.row(at)?.place();
        (place == (begin, end)).then_some(at)
    }

    /// The index, from `from` on, of the first element that is behind a place.
    fn behind(&self, place: (&[u8], &[u8]), from: usize) -> usize {
        let len = self.len().saturating_sub(from);
        let at = |at: usize| {
            let at = at.wrapping_add(from);
            (self.begin(at), self.rest(at).0)
        };
        not_greater(len, place, at).saturating_add(from)
    }

    /// Appends an element.
    fn push(&mut self, row: &Interval<'_>) -> Result {
        if row.extras.is_some() && self.extras.is_empty() {
            self.extras.reserve(self.statics.capacity(), flags())?;
            for _ in 0..self.len() {
                self.extras.push(None, flags())?;
            }
        }
        if row.extras.is_some() || !self.extras.is_empty() {
            self.extras.push(row.extras.cloned(), flags())?;
        }
        if self.has_boxes() {
            self.numbers.push(row.number, flags())?;
        }
        self.begins.extend_from_slice(row.begin, flags())?;
        self.rests.extend_from_slice(row.end, flags())?;
        self.rests.extend_from_slice(row.data, flags())?;
        Ok(self.statics.push(row.is_static, flags())?)
    }

    /// Appends elements of another table.
    fn copy(&mut self, from: &IntervalTable, range: Range<usize>) -> Result {
        if !self.extras.is_empty() || !from.extras.is_empty() {
            for at in range {
                if let Some(row) = from.row(at) {
                    self.push(&row)?;
                }
            }
            return Ok(());
        }
        let bytes = |len: usize| {
            let (start, end) = (range.start.checked_mul(len), range.end.checked_mul(len));
            Some(start?..end?)
        };
        let begins = bytes(self.shape.key).and_then(|range| from.begins.get(range));
        let rests = bytes(self.rest_len()).and_then(|range| from.rests.get(range));
        self.begins
            .extend_from_slice(begins.ok_or(EINVAL)?, flags())?;
        self.rests
            .extend_from_slice(rests.ok_or(EINVAL)?, flags())?;
        if self.has_boxes() {
            let numbers = from.numbers.get(range.clone()).ok_or(EINVAL)?;
            self.numbers.extend_from_slice(numbers, flags())?;
        }
        let statics = from.statics.get(range).ok_or(EINVAL)?;
        Ok(self.statics.extend_from_slice(statics, flags())?)
    }

    /// Lets the last element end elsewhere.
    fn set_last_end(&mut self, end: &[u8]) {
        let from = self.rests.len().saturating_sub(self.rest_len());
        let rest = self.rests.get_mut(from..).unwrap_or_default();
        for (to, from) in rest.iter_mut().zip(end) {
            *to = *from;
        }
    }

    /// Notes that the last element came with a ruleset as well.
    fn mark_last_static(&mut self) {
        if let Some(last) = self.statics.last_mut() {
            *last = true;
        }
    }

    /// Works out [`IntervalTable::reach`].
    fn measure(&mut self) -> Result {
        if !self.has_boxes() {
            return Ok(());
        }
        let len = self.len();
        let mut reach = KVVec::with_capacity(len, flags())?;
        let mut far = 0_u32;
        for (index, at) in (0_u32..).zip(0..len) {
            let end = |at: usize| first(&self.shape, self.rest(at).0);
            if end(far as usize).cmp(end(at)) != Ordering::Greater {
                far = index;
            }
            reach.push(far, flags())?;
        }
        self.reach = reach;
        Ok(())
    }

    /// Gives back room that is not needed.
    fn fit(self) -> Result<Self> {
        if self.statics.capacity() <= self.len().saturating_mul(2).max(64) {
            return Ok(self);
        }
        let mut fitting = Self::new(&self.shape, self.len())?;
        fitting.copy(&self, 0..self.len())?;
        fitting.measure()?;
        Ok(fitting)
    }
}

/// Why intervals cannot be added or removed.
pub(super) enum Refused {
    /// An element does not fit: why, and its number in the op.
    Element(VerifyError, u32),
    /// Memory.
    System(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Refused::System(error.into())
    }
}
