// SPDX-License-Identifier: GPL-2.0
//! Removing intervals from a draft.
//!
//! What goes is a *cut*: the whole of an element or, where intervals are joined, a part of one. For each the element
//! is looked up first; then the cuts are sorted, and the table is copied but for them, in one pass. As if they
//! were made one after another, of two cuts that overlap the later one is missing.

use ferrule_engine::Element as Given;
use ferrule_uapi::{error::VerifyError, set::KEY_BYTES};
use kernel::prelude::*;

use super::{super::sort::sort, draft::Draft, flags, Interval, IntervalTable, Refused};

/// What goes of an element.
#[derive(Clone, Copy)]
struct Cut<'a> {
    /// Index of the element.
    at: usize,
    /// From where to where, both included.
    begin: &'a [u8],
    end: &'a [u8],
    /// Its number in the op.
    number: u32,
}

impl Draft {
    /// Removes many intervals in one pass. The number of one that is not there, if it must be, is the error.
    pub(in crate::sets) fn remove_all<'a>(
        &mut self,
        gone: impl Iterator<Item = (u32, Given<'a>)>,
        lenient: bool,
    ) -> Result<(), Refused> {
        let mut cuts = KVVec::new();
        for (number, given) in gone {
            match self.cut(&given) {
                Some(at) => {
                    let (begin, end) = (given.key, given.end);
                    let cut = Cut {
                        at,
                        begin,
                        end,
                        number,
                    };
                    cuts.push(cut, flags())?;
                }
                None if lenient => {}
                None => return Err(Refused::Element(VerifyError::Missing, number)),
            }
        }
        let order = |cut: &Cut<'a>| (cut.at, cut.begin, cut.number);
        sort(&mut cuts, |a, b| order(a).cmp(&order(b)));
        let apart = apart(&cuts)?;
        match apart.missing {
            Some(number) if !lenient => Err(Refused::Element(VerifyError::Missing, number)),
            _ if apart.cuts.is_empty() => Ok(()),
            _ => self.without(&apart.cuts),
        }
    }

    /// The index of the element that has all of `given`, if that can be taken out of it.
    fn cut(&self, given: &Given<'_>) -> Option<usize> {
        let table = self.table();
        let exact = table.position(given.key, given.end);
        if exact.is_some() || !self.merges || table.has_boxes() {
            return exact;
        }
        let at = table.until(given.key).checked_sub(1)?;
        (given.end <= table.rest(at).0).then_some(at)
    }

    /// Makes the table without what `cuts` say, which ascend and do not overlap.
    fn without(&mut self, cuts: &[Cut<'_>]) -> Result<(), Refused> {
        let old = self.table();
        let len = old.len().saturating_add(cuts.len());
        let mut table = IntervalTable::new(&self.shape, len)?;
        let mut from = 0_usize;
        let mut rest = cuts;
        while let Some(cut) = rest.first() {
            let same = rest.iter().take_while(|other| other.at == cut.at).count();
            let (here, after) = rest.split_at_checked(same).ok_or(EINVAL)?;
            table.copy(old, from..cut.at)?;
            if let Some(row) = old.row(cut.at) {
                table.push_pieces(&row, here)?;
            }
            from = cut.at.saturating_add(1);
            rest = after;
        }
        table.copy(old, from..old.len())?;
        Ok(self.set(table)?)
    }
}

impl IntervalTable {
    /// Appends what is left of an element.
    fn push_pieces(&mut self, row: &Interval<'_>, cuts: &[Cut<'_>]) -> Result {
        let mut after = [0; KEY_BYTES];
        let mut begin = Some(row.begin);
        for cut in cuts {
            let Some(from) = begin else {
                return Ok(());
            };
            let mut before = [0; KEY_BYTES];
            let end = step(cut.begin, &mut before, false).filter(|_| from < cut.begin);
            if let Some(end) = end {
                let begin = from;
                self.push(&Interval { begin, end, ..*row })?;
            }
            begin = step(cut.end, &mut after, true).filter(|_| cut.end < row.end);
        }
        match begin {
            Some(begin) => self.push(&Interval { begin, ..*row }),
            None => Ok(()),
        }
    }
}

/// Cuts that do not overlap, and the first that is missing because of another.
struct Apart<'a> {
    cuts: KVVec<Cut<'a>>,
    missing: Option<u32>,
}

/// Leaves out cuts that overlap one that has an earlier number and is not left out itself. `cuts` are sorted.
fn apart<'a>(cuts: &[Cut<'a>]) -> Result<Apart<'a>> {
    let mut apart = Apart {
        cuts: KVVec::with_capacity(cuts.len(), flags())?,
        missing: None,
    };
    let mut rest = cuts;
    while let Some(first) = rest.first() {
        // Those that hang together.
        let (mut end, mut len) = (first.end, 1_usize);
        for cut in rest.iter().skip(1) {
            if cut.at != first.at || cut.begin > end {
                break;
            }
            end = end.max(cut.end);
            len = len.wrapping_add(1);
        }
        let (group, after) = rest.split_at_checked(len).ok_or(EINVAL)?;
        rest = after;
        if len == 1 {
            apart.cuts.push(*first, flags())?;
        } else {
            apart.choose(group)?;
        }
    }
    Ok(apart)
}

impl<'a> Apart<'a> {
    /// Takes those of a group that find what they want, in the order of the op.
    fn choose(&mut self, group: &[Cut<'a>]) -> Result {
        let mut by_number = KVVec::with_capacity(group.len(), flags())?;
        by_number.extend_from_slice(group, flags())?;
        sort(&mut by_number, |a: &Cut<'_>, b| a.number.cmp(&b.number));
        let mut taken = KVVec::<Cut<'a>>::new();
        for cut in by_number {
            if taken
                .iter()
                .any(|it| cut.begin <= it.end && it.begin <= cut.end)
            {
                let first = self.missing.unwrap_or(u32::MAX);
                self.missing = Some(first.min(cut.number));
            } else {
                taken.push(cut, flags())?;
            }
        }
        sort(&mut taken, |a, b| a.begin.cmp(b.begin));
        for cut in taken {
            self.cuts.push(cut, flags())?;
        }
        Ok(())
    }
}

/// The key after `key`, or the one before it; `None` if there is none.
pub(super) fn step<'a>(key: &[u8], to: &'a mut [u8; KEY_BYTES], up: bool) -> Option<&'a [u8]> {
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
