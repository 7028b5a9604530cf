// SPDX-License-Identifier: GPL-2.0
//! What rules need beside themselves in their table: sets, secmarks, and chains of the importer's
//! own where one rule of iptables takes several of nft.

use std::collections::BTreeSet;

use super::chains::name_for;

/// A set, or another object with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// `set`, `secmark`.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: String,
    /// The lines of its body.
    pub(super) body: Vec<String>,
}

/// A chain that the importer made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnChain {
    /// Its name.
    pub(super) name: String,
    /// Its rules.
    pub(super) rules: Vec<String>,
}

/// The objects and chains of a table.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// In the order they came up.
    pub(super) objects: Vec<Object>,
    /// In the order they came up.
    pub(super) chains: Vec<OwnChain>,
    chain_names: BTreeSet<String>,
}

impl Objects {
    /// None yet; `names` are the chains that the table has already.
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            chain_names: names.into_iter().collect(),
            ..Self::default()
        }
    }

    /// How much there is, to come back to.
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.objects.len(), self.chains.len())
    }

    /// Forgets what came after a mark: it was for a rule that is refused.
    pub(super) fn rewind(&mut self, (objects, chains): (usize, usize)) {
        self.objects.truncate(objects);
        for chain in self.chains.drain(chains..) {
            self.chain_names.remove(&chain.name);
        }
    }

    /// Declares an object, once, and gives its name.
    pub(super) fn declare(
        &mut self,
        kind: &'static str,
        name: &str,
        body: impl IntoIterator<Item = String>,
    ) -> String {
        let name = name_for(name, &|_| false);
        let body = body.into_iter().collect();
        let object = Object {
            kind,
            name: name.clone(),
            body,
        };
        if !self.objects.contains(&object) {
            self.objects.push(object);
        }
        name
    }

    /// Declares a set of addresses that rules fill.
    pub(super) fn dynamic_set(&mut self, name: &str, key: &str, flags: &str) -> String {
        let body = [
            key.to_owned(),
            "size 65535".into(),
            format!("flags {flags}"),
        ];
        self.declare("set", name, body)
    }

    /// Gives a name like `stem` that no set has.
    pub(super) fn fresh_set(&self, stem: &str) -> String {
        let taken = |name: &str| self.objects.iter().any(|object| object.name == name);
        let mut numbers = 0..;
        let names = numbers
            .by_ref()
            .map(|number: u32| format!("{stem}{number}"));
        let mut names = names.skip_while(|name| taken(name));
        names.next().unwrap_or_else(|| stem.to_owned())
    }

    /// Adds a chain under a name like `stem`, and gives the name.
    pub(super) fn chain(&mut self, stem: &str, rules: Vec<String>) -> String {
        let known = self.chains.iter().find(|chain| {
            chain.rules == rules && (chain.name == stem || chain.name.starts_with(stem))
        });
        if let Some(known) = known {
            return known.name.clone();
        }
        self.fresh_chain(stem, rules)
    }

    /// As [`Self::chain`], but never one that exists: for chains that count.
    pub(super) fn fresh_chain(&mut self, stem: &str, rules: Vec<String>) -> String {
        let taken = |name: &str| self.chain_names.contains(name);
        let name = match taken(stem) {
            false => stem.to_owned(),
            true => {
                let numbered = (2..).map(|number: u32| format!("{stem}-{number}"));
                let mut free = numbered.skip_while(|name| taken(name));
                free.next().unwrap_or_else(|| stem.to_owned())
            }
        };
        self.chain_names.insert(name.clone());
        self.chains.push(OwnChain {
            name: name.clone(),
            rules,
        });
        name
    }
}
