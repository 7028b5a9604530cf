// SPDX-License-Identifier: GPL-2.0
//! A table of intervals that is being made, and how elements are added to it.
//!
//! What comes is sorted, and merged with what is there. Two elements that are there already need no look at one
//! another: only at a new one, and behind it for as long as it joins with what comes, each element is compared
//! with the one before. What lies between is copied as a run.

use ferrule_engine::Element as Given;
use ferrule_uapi::{error::VerifyError, set::KEY_BYTES};
use kernel::{prelude::*, sync::Arc};

use super::{
    super::{element::Shape, sort::sort},
    cut::step,
    flags, Interval, IntervalTable, Refused,
};

/// The table as it is so far.
enum Current {
    /// As it was.
    Old(Arc<IntervalTable>),
    /// Another one.
    New(IntervalTable),
}

/// A table that is being made.
pub(in crate::sets) struct Draft {
    pub(super) shape: Shape,
    size: u32,
    pub(super) merges: bool,
    current: Current,
    /// What [`Draft::clear`] took away, and may be added again.
    replaced: Option<IntervalTable>,
    /// Number of the next element.
    next: u32,
}

/// Elements that come, in the order of the op, and the number that each has there.
pub(in crate::sets) struct Coming {
    rows: IntervalTable,
    numbers: KVVec<u32>,
}

impl Coming {
    /// None, with room for `len`.
    pub(in crate::sets) fn new(shape: &Shape, len: usize) -> Result<Self> {
        Ok(Coming {
            rows: IntervalTable::new(shape, len)?,
            numbers: KVVec::with_capacity(len, flags())?,
        })
    }

    /// One more.
    pub(in crate::sets) fn push(&mut self, row: &Interval<'_>, number: u32) -> Result {
        self.rows.push(row)?;
        Ok(self.numbers.push(number, flags())?)
    }

    /// The indices of the rows in the order of their places; of those at one place the first comes first.
    fn order(&self) -> Result<KVVec<u32>> {
        let mut order = KVVec::with_capacity(self.rows.len(), flags())?;
        for (index, _) in (0_u32..).zip(0..self.rows.len()) {
            order.push(index, flags())?;
        }
        let place = |at: &u32| self.rows.row(*at as usize).map(|row| row.place());
        sort(&mut order, |a: &u32, b| {
            place(a).cmp(&place(b)).then(a.cmp(b))
        });
        Ok(order)
    }
}

impl Draft {
    /// Begins with the elements of `old` whose time is not over.
    pub(in crate::sets) fn new(
        shape: &Shape,
        (size, merges): (u32, bool),
        old: Option<Arc<IntervalTable>>,
        now: u64,
    ) -> Result<Self> {
        let current = match old {
            Some(old) if old.extras.is_empty() => Current::Old(old),
            Some(old) => {
                let mut living = IntervalTable::new(shape, old.len())?;
                for row in old.rows().filter(|row| !row.is_over(now)) {
                    living.push(&row)?;
                }
                living.measure()?;
                Current::New(living)
            }
            None => Current::New(IntervalTable::new(shape, 0)?),
        };
        let mut draft = Draft {
            shape: *shape,
            size,
            merges,
            current,
            replaced: None,
            next: 0,
        };
        let last = draft.table().numbers.iter().max();
        draft.next = last.map_or(0, |last| last.wrapping_add(1));
        Ok(draft)
    }

    /// The table as it is so far.
    pub(in crate::sets) fn table(&self) -> &IntervalTable {
        match &self.current {
            Current::Old(table) => table,
            Current::New(table) => table,
        }
    }

    /// Goes on with another table.
    pub(super) fn set(&mut self, mut table: IntervalTable) -> Result {
        table.measure()?;
        self.current = Current::New(table);
        Ok(())
    }

    /// The finished table.
    pub(in crate::sets) fn finish(self) -> Result<Arc<IntervalTable>> {
        match self.current {
            Current::Old(table) => Ok(table),
            Current::New(table) => Ok(Arc::new(table.fit()?, GFP_KERNEL_ACCOUNT)?),
        }
    }

    /// A number for the next element.
    pub(in crate::sets) fn next_number(&mut self) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }

    /// Removes all; if `replace`, those that came with a ruleset, of which the same may be added again.
    pub(in crate::sets) fn clear(&mut self, replace: bool) -> Result {
        let mut rest = IntervalTable::new(&self.shape, 0)?;
        if replace {
            let mut replaced = IntervalTable::new(&self.shape, 0)?;
            for row in self.table().rows() {
                let to = match row.is_static {
                    true => &mut replaced,
                    false => &mut rest,
                };
                to.push(&row)?;
            }
            self.replaced = Some(replaced);
        }
        self.set(rest)
    }

    /// The element that was replaced and that `given` is again.
    pub(in crate::sets) fn again(&self, given: &Given<'_>, data: &[u8]) -> Option<Interval<'_>> {
        let row = self.replaced.as_ref()?.get(given.key, given.end)?;
        (row.data == data && row.comment() == given.comment).then_some(row)
    }

    /// Adds elements.
    pub(in crate::sets) fn add(&mut self, coming: &Coming, exclusive: bool) -> Result<(), Refused> {
        if coming.rows.len() == 0 {
            return Ok(());
        }
        let merged = {
            let old = self.table();
            let len = old.len().saturating_add(coming.rows.len());
            let mut merge = Merge {
                table: IntervalTable::new(&self.shape, len)?,
                merges: self.merges,
                exclusive,
                is_open: false,
                last: None,
                fresh: KVVec::new(),
                greatest: 0,
            };
            merge.all(old, coming)?;
            merge
        };
        if self.size != 0 && merged.table.len() > self.size as usize {
            return Err(Refused::Element(VerifyError::Full, merged.greatest));
        }
        self.set(merged.table)?;
        for (at, number) in &merged.fresh {
            self.ensure_apart(*at, *number)?;
        }
        Ok(())
    }

    /// Refuses a box of which an older one holds a corner.
    fn ensure_apart(&self, at: usize, number: u32) -> Result<(), Refused> {
        let table = self.table();
        let Some(row) = table.row(at) else {
            return Ok(());
        };
        for corner in [row.begin, row.end] {
            let mut holding = table.holding(corner);
            if holding.any(|other| other.number < row.number) {
                return Err(Refused::Element(VerifyError::Overlap, number));
            }
        }
        Ok(())
    }

    /// The element that is exactly this interval.
    pub(in crate::sets) fn get(&self, begin: &[u8], end: &[u8]) -> Option<Interval<'_>> {
        self.table().get(begin, end)
    }
}

/// Two tables becoming one.
struct Merge {
    table: IntervalTable,
    merges: bool,
    exclusive: bool,
    /// The last element is new, or joined: it may meet the next.
    is_open: bool,
    /// Number, in the op, of the last element if it is new.
    last: Option<u32>,
    /// Where new boxes are, and their numbers in the op.
    fresh: KVVec<(usize, u32)>,
    /// The greatest number, in the op, of what came.
    greatest: u32,
}

impl Merge {
    fn all(&mut self, old: &IntervalTable, coming: &Coming) -> Result<(), Refused> {
        let mut at = 0_usize;
        for index in coming.order()? {
            let Some(row) = coming.rows.row(index as usize) else {
                continue;
            };
            let until = old.behind(row.place(), at);
            self.run(old, at, until)?;
            at = until;
            let number = coming.numbers.get(index as usize).copied();
            self.append(&row, number)?;
        }
        self.run(old, at, old.len())
    }

    /// Appends elements that are there already.
    fn run(&mut self, old: &IntervalTable, mut at: usize, until: usize) -> Result<(), Refused> {
        while at < until && self.is_open {
            if let Some(row) = old.row(at) {
                self.append(&row, None)?;
            }
            at = at.wrapping_add(1);
        }
        if at < until {
            self.table.copy(old, at..until)?;
            self.last = None;
        }
        Ok(())
    }

    /// Appends an element that does not begin before the last one, joins it to that, or refuses it. One that
    /// comes has a `number` in the op.
    fn append(&mut self, row: &Interval<'_>, number: Option<u32>) -> Result<(), Refused> {
        let single = self.table.shape.parts().len() == 1;
        let merges = self.merges && single;
        if let Some(last) = self.table.len().checked_sub(1) {
            let Some(before) = self.table.row(last) else {
                return Err(Refused::System(EINVAL));
            };
            let refused = number.or(self.last).unwrap_or(0);
            let same_data = before.data == row.data;
            if before.place() == row.place() {
                if self.exclusive || !same_data {
                    return Err(Refused::Element(VerifyError::Exists, refused));
                }
                if row.is_static {
                    self.table.mark_last_static();
                }
                return Ok(());
            }
            let meets = single && row.begin <= before.end;
            if merges && same_data && (meets || touches(before.end, row.begin)) {
                if row.end > before.end {
                    self.table.set_last_end(row.end);
                }
                self.last = self.last.or(number);
                self.is_open = true;
                return Ok(());
            }
            if meets {
                return Err(Refused::Element(VerifyError::Overlap, refused));
            }
        }
        if let Some(number) = number {
            self.greatest = self.greatest.max(number);
            if !single {
                self.fresh.push((self.table.len(), number), flags())?;
            }
        }
        self.table.push(row)?;
        self.last = number;
        self.is_open = number.is_some();
        Ok(())
    }
}

/// Whether `begin` is the next key after `end`.
fn touches(end: &[u8], begin: &[u8]) -> bool {
    let mut edge = [0; KEY_BYTES];
    step(end, &mut edge, true).is_some_and(|next| next == begin)
}
