// SPDX-License-Identifier: GPL-2.0
//! Commands that ask: `list`, `reset`, `get`, `describe`.
//!
//! A script changes the ruleset ([`crate::ruleset::Ruleset::apply`]) and asks about it. What it asks is
//! turned into [`Request`]s here, by name only: whether there is such a thing is told by whoever answers, with
//! what is loaded before them.

use std::sync::Arc;

use ferrule_uapi::hook::Family;

use crate::lang::syntax::{ChainPath, Command, Kind, Object, PositionKind, TablePath, Verb};
use crate::lang::Script;
use crate::ruleset::object::ObjectKind;
use crate::ruleset::set::Data;
use crate::ruleset::{Chain, Ruleset, Table};
use crate::source::Span;

/// A command that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Number of the command in its script, from 0.
    pub command: usize,
    /// What is done.
    pub action: Action,
    /// With what.
    pub subject: Subject,
    /// Where it was written.
    pub span: Span,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `list`.
    List,
    /// `reset`: lists, and begins counters and quotas anew.
    Reset,
    /// `get`.
    Get,
    /// `describe`.
    Describe,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole ruleset, or that of a family.
    Ruleset(Option<Family>),
    /// All things of a kind: of a family, of a table, of a chain.
    All(Class, Option<Family>, Option<TableName>, Option<Arc<str>>),
    /// A table.
    Table(TableName),
    /// A chain.
    Chain(TableName, Arc<str>),
    /// A rule by its handle.
    Rule(TableName, Arc<str>, u64),
    /// A set, a map or a meter.
    Set(TableName, Arc<str>),
    /// Elements of a set; which, the script says.
    Elements(TableName, Arc<str>),
    /// A named object.
    Object(Class, TableName, Arc<str>),
    /// An expression or a type.
    Expression,
}

/// A kind of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Tables.
    Tables,
    /// Chains.
    Chains,
    /// Rules.
    Rules,
    /// Sets.
    Sets,
    /// Maps.
    Maps,
    /// Sets that rules add to.
    Meters,
    /// Counters.
    Counters,
    /// Quotas.
    Quotas,
    /// Limits.
    Limits,
    /// Conntrack helpers.
    CtHelpers,
    /// Conntrack timeouts.
    CtTimeouts,
    /// Conntrack expectations.
    CtExpectations,
    /// Security marks.
    Secmarks,
    /// What Ferrule has none of.
    Others,
}

/// A table's family and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The family.
    pub family: Family,
    /// The name.
    pub name: Arc<str>,
}

/// The requests of a script, in order.
pub fn requests(script: &Script) -> Vec<Request> {
    let commands = script.commands.iter().enumerate();
    commands
        .filter_map(|(number, command)| request(script, number, command))
        .collect()
}

/// Whether the script changes anything.
pub fn changes(script: &Script) -> bool {
    script.commands.iter().any(changes_something)
}

/// Whether the command does.
pub fn changes_something(command: &Command) -> bool {
    action(command.verb).is_none()
}

fn action(verb: Verb) -> Option<Action> {
    match verb {
        Verb::List => Some(Action::List),
        Verb::Reset => Some(Action::Reset),
        Verb::Get => Some(Action::Get),
        Verb::Describe => Some(Action::Describe),
        _ => None,
    }
}

fn request(script: &Script, number: usize, command: &Command) -> Option<Request> {
    let action = action(command.verb)?;
    let name = |ident: crate::lang::syntax::Name| script.names.shared(ident);
    let table = |path: &TablePath| TableName {
        family: path.family,
        name: name(path.name.name),
    };
    let member = |path: &ChainPath| (table(&path.table), name(path.name.name));
    let subject = match &command.object {
        Object::Ruleset(family) => Subject::Ruleset(*family),
        Object::All(kind, family, of) => {
            Subject::All(class(*kind), *family, of.as_ref().map(table), None)
        }
        Object::Table(path, _) => Subject::Table(table(path)),
        Object::Chain(path, _) => {
            let (table, chain) = member(path);
            Subject::Chain(table, chain)
        }
        Object::Rules(path, position) => {
            let (table, chain) = member(path);
            match position {
                Some(at) if at.kind == PositionKind::Handle => {
                    Subject::Rule(table, chain, at.number)
                }
                _ => Subject::All(Class::Rules, None, Some(table), Some(chain)),
            }
        }
        Object::Set(path, _) => {
            let (table, set) = member(path);
            Subject::Set(table, set)
        }
        Object::Element(path, _) => {
            let (table, set) = member(path);
            Subject::Elements(table, set)
        }
        Object::Stateful(kind, path, _) => {
            let (table, object) = member(path);
            Subject::Object(class(*kind), table, object)
        }
        Object::Describe(_) => Subject::Expression,
        Object::Rename(..) | Object::Rule(..) | Object::Unsupported(_) => return None,
    };
    Some(Request {
        command: number,
        action,
        subject,
        span: command.span,
    })
}

fn class(kind: Kind) -> Class {
    match kind {
        Kind::Table => Class::Tables,
        Kind::Chain => Class::Chains,
        Kind::Rule => Class::Rules,
        Kind::Set => Class::Sets,
        Kind::Map => Class::Maps,
        Kind::Meter => Class::Meters,
        Kind::Counter => Class::Counters,
        Kind::Quota => Class::Quotas,
        Kind::Limit => Class::Limits,
        Kind::CtHelper => Class::CtHelpers,
        Kind::CtTimeout => Class::CtTimeouts,
        Kind::CtExpectation => Class::CtExpectations,
        Kind::Secmark => Class::Secmarks,
        Kind::Synproxy | Kind::Flowtable => Class::Others,
    }
}

/// The part of a ruleset that a request is about, to be listed.
pub fn part(ruleset: &Ruleset, subject: &Subject) -> Ruleset {
    let tables = ruleset.tables().iter();
    let tables = tables.filter(|table| table_is_meant(table, subject));
    ruleset.with_tables(tables.map(|table| part_of(table, subject)).collect())
}

/// The table that a subject names.
pub fn table_of(subject: &Subject) -> Option<&TableName> {
    match subject {
        Subject::Ruleset(_) | Subject::Expression => None,
        Subject::All(_, _, table, _) => table.as_ref(),
        Subject::Table(table)
        | Subject::Chain(table, _)
        | Subject::Rule(table, _, _)
        | Subject::Set(table, _)
        | Subject::Elements(table, _)
        | Subject::Object(_, table, _) => Some(table),
    }
}

fn table_is_meant(table: &Table, subject: &Subject) -> bool {
    let family = match subject {
        Subject::Ruleset(family) | Subject::All(_, family, None, _) => *family,
        Subject::Expression => return false,
        _ => None,
    };
    let named = table_of(subject);
    family.is_none_or(|family| family == table.family)
        && named.is_none_or(|name| name.family == table.family && *name.name == *table.name)
}

/// The kind of objects that a class is, if it is one.
pub fn object_kind(class: Class) -> Option<ObjectKind> {
    Some(match class {
        Class::Counters => ObjectKind::Counter,
        Class::Quotas => ObjectKind::Quota,
        Class::Limits => ObjectKind::Limit,
        Class::CtHelpers => ObjectKind::CtHelper,
        Class::CtTimeouts => ObjectKind::CtTimeout,
        Class::CtExpectations => ObjectKind::CtExpectation,
        Class::Secmarks => ObjectKind::Secmark,
        _ => return None,
    })
}

/// What of a table a subject is about.
fn part_of(table: &Table, subject: &Subject) -> Table {
    let mut part = Table {
        chains: Vec::new(),
        sets: Vec::new(),
        objects: Vec::new(),
        ..table.clone()
    };
    let declaration = |chain: &Chain| Chain {
        rules: Vec::new(),
        ..chain.clone()
    };
    match subject {
        Subject::Ruleset(_) | Subject::Table(_) => part = table.clone(),
        Subject::All(Class::Chains, ..) => {
            part.chains = table.chains.iter().map(declaration).collect();
        }
        Subject::All(Class::Rules, _, _, chain) => {
            let chains = table.chains.iter();
            let meant = chains.filter(|one| chain.as_ref().is_none_or(|name| one.name == *name));
            part.chains = meant.cloned().collect();
        }
        Subject::All(class @ (Class::Sets | Class::Maps | Class::Meters), ..) => {
            let meant = |set: &&crate::ruleset::Set| match class {
                Class::Sets => set.data == Data::None,
                Class::Maps => set.data != Data::None,
                _ => set.dynamic && set.data == Data::None,
            };
            part.sets = table.sets.iter().filter(meant).cloned().collect();
        }
        Subject::All(class, ..) => {
            let kind = object_kind(*class);
            let objects = table.objects.iter();
            let meant = objects.filter(|object| Some(object.spec.kind()) == kind);
            part.objects = meant.cloned().collect();
        }
        Subject::Chain(_, name) => {
            let chains = table.chains.iter();
            part.chains = chains
                .filter(|chain| chain.name == *name)
                .cloned()
                .collect();
        }
        Subject::Rule(_, name, handle) => {
            let chains = table.chains.iter().filter(|chain| chain.name == *name);
            part.chains = chains.cloned().collect();
            for chain in &mut part.chains {
                chain.rules.retain(|rule| rule.handle == *handle);
            }
        }
        Subject::Set(_, name) | Subject::Elements(_, name) => {
            let sets = table.sets.iter();
            part.sets = sets.filter(|set| set.name == *name).cloned().collect();
        }
        Subject::Object(class, _, name) => {
            let kind = object_kind(*class);
            let objects = table.objects.iter();
            let meant =
                objects.filter(|object| object.name == *name && Some(object.spec.kind()) == kind);
            part.objects = meant.cloned().collect();
        }
        Subject::Expression => {}
    }
    part
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
