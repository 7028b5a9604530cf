// SPDX-License-Identifier: GPL-2.0
//! From iptables-save to nft's language, text to text.
//!
//! ```text
//! text ─► save ─► tables, chains, rules as words ─► arguments ─► matches, target, options
//!                                                                    │
//!                  writer ◄─ chains, objects ◄─ rule ◄─ extension ◄──┘
//! ```
//!
//! Each line means in nft what it meant in iptables, or is refused with its place and a hint. The
//! translations are those of iptables-translate where that has one and it is right; its rule is left
//! where it drops a part of the meaning (the ECN bits of a TOS) or is wrong (lengths of IPv6 headers).
//!
//! Some rules take several of nft's, in chains of their own (`NAME-part`): a negated test of what may
//! not be there (`! --uid-owner` is also a packet that no socket sent, which `skuid !=` is not), a count
//! of sightings, a sum. Such a rule cannot `RETURN` or go to a chain with `-g`, as that would leave the
//! wrong chain.
//!
//! # Where the two differ all the same
//!
//! - *Malformed packets.* Several matches of iptables drop a packet whose headers are cut off or
//!   contradict each other ("hotdrop"): nft's tests just do not hold.
//! - *IPv6 behind an authentication header.* `-p` sees what is behind it, nft's `meta l4proto` the
//!   header.
//! - *Resources.* The sizes of tables of `recent` and `hashlimit` are parameters of the kernel, and what
//!   happens when they are full is described in [`matches`]'s files.
//! - *Policies' counters* are printed as comments: nft's chains have none.

mod arguments;
mod chains;
mod extension;
mod family;
mod matches;
mod objects;
mod protocol;
mod refusal;
mod rule;
mod save;
mod services;
mod shared;
mod targets;
mod tos;
mod values;
mod words;
mod writer;

pub use family::Family;

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceMap};

use arguments::Arguments;
use chains::{name_for, of_table, BaseChain};
use objects::Objects;
use refusal::{Refusal, Result};
use rule::{Place, Written};
use save::{SavedRule, SavedTable};
use shared::Shared;

/// What became of a save.
#[derive(Debug)]
pub struct Imported {
    /// Everything that could be said, in nft's language.
    pub text: String,
    /// What could not, by line.
    pub left_out: Vec<Diagnostic>,
}

/// Imports the text of a save.
pub fn import(sources: &SourceMap, file: FileId, family: Family) -> Imported {
    let mut refusals = Vec::new();
    let tables = save::read(sources.text(file), sources.base(file), &mut refusals);
    let tables = tables
        .iter()
        .filter_map(|table| match Table::new(table) {
            Ok(found) => Some(found),
            Err(refusal) => {
                refusals.push(refusal);
                None
            }
        })
        .collect::<Vec<_>>();
    let mut importer = Importer {
        family,
        shared: Shared::default(),
        refusals,
    };
    let text = importer.run(&tables);
    let mut left_out: Vec<Diagnostic> = importer.refusals.into_iter().map(Into::into).collect();
    left_out.sort_by_key(|one| one.primary.as_ref().map(|label| label.span.lo));
    Imported { text, left_out }
}

/// A table of a save that iptables knows.
struct Table<'a> {
    saved: &'a SavedTable,
    base: &'static [BaseChain],
}

impl<'a> Table<'a> {
    fn new(saved: &'a SavedTable) -> Result<Self> {
        let base = of_table(&saved.name.text).ok_or_else(|| {
            let message = format!("iptables has no table `{}`", saved.name.text);
            Refusal::new(saved.name.span, message).hint("filter, nat, mangle, raw or security")
        })?;
        Ok(Self { saved, base })
    }

    fn is_base(&self, chain: &str) -> bool {
        self.base.iter().any(|base| base.name == chain)
    }

    /// The users' chains.
    fn users(&self) -> impl Iterator<Item = &'a save::SavedChain> + '_ {
        self.saved
            .chains
            .iter()
            .filter(|chain| !self.is_base(&chain.name.text))
    }

    fn is_users(&self, chain: &str) -> bool {
        self.users().any(|known| known.name.text == chain)
    }

    /// Where the kernel looks at a rule's chain: the built-in ones by hook, the others by name.
    fn rank(&self, chain: &str) -> (usize, &'a str, bool) {
        match self.base.iter().position(|base| base.name == chain) {
            Some(index) => (index, "", true),
            None => {
                let known = self.users().find(|known| known.name.text == chain);
                let name = known.map_or("", |known| known.name.text.as_str());
                (usize::MAX, name, known.is_some())
            }
        }
    }
}

/// A rule whose words are sorted.
struct Sorted<'a> {
    saved: &'a SavedRule,
    arguments: Arguments,
}

struct Importer {
    family: Family,
    shared: Shared,
    refusals: Vec<Refusal>,
}

impl Importer {
    fn run(&mut self, tables: &[Table<'_>]) -> String {
        let sorted: Vec<Vec<Sorted<'_>>> = tables.iter().map(|table| self.sort(table)).collect();
        self.note_shared(tables, &sorted);
        let mut text = String::new();
        for group in self.shared.groups(tables.len()) {
            let parts: Vec<_> = group
                .iter()
                .map(|index| (&tables[*index], &sorted[*index]))
                .collect();
            let written = self.group(&parts);
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&written);
        }
        text
    }

    /// Sorts the words of each rule; what cannot be read is refused here.
    fn sort<'a>(&mut self, table: &Table<'a>) -> Vec<Sorted<'a>> {
        let mut sorted = Vec::new();
        for chain in &table.saved.chains {
            if let Err(refusal) = check_chain(table, chain) {
                self.refusals.push(refusal);
            }
        }
        for saved in &table.saved.rules {
            let is_chain = |name: &str| table.is_users(name);
            match arguments::sort(&saved.words, saved.span, self.family, &is_chain) {
                // A rule of the other family is not for this save: the tools skip it, too.
                Ok(arguments) if self.is_foreign(&arguments) => {}
                Ok(arguments) => sorted.push(Sorted { saved, arguments }),
                Err(refusal) => self.refusals.push(refusal),
            }
        }
        sorted
    }

    fn is_foreign(&self, arguments: &Arguments) -> bool {
        arguments.core.has(match self.family {
            Family::Ip => "ipv6",
            Family::Ip6 => "ipv4",
        })
    }

    fn note_shared(&mut self, tables: &[Table<'_>], sorted: &[Vec<Sorted<'_>>]) {
        for (index, (table, rules)) in tables.iter().zip(sorted).enumerate() {
            let mut ordered: Vec<_> = rules.iter().collect();
            ordered.sort_by_key(|rule| table.rank(&rule.saved.chain.text));
            for rule in ordered {
                // What is wrong is said when the rule is translated.
                let _ = self.shared.note(index, &rule.arguments, self.family);
            }
        }
    }

    /// Writes tables that are one table of nft.
    fn group(&mut self, parts: &[(&Table<'_>, &Vec<Sorted<'_>>)]) -> String {
        let names: Vec<_> = parts
            .iter()
            .map(|(table, _)| table.saved.name.text.as_str())
            .collect();
        let joined = parts.len() > 1;
        let mut chain_names: BTreeMap<(&str, &str), String> = BTreeMap::new();
        for (table, _) in parts {
            let table_name = table.saved.name.text.as_str();
            let base = table.base.iter().map(|base| base.name);
            let users = table.users().map(|chain| chain.name.text.as_str());
            for chain in base.chain(users) {
                let wanted = match joined {
                    true => format!("{table_name}-{chain}"),
                    false => chain.to_owned(),
                };
                let name = name_for(&wanted, &|name| {
                    chain_names.values().any(|used| used == name)
                });
                chain_names.insert((table_name, chain), name);
            }
        }
        let mut objects = Objects::new(chain_names.values().cloned());
        let mut chains = Vec::new();
        for (table, rules) in parts {
            chains.extend(self.chains(table, rules, &chain_names, &mut objects));
        }
        writer::table(self.family, &names, &objects, &chains)
    }

    /// Translates the chains of a table.
    fn chains(
        &mut self,
        table: &Table<'_>,
        rules: &[Sorted<'_>],
        names: &BTreeMap<(&str, &str), String>,
        objects: &mut Objects,
    ) -> Vec<writer::Chain> {
        let table_name = table.saved.name.text.as_str();
        let mut bodies: BTreeMap<&str, Vec<Written>> = BTreeMap::new();
        for rule in rules {
            let mark = objects.mark();
            let name_of = |chain: &str| names.get(&(table_name, chain)).cloned();
            match self.rule(rule, table_name, objects, &name_of) {
                Ok(written) => {
                    let body = bodies.entry(rule.saved.chain.text.as_str()).or_default();
                    let end = body.len();
                    let position = rule.saved.position;
                    body.insert(
                        position.map_or(end, |at| at.saturating_sub(1).min(end)),
                        written,
                    );
                }
                Err(refusal) => {
                    objects.rewind(mark);
                    self.refusals.push(refusal);
                }
            }
        }
        self.headed(table, names, bodies)
    }

    /// Translates a rule.
    fn rule(
        &self,
        Sorted { saved, arguments }: &Sorted<'_>,
        table: &str,
        objects: &mut Objects,
        name_of: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Written> {
        let chain = saved.chain.text.as_str();
        if name_of(chain).is_none() {
            let message = format!("no chain `{chain}` in table `{table}`");
            return Err(Refusal::new(saved.chain.span, message)
                .hint("a chain needs a line `:NAME - [0:0]`"));
        }
        let place = Place {
            family: self.family,
            table,
            chain,
            span: saved.span,
            shared: &self.shared,
        };
        rule::translate(arguments, saved.counted, place, objects, name_of)
    }

    /// Puts the heads to the bodies of chains.
    fn headed(
        &self,
        table: &Table<'_>,
        names: &BTreeMap<(&str, &str), String>,
        mut bodies: BTreeMap<&str, Vec<Written>>,
    ) -> Vec<writer::Chain> {
        let table_name = table.saved.name.text.as_str();
        let mut chains = Vec::new();
        let saved = &table.saved.chains;
        for base in table.base {
            let found = saved.iter().find(|chain| chain.name.text == base.name);
            let rules = bodies.remove(base.name).unwrap_or_default();
            if found.is_none() && rules.is_empty() {
                continue;
            }
            let policy = found.map_or("accept".to_owned(), |chain| {
                chain.policy.text.to_lowercase()
            });
            chains.push(writer::Chain {
                name: names[&(table_name, base.name)].clone(),
                place: Some(format!("{}; policy {policy};", base.place)),
                counted: found.map(|chain| chain.counted),
                was: None,
                rules,
            });
        }
        for user in table.users() {
            let text = user.name.text.as_str();
            let name = names[&(table_name, text)].clone();
            chains.push(writer::Chain {
                was: (name != text).then(|| text.to_owned()),
                name,
                place: None,
                counted: None,
                rules: bodies.remove(text).unwrap_or_default(),
            });
        }
        chains
    }
}

/// Checks a `:CHAIN POLICY`.
fn check_chain(table: &Table<'_>, chain: &save::SavedChain) -> Result<()> {
    let (name, policy) = (&chain.name.text, &chain.policy);
    match (table.is_base(name), policy.text.as_str()) {
        (true, "ACCEPT" | "DROP") | (false, "-") => Ok(()),
        (true, _) => Err(Refusal::new(
            policy.span,
            format!("`{name}` needs policy ACCEPT or DROP"),
        )),
        (false, _) => {
            let message = format!(
                "table `{}` has no built-in chain `{name}`",
                table.saved.name.text
            );
            Err(Refusal::new(policy.span, message).hint("the policy of a user's chain is `-`"))
        }
    }
}
