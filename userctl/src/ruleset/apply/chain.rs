// SPDX-License-Identifier: GPL-2.0
//! Commands on chains and rules.

use std::sync::Arc;

use ferrule_uapi::hook::Verdict as Policy;

use super::{base_of, chain_index, refuse, Applier, Checked};
use crate::lang::syntax::{
    self, ChainBlock, ChainPath, Ident, Position, PositionKind, StmtKind, Verb,
};
use crate::ruleset::error::CheckErrorKind;
use crate::ruleset::refs::{self, Use};
use crate::ruleset::rule::{self, comment};
use crate::ruleset::set::{Change, SetRef};
use crate::ruleset::{Base, Chain, Origin, Rule, Statement, Table, Verdict};
use crate::source::Span;

impl Applier<'_> {
    /// `add chain`, `create chain`.
    pub(super) fn chain_command(
        &mut self,
        path: &ChainPath,
        block: Option<&ChainBlock>,
        verb: Verb,
    ) -> Checked<()> {
        let table = self.table(&path.table)?;
        let chain = self.add_chain(table, &path.name, block, verb)?;
        let rules = block.map_or(&[][..], |block| &block.rules);
        self.append_rules(table, chain, rules);
        Ok(())
    }

    pub(super) fn add_chain(
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
            let text = format!("chain `{name}`");
            return refuse(CheckErrorKind::Exists(text), ident.span);
        }
        let index = match existing {
            Some(index) => index,
            None => self.new_chain(table, &name, base),
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

    fn new_chain(&mut self, table: usize, name: &Arc<str>, base: Option<Base>) -> usize {
        let handle = self.handle();
        let chains = &mut self.ruleset.tables[table].chains;
        chains.push(Chain {
            name: name.clone(),
            handle,
            comment: None,
            base,
            rules: Vec::new(),
        });
        let index = chains.len() - 1;
        self.chains[table].insert(name.clone(), index);
        index
    }

    pub(super) fn append_rules(&mut self, table: usize, chain: usize, rules: &[syntax::Rule]) {
        self.spans.reserve(rules.len());
        let of = &mut self.ruleset.tables[table].chains[chain];
        of.rules.reserve(rules.len());
        for rule in rules {
            let rule = self.rule(table, rule);
            self.ruleset.tables[table].chains[chain].rules.push(rule);
        }
    }

    /// Checks a rule and gives it a handle.
    fn rule(&mut self, table: usize, rule: &syntax::Rule) -> Rule {
        let of = &self.ruleset.tables[table];
        let checked = rule::rule(self.reader, of, rule, &mut self.errors);
        for mut set in checked.meters {
            set.handle = self.handle();
            set.changes.push(Change::Replace);
            self.ruleset.tables[table].sets.push(set);
        }
        for name in checked.updated {
            // Whoever updates a set from a rule means that it changes.
            let sets = &mut self.ruleset.tables[table].sets;
            if let Some(set) = sets.iter_mut().find(|set| set.name == name) {
                set.dynamic = true;
            }
        }
        let comment = comment(&self.reader, rule.comment, &mut self.errors);
        let handle = self.handle();
        self.spans.insert(handle, place_of(rule));
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

    pub(super) fn rule_command(
        &mut self,
        path: &ChainPath,
        position: Option<&Position>,
        rule: &syntax::Rule,
        verb: Verb,
    ) -> Checked<()> {
        if matches!(verb, Verb::Delete | Verb::Destroy) {
            return self.remove_rules(path, position, verb);
        }
        let (table, chain) = self.chain(path)?;
        let at = self.position(table, chain, position)?;
        if verb == Verb::Replace && at.is_none() {
            return refuse(CheckErrorKind::ReplaceWhat, rule.span);
        }
        let rule = self.rule(table, rule);
        let rules = &mut self.ruleset.tables[table].chains[chain].rules;
        match (verb, at) {
            (Verb::Replace, Some(index)) => {
                rules[index] = rule;
                return Ok(());
            }
            (Verb::Insert, at) => rules.insert(at.unwrap_or(0), rule),
            (_, at) => rules.insert(at.map_or(rules.len(), |index| index + 1), rule),
        }
        Ok(())
    }

    /// Index of the rule that is meant.
    fn position(
        &self,
        table: usize,
        chain: usize,
        position: Option<&Position>,
    ) -> Checked<Option<usize>> {
        let Some(position) = position else {
            return Ok(None);
        };
        let rules = &self.ruleset.tables[table].chains[chain].rules;
        match find(rules, position) {
            Some(index) => Ok(Some(index)),
            None => refuse(CheckErrorKind::NoRule(position.number), position.span),
        }
    }

    /// `delete rule … handle N`.
    pub(super) fn remove_rules(
        &mut self,
        path: &ChainPath,
        position: Option<&Position>,
        verb: Verb,
    ) -> Checked<()> {
        let found = self.chain(path).and_then(|(table, chain)| {
            let at = self.position(table, chain, position)?;
            Ok((table, chain, at))
        });
        let (table, chain, at) = match found {
            Err(_) if verb == Verb::Destroy => return Ok(()),
            other => other?,
        };
        let rules = &mut self.ruleset.tables[table].chains[chain].rules;
        match (verb, at) {
            (Verb::Flush, _) => rules.clear(),
            (_, Some(index)) => {
                rules.remove(index);
            }
            (_, None) => return refuse(CheckErrorKind::DeleteWhat, path.name.span),
        }
        Ok(())
    }

    /// `delete`, `destroy` or `flush` of a chain.
    pub(super) fn remove_chain(&mut self, path: &ChainPath, verb: Verb) -> Checked<()> {
        let (table, chain) = match self.chain(path) {
            Err(_) if verb == Verb::Destroy => return Ok(()),
            other => other?,
        };
        let of = &mut self.ruleset.tables[table];
        if verb == Verb::Flush {
            of.chains[chain].rules.clear();
            return Ok(());
        }
        let name = of.chains[chain].name.clone();
        if chain_in_use(of, chain, &name) {
            return refuse(CheckErrorKind::ChainInUse(name.to_string()), path.name.span);
        }
        of.chains.remove(chain);
        self.chains[table] = chain_index(&self.ruleset.tables[table]);
        Ok(())
    }

    /// `rename chain T C NEW`: whatever leads there leads there still.
    pub(super) fn rename_chain(&mut self, path: &ChainPath, to: &Ident) -> Checked<()> {
        let (table, chain) = self.chain(path)?;
        let new = self.name(to);
        if self.chains[table].contains_key(&new) {
            let text = format!("chain `{new}`");
            return refuse(CheckErrorKind::Exists(text), to.span);
        }
        let of = &mut self.ruleset.tables[table];
        let old = std::mem::replace(&mut of.chains[chain].name, new.clone());
        let rules = of.chains.iter_mut().flat_map(|chain| &mut chain.rules);
        for statement in rules.flat_map(|rule| &mut rule.statements) {
            rename_in(statement, &old, &new);
        }
        for set in &mut of.sets {
            let names = set.leads_to.iter_mut();
            names
                .filter(|name| **name == old)
                .for_each(|name| *name = new.clone());
            refs::verdicts_of_changes(set).for_each(|verdict| rename_verdict(verdict, &old, &new));
        }
        self.chains[table] = chain_index(&self.ruleset.tables[table]);
        Ok(())
    }
}

/// Where to point at if the rule leads somewhere wrong: the chain that it names, or else all of it.
fn place_of(rule: &syntax::Rule) -> Span {
    match rule.statements.last().map(|statement| &statement.kind) {
        Some(StmtKind::Jump(chain) | StmtKind::Goto(chain)) => chain.span,
        _ => rule.span,
    }
}

fn rename_verdict(verdict: &mut Verdict, old: &Arc<str>, new: &Arc<str>) {
    if let Verdict::Jump(name) | Verdict::Goto(name) = verdict {
        if name == old {
            *name = new.clone();
        }
    }
}

fn rename_in(statement: &mut Statement, old: &Arc<str>, new: &Arc<str>) {
    match statement {
        Statement::Verdict(verdict) => rename_verdict(verdict, old, new),
        Statement::Vmap {
            map: SetRef::Anonymous(map),
            ..
        } => {
            for element in &mut Arc::make_mut(map).elements {
                if let crate::ruleset::set::ElementData::Verdict(verdict) = &mut element.data {
                    rename_verdict(verdict, old, new);
                }
            }
        }
        _ => {}
    }
}

/// Whether another chain's rule or an element of a map leads to this chain.
fn chain_in_use(table: &Table, chain: usize, name: &Arc<str>) -> bool {
    let others = table.chains.iter().enumerate();
    let others = others.filter(|(index, _)| *index != chain);
    let mut rules = others.flat_map(|(_, chain)| &chain.rules);
    let jumped = rules.any(|rule| {
        refs::any(
            &rule.statements,
            &mut |found| matches!(found, Use::Chain(target) if target == name),
        )
    });
    jumped
        || table
            .sets
            .iter()
            .any(|set| refs::chains_of_set(set).any(|target| target == name))
}

fn find(rules: &[Rule], position: &Position) -> Option<usize> {
    match position.kind {
        PositionKind::Handle => rules.iter().position(|rule| rule.handle == position.number),
        PositionKind::Index => usize::try_from(position.number)
            .ok()
            .filter(|index| *index < rules.len()),
    }
}
