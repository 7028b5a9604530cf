// SPDX-License-Identifier: GPL-2.0
//! Statements that keep a state: `counter`, `limit`, `quota`, `last`, `ct count`. They stand in
//! rules, in sets, and with elements.

use super::{Parsed, Parser};
use crate::lang::error::SyntaxErrorKind;
use crate::lang::syntax::{Kind, Limit, Stmt, StmtKind};
use crate::lang::token::TokenKind;
use crate::source::Span;

/// Units of time and their seconds.
const TIME_UNITS: &[(&str, u64)] = &[
    ("second", 1),
    ("minute", 60),
    ("hour", 3600),
    ("day", 86_400),
    ("week", 604_800),
];

/// Units of an amount of data.
const BYTE_UNITS: &[(&str, u64)] = &[("bytes", 1), ("kbytes", 1024), ("mbytes", 1024 * 1024)];

impl Parser<'_> {
    /// A statement that keeps a state, if one comes next.
    pub(super) fn stateful(&mut self) -> Parsed<Option<Stmt>> {
        let start = self.peek().span;
        let connections = self.at_word("ct") && self.second_word() == Some("count");
        let kind = match self.peek_word() {
            Some("counter") => self.counter()?,
            Some("limit") => self.limit()?,
            Some("quota") => self.quota()?,
            Some("last") => self.last()?,
            Some(_) if connections => self.connections()?,
            _ => return Ok(None),
        };
        Ok(Some(Stmt {
            kind,
            span: self.since(start),
        }))
    }

    /// `name OBJECT` behind a statement's word.
    fn named(&mut self, kind: Kind) -> Parsed<StmtKind> {
        self.bump();
        let object = Box::new(self.statement_value()?);
        Ok(StmtKind::Object { kind, object })
    }

    /// `counter [packets N bytes N]`, `counter name X`.
    pub(super) fn counter(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if self.at_word("name") {
            return self.named(Kind::Counter);
        }
        self.counter_values()
    }

    /// `packets N bytes N`, either or none of them.
    pub(super) fn counter_values(&mut self) -> Parsed<StmtKind> {
        let (mut packets, mut bytes) = (0, 0);
        loop {
            if self.eat_word("packets") {
                packets = self.number("the number of packets")?;
            } else if self.eat_word("bytes") {
                bytes = self.number("the number of bytes")?;
            } else {
                return Ok(StmtKind::Counter { packets, bytes });
            }
        }
    }

    /// `limit rate …`, `limit name X`.
    pub(super) fn limit(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if self.at_word("name") {
            return self.named(Kind::Limit);
        }
        self.limit_rate()
    }

    /// `rate [over|until] N [UNIT]/TIME [burst N UNIT]`.
    pub(super) fn limit_rate(&mut self) -> Parsed<StmtKind> {
        self.expect_word("rate", "`rate` or `name`")?;
        let over = self.over();
        let number = self.number("the rate")?;
        let (scale, unit) = self.rate_units()?;
        let bytes = scale.is_some();
        let burst = match self.eat_word("burst") {
            true => Some(self.burst(bytes)?),
            false => None,
        };
        Ok(StmtKind::Limit(Limit {
            over,
            rate: self.scaled(number, scale.unwrap_or(1))?,
            bytes,
            unit,
            burst,
        }))
    }

    /// `/second` or `mbytes/second`: bytes in the unit, and seconds.
    fn rate_units(&mut self) -> Parsed<(Option<u64>, u64)> {
        let mut scale = None;
        if let Some(word) = self.peek_word() {
            // The scanner takes a slash for a part of a word.
            let (unit, time) = word.split_once('/').unwrap_or((word, ""));
            let bytes = lookup(BYTE_UNITS, unit);
            let seconds = lookup(TIME_UNITS, time);
            if bytes.is_none() || (word.contains('/') && !time.is_empty() && seconds.is_none()) {
                return Err(self.unexpected("`/second`, or `bytes/second`", None));
            }
            let slash = word.contains('/');
            self.bump();
            match (slash, seconds) {
                (true, Some(seconds)) => return Ok((bytes, seconds)),
                (true, None) => return Ok((bytes, self.time_unit()?)),
                _ => scale = bytes,
            }
        }
        if !self.eat(TokenKind::Slash) {
            return Err(self.unexpected("`/` and a unit of time", None));
        }
        Ok((scale, self.time_unit()?))
    }

    fn time_unit(&mut self) -> Parsed<u64> {
        let found = self.peek_word().and_then(|word| lookup(TIME_UNITS, word));
        match found {
            Some(seconds) => {
                self.bump();
                Ok(seconds)
            }
            None => Err(self.unexpected("`second`, `minute`, `hour`, `day` or `week`", None)),
        }
    }

    /// A number and its unit behind `burst`: the same unit as the rate's.
    fn burst(&mut self, bytes: bool) -> Parsed<u64> {
        let number = self.number("the burst")?;
        if bytes {
            return self.byte_unit(number);
        }
        self.expect_word("packets", "`packets`")?;
        Ok(number)
    }

    /// `bytes`, `kbytes` or `mbytes` behind `number`.
    fn byte_unit(&mut self, number: u64) -> Parsed<u64> {
        let found = self.peek_word().and_then(|word| lookup(BYTE_UNITS, word));
        let Some(scale) = found else {
            return Err(self.unexpected("`bytes`, `kbytes` or `mbytes`", None));
        };
        self.bump();
        self.scaled(number, scale)
    }

    fn scaled(&mut self, number: u64, scale: u64) -> Parsed<u64> {
        let span = Span::new(self.last_end.saturating_sub(1), self.last_end);
        number
            .checked_mul(scale)
            .ok_or_else(|| self.error(SyntaxErrorKind::NumberTooLarge, span))
    }

    /// `over`, or `until`, which says what is so anyway.
    fn over(&mut self) -> bool {
        self.one_of(&["over", "until"]) == Some("over")
    }

    /// `quota …`, `quota name X`.
    pub(super) fn quota(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if self.at_word("name") {
            return self.named(Kind::Quota);
        }
        self.quota_values()
    }

    /// `[over|until] N UNIT [used N UNIT]`.
    pub(super) fn quota_values(&mut self) -> Parsed<StmtKind> {
        let over = self.over();
        let number = self.number("the quota")?;
        let bytes = self.byte_unit(number)?;
        let used = match self.eat_word("used") {
            true => {
                let number = self.number("what is used up")?;
                self.byte_unit(number)?
            }
            false => 0,
        };
        Ok(StmtKind::Quota { over, bytes, used })
    }

    /// `last [used never|TIME]`.
    fn last(&mut self) -> Parsed<StmtKind> {
        self.bump();
        if !self.eat_word("used") || self.eat_word("never") {
            return Ok(StmtKind::Last(None));
        }
        Ok(StmtKind::Last(Some(self.time("a time, or `never`")?)))
    }

    /// `ct count [over] N`.
    fn connections(&mut self) -> Parsed<StmtKind> {
        self.bump();
        self.bump();
        let over = self.eat_word("over");
        let count = self.number("a number of connections")?;
        Ok(StmtKind::Connections { over, count })
    }
}

fn lookup(table: &[(&str, u64)], word: &str) -> Option<u64> {
    let found = table.iter().find(|(name, _)| *name == word);
    found.map(|(_, value)| *value)
}
