// SPDX-License-Identifier: GPL-2.0
//! The paths that name a command's object.

use ferrule_uapi::hook::Family;

use super::{Parsed, Parser};
use crate::lang::syntax::{ChainPath, Ident, Position, PositionKind, TablePath};
use crate::source::Span;

impl Parser<'_> {
    /// The family, if one is written. Those that only nft has are unsupported.
    pub(super) fn family(&mut self) -> Parsed<Option<Family>> {
        let Some(word) = self.peek_word() else {
            return Ok(None);
        };
        let family = match word {
            "ip" => Family::Ip,
            "ip6" => Family::Ip6,
            "inet" => Family::Inet,
            "arp" | "bridge" | "netdev" => {
                let feature = format!("family `{word}`");
                let span = self.peek().span;
                return self.unsupported(&feature, "use `ip`, `ip6` or `inet`", span);
            }
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(family))
    }

    /// `[FAMILY] NAME`.
    pub(super) fn table_path(&mut self) -> Parsed<TablePath> {
        let family = self.family()?.unwrap_or(Family::Ip);
        Ok(TablePath {
            family,
            name: self.ident("a table's name")?,
            handle: None,
        })
    }

    /// `[FAMILY] NAME`, or `[FAMILY] handle N`.
    pub(super) fn table_or_handle(&mut self) -> Parsed<TablePath> {
        let family = self.family()?.unwrap_or(Family::Ip);
        let (name, handle) = self.name_or_handle("a table's name")?;
        Ok(TablePath {
            family,
            name,
            handle,
        })
    }

    /// `[FAMILY] TABLE NAME`.
    pub(super) fn chain_path(&mut self, expected: &'static str) -> Parsed<ChainPath> {
        let table = self.table_path()?;
        Ok(ChainPath {
            table,
            name: self.ident(expected)?,
            handle: None,
        })
    }

    /// `[FAMILY] TABLE NAME`, or `[FAMILY] TABLE handle N`.
    pub(super) fn path_or_handle(&mut self, expected: &'static str) -> Parsed<ChainPath> {
        let table = self.table_path()?;
        let (name, handle) = self.name_or_handle(expected)?;
        Ok(ChainPath {
            table,
            name,
            handle,
        })
    }

    fn name_or_handle(&mut self, expected: &'static str) -> Parsed<(Ident, Option<u64>)> {
        if !self.eat_word("handle") {
            return Ok((self.ident(expected)?, None));
        }
        let span = self.peek().span;
        let number = self.number("the handle's number")?;
        let name = self.names.intern(&number.to_string());
        Ok((Ident { name, span }, Some(number)))
    }

    /// `handle N`, `position N` or `index N`.
    pub(super) fn position(&mut self) -> Parsed<Option<Position>> {
        let kind = match self.peek_word() {
            Some("handle" | "position") => PositionKind::Handle,
            Some("index") => PositionKind::Index,
            _ => return Ok(None),
        };
        let start: Span = self.bump().span;
        let number = self.number("a number")?;
        Ok(Some(Position {
            kind,
            number,
            span: self.since(start),
        }))
    }

    /// `handle N`, which must be there.
    pub(super) fn rule_handle(&mut self) -> Parsed<Position> {
        if self.at_word("handle") {
            if let Some(position) = self.position()? {
                return Ok(position);
            }
        }
        let hint = "`userctl list -a` shows the handles";
        Err(self.unexpected("`handle` and a number", Some(hint)))
    }
}

/// Whether `word` is a family's name.
pub(super) fn is_family(word: &str) -> bool {
    matches!(word, "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev")
}
