// SPDX-License-Identifier: GPL-2.0
//! Elements of sets and maps.

use super::{Parsed, Parser};
use crate::lang::syntax::{Element, Expr, ExprKind, StmtKind, Time};
use crate::lang::token::TokenKind;
use crate::lang::words::{self, Role};
use crate::rare::Rare;
use crate::source::Span;

impl Parser<'_> {
    /// `{ element, … }`.
    pub(super) fn set(&mut self) -> Parsed<Expr> {
        self.set_at(0, false)
    }

    pub(super) fn set_at(&mut self, depth: u32, may_be_empty: bool) -> Parsed<Expr> {
        let start = self.bump().span;
        let elements = self.elements(depth, may_be_empty)?;
        Ok(Expr {
            kind: ExprKind::Set(elements),
            span: self.since(start),
        })
    }

    /// The elements of a set whose `{` was taken, and the `}`.
    fn elements(&mut self, depth: u32, may_be_empty: bool) -> Parsed<Vec<Element>> {
        self.check_depth(depth)?;
        self.open_braces += 1;
        let mut elements = Vec::with_capacity(self.commas() + 1);
        loop {
            while self.eat(TokenKind::Newline) {}
            if self.at(TokenKind::RBrace) && (may_be_empty || !elements.is_empty()) {
                break;
            }
            elements.push(self.element(depth)?);
            while self.eat(TokenKind::Newline) {}
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::RBrace, "`,` or `}`")?;
        self.open_braces -= 1;
        elements.shrink_to_fit();
        Ok(elements)
    }

    /// How many commas there are up to the next brace: about as many elements.
    fn commas(&mut self) -> usize {
        let ahead = self.ahead().bytes();
        let set = ahead.take_while(|byte| !b"{}".contains(byte));
        set.filter(|byte| *byte == b',').count()
    }

    /// The elements of a named set: `{ … }`, or a variable that holds them.
    pub(super) fn element_list(&mut self) -> Parsed<Vec<Element>> {
        match self.peek().kind {
            TokenKind::LBrace => {
                self.bump();
                self.elements(0, true)
            }
            TokenKind::Dollar => {
                let key = self.right_value()?;
                let span = key.span;
                Ok(vec![Element {
                    key: Some(key),
                    ..empty(span)
                }])
            }
            _ => Err(self.unexpected("`{` and elements", None)),
        }
    }

    fn element(&mut self, depth: u32) -> Parsed<Element> {
        let start = self.peek().span;
        let mut element = empty(start);
        match self.peek().kind {
            TokenKind::LBrace => element.key = Some(self.set_at(depth + 1, false)?),
            TokenKind::Star => {
                self.bump();
            }
            _ => element.key = Some(self.concat_right()?),
        }
        self.element_options(&mut element)?;
        if self.eat(TokenKind::Colon) {
            element.data = Some(Box::new(self.element_data()?));
        }
        element.span = self.since(start);
        Ok(element)
    }

    /// What stands behind the colon: a verdict or a value.
    fn element_data(&mut self) -> Parsed<Expr> {
        let start = self.peek().span;
        let verdict = self
            .peek_word()
            .is_some_and(|word| words::role(word) == Some(Role::Verdict));
        if !verdict {
            return self.concat_right();
        }
        let verdict: StmtKind = self.verdict()?;
        Ok(Expr {
            kind: ExprKind::Verdict(Box::new(verdict)),
            span: self.since(start),
        })
    }

    /// Timeouts, a comment and statements behind an element's key.
    pub(super) fn element_options(&mut self, element: &mut Element) -> Parsed<()> {
        loop {
            match self.peek_word() {
                Some("timeout") => {
                    self.bump();
                    element.more.timeout = Some(self.timeout()?);
                }
                Some("expires") => {
                    self.bump();
                    element.more.expires = Some(self.time("a time, such as `1h30m`")?);
                }
                Some("comment") => {
                    self.bump();
                    element.more.comment = Some(self.text("the comment")?);
                }
                _ => match self.stateful()? {
                    Some(statement) => element.more.statements.push(statement),
                    None => return Ok(()),
                },
            }
        }
    }

    /// A time, or `never`.
    fn timeout(&mut self) -> Parsed<Time> {
        if self.eat_word("never") {
            return Ok(Time { millis: 0 });
        }
        self.time("a time, such as `1h30m`")
    }

    /// A length of time, such as `1h30m`.
    pub(super) fn time(&mut self, expected: &'static str) -> Parsed<Time> {
        let token = self.peek();
        if token.kind == TokenKind::Time {
            if let Some(millis) = self.millis(token.span) {
                self.bump();
                return Ok(Time { millis });
            }
        }
        let hint = "a unit must follow the number: `d`, `h`, `m`, `s` or `ms`";
        Err(self.unexpected(expected, Some(hint)))
    }

    /// The milliseconds that a time says; `None` if it is none (`8021q`) or too long.
    pub(super) fn millis(&self, span: Span) -> Option<u64> {
        let mut rest = self.sources.snippet(span);
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = match &rest[..letters] {
                "d" => 86_400_000,
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1000,
                "ms" => 1,
                _ => return None,
            };
            rest = &rest[letters..];
            total = total.checked_add(number.checked_mul(unit)?)?;
        }
        Some(total)
    }
}

/// An element without anything: the catch-all.
pub(super) fn empty(span: Span) -> Element {
    Element {
        key: None,
        data: None,
        more: Rare::default(),
        span,
    }
}
