// SPDX-License-Identifier: GPL-2.0
//! Commands, and the paths that name their objects.

use ferrule_uapi::hook::Family;

use super::{Parsed, Parser, Stop};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{
    ChainPath, Command, Object, Position, PositionKind, TablePath, Unsupported, Verb,
};
use crate::lang::token::TokenKind;
use crate::lang::words;
use crate::source::Span;

/// Objects that only nft has, by the word that names them in a command.
const UNSUPPORTED_OBJECTS: &[(&str, &str)] = &[
    ("set", "named sets"),
    ("map", "named maps"),
    ("element", "elements of named sets"),
    ("flowtable", "flow tables"),
    ("counter", "named counters"),
    ("quota", "named quotas"),
    ("limit", "named limits"),
    ("secmark", "secmark objects"),
    ("synproxy", "synproxy objects"),
    ("tunnel", "tunnel objects"),
    ("ct", "connection tracking objects"),
    ("meter", "meters"),
];

/// Commands that only nft has, with what to do instead.
const UNSUPPORTED_COMMANDS: &[(&str, &str)] = &[
    ("list", "use `userctl list`"),
    ("reset", "use `userctl reset`"),
    ("rename", "define the chain under its new name"),
    ("replace", "delete the rule and add the new one"),
    ("get", "named sets come later"),
    ("import", "write the rules in nft's syntax"),
    ("export", "use `userctl list --json`"),
    ("monitor", "monitoring comes later"),
    ("describe", "use `nft describe`"),
];

const INLINE_SET: &str = "write the elements into the rule: `{ 22, 80 }`";
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
        let verb = match word {
            "add" => Verb::Add,
            "create" => Verb::Create,
            "insert" => Verb::Insert,
            "delete" => Verb::Delete,
            "destroy" => Verb::Destroy,
            "flush" => Verb::Flush,
            _ => return self.implicit_add(),
        };
        self.bump();
        let object = match verb {
            Verb::Add | Verb::Create | Verb::Insert => self.added(verb)?,
            Verb::Delete | Verb::Destroy => self.deleted()?,
            Verb::Flush => self.flushed()?,
        };
        Ok((verb, object))
    }

    /// A command without a verb: `table …`, or a chain's path and a rule.
    fn implicit_add(&mut self) -> Parsed<(Verb, Object)> {
        let word = self.peek_word().unwrap_or_default();
        if let Some((_, hint)) = UNSUPPORTED_COMMANDS.iter().find(|(name, _)| *name == word) {
            let feature = format!("the command `{word}`");
            let span = self.peek().span;
            return self.unsupported(&feature, hint, span);
        }
        let known = matches!(word, "table" | "chain" | "rule")
            || UNSUPPORTED_OBJECTS.iter().any(|(name, _)| *name == word)
            || family_word(word);
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
        match self.peek_word() {
            Some("table") if verb != Verb::Insert => {
                self.bump();
                let path = self.table_path()?;
                let block = match self.at(TokenKind::LBrace) {
                    true => Some(self.table_block()?),
                    false => None,
                };
                Ok(Object::Table(path, block))
            }
            Some("chain") if verb != Verb::Insert => {
                self.bump();
                let path = self.chain_path()?;
                let block = match self.at(TokenKind::LBrace) {
                    true => Some(self.chain_block()?),
                    false => None,
                };
                Ok(Object::Chain(path, block))
            }
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
        let path = self.chain_path()?;
        let position = self.position()?;
        let rule = self.rule()?;
        Ok(Object::Rule(path, position, Box::new(rule)))
    }

    /// What `delete` and `destroy` take.
    fn deleted(&mut self) -> Parsed<Object> {
        match self.peek_word() {
            Some("table") => {
                self.bump();
                Ok(Object::Table(self.table_path()?, None))
            }
            Some("chain") => {
                self.bump();
                Ok(Object::Chain(self.chain_path()?, None))
            }
            Some("rule") => {
                self.bump();
                let path = self.chain_path()?;
                let position = self.position()?;
                if position.is_none() {
                    let hint = "`userctl list -a` shows the handles";
                    return Err(self.unexpected("`handle` and a number", Some(hint)));
                }
                let span = path.name.span;
                let rule = crate::lang::syntax::Rule {
                    statements: vec![],
                    comment: None,
                    span,
                };
                Ok(Object::Rule(path, position, Box::new(rule)))
            }
            _ => {
                self.refuse_unsupported_object()?;
                Err(self.unexpected("`table`, `chain` or `rule`", None))
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
                Ok(Object::Chain(self.chain_path()?, None))
            }
            _ => {
                self.refuse_unsupported_object()?;
                Err(self.unexpected("`ruleset`, `table` or `chain`", None))
            }
        }
    }

    fn refuse_unsupported_object(&mut self) -> Parsed<()> {
        let Some(word) = self.peek_word() else {
            return Ok(());
        };
        let Some((_, feature)) = UNSUPPORTED_OBJECTS.iter().find(|(name, _)| *name == word) else {
            return Ok(());
        };
        let hint = object_hint(feature);
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

    /// The family, if one is written. Those that only nft has are unsupported.
    fn family(&mut self) -> Parsed<Option<Family>> {
        let Some(word) = self.peek_word() else {
            return Ok(None);
        };
        let family = match word {
            "ip" => Family::Ip,
            "ip6" => Family::Ip6,
            "inet" => Family::Inet,
            "arp" | "bridge" | "netdev" => {
                let feature = format!("family `{word}`");
                let span = self.peek().span;
                return self.unsupported(&feature, "use `ip`, `ip6` or `inet`", span);
            }
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(family))
    }

    /// `[FAMILY] NAME`.
    fn table_path(&mut self) -> Parsed<TablePath> {
        let family = self.family()?.unwrap_or(Family::Ip);
        Ok(TablePath {
            family,
            name: self.ident("a table's name")?,
        })
    }

    /// `[FAMILY] TABLE CHAIN`.
    fn chain_path(&mut self) -> Parsed<ChainPath> {
        let table = self.table_path()?;
        Ok(ChainPath {
            table,
            name: self.ident("a chain's name")?,
        })
    }

    /// `handle N`, `position N` or `index N`.
    fn position(&mut self) -> Parsed<Option<Position>> {
        let kind = match self.peek_word() {
            Some("handle" | "position") => PositionKind::Handle,
            Some("index") => PositionKind::Index,
            _ => return Ok(None),
        };
        let start: Span = self.bump().span;
        let number = self.number("a number")?;
        Ok(Some(Position {
            kind,
            number,
            span: self.since(start),
        }))
    }
}

fn family_word(word: &str) -> bool {
    matches!(word, "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev")
}

fn object_hint(feature: &str) -> &'static str {
    match feature {
        "named sets" | "elements of named sets" => INLINE_SET,
        "named counters" => "write `counter` into the rule",
        _ => LATER,
    }
}
