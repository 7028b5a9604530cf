// SPDX-License-Identifier: GPL-2.0
//! Statements that begin with a word of their own and keep no state.

use super::element::empty;
use super::{Parsed, Parser};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{
    Element, Expr, ExprKind, Ident, Log, Queue, Reject, StmtKind, Text, Verb,
};
use crate::lang::token::TokenKind;

/// `log flags`: nft's words and the kernel's bits (`linux/netfilter/nf_log.h`).
const LOG_FLAGS: &[(&str, u8)] = &[("skuid", 0x08), ("ether", 0x20), ("all", 0x2f)];

impl Parser<'_> {
    /// A statement by its first word, which has [`Role::Statement`](crate::lang::words::Role).
    pub(super) fn named_statement(&mut self) -> Parsed<StmtKind> {
        if let Some(statement) = self.stateful()? {
            return Ok(statement.kind);
        }
        match self.peek_word() {
            Some("log") => self.log(),
            Some("reject") => self.reject(),
            Some("queue") => self.queue(),
            Some("dup") => self.dup(),
            Some("meter") => self.meter(),
            Some("set") => self.set_first(),
            Some("add" | "update" | "delete") => self.update(),
            Some("reset") => self.reset_option(),
            Some("notrack") => {
                self.bump();
                Ok(StmtKind::Notrack)
            }
            _ => Err(self.unexpected("a statement", None)),
        }
    }

    /// `log` and its options, in any order.
    fn log(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let mut log = Log::default();
        loop {
            match self.peek_word() {
                Some("prefix") => {
                    self.bump();
                    log.prefix = Some(self.log_prefix()?);
                }
                Some("level") => {
                    self.bump();
                    log.level = Some(self.any_word("a level, such as `info`")?);
                }
                Some("flags") => {
                    self.bump();
                    log.flags |= self.log_flags()?;
                }
                Some("group") => {
                    self.bump();
                    let span = self.peek().span;
                    log.group = Some((self.number("the group")?, span));
                }
                Some("snaplen") => {
                    self.bump();
                    log.snaplen = Some(self.number("a number of bytes")?);
                }
                Some("queue-threshold") => {
                    self.bump();
                    log.queue_threshold = Some(self.number("a number of packets")?);
                }
                _ => return Ok(StmtKind::Log(Box::new(log))),
            }
        }
    }

    /// The prefix, with the variables in it replaced.
    fn log_prefix(&mut self) -> Parsed<Text> {
        let text = self.text("the prefix")?;
        let raw = self.names.shared(text.text);
        if !raw.contains('$') {
            return Ok(text);
        }
        let mut result = String::new();
        let mut rest = &*raw;
        while let Some(at) = rest.find('$') {
            result.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            match self.text_of_variable(name) {
                Some(value) => result.push_str(&value),
                None => {
                    let kind = SyntaxErrorKind::UndefinedVariable(name.to_owned());
                    return Err(self.error(kind, text.span));
                }
            }
            rest = behind;
        }
        result.push_str(rest);
        Ok(Text {
            text: self.names.intern(&result),
            span: text.span,
        })
    }

    /// What stands for a variable in a string.
    fn text_of_variable(&mut self, name: &str) -> Option<String> {
        let name = self.names.intern(name);
        let value = self
            .scopes
            .iter()
            .rev()
            .find_map(|scope| scope.get(&name))?;
        match value.kind {
            ExprKind::Word(text) | ExprKind::Quoted(text) | ExprKind::Wild(text) => {
                Some(self.names.get(text).to_string())
            }
            ExprKind::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn log_flags(&mut self) -> Parsed<u8> {
        if let Some((_, bits)) = self
            .peek_word()
            .and_then(|word| LOG_FLAGS.iter().find(|(name, _)| *name == word))
        {
            self.bump();
            return Ok(*bits);
        }
        if self.eat_word("ip") {
            self.expect_word("options", "`options`")?;
            return Ok(0x04);
        }
        if !self.eat_word("tcp") {
            let expected = "`tcp`, `ip`, `skuid`, `ether` or `all`";
            return Err(self.unexpected(expected, None));
        }
        let mut bits = 0;
        loop {
            bits |= match self.one_of(&["sequence", "options"]) {
                Some("sequence") => 0x01,
                Some(_) => 0x02,
                None => return Err(self.unexpected("`sequence` or `options`", None)),
            };
            if !self.eat(TokenKind::Comma) {
                return Ok(bits);
            }
        }
    }

    /// `reject [with icmp|icmpv6|icmpx [type] CODE | with tcp reset]`.
    fn reject(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if !self.eat_word("with") {
            let (with, code) = (None, None);
            return Ok(StmtKind::Reject(Reject { with, code }));
        }
        let with = self.any_word("`icmp`, `icmpv6`, `icmpx` or `tcp reset`")?;
        let code = match self.names.get(with.name) {
            "tcp" => {
                let span = self.expect_word("reset", "`reset`")?;
                let kind = ExprKind::Word(self.intern(span));
                Expr { kind, span }
            }
            "icmp" | "icmpv6" | "icmpx" => {
                self.eat_word("type");
                self.right_value()?
            }
            _ => {
                let expected = "`icmp`, `icmpv6`, `icmpx` or `tcp reset`";
                let found = format!("`{}`", self.names.get(with.name));
                let kind = SyntaxErrorKind::Expected {
                    expected,
                    found,
                    hint: None,
                };
                return Err(self.error(kind, with.span));
            }
        };
        Ok(StmtKind::Reject(Reject {
            with: Some(with),
            code: Some(Box::new(code)),
        }))
    }

    /// `queue [num N[-M]] [bypass,fanout]`, `queue [flags bypass,fanout] to EXPRESSION`.
    fn queue(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let mut queue = Queue {
            number: None,
            bypass: false,
            fanout: false,
            to: false,
        };
        if self.eat_word("flags") {
            self.queue_flags(&mut queue)?;
            if self.eat_word("num") {
                queue.number = Some(self.queue_number()?);
                return Ok(StmtKind::Queue(Box::new(queue)));
            }
            self.expect_word("to", "`to` and the queue's number")?;
            queue.to = true;
        } else {
            queue.to = self.eat_word("to");
        }
        if queue.to {
            let number = self.left()?;
            let range = self.at(TokenKind::Dash);
            queue.number = Some(if range { self.range(number)? } else { number });
            return Ok(StmtKind::Queue(Box::new(queue)));
        }
        loop {
            match self.peek_word() {
                Some("num") => {
                    self.bump();
                    queue.number = Some(self.queue_number()?);
                }
                Some("bypass" | "fanout") => self.queue_flags(&mut queue)?,
                _ => return Ok(StmtKind::Queue(Box::new(queue))),
            }
        }
    }

    /// A number or a range of them, which variables may hold.
    fn queue_number(&mut self) -> Parsed<Expr> {
        if !self.at(TokenKind::Number) && !self.at(TokenKind::Dollar) {
            let hint = "an expression stands behind `to`: `queue to numgen …`";
            return Err(self.unexpected("the queue's number", Some(hint)));
        }
        let first = self.right_value()?;
        match self.at(TokenKind::Dash) {
            true => self.range(first),
            false => Ok(first),
        }
    }

    fn queue_flags(&mut self, queue: &mut Queue) -> Parsed<()> {
        loop {
            match self.one_of(&["bypass", "fanout"]) {
                Some("bypass") => queue.bypass = true,
                Some(_) => queue.fanout = true,
                None => return Err(self.unexpected("`bypass` or `fanout`", None)),
            }
            if !self.eat(TokenKind::Comma) {
                return Ok(());
            }
        }
    }

    /// `dup to ADDRESS [device DEVICE]`.
    fn dup(&mut self) -> Parsed<StmtKind> {
        self.bump();
        self.expect_word("to", "`to`")?;
        let to = Box::new(self.statement_value()?);
        let device = match self.eat_word("device") {
            true => Some(Box::new(self.statement_value()?)),
            false => None,
        };
        Ok(StmtKind::Dup { to, device })
    }

    /// `reset tcp option NAME`.
    fn reset_option(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if !self.at_word("tcp") {
            return Err(self.unexpected("`tcp option` and its name", None));
        }
        let option = self.concat_left()?;
        match option.kind {
            ExprKind::Option { field: None, .. } => Ok(StmtKind::ResetOption(option)),
            _ => {
                let kind = SyntaxErrorKind::Expected {
                    expected: "`tcp option` and its name",
                    found: "another expression".to_owned(),
                    hint: None,
                };
                Err(self.error(kind, option.span))
            }
        }
    }

    fn update_verb(&mut self) -> Parsed<Verb> {
        match self.one_of(&["add", "update", "delete"]) {
            Some("add") => Ok(Verb::Add),
            Some("update") => Ok(Verb::Update),
            Some(_) => Ok(Verb::Delete),
            None => Err(self.unexpected("`add`, `update` or `delete`", None)),
        }
    }

    /// `set add KEY @SET`, the old way.
    fn set_first(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let verb = self.update_verb()?;
        let element = Box::new(self.update_key()?);
        let set = self.set_name()?;
        Ok(StmtKind::Update { verb, set, element })
    }

    /// `add @SET { KEY … [: DATA] }`.
    fn update(&mut self) -> Parsed<StmtKind> {
        let verb = self.update_verb()?;
        let set = self.set_name()?;
        let start = self.expect(TokenKind::LBrace, "`{` and the key")?.span;
        self.open_braces += 1;
        let mut element = self.update_key()?;
        if self.eat(TokenKind::Colon) {
            element.data = Some(Box::new(self.left()?));
            self.element_options(&mut element)?;
        }
        self.expect(TokenKind::RBrace, "`}`")?;
        self.open_braces -= 1;
        element.span = self.since(start);
        let element = Box::new(element);
        Ok(StmtKind::Update { verb, set, element })
    }

    /// `meter NAME [size N] { KEY STATEMENT }`.
    fn meter(&mut self) -> Parsed<StmtKind> {
        self.bump();
        let name = self.ident("the meter's name")?;
        let size = match self.at_word("size") {
            true => {
                let span = self.bump().span;
                Some((self.number("the size")?, span))
            }
            false => None,
        };
        let start = self.expect(TokenKind::LBrace, "`{` and the key")?.span;
        self.open_braces += 1;
        let mut element = self.update_key()?;
        if element.more.statements.is_empty() {
            let hint = "a meter has a `limit`, `counter`, `quota` or `ct count`";
            return Err(self.unexpected("a statement", Some(hint)));
        }
        self.expect(TokenKind::RBrace, "`}`")?;
        self.open_braces -= 1;
        element.span = self.since(start);
        let element = Box::new(element);
        Ok(StmtKind::Meter {
            name,
            size,
            element,
        })
    }

    /// The key with its timeout and statements.
    fn update_key(&mut self) -> Parsed<Element> {
        let key = self.concat_left()?;
        let mut element = empty(key.span);
        element.key = Some(key);
        self.element_options(&mut element)?;
        Ok(element)
    }

    /// `@NAME`, or a variable that holds it.
    pub(super) fn set_name(&mut self) -> Parsed<Ident> {
        if self.at(TokenKind::Dollar) {
            let (ident, value) = self.variable()?;
            return match value.kind {
                ExprKind::Word(name) | ExprKind::Quoted(name) => Ok(Ident { name, ..ident }),
                ExprKind::Named(set) => Ok(set),
                _ => Err(self.unexpected("a variable that holds a set's name", None)),
            };
        }
        self.expect(TokenKind::At, "`@` and a set's name")?;
        self.ident("a set's name")
    }
}
