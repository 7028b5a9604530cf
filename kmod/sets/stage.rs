// SPDX-License-Identifier: GPL-2.0
//! A change on its way: written down, then published or undone.
//!
//! ```text
//! Stage::new ─► apply ─► snapshot ─► (published by the namespace) ─► commit
//!                  └─ refused ─► Drop: undo
//! ```
//!
//! Nothing that packets see differs before the snapshot is published, and after it nothing can fail.

use core::mem;

use ferrule_engine::{Batch, BatchRefusal, Element as Given, Op, Refusal, View};
use ferrule_uapi::{
    error::VerifyError,
    program::SectionId,
    set::{SetKind, SetOpKind, SET_AUTO_MERGE, SET_INTERVAL},
};
use kernel::{prelude::*, sync::Arc};

use super::{
    element::{
        self, deadline, Element, ElementRef, Extras, Life, Shape, CATCHALL, NEVER, STATIC,
        TOMBSTONE, VERDICT_BYTES,
    },
    exact::{Moment, Wanted},
    frozen::Frozen,
    intervals::{self, Coming, Draft, Interval, IntervalTable},
    SetState, Sets, Snapshot, Tables,
};
use crate::{
    abstractions::{
        rculist::Entry,
        rwonce::{Shared32, Shared64},
    },
    clock,
    states::Cells,
};

/// So many bytes that their owner wants them back.
const MUCH: usize = 1 << 20;

/// For what grows with the change.
pub(super) fn flags() -> kernel::alloc::Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// Why a change was refused.
pub(crate) enum Refused {
    /// An element or op of the batch.
    Batch(BatchRefusal),
    /// Something of the program.
    Program(Refusal),
    /// Memory.
    System(Error),
}

impl Refused {
    /// A batch that is refused as a whole.
    pub(crate) fn batch(error: VerifyError) -> Self {
        Refused::Batch(BatchRefusal {
            error,
            op: 0,
            element: 0,
        })
    }
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Refused::System(error.into())
    }
}

/// A change that has not been published.
pub(crate) struct Stage<'a> {
    pub(super) sets: Arc<Sets>,
    batch: Option<Batch<'a>>,
    /// The tables that the change begins with.
    pub(super) tables: Tables,
    /// What it makes, by set.
    pub(super) staged: KVVec<Option<KBox<Staged>>>,
    pub(super) at: Moment,
    /// How many ops have been begun.
    begun: usize,
    /// Whether the elements of anonymous sets were replaced.
    replaced: bool,
    /// Bytes of tables that are no longer in force after it.
    outdated: usize,
}

/// What a change makes of a set.
pub(super) struct Staged {
    /// The table of intervals that is being made.
    intervals: Option<Draft>,
    /// The frozen table that is being made.
    pub(super) frozen: Option<Frozen>,
    /// There will be another frozen table, and any element of the hash table may have been changed.
    pub(super) reshaped: bool,
    /// What [`super::Exact::beside`] was before.
    pub(super) beside: u32,
}

impl<'a> Stage<'a> {
    /// A change of `sets`, whose intervals are `tables`, to be seen from `epoch` on.
    pub(crate) fn new(
        sets: Arc<Sets>,
        tables: Tables,
        batch: Option<Batch<'a>>,
        epoch: u64,
    ) -> Result<Self> {
        let mut staged = KVVec::with_capacity(sets.sets.len(), flags())?;
        for _ in 0..sets.sets.len() {
            staged.push(None, flags())?;
        }
        let now = clock::milliseconds(clock::now());
        let at = Moment { epoch, now };
        Ok(Stage {
            sets,
            batch,
            tables,
            staged,
            at,
            begun: 0,
            replaced: false,
            outdated: 0,
        })
    }

    /// Lets anonymous sets have no elements but those that the batch adds. Such a set is part of a rule: what it
    /// holds comes with every ruleset, and what it goes on with are the states of the same elements.
    pub(crate) fn replace_anonymous(&mut self) -> Result {
        self.replaced = true;
        let sets = self.sets.clone();
        for (index, set) in (0..).zip(&sets.sets) {
            if !set.name.anonymous {
                continue;
            }
            set.content.exact.clear(true, self.at);
            let tables = self.tables.get(index as usize);
            if tables.is_some_and(|tables| tables.intervals.is_some()) {
                self.draft(set, index)?.clear(true)?;
            }
        }
        Ok(())
    }

    /// Writes down what the batch says.
    pub(crate) fn apply(&mut self) -> Result<(), Refused> {
        self.unfreeze()?;
        let Some(batch) = self.batch else {
            return Ok(());
        };
        for op in batch.ops() {
            let number = u32::try_from(self.begun).unwrap_or(u32::MAX);
            self.begun = self.begun.saturating_add(1);
            self.op(&op).map_err(|refused| match refused {
                intervals::Refused::System(error) => Refused::System(error),
                intervals::Refused::Element(error, element) => Refused::Batch(BatchRefusal {
                    error,
                    op: number,
                    element,
                }),
            })?;
        }
        Ok(())
    }

    fn op(&mut self, op: &Op<'_>) -> Result<(), intervals::Refused> {
        let sets = self.sets.clone();
        let set = sets.sets.get(op.index as usize).ok_or(EINVAL)?;
        let is_interval = set.declared.flags & SET_INTERVAL != 0;
        match op.kind {
            SetOpKind::Add if is_interval => self.add_intervals(set, op),
            SetOpKind::Add if set.freezes => self.add_freezing(set, op),
            SetOpKind::Add => self.add(set, op),
            SetOpKind::Delete if is_interval => self.delete_intervals(set, op),
            SetOpKind::Delete if set.freezes => self.delete_freezing(set, op),
            SetOpKind::Delete => self.delete(set, op),
            SetOpKind::Clear | SetOpKind::Replace => {
                let replace = op.kind == SetOpKind::Replace;
                if set.freezes {
                    return Ok(self.clear_freezing(set, op.index, replace)?);
                }
                set.content.exact.clear(replace, self.at);
                if is_interval {
                    self.draft(set, op.index)?.clear(replace)?;
                }
                Ok(())
            }
            SetOpKind::Reset => self.find_all(set, op),
        }
    }

    /// What is being made of a set.
    pub(super) fn staged(&mut self, set: &SetState, index: u32) -> Result<&mut Staged> {
        let slot = self.staged.get_mut(index as usize).ok_or(EINVAL)?;
        if slot.is_none() {
            let staged = Staged {
                intervals: None,
                frozen: None,
                reshaped: false,
                beside: set.content.exact.beside(),
            };
            *slot = Some(KBox::new(staged, flags())?);
        }
        slot.as_deref_mut().ok_or(EINVAL)
    }

    /// The table of intervals that is being made for a set.
    fn draft(&mut self, set: &SetState, index: u32) -> Result<&mut Draft> {
        let tables = self.tables.get(index as usize);
        let old = tables.and_then(|tables| tables.intervals.clone());
        let now = self.at.now;
        let draft = &mut self.staged(set, index)?.intervals;
        if draft.is_none() {
            let merges = set.declared.flags & SET_AUTO_MERGE != 0;
            let how = (set.declared.size, merges);
            *draft = Some(Draft::new(&set.shape, how, old, now)?);
        }
        draft.as_mut().ok_or(EINVAL)
    }

    fn add(&self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        set.content.exact.reserve(op.count)?;
        for (number, given) in (0..).zip(op.elements()) {
            self.add_one(set, &given, (op.exclusive, number), None)?;
        }
        Ok(())
    }

    /// Adds an element to the hash table, unless it is there or `below`.
    pub(super) fn add_one(
        &self,
        set: &SetState,
        given: &Given<'_>,
        (exclusive, number): (bool, u32),
        below: Option<&Frozen>,
    ) -> Result<(), intervals::Refused> {
        let exact = &set.content.exact;
        let mut data = [0; VERDICT_BYTES];
        let data = data_of(&set.shape, given, &mut data);
        let new = self.make(set, given, exact.hash(given.key) as u32, data)?;
        let added = exact.add(new, exclusive, set.declared.size, below, self.at);
        added.map_err(|error| intervals::Refused::Element(error, number))
    }

    fn add_intervals(&mut self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        let mut coming = Coming::new(&set.shape, op.count as usize)?;
        for (number, given) in (0..).zip(op.elements()) {
            if given.catchall {
                self.add_one(set, &given, (op.exclusive, number), None)?;
                continue;
            }
            let mut data = [0; VERDICT_BYTES];
            let data = data_of(&set.shape, &given, &mut data);
            let place = self.draft(set, op.index)?.next_number();
            let draft = self.draft(set, op.index)?;
            if let Some(again) = draft.again(&given, data) {
                coming.push(&again, number)?;
                continue;
            }
            let extras = self.extras(set, &given)?;
            let row = Interval {
                begin: given.key,
                end: given.end,
                data,
                is_static: given.is_static,
                number: place,
                extras: extras.as_ref(),
            };
            coming.push(&row, number)?;
        }
        self.draft(set, op.index)?.add(&coming, op.exclusive)
    }

    fn delete(&self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        for (number, given) in (0..).zip(op.elements()) {
            let gone = set.content.exact.remove(wanted(&given), None, self.at)?;
            if !gone && !op.lenient {
                return Err(intervals::Refused::Element(VerifyError::Missing, number));
            }
        }
        Ok(())
    }

    fn delete_intervals(&mut self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        let exact = &set.content.exact;
        let mut rest = KVVec::with_capacity(op.count as usize, flags())?;
        for (number, given) in (0..).zip(op.elements()) {
            let single = given.catchall || given.key == given.end;
            if single && exact.remove(wanted(&given), None, self.at)? {
                continue;
            }
            if !given.catchall {
                rest.push((number, given), flags())?;
            } else if !op.lenient {
                return Err(intervals::Refused::Element(VerifyError::Missing, number));
            }
        }
        self.draft(set, op.index)?
            .remove_all(rest.into_iter(), op.lenient)
    }

    /// Refuses an op if one of its elements is not there.
    fn find_all(&mut self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        for (number, given) in (0..).zip(op.elements()) {
            if !self.has(set, op.index, &given)? {
                return Err(intervals::Refused::Element(VerifyError::Missing, number));
            }
        }
        Ok(())
    }

    /// Whether there will be an element.
    fn has(&mut self, set: &SetState, index: u32, given: &Given<'_>) -> Result<bool> {
        if set.declared.flags & SET_INTERVAL != 0 && !given.catchall {
            if self.draft(set, index)?.get(given.key, given.end).is_some() {
                return Ok(true);
            }
        }
        if let Some(there) = set.content.exact.with(wanted(given), self.at, |_| ()) {
            return Ok(there);
        }
        let frozen = self.frozen(index as usize).filter(|_| !given.catchall);
        let hash = set.content.exact.hash(given.key);
        Ok(frozen.is_some_and(|table| table.find(given.key, hash).is_some()))
    }

    /// Makes an element.
    fn make(
        &self,
        set: &SetState,
        given: &Given<'_>,
        hash: u32,
        data: &[u8],
    ) -> Result<ElementRef> {
        let extras = self.extras(set, given)?;
        let mut marks = 0;
        for (mark, on) in [(CATCHALL, given.catchall), (STATIC, given.is_static)] {
            marks |= if on { mark } else { 0 };
        }
        let life = Life {
            born: Shared64::new(self.at.epoch),
            dies: Shared64::new(NEVER),
            flags: Shared32::new(marks),
            extras,
        };
        Entry::new(hash, life, &[given.key, data], flags())
    }

    /// What only some elements have.
    fn extras(&self, set: &SetState, given: &Given<'_>) -> Result<Option<Arc<Extras>>> {
        let templates = &set.content.templates;
        if !set.is_timed() && given.comment.is_empty() && templates.is_empty() {
            return Ok(None);
        }
        let cells = match templates.is_empty() {
            true => None,
            false => Some(Cells::new(templates.clone(), |n| given.state(n), flags())?),
        };
        let timeout = given.timeout.unwrap_or(set.declared.timeout);
        let remains = given.expires.filter(|_| timeout != 0).unwrap_or(timeout);
        let mut comment = KVec::new();
        comment.extend_from_slice(given.comment, flags())?;
        let extras = Extras {
            timeout: Shared64::new(timeout),
            expires: Shared64::new(deadline(remains, self.at.now)),
            comment,
            cells,
        };
        Ok(Some(Arc::new(extras, flags())?))
    }

    /// Refuses to go on if an element that stays leads to a chain, or names an object, that the program has not.
    pub(crate) fn check_survivors(&self, view: &View<'_>) -> Result<(), Refused> {
        let sets = self.sets.sets.iter().zip(view.sets());
        for (index, (set, declared)) in sets.enumerate() {
            let fits = |data: &[u8]| match set.shape.kind {
                SetKind::Verdict => element::verdict(data).is_some_and(|(_, handle)| {
                    handle == 0 || view.target(declared, handle).is_some()
                }),
                SetKind::Object => {
                    let identity = data.first_chunk();
                    identity.is_some_and(|id| view.object(u64::from_ne_bytes(*id)).is_some())
                }
                SetKind::Set | SetKind::Map => true,
            };
            if matches!(set.shape.kind, SetKind::Set | SetKind::Map) {
                continue;
            }
            if !self.all_data(set, index, fits) {
                return Err(Refused::Program(Refusal {
                    error: VerifyError::Element,
                    section: Some(SectionId::Sets),
                    index: u32::try_from(index).unwrap_or(u32::MAX),
                }));
            }
        }
        Ok(())
    }

    /// Whether `fits` holds of the data of all elements that a set will have.
    fn all_data(&self, set: &SetState, index: usize, fits: impl Fn(&[u8]) -> bool) -> bool {
        let Moment { epoch, now } = self.at;
        let exact = &set.content.exact;
        let walk = exact.walk();
        let living = |element: &&Element| element.lives(epoch) && !element.is(TOMBSTONE);
        let mut hashed = walk.entries().filter(living);
        let mut intervals = self
            .intervals(index)
            .into_iter()
            .flat_map(IntervalTable::rows);
        let is_used = exact.is_used();
        let hidden = |key: &[u8]| is_used && exact.seek(&walk, key, epoch, now).is_some();
        let frozen = self.frozen(index).map(Frozen::iter);
        hashed.all(|element| fits(set.shape.data(element)))
            && intervals.all(|row| fits(row.data))
            && frozen.is_none_or(|mut all| all.all(|kept| fits(kept.data) || hidden(kept.key)))
    }

    /// The intervals that a set will have.
    fn intervals(&self, index: usize) -> Option<&IntervalTable> {
        let staged = self.staged.get(index).and_then(Option::as_deref);
        let draft = staged.and_then(|staged| staged.intervals.as_ref());
        let old = self.tables.get(index);
        let old = old.and_then(|tables| tables.intervals.as_deref());
        draft.map(Draft::table).or(old)
    }

    /// What is to be published.
    pub(crate) fn snapshot(&mut self) -> Result<Arc<Snapshot>> {
        let mut tables = mem::take(&mut self.tables);
        let sets = self.sets.sets.iter().zip(&mut self.staged);
        for (tables, (set, staged)) in tables.iter_mut().zip(sets) {
            let Some(staged) = staged else {
                continue;
            };
            if let Some(draft) = staged.intervals.take() {
                let old = tables.intervals.replace(draft.finish()?);
                let bytes = old.map_or(0, |old| old.bytes());
                self.outdated = self.outdated.saturating_add(bytes);
            }
            if !staged.reshaped {
                continue;
            }
            let bytes = tables.frozen.take().map_or(0, |old| old.bytes());
            self.outdated = self.outdated.saturating_add(bytes);
            if let Some(mut new) = staged.frozen.take().filter(|new| new.len() != 0) {
                if new.is_sparse() {
                    new = new.spread(new.len(), |key| set.content.exact.hash(key))?;
                }
                tables.frozen = Some(Arc::new(new, GFP_KERNEL_ACCOUNT)?);
            }
        }
        let epoch = self.at.epoch;
        Ok(Arc::new(Snapshot { epoch, tables }, GFP_KERNEL_ACCOUNT)?)
    }

    /// Whether so much memory can be given back after it that this should not wait for the next change.
    pub(crate) fn leaves_much(&self) -> bool {
        self.outdated >= MUCH
    }

    /// The snapshot has been published: does what is left to do.
    pub(crate) fn commit(mut self, snapshot: &Snapshot) {
        for (set, staged) in self.sets.sets.iter().zip(&mem::take(&mut self.staged)) {
            let reshaped = staged.as_ref().is_some_and(|staged| staged.reshaped);
            if reshaped && set.content.exact.settle(self.at.epoch) {
                set.collect();
            }
        }
        if core::mem::take(&mut self.replaced) {
            for set in self.sets.sets.iter().filter(|set| set.name.anonymous) {
                if set.content.exact.settle(self.at.epoch) {
                    set.collect();
                }
            }
        }
        let Some(batch) = self.batch.take() else {
            return;
        };
        for op in batch.ops() {
            let Some(set) = self.sets.sets.get(op.index as usize) else {
                continue;
            };
            if op.kind == SetOpKind::Reset {
                self.reset(set, snapshot.intervals(op.index as usize), &op);
            }
            let waste = set.content.exact.settle(self.at.epoch);
            if waste || (set.is_timed() && set.content.exact.count() != 0) {
                set.collect();
            }
        }
    }

    /// Lets the states of elements begin anew.
    fn reset(&self, set: &SetState, table: Option<&IntervalTable>, op: &Op<'_>) {
        for given in op.elements() {
            let interval = table.filter(|_| !given.catchall);
            match interval.and_then(|table| table.get(given.key, given.end)) {
                Some(row) => row.cells().map_or((), Cells::reset),
                None => {
                    let reset = |element: &Element| element.cells().map_or((), Cells::reset);
                    let _ = set.content.exact.with(wanted(&given), self.at, reset);
                }
            }
        }
    }

    /// Takes back what an op did.
    fn undo(&self, op: &Op<'_>) {
        let Some(set) = self.sets.sets.get(op.index as usize) else {
            return;
        };
        let staged = self.staged.get(op.index as usize).and_then(Option::as_ref);
        if staged.is_some_and(|staged| staged.reshaped) {
            return; // All of it is.
        }
        match op.kind {
            SetOpKind::Add | SetOpKind::Delete => {
                for given in op.elements() {
                    set.content.exact.undo(wanted(&given), self.at);
                }
            }
            SetOpKind::Clear | SetOpKind::Replace => set.content.exact.undo_all(self.at),
            SetOpKind::Reset => {}
        }
        set.collect();
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if self.replaced {
            for set in self.sets.sets.iter().filter(|set| set.name.anonymous) {
                set.content.exact.undo_all(self.at);
                set.collect();
            }
        }
        if let Some(batch) = self.batch.take() {
            for op in batch.ops().take(self.begun) {
                self.undo(&op);
            }
        }
        self.undo_staged();
    }
}

/// The key of a given element.
pub(super) fn wanted<'a>(given: &Given<'a>) -> Wanted<'a> {
    Wanted {
        key: given.key,
        catchall: given.catchall,
    }
}

/// The data of a given element, as they are kept.
pub(super) fn data_of<'a>(
    shape: &Shape,
    given: &Given<'a>,
    to: &'a mut [u8; VERDICT_BYTES],
) -> &'a [u8] {
    let (verdict, handle) = given
        .verdict
        .map_or((0, 0), |(verdict, handle)| (verdict as u32, handle));
    let (head, tail): (&[u8], &[u8]) = match shape.kind {
        SetKind::Set => return &[],
        SetKind::Map => return given.data,
        SetKind::Verdict => (&verdict.to_ne_bytes(), &handle.to_ne_bytes()),
        SetKind::Object => (&given.object.to_ne_bytes(), &[]),
    };
    let mut len = 0_usize;
    for (to, from) in to
        .iter_mut()
        .zip([head, tail].iter().flat_map(|piece| piece.iter()))
    {
        *to = *from;
        len = len.wrapping_add(1); // At most 12.
    }
    to.get(..len).unwrap_or_default()
}
