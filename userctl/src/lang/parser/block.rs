// SPDX-License-Identifier: GPL-2.0
//! The blocks of tables and chains.

use super::{Parsed, Parser, Stop};
use crate::lang::syntax::{
    ChainBlock, Expr, ExprKind, HookSpec, Ident, Policy, Priority, TableBlock, Unsupported,
};
use crate::lang::token::TokenKind;
use crate::source::Span;

impl Parser<'_> {
    /// `{ … }` behind a table's name.
    pub(super) fn table_block(&mut self) -> Parsed<TableBlock> {
        let mut block = TableBlock::default();
        self.open_block()?;
        while !self.block_ends()? {
            let result = self.table_item(&mut block);
            self.after_item(result, &mut block.unsupported);
        }
        self.close_block();
        Ok(block)
    }

    fn table_item(&mut self, block: &mut TableBlock) -> Parsed<()> {
        if let Some(what) = self.unsupported_object() {
            return Err(Stop::Unsupported(what));
        }
        if let Some(kind) = self.object_kind() {
            self.take_kind();
            let name = self.block_name("the object's name")?;
            let object = self.object_block(kind)?;
            block.objects.push((kind, name, object));
            return Ok(());
        }
        match self.peek_word() {
            Some("chain") => {
                self.bump();
                let name = self.block_name("a chain's name")?;
                let chain = self.chain_block()?;
                block.chains.push((name, chain));
                Ok(())
            }
            Some(word @ ("set" | "map")) => {
                let map = word == "map";
                self.bump();
                let name = self.block_name("a set's name")?;
                let set = self.set_block(map)?;
                block.sets.push((name, set));
                Ok(())
            }
            Some("comment") => {
                self.bump();
                block.comment = Some(self.text("the comment")?);
                Ok(())
            }
            Some("flags") => {
                self.bump();
                block.flags.push(self.any_word("a flag")?);
                while self.eat(TokenKind::Comma) {
                    block.flags.push(self.any_word("a flag")?);
                }
                Ok(())
            }
            _ => Err(self.unexpected(
                "`chain`, `set`, `map`, an object or `comment`",
                Some("a rule belongs into a `chain NAME { … }`"),
            )),
        }
    }

    /// A name behind which a block must begin.
    fn block_name(&mut self, expected: &'static str) -> Parsed<Ident> {
        let name = self.ident(expected)?;
        if !self.at(TokenKind::LBrace) {
            return Err(self.unexpected("`{`", None));
        }
        Ok(name)
    }

    /// `{ … }` behind a chain's name.
    pub(super) fn chain_block(&mut self) -> Parsed<ChainBlock> {
        let mut block = ChainBlock::default();
        self.open_block()?;
        block.rules.reserve(self.lines());
        while !self.block_ends()? {
            let result = self.chain_item(&mut block);
            self.after_item(result, &mut block.unsupported);
        }
        self.close_block();
        Ok(block)
    }

    /// How many lines there are up to the next brace: about as many rules.
    fn lines(&mut self) -> usize {
        let ahead = self.ahead().bytes();
        let lines = ahead.take_while(|byte| !b"{}".contains(byte));
        lines.filter(|byte| *byte == b'\n').count()
    }

    fn chain_item(&mut self, block: &mut ChainBlock) -> Parsed<()> {
        match self.peek_word() {
            Some("type") => block.hook = Some(self.hook_spec()?),
            Some("policy") => block.policy = Some(self.policy()?),
            Some("comment") => {
                self.bump();
                block.comment = Some(self.text("the comment")?);
            }
            Some("flags") => {
                let start = self.bump().span;
                let flag = self.peek().span;
                let span = start.to(flag);
                let hint = "leave it out; packets take the same path without it";
                return self.unsupported("hardware offload (`flags offload`)", hint, span);
            }
            Some("device" | "devices") => {
                let span = self.peek().span;
                let hint = "use a hook of family `inet`, and `iifname` in the rules";
                return self.unsupported("chains bound to a device", hint, span);
            }
            _ => block.rules.push(self.rule()?),
        }
        Ok(())
    }

    pub(super) fn open_block(&mut self) -> Parsed<()> {
        self.expect(TokenKind::LBrace, "`{`")?;
        self.scopes.push(Default::default());
        Ok(())
    }

    pub(super) fn close_block(&mut self) {
        self.scopes.pop();
    }

    /// Goes on to the block's next item; takes the `}` and says `true` if there is none.
    pub(super) fn block_ends(&mut self) -> Parsed<bool> {
        loop {
            match self.peek().kind {
                TokenKind::Newline | TokenKind::Semicolon => {
                    self.bump();
                }
                TokenKind::RBrace => {
                    self.bump();
                    return Ok(true);
                }
                TokenKind::End => {
                    self.close_block();
                    return Err(self.unexpected("`}`", Some("a block is not closed")));
                }
                _ if self.common() => {}
                _ => return Ok(false),
            }
        }
    }

    /// The end of an item's statement, or the way there after a mistake.
    fn after_item(&mut self, result: Parsed<()>, unsupported: &mut Vec<Unsupported>) {
        match result {
            Ok(()) => self.end_of_statement(),
            Err(stop) => {
                if let Stop::Unsupported(what) = stop {
                    unsupported.push(what);
                }
                self.skip_statement();
            }
        }
    }

    /// `type T hook H priority P`.
    fn hook_spec(&mut self) -> Parsed<HookSpec> {
        let start = self.bump().span;
        let kind = self.any_word("a chain type, such as `filter`")?;
        self.expect_word("hook", "`hook`")?;
        let hook = self.any_word("a hook, such as `input`")?;
        if let Some("device" | "devices") = self.peek_word() {
            let span = self.peek().span;
            return self.unsupported(
                "chains bound to a device",
                "use a hook of family `inet`, and `iifname` in the rules",
                span,
            );
        }
        self.expect_word("priority", "`priority`")?;
        let priority = self.priority()?;
        Ok(HookSpec {
            kind,
            hook,
            priority,
            span: self.since(start),
        })
    }

    /// `0`, `-10`, `filter`, `filter + 10`, `$variable`.
    fn priority(&mut self) -> Parsed<Priority> {
        let start = self.peek().span;
        let expected = "a priority: a number, or a name such as `filter`";
        match self.peek().kind {
            TokenKind::Dollar => {
                let (ident, value) = self.variable()?;
                self.priority_of(&value, ident.span)
            }
            TokenKind::Word => {
                let name = self.any_word(expected)?;
                let offset = match self.peek().kind {
                    TokenKind::Plus | TokenKind::Dash => self.signed(expected)?,
                    _ => 0,
                };
                Ok(Priority {
                    name: Some(name),
                    offset,
                    span: self.since(start),
                })
            }
            _ => {
                let offset = self.signed(expected)?;
                Ok(Priority {
                    name: None,
                    offset,
                    span: self.since(start),
                })
            }
        }
    }

    /// The priority that a variable holds.
    fn priority_of(&mut self, value: &Expr, span: Span) -> Parsed<Priority> {
        match value.kind {
            ExprKind::Number(number) => Ok(Priority {
                name: None,
                offset: number as i64,
                span,
            }),
            ExprKind::Word(name) | ExprKind::Quoted(name) => {
                if let Ok(offset) = self.names.get(name).parse() {
                    return Ok(Priority {
                        name: None,
                        offset,
                        span,
                    });
                }
                let name = Ident { name, span };
                Ok(Priority {
                    name: Some(name),
                    offset: 0,
                    span,
                })
            }
            _ => Err(self.unexpected("a variable that holds a priority", None)),
        }
    }

    fn signed(&mut self, expected: &'static str) -> Parsed<i64> {
        let negative = self.eat(TokenKind::Dash);
        if !negative {
            self.eat(TokenKind::Plus);
        }
        let number = self.number(expected)?;
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        Ok(if negative { -number } else { number })
    }

    /// `policy accept`, `policy drop`, `policy $variable`.
    fn policy(&mut self) -> Parsed<Policy> {
        let start = self.bump().span;
        let name = match self.peek().kind {
            TokenKind::Dollar => match self.variable()?.1.kind {
                ExprKind::Word(name) | ExprKind::Quoted(name) => name,
                _ => return Err(self.unexpected("a variable that holds a policy", None)),
            },
            TokenKind::Word => {
                let span = self.peek().span;
                let name = self.intern(span);
                if matches!(self.names.get(name), "accept" | "drop") {
                    self.bump();
                }
                name
            }
            _ => return Err(self.unexpected("`accept` or `drop`", None)),
        };
        let accept = match self.names.get(name) {
            "accept" => true,
            "drop" => false,
            _ => return Err(self.unexpected("`accept` or `drop`", None)),
        };
        Ok(Policy {
            accept,
            span: self.since(start),
        })
    }
}
