// SPDX-License-Identifier: GPL-2.0
//! Named objects: counters, quotas, limits, and those of connection tracking.

use super::{Parsed, Parser, Stop};
use crate::lang::syntax::{Ident, Kind, ObjectBlock, Setting, Stmt, StmtKind, Time};
use crate::lang::token::TokenKind;

/// Objects by the word that names them; those of `ct` have a second one.
const OBJECTS: &[(&str, Kind)] = &[
    ("counter", Kind::Counter),
    ("quota", Kind::Quota),
    ("limit", Kind::Limit),
    ("secmark", Kind::Secmark),
];

/// Objects of `ct`, and what a listing of all of them is called.
const CT_OBJECTS: &[(&str, &str, Kind)] = &[
    ("helper", "helpers", Kind::CtHelper),
    ("timeout", "timeouts", Kind::CtTimeout),
    ("expectation", "expectations", Kind::CtExpectation),
];

impl Parser<'_> {
    /// The kind of object that the next words name, without taking them.
    pub(super) fn object_kind(&mut self) -> Option<Kind> {
        let word = self.peek_word()?;
        if word == "ct" {
            let word = self.second_word()?;
            let found = CT_OBJECTS.iter().find(|(name, ..)| *name == word);
            return found.map(|(_, _, kind)| *kind);
        }
        let found = OBJECTS.iter().find(|(name, _)| *name == word);
        found.map(|(_, kind)| *kind)
    }

    /// `ct helpers`, `ct timeouts`, … of a `list`, without taking it.
    pub(super) fn ct_objects(&mut self) -> Option<Kind> {
        if !self.at_word("ct") {
            return None;
        }
        let word = self.second_word()?;
        let found = CT_OBJECTS
            .iter()
            .find(|(one, all, _)| *one == word || *all == word);
        found.map(|(_, _, kind)| *kind)
    }

    /// Takes the words that name a kind.
    pub(super) fn take_kind(&mut self) {
        if self.bump_is("ct") {
            self.bump();
        }
    }

    fn bump_is(&mut self, word: &str) -> bool {
        let span = self.bump().span;
        self.sources.snippet(span) == word
    }

    /// An object's block, or what may stand in its place on one line.
    pub(super) fn object_body(&mut self, kind: Kind) -> Parsed<Option<ObjectBlock>> {
        let start = self.peek().span;
        if self.at(TokenKind::LBrace) {
            return Ok(Some(self.object_block(kind)?));
        }
        let end = matches!(
            self.peek().kind,
            TokenKind::Newline | TokenKind::Semicolon | TokenKind::End | TokenKind::RBrace
        );
        if end {
            return Ok(None);
        }
        let mut block = ObjectBlock::default();
        self.object_item(kind, &mut block)?;
        block.span = self.since(start);
        Ok(Some(block))
    }

    /// `{ … }` behind an object's name.
    pub(super) fn object_block(&mut self, kind: Kind) -> Parsed<ObjectBlock> {
        let start = self.peek().span;
        let mut block = ObjectBlock::default();
        self.open_block()?;
        while !self.block_ends()? {
            match self.object_item(kind, &mut block) {
                Ok(()) => {}
                Err(Stop::Unsupported(what)) => {
                    self.skip_block();
                    self.close_block();
                    return Err(Stop::Unsupported(what));
                }
                Err(Stop::Reported) => self.skip_statement(),
            }
        }
        self.close_block();
        block.span = self.since(start);
        Ok(block)
    }

    fn object_item(&mut self, kind: Kind, block: &mut ObjectBlock) -> Parsed<()> {
        if self.eat_word("comment") {
            block.comment = Some(self.text("the comment")?);
            return Ok(());
        }
        let start = self.peek().span;
        let statement = match kind {
            Kind::Counter => self.counter_item()?,
            Kind::Quota => self.quota_values()?,
            Kind::Limit => self.limit_rate()?,
            Kind::Secmark => {
                let text = self.text("the security context, in quotes")?;
                let name = self.names.intern("context");
                let ident = Ident { name, span: start };
                block.settings.push((ident, Setting::Text(text)));
                return Ok(());
            }
            _ => return self.settings(block),
        };
        block.statement = Some(Stmt {
            kind: statement,
            span: self.since(start),
        });
        Ok(())
    }

    fn counter_item(&mut self) -> Parsed<StmtKind> {
        match self.peek_word() {
            Some("packets" | "bytes") => self.counter_values(),
            _ => Err(self.unexpected("`packets`, `bytes` or `comment`", None)),
        }
    }

    /// A line of a `ct` object: pairs of words and values.
    fn settings(&mut self, block: &mut ObjectBlock) -> Parsed<()> {
        loop {
            let word = self.any_word("a setting, such as `protocol`")?;
            let value = self.setting(word)?;
            block.settings.push((word, value));
            if !self.at(TokenKind::Word) {
                return Ok(());
            }
        }
    }

    fn setting(&mut self, word: Ident) -> Parsed<Setting> {
        let token = self.peek();
        match (self.names.get(word.name), token.kind) {
            ("policy", _) => self.timeouts(),
            (_, TokenKind::Quoted) => Ok(Setting::Text(self.text("a string")?)),
            (_, TokenKind::Number) => Ok(Setting::Number(self.number("a number")?, token.span)),
            (_, TokenKind::Time) => Ok(Setting::Time(self.time("a time")?)),
            _ => Ok(Setting::Word(self.any_word("a value")?)),
        }
    }

    /// `= { established : 2m, close : 20 }`.
    fn timeouts(&mut self) -> Parsed<Setting> {
        self.expect(TokenKind::Assign, "`=`")?;
        self.expect(TokenKind::LBrace, "`{`")?;
        self.open_braces += 1;
        let mut timeouts = Vec::new();
        loop {
            while self.eat(TokenKind::Newline) {}
            let state = self.any_word("a state, such as `established`")?;
            self.expect(TokenKind::Colon, "`:`")?;
            timeouts.push((state, self.seconds()?));
            while self.eat(TokenKind::Newline) {}
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::RBrace, "`,` or `}`")?;
        self.open_braces -= 1;
        Ok(Setting::Times(timeouts))
    }

    /// A time, or a number of seconds.
    fn seconds(&mut self) -> Parsed<Time> {
        if !self.at(TokenKind::Number) {
            return self.time("a time, such as `2m`");
        }
        let millis = self.number("a time")?.saturating_mul(1000);
        Ok(Time { millis })
    }
}
