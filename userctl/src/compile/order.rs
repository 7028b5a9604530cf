// SPDX-License-Identifier: GPL-2.0
//! Which chain goes where.
//!
//! Programs jump forwards only, so a chain must come before those that it leads to. A depth-first walk
//! that notes a chain when all that it leads to have been noted gives that order backwards; walking from
//! the last chain defined to the first keeps the order of definition where jumps leave it open.

use std::collections::HashMap;

use crate::ruleset::set::{Change, Element, ElementData, SetRef};
use crate::ruleset::{Chain, Ruleset, Set, Statement, Table, Verdict};

/// A chain in its place.
pub(super) struct Placed<'a> {
    /// Its table.
    pub(super) table: &'a Table,
    /// The chain.
    pub(super) chain: &'a Chain,
    /// Whether a base chain leads to it, or it is one.
    pub(super) reached: bool,
    /// The ruleset that it belongs to.
    pub(super) ruleset: &'a Ruleset,
    /// Where its targets are, by name.
    pub(super) targets: HashMap<&'a str, usize>,
}

/// All chains, those before that lead to others.
pub(super) struct Ordered<'a> {
    /// The tables.
    pub(super) tables: &'a [Table],
    /// In the order of the program.
    pub(super) chains: Vec<Placed<'a>>,
    /// Places of the base chains, in the order of definition.
    pub(super) base_chains: Vec<usize>,
    /// Places of all chains, in the order of definition (that of the listing).
    pub(super) by_definition: Vec<usize>,
}

/// Orders the chains of all tables.
pub(super) fn order(ruleset: &Ruleset) -> Ordered<'_> {
    let mut ordered = Ordered {
        tables: ruleset.tables(),
        chains: Vec::new(),
        base_chains: Vec::new(),
        by_definition: Vec::new(),
    };
    for table in ruleset.tables() {
        order_table(ruleset, table, &mut ordered);
    }
    ordered
}

/// Appends the chains of one table.
fn order_table<'a>(ruleset: &'a Ruleset, table: &'a Table, ordered: &mut Ordered<'a>) {
    let names: HashMap<&str, usize> = table
        .chains
        .iter()
        .enumerate()
        .map(|(index, chain)| (&*chain.name, index))
        .collect();
    let targets: Vec<Vec<usize>> = table
        .chains
        .iter()
        .map(|chain| {
            let mut list = Vec::new();
            targets(table, chain, &mut |name| list.extend(names.get(name)));
            list
        })
        .collect();
    let all = (0..table.chains.len()).rev();
    let mut placed = walk(all, &targets);
    placed.reverse();
    let bases = (0..table.chains.len()).filter(|index| table.chains[*index].base.is_some());
    let mut reached = vec![false; table.chains.len()];
    for index in walk(bases, &targets) {
        reached[index] = true;
    }
    let first = ordered.chains.len();
    let mut places = vec![0; table.chains.len()];
    for (place, index) in placed.iter().enumerate() {
        places[*index] = first + place;
    }
    for index in placed {
        let chain = &table.chains[index];
        let places = targets[index]
            .iter()
            .map(|t| (&*table.chains[*t].name, places[*t]));
        ordered.chains.push(Placed {
            table,
            chain,
            reached: reached[index],
            ruleset,
            targets: places.collect(),
        });
    }
    for (chain, place) in table.chains.iter().zip(&places) {
        ordered.by_definition.push(*place);
        if chain.base.is_some() && !table.dormant {
            ordered.base_chains.push(*place);
        }
    }
}

/// The chains that a chain leads to, by name: through verdicts, and through verdict maps.
fn targets<'a>(table: &'a Table, chain: &'a Chain, found: &mut dyn FnMut(&'a str)) {
    for statement in chain.rules.iter().flat_map(|rule| &rule.statements) {
        match statement {
            Statement::Verdict(verdict) => target(verdict).into_iter().for_each(&mut *found),
            Statement::Vmap { map, .. } => match map {
                SetRef::Anonymous(map) => in_elements(&map.elements, found),
                SetRef::Named(name) => {
                    let set = table.sets.iter().find(|set| set.name == *name);
                    set.into_iter().for_each(|set| map_targets(set, found));
                }
            },
            _ => {}
        }
    }
}

/// The chains that the elements of a verdict map lead to.
pub(super) fn map_targets<'a>(set: &'a Set, found: &mut dyn FnMut(&'a str)) {
    set.leads_to.iter().for_each(|name| found(name));
    for change in &set.changes {
        if let Change::Add { elements, .. } = change {
            in_elements(elements, found);
        }
    }
}

/// The chains that elements lead to.
pub(super) fn in_elements<'a>(elements: &'a [Element], found: &mut dyn FnMut(&'a str)) {
    for element in elements {
        if let ElementData::Verdict(verdict) = &element.data {
            target(verdict).into_iter().for_each(&mut *found);
        }
    }
}

/// The chain that a verdict leads to.
fn target(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Jump(name) | Verdict::Goto(name) => Some(name),
        _ => None,
    }
}

/// Everything that can be reached from `starts`, each after what it leads to. Without recursion: the
/// depth of chains that no packet reaches is not limited.
fn walk(starts: impl Iterator<Item = usize>, targets: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; targets.len()];
    let mut done = Vec::new();
    for start in starts {
        let mut open = Vec::new();
        if !std::mem::replace(&mut seen[start], true) {
            open.push((start, targets[start].iter().rev()));
        }
        while let Some((index, rest)) = open.last_mut() {
            match rest.next() {
                Some(target) if std::mem::replace(&mut seen[*target], true) => {}
                Some(target) => open.push((*target, targets[*target].iter().rev())),
                None => {
                    done.push(*index);
                    open.pop();
                }
            }
        }
    }
    done
}
