// SPDX-License-Identifier: GPL-2.0
//! The blocks of sets and maps.

use super::{Parsed, Parser, Stop};
use crate::lang::syntax::{Expr, Ident, SetBlock, TypeSpec};
use crate::lang::token::TokenKind;
use crate::lang::words;

/// Objects that a map may hold.
const OBJECT_DATA: &[&str] = &["counter", "quota", "limit", "secmark", "synproxy"];

impl Parser<'_> {
    /// `{ … }` behind a set's or a map's name.
    pub(super) fn set_block(&mut self, map: bool) -> Parsed<SetBlock> {
        let start = self.peek().span;
        let mut block = SetBlock {
            map,
            ..SetBlock::default()
        };
        self.open_block()?;
        while !self.block_ends()? {
            match self.set_item(&mut block) {
                Ok(true) => self.end_of_statement(),
                Ok(false) => {}
                Err(Stop::Unsupported(what)) => {
                    // The whole set is: without its type nothing else about it can be said.
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

    /// Skips the rest of a block and its `}`.
    pub(super) fn skip_block(&mut self) {
        loop {
            self.skip_statement();
            match self.peek().kind {
                TokenKind::RBrace => {
                    self.bump();
                    return;
                }
                TokenKind::End => return,
                _ => {}
            }
        }
    }

    /// One item of a set; `true` if a newline or `;` must follow.
    fn set_item(&mut self, block: &mut SetBlock) -> Parsed<bool> {
        if let Some(statement) = self.stateful()? {
            block.statements.push(statement);
            while let Some(statement) = self.stateful()? {
                block.statements.push(statement);
            }
            return Ok(true);
        }
        let start = self.peek().span;
        match self.peek_word() {
            Some("type" | "typeof") => self.set_type(block)?,
            Some("flags") => {
                self.bump();
                block.flags.push(self.any_word("a flag")?);
                while self.eat(TokenKind::Comma) {
                    block.flags.push(self.any_word("a flag")?);
                }
            }
            Some("timeout") => {
                self.bump();
                block.timeout = Some(self.time("a time, such as `1h30m`")?);
            }
            Some("gc-interval") => {
                self.bump();
                block.gc_interval = Some(self.time("a time, such as `1h30m`")?);
            }
            Some("size") => {
                self.bump();
                let size = self.number("a number of elements")?;
                block.size = Some((size, self.since(start)));
            }
            Some("policy") => {
                self.bump();
                block.policy = Some(self.any_word("`performance` or `memory`")?);
            }
            Some("comment") => {
                self.bump();
                block.comment = Some(self.text("the comment")?);
            }
            Some("auto-merge") => {
                self.bump();
                block.auto_merge = Some(start);
                return Ok(false);
            }
            Some("elements") => {
                self.bump();
                self.expect(TokenKind::Assign, "`=`")?;
                block.elements = Some(self.element_list()?);
                return Ok(false);
            }
            _ => {
                let expected = "`type`, `typeof`, `flags`, `elements`, …";
                return Err(self.unexpected(expected, None));
            }
        }
        Ok(true)
    }

    /// `type KEY [: [interval] DATA]`, `typeof …`.
    fn set_type(&mut self, block: &mut SetBlock) -> Parsed<()> {
        let typeof_ = self.at_word("typeof");
        self.bump();
        block.key = Some(match typeof_ {
            true => TypeSpec::Typeof(self.concat_left()?),
            false => TypeSpec::Types(self.types()?),
        });
        if !self.eat(TokenKind::Colon) {
            return Ok(());
        }
        block.interval_data = self.eat_word("interval");
        block.data = Some(self.data_type(typeof_)?);
        Ok(())
    }

    /// The type of a map's data.
    fn data_type(&mut self, typeof_: bool) -> Parsed<TypeSpec> {
        if let Some(object) = self.object_type()? {
            return Ok(TypeSpec::Types(vec![object]));
        }
        if !typeof_ {
            return Ok(TypeSpec::Types(self.types()?));
        }
        // nft's text has only `verdict` and `queue` here, its JSON any type.
        let name = self.peek_word();
        if name.is_some_and(|word| word == "queue" || words::role(word).is_none()) {
            return Ok(TypeSpec::Types(self.types()?));
        }
        let expr: Expr = self.concat_left()?;
        Ok(TypeSpec::Typeof(expr))
    }

    /// `counter`, `ct helper`, …: maps to objects. What is two words in nft is one name here.
    fn object_type(&mut self) -> Parsed<Option<Ident>> {
        let start = self.peek().span;
        match self.peek_word() {
            Some(word) if OBJECT_DATA.contains(&word) => Ok(Some(self.any_word("")?)),
            Some("ct") => {
                let Some("helper" | "timeout" | "expectation") = self.second_word() else {
                    return Ok(None);
                };
                self.bump();
                let what = self.any_word("")?;
                let text = format!("ct {}", self.names.get(what.name));
                let name = self.names.intern(&text);
                let span = self.since(start);
                Ok(Some(Ident { name, span }))
            }
            _ => Ok(None),
        }
    }

    /// `ipv4_addr . inet_service`.
    fn types(&mut self) -> Parsed<Vec<Ident>> {
        let expected = "a type, such as `ipv4_addr`";
        let mut types = vec![self.any_word(expected)?];
        while self.eat(TokenKind::Dot) {
            types.push(self.any_word(expected)?);
        }
        Ok(types)
    }
}
