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
        self, deadline, Element, ElementRef, Extras, Life, Shape, CATCHALL, HAS_END, NEVER, STATIC,
        VERDICT_BYTES,
    },
    exact::{Moment, Wanted},
    intervals::{self, Draft, IntervalTable},
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

/// For what grows with the change.
fn flags() -> kernel::alloc::Flags {
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
    sets: Arc<Sets>,
    batch: Option<Batch<'a>>,
    /// The tables that the change begins with.
    tables: Tables,
    /// Those that it makes, by set.
    drafts: KVVec<Option<Draft>>,
    at: Moment,
    /// How many ops have been begun.
    begun: usize,
    /// Whether the elements of anonymous sets were replaced.
    replaced: bool,
}

impl<'a> Stage<'a> {
    /// A change of `sets`, whose intervals are `tables`, to be seen from `epoch` on.
    pub(crate) fn new(
        sets: Arc<Sets>,
        tables: Tables,
        batch: Option<Batch<'a>>,
        epoch: u64,
    ) -> Result<Self> {
        let mut drafts = KVVec::with_capacity(sets.sets.len(), flags())?;
        for _ in 0..sets.sets.len() {
            drafts.push(None, flags())?;
        }
        let now = clock::milliseconds(clock::now());
        let at = Moment { epoch, now };
        Ok(Stage {
            sets,
            batch,
            tables,
            drafts,
            at,
            begun: 0,
            replaced: false,
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
            if self.tables.get(index as usize).is_some_and(Option::is_some) {
                self.draft(set, index)?.clear(true)?;
            }
        }
        Ok(())
    }

    /// Writes down what the batch says.
    pub(crate) fn apply(&mut self) -> Result<(), Refused> {
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
            SetOpKind::Add => self.add(set, op),
            SetOpKind::Delete if is_interval => self.delete_intervals(set, op),
            SetOpKind::Delete => self.delete(set, op),
            SetOpKind::Clear | SetOpKind::Replace => {
                let replace = op.kind == SetOpKind::Replace;
                set.content.exact.clear(replace, self.at);
                if is_interval {
                    self.draft(set, op.index)?.clear(replace)?;
                }
                Ok(())
            }
            SetOpKind::Reset => self.find_all(set, op),
        }
    }

    /// The table of intervals that is being made for a set.
    fn draft(&mut self, set: &SetState, index: u32) -> Result<&mut Draft> {
        let index = index as usize;
        let slot = self.drafts.get_mut(index).ok_or(EINVAL)?;
        if slot.is_none() {
            let empty = IntervalTable::default();
            let old = self.tables.get(index).and_then(Option::as_deref);
            let merges = set.declared.flags & SET_AUTO_MERGE != 0;
            let old = old.unwrap_or(&empty);
            let draft = Draft::new(set.shape, set.declared.size, merges, old, self.at.now)?;
            *slot = Some(draft);
        }
        slot.as_mut().ok_or(EINVAL)
    }

    fn add(&self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        set.content.exact.reserve(op.count)?;
        for (number, given) in (0..).zip(op.elements()) {
            self.add_one(set, &given, op.exclusive, number)?;
        }
        Ok(())
    }

    fn add_one(
        &self,
        set: &SetState,
        given: &Given<'_>,
        exclusive: bool,
        number: u32,
    ) -> Result<(), intervals::Refused> {
        let exact = &set.content.exact;
        let mut data = [0; VERDICT_BYTES];
        let data = data_of(&set.shape, given, &mut data);
        let new = self.make(set, given, exact.hash(given.key), data, false)?;
        let added = exact.add(new, exclusive, set.declared.size, self.at);
        added.map_err(|error| intervals::Refused::Element(error, number))
    }

    fn add_intervals(&mut self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        let mut new = KVVec::with_capacity(op.count as usize, flags())?;
        for (number, given) in (0..).zip(op.elements()) {
            if given.catchall {
                self.add_one(set, &given, op.exclusive, number)?;
                continue;
            }
            let mut data = [0; VERDICT_BYTES];
            let data = data_of(&set.shape, &given, &mut data);
            let draft = self.draft(set, op.index)?;
            let element = match draft.again(&given, data) {
                Some(element) => element,
                None => {
                    let place = draft.next_number();
                    self.make(set, &given, place, data, true)?
                }
            };
            new.push((element, number), flags())?;
        }
        self.draft(set, op.index)?.add(new, op.exclusive)
    }

    fn delete(&self, set: &SetState, op: &Op<'_>) -> Result<(), intervals::Refused> {
        for (number, given) in (0..).zip(op.elements()) {
            if !set.content.exact.remove(wanted(&given), self.at) && !op.lenient {
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
            if single && exact.remove(wanted(&given), self.at) {
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
            if !self.with(set, op.index, &given, |_| ())? {
                return Err(intervals::Refused::Element(VerifyError::Missing, number));
            }
        }
        Ok(())
    }

    /// Does `then` with an element as it will be; `false` if there will be none.
    fn with(
        &mut self,
        set: &SetState,
        index: u32,
        given: &Given<'_>,
        then: impl Fn(&Element),
    ) -> Result<bool> {
        if set.declared.flags & SET_INTERVAL != 0 && !given.catchall {
            if let Some(element) = self.draft(set, index)?.get(given.key, given.end) {
                then(element);
                return Ok(true);
            }
        }
        Ok(set.content.exact.with(wanted(given), self.at, then))
    }

    /// Makes an element.
    fn make(
        &self,
        set: &SetState,
        given: &Given<'_>,
        hash: u32,
        data: &[u8],
        interval: bool,
    ) -> Result<ElementRef> {
        let extras = self.extras(set, given)?;
        let mut marks = 0;
        for (mark, on) in [
            (CATCHALL, given.catchall),
            (STATIC, given.is_static),
            (HAS_END, interval),
        ] {
            marks |= if on { mark } else { 0 };
        }
        let life = Life {
            born: Shared64::new(if interval { 0 } else { self.at.epoch }),
            dies: Shared64::new(NEVER),
            flags: Shared32::new(marks),
            extras,
        };
        let end = if interval { given.end } else { &[] };
        Entry::new(hash, life, &[given.key, end, data], flags())
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
            let fits = |element: &Element| match set.shape.kind {
                SetKind::Verdict => {
                    element::verdict(set.shape.data(element)).is_some_and(|(_, handle)| {
                        handle == 0 || view.target(declared, handle).is_some()
                    })
                }
                SetKind::Object => {
                    let identity = set.shape.data(element).first_chunk();
                    identity.is_some_and(|id| view.object(u64::from_ne_bytes(*id)).is_some())
                }
                SetKind::Set | SetKind::Map => true,
            };
            if matches!(set.shape.kind, SetKind::Set | SetKind::Map) {
                continue;
            }
            let walk = set.content.exact.walk();
            let mut living = walk
                .entries()
                .filter(|element| element.lives(self.at.epoch));
            let intervals = self.intervals(index);
            if !living.all(fits) || !intervals.iter().all(|element| fits(element)) {
                return Err(Refused::Program(Refusal {
                    error: VerifyError::Element,
                    section: Some(SectionId::Sets),
                    index: u32::try_from(index).unwrap_or(u32::MAX),
                }));
            }
        }
        Ok(())
    }

    /// The intervals that a set will have.
    fn intervals(&self, index: usize) -> &[ElementRef] {
        let draft = self.drafts.get(index).and_then(Option::as_ref);
        let old = self.tables.get(index).and_then(Option::as_deref);
        let table = draft.map(Draft::table).or(old);
        table.map_or(&[], IntervalTable::elements)
    }

    /// What is to be published.
    pub(crate) fn snapshot(&mut self) -> Result<Arc<Snapshot>> {
        let mut tables = mem::take(&mut self.tables);
        for (table, draft) in tables.iter_mut().zip(&mut self.drafts) {
            if let Some(draft) = draft.take() {
                *table = Some(Arc::new(draft.finish(), GFP_KERNEL_ACCOUNT)?);
            }
        }
        let epoch = self.at.epoch;
        Ok(Arc::new(Snapshot { epoch, tables }, GFP_KERNEL_ACCOUNT)?)
    }

    /// The snapshot has been published: does what is left to do.
    pub(crate) fn commit(mut self, snapshot: &Snapshot) {
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
                self.reset(set, snapshot.table(op.index as usize), &op);
            }
            let waste = set.content.exact.settle(self.at.epoch);
            if waste || (set.is_timed() && set.content.exact.count() != 0) {
                set.collect();
            }
        }
    }

    /// Lets the states of elements begin anew.
    fn reset(&self, set: &SetState, table: Option<&IntervalTable>, op: &Op<'_>) {
        let reset = |element: &Element| {
            if let Some(cells) = element.cells() {
                cells.reset();
            }
        };
        for given in op.elements() {
            let interval = table.filter(|_| !given.catchall);
            match interval.and_then(|table| table.get(&set.shape, given.key, given.end)) {
                Some(element) => reset(element),
                None => {
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
    }
}

/// The key of a given element.
fn wanted<'a>(given: &Given<'a>) -> Wanted<'a> {
    Wanted {
        key: given.key,
        catchall: given.catchall,
    }
}

/// The data of a given element, as they are kept.
fn data_of<'a>(shape: &Shape, given: &Given<'a>, to: &'a mut [u8; VERDICT_BYTES]) -> &'a [u8] {
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
