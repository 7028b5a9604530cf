// SPDX-License-Identifier: GPL-2.0
//! Which chain jumps where: no circles, no jump into nothing, no deeper than the kernel allows.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::error::{CheckError, CheckErrorKind};
use super::{Chain, Statement, Table, Verdict, MAX_DEPTH};
use crate::source::Span;

/// Where a rule's jump was written, by the rule's handle; rules that were there before have none.
pub(super) type Jumps = FxHashMap<u64, Span>;

/// The chain that a rule goes to, if it goes to one.
pub(crate) fn target(statements: &[Statement]) -> Option<&Arc<str>> {
    match statements.last() {
        Some(Statement::Verdict(Verdict::Jump(name) | Verdict::Goto(name))) => Some(name),
        _ => None,
    }
}

/// Indices of the table's chains by name.
pub(crate) fn by_name(table: &Table) -> FxHashMap<&str, usize> {
    table
        .chains
        .iter()
        .enumerate()
        .map(|(index, chain)| (&*chain.name, index))
        .collect()
}

/// The table's chains in an order in which every jump leads on, or the first chain that is part of a
/// circle and the handles of the rules that make it up.
pub(crate) fn order(table: &Table) -> Result<Vec<usize>, (usize, Vec<u64>)> {
    let names = by_name(table);
    // 0: not seen, 1: on the present path, 2: done.
    let mut state = vec![0_u8; table.chains.len()];
    let mut done = Vec::with_capacity(table.chains.len());
    for start in 0..table.chains.len() {
        if state[start] != 0 {
            continue;
        }
        let mut path = vec![(start, 0)];
        state[start] = 1;
        while let Some((chain, next)) = path.last_mut() {
            let (chain, rules) = (*chain, &table.chains[*chain].rules);
            let Some(rule) = rules.get(*next) else {
                state[chain] = 2;
                done.push(chain);
                path.pop();
                continue;
            };
            *next += 1;
            let Some(to) = target(&rule.statements).and_then(|name| names.get(&**name)) else {
                continue;
            };
            match state[*to] {
                0 => {
                    state[*to] = 1;
                    path.push((*to, 0));
                }
                1 => return Err((*to, circle(table, &path, *to))),
                _ => {}
            }
        }
    }
    done.reverse();
    Ok(done)
}

/// The rules of the path, from `start` on, that lead from chain to chain.
fn circle(table: &Table, path: &[(usize, usize)], start: usize) -> Vec<u64> {
    let from = path
        .iter()
        .position(|(chain, _)| *chain == start)
        .unwrap_or(0);
    let rules = path[from..]
        .iter()
        .map(|(chain, next)| &table.chains[*chain].rules[next - 1]);
    rules.map(|rule| rule.handle).collect()
}

/// Checks every jump of the table. A mistake is reported at the jump, if this script wrote it, else at
/// `fallback`.
pub(super) fn check(table: &Table, jumps: &Jumps, fallback: Span, errors: &mut Vec<CheckError>) {
    let before = errors.len();
    let names = by_name(table);
    let place = |handle| jumps.get(&handle).copied().unwrap_or(fallback);
    for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
        let Some(name) = target(&rule.statements) else {
            continue;
        };
        let kind = match names.get(&**name).map(|index| &table.chains[*index]) {
            None => CheckErrorKind::NoChain(name.to_string()),
            Some(Chain { base: Some(_), .. }) => CheckErrorKind::JumpToBase(name.to_string()),
            Some(_) => continue,
        };
        errors.push(CheckError::new(kind, place(rule.handle)));
    }
    if errors.len() > before {
        return;
    }
    match order(table) {
        Err((chain, handles)) => {
            let name = table.chains[chain].name.to_string();
            let mut places = handles.iter().rev().map(|handle| place(*handle));
            let span = places.next().unwrap_or(fallback);
            let others = places.map(|span| (span, "by way of this jump")).collect();
            errors.push(CheckError {
                kind: CheckErrorKind::Loop(name),
                span,
                others,
            });
        }
        Ok(order) => check_depth(table, &order, &names, &place, errors),
    }
}

fn check_depth(
    table: &Table,
    order: &[usize],
    names: &FxHashMap<&str, usize>,
    place: &dyn Fn(u64) -> Span,
    errors: &mut Vec<CheckError>,
) {
    let mut depth: Vec<Option<u32>> = table
        .chains
        .iter()
        .map(|chain| chain.base.map(|_| 0))
        .collect();
    for index in order {
        let Some(here) = depth[*index] else { continue };
        for rule in &table.chains[*index].rules {
            let Some(to) = target(&rule.statements).and_then(|name| names.get(&**name)) else {
                continue;
            };
            if here + 1 > MAX_DEPTH {
                let kind = CheckErrorKind::TooDeep(MAX_DEPTH);
                errors.push(CheckError::new(kind, place(rule.handle)));
                return;
            }
            depth[*to] = depth[*to].max(Some(here + 1));
        }
    }
}
