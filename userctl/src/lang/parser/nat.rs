// SPDX-License-Identifier: GPL-2.0
//! Statements that nft has and Ferrule does not run: they are read to their end, so that what is
//! wrong with the rest of the rule is reported too.

use super::rule::LATER;
use super::{Parsed, Parser};
use crate::lang::syntax::{StmtKind, Unsupported};
use crate::lang::token::TokenKind;

const NAT_LATER: &str = "address translation comes later; until then nft can do it beside this";

impl Parser<'_> {
    /// A statement whose first word is unsupported.
    pub(super) fn unsupported_statement(&mut self, feature: &'static str) -> Parsed<StmtKind> {
        let start = self.peek().span;
        let hint = match self.peek_word() {
            Some("snat" | "dnat" | "masquerade" | "redirect") => {
                self.bump();
                self.nat()?;
                NAT_LATER
            }
            Some("tproxy") => {
                self.bump();
                self.nat()?;
                LATER
            }
            Some("synproxy") => {
                self.bump();
                self.synproxy()?;
                "leave it out: the server answers SYN packets itself then"
            }
            Some("fwd") => {
                self.bump();
                self.fwd()?;
                LATER
            }
            Some("flow") => {
                self.bump();
                self.one_of(&["add", "offload"]);
                self.set_name()?;
                "leave it out; packets take the same path without it"
            }
            _ => return self.unsupported(feature, LATER, start),
        };
        let feature = self.names.intern(feature);
        Ok(StmtKind::Unsupported(Unsupported {
            feature,
            hint,
            span: self.since(start),
        }))
    }

    /// `[ip|ip6] [addr . port|interval|prefix] [to] [ADDRESS] [:PORT] [FLAGS]`.
    fn nat(&mut self) -> Parsed<()> {
        self.one_of(&["ip", "ip6"]);
        if self.eat_word("addr") {
            self.expect(TokenKind::Dot, "`. port`")?;
            self.expect_word("port", "`port`")?;
        } else {
            self.one_of(&["interval", "prefix"]);
        }
        let to = self.eat_word("to");
        let flags = &["random", "fully-random", "persistent"];
        let end = match self.peek().kind {
            TokenKind::Newline | TokenKind::Semicolon | TokenKind::RBrace | TokenKind::End => true,
            TokenKind::Word => self.peek_word().is_some_and(|word| flags.contains(&word)),
            _ => false,
        };
        let value = match self.peek().kind {
            TokenKind::Colon => false,
            TokenKind::Word => to,
            _ => true,
        };
        if value && !end {
            self.statement_value()?;
        }
        if self.eat(TokenKind::Colon) {
            self.statement_value()?;
        }
        while self.one_of(flags).is_some() {
            self.eat(TokenKind::Comma);
        }
        Ok(())
    }

    /// `[name X] [mss N] [wscale N] [timestamp] [sack-perm]`.
    fn synproxy(&mut self) -> Parsed<()> {
        if self.eat_word("name") {
            self.statement_value()?;
        }
        while let Some(word) = self.one_of(&[
            "mss",
            "maxseg",
            "wscale",
            "timestamp",
            "sack-perm",
            "sack-permitted",
        ]) {
            if matches!(word, "mss" | "maxseg" | "wscale") {
                self.number("a number")?;
            }
        }
        Ok(())
    }

    /// `[ip|ip6] to VALUE [device DEVICE]`.
    fn fwd(&mut self) -> Parsed<()> {
        self.one_of(&["ip", "ip6"]);
        self.expect_word("to", "`to`")?;
        self.statement_value()?;
        if self.eat_word("device") {
            self.statement_value()?;
        }
        Ok(())
    }
}
