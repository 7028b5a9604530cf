// SPDX-License-Identifier: GPL-2.0
//! Commands on tables.

use rustc_hash::FxHashMap;

use super::{refuse, Applier, Checked};
use crate::lang::syntax::{Ident, TableBlock, TablePath, Verb};
use crate::ruleset::error::CheckErrorKind;
use crate::ruleset::matching::unsupported;
use crate::ruleset::rule::comment;
use crate::ruleset::Table;

impl Applier<'_> {
    pub(super) fn add_table(
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
                self.ruleset.tables.push(Table {
                    family: path.family,
                    name,
                    handle,
                    comment: None,
                    dormant: false,
                    chains: Vec::new(),
                    sets: Vec::new(),
                    objects: Vec::new(),
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
        self.ruleset.tables[index].dormant = self.dormant(&block.flags)?;
        self.add_block(index, block, verb);
        Ok(())
    }

    /// `flags dormant`. A table without the flag wakes up, as in nft.
    fn dormant(&self, flags: &[Ident]) -> Checked<bool> {
        let mut dormant = false;
        for flag in flags {
            let name = self.name(flag);
            match &*name {
                "dormant" => dormant = true,
                "owner" | "persist" => {
                    let hint = "leave it out: a ruleset belongs to no process";
                    return refuse(unsupported(format!("`flags {name}`"), hint), flag.span);
                }
                _ => return refuse(CheckErrorKind::Flag(name.to_string()), flag.span),
            }
        }
        Ok(dormant)
    }

    /// Chains, objects and sets of the block come first, then the rules: a rule may refer to what is defined
    /// further on.
    fn add_block(&mut self, table: usize, block: &TableBlock, verb: Verb) {
        let mut added = Vec::with_capacity(block.chains.len());
        for (name, chain) in &block.chains {
            match self.add_chain(table, name, Some(chain), verb) {
                Ok(index) => added.push((index, &chain.rules)),
                Err(error) => self.errors.push(error),
            }
        }
        for (kind, name, object) in &block.objects {
            if let Err(error) = self.add_object(table, *kind, name, Some(object), verb) {
                self.errors.push(error);
            }
        }
        for (name, set) in &block.sets {
            if let Err(error) = self.add_set(table, name, set, verb) {
                self.errors.push(error);
            }
        }
        for (chain, rules) in added {
            self.append_rules(table, chain, rules);
        }
    }

    /// `delete`, `destroy` or `flush` of a table.
    pub(super) fn remove_table(&mut self, path: &TablePath, verb: Verb) -> Checked<()> {
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
}
