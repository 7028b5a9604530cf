// SPDX-License-Identifier: GPL-2.0
//! Second pass: sets, and where verdict maps may lead.

use ferrule_uapi::{
    error::VerifyError,
    hook::Family,
    program::SectionId,
    set::{
        Key, Set, SetKind, Target, KEY_BYTES, SET_ANONYMOUS, SET_AUTO_MERGE, SET_CONSTANT,
        SET_DYNAMIC, SET_INTERVAL, SET_TIMEOUT,
    },
    statement::{ObjectKind, State, STATE_RULE_TEMPLATE, STATE_TEMPLATE},
};

use super::{data::within, each, ensure, Refusal};
use crate::program::View;

/// Every flag that a set may have.
const FLAGS: u32 =
    SET_CONSTANT | SET_INTERVAL | SET_TIMEOUT | SET_DYNAMIC | SET_ANONYMOUS | SET_AUTO_MERGE;

/// Most states that an element may have. nftables allows two (`NFT_SET_EXPR_MAX`).
pub(super) const MAX_ELEMENT_STATES: u32 = 8;

/// Identities ascend, shapes add up. The targets of sets follow one another, so that each is looked at once
/// and this pass stays linear.
pub(super) fn check(view: &View<'_>) -> Result<(), Refusal> {
    let mut previous = None;
    let mut targets_end = 0_u32;
    let mut index = 0_u32;
    each(SectionId::Sets, view.sets(), |set: &Set| {
        ensure(previous < Some(set.identity), VerifyError::Identity)?;
        previous = Some(set.identity);
        check_set(view, set, index)?;
        index = index.wrapping_add(1);
        if set.target_count != 0 {
            ensure(set.first_target >= targets_end, VerifyError::Order)?;
            targets_end = check_targets(view, set)?;
        }
        Ok(())
    })
}

/// A target names a chain by its handle.
pub(super) fn check_target(view: &View<'_>, target: &Target) -> Result<(), VerifyError> {
    ensure(target.reserved == 0, VerifyError::Reserved)?;
    let chain = view.chains().get(target.chain as usize);
    let chain = chain.ok_or(VerifyError::Index)?;
    ensure(chain.handle == target.handle, VerifyError::Set)
}

/// One set, number `index`.
fn check_set(view: &View<'_>, set: &Set, index: u32) -> Result<(), VerifyError> {
    let kind = SetKind::from_raw(set.kind).ok_or(VerifyError::Set)?;
    ensure(Family::from_raw(set.family).is_some(), VerifyError::Hook)?;
    ensure(
        within(set.table, view.strings()) && within(set.name, view.strings()),
        VerifyError::Index,
    )?;
    ensure(
        set.reserved == 0 && set.flags & !FLAGS == 0,
        VerifyError::Reserved,
    )?;
    let has = |flag| set.flags & flag != 0;
    let flags = has(SET_ANONYMOUS) == (set.name.len == 0)
        && !(has(SET_CONSTANT) && has(SET_DYNAMIC))
        && (has(SET_INTERVAL) || !has(SET_AUTO_MERGE))
        && (has(SET_TIMEOUT) || set.timeout == 0);
    let data = match kind {
        SetKind::Map => matches!(set.data_len, 4 | 16),
        _ => set.data_len == 0,
    };
    let object = match kind {
        SetKind::Object => ObjectKind::from_raw(set.object).is_some(),
        _ => set.object == 0,
    };
    let targets = kind == SetKind::Verdict || set.target_count == 0;
    let targets = targets && (set.target_count != 0 || set.first_target == 0);
    ensure(
        flags && data && object && targets && has_shape(set),
        VerifyError::Set,
    )?;
    check_states(view, set, index)
}

/// Whether the parts of the key have lengths that there are, and add up.
fn has_shape(set: &Set) -> bool {
    let count = usize::from(set.parts);
    let Some((parts, beyond)) = set.part_lens.split_at_checked(count) else {
        return false;
    };
    let len = parts
        .iter()
        .fold(0_usize, |len, part| len.wrapping_add((*part).into()));
    !parts.is_empty()
        && parts.iter().all(|part| matches!(part, 4 | 8 | 12 | 16))
        && beyond.iter().all(|part| *part == 0)
        && len <= KEY_BYTES
        && len == set.key_len.into()
}

/// What each element has are templates of this set.
fn check_states(view: &View<'_>, set: &Set, index: u32) -> Result<(), VerifyError> {
    let templates = templates(view, set.first_state, set.state_count)?;
    let own = |state: &State| {
        let kinds = STATE_TEMPLATE | STATE_RULE_TEMPLATE;
        state.flags & kinds == STATE_TEMPLATE && state.owner == index
    };
    ensure(templates.iter().all(own), VerifyError::Set)
}

/// A run of states that are templates; there may be none.
pub(super) fn templates<'a>(
    view: &View<'a>,
    first: u32,
    count: u32,
) -> Result<&'a [State], VerifyError> {
    ensure(
        count <= MAX_ELEMENT_STATES && (count != 0 || first == 0),
        VerifyError::Set,
    )?;
    let start = first as usize;
    let run = view
        .states()
        .get(start..start.saturating_add(count as usize));
    run.ok_or(VerifyError::Index)
}

/// The targets of a set ascend. Returns where they end.
fn check_targets(view: &View<'_>, set: &Set) -> Result<u32, VerifyError> {
    let end = set
        .first_target
        .checked_add(set.target_count)
        .ok_or(VerifyError::Index)?;
    let targets = view
        .targets()
        .get(set.first_target as usize..end as usize)
        .ok_or(VerifyError::Index)?;
    let mut previous = None;
    for target in targets {
        ensure(previous < Some(target.handle), VerifyError::Order)?;
        previous = Some(target.handle);
    }
    Ok(end)
}

/// Whether a key may be looked up in a set: part by part of one length.
pub(super) fn key_fits(set: &Set, key: &Key) -> bool {
    let parts = key.parts.iter().zip(&set.part_lens);
    key.count == set.parts
        && parts
            .take(key.count.into())
            .all(|(part, len)| part.len == *len)
}
