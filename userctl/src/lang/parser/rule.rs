// SPDX-License-Identifier: GPL-2.0
//! Rules, their verdicts and comparisons.

use super::{Parsed, Parser, Stop};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{
    Expr, ExprKind, Ident, Kind, Relation, Rule, Stmt, StmtKind, Text, Unsupported,
};
use crate::lang::token::TokenKind;
use crate::lang::words::{self, Role};

/// What to do about a feature that is not there, where nothing better can be said.
pub(super) const LATER: &str = "leave it out; later versions will have it";

impl Parser<'_> {
    /// The statements of a rule, up to its end. What is not supported ends it early.
    pub(super) fn rule(&mut self) -> Parsed<Rule> {
        let start = self.peek().span;
        let mut statements = std::mem::take(&mut self.statements);
        statements.clear();
        let mut comment: Option<Text> = None;
        loop {
            match self.peek().kind {
                TokenKind::Newline | TokenKind::Semicolon | TokenKind::RBrace | TokenKind::End => {
                    break
                }
                _ => {}
            }
            if self.at_word("comment") {
                if statements.is_empty() {
                    return Err(self.unexpected("a statement", None));
                }
                self.bump();
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
        let mut exactly = Vec::with_capacity(statements.len());
        exactly.append(&mut statements);
        self.statements = statements;
        Ok(Rule {
            statements: exactly,
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
            | TokenKind::At
            | TokenKind::Quoted => self.match_statement()?,
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
            Some(Role::Protocol | Role::Tunnel | Role::Meta | Role::MetaKey) => {
                self.match_statement()
            }
            Some(Role::Selector) => {
                if word == "ct" && self.second_word() == Some("count") {
                    return self.named_statement();
                }
                self.match_statement()
            }
            Some(Role::Statement) => self.named_statement(),
            Some(Role::Verdict) => self.verdict(),
            Some(Role::Unsupported(feature)) => self.unsupported_statement(feature),
            Some(Role::Comment | Role::Other) => Err(self.unexpected("a statement", None)),
            None => {
                let similar = words::similar(word, words::STATEMENTS);
                let word = word.to_owned();
                Err(self.error(SyntaxErrorKind::UnknownStatement { word, similar }, span))
            }
        }
    }

    pub(super) fn verdict(&mut self) -> Parsed<StmtKind> {
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

    /// A comparison, `… set …`, or `… vmap …`.
    fn match_statement(&mut self) -> Parsed<StmtKind> {
        let left = self.left()?;
        match self.peek_word() {
            Some("set") => {
                self.bump();
                let value = self.statement_value()?;
                return Ok(self.assignment(left, value));
            }
            Some("vmap") => {
                self.bump();
                let map = self.map_source()?;
                return Ok(StmtKind::Vmap { key: left, map });
            }
            _ => {}
        }
        let op = self.relation();
        self.right(left, op)
    }

    /// `ct helper set X` and its like refer to objects; the rest assigns a value.
    fn assignment(&mut self, target: Expr, value: Expr) -> StmtKind {
        let kind = match &target.kind {
            ExprKind::Ct {
                direction: None,
                key,
                ..
            } => match self.names.get(key.name) {
                "helper" => Some(Kind::CtHelper),
                "timeout" => Some(Kind::CtTimeout),
                "expectation" => Some(Kind::CtExpectation),
                _ => None,
            },
            ExprKind::Meta(key) if self.names.get(*key) == "secmark" => {
                let copied = matches!(value.kind, ExprKind::Ct { .. });
                (!copied).then_some(Kind::Secmark)
            }
            _ => None,
        };
        match kind {
            Some(kind) => StmtKind::Object {
                kind,
                object: Box::new(value),
            },
            None => StmtKind::Set { target, value },
        }
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
            _ => first,
        };
        match (self.peek().kind, &right.kind) {
            (TokenKind::Slash, ExprKind::List(_)) => self.masked_or_prefix(left, op, right),
            (TokenKind::Dot, _) => {
                let right = self.more_parts(right)?;
                Ok(StmtKind::Match { left, op, right })
            }
            _ => Ok(StmtKind::Match { left, op, right }),
        }
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
        if self.at(TokenKind::Comma) {
            let mask = Box::new(self.list(first)?);
            let value = Box::new(value);
            return Ok(StmtKind::Masked {
                left,
                op,
                value,
                mask,
            });
        }
        let list = matches!(value.kind, ExprKind::List(_));
        match first.kind {
            ExprKind::Number(len) if !list => {
                let span = value.span.to(first.span);
                let kind = ExprKind::Prefix(Box::new(value), len);
                let right = self.more_parts(Expr { kind, span })?;
                Ok(StmtKind::Match { left, op, right })
            }
            _ => Ok(StmtKind::Masked {
                left,
                op,
                value: Box::new(value),
                mask: Box::new(first),
            }),
        }
    }
}

fn unsupported_statement(what: Unsupported) -> Stmt {
    Stmt {
        kind: StmtKind::Unsupported(what),
        span: what.span,
    }
}
