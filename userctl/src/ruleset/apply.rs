// SPDX-License-Identifier: GPL-2.0
//! Commands: a script is executed on a copy of the ruleset, all or nothing.
//!
//! What only asks (`list`, `get`, `reset`, `describe`) changes nothing here: [`crate::request`] says what it is, for
//! the command that runs the script to answer when the changes are published.

mod chain;
mod object;
pub(super) mod request;
mod set;
mod table;

use std::sync::Arc;

use ferrule_uapi::hook::{ChainType, Family, Hook, Verdict as Policy};
use rustc_hash::FxHashMap;

use super::error::{CheckError, CheckErrorKind};
use super::graph::{self, Spans};
use super::matching::unsupported;
use super::value::Reader;
use super::{Base, Environment, Ruleset, Table};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{
    ChainPath, Command, HookSpec, Ident, Object, TablePath, Unsupported, Verb,
};
use crate::lang::Script;
use crate::source::{SourceMap, Span};
pub(crate) use object::ct_timeout_state;

/// A ruleset being changed.
struct Applier<'a> {
    ruleset: Ruleset,
    reader: Reader<'a>,
    sources: &'a SourceMap,
    errors: Vec<CheckError>,
    spans: Spans,
    /// Tables by family and name, and chains by name within.
    tables: FxHashMap<(Family, Arc<str>), usize>,
    chains: Vec<FxHashMap<Arc<str>, usize>>,
    /// Name of the file that the last rule was in, to share it.
    file: Arc<str>,
    last_span: Span,
}

type Checked<T> = Result<T, CheckError>;

/// See [`Ruleset::apply`].
pub(super) fn apply(
    ruleset: &Ruleset,
    script: &Script,
    sources: &SourceMap,
    environment: &dyn Environment,
) -> Result<Ruleset, Diagnostics> {
    let mut applier = Applier::new(ruleset, script, sources, environment);
    for command in &script.commands {
        applier.last_span = command.span;
        if let Err(error) = applier.command(command) {
            applier.errors.push(error);
        }
    }
    if applier.errors.is_empty() {
        for table in &applier.ruleset.tables {
            let (spans, last) = (&applier.spans, applier.last_span);
            graph::check(table, spans, last, &mut applier.errors);
        }
    }
    match Diagnostics::from_list(applier.errors.iter().map(Diagnostic::from)) {
        None => Ok(applier.ruleset),
        Some(diagnostics) => Err(diagnostics),
    }
}

fn refuse<T>(kind: CheckErrorKind, span: Span) -> Checked<T> {
    Err(CheckError::new(kind, span))
}

impl<'a> Applier<'a> {
    fn new(
        ruleset: &Ruleset,
        script: &'a Script,
        sources: &'a SourceMap,
        environment: &'a dyn Environment,
    ) -> Self {
        let mut applier = Applier {
            ruleset: ruleset.clone(),
            reader: Reader {
                names: &script.names,
                environment,
            },
            sources,
            errors: Vec::new(),
            spans: Spans::default(),
            tables: FxHashMap::default(),
            chains: Vec::new(),
            file: Arc::from(""),
            last_span: Span::default(),
        };
        applier.index();
        applier
    }

    /// Works the indices out anew.
    fn index(&mut self) {
        let tables = self.ruleset.tables.iter().enumerate();
        self.tables = tables
            .map(|(index, table)| ((table.family, table.name.clone()), index))
            .collect();
        self.chains = self.ruleset.tables.iter().map(chain_index).collect();
    }

    fn name(&self, ident: &Ident) -> Arc<str> {
        self.reader.names.shared(ident.name)
    }

    fn handle(&mut self) -> u64 {
        let handle = self.ruleset.next_handle;
        self.ruleset.next_handle += 1;
        handle
    }

    fn unsupported(&mut self, list: &[Unsupported]) {
        for what in list {
            let feature = self.reader.names.get(what.feature).to_string();
            self.errors
                .push(CheckError::new(unsupported(feature, what.hint), what.span));
        }
    }

    fn command(&mut self, command: &Command) -> Checked<()> {
        if matches!(
            command.verb,
            Verb::List | Verb::Reset | Verb::Get | Verb::Describe
        ) {
            return Ok(());
        }
        let adds = matches!(command.verb, Verb::Add | Verb::Create | Verb::Insert);
        let verb = command.verb;
        match &command.object {
            Object::Unsupported(what) => {
                self.unsupported(&[*what]);
                Ok(())
            }
            Object::Ruleset(family) => {
                self.ruleset
                    .tables
                    .retain(|table| family.is_some_and(|f| f != table.family));
                self.index();
                Ok(())
            }
            Object::Table(path, block) if adds => self.add_table(path, block.as_ref(), verb),
            Object::Table(path, _) => self.remove_table(path, verb),
            Object::Chain(path, block) if adds => self.chain_command(path, block.as_ref(), verb),
            Object::Chain(path, _) => self.remove_chain(path, verb),
            Object::Rename(path, to) => self.rename_chain(path, to),
            Object::Rule(path, position, rule) => {
                self.rule_command(path, position.as_ref(), rule, verb)
            }
            Object::Rules(path, position) => self.remove_rules(path, position.as_ref(), verb),
            Object::Set(path, block) if adds => self.set_command(path, block.as_deref(), verb),
            Object::Set(path, _) => self.remove_set(path, verb),
            Object::Element(path, elements) => self.element_command(path, elements, verb),
            Object::Stateful(kind, path, block) if adds => {
                self.object_command(*kind, path, block.as_deref(), verb)
            }
            Object::Stateful(kind, path, _) => self.remove_object(*kind, path, verb),
            Object::All(..) | Object::Describe(_) => refuse(CheckErrorKind::ReadOnly, command.span),
        }
    }

    /// Index of a table that must exist.
    fn table(&self, path: &TablePath) -> Checked<usize> {
        let name = self.name(&path.name);
        let found = match path.handle {
            None => self.tables.get(&(path.family, name.clone())).copied(),
            Some(handle) => {
                let mut tables = self.ruleset.tables.iter();
                tables.position(|table| table.family == path.family && table.handle == handle)
            }
        };
        match found {
            Some(index) => Ok(index),
            None => {
                let text = format!("{} {name}", path.family.name());
                refuse(CheckErrorKind::NoTable(text), path.name.span)
            }
        }
    }

    /// Indices of a chain that must exist, and of its table.
    fn chain(&self, path: &ChainPath) -> Checked<(usize, usize)> {
        let table = self.table(&path.table)?;
        let name = self.name(&path.name);
        let found = match path.handle {
            None => self.chains[table].get(&name).copied(),
            Some(handle) => {
                let mut chains = self.ruleset.tables[table].chains.iter();
                chains.position(|chain| chain.handle == handle)
            }
        };
        match found {
            Some(chain) => Ok((table, chain)),
            None => refuse(CheckErrorKind::NoChain(name.to_string()), path.name.span),
        }
    }
}

fn chain_index(table: &Table) -> FxHashMap<Arc<str>, usize> {
    table
        .chains
        .iter()
        .enumerate()
        .map(|(index, chain)| (chain.name.clone(), index))
        .collect()
}

/// Priorities by name, with the hooks at which they have one. `None`: every hook.
pub(crate) const PRIORITIES: &[(&str, i32, Option<&[Hook]>)] = &[
    ("raw", -300, None),
    ("mangle", -150, None),
    ("dstnat", -100, Some(&[Hook::PreRouting, Hook::LocalOut])),
    ("filter", 0, None),
    ("security", 50, None),
    ("srcnat", 100, Some(&[Hook::PostRouting])),
];

/// What a chain's `type … hook … priority …` says.
fn base_of(spec: &HookSpec, reader: &Reader<'_>) -> Checked<Base> {
    let kind = reader.names.get(spec.kind.name);
    let base_kind = match kind {
        "filter" => ChainType::Filter,
        "route" => ChainType::Route,
        "nat" => {
            let hint = "leave it out: address translation comes later";
            return refuse(unsupported("chains of type nat", hint), spec.kind.span);
        }
        _ => return refuse(CheckErrorKind::ChainType(kind.to_string()), spec.kind.span),
    };
    let name = reader.names.get(spec.hook.name);
    let Some(hook) = Hook::ALL.iter().copied().find(|hook| hook.name() == name) else {
        let kind = match name {
            "ingress" | "egress" => unsupported(
                format!("hook {name}"),
                "write `hook prerouting`: it comes next",
            ),
            _ => CheckErrorKind::Hook(name.to_string()),
        };
        return refuse(kind, spec.hook.span);
    };
    if base_kind == ChainType::Route && hook != Hook::LocalOut {
        return refuse(CheckErrorKind::RouteHook(name.to_string()), spec.hook.span);
    }
    let mut priority = spec.priority.offset;
    if let Some(ident) = spec.priority.name {
        let text = reader.names.get(ident.name);
        let row = PRIORITIES.iter().find(|(name, _, hooks)| {
            *name == text && hooks.is_none_or(|hooks| hooks.contains(&hook))
        });
        match row {
            Some((_, base, _)) => priority += i64::from(*base),
            None => return refuse(CheckErrorKind::Priority(text.to_string()), ident.span),
        }
    }
    let Ok(priority) = i32::try_from(priority) else {
        return refuse(CheckErrorKind::PriorityRange, spec.priority.span);
    };
    Ok(Base {
        kind: base_kind,
        hook,
        priority,
        policy: Policy::Accept,
    })
}
