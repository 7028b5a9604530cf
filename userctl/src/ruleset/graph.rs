// SPDX-License-Identifier: GPL-2.0
//! Which chain leads where: no circles, no jump into nothing, no deeper than the kernel allows; and no rule
//! where its hook has not what it asks for.
//!
//! Chains are led to by verdicts, by anonymous verdict maps, and by elements of named ones, as far as they are
//! known: those that the script adds, and those of the program that is loaded.

use rustc_hash::FxHashMap;

use super::error::{CheckError, CheckErrorKind};
use super::expr::Named;
use super::refs::{self, Use};
use super::{hooks, Chain, Table, MAX_DEPTH};
use crate::source::Span;

/// Where a rule was written, by its handle; rules that were there before have none.
pub(super) type Spans = FxHashMap<u64, Span>;

/// A rule's way to a chain: the chain's index, the rule's handle.
type Edge = (usize, u64);

/// Indices of the table's chains by name.
fn by_name(table: &Table) -> FxHashMap<&str, usize> {
    table
        .chains
        .iter()
        .enumerate()
        .map(|(index, chain)| (&*chain.name, index))
        .collect()
}

/// The chains that a rule's statements lead to.
fn targets<'a>(table: &'a Table, statements: &'a [super::Statement]) -> Vec<&'a Named> {
    let mut found = Vec::new();
    let mut maps = Vec::new();
    refs::any(statements, &mut |used| {
        match used {
            Use::Chain(name) => found.push(name),
            Use::Set(name) => maps.push(name),
            Use::Object(..) => {}
        }
        false
    });
    for set in maps.into_iter().filter_map(|name| table.set(name)) {
        found.extend(refs::chains_of_set(set));
    }
    found
}

/// Checks every jump of the table. A mistake is reported at the rule, if this script wrote it, else at
/// `fallback`.
pub(super) fn check(table: &Table, spans: &Spans, fallback: Span, errors: &mut Vec<CheckError>) {
    let before = errors.len();
    let place = |handle| spans.get(&handle).copied().unwrap_or(fallback);
    let edges = edges(table, &place, fallback, errors);
    if errors.len() > before {
        return;
    }
    match order(&edges) {
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
        Ok(order) => {
            check_depth(table, &order, &edges, &place, errors);
            check_hooks(table, &order, &edges, &place, errors);
        }
    }
}

/// Where each chain leads. Reports jumps to what is no chain, or a base chain.
fn edges(
    table: &Table,
    place: &dyn Fn(u64) -> Span,
    fallback: Span,
    errors: &mut Vec<CheckError>,
) -> Vec<Vec<Edge>> {
    let names = by_name(table);
    let mut resolve = |name: &Named, span: Span| {
        let index = names.get(&**name).copied();
        let kind = match index.map(|index| &table.chains[index]) {
            None => CheckErrorKind::NoChain(name.to_string()),
            Some(Chain { base: Some(_), .. }) => CheckErrorKind::JumpToBase(name.to_string()),
            Some(_) => return index,
        };
        errors.push(CheckError::new(kind, span));
        None
    };
    for set in &table.sets {
        for name in refs::chains_of_set(set) {
            resolve(name, fallback);
        }
    }
    let mut edges = Vec::with_capacity(table.chains.len());
    for chain in &table.chains {
        let mut of = Vec::new();
        for rule in &chain.rules {
            for name in targets(table, &rule.statements) {
                let to = resolve(name, place(rule.handle));
                of.extend(to.map(|to| (to, rule.handle)));
            }
        }
        edges.push(of);
    }
    edges
}

/// The chains in an order in which every jump leads on, or the first chain that is part of a circle and the
/// handles of the rules that make it up.
fn order(edges: &[Vec<Edge>]) -> Result<Vec<usize>, (usize, Vec<u64>)> {
    // 0: not seen, 1: on the present path, 2: done.
    let mut state = vec![0_u8; edges.len()];
    let mut done = Vec::with_capacity(edges.len());
    for start in 0..edges.len() {
        if state[start] != 0 {
            continue;
        }
        let mut path = vec![(start, 0)];
        state[start] = 1;
        while let Some((chain, next)) = path.last_mut() {
            let chain = *chain;
            let Some((to, _)) = edges[chain].get(*next) else {
                state[chain] = 2;
                done.push(chain);
                path.pop();
                continue;
            };
            *next += 1;
            match state[*to] {
                0 => {
                    state[*to] = 1;
                    path.push((*to, 0));
                }
                1 => return Err((*to, circle(edges, &path, *to))),
                _ => {}
            }
        }
    }
    done.reverse();
    Ok(done)
}

/// The rules of the path, from `start` on, that lead from chain to chain.
fn circle(edges: &[Vec<Edge>], path: &[(usize, usize)], start: usize) -> Vec<u64> {
    let from = path
        .iter()
        .position(|(chain, _)| *chain == start)
        .unwrap_or(0);
    let rules = path[from..]
        .iter()
        .map(|(chain, next)| edges[*chain][next - 1].1);
    rules.collect()
}

fn check_depth(
    table: &Table,
    order: &[usize],
    edges: &[Vec<Edge>],
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
        for (to, handle) in &edges[*index] {
            if here + 1 > MAX_DEPTH {
                let kind = CheckErrorKind::TooDeep(MAX_DEPTH);
                errors.push(CheckError::new(kind, place(*handle)));
                return;
            }
            depth[*to] = depth[*to].max(Some(here + 1));
        }
    }
}

/// Checks that every rule is reached only from hooks where what it asks for is known.
fn check_hooks(
    table: &Table,
    order: &[usize],
    edges: &[Vec<Edge>],
    place: &dyn Fn(u64) -> Span,
    errors: &mut Vec<CheckError>,
) {
    let mut from: Vec<u8> = table
        .chains
        .iter()
        .map(|chain| chain.base.map_or(0, |base| hooks::bit(base.hook)))
        .collect();
    for index in order {
        let here = from[*index];
        for (to, _) in &edges[*index] {
            from[*to] |= here;
        }
        for rule in &table.chains[*index].rules {
            for statement in &rule.statements {
                let Some((what, allowed)) = hooks::asked(statement) else {
                    continue;
                };
                let wrong = here & !allowed;
                if wrong != 0 {
                    let hook = hooks::first(wrong);
                    let allowed = hooks::names(allowed);
                    let kind = CheckErrorKind::NotAtHook {
                        what,
                        hook,
                        allowed,
                    };
                    errors.push(CheckError::new(kind, place(rule.handle)));
                }
            }
        }
    }
}
