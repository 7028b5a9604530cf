// SPDX-License-Identifier: GPL-2.0
//! What commands that ask are about: the part of a ruleset that `list`, `reset` and `get` show.
//!
//! The checker says what is asked, by name ([`crate::ruleset::Subject`]); here that becomes a ruleset of its
//! own, to be listed as text or JSON like any other.

use crate::lang::syntax::Verb;
use crate::lang::Script;
use crate::ruleset::set::Data;
use crate::ruleset::{Chain, Ruleset, Set, Subject, Table, TableName, What};

/// Whether the script is about what is loaded: all but `describe` are.
pub fn is_about_loaded(script: &Script) -> bool {
    let commands = &script.commands;
    commands.is_empty()
        || commands
            .iter()
            .any(|command| command.verb != Verb::Describe)
}

/// The part of a ruleset that a request is about, to be listed.
pub fn part(ruleset: &Ruleset, subject: &Subject) -> Ruleset {
    let tables = ruleset.tables().iter();
    let tables = tables.filter(|table| is_meant(table, subject));
    ruleset.with_tables(tables.map(|table| part_of(table, subject)).collect())
}

/// Whether a table is one that the subject is about.
fn is_meant(table: &Table, subject: &Subject) -> bool {
    let is = |name: &TableName| (table.family, &table.name) == (name.0, &name.1);
    match subject {
        Subject::Ruleset(family) | Subject::All(_, family, None) => {
            family.is_none_or(|family| family == table.family)
        }
        Subject::All(_, _, Some(name))
        | Subject::Table(name)
        | Subject::Chain(name, _)
        | Subject::Rules(name, ..)
        | Subject::Set(name, _)
        | Subject::Elements(name, ..)
        | Subject::Object(name, ..) => is(name),
        Subject::Text(_) => false,
    }
}

/// What of a table a subject is about.
fn part_of(table: &Table, subject: &Subject) -> Table {
    let mut part = Table {
        chains: Vec::new(),
        sets: Vec::new(),
        objects: Vec::new(),
        ..table.clone()
    };
    match subject {
        Subject::Ruleset(_) | Subject::Table(_) => part = table.clone(),
        Subject::All(what, ..) => all_of(*what, table, &mut part),
        Subject::Chain(_, name) | Subject::Rules(_, name, None) => {
            let chains = table.chains.iter();
            part.chains = chains
                .filter(|chain| chain.name == *name)
                .cloned()
                .collect();
        }
        Subject::Rules(_, name, Some(handle)) => {
            let chains = table.chains.iter().filter(|chain| chain.name == *name);
            part.chains = chains.cloned().collect();
            for chain in &mut part.chains {
                chain.rules.retain(|rule| rule.handle == *handle);
            }
        }
        Subject::Set(_, name) | Subject::Elements(_, name, _) => {
            let sets = table.sets.iter();
            part.sets = sets.filter(|set| set.name == *name).cloned().collect();
        }
        Subject::Object(_, kind, name) => {
            let objects = table.objects.iter();
            let meant =
                objects.filter(|object| object.name == *name && object.spec.kind() == *kind);
            part.objects = meant.cloned().collect();
        }
        Subject::Text(_) => {}
    }
    part
}

/// All of a kind.
fn all_of(what: What, table: &Table, part: &mut Table) {
    let declaration = |chain: &Chain| Chain {
        rules: Vec::new(),
        ..chain.clone()
    };
    let sets = |meant: &dyn Fn(&Set) -> bool| -> Vec<Set> {
        let sets = table.sets.iter().filter(|set| meant(set));
        sets.cloned().collect()
    };
    match what {
        What::Tables => {}
        What::Chains => part.chains = table.chains.iter().map(declaration).collect(),
        What::Rules => part.chains = table.chains.clone(),
        What::Sets => part.sets = sets(&|set| set.data == Data::None),
        What::Maps => part.sets = sets(&|set| set.data != Data::None),
        What::Meters => part.sets = sets(&|set| set.dynamic && set.data == Data::None),
        What::Objects(kind) => {
            let objects = table.objects.iter();
            let meant = objects.filter(|object| object.spec.kind() == kind);
            part.objects = meant.cloned().collect();
        }
    }
}

/// Handles of the rules and objects of a ruleset: what has counters and states.
pub fn counted(ruleset: &Ruleset) -> std::collections::HashSet<u64> {
    let mut handles = std::collections::HashSet::new();
    for table in ruleset.tables() {
        handles.extend(table.objects.iter().map(|object| object.handle));
        let rules = table.chains.iter().flat_map(|chain| &chain.rules);
        handles.extend(rules.map(|rule| rule.handle));
    }
    handles
}
