// SPDX-License-Identifier: GPL-2.0
//! Elements for a reader: one op that adds them all, in the form of a batch.
//!
//! The caller is the namespace's only writer, so no request changes anything meanwhile; packets do, and
//! what they add after the elements were counted is left out.

use ferrule_uapi::{
    ioctl::StateValue,
    set::{
        BatchHeader, SetKind, SetOp, SetOpKind, BATCH_MAGIC, CARRIES_COMMENT, CARRIES_DATA,
        CARRIES_END, CARRIES_EXPIRES, CARRIES_FLAGS, CARRIES_STATES, CARRIES_TIMEOUT,
        CARRIES_VERDICT, ELEMENT_CATCHALL, ELEMENT_STATIC, SET_INTERVAL,
    },
    ABI_VERSION,
};
use kernel::prelude::*;
use zerocopy::IntoBytes;

use super::{
    element::{Element, Extras, CATCHALL, NEVER, STATIC, TOMBSTONE},
    frozen::{Frozen, Kept},
    intervals::{Interval, IntervalTable},
    SetState, Sets, Snapshot,
};
use crate::{clock, states::Cells};

/// Most states that an element has: the verifier refuses more.
const MOST_STATES: usize = 8;

/// For what is read.
fn flags() -> kernel::alloc::Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// The bytes of a batch, as they are written.
struct Out<'a> {
    set: &'a SetState,
    carries: u32,
    elements: KVVec<u8>,
    strings: KVVec<u8>,
    count: u32,
    reset: bool,
    now: u64,
}

impl Sets {
    /// The elements of the set of this identity, as of `snapshot`: all, or the one that holds `key`. If
    /// `reset`, their states begin anew.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such set, or no element for the key.
    pub(crate) fn dump(
        &self,
        snapshot: &Snapshot,
        identity: u64,
        key: Option<&[u8]>,
        reset: bool,
    ) -> Result<KVVec<u8>> {
        let index = self
            .sets
            .binary_search_by_key(&identity, |set| set.declared.identity);
        let index = index.map_err(|_| ENOENT)?;
        let set = self.sets.get(index).ok_or(ENOENT)?;
        let mut out = Out::new(set, reset);
        match key {
            Some(key) => out.one(snapshot, index, key)?,
            None => out.all(snapshot, index)?,
        }
        out.finish()
    }

    /// Length of the keys of the set of this identity.
    pub(crate) fn key_len(&self, identity: u64) -> Option<usize> {
        let index = self
            .sets
            .binary_search_by_key(&identity, |set| set.declared.identity);
        self.sets.get(index.ok()?).map(|set| set.shape.key)
    }
}

impl<'a> Out<'a> {
    fn new(set: &'a SetState, reset: bool) -> Self {
        let kind = set.shape.kind;
        let mut carries = CARRIES_FLAGS | CARRIES_COMMENT;
        for (bit, on) in [
            (CARRIES_END, set.declared.flags & SET_INTERVAL != 0),
            (CARRIES_DATA, matches!(kind, SetKind::Map | SetKind::Object)),
            (CARRIES_VERDICT, kind == SetKind::Verdict),
            (CARRIES_TIMEOUT | CARRIES_EXPIRES, set.is_timed()),
            (CARRIES_STATES, !set.content.templates.is_empty()),
        ] {
            carries |= if on { bit } else { 0 };
        }
        Out {
            set,
            carries,
            elements: KVVec::new(),
            strings: KVVec::new(),
            count: 0,
            reset,
            now: clock::milliseconds(clock::now()),
        }
    }

    fn has(&self, bit: u32) -> bool {
        self.carries & bit != 0
    }

    /// All elements that there are.
    fn all(&mut self, snapshot: &Snapshot, index: usize) -> Result {
        let exact = &self.set.content.exact;
        let walk = exact.walk();
        let intervals = snapshot.intervals(index);
        let len = intervals
            .map_or(0, IntervalTable::len)
            .saturating_add(exact.count() as usize);
        self.elements
            .reserve(len.saturating_mul(self.stride()), flags())?;
        for element in walk.entries() {
            if element.lives(snapshot.epoch()) && !element.is(TOMBSTONE) {
                self.element(element)?;
            }
        }
        if let Some(table) = snapshot.frozen(index) {
            let is_used = exact.is_used();
            for kept in table.iter() {
                let above = || exact.seek(&walk, kept.key, snapshot.epoch(), self.now);
                if !is_used || above().is_none() {
                    self.kept(table, &kept)?;
                }
            }
        }
        for row in intervals.into_iter().flat_map(IntervalTable::rows) {
            self.interval(&row)?;
        }
        Ok(())
    }

    /// The element that holds `key`.
    fn one(&mut self, snapshot: &Snapshot, index: usize, key: &[u8]) -> Result {
        let intervals = snapshot.intervals(index);
        if let Some(row) = intervals.and_then(|table| table.find(key, self.now)) {
            return self.interval(&row);
        }
        let exact = &self.set.content.exact;
        let walk = exact.walk();
        match exact.seek(&walk, key, snapshot.epoch(), self.now) {
            Some(element) if element.is(TOMBSTONE) => Err(ENOENT),
            Some(element) => self.element(element),
            None => {
                let table = snapshot.frozen(index).ok_or(ENOENT)?;
                let kept = table.find(key, exact.hash(key)).ok_or(ENOENT)?;
                self.kept(table, &kept)
            }
        }
    }

    /// Bytes of an element.
    fn stride(&self) -> usize {
        let shape = &self.set.shape;
        let data = match shape.kind {
            SetKind::Object => 8,
            _ => self.set.declared.data_len.into(),
        };
        let states = self.set.declared.state_count as usize;
        let lengths = [
            (CARRIES_END, shape.key),
            (CARRIES_FLAGS, 4),
            (CARRIES_DATA, data),
            (CARRIES_VERDICT, 12),
            (CARRIES_TIMEOUT, 8),
            (CARRIES_EXPIRES, 8),
            (CARRIES_COMMENT, 8),
            (
                CARRIES_STATES,
                states.saturating_mul(size_of::<StateValue>()),
            ),
        ];
        let carried = lengths.iter().filter(|(bit, _)| self.has(*bit));
        carried.fold(shape.key, |sum, (_, len)| sum.saturating_add(*len))
    }

    fn put(&mut self, bytes: &[u8]) -> Result {
        Ok(self.elements.extend_from_slice(bytes, flags())?)
    }

    /// Writes a single key.
    fn element(&mut self, element: &Element) -> Result {
        let shape = &self.set.shape;
        let key = shape.key_of(element);
        let mut marks = 0;
        for (bit, mark) in [(ELEMENT_CATCHALL, CATCHALL), (ELEMENT_STATIC, STATIC)] {
            marks |= if element.is(mark) { bit } else { 0 };
        }
        self.write((key, key), marks, shape.data(element), element.extras())
    }

    /// Writes an interval.
    fn interval(&mut self, row: &Interval<'_>) -> Result {
        let extras = row.extras.map(|extras| &**extras);
        let marks = if row.is_static { ELEMENT_STATIC } else { 0 };
        self.write((row.begin, row.end), marks, row.data, extras)
    }

    /// Writes a frozen element.
    fn kept(&mut self, table: &Frozen, kept: &Kept<'_>) -> Result {
        let is_static = table.is_static(kept.place);
        let marks = if is_static { ELEMENT_STATIC } else { 0 };
        self.write((kept.key, kept.key), marks, kept.data, None)
    }

    /// Writes an element, unless its time is over.
    fn write(
        &mut self,
        (begin, end): (&[u8], &[u8]),
        marks: u32,
        data: &[u8],
        extras: Option<&Extras>,
    ) -> Result {
        let now = self.now;
        if extras.is_some_and(|extras| extras.expires.get() <= now) {
            return Ok(());
        }
        self.put(begin)?;
        if self.has(CARRIES_END) {
            self.put(end)?;
        }
        self.put(&u32::to_ne_bytes(marks))?;
        self.put(data)?;
        if self.has(CARRIES_TIMEOUT) {
            self.times(extras)?;
        }
        self.comment(extras.map_or(&[], |extras| &extras.comment))?;
        let cells = extras.and_then(|extras| extras.cells.as_deref());
        if self.has(CARRIES_STATES) {
            self.states(cells)?;
        } else if let Some(cells) = cells.filter(|_| self.reset) {
            cells.reset();
        }
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Writes the timeout and what remains of it.
    fn times(&mut self, extras: Option<&Extras>) -> Result {
        let (timeout, expires) = extras.map_or((0, NEVER), |extras| {
            (extras.timeout.get(), extras.expires.get())
        });
        let remains = match expires {
            NEVER => 0,
            expires => expires.saturating_sub(self.now).min(timeout),
        };
        self.put(&timeout.to_ne_bytes())?;
        self.put(&remains.to_ne_bytes())
    }

    fn comment(&mut self, comment: &[u8]) -> Result {
        let offset = u32::try_from(self.strings.len()).map_err(|_| E2BIG)?;
        let len = u32::try_from(comment.len()).map_err(|_| E2BIG)?;
        self.put(&offset.to_ne_bytes())?;
        self.put(&len.to_ne_bytes())?;
        Ok(self.strings.extend_from_slice(comment, flags())?)
    }

    /// Writes the values of the states that the set declares.
    fn states(&mut self, cells: Option<&Cells>) -> Result {
        let count = self.set.declared.state_count as usize;
        let mut values = [StateValue::default(); MOST_STATES];
        if let Some(cells) = cells {
            let mut to = values.iter_mut();
            cells.each(self.reset, |value| {
                if let Some(to) = to.next() {
                    *to = value;
                }
            });
        }
        self.put(values.get(..count).ok_or(EINVAL)?.as_bytes())
    }

    /// The whole batch.
    fn finish(mut self) -> Result<KVVec<u8>> {
        let stride = self.stride();
        let op = SetOp {
            set: self.set.declared.identity,
            kind: SetOpKind::Add as u8,
            carries: self.carries,
            count: self.count,
            stride: u32::try_from(stride).map_err(|_| E2BIG)?,
            strings: u32::try_from(self.strings.len()).map_err(|_| E2BIG)?,
            ..SetOp::default()
        };
        let body = self.elements.len().saturating_add(self.strings.len());
        let heads = size_of::<BatchHeader>().saturating_add(size_of::<SetOp>());
        let size = heads.saturating_add(body);
        let padded = size.checked_next_multiple_of(8).ok_or(E2BIG)?;
        let header = BatchHeader {
            magic: BATCH_MAGIC,
            version: ABI_VERSION,
            size: padded as u64,
            ops: 1,
            ..BatchHeader::default()
        };
        let mut batch = KVVec::with_capacity(padded, flags())?;
        batch.extend_from_slice(header.as_bytes(), flags())?;
        batch.extend_from_slice(op.as_bytes(), flags())?;
        batch.extend_from_slice(&self.elements, flags())?;
        self.elements.clear();
        batch.extend_from_slice(&self.strings, flags())?;
        while batch.len() < padded {
            batch.push(0, flags())?;
        }
        Ok(batch)
    }
}
