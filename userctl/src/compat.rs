// SPDX-License-Identifier: GPL-2.0
//! What Ferrule takes and nft refuses: `userctl check --compat` lists it.
//!
//! The language is nft's, but for one thing that its kernel cannot do and ours can: a set of intervals that
//! changes while packets pass. nftables' interval sets (`nft_set_rbtree`, `nft_set_pipapo`) have no
//! `update`, so that a set declared both `interval` and `dynamic`, and a rule that adds to an interval set, are
//! refused there.

use crate::diagnostic::{Diagnostic, Label};
use crate::lang::syntax::{Ident, Object, SetBlock, TablePath};
use crate::lang::Script;
use crate::ruleset::Ruleset;

/// What of a script nft itself would refuse, given the ruleset that it comes to.
pub fn refused_by_nft(script: &Script, ruleset: &Ruleset) -> Vec<Diagnostic> {
    let finder = Finder { script, ruleset };
    let mut found = Vec::new();
    for command in &script.commands {
        match &command.object {
            Object::Table(path, Some(block)) => {
                let sets = block.sets.iter();
                found.extend(sets.filter_map(|(name, block)| finder.set(path, name, block)));
            }
            Object::Set(path, Some(block)) => {
                found.extend(finder.set(&path.table, &path.name, block));
            }
            _ => {}
        }
    }
    found
}

struct Finder<'a> {
    script: &'a Script,
    ruleset: &'a Ruleset,
}

impl Finder<'_> {
    /// Whether nft refuses the set that is declared here.
    fn set(&self, path: &TablePath, ident: &Ident, block: &SetBlock) -> Option<Diagnostic> {
        let name = |ident: &Ident| self.script.names.get(ident.name);
        let mut tables = self.ruleset.tables().iter();
        let table = tables.find(|t| t.family == path.family && *t.name == *name(&path.name))?;
        let set = table.sets.iter().find(|set| *set.name == *name(ident))?;
        if !(set.interval && set.dynamic) {
            return None;
        }
        let declared = block.flags.iter().any(|flag| name(flag) == "dynamic");
        let message = match declared {
            true => "nft has no sets that are both `interval` and `dynamic`",
            false => "nft has no rules that change a set of intervals, and one here does",
        };
        Some(Diagnostic {
            message: message.to_owned(),
            primary: Some(Label {
                span: ident.span,
                text: String::new(),
            }),
            secondary: Vec::new(),
            hint: Some(
                "for nft, keep single values in one set and intervals in another".to_owned(),
            ),
        })
    }
}
