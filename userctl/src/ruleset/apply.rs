// SPDX-License-Identifier: GPL-2.0
//! Commands: a script is executed on a copy of the ruleset, all or nothing.

use std::sync::Arc;

use ferrule_uapi::hook::{ChainType, Family, Hook, Verdict as Policy};
use rustc_hash::FxHashMap;

use super::error::{CheckError, CheckErrorKind};
use super::graph::{self, Jumps};
use super::matching::unsupported;
use super::rule::{comment, RuleCheck};
use super::value::Reader;
use super::{Base, Chain, Environment, Origin, Rule, Ruleset, Table};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{
    self, ChainBlock, ChainPath, Command, HookSpec, Ident, Object, Position, PositionKind,
    TableBlock, TablePath, Unsupported, Verb,
};
use crate::lang::Script;
use crate::source::{SourceMap, Span};

/// A ruleset being changed.
struct Applier<'a> {
    ruleset: Ruleset,
    reader: Reader<'a>,
    sources: &'a SourceMap,
    errors: Vec<CheckError>,
    jumps: Jumps,
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
    let mut applier = Applier {
        ruleset: ruleset.clone(),
        reader: Reader {
            names: &script.names,
            environment,
        },
        sources,
        errors: Vec::new(),
        jumps: Jumps::default(),
        tables: FxHashMap::default(),
        chains: Vec::new(),
        file: Arc::from(""),
        last_span: Span::default(),
    };
    applier.index();
    for command in &script.commands {
        applier.last_span = command.span;
        if let Err(error) = applier.command(command) {
            applier.errors.push(error);
        }
    }
    if applier.errors.is_empty() {
        for table in &applier.ruleset.tables {
            graph::check(
                table,
                &applier.jumps,
                applier.last_span,
                &mut applier.errors,
            );
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

impl Applier<'_> {
    /// Works the indices out anew.
    fn index(&mut self) {
        let tables = self.ruleset.tables.iter().enumerate();
        self.tables = tables
            .map(|(index, table)| ((table.family, table.name.clone()), index))
            .collect();
        self.chains = self.ruleset.tables.iter().map(chain_index).collect();
    }

    fn name(&self, ident: &Ident) -> Arc<str> {
        self.reader.names.get(ident.name).clone()
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
        match (&command.object, command.verb) {
            (Object::Unsupported(what), _) => {
                self.unsupported(&[*what]);
                Ok(())
            }
            (Object::Ruleset(family), _) => {
                self.ruleset
                    .tables
                    .retain(|table| family.is_some_and(|f| f != table.family));
                self.index();
                Ok(())
            }
            (Object::Table(path, block), Verb::Add | Verb::Create | Verb::Insert) => {
                self.add_table(path, block.as_ref(), command.verb)
            }
            (Object::Table(path, _), verb) => self.remove_table(path, verb),
            (Object::Chain(path, block), Verb::Add | Verb::Create | Verb::Insert) => {
                let table = self.table(&path.table)?;
                let chain = self.add_chain(table, &path.name, block.as_ref(), command.verb)?;
                let rules = block.as_ref().map_or(&[][..], |block| &block.rules);
                rules
                    .iter()
                    .for_each(|rule| self.append_rule(table, chain, rule));
                Ok(())
            }
            (Object::Chain(path, _), verb) => self.remove_chain(path, verb),
            (Object::Rule(path, position, rule), verb) => {
                self.rule_command(path, position.as_ref(), rule, verb)
            }
        }
    }

    /// Index of a table that must exist.
    fn table(&self, path: &TablePath) -> Checked<usize> {
        let name = self.name(&path.name);
        match self.tables.get(&(path.family, name.clone())) {
            Some(index) => Ok(*index),
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
        match self.chains[table].get(&name) {
            Some(chain) => Ok((table, *chain)),
            None => refuse(CheckErrorKind::NoChain(name.to_string()), path.name.span),
        }
    }

    fn add_table(
        &mut self,
        path: &TablePath,
        block: Option<&TableBlock>,
        verb: Verb,
    ) -> Checked<()> {
        let name = self.name(&path.name);
        let key = (path.family, name.clone());
        let index = match self.tables.get(&key) {
            Some(_) if verb == Verb::Create => {
                let text = format!("table `{} {name}`", path.family.name());
                return refuse(CheckErrorKind::Exists(text), path.name.span);
            }
            Some(index) => *index,
            None => {
                let handle = self.handle();
                let (family, chains) = (path.family, Vec::new());
                self.ruleset.tables.push(Table {
                    family,
                    name,
                    handle,
                    comment: None,
                    chains,
                });
                self.chains.push(FxHashMap::default());
                self.tables.insert(key, self.ruleset.tables.len() - 1);
                self.ruleset.tables.len() - 1
            }
        };
        let Some(block) = block else { return Ok(()) };
        self.unsupported(&block.unsupported);
        if let Some(text) = comment(&self.reader, block.comment, &mut self.errors) {
            self.ruleset.tables[index].comment = Some(text);
        }
        self.add_block(index, block, verb);
        Ok(())
    }

    /// All chains of the block come first, then their rules: a rule may jump to a chain that is
    /// defined further on.
    fn add_block(&mut self, table: usize, block: &TableBlock, verb: Verb) {
        let mut added = Vec::with_capacity(block.chains.len());
        for (name, chain) in &block.chains {
            match self.add_chain(table, name, Some(chain), verb) {
                Ok(index) => added.push((index, &chain.rules)),
                Err(error) => self.errors.push(error),
            }
        }
        for (chain, rules) in added {
            rules
                .iter()
                .for_each(|rule| self.append_rule(table, chain, rule));
        }
    }

    fn add_chain(
        &mut self,
        table: usize,
        ident: &Ident,
        block: Option<&ChainBlock>,
        verb: Verb,
    ) -> Checked<usize> {
        let empty = ChainBlock::default();
        let block = block.unwrap_or(&empty);
        self.unsupported(&block.unsupported);
        let base = block
            .hook
            .as_ref()
            .map(|hook| base_of(hook, &self.reader))
            .transpose()?;
        let text = comment(&self.reader, block.comment, &mut self.errors);
        let name = self.name(ident);
        let existing = self.chains[table].get(&name).copied();
        if existing.is_some() && verb == Verb::Create {
            return refuse(
                CheckErrorKind::Exists(format!("chain `{name}`")),
                ident.span,
            );
        }
        let index = match existing {
            Some(index) => index,
            None => {
                let handle = self.handle();
                let chains = &mut self.ruleset.tables[table].chains;
                let (comment, rules) = (None, Vec::new());
                chains.push(Chain {
                    name: name.clone(),
                    handle,
                    comment,
                    base,
                    rules,
                });
                let index = chains.len() - 1;
                self.chains[table].insert(name.clone(), index);
                index
            }
        };
        let chain = &mut self.ruleset.tables[table].chains[index];
        chain.comment = text.or(chain.comment.take());
        if let (Some(new), Some(hook)) = (base, &block.hook) {
            let same = |old: Base| {
                Base {
                    policy: new.policy,
                    ..old
                } == new
            };
            if !chain.base.is_some_and(same) {
                return refuse(CheckErrorKind::ChainDiffers(name.to_string()), hook.span);
            }
        }
        if let Some(policy) = &block.policy {
            let Some(base) = &mut chain.base else {
                return refuse(CheckErrorKind::PolicyWithoutHook, policy.span);
            };
            base.policy = if policy.accept {
                Policy::Accept
            } else {
                Policy::Drop
            };
        }
        Ok(index)
    }

    fn append_rule(&mut self, table: usize, chain: usize, rule: &syntax::Rule) {
        let rule = self.rule(table, rule);
        self.ruleset.tables[table].chains[chain].rules.push(rule);
    }

    /// Checks a rule and gives it a handle.
    fn rule(&mut self, table: usize, rule: &syntax::Rule) -> Rule {
        let family = self.ruleset.tables[table].family;
        let checked = RuleCheck::new(self.reader, family, &mut self.errors).rule(rule);
        let comment = comment(&self.reader, rule.comment, &mut self.errors);
        let handle = self.handle();
        if let Some(span) = checked.jump {
            self.jumps.insert(handle, span);
        }
        let name = self.sources.name(self.sources.file_at(rule.span.lo));
        if *name != self.file {
            self.file = name.clone();
        }
        let origin = Origin {
            file: self.file.clone(),
            line: self.sources.line(rule.span),
        };
        Rule {
            handle,
            statements: checked.statements,
            comment,
            origin,
        }
    }

    fn rule_command(
        &mut self,
        path: &ChainPath,
        position: Option<&Position>,
        rule: &syntax::Rule,
        verb: Verb,
    ) -> Checked<()> {
        let (table, chain) = match self.chain(path) {
            Err(_) if verb == Verb::Destroy => return Ok(()),
            other => other?,
        };
        let rules = &self.ruleset.tables[table].chains[chain].rules;
        let at = match position {
            None => None,
            Some(position) => match find(rules, position) {
                Some(index) => Some(index),
                None if verb == Verb::Destroy => return Ok(()),
                None => return refuse(CheckErrorKind::NoRule(position.number), position.span),
            },
        };
        if let (Verb::Delete | Verb::Destroy, Some(index)) = (verb, at) {
            self.ruleset.tables[table].chains[chain].rules.remove(index);
            return Ok(());
        }
        let rule = self.rule(table, rule);
        let rules = &mut self.ruleset.tables[table].chains[chain].rules;
        let index = match (verb, at) {
            (Verb::Insert, at) => at.unwrap_or(0),
            (_, at) => at.map_or(rules.len(), |index| index + 1),
        };
        rules.insert(index, rule);
        Ok(())
    }

    /// `delete`, `destroy` or `flush` of a table.
    fn remove_table(&mut self, path: &TablePath, verb: Verb) -> Checked<()> {
        let index = match self.table(path) {
            Err(_) if verb == Verb::Destroy => return Ok(()),
            other => other?,
        };
        if verb == Verb::Flush {
            let chains = &mut self.ruleset.tables[index].chains;
            chains.iter_mut().for_each(|chain| chain.rules.clear());
            return Ok(());
        }
        self.ruleset.tables.remove(index);
        self.index();
        Ok(())
    }

    /// `delete`, `destroy` or `flush` of a chain.
    fn remove_chain(&mut self, path: &ChainPath, verb: Verb) -> Checked<()> {
        let (table, chain) = match self.chain(path) {
            Err(_) if verb == Verb::Destroy => return Ok(()),
            other => other?,
        };
        let chains = &mut self.ruleset.tables[table].chains;
        if verb == Verb::Flush {
            chains[chain].rules.clear();
            return Ok(());
        }
        let name = chains[chain].name.clone();
        let others = chains
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != chain);
        let mut rules = others.flat_map(|(_, chain)| &chain.rules);
        if rules.any(|rule| graph::target(&rule.statements) == Some(&name)) {
            return refuse(CheckErrorKind::ChainInUse(name.to_string()), path.name.span);
        }
        chains.remove(chain);
        self.chains[table] = chain_index(&self.ruleset.tables[table]);
        Ok(())
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

fn find(rules: &[Rule], position: &Position) -> Option<usize> {
    match position.kind {
        PositionKind::Handle => rules.iter().position(|rule| rule.handle == position.number),
        PositionKind::Index => usize::try_from(position.number)
            .ok()
            .filter(|index| *index < rules.len()),
    }
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
    match &**kind {
        "filter" => {}
        "nat" | "route" => {
            let feature = format!("chains of type {kind}");
            return refuse(unsupported(feature, "write `type filter`"), spec.kind.span);
        }
        _ => return refuse(CheckErrorKind::ChainType(kind.to_string()), spec.kind.span),
    }
    let name = reader.names.get(spec.hook.name);
    let Some(hook) = Hook::ALL
        .iter()
        .copied()
        .find(|hook| hook.name() == &**name)
    else {
        let kind = match &**name {
            "ingress" | "egress" => unsupported(
                format!("hook {name}"),
                "write `hook prerouting`: it comes next",
            ),
            _ => CheckErrorKind::Hook(name.to_string()),
        };
        return refuse(kind, spec.hook.span);
    };
    let mut priority = spec.priority.offset;
    if let Some(ident) = spec.priority.name {
        let text = reader.names.get(ident.name);
        let row = PRIORITIES.iter().find(|(name, _, hooks)| {
            *name == &**text && hooks.is_none_or(|hooks| hooks.contains(&hook))
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
        kind: ChainType::Filter,
        hook,
        priority,
        policy: Policy::Accept,
    })
}
