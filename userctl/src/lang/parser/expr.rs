// SPDX-License-Identifier: GPL-2.0
//! Expressions: precedence from `|` down to `<<`, concatenations, ranges, lists and maps around
//! them, as in nft's grammar.

use super::{Parsed, Parser};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{BinaryOp, Expr, ExprKind};
use crate::lang::token::TokenKind;

/// How deep parentheses and sets may nest.
const MAX_NESTING: u32 = 32;

/// Binary operators from the loosest to the tightest, two tokens at most a level.
const LEVELS: &[&[(TokenKind, BinaryOp)]] = &[
    &[(TokenKind::Pipe, BinaryOp::Or)],
    &[(TokenKind::Caret, BinaryOp::Xor)],
    &[(TokenKind::Amp, BinaryOp::And)],
    &[
        (TokenKind::Shl, BinaryOp::Shl),
        (TokenKind::Shr, BinaryOp::Shr),
    ],
];

/// On which side of an operator an expression stands. On the right, `ip` is a name like any other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Parser<'_> {
    /// The left-hand side of a comparison: expressions, concatenated, and looked up in maps.
    pub(super) fn left(&mut self) -> Parsed<Expr> {
        let first = self.concat_left()?;
        self.mapped(first)
    }

    /// `a . b . c` of expressions.
    pub(super) fn concat_left(&mut self) -> Parsed<Expr> {
        let first = self.binary(0, Side::Left, 0)?;
        if !self.at(TokenKind::Dot) {
            return Ok(first);
        }
        let start = first.span;
        let mut parts = vec![first];
        while self.eat(TokenKind::Dot) {
            parts.push(self.binary(0, Side::Left, 0)?);
        }
        Ok(Expr {
            kind: ExprKind::Concat(parts),
            span: self.since(start),
        })
    }

    /// `key map { … }`, if `map` follows.
    fn mapped(&mut self, mut key: Expr) -> Parsed<Expr> {
        while self.eat_word("map") {
            let map = self.map_source()?;
            let span = self.since(key.span);
            let kind = ExprKind::Map(Box::new(key), Box::new(map));
            key = Expr { kind, span };
        }
        Ok(key)
    }

    /// `{ … }`, `@name` or `$variable` behind `map` and `vmap`.
    pub(super) fn map_source(&mut self) -> Parsed<Expr> {
        match self.peek().kind {
            TokenKind::LBrace => self.set(),
            TokenKind::At | TokenKind::Dollar => self.right_value(),
            _ => Err(self.unexpected("`{` or the name of a map", Some("write `@NAME`"))),
        }
    }

    /// One value on the right-hand side.
    pub(super) fn right_value(&mut self) -> Parsed<Expr> {
        self.binary(0, Side::Right, 0)
    }

    /// A value, range or prefix, or several of them concatenated.
    pub(super) fn concat_right(&mut self) -> Parsed<Expr> {
        let first = self.right_item()?;
        self.more_parts(first)
    }

    /// The rest of a concatenation of which `first` was read.
    pub(super) fn more_parts(&mut self, first: Expr) -> Parsed<Expr> {
        if !self.at(TokenKind::Dot) {
            return Ok(first);
        }
        let start = first.span;
        let mut parts = vec![first];
        while self.eat(TokenKind::Dot) {
            parts.push(self.right_item()?);
        }
        Ok(Expr {
            kind: ExprKind::Concat(parts),
            span: self.since(start),
        })
    }

    /// A value, range or prefix.
    fn right_item(&mut self) -> Parsed<Expr> {
        let first = self.right_value()?;
        match self.peek().kind {
            TokenKind::Dash => self.range(first),
            TokenKind::Slash => self.prefix(first),
            _ => Ok(first),
        }
    }

    /// What a statement takes: an expression or a value, a range, a list, something from a map.
    pub(super) fn statement_value(&mut self) -> Parsed<Expr> {
        let first = self.right_item()?;
        if self.at(TokenKind::Comma) {
            return self.list(first);
        }
        let value = self.more_parts(first)?;
        self.mapped(value)
    }

    /// What a variable is defined as.
    pub(super) fn initializer(&mut self) -> Parsed<Expr> {
        if self.at(TokenKind::LBrace) {
            return self.set_at(0, true);
        }
        if self.at(TokenKind::Dash) {
            let start = self.bump().span;
            let number = self.number("a number")?;
            let name = self.names.intern(&format!("-{number}"));
            return Ok(Expr {
                kind: ExprKind::Word(name),
                span: self.since(start),
            });
        }
        let first = self.concat_right()?;
        match self.at(TokenKind::Comma) {
            true => self.list(first),
            false => Ok(first),
        }
    }

    pub(super) fn binary(&mut self, level: usize, side: Side, depth: u32) -> Parsed<Expr> {
        let Some(operators) = LEVELS.get(level) else {
            return self.primary(side, depth);
        };
        let mut left = self.binary(level + 1, side, depth)?;
        loop {
            let kind = self.peek().kind;
            let Some((_, op)) = operators.iter().find(|(token, _)| *token == kind) else {
                return Ok(left);
            };
            self.bump();
            let right = self.binary(level + 1, Side::Right, depth)?;
            let span = left.span.to(right.span);
            let kind = ExprKind::Binary(*op, Box::new(left), Box::new(right));
            left = Expr { kind, span };
        }
    }

    fn primary(&mut self, side: Side, depth: u32) -> Parsed<Expr> {
        let token = self.peek();
        let kind = match token.kind {
            TokenKind::Number => {
                self.bump();
                match self.number_value(token.span) {
                    Some(number) => ExprKind::Number(number),
                    None => ExprKind::Word(self.intern(token.span)),
                }
            }
            TokenKind::Address => {
                self.bump();
                ExprKind::Word(self.names.plain(self.sources.snippet(token.span)))
            }
            TokenKind::Time => {
                self.bump();
                match self.millis(token.span) {
                    Some(millis) => ExprKind::Time(millis),
                    None => ExprKind::Word(self.intern(token.span)),
                }
            }
            TokenKind::Quoted => ExprKind::Quoted(self.text("a string")?.text),
            TokenKind::Wild => {
                self.bump();
                ExprKind::Wild(self.intern(token.span))
            }
            TokenKind::Dollar => {
                let (ident, value) = self.variable()?;
                return Ok(Expr {
                    kind: ExprKind::Variable(value),
                    span: ident.span,
                });
            }
            TokenKind::LParen => return self.parenthesised(side, depth),
            TokenKind::At if self.at_raw() => self.raw()?,
            TokenKind::At => {
                self.bump();
                ExprKind::Named(self.ident("a set's name")?)
            }
            TokenKind::Word => return self.word(side),
            _ => return Err(self.unexpected("a value", None)),
        };
        Ok(Expr {
            kind,
            span: self.since(token.span),
        })
    }

    fn parenthesised(&mut self, side: Side, depth: u32) -> Parsed<Expr> {
        let start = self.bump().span;
        self.check_depth(depth)?;
        let inner = self.binary(0, side, depth + 1)?;
        self.expect(TokenKind::RParen, "`)`")?;
        Ok(Expr {
            kind: inner.kind,
            span: self.since(start),
        })
    }

    pub(super) fn check_depth(&mut self, depth: u32) -> Parsed<()> {
        if depth < MAX_NESTING {
            return Ok(());
        }
        let span = self.peek().span;
        Err(self.error(SyntaxErrorKind::NestingDepth(MAX_NESTING), span))
    }

    /// `first, second, …`.
    pub(super) fn list(&mut self, first: Expr) -> Parsed<Expr> {
        let start = first.span;
        let mut items = vec![first];
        while self.eat(TokenKind::Comma) {
            items.push(self.right_value()?);
        }
        Ok(Expr {
            kind: ExprKind::List(items),
            span: self.since(start),
        })
    }

    /// `first-last`.
    pub(super) fn range(&mut self, first: Expr) -> Parsed<Expr> {
        self.bump();
        let last = self.right_value()?;
        let span = first.span.to(last.span);
        Ok(Expr {
            kind: ExprKind::Range(Box::new(first), Box::new(last)),
            span,
        })
    }

    /// `first/len`.
    pub(super) fn prefix(&mut self, first: Expr) -> Parsed<Expr> {
        self.bump();
        let start = first.span;
        let len = self.number("the prefix's length")?;
        Ok(Expr {
            kind: ExprKind::Prefix(Box::new(first), len),
            span: self.since(start),
        })
    }
}
