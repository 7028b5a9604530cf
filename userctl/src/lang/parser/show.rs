// SPDX-License-Identifier: GPL-2.0
//! Commands that show something: `list`, `reset`, `get`.

use super::{Parsed, Parser};
use crate::lang::syntax::{Kind, Object, TablePath};
use crate::lang::token::TokenKind;

/// What `list` can show all of, by the word for it. `true`: `reset` can, too.
const PLURALS: &[(&str, Kind, bool)] = &[
    ("tables", Kind::Table, false),
    ("chains", Kind::Chain, false),
    ("rules", Kind::Rule, true),
    ("sets", Kind::Set, false),
    ("maps", Kind::Map, false),
    ("meters", Kind::Meter, false),
    ("counters", Kind::Counter, true),
    ("quotas", Kind::Quota, true),
    ("limits", Kind::Limit, false),
    ("secmarks", Kind::Secmark, false),
    ("synproxys", Kind::Synproxy, false),
    ("flowtables", Kind::Flowtable, false),
];

impl Parser<'_> {
    /// What `list` takes.
    pub(super) fn listed(&mut self) -> Parsed<Object> {
        if let Some(kind) = self.plural(false) {
            return self.all(kind);
        }
        if let Some(object) = self.named_object()? {
            return Ok(object);
        }
        match self.peek_word() {
            Some("ruleset") => {
                self.bump();
                Ok(Object::Ruleset(self.family()?))
            }
            Some("table") => {
                self.bump();
                Ok(Object::Table(self.table_path()?, None))
            }
            Some("chain") => {
                self.bump();
                Ok(Object::Chain(self.chain_path("a chain's name")?, None))
            }
            Some("set" | "map" | "meter") => {
                self.bump();
                Ok(Object::Set(self.chain_path("a set's name")?, None))
            }
            Some("hooks") => {
                let span = self.peek().span;
                self.unsupported("`list hooks`", "use `userctl hooks`", span)
            }
            _ => {
                self.refuse_unsupported_object()?;
                Err(self.unexpected("`ruleset`, `table`, `chain`, `set`, `counters`, …", None))
            }
        }
    }

    /// What `reset` takes.
    pub(super) fn reset(&mut self) -> Parsed<Object> {
        if let Some(kind) = self.plural(true) {
            if kind == Kind::Rule {
                return self.reset_rules();
            }
            return self.all(kind);
        }
        if let Some(object) = self.named_object()? {
            return Ok(object);
        }
        match self.peek_word() {
            Some("ruleset") => {
                self.bump();
                Ok(Object::Ruleset(self.family()?))
            }
            Some("rule") => {
                self.bump();
                let path = self.chain_path("a chain's name")?;
                Ok(Object::Rules(path, Some(self.rule_handle()?)))
            }
            Some("element") => self.elements_of_set(),
            Some("set" | "map") => {
                self.bump();
                Ok(Object::Set(self.chain_path("a set's name")?, None))
            }
            _ => Err(self.unexpected("`rules`, `counters`, `quotas`, `set`, …", None)),
        }
    }

    /// What `get` takes.
    pub(super) fn got(&mut self) -> Parsed<Object> {
        if !self.at_word("element") {
            return Err(self.unexpected("`element`", None));
        }
        self.elements_of_set()
    }

    /// Takes the word for all objects of a kind.
    fn plural(&mut self, reset: bool) -> Option<Kind> {
        let word = self.peek_word()?;
        let (_, kind, can_reset) = PLURALS.iter().find(|(name, ..)| *name == word)?;
        if reset && !can_reset {
            return None;
        }
        self.bump();
        Some(*kind)
    }

    /// `counter T C`, `ct helper T H`, or all of `ct`'s objects in a table.
    fn named_object(&mut self) -> Parsed<Option<Object>> {
        let Some(kind) = self.object_kind().or_else(|| self.ct_objects()) else {
            return Ok(None);
        };
        self.take_kind();
        if self.eat_word("table") {
            let table = self.table_path()?;
            let family = Some(table.family);
            return Ok(Some(Object::All(kind, family, Some(table))));
        }
        let path = self.chain_path("the object's name")?;
        Ok(Some(Object::Stateful(kind, path, None)))
    }

    /// `[FAMILY]`, `[table] [FAMILY] TABLE` behind a plural.
    fn all(&mut self, kind: Kind) -> Parsed<Object> {
        if self.eat_word("table") {
            let table = self.table_path()?;
            return Ok(Object::All(kind, Some(table.family), Some(table)));
        }
        let family = self.family()?;
        if !self.at(TokenKind::Word) {
            return Ok(Object::All(kind, family, None));
        }
        let table = self.named_table(family)?;
        Ok(Object::All(kind, Some(table.family), Some(table)))
    }

    fn named_table(&mut self, family: Option<ferrule_uapi::hook::Family>) -> Parsed<TablePath> {
        Ok(TablePath {
            family: family.unwrap_or(ferrule_uapi::hook::Family::Ip),
            name: self.ident("a table's name")?,
            handle: None,
        })
    }

    /// `reset rules [FAMILY]`, `reset rules [table] T`, `reset rules [chain] T C`.
    fn reset_rules(&mut self) -> Parsed<Object> {
        if self.eat_word("chain") {
            return Ok(Object::Rules(self.chain_path("a chain's name")?, None));
        }
        let object = self.all(Kind::Rule)?;
        match object {
            Object::All(_, _, Some(table)) if self.at(TokenKind::Word) => {
                let name = self.ident("a chain's name")?;
                let handle = None;
                let path = crate::lang::syntax::ChainPath {
                    table,
                    name,
                    handle,
                };
                Ok(Object::Rules(path, None))
            }
            object => Ok(object),
        }
    }
}
