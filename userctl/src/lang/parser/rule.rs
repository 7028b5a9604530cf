// SPDX-License-Identifier: GPL-2.0
//! Rules and their statements.

use super::{Parsed, Parser, Stop};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{
    Expr, ExprKind, Ident, Relation, Rule, Stmt, StmtKind, Text, Unsupported,
};
use crate::lang::token::TokenKind;
use crate::lang::words::{self, Role};

/// What to do about a feature that is not there, where nothing better can be said.
pub(super) const LATER: &str = "leave it out; later versions will have it";

impl Parser<'_> {
    /// The statements of a rule, up to its end. What is not supported ends it early.
    pub(super) fn rule(&mut self) -> Parsed<Rule> {
        let start = self.peek().span;
        let mut statements = Vec::new();
        let mut comment: Option<Text> = None;
        loop {
            match self.peek().kind {
                TokenKind::Newline | TokenKind::Semicolon | TokenKind::RBrace | TokenKind::End => {
                    break
                }
                _ => {}
            }
            if self.eat_word("comment") {
                comment = Some(self.text("the comment")?);
                break;
            }
            match self.statement() {
                Ok(statement) => statements.push(statement),
                Err(Stop::Unsupported(what)) => {
                    statements.push(unsupported_statement(what));
                    self.skip_to_end_of_rule();
                    break;
                }
                Err(stop) => return Err(stop),
            }
        }
        if statements.is_empty() {
            return Err(self.unexpected("a statement", None));
        }
        // A hundred thousand rules: what a growing vector keeps in hand adds up.
        statements.shrink_to_fit();
        Ok(Rule {
            statements,
            comment,
            span: self.since(start),
        })
    }

    /// As [`Parser::skip_statement`], but leaves the end itself.
    fn skip_to_end_of_rule(&mut self) {
        let mut depth = std::mem::take(&mut self.open_braces);
        loop {
            match self.peek().kind {
                TokenKind::End => return,
                TokenKind::LBrace => depth += 1,
                TokenKind::RBrace if depth == 0 => return,
                TokenKind::RBrace => depth -= 1,
                TokenKind::Newline | TokenKind::Semicolon if depth == 0 => return,
                _ => {}
            }
            self.bump();
        }
    }

    fn statement(&mut self) -> Parsed<Stmt> {
        let start = self.peek().span;
        let kind = match self.peek().kind {
            TokenKind::Word => self.word_statement()?,
            TokenKind::Number
            | TokenKind::LParen
            | TokenKind::Dollar
            | TokenKind::Address
            | TokenKind::Quoted => self.match_statement()?,
            TokenKind::At => {
                let hint = "compare a header field by its name, such as `ip saddr`";
                return self.unsupported("matching on raw payload (`@…`)", hint, start);
            }
            _ => return Err(self.unexpected("a statement", None)),
        };
        Ok(Stmt {
            kind,
            span: self.since(start),
        })
    }

    fn word_statement(&mut self) -> Parsed<StmtKind> {
        let span = self.peek().span;
        let word = self.sources.snippet(span);
        match words::role(word) {
            Some(Role::Protocol | Role::Meta | Role::MetaKey) => self.match_statement(),
            Some(Role::Counter) => self.counter(),
            Some(Role::Verdict) => self.verdict(),
            Some(Role::Unsupported(feature)) => self.unsupported(feature, hint_for(feature), span),
            Some(Role::Comment | Role::Other) => Err(self.unexpected("a statement", None)),
            None => {
                let similar = words::similar(word, words::STATEMENTS);
                let word = word.to_owned();
                Err(self.error(SyntaxErrorKind::UnknownStatement { word, similar }, span))
            }
        }
    }

    /// `counter [packets N bytes N]`.
    fn counter(&mut self) -> Parsed<StmtKind> {
        let start = self.bump().span;
        let (mut packets, mut bytes) = (0, 0);
        if self.at_word("name") || self.at(TokenKind::Quoted) {
            let hint = "write `counter` alone: it counts what reaches it";
            return self.unsupported("named counters", hint, start);
        }
        loop {
            if self.eat_word("packets") {
                packets = self.number("the number of packets")?;
            } else if self.eat_word("bytes") {
                bytes = self.number("the number of bytes")?;
            } else {
                break;
            }
        }
        Ok(StmtKind::Counter { packets, bytes })
    }

    fn verdict(&mut self) -> Parsed<StmtKind> {
        let span = self.bump().span;
        Ok(match self.sources.snippet(span) {
            "accept" => StmtKind::Accept,
            "drop" => StmtKind::Drop,
            "continue" => StmtKind::Continue,
            "return" => StmtKind::Return,
            "jump" => StmtKind::Jump(self.chain_name()?),
            _ => StmtKind::Goto(self.chain_name()?),
        })
    }

    /// The chain that a jump goes to.
    fn chain_name(&mut self) -> Parsed<Ident> {
        if self.at(TokenKind::LBrace) {
            let span = self.peek().span;
            return self.unsupported(
                "chains without a name",
                "give the chain a name of its own and jump to it",
                span,
            );
        }
        if !self.at(TokenKind::Dollar) {
            return self.ident("a chain's name");
        }
        let (ident, value) = self.variable()?;
        match value.kind {
            ExprKind::Word(name) | ExprKind::Quoted(name) => Ok(Ident {
                name,
                span: ident.span,
            }),
            _ => Err(self.unexpected("a variable that holds a chain's name", None)),
        }
    }

    /// A comparison, or `… set …`.
    fn match_statement(&mut self) -> Parsed<StmtKind> {
        let left = self.left()?;
        match self.peek_word() {
            Some("set") => {
                self.bump();
                let value = self.left()?;
                if self.at(TokenKind::Dot) {
                    return self.refuse_concatenation();
                }
                self.refuse_map()?;
                return Ok(StmtKind::Set {
                    target: left,
                    value,
                });
            }
            Some("map" | "vmap") => self.refuse_map()?,
            _ => {}
        }
        if self.at(TokenKind::Dot) {
            return self.refuse_concatenation();
        }
        let op = self.relation();
        self.right(left, op)
    }

    fn refuse_map(&mut self) -> Parsed<()> {
        let span = self.peek().span;
        match self.peek_word() {
            Some("map") => self.unsupported("maps", "write a rule for each element", span),
            Some("vmap") => self.unsupported(
                "verdict maps (`vmap`)",
                "write a rule for each element",
                span,
            ),
            _ => Ok(()),
        }
    }

    fn refuse_concatenation<T>(&mut self) -> Parsed<T> {
        let span = self.peek().span;
        let hint = "compare the fields one after another: `ip saddr … tcp dport …`";
        self.unsupported("concatenations (`.`)", hint, span)
    }

    fn relation(&mut self) -> Option<Relation> {
        let relation = match self.peek().kind {
            TokenKind::Eq => Relation::Eq,
            TokenKind::Ne => Relation::Ne,
            TokenKind::Lt => Relation::Lt,
            TokenKind::Le => Relation::Le,
            TokenKind::Gt => Relation::Gt,
            TokenKind::Ge => Relation::Ge,
            TokenKind::Not => Relation::Not,
            _ => return None,
        };
        self.bump();
        Some(relation)
    }

    /// The right-hand side of a comparison, and with it the statement.
    fn right(&mut self, left: Expr, op: Option<Relation>) -> Parsed<StmtKind> {
        if self.at(TokenKind::LBrace) {
            let right = self.set()?;
            return Ok(StmtKind::Match { left, op, right });
        }
        let first = self.right_value()?;
        let right = match self.peek().kind {
            TokenKind::Comma => self.list(first)?,
            TokenKind::Dash => self.range(first)?,
            TokenKind::Slash => return self.masked_or_prefix(left, op, first),
            TokenKind::Dot => return self.refuse_concatenation(),
            _ => first,
        };
        if self.at(TokenKind::Slash) && matches!(right.kind, ExprKind::List(_)) {
            return self.masked_or_prefix(left, op, right);
        }
        Ok(StmtKind::Match { left, op, right })
    }

    /// `value/24`, or `value / mask, mask`.
    fn masked_or_prefix(
        &mut self,
        left: Expr,
        op: Option<Relation>,
        value: Expr,
    ) -> Parsed<StmtKind> {
        self.bump();
        let first = self.right_value()?;
        if !self.at(TokenKind::Comma) {
            if let ExprKind::Number(len) = first.kind {
                let span = value.span.to(first.span);
                let kind = ExprKind::Prefix(Box::new(value), len);
                let right = Expr { kind, span };
                return Ok(StmtKind::Match { left, op, right });
            }
            let (value, mask) = (Box::new(value), Box::new(first));
            return Ok(StmtKind::Masked {
                left,
                op,
                value,
                mask,
            });
        }
        let (value, mask) = (Box::new(value), Box::new(self.list(first)?));
        Ok(StmtKind::Masked {
            left,
            op,
            value,
            mask,
        })
    }
}

fn unsupported_statement(what: Unsupported) -> Stmt {
    Stmt {
        kind: StmtKind::Unsupported(what),
        span: what.span,
    }
}

/// What to do about an unsupported word.
fn hint_for(feature: &str) -> &'static str {
    match feature {
        "`reject`" => "use `drop`: the sender is not told",
        "`log`" => "use `counter`: `userctl counters` shows what matched",
        "`limit`" | "`quota`" => "the rule would match without limit: leave it out as a whole",
        _ => LATER,
    }
}
