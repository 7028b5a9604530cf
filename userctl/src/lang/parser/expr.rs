// SPDX-License-Identifier: GPL-2.0
//! Expressions: precedence from `|` down to `<<`, as in nft's grammar.

use super::rule::LATER;
use super::{Parsed, Parser};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{BinaryOp, Expr, ExprKind};
use crate::lang::token::TokenKind;
use crate::lang::words::{self, Role};

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
enum Side {
    Left,
    Right,
}

impl Parser<'_> {
    /// The left-hand side of a comparison, or what is assigned.
    pub(super) fn left(&mut self) -> Parsed<Expr> {
        self.binary(0, Side::Left, 0)
    }

    /// One value on the right-hand side.
    pub(super) fn right_value(&mut self) -> Parsed<Expr> {
        self.binary(0, Side::Right, 0)
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
        let first = self.right_value()?;
        match self.peek().kind {
            TokenKind::Comma => self.list(first),
            TokenKind::Dash => self.range(first),
            TokenKind::Slash => self.prefix(first),
            _ => Ok(first),
        }
    }

    fn binary(&mut self, level: usize, side: Side, depth: u32) -> Parsed<Expr> {
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
            TokenKind::Address | TokenKind::Time => {
                self.bump();
                ExprKind::Word(self.intern(token.span))
            }
            TokenKind::Quoted => {
                let span = self.text("a string")?.text;
                ExprKind::Quoted(span)
            }
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
            TokenKind::At => {
                let hint = "write the elements into the rule: `{ 22, 80 }`";
                return self.unsupported("named sets (`@…`)", hint, token.span);
            }
            TokenKind::Word => return self.word(side),
            _ => return Err(self.unexpected("a value", None)),
        };
        Ok(Expr {
            kind,
            span: token.span,
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

    fn check_depth(&mut self, depth: u32) -> Parsed<()> {
        if depth < MAX_NESTING {
            return Ok(());
        }
        let span = self.peek().span;
        Err(self.error(SyntaxErrorKind::NestingDepth(MAX_NESTING), span))
    }

    /// A word: a field if it is the name of a protocol or `meta`, else a name for the next stage.
    fn word(&mut self, side: Side) -> Parsed<Expr> {
        let span = self.peek().span;
        let word = self.sources.snippet(span);
        let role = words::role(word);
        let symbol = words::is_symbol(word);
        match role {
            Some(Role::Meta) => self.meta(),
            Some(Role::MetaKey) => {
                self.bump();
                Ok(Expr {
                    kind: ExprKind::Meta(self.intern(span)),
                    span,
                })
            }
            Some(Role::Protocol) if side == Side::Left || self.field_follows() => self.header(),
            Some(Role::Unsupported(feature)) if !symbol => self.unsupported(feature, LATER, span),
            _ if symbol => {
                self.bump();
                Ok(Expr {
                    kind: ExprKind::Word(self.intern(span)),
                    span,
                })
            }
            _ => Err(self.unexpected("a value", None)),
        }
    }

    /// Whether the word behind the next one is the name of a field that no value can be.
    fn field_follows(&mut self) -> bool {
        let Some(input) = self.inputs.last() else {
            return false;
        };
        let Some(token) = input.tokens.get(input.next + 1) else {
            return false;
        };
        token.kind == TokenKind::Word
            && matches!(
                self.sources.snippet(token.span),
                "saddr" | "daddr" | "sport" | "dport" | "dscp" | "ttl" | "hoplimit" | "length"
            )
    }

    /// `meta KEY`.
    fn meta(&mut self) -> Parsed<Expr> {
        let start = self.bump().span;
        let key = self
            .expect(TokenKind::Word, "a meta key, such as `l4proto`")?
            .span;
        Ok(Expr {
            kind: ExprKind::Meta(self.intern(key)),
            span: start.to(key),
        })
    }

    /// `PROTOCOL FIELD`.
    fn header(&mut self) -> Parsed<Expr> {
        let protocol = self.bump().span;
        if self.at(TokenKind::At) {
            return self.unsupported("matching on raw payload (`@…`)", LATER, protocol);
        }
        let field = self.expect(TokenKind::Word, "a field of the header")?.span;
        let span = protocol.to(field);
        match self.sources.snippet(field) {
            "option" => self.unsupported("matching on options", LATER, span),
            "chunk" => self.unsupported("matching on SCTP chunks", LATER, span),
            _ => Ok(Expr {
                kind: ExprKind::Header(self.intern(protocol), self.intern(field)),
                span,
            }),
        }
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
    fn prefix(&mut self, first: Expr) -> Parsed<Expr> {
        self.bump();
        let start = first.span;
        let len = self.number("the prefix's length")?;
        Ok(Expr {
            kind: ExprKind::Prefix(Box::new(first), len),
            span: self.since(start),
        })
    }

    /// `{ element, … }`.
    pub(super) fn set(&mut self) -> Parsed<Expr> {
        self.set_at(0, false)
    }

    fn set_at(&mut self, depth: u32, may_be_empty: bool) -> Parsed<Expr> {
        let start = self.bump().span;
        self.check_depth(depth)?;
        self.open_braces += 1;
        let mut elements = Vec::new();
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
        Ok(Expr {
            kind: ExprKind::Set(elements),
            span: self.since(start),
        })
    }

    fn element(&mut self, depth: u32) -> Parsed<Expr> {
        let value = match self.peek().kind {
            TokenKind::LBrace => self.set_at(depth + 1, false)?,
            TokenKind::Star => {
                let span = self.peek().span;
                return self.unsupported("the catch-all element `*`", LATER, span);
            }
            _ => {
                let first = self.right_value()?;
                match self.peek().kind {
                    TokenKind::Dash => self.range(first)?,
                    TokenKind::Slash => self.prefix(first)?,
                    _ => first,
                }
            }
        };
        self.refuse_element_options()?;
        Ok(value)
    }

    /// What may follow an element in nft, but not here.
    fn refuse_element_options(&mut self) -> Parsed<()> {
        let token = self.peek();
        match token.kind {
            TokenKind::Colon => {
                self.unsupported("maps", "write a rule for each element", token.span)
            }
            TokenKind::Dot => self.unsupported(
                "concatenations (`.`)",
                "compare the fields one after another: `ip saddr … tcp dport …`",
                token.span,
            ),
            TokenKind::Word => match self.sources.snippet(token.span) {
                "timeout" | "expires" | "comment" | "counter" | "limit" | "quota" | "last" => {
                    let feature = "timeouts, comments and counters of elements";
                    self.unsupported(feature, LATER, token.span)
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
