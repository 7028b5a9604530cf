// SPDX-License-Identifier: GPL-2.0
//! Commands that change something; those that show something are in [`show`](super::show).

use super::path::is_family;
use super::{Parsed, Parser, Stop};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{Command, Object, Unsupported, Verb};
use crate::lang::token::TokenKind;
use crate::lang::words;

/// Objects that only nft has, by the word that names them in a command, and what to do instead.
const UNSUPPORTED_OBJECTS: &[(&str, &str, &str)] = &[
    (
        "flowtable",
        "flow tables",
        "leave it out; packets take the same path without it",
    ),
    ("synproxy", "synproxy objects", LATER),
    ("tunnel", "tunnel objects", LATER),
];

/// Commands that only nft has, with what to do instead.
const UNSUPPORTED_COMMANDS: &[(&str, &str)] = &[
    ("import", "`userctl import` reads iptables' rules"),
    ("export", "use `userctl -j list ruleset`"),
    ("monitor", "use `userctl monitor`"),
];

/// Verbs by their word.
const VERBS: &[(&str, Verb)] = &[
    ("add", Verb::Add),
    ("create", Verb::Create),
    ("insert", Verb::Insert),
    ("replace", Verb::Replace),
    ("delete", Verb::Delete),
    ("destroy", Verb::Destroy),
    ("flush", Verb::Flush),
    ("rename", Verb::Rename),
    ("list", Verb::List),
    ("reset", Verb::Reset),
    ("get", Verb::Get),
    ("describe", Verb::Describe),
];

const LATER: &str = "leave it out; later versions will have it";

impl Parser<'_> {
    /// All commands of the input.
    pub(super) fn commands(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        loop {
            match self.peek().kind {
                TokenKind::End => return commands,
                TokenKind::Newline | TokenKind::Semicolon => {
                    self.bump();
                }
                _ if self.common() => {}
                _ => self.one_command(&mut commands),
            }
        }
    }

    fn one_command(&mut self, commands: &mut Vec<Command>) {
        let start = self.peek().span;
        match self.command() {
            Ok((verb, object)) => {
                commands.push(Command {
                    verb,
                    object,
                    span: self.since(start),
                });
                self.end_of_statement();
            }
            Err(stop) => {
                if let Stop::Unsupported(what) = stop {
                    let object = Object::Unsupported(what);
                    commands.push(Command {
                        verb: Verb::Add,
                        object,
                        span: what.span,
                    });
                }
                self.skip_statement();
                // A brace that closes nothing would stop the next command too.
                self.eat(TokenKind::RBrace);
            }
        }
    }

    fn command(&mut self) -> Parsed<(Verb, Object)> {
        let Some(word) = self.peek_word() else {
            return Err(self.unexpected("a command", None));
        };
        let Some((_, verb)) = VERBS.iter().find(|(name, _)| *name == word) else {
            return self.implicit_add();
        };
        self.bump();
        let object = match verb {
            Verb::Add | Verb::Create | Verb::Insert => self.added(*verb)?,
            Verb::Replace => self.replaced()?,
            Verb::Delete | Verb::Destroy => self.deleted()?,
            Verb::Flush => self.flushed()?,
            Verb::Rename => self.renamed()?,
            Verb::List => self.listed()?,
            Verb::Reset => self.reset()?,
            Verb::Get => self.got()?,
            Verb::Describe | Verb::Update => Object::Describe(self.left()?),
        };
        Ok((*verb, object))
    }

    /// A command without a verb: `table …`, or a chain's path and a rule.
    fn implicit_add(&mut self) -> Parsed<(Verb, Object)> {
        let word = self.peek_word().unwrap_or_default();
        if let Some((_, hint)) = UNSUPPORTED_COMMANDS.iter().find(|(name, _)| *name == word) {
            let feature = format!("the command `{word}`");
            let span = self.peek().span;
            return self.unsupported(&feature, hint, span);
        }
        let known = matches!(
            word,
            "table"
                | "chain"
                | "rule"
                | "set"
                | "map"
                | "element"
                | "counter"
                | "quota"
                | "limit"
                | "secmark"
                | "ct"
        ) || UNSUPPORTED_OBJECTS.iter().any(|(name, ..)| *name == word)
            || is_family(word);
        if !known && words::role(word).is_some() {
            return Err(self.unexpected("a command", Some("a rule belongs into a chain")));
        }
        if !known && !self.names_a_chain() {
            return Err(self.unknown_command());
        }
        Ok((Verb::Add, self.added(Verb::Add)?))
    }

    /// Whether a second name follows, as in `TABLE CHAIN RULE`.
    fn names_a_chain(&mut self) -> bool {
        let Some(input) = self.inputs.last() else {
            return false;
        };
        let Some(token) = input.tokens.get(input.next + 1) else {
            return false;
        };
        token.kind == TokenKind::Word && words::role(self.sources.snippet(token.span)).is_none()
    }

    fn unknown_command(&mut self) -> Stop {
        let span = self.peek().span;
        let word = self.sources.snippet(span).to_owned();
        let similar = words::similar(&word, words::COMMANDS);
        self.error(SyntaxErrorKind::UnknownCommand { word, similar }, span)
    }

    /// What `add`, `create` and `insert` take.
    fn added(&mut self, verb: Verb) -> Parsed<Object> {
        if verb == Verb::Insert {
            self.eat_word("rule");
            return self.added_rule();
        }
        if let Some(kind) = self.object_kind() {
            self.take_kind();
            let path = self.chain_path("the object's name")?;
            let block = self.object_body(kind)?;
            return Ok(Object::Stateful(kind, path, block.map(Box::new)));
        }
        match self.peek_word() {
            Some("table") => {
                self.bump();
                let path = self.table_path()?;
                let block = match self.at(TokenKind::LBrace) {
                    true => Some(self.table_block()?),
                    false => None,
                };
                Ok(Object::Table(path, block))
            }
            Some("chain") => {
                self.bump();
                let path = self.chain_path("a chain's name")?;
                let block = match self.at(TokenKind::LBrace) {
                    true => Some(self.chain_block()?),
                    false => None,
                };
                Ok(Object::Chain(path, block))
            }
            Some(word @ ("set" | "map")) => {
                let map = word == "map";
                self.bump();
                let path = self.chain_path("a set's name")?;
                let block = self.set_block(map)?;
                Ok(Object::Set(path, Some(Box::new(block))))
            }
            Some("element") => self.elements_of_set(),
            Some("rule") => {
                self.bump();
                self.added_rule()
            }
            _ => {
                self.refuse_unsupported_object()?;
                self.added_rule()
            }
        }
    }

    fn added_rule(&mut self) -> Parsed<Object> {
        let path = self.chain_path("a chain's name")?;
        let position = self.position()?;
        let rule = self.rule()?;
        Ok(Object::Rule(path, position, Box::new(rule)))
    }

    /// `element [FAMILY] TABLE SET { … }`.
    pub(super) fn elements_of_set(&mut self) -> Parsed<Object> {
        self.bump();
        let path = self.chain_path("a set's name")?;
        Ok(Object::Element(path, self.element_list()?))
    }

    /// `replace rule CHAIN handle N RULE`.
    fn replaced(&mut self) -> Parsed<Object> {
        self.expect_word("rule", "`rule`")?;
        let path = self.chain_path("a chain's name")?;
        let position = self.rule_handle()?;
        let rule = self.rule()?;
        Ok(Object::Rule(path, Some(position), Box::new(rule)))
    }

    /// `rename chain CHAIN NAME`.
    fn renamed(&mut self) -> Parsed<Object> {
        self.expect_word("chain", "`chain`")?;
        let path = self.chain_path("a chain's name")?;
        Ok(Object::Rename(path, self.ident("the new name")?))
    }

    /// What `delete` and `destroy` take.
    fn deleted(&mut self) -> Parsed<Object> {
        if let Some(kind) = self.object_kind() {
            self.take_kind();
            let path = self.path_or_handle("the object's name")?;
            return Ok(Object::Stateful(kind, path, None));
        }
        match self.peek_word() {
            Some("table") => {
                self.bump();
                Ok(Object::Table(self.table_or_handle()?, None))
            }
            Some("chain") => {
                self.bump();
                Ok(Object::Chain(self.path_or_handle("a chain's name")?, None))
            }
            Some("set" | "map") => {
                self.bump();
                Ok(Object::Set(self.path_or_handle("a set's name")?, None))
            }
            Some("element") => self.elements_of_set(),
            Some("rule") => {
                self.bump();
                let path = self.chain_path("a chain's name")?;
                Ok(Object::Rules(path, Some(self.rule_handle()?)))
            }
            _ => {
                self.refuse_unsupported_object()?;
                Err(self.unexpected("`table`, `chain`, `rule`, `set`, `element`, …", None))
            }
        }
    }

    /// What `flush` takes.
    fn flushed(&mut self) -> Parsed<Object> {
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
            _ => {
                self.refuse_unsupported_object()?;
                Err(self.unexpected("`ruleset`, `table`, `chain`, `set` or `map`", None))
            }
        }
    }

    pub(super) fn refuse_unsupported_object(&mut self) -> Parsed<()> {
        let Some(word) = self.peek_word() else {
            return Ok(());
        };
        let Some((_, feature, hint)) = UNSUPPORTED_OBJECTS.iter().find(|(name, ..)| *name == word)
        else {
            return Ok(());
        };
        let span = self.peek().span;
        self.unsupported(feature, hint, span)
    }

    /// An object that only nft has, within a table's block; `None` if the next word names none.
    pub(super) fn unsupported_object(&mut self) -> Option<Unsupported> {
        match self.refuse_unsupported_object() {
            Err(Stop::Unsupported(what)) => Some(what),
            _ => None,
        }
    }
}
