// SPDX-License-Identifier: GPL-2.0
//! What is demanded of the ops and elements of a batch.

use ferrule_uapi::{
    error::VerifyError,
    ioctl::StateValue,
    limit,
    set::{
        ElementVerdict, Set, SetKind, SetOp, SetOpKind, CARRIES_COMMENT, CARRIES_DATA, CARRIES_END,
        CARRIES_EXPIRES, CARRIES_FLAGS, CARRIES_STATES, CARRIES_TIMEOUT, CARRIES_VERDICT,
        SET_INTERVAL, SET_OP_EXCLUSIVE, SET_OP_LENIENT, SET_TIMEOUT,
    },
};

use super::{ensure, Element, Op};
use crate::{element::ascends, program::View};

/// Everything that an op may carry.
const CARRIES: u32 = CARRIES_END
    | CARRIES_FLAGS
    | CARRIES_DATA
    | CARRIES_VERDICT
    | CARRIES_TIMEOUT
    | CARRIES_EXPIRES
    | CARRIES_COMMENT
    | CARRIES_STATES;

/// An op is one that may be done to `set`, and its stride is what it carries.
pub(super) fn check_op(op: &SetOp, kind: SetOpKind, set: &Set) -> Result<(), VerifyError> {
    let (flags, carries) = match kind {
        SetOpKind::Add => (SET_OP_EXCLUSIVE, CARRIES),
        SetOpKind::Delete => (SET_OP_LENIENT, CARRIES_END | CARRIES_FLAGS),
        SetOpKind::Reset => (0, CARRIES_END | CARRIES_FLAGS),
        SetOpKind::Clear | SetOpKind::Replace => (0, 0),
    };
    let empty = matches!(kind, SetOpKind::Clear | SetOpKind::Replace);
    let unused = empty && (op.count != 0 || op.stride != 0 || op.strings != 0);
    let reserved = op.reserved != 0 || op.reserved2 != 0;
    if reserved || unused || op.flags & !flags != 0 || op.carries & !carries != 0 {
        return Err(VerifyError::Reserved);
    }
    if op.count > limit::MAX_ELEMENTS {
        return Err(VerifyError::TooMany);
    }
    if !empty && u64::from(op.stride) != stride(op.carries, set) {
        return Err(VerifyError::Batch);
    }
    let data = op.carries & CARRIES_DATA != 0;
    let verdict = op.carries & CARRIES_VERDICT != 0;
    let adds = kind == SetOpKind::Add;
    let (wants_data, wants_verdict) = match SetKind::from_raw(set.kind) {
        Some(SetKind::Map | SetKind::Object) => (adds, false),
        Some(SetKind::Verdict) => (false, adds),
        _ => (false, false),
    };
    let timeouts = op.carries & (CARRIES_TIMEOUT | CARRIES_EXPIRES) != 0;
    let fits = data == wants_data
        && verdict == wants_verdict
        && (set.flags & SET_INTERVAL != 0 || op.carries & CARRIES_END == 0)
        && (set.flags & SET_TIMEOUT != 0 || !timeouts);
    match fits {
        true => Ok(()),
        false => Err(VerifyError::Element),
    }
}

/// Bytes of an element of `set` that carries this. Each is a multiple of four.
fn stride(carries: u32, set: &Set) -> u64 {
    let key = u64::from(set.key_len);
    let states = u64::from(set.state_count).saturating_mul(size_of::<StateValue>() as u64);
    let lengths = [
        (CARRIES_END, key),
        (CARRIES_FLAGS, 4),
        (CARRIES_DATA, data_len(set)),
        (CARRIES_VERDICT, 12),
        (CARRIES_TIMEOUT, 8),
        (CARRIES_EXPIRES, 8),
        (CARRIES_COMMENT, 8),
        (CARRIES_STATES, states),
    ];
    let carried = lengths.iter().filter(|(bit, _)| carries & bit != 0);
    carried.fold(key, |sum, (_, len)| sum.saturating_add(*len))
}

/// Bytes of an element's data.
fn data_len(set: &Set) -> u64 {
    match SetKind::from_raw(set.kind) {
        Some(SetKind::Object) => 8,
        _ => set.data_len.into(),
    }
}

impl Op<'_> {
    /// Checks every element. The index of the one that is refused goes with the error.
    pub(super) fn check(&self, view: &View<'_>) -> Result<(), (VerifyError, u32)> {
        let chunks = self.elements.chunks_exact(self.stride.max(1));
        for (number, bytes) in (0..self.count).zip(chunks) {
            let element = self.element(bytes).map_err(|error| (error, number))?;
            self.check_element(&element, view)
                .map_err(|error| (error, number))?;
        }
        Ok(())
    }

    /// The element fits the set.
    fn check_element(&self, element: &Element<'_>, view: &View<'_>) -> Result<(), VerifyError> {
        let set = self.set;
        let parts = set.part_lens.get(..set.parts.into()).unwrap_or_default();
        let zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        if element.catchall {
            ensure(
                zero(element.key) && zero(element.end),
                VerifyError::Reserved,
            )?;
        }
        ensure(
            ascends(parts, element.key, element.end),
            VerifyError::Element,
        )?;
        if let Some((verdict, handle)) = element.verdict {
            check_verdict(set, view, verdict, handle)?;
        }
        if self.carries & CARRIES_DATA != 0 && set.kind == SetKind::Object as u8 {
            check_object(set, view, element.object)?;
        }
        let timeout = element.timeout.unwrap_or(set.timeout);
        let expires = element.expires.unwrap_or(0);
        ensure(expires <= timeout, VerifyError::Element)
    }
}

/// A verdict leads to a target of the set, or to none.
fn check_verdict(
    set: &Set,
    view: &View<'_>,
    verdict: ElementVerdict,
    handle: u64,
) -> Result<(), VerifyError> {
    let leads = matches!(verdict, ElementVerdict::Jump | ElementVerdict::Goto);
    let fits = match leads {
        true => view.target(set, handle).is_some(),
        false => handle == 0,
    };
    ensure(fits, VerifyError::Element)
}

/// There is such an object, of the kind that the set has.
fn check_object(set: &Set, view: &View<'_>, identity: u64) -> Result<(), VerifyError> {
    let object = view.object(identity).ok_or(VerifyError::Element)?;
    let object = view.objects().get(object as usize);
    let fits = object.is_some_and(|object| object.kind == set.object);
    ensure(fits, VerifyError::Element)
}
