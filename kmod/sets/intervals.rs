// SPDX-License-Identifier: GPL-2.0
//! Elements that are intervals: a sorted table that never changes once it is published.
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
//! A request makes a [`Draft`] of the table: adds are sorted and merged into it, removals taken out in one
//! pass. What the two tables have in common they share, with its states and its time.

use core::cmp::Ordering;

use ferrule_engine::{contains, Element as Given};
use ferrule_uapi::{error::VerifyError, set::KEY_BYTES};
use kernel::prelude::*;

use super::{
    element::{Element, ElementRef, Life, Shape, HAS_END, NEVER, STATIC},
    sort::sort,
};
use crate::abstractions::{
    rculist::Entry,
    rwonce::{Shared32, Shared64},
};

/// For tables.
fn flags() -> kernel::alloc::Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// Intervals, ascending.
#[derive(Default)]
pub(crate) struct IntervalTable {
    elements: KVVec<ElementRef>,
    /// For each the index of the one, up to here, that ends last in the first part; none for one part.
    reach: KVVec<u32>,
}

/// The first part of a key.
fn first<'a>(shape: &Shape, key: &'a [u8]) -> &'a [u8] {
    let len = shape.parts().first().copied().unwrap_or(0);
    key.get(..len.into()).unwrap_or_default()
}

impl IntervalTable {
    /// The elements, in order.
    pub(crate) fn elements(&self) -> &[ElementRef] {
        &self.elements
    }

    /// The element that holds `key` and whose time is not over at `now`.
    pub(crate) fn find(&self, shape: &Shape, key: &[u8], now: u64) -> Option<&Element> {
        if self.reach.is_empty() {
            let at = self
                .elements
                .partition_point(|element| shape.begin(element) <= key);
            let element = self.elements.get(at.checked_sub(1)?)?;
            return (key <= shape.end(element) && !element.is_over(now)).then_some(element);
        }
        let mut found: Option<&Element> = None;
        for element in self.holding(shape, key) {
            let earlier = found.is_none_or(|found| element.hash() < found.hash());
            if earlier && !element.is_over(now) {
                found = Some(element);
            }
        }
        found
    }

    /// The boxes that hold `key`, of a concatenation.
    fn holding<'a, 'k>(
        &'a self,
        shape: &'k Shape,
        key: &'k [u8],
    ) -> impl Iterator<Item = &'a Element> + 'k
    where
        'a: 'k,
    {
        let part = first(shape, key);
        let end = self
            .elements
            .partition_point(|element| first(shape, shape.begin(element)) <= part);
        let reaches = self.reach.get(..end).unwrap_or_default();
        let near = reaches.iter().enumerate().rev();
        let near = near.take_while(move |(_, reach)| {
            let reach = self.elements.get(**reach as usize);
            reach.is_some_and(|reach| first(shape, shape.end(reach)) >= part)
        });
        let near = near.filter_map(|(index, _)| self.elements.get(index).map(|element| &**element));
        near.filter(move |element| {
            contains(shape.parts(), shape.begin(element), shape.end(element), key)
        })
    }

    /// The interval that is exactly this.
    pub(super) fn get(&self, shape: &Shape, begin: &[u8], end: &[u8]) -> Option<&Element> {
        let at = self.position(shape, begin, end)?;
        self.elements.get(at).map(|element| &**element)
    }

    /// Works out [`IntervalTable::reach`].
    fn measure(&mut self, shape: &Shape) -> Result {
        self.reach.clear();
        if shape.parts().len() < 2 {
            return Ok(());
        }
        self.reach.reserve(self.elements.len(), flags())?;
        let mut far = 0_u32;
        for (index, element) in (0_u32..).zip(&self.elements) {
            let end = first(shape, shape.end(element));
            let farther = self
                .elements
                .get(far as usize)
                .is_none_or(|farthest| first(shape, shape.end(farthest)) <= end);
            if farther {
                far = index;
            }
            self.reach.push(far, flags())?;
        }
        Ok(())
    }

    /// The index of the interval from `begin` to `end`.
    fn position(&self, shape: &Shape, begin: &[u8], end: &[u8]) -> Option<usize> {
        let order = |element: &ElementRef| {
            let before = shape.begin(element).cmp(begin);
            before.then_with(|| shape.end(element).cmp(end))
        };
        self.elements.binary_search_by(order).ok()
    }
}

/// Why intervals cannot be added.
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

/// A table that is being made.
pub(super) struct Draft {
    shape: Shape,
    size: u32,
    merges: bool,
    table: IntervalTable,
    /// What [`Draft::replace`] took away, ascending.
    replaced: KVVec<ElementRef>,
    /// Number of the next element.
    next: u32,
}

/// An element that comes, and its number in the op; one that is there already has none.
struct Coming {
    element: ElementRef,
    number: Option<u32>,
}

impl Draft {
    /// Begins with the elements of `old` whose time is not over.
    pub(super) fn new(
        shape: Shape,
        size: u32,
        merges: bool,
        old: &IntervalTable,
        now: u64,
    ) -> Result<Self> {
        let mut elements = KVVec::with_capacity(old.elements.len(), flags())?;
        let mut next = 0;
        for element in &old.elements {
            next = element.hash().wrapping_add(1).max(next);
            if !element.is_over(now) {
                elements.push(element.clone(), flags())?;
            }
        }
        let mut table = IntervalTable {
            elements,
            reach: KVVec::new(),
        };
        table.measure(&shape)?;
        Ok(Draft {
            shape,
            size,
            merges,
            table,
            replaced: KVVec::new(),
            next,
        })
    }

    /// The table as it is so far.
    pub(super) fn table(&self) -> &IntervalTable {
        &self.table
    }

    /// The finished table.
    pub(super) fn finish(self) -> IntervalTable {
        self.table
    }

    /// A number for the next element.
    pub(super) fn next_number(&mut self) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }

    /// Removes all; if `replace`, those that came with a ruleset, of which the same may be added again.
    pub(super) fn clear(&mut self, replace: bool) -> Result {
        let old = core::mem::take(&mut self.table.elements);
        if replace {
            self.table.elements.reserve(old.len(), flags())?;
            for element in old {
                let list = match element.is(STATIC) {
                    true => &mut self.replaced,
                    false => &mut self.table.elements,
                };
                list.push(element, flags())?;
            }
        }
        self.table.measure(&self.shape)
    }

    /// The element that was replaced and that `given` is again.
    pub(super) fn again(&self, given: &Given<'_>, data: &[u8]) -> Option<ElementRef> {
        let shape = &self.shape;
        let order = |element: &ElementRef| {
            let before = shape.begin(element).cmp(given.key);
            before.then_with(|| shape.end(element).cmp(given.end))
        };
        let at = self.replaced.binary_search_by(order).ok()?;
        let element = self.replaced.get(at)?;
        let same = shape.data(element) == data && element.comment() == given.comment;
        same.then(|| element.clone())
    }

    /// Adds elements, each with its number in the op.
    pub(super) fn add(
        &mut self,
        mut new: KVVec<(ElementRef, u32)>,
        exclusive: bool,
    ) -> Result<(), Refused> {
        let shape = self.shape;
        let by_place = |a: &Element, b: &Element| {
            let begins = shape.begin(a).cmp(shape.begin(b));
            begins.then_with(|| shape.end(a).cmp(shape.end(b)))
        };
        sort(&mut new, |(a, n), (b, m)| by_place(a, b).then(n.cmp(m)));
        let len = self.table.elements.len().saturating_add(new.len());
        let mut merged = KVVec::<Coming>::with_capacity(len, flags())?;
        let old = core::mem::take(&mut self.table.elements);
        let mut old = old.into_iter().peekable();
        for (element, number) in new {
            while let Some(before) = old.next_if(|old| by_place(old, &element) != Ordering::Greater)
            {
                self.append(
                    &mut merged,
                    Coming {
                        element: before,
                        number: None,
                    },
                    exclusive,
                )?;
            }
            self.append(
                &mut merged,
                Coming {
                    element,
                    number: Some(number),
                },
                exclusive,
            )?;
        }
        for element in old {
            self.append(
                &mut merged,
                Coming {
                    element,
                    number: None,
                },
                exclusive,
            )?;
        }
        self.fill(merged)
    }

    /// Puts the merged elements into the table, and looks at what only the whole shows.
    fn fill(&mut self, merged: KVVec<Coming>) -> Result<(), Refused> {
        let mut elements = KVVec::with_capacity(merged.len(), flags())?;
        let mut fresh = KVVec::new();
        for coming in merged {
            if let Some(number) = coming.number {
                fresh.push((elements.len(), number), flags())?;
            }
            elements.push(coming.element, flags())?;
        }
        if self.size != 0 && elements.len() > self.size as usize {
            let last = fresh.iter().map(|(_, number)| *number).max();
            return Err(Refused::Element(VerifyError::Full, last.unwrap_or(0)));
        }
        self.table.elements = elements;
        self.table.measure(&self.shape)?;
        if self.shape.parts().len() > 1 {
            for (index, number) in &fresh {
                self.ensure_apart(*index, *number)?;
            }
        }
        Ok(())
    }

    /// Refuses a box of which an older one holds a corner.
    fn ensure_apart(&self, index: usize, number: u32) -> Result<(), Refused> {
        let Some(element) = self.table.elements.get(index) else {
            return Ok(());
        };
        for corner in [self.shape.begin(element), self.shape.end(element)] {
            let mut holding = self.table.holding(&self.shape, corner);
            if holding.any(|other| other.hash() < element.hash()) {
                return Err(Refused::Element(VerifyError::Overlap, number));
            }
        }
        Ok(())
    }

    /// Appends an element that does not begin before the last one, joins it to that, or refuses it.
    fn append(
        &self,
        merged: &mut KVVec<Coming>,
        coming: Coming,
        exclusive: bool,
    ) -> Result<(), Refused> {
        let shape = &self.shape;
        let Some(last) = merged.pop() else {
            return Ok(merged.push(coming, flags())?);
        };
        let (a, b) = (&last.element, &coming.element);
        let number = coming.number.or(last.number).unwrap_or(0);
        let same_place = shape.begin(a) == shape.begin(b) && shape.end(a) == shape.end(b);
        let same_data = shape.data(a) == shape.data(b);
        if same_place {
            if exclusive || !same_data {
                return Err(Refused::Element(VerifyError::Exists, number));
            }
            if b.is(STATIC) {
                a.mark(STATIC, true);
            }
            return Ok(merged.push(last, flags())?);
        }
        let single = shape.parts().len() == 1;
        let meets = single && shape.begin(b) <= shape.end(a);
        if self.merges && same_data && (meets || (single && touches(shape.end(a), shape.begin(b))))
        {
            let end = shape.end(a).max(shape.end(b));
            let both = reshape(shape, a, shape.begin(a), end)?;
            let number = last.number.or(coming.number);
            return Ok(merged.push(
                Coming {
                    element: both,
                    number,
                },
                flags(),
            )?);
        }
        if meets {
            return Err(Refused::Element(VerifyError::Overlap, number));
        }
        merged.push(last, flags())?;
        Ok(merged.push(coming, flags())?)
    }

    /// Removes an interval: the whole of one, or, if intervals are joined, a part of one. `false`
    /// if there is none.
    pub(super) fn remove(&mut self, begin: &[u8], end: &[u8]) -> Result<bool> {
        let shape = self.shape;
        if let Some(at) = self.table.position(&shape, begin, end) {
            let _ = self.table.elements.remove(at);
            self.table.measure(&shape)?;
            return Ok(true);
        }
        if !self.merges || shape.parts().len() != 1 {
            return Ok(false);
        }
        let after = self
            .table
            .elements
            .partition_point(|element| shape.begin(element) <= begin);
        let at = after.checked_sub(1);
        let whole = at.and_then(|at| self.table.elements.get(at)).cloned();
        let (Some(at), Some(whole)) = (at, whole) else {
            return Ok(false);
        };
        if end > shape.end(&whole) {
            return Ok(false);
        }
        self.split(at, &whole, begin, end)?;
        Ok(true)
    }

    /// Takes a part out of the element at `at`.
    fn split(&mut self, at: usize, whole: &Element, begin: &[u8], end: &[u8]) -> Result {
        let shape = self.shape;
        let mut pieces: [Option<ElementRef>; 2] = [None, None];
        let mut edge = [0; KEY_BYTES];
        if let Some(before) = step(begin, &mut edge, false).filter(|_| shape.begin(whole) < begin) {
            pieces[0] = Some(reshape(&shape, whole, shape.begin(whole), before)?);
        }
        if let Some(after) = step(end, &mut edge, true).filter(|_| end < shape.end(whole)) {
            pieces[1] = Some(reshape(&shape, whole, after, shape.end(whole))?);
        }
        let mut elements =
            KVVec::with_capacity(self.table.elements.len().saturating_add(1), flags())?;
        for (index, element) in self.table.elements.iter().enumerate() {
            if index != at {
                elements.push(element.clone(), flags())?;
                continue;
            }
            for piece in pieces.iter_mut().filter_map(Option::take) {
                elements.push(piece, flags())?;
            }
        }
        self.table.elements = elements;
        self.table.measure(&shape)
    }

    /// The element that is exactly this interval.
    pub(super) fn get(&self, begin: &[u8], end: &[u8]) -> Option<&Element> {
        self.table.get(&self.shape, begin, end)
    }

    /// Removes many intervals in one pass. The number of the one that is not there, if it must be, is
    /// the error.
    pub(super) fn remove_all<'a>(
        &mut self,
        gone: impl Iterator<Item = (u32, Given<'a>)>,
        lenient: bool,
    ) -> Result<(), Refused> {
        let shape = self.shape;
        let mut marks = KVVec::with_capacity(self.table.elements.len(), flags())?;
        for _ in 0..self.table.elements.len() {
            marks.push(false, flags())?;
        }
        let mut rest = KVVec::new();
        for (number, given) in gone {
            let at = self.table.position(&shape, given.key, given.end);
            match at.and_then(|at| marks.get_mut(at)) {
                Some(mark) if !*mark => *mark = true,
                _ if self.merges => rest.push((number, given), flags())?,
                _ if lenient => {}
                _ => return Err(Refused::Element(VerifyError::Missing, number)),
            }
        }
        let mut left = KVVec::with_capacity(self.table.elements.len(), flags())?;
        let old = core::mem::take(&mut self.table.elements);
        for (element, gone) in old.into_iter().zip(&marks) {
            if !*gone {
                left.push(element, flags())?;
            }
        }
        self.table.elements = left;
        self.table.measure(&shape)?;
        for (number, given) in rest {
            if !self.remove(given.key, given.end)? && !lenient {
                return Err(Refused::Element(VerifyError::Missing, number));
            }
        }
        Ok(())
    }
}

/// An element like `element` from `begin` to `end`, which shares its states and its time.
fn reshape(shape: &Shape, element: &Element, begin: &[u8], end: &[u8]) -> Result<ElementRef> {
    let value = Life {
        born: Shared64::new(0),
        dies: Shared64::new(NEVER),
        flags: Shared32::new(element.value().flags.get() | HAS_END),
        extras: element.value().extras.clone(),
    };
    Entry::new(
        element.hash(),
        value,
        &[begin, end, shape.data(element)],
        flags(),
    )
}

/// Whether `begin` is the next key after `end`.
fn touches(end: &[u8], begin: &[u8]) -> bool {
    let mut edge = [0; KEY_BYTES];
    step(end, &mut edge, true).is_some_and(|next| next == begin)
}

/// The key after `key`, or the one before it; `None` if there is none.
fn step<'a>(key: &[u8], to: &'a mut [u8; KEY_BYTES], up: bool) -> Option<&'a [u8]> {
    let to = to.get_mut(..key.len())?;
    let mut carry = true;
    for (to, from) in to.iter_mut().zip(key).rev() {
        let (value, over) = match (carry, up) {
            (false, _) => (*from, false),
            (true, true) => from.overflowing_add(1),
            (true, false) => from.overflowing_sub(1),
        };
        *to = value;
        carry = over;
    }
    (!carry).then_some(to)
}
