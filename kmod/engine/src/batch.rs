// SPDX-License-Identifier: GPL-2.0
//! Batches of changes to sets, from bytes to typed elements.
//!
//! ```text
//! bytes, program ──► Batch::check ──► Batch ──► ops ──► Op ──► elements ──► Element
//! ```
//!
//! [`Batch::check`] reads everything once and refuses what is malformed or does not fit the sets of the
//! program: lengths, flags, verdicts and their targets, data, timeouts, comments. What it cannot know is what
//! is in the sets: whether an element is there already, overlaps another or is one too many is found out by
//! whoever applies the batch. Only a checked batch can be walked, and the walk cannot fail.
//!
//! `ferrule_uapi::set` has the layout; numbers that are neither key nor data are in the machine's order. Nothing is copied; bytes need no alignment.

mod check;

use ferrule_uapi::{
    error::VerifyError,
    ioctl::StateValue,
    limit,
    program::Text,
    set::{
        BatchHeader, ElementVerdict, Set, SetKind, SetOp, SetOpKind, BATCH_MAGIC, CARRIES_COMMENT,
        CARRIES_DATA, CARRIES_END, CARRIES_EXPIRES, CARRIES_FLAGS, CARRIES_TIMEOUT,
        CARRIES_VERDICT, ELEMENT_CATCHALL, ELEMENT_STATIC, SET_ANONYMOUS, SET_CONSTANT,
        SET_OP_EXCLUSIVE, SET_OP_LENIENT,
    },
    ABI_VERSION,
};
use zerocopy::FromBytes;

use self::check::check_op;
use crate::program::View;

/// Ops begin at multiples of this.
const ALIGN: usize = 8;

/// Why a batch was refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRefusal {
    /// Why.
    pub error: VerifyError,
    /// Index of the op.
    pub op: u32,
    /// Index of the element in the op.
    pub element: u32,
}

impl BatchRefusal {
    /// A refusal of an element of an op.
    fn at(error: VerifyError, op: u32, element: u32) -> Self {
        BatchRefusal { error, op, element }
    }
}

/// A checked batch.
///
/// # Invariants
///
/// `bytes` are a batch that fits the sets of `view`.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    bytes: &'a [u8],
    view: View<'a>,
}

/// One op of a checked batch.
#[derive(Clone, Copy, Debug)]
pub struct Op<'a> {
    /// Index of the set in the program.
    pub index: u32,
    /// The set.
    pub set: &'a Set,
    /// What is done.
    pub kind: SetOpKind,
    /// An element that is there already is refused.
    pub exclusive: bool,
    /// An element that is not there is no error.
    pub lenient: bool,
    /// How many elements.
    pub count: u32,
    carries: u32,
    stride: usize,
    elements: &'a [u8],
    strings: &'a [u8],
}

/// An element of a checked batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// The key, or the beginning of the interval.
    pub key: &'a [u8],
    /// The end of the interval; the key itself if it is none.
    pub end: &'a [u8],
    /// The catch-all element.
    pub catchall: bool,
    /// It came with a ruleset.
    pub is_static: bool,
    /// Data of a map: 4 or 16 bytes, the most significant first. Empty if it carries none.
    pub data: &'a [u8],
    /// Identity of the object of an object map; 0 if it carries none.
    pub object: u64,
    /// The verdict of a verdict map, and the handle of the chain that it leads to, or 0.
    pub verdict: Option<(ElementVerdict, u64)>,
    /// Timeout in milliseconds, 0 for none; `None`: the set's own.
    pub timeout: Option<u64>,
    /// What remains of it, in milliseconds; `None`: all of it.
    pub expires: Option<u64>,
    /// The comment.
    pub comment: &'a [u8],
    /// Values of its states, [`StateValue`]s; empty if they begin anew.
    states: &'a [u8],
}

impl<'a> Element<'a> {
    /// The value of state `n` of the element, if it carries values.
    pub fn state(&self, n: u32) -> Option<StateValue> {
        let size = size_of::<StateValue>();
        let at = size.checked_mul(n as usize)?;
        let (value, _) = StateValue::read_from_prefix(self.states.get(at..)?).ok()?;
        Some(value)
    }
}

impl<'a> Batch<'a> {
    /// Checks `bytes` against the program that `view` shows. `live`: the batch comes alone, for sets that
    /// are published already, so that constant sets are not to be changed.
    ///
    /// # Errors
    ///
    /// The first thing found wrong, from the beginning.
    pub fn check(bytes: &'a [u8], view: View<'a>, live: bool) -> Result<Self, BatchRefusal> {
        let batch = Batch { bytes, view };
        batch.check_all(live)?;
        Ok(batch)
    }

    /// Reads everything once. Apart from `check`, so that the view is in no frame but that.
    #[inline(never)]
    fn check_all(&self, live: bool) -> Result<(), BatchRefusal> {
        let header = header(self.bytes).map_err(|error| BatchRefusal::at(error, 0, 0))?;
        let mut at = size_of::<BatchHeader>();
        for number in 0..header.ops {
            let refuse = |error| BatchRefusal::at(error, number, 0);
            let (op, end) = self.op(at).map_err(refuse)?;
            if live && op.set.flags & (SET_CONSTANT | SET_ANONYMOUS) != 0 {
                return Err(refuse(VerifyError::Constant));
            }
            op.check(&self.view)
                .map_err(|(error, element)| BatchRefusal::at(error, number, element))?;
            at = self.padded(end).map_err(refuse)?;
        }
        if at < self.bytes.len() {
            return Err(BatchRefusal::at(VerifyError::Batch, header.ops, 0));
        }
        Ok(())
    }

    /// The ops, in order.
    pub fn ops(&self) -> impl Iterator<Item = Op<'a>> + 'a {
        let batch = *self;
        let count = header(self.bytes).map_or(0, |header| header.ops);
        let mut at = size_of::<BatchHeader>();
        (0..count).map_while(move |_| {
            let (op, end) = batch.op(at).ok()?;
            at = end.checked_next_multiple_of(ALIGN)?;
            Some(op)
        })
    }

    /// The op at `at`, and where it ends.
    fn op(&self, at: usize) -> Result<(Op<'a>, usize), VerifyError> {
        let rest = self.bytes.get(at..).ok_or(VerifyError::Batch)?;
        let (raw, rest) = SetOp::read_from_prefix(rest).map_err(|_| VerifyError::Batch)?;
        let sets = self.view.sets();
        let index = sets.binary_search_by_key(&raw.set, |set| set.identity);
        let index = index.map_err(|_| VerifyError::Batch)?;
        let set = sets.get(index).ok_or(VerifyError::Batch)?;
        let kind = SetOpKind::from_raw(raw.kind).ok_or(VerifyError::Batch)?;
        check_op(&raw, kind, set)?;
        let size = (raw.stride as usize)
            .checked_mul(raw.count as usize)
            .ok_or(VerifyError::Batch)?;
        let (elements, rest) = rest.split_at_checked(size).ok_or(VerifyError::Batch)?;
        let strings = rest.get(..raw.strings as usize).ok_or(VerifyError::Batch)?;
        let op = Op {
            index: u32::try_from(index).map_err(|_| VerifyError::Batch)?,
            set,
            kind,
            exclusive: raw.flags & SET_OP_EXCLUSIVE != 0,
            lenient: raw.flags & SET_OP_LENIENT != 0,
            count: raw.count,
            carries: raw.carries,
            stride: raw.stride as usize,
            elements,
            strings,
        };
        let end = at
            .saturating_add(size_of::<SetOp>())
            .saturating_add(size)
            .saturating_add(strings.len());
        Ok((op, end))
    }

    /// Where the next op begins if one ends at `end`. What lies between is zero.
    fn padded(&self, end: usize) -> Result<usize, VerifyError> {
        let next = end
            .checked_next_multiple_of(ALIGN)
            .ok_or(VerifyError::Batch)?;
        let gap = self.bytes.get(end..next.min(self.bytes.len()));
        match gap.is_some_and(|gap| gap.iter().all(|byte| *byte == 0)) {
            true => Ok(next),
            false => Err(VerifyError::Reserved),
        }
    }
}

/// The header of a batch, if it is one.
fn header(bytes: &[u8]) -> Result<BatchHeader, VerifyError> {
    let (header, _) = BatchHeader::read_from_prefix(bytes).map_err(|_| VerifyError::Batch)?;
    let error = if header.magic != BATCH_MAGIC {
        VerifyError::Magic
    } else if header.version != ABI_VERSION {
        VerifyError::Version
    } else if header.size > limit::MAX_BATCH_SIZE || header.size != bytes.len() as u64 {
        VerifyError::Size
    } else if header.reserved != 0 {
        VerifyError::Reserved
    } else {
        return Ok(header);
    };
    Err(error)
}

impl<'a> Op<'a> {
    /// The elements, in order.
    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> + 'a {
        let op = *self;
        let stride = self.stride.max(1);
        let elements = self.elements.chunks_exact(stride);
        elements.filter_map(move |bytes| op.element(bytes).ok())
    }

    /// The element in `bytes`.
    fn element(&self, bytes: &'a [u8]) -> Result<Element<'a>, VerifyError> {
        let mut rest = Rest(bytes);
        let has = |bit| self.carries & bit != 0;
        let key = rest.take(self.set.key_len.into())?;
        let end = match has(CARRIES_END) {
            true => rest.take(self.set.key_len.into())?,
            false => key,
        };
        let mut element = Element {
            key,
            end,
            ..Element::default()
        };
        if has(CARRIES_FLAGS) {
            let flags = rest.u32()?;
            ensure(
                flags & !(ELEMENT_CATCHALL | ELEMENT_STATIC) == 0,
                VerifyError::Reserved,
            )?;
            element.catchall = flags & ELEMENT_CATCHALL != 0;
            element.is_static = flags & ELEMENT_STATIC != 0;
        }
        if has(CARRIES_DATA) {
            match SetKind::from_raw(self.set.kind) {
                Some(SetKind::Object) => element.object = rest.u64()?,
                _ => element.data = rest.take(self.set.data_len.into())?,
            }
        }
        if has(CARRIES_VERDICT) {
            let verdict = ElementVerdict::from_raw(rest.u32()?).ok_or(VerifyError::Element)?;
            element.verdict = Some((verdict, rest.u64()?));
        }
        if has(CARRIES_TIMEOUT) {
            element.timeout = Some(rest.u64()?);
        }
        if has(CARRIES_EXPIRES) {
            element.expires = Some(rest.u64()?);
        }
        if has(CARRIES_COMMENT) {
            element.comment = self.comment(rest.u32()?, rest.u32()?)?;
        }
        element.states = rest.0;
        Ok(element)
    }

    /// The piece of the op's strings that a comment's [`Text`] names.
    fn comment(&self, offset: u32, len: u32) -> Result<&'a [u8], VerifyError> {
        let text = Text { offset, len };
        let end = text
            .offset
            .checked_add(text.len)
            .ok_or(VerifyError::Index)?;
        let piece = self.strings.get(text.offset as usize..end as usize);
        piece.ok_or(VerifyError::Index)
    }
}

/// `Ok` if `holds`.
fn ensure(holds: bool, error: VerifyError) -> Result<(), VerifyError> {
    match holds {
        true => Ok(()),
        false => Err(error),
    }
}

/// What is left of an element's bytes.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// The next `len` bytes.
    fn take(&mut self, len: usize) -> Result<&'a [u8], VerifyError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(VerifyError::Batch)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next four bytes, as a number of the machine.
    fn u32(&mut self) -> Result<u32, VerifyError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(VerifyError::Batch)?;
        self.0 = rest;
        Ok(u32::from_ne_bytes(*bytes))
    }

    /// The next eight.
    fn u64(&mut self) -> Result<u64, VerifyError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(VerifyError::Batch)?;
        self.0 = rest;
        Ok(u64::from_ne_bytes(*bytes))
    }
}
