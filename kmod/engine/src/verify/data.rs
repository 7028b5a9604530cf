// SPDX-License-Identifier: GPL-2.0
//! Second pass: everything that is no instruction; expressions, sets and statements have files of their own.

use ferrule_uapi::{
    error::VerifyError,
    hook::{ChainType, Family, Hook, Verdict, FAMILY_BIT_IP, FAMILY_BIT_IP6},
    limit,
    program::{
        BaseChain, Chain, Counter, Initial, Origin, Rule, SectionId, Table, TableKind, Text,
        COUNTER_IMPLICIT, COUNTER_INITIAL, COUNTER_OBJECT, COUNTER_POLICY,
    },
    NONE,
};

use super::{classifier, each, ensure, expr, set, statement, Refusal};
use crate::program::View;

/// Checks every record of the program.
pub(super) fn check(view: &View<'_>) -> Result<(), Refusal> {
    check_tables(view)?;
    check_chains(view)?;
    each(SectionId::BaseChains, view.base_chains(), |base| {
        check_base_chain(view, base)
    })?;
    check_priorities(view)?;
    check_rules(view)?;
    check_counters(view)?;
    each(SectionId::Exprs, view.exprs(), |e| expr::check(view, e))?;
    each(SectionId::Keys, view.keys(), expr::check_key)?;
    set::check(view)?;
    each(SectionId::Targets, view.targets(), |target| {
        set::check_target(view, target)
    })?;
    each(SectionId::Statements, view.statements(), |s| {
        statement::check(view, s)
    })?;
    statement::check_states(view)?;
    statement::check_objects(view)?;
    each(SectionId::Logs, view.logs(), |log| {
        statement::check_log(view, log)
    })?;
    classifier::check(view)?;
    check_origins(view)?;
    check_initials(view)
}

/// Whether `text` lies within `bytes`.
pub(super) fn within(text: Text, bytes: &[u8]) -> bool {
    text.offset
        .checked_add(text.len)
        .is_some_and(|end| end as usize <= bytes.len())
}

/// Tables are runs of ranges that ascend and do not meet. Tables of one kind follow one another, so
/// that each range is looked at once and this pass stays linear.
fn check_tables(view: &View<'_>) -> Result<(), Refusal> {
    let (mut narrow_end, mut wide_end) = (0, 0);
    each(SectionId::Tables, view.tables(), |table: &Table| {
        ensure(table.reserved == [0; 3], VerifyError::Reserved)?;
        let kind = TableKind::from_raw(table.kind).ok_or(VerifyError::TableKind)?;
        let (end, ascending) = match kind {
            TableKind::Ranges32 => {
                let ranges = run(view.ranges32(), table).ok_or(VerifyError::Index)?;
                (&mut narrow_end, ascend(ranges, |r| (r.lo, r.hi)))
            }
            TableKind::RangesWide => {
                let ranges = run(view.wide_pairs(), table).ok_or(VerifyError::Index)?;
                (&mut wide_end, ascend(ranges, |r| (r.lo, r.hi)))
            }
        };
        ensure(ascending && table.first >= *end, VerifyError::Order)?;
        *end = table.first.saturating_add(table.count);
        Ok(())
    })
}

/// The run of elements that a table covers; `None` if it is empty or there are not that many.
pub(crate) fn run<'a, T>(elements: &'a [T], table: &Table) -> Option<&'a [T]> {
    let start = table.first as usize;
    let end = start.checked_add(table.count as usize)?;
    elements.get(start..end).filter(|run| !run.is_empty())
}

/// Whether each range begins no later than it ends, and after the one before it ends.
fn ascend<T, N: Ord + Copy>(ranges: &[T], bounds: impl Fn(&T) -> (N, N)) -> bool {
    let mut previous = None;
    for range in ranges {
        let (lo, hi) = bounds(range);
        if lo > hi || previous.is_some_and(|end| lo <= end) {
            return false;
        }
        previous = Some(hi);
    }
    true
}

/// Chains follow one another without a gap and cover all instructions.
fn check_chains(view: &View<'_>) -> Result<(), Refusal> {
    let mut next = 0_u32;
    each(SectionId::Chains, view.chains(), |chain: &Chain| {
        ensure(chain.reserved == [0; 7], VerifyError::Reserved)?;
        ensure(Family::from_raw(chain.family).is_some(), VerifyError::Hook)?;
        ensure(
            chain.first_insn == next && chain.insn_count > 0,
            VerifyError::ChainOrder,
        )?;
        next = next
            .checked_add(chain.insn_count)
            .ok_or(VerifyError::ChainOrder)?;
        ensure(
            within(chain.table, view.strings()) && within(chain.name, view.strings()),
            VerifyError::Index,
        )
    })?;
    if next as usize != view.insns().len() {
        let last = view.chains().len().saturating_sub(1);
        return Err(Refusal::at(
            VerifyError::ChainOrder,
            SectionId::Chains,
            last,
        ));
    }
    Ok(())
}

/// A base chain names a chain, a hook, and the families of the chain's table.
fn check_base_chain(view: &View<'_>, base: &BaseChain) -> Result<(), VerifyError> {
    let chain = view
        .chains()
        .get(base.chain as usize)
        .ok_or(VerifyError::Index)?;
    let families = Family::from_raw(chain.family).map(Family::bits);
    ensure(families == Some(base.families), VerifyError::Hook)?;
    ensure(Hook::from_raw(base.hook).is_some(), VerifyError::Hook)?;
    ensure(Verdict::from_raw(base.policy).is_some(), VerifyError::Hook)?;
    let kind = ChainType::from_raw(base.kind).ok_or(VerifyError::Hook)?;
    // Only packets of this host are routed anew.
    match kind {
        ChainType::Filter => {}
        ChainType::Route => ensure(base.hook == Hook::LocalOut as u8, VerifyError::Hook)?,
        ChainType::Nat => return Err(VerifyError::Unsupported),
    }
    ensure(is_counter_or_none(view, base.counter), VerifyError::Index)
}

/// Whether `counter` is one, or stands for none.
pub(super) fn is_counter_or_none(view: &View<'_>, counter: u32) -> bool {
    counter == NONE || (counter as usize) < view.counters().len()
}

/// At most [`limit::MAX_PRIORITIES`] priorities at each (family, hook).
fn check_priorities(view: &View<'_>) -> Result<(), Refusal> {
    for family in [FAMILY_BIT_IP, FAMILY_BIT_IP6] {
        for hook in Hook::ALL {
            let mut seen = [0_i32; limit::MAX_PRIORITIES as usize];
            let mut count = 0_usize;
            for (index, base) in (0..view.base_chains().len()).zip(view.base_chains()) {
                let here = base.families & family != 0 && base.hook == *hook as u8;
                let known = seen.iter().take(count).any(|p| *p == base.priority);
                if !here || known {
                    continue;
                }
                let full = Refusal::at(VerifyError::TooMany, SectionId::BaseChains, index);
                *seen.get_mut(count).ok_or(full)? = base.priority;
                count = count.wrapping_add(1);
            }
        }
    }
    Ok(())
}

/// Rules come in the order of the code.
fn check_rules(view: &View<'_>) -> Result<(), Refusal> {
    let mut previous = 0;
    each(SectionId::Rules, view.rules(), |rule: &Rule| {
        let exists = (rule.first_insn as usize) < view.insns().len();
        ensure(exists, VerifyError::Index)?;
        ensure(rule.first_insn >= previous, VerifyError::Order)?;
        previous = rule.first_insn;
        Ok(())
    })
}

/// Origins come in the order of the rules.
fn check_origins(view: &View<'_>) -> Result<(), Refusal> {
    let mut previous = None;
    each(SectionId::Origins, view.origins(), |origin: &Origin| {
        let exists = (origin.first_rule as usize) < view.rules().len();
        ensure(
            exists && within(origin.file, view.strings()),
            VerifyError::Index,
        )?;
        ensure(previous < Some(origin.first_rule), VerifyError::Order)?;
        previous = Some(origin.first_rule);
        Ok(())
    })
}

/// Each counter that begins with something has one, in the order of the counters, and no other.
fn check_initials(view: &View<'_>) -> Result<(), Refusal> {
    let begins = |counter: &&Counter| counter.flags & COUNTER_INITIAL != 0;
    let mut previous = None;
    each(SectionId::Initials, view.initials(), |initial: &Initial| {
        ensure(initial.reserved == 0, VerifyError::Reserved)?;
        let counter = view.counters().get(initial.counter as usize);
        ensure(counter.as_ref().is_some_and(begins), VerifyError::Index)?;
        ensure(previous < Some(initial.counter), VerifyError::Order)?;
        previous = Some(initial.counter);
        Ok(())
    })?;
    let count = view.counters().iter().filter(begins).count();
    if count != view.initials().len() {
        let end = view.initials().len();
        return Err(Refusal::at(VerifyError::Index, SectionId::Initials, end));
    }
    Ok(())
}

/// Identities ascend, and each counter belongs to something.
fn check_counters(view: &View<'_>) -> Result<(), Refusal> {
    let mut previous = None;
    each(SectionId::Counters, view.counters(), |counter: &Counter| {
        ensure(previous < Some(counter.identity), VerifyError::Identity)?;
        previous = Some(counter.identity);
        let known = COUNTER_IMPLICIT | COUNTER_INITIAL | COUNTER_POLICY | COUNTER_OBJECT;
        ensure(counter.flags & !known == 0, VerifyError::Reserved)?;
        let owners = match counter.flags & (COUNTER_POLICY | COUNTER_OBJECT) {
            0 => view.rules().len(),
            COUNTER_POLICY => view.base_chains().len(),
            COUNTER_OBJECT => view.objects().len(),
            _ => return Err(VerifyError::Reserved),
        };
        ensure((counter.owner as usize) < owners, VerifyError::Index)
    })
}
