// SPDX-License-Identifier: GPL-2.0
//! An element of a set's hash table: when it is there, and what it has.
//!
//! Its bytes lie behind it ([`Entry`]): the key, and then the data. Their lengths are the set's affair
//! ([`Shape`]). What only some sets have (timeout, comment, states) lies apart ([`Extras`]): intervals
//! (`intervals`) have it as well, and those that come of one when it is split share it.
//!
//! # When an element is there
//!
//! A packet sees the sets as of an *epoch*, and an element if `born <= epoch < dies`. A change of epoch `e`
//! writes `born = e` into what it adds and `dies = e` into what it removes, while packets still see
//! `e - 1`; one store then shows them all of it. What packets themselves add and remove is there, or gone, at once:
//! `born = 0`, `dies = 0`.

use ferrule_engine::Found;
use ferrule_uapi::{
    program::Wide,
    set::{ElementVerdict, Set, SetKind},
};
use kernel::{
    prelude::*,
    sync::{aref::ARef, Arc},
};

use crate::{
    abstractions::{
        rculist::Entry,
        rwonce::{Shared32, Shared64},
    },
    states::Cells,
};

/// [`Life::dies`] of what is there until further notice.
pub(crate) const NEVER: u64 = u64::MAX;

/// [`Life::flags`]: the catch-all element.
pub(crate) const CATCHALL: u32 = 1;

/// [`Life::flags`]: it came with a ruleset.
pub(crate) const STATIC: u32 = 2;

/// [`Life::flags`]: the change that is being made took it away, but may bring it back.
pub(crate) const REPLACED: u32 = 4;

/// [`Life::flags`]: no element, but the word that the one with this key in the frozen table is gone.
pub(crate) const TOMBSTONE: u32 = 8;

/// Room for an element's verdict: what, and where to.
pub(crate) const VERDICT_BYTES: usize = 12;

/// What every element has.
pub(crate) struct Life {
    /// From which epoch on it is there.
    pub(crate) born: Shared64,
    /// From which on it is not.
    pub(crate) dies: Shared64,
    /// [`CATCHALL`] and its kin.
    pub(crate) flags: Shared32,
    /// What only some have.
    pub(crate) extras: Option<Arc<Extras>>,
}

/// What only some elements have.
pub(crate) struct Extras {
    /// Timeout in milliseconds; 0: none.
    pub(crate) timeout: Shared64,
    /// When it ends, in milliseconds of the clock; [`NEVER`].
    pub(crate) expires: Shared64,
    /// The comment.
    pub(crate) comment: KVec<u8>,
    /// Its states.
    pub(crate) cells: Option<Arc<Cells>>,
}

impl Extras {
    /// Lets the time begin anew, with another timeout.
    pub(crate) fn renew(&self, timeout: u64, now: u64) {
        self.timeout.set(timeout);
        self.expires.set(deadline(timeout, now));
    }
}

/// When a timeout that begins now ends, in milliseconds.
pub(crate) fn deadline(timeout: u64, now: u64) -> u64 {
    match timeout {
        0 => NEVER,
        timeout => now.saturating_add(timeout),
    }
}

/// An element.
pub(crate) type Element = Entry<Life>;

/// A reference to one.
pub(crate) type ElementRef = ARef<Element>;

/// How the bytes of a set's elements are to be read.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Bytes of the key.
    pub(crate) key: usize,
    /// Lengths of the parts of the key.
    parts: [u8; ferrule_uapi::set::KEY_PARTS],
    /// How many.
    count: u8,
    /// What there is for a key.
    pub(crate) kind: SetKind,
    /// Bytes of the data.
    pub(crate) data_len: usize,
}

impl Shape {
    /// That of `set`.
    pub(crate) fn new(set: &Set) -> Result<Self> {
        let kind = SetKind::from_raw(set.kind).ok_or(EINVAL)?;
        Ok(Shape {
            key: set.key_len.into(),
            parts: set.part_lens,
            count: set.parts,
            kind,
            data_len: match kind {
                SetKind::Set => 0,
                SetKind::Map => set.data_len.into(),
                SetKind::Verdict => VERDICT_BYTES,
                SetKind::Object => size_of::<u64>(),
            },
        })
    }

    /// Lengths of the parts of the key.
    #[inline]
    pub(crate) fn parts(&self) -> &[u8] {
        self.parts.get(..self.count.into()).unwrap_or_default()
    }

    /// The key.
    #[inline]
    pub(crate) fn key_of<'a>(&self, element: &'a Element) -> &'a [u8] {
        element.tail().get(..self.key).unwrap_or_default()
    }

    /// The data, as they were put there.
    #[inline]
    pub(crate) fn data<'a>(&self, element: &'a Element) -> &'a [u8] {
        element.tail().get(self.key..).unwrap_or_default()
    }

    /// What the set has, if these are the data.
    #[inline]
    pub(crate) fn found(&self, data: &[u8]) -> Option<Found> {
        match self.kind {
            SetKind::Set => Some(Found::Member),
            SetKind::Map => Some(Found::Data(number(data))),
            SetKind::Object => Some(Found::Object(u64::from_ne_bytes(*data.first_chunk()?))),
            SetKind::Verdict => {
                let (verdict, handle) = verdict(data)?;
                Some(Found::Verdict(verdict, handle))
            }
        }
    }
}

/// Data of a map as a number: the most significant byte comes first.
pub(crate) fn number(data: &[u8]) -> Wide {
    let mut wide = 0_u128;
    for byte in data {
        wide = wide << 8 | u128::from(*byte);
    }
    Wide {
        hi: (wide >> 64) as u64,
        lo: wide as u64,
    }
}

/// The verdict in an element's data, and the handle of the chain that it leads to.
pub(crate) fn verdict(data: &[u8]) -> Option<(ElementVerdict, u64)> {
    let (verdict, rest) = data.split_first_chunk::<4>()?;
    let handle = u64::from_ne_bytes(*rest.first_chunk()?);
    Some((
        ElementVerdict::from_raw(u32::from_ne_bytes(*verdict))?,
        handle,
    ))
}

impl Element {
    /// Whether it has a flag.
    #[inline]
    pub(crate) fn is(&self, flag: u32) -> bool {
        self.value().flags.get() & flag != 0
    }

    /// Gives it a flag, or takes it. Under the set's lock.
    pub(crate) fn mark(&self, flag: u32, on: bool) {
        let flags = self.value().flags.get();
        let flags = if on { flags | flag } else { flags & !flag };
        self.value().flags.set(flags);
    }

    /// Whether it is one that a frozen table could have: nothing but key and data.
    pub(crate) fn is_plain(&self) -> bool {
        !self.is(CATCHALL | TOMBSTONE) && self.value().extras.is_none()
    }

    /// Whether it is there in `epoch`.
    #[inline]
    pub(crate) fn lives(&self, epoch: u64) -> bool {
        self.value().born.get() <= epoch && epoch < self.value().dies.get()
    }

    /// What only some have.
    #[inline]
    pub(crate) fn extras(&self) -> Option<&Extras> {
        self.value().extras.as_deref()
    }

    /// Whether its time is over at `now`, in milliseconds.
    #[inline]
    pub(crate) fn is_over(&self, now: u64) -> bool {
        self.extras()
            .is_some_and(|extras| extras.expires.get() <= now)
    }

    /// Its states.
    pub(crate) fn cells(&self) -> Option<&Cells> {
        self.extras()?.cells.as_deref()
    }

    /// Its comment.
    pub(crate) fn comment(&self) -> &[u8] {
        self.extras().map_or(&[], |extras| &extras.comment)
    }
}
