// SPDX-License-Identifier: GPL-2.0
//! The elements of a set, as the host keeps them.
//!
//! | keys | kept in | found by |
//! | --- | --- | --- |
//! | single values | a tree by key | its key |
//! | intervals of one part | the same | the last that begins no later |
//! | intervals of several parts | the same | looking at each |
//!
//! What has timed out is not there any more, and is taken away when something is added.

use std::collections::BTreeMap;

use ferrule_engine::{
    contains, overlap,
    state::{self, Cell},
    Batch, Element, Found, Op, Update, View,
};
use ferrule_uapi::{
    error::VerifyError,
    ioctl::StateValue,
    program::Wide,
    set::{ElementVerdict, Set, SetKind, SetOpKind, SET_AUTO_MERGE, SET_INTERVAL},
    statement::{SetUpdate, State, StateKind},
};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// Where elements are: the program, and the time.
pub(super) struct Place<'p> {
    /// The program.
    pub(super) view: &'p View<'p>,
    /// Nanoseconds since 1970.
    pub(super) now: u64,
}

/// One element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Beginning of the interval, or the key.
    pub from: Vec<u8>,
    /// End of the interval, or the key.
    pub to: Vec<u8>,
    /// What a map has for it.
    pub data: Option<Wide>,
    /// What a verdict map has for it.
    pub verdict: Option<(ElementVerdict, u64)>,
    /// What an object map has for it.
    pub object: u64,
    /// It came with a ruleset.
    pub is_static: bool,
    /// Its timeout in milliseconds; 0: none.
    pub timeout: u64,
    /// When it times out, in nanoseconds since 1970.
    pub until: Option<u64>,
    /// Its comment.
    pub comment: Vec<u8>,
    /// Its states: which record of the program's states, and the value.
    cells: Vec<(u32, Cell)>,
}

/// The elements of a set.
#[derive(Clone, Debug)]
pub struct Elements {
    set: Set,
    entries: BTreeMap<Vec<u8>, Entry>,
    catchall: Option<Entry>,
}

/// Why an element cannot be, and which.
type Refused = (VerifyError, u32);

/// What a state of an element, or of a rule, says; a limit of connections takes the packet's for the only
/// one, since there is no conntrack.
pub(super) fn ask(record: &State, cell: Cell, len: u32, now: u64) -> (Cell, bool) {
    if record.kind == StateKind::Connections as u8 {
        return (Cell { a: 1, b: 0 }, state::connections(record, 1));
    }
    state::ask(record, cell, len, now)
}

impl Entry {
    /// Whether it has not timed out.
    fn lives(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// What it says, whatever its states do.
    fn found(&self, kind: u8) -> Found {
        match SetKind::from_raw(kind) {
            Some(SetKind::Map) => Found::Data(self.data.unwrap_or_default()),
            Some(SetKind::Verdict) => {
                let (verdict, handle) = self.verdict.unwrap_or((ElementVerdict::Continue, 0));
                Found::Verdict(verdict, handle)
            }
            Some(SetKind::Object) => Found::Object(self.object),
            _ => Found::Member,
        }
    }

    /// Asks its states in turn, until one says no.
    fn ask(&mut self, len: u32, place: &Place<'_>) -> bool {
        for (index, cell) in &mut self.cells {
            let Some(record) = place.view.states().get(*index as usize) else {
                continue;
            };
            let (after, yes) = ask(record, *cell, len, place.now);
            *cell = after;
            if !yes {
                return false;
            }
        }
        true
    }

    /// The values of its states.
    pub fn states(&self, view: &View<'_>, now: u64) -> Vec<StateValue> {
        let value = |(index, cell): &(u32, Cell)| {
            let record = view.states().get(*index as usize)?;
            Some(state::value(record, *cell, now))
        };
        self.cells.iter().filter_map(value).collect()
    }

    /// Whether the two say the same.
    fn agrees(&self, other: &Entry) -> bool {
        self.data == other.data && self.verdict == other.verdict && self.object == other.object
    }
}

impl Elements {
    /// A set without elements.
    pub(super) fn new(set: &Set) -> Self {
        Elements {
            set: *set,
            entries: BTreeMap::new(),
            catchall: None,
        }
    }

    /// The elements, in order; the catch-all last.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().chain(&self.catchall)
    }

    /// Lengths of the key's parts.
    fn parts(&self) -> Vec<u8> {
        let parts = self.set.part_lens.iter();
        parts.take(self.set.parts.into()).copied().collect()
    }

    /// Where the entry with these bounds is in the tree. Intervals of one part do not begin at one place;
    /// others may.
    fn place(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        match self.set.parts == 1 || from == to {
            true => from.to_vec(),
            false => [from, to].concat(),
        }
    }

    /// Where an entry is in the tree.
    fn place_of(&self, entry: &Entry) -> Vec<u8> {
        self.place(&entry.from, &entry.to)
    }

    /// Puts an entry into the tree.
    fn insert(&mut self, entry: Entry) {
        self.entries.insert(self.place_of(&entry), entry);
    }

    /// Whether elements are intervals.
    fn has_intervals(&self) -> bool {
        self.set.flags & SET_INTERVAL != 0
    }

    /// The key of the element that holds `key`, the catch-all apart.
    fn holder(&self, key: &[u8], now: u64) -> Option<Vec<u8>> {
        let found = if !self.has_intervals() {
            self.entries.get(key)
        } else if self.set.parts == 1 {
            let before = self.entries.range(..=key.to_vec());
            before
                .map(|(_, entry)| entry)
                .next_back()
                .filter(|entry| key <= entry.to.as_slice())
        } else {
            let parts = self.parts();
            let mut entries = self.entries.values();
            entries.find(|entry| entry.lives(now) && contains(&parts, &entry.from, &entry.to, key))
        };
        let found = found.filter(|entry| entry.lives(now));
        found.map(|entry| self.place_of(entry))
    }

    /// The element that `key` has, the catch-all if no other.
    pub(super) fn get(&self, key: &[u8], now: u64) -> Option<&Entry> {
        match self.holder(key, now) {
            Some(at) => self.entries.get(&at),
            None => self.catchall.as_ref().filter(|entry| entry.lives(now)),
        }
    }

    /// What the set has for `key`; the element's states are asked.
    pub(super) fn find(&mut self, key: &[u8], len: u32, place: &Place<'_>) -> Option<Found> {
        let kind = self.set.kind;
        let entry = match self.holder(key, place.now) {
            Some(at) => self.entries.get_mut(&at),
            None => self
                .catchall
                .as_mut()
                .filter(|entry| entry.lives(place.now)),
        }?;
        match entry.ask(len, place) {
            true => Some(entry.found(kind)),
            false => Some(Found::Refused),
        }
    }

    /// `add`, `update` or `delete` by a rule.
    pub(super) fn update(&mut self, update: &Update<'_>, len: u32, place: &Place<'_>) -> bool {
        let holder = self.holder(update.key, place.now);
        if update.kind == SetUpdate::Delete {
            return holder.is_some_and(|at| self.entries.remove(&at).is_some());
        }
        let timeout = match update.timeout {
            0 => self.set.timeout,
            timeout => timeout,
        };
        if let Some(entry) = holder.and_then(|at| self.entries.get_mut(&at)) {
            if update.kind == SetUpdate::Update && entry.timeout != 0 {
                entry.timeout = timeout;
                entry.until = until(timeout, place.now);
            }
            return entry.ask(len, place);
        }
        self.forget_dead(place.now);
        if self.is_full() {
            return false;
        }
        let templates = match update.states {
            (_, 0) => (self.set.first_state, self.set.state_count),
            states => states,
        };
        let mut entry = Entry {
            from: update.key.to_vec(),
            to: update.key.to_vec(),
            data: update.data,
            verdict: None,
            object: 0,
            is_static: false,
            timeout,
            until: until(timeout, place.now),
            comment: Vec::new(),
            cells: begin(templates, place),
        };
        let yes = entry.ask(len, place);
        self.insert(entry);
        yes
    }

    /// Takes away what has timed out.
    fn forget_dead(&mut self, now: u64) {
        self.entries.retain(|_, entry| entry.lives(now));
    }

    /// Whether there is no room for one more.
    fn is_full(&self) -> bool {
        self.set.size != 0 && self.entries.len() >= self.set.size as usize
    }

    /// Does what one op of a batch says.
    pub(super) fn apply(
        &mut self,
        op: &Op<'_>,
        batch: &Batch<'_>,
        place: &Place<'_>,
    ) -> Result<(), Refused> {
        self.forget_dead(place.now);
        match op.kind {
            SetOpKind::Clear => {
                self.entries.clear();
                self.catchall = None;
                return Ok(());
            }
            SetOpKind::Replace => {
                self.keep_only(op.index, batch, place);
                return Ok(());
            }
            _ => {}
        }
        for (number, element) in (0..).zip(op.elements()) {
            let done = match op.kind {
                SetOpKind::Add => self.add(&element, op, place),
                SetOpKind::Delete => self.delete(&element, op.lenient),
                _ => self.reset(&element, place),
            };
            done.map_err(|error| (error, number))?;
        }
        Ok(())
    }

    /// Takes away what came with a ruleset, but for what the batch adds again and says the same.
    fn keep_only(&mut self, index: u32, batch: &Batch<'_>, place: &Place<'_>) {
        let mut added: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
        let mut catchall = None;
        for op in batch.ops() {
            if op.index != index || op.kind != SetOpKind::Add {
                continue;
            }
            for element in op.elements() {
                let entry = self.entry(&element, place);
                match element.catchall {
                    true => catchall = Some(entry),
                    false => drop(added.insert(self.place_of(&entry), entry)),
                }
            }
        }
        let stays = |entry: &Entry, again: Option<&Entry>| {
            !entry.is_static
                || again.is_some_and(|again| again.to == entry.to && again.agrees(entry))
        };
        self.entries.retain(|at, entry| stays(entry, added.get(at)));
        let kept = self.catchall.take();
        self.catchall = kept.filter(|entry| stays(entry, catchall.as_ref()));
    }

    /// The entry that an element of a batch stands for.
    fn entry(&self, element: &Element<'_>, place: &Place<'_>) -> Entry {
        let timeout = element.timeout.unwrap_or(self.set.timeout);
        let remaining = element.expires.unwrap_or(timeout);
        let mut cells = begin((self.set.first_state, self.set.state_count), place);
        for ((index, cell), number) in cells.iter_mut().zip(0..) {
            let record = place.view.states().get(*index as usize);
            if let (Some(value), Some(record)) = (element.state(number), record) {
                *cell = state::restore(record, value, place.now);
            }
        }
        Entry {
            from: element.key.to_vec(),
            to: element.end.to_vec(),
            data: data(element.data),
            verdict: element.verdict,
            object: element.object,
            is_static: element.is_static,
            timeout,
            until: match timeout {
                0 => None,
                _ => Some(
                    place
                        .now
                        .saturating_add(remaining.saturating_mul(MILLISECOND)),
                ),
            },
            comment: element.comment.to_vec(),
            cells,
        }
    }

    /// Adds an element.
    fn add(
        &mut self,
        element: &Element<'_>,
        op: &Op<'_>,
        place: &Place<'_>,
    ) -> Result<(), VerifyError> {
        let mut entry = self.entry(element, place);
        let present = match element.catchall {
            true => self.catchall.as_ref(),
            false => {
                let same = self.entries.get(&self.place_of(&entry));
                same.filter(|present| present.to == entry.to)
            }
        };
        if let Some(present) = present {
            let stays = !op.exclusive && present.agrees(&entry);
            return stays.then_some(()).ok_or(VerifyError::Exists);
        }
        if element.catchall {
            self.catchall = Some(entry);
            return Ok(());
        }
        if self.has_intervals() {
            self.make_room(&mut entry)?;
        }
        if self.is_full() {
            return Err(VerifyError::Full);
        }
        self.insert(entry);
        Ok(())
    }

    /// Joins an interval with those that it meets or touches, if the set is such; else there must be none.
    fn make_room(&mut self, entry: &mut Entry) -> Result<(), VerifyError> {
        let merges = self.set.flags & SET_AUTO_MERGE != 0 && self.set.parts == 1;
        let parts = self.parts();
        let meets = |other: &Entry| match merges {
            true => touch(entry, other),
            false => overlap(&parts, &entry.from, &entry.to, &other.from, &other.to),
        };
        let met: Vec<Vec<u8>> = match self.set.parts {
            1 => {
                let mut upper = entry.to.clone();
                increment(&mut upper);
                let near = self.entries.range(..=upper).rev();
                near.map(|(_, other)| other)
                    .take_while(|other| meets(other) || other.from > entry.to)
                    .filter(|other| meets(other))
                    .map(|other| self.place_of(other))
                    .collect()
            }
            _ => {
                let others = self.entries.values().filter(|other| meets(other));
                others.map(|other| self.place_of(other)).collect()
            }
        };
        if !merges && !met.is_empty() {
            return Err(VerifyError::Overlap);
        }
        for at in met {
            if let Some(other) = self.entries.remove(&at) {
                entry.from = entry.from.clone().min(other.from);
                entry.to = entry.to.clone().max(other.to);
            }
        }
        Ok(())
    }

    /// Removes an element; of a set that joins intervals, a piece of one.
    fn delete(&mut self, element: &Element<'_>, lenient: bool) -> Result<(), VerifyError> {
        let missing = match lenient {
            true => Ok(()),
            false => Err(VerifyError::Missing),
        };
        if element.catchall {
            return self.catchall.take().map(drop).map_or(missing, Ok);
        }
        let at = self.place(element.key, element.end);
        if self.entries.get(&at).is_some_and(|e| e.to == element.end) {
            self.entries.remove(&at);
            return Ok(());
        }
        if self.set.flags & SET_AUTO_MERGE == 0 || self.set.parts != 1 {
            return missing;
        }
        let before = self.entries.range(..=element.key.to_vec()).next_back();
        let whole = before.map(|(_, entry)| entry.clone());
        let Some(whole) = whole.filter(|whole| element.end <= whole.to.as_slice()) else {
            return missing;
        };
        self.entries.remove(&self.place_of(&whole));
        let (mut left, mut right) = (whole.clone(), whole.clone());
        left.to = element.key.to_vec();
        right.from = element.end.to_vec();
        if whole.from.as_slice() < element.key {
            decrement(&mut left.to);
            self.insert(left);
        }
        if element.end < whole.to.as_slice() {
            increment(&mut right.from);
            self.insert(right);
        }
        Ok(())
    }

    /// Lets the states of an element begin anew.
    fn reset(&mut self, element: &Element<'_>, place: &Place<'_>) -> Result<(), VerifyError> {
        let at = self.place(element.key, element.end);
        let entry = match element.catchall {
            true => self.catchall.as_mut(),
            false => self.entries.get_mut(&at),
        };
        let entry = entry.ok_or(VerifyError::Missing)?;
        for (index, cell) in &mut entry.cells {
            if let Some(record) = place.view.states().get(*index as usize) {
                *cell = state::reset(record, *cell);
            }
        }
        Ok(())
    }
}

/// States that begin, of these templates.
fn begin((first, count): (u32, u32), place: &Place<'_>) -> Vec<(u32, Cell)> {
    let all = first..first.saturating_add(count);
    let cell = |index: u32| {
        let record = place.view.states().get(index as usize)?;
        Some((index, state::begin(record, place.now)))
    };
    all.filter_map(cell).collect()
}

/// When something with this timeout, in milliseconds, ends.
fn until(timeout: u64, now: u64) -> Option<u64> {
    match timeout {
        0 => None,
        timeout => Some(now.saturating_add(timeout.saturating_mul(MILLISECOND))),
    }
}

/// Bytes of a map's data as a number.
fn data(bytes: &[u8]) -> Option<Wide> {
    if bytes.is_empty() {
        return None;
    }
    let number = bytes
        .iter()
        .fold(0, |n: u128, byte| n << 8 | u128::from(*byte));
    Some(Wide {
        hi: (number >> 64) as u64,
        lo: number as u64,
    })
}

/// Whether two intervals have a key in common, or one begins behind the other's end.
fn touch(one: &Entry, other: &Entry) -> bool {
    let reaches = |one: &Entry, other: &Entry| {
        let mut end = one.to.clone();
        !increment(&mut end) || other.from <= end
    };
    reaches(one, other) && reaches(other, one)
}

/// The number after; `false` if there is none, and the bytes stay.
fn increment(bytes: &mut [u8]) -> bool {
    if bytes.iter().all(|byte| *byte == 0xff) {
        return false;
    }
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    true
}

/// The number before, which there is.
fn decrement(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_sub(1);
        if *byte != 0xff {
            break;
        }
    }
}
