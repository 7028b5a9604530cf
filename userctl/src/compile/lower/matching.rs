// SPDX-License-Identifier: GPL-2.0
//! Comparisons to instructions.
//!
//! A test of the language comes down to one of three questions about a field: are these bits these
//! (`Bits`), is it within this range (`Within`), is it in one of these ranges (`In`). `<` and its kin
//! are ranges. Each question has a narrow and a wide instruction.

use ferrule_uapi::{
    field::Field,
    hook::Family,
    insn::{Insn, Opcode, FLAG_NEGATE},
    program::{Range32, RangeWide, Table, TableKind, Wide},
    NONE,
};

use super::{Lowered, Options};
use crate::ruleset::{Match, Op, Selector, Test};

/// A question about a field's value, after masking.
enum Question<'a> {
    /// `field & mask == value`.
    Bits(u128, u128),
    /// `field & mask` from one to the other.
    Within(u128, u128, u128),
    /// `field & mask` in one of these.
    In(u128, &'a [(u128, u128)]),
    /// It never holds for a field that is there.
    Never,
}

impl Lowered {
    /// Appends a comparison: an instruction, and one before it if the family is asked for too.
    pub(super) fn comparison(&mut self, comparison: &Match, options: Options) {
        if let Some(family) = comparison.family {
            self.family(family);
        }
        let selector = comparison.selector;
        let (negate, question) = question(selector, &comparison.test, options);
        match question {
            Question::Never => self.bits(selector.field, !negate, 0, 0),
            Question::Bits(mask, value) if value & !mask != 0 => {
                self.bits(selector.field, !negate, 0, 0);
            }
            Question::Bits(mask, value) => {
                let whole = mask == selector.max();
                let mask = if whole { u128::MAX } else { mask };
                self.bits(selector.field, negate, mask, value);
            }
            Question::Within(mask, lo, hi) if mask == selector.max() => {
                self.within(selector.field, negate, lo, hi);
            }
            Question::Within(mask, lo, hi) => self.lookup(selector, negate, mask, &[(lo, hi)]),
            Question::In(mask, ranges) => self.lookup(selector, negate, mask, ranges),
        }
    }

    /// The packet must be of this family.
    fn family(&mut self, family: Family) {
        self.bits(Field::MetaNfproto, false, u128::MAX, family as u128);
    }

    /// `field & mask == value`.
    fn bits(&mut self, field: Field, negate: bool, mask: u128, value: u128) {
        if field.is_wide() {
            let pair = self.pair(mask, value);
            self.test(Opcode::MatchWideMask, field, negate, pair, 0);
        } else {
            self.test(Opcode::MatchMask, field, negate, mask as u32, value as u32);
        }
    }

    /// `lo <= field <= hi`.
    fn within(&mut self, field: Field, negate: bool, lo: u128, hi: u128) {
        if field.is_wide() {
            let pair = self.pair(lo, hi);
            self.test(Opcode::MatchWideRange, field, negate, pair, 0);
        } else {
            self.test(Opcode::MatchRange, field, negate, lo as u32, hi as u32);
        }
    }

    /// `field & mask` in one of `ranges`.
    fn lookup(&mut self, selector: &Selector, negate: bool, mask: u128, ranges: &[(u128, u128)]) {
        let field = selector.field;
        let mask = if mask == selector.max() {
            u128::MAX
        } else {
            mask
        };
        let table = self.tables.len() as u32;
        let count = ranges.len() as u32;
        if field.is_wide() {
            let operand = self.pair(mask, 0);
            let first = self.wide_pairs.len() as u32;
            let pairs = ranges.iter().map(|(lo, hi)| pair(*lo, *hi));
            self.wide_pairs.extend(pairs);
            self.table(TableKind::RangesWide, first, count);
            self.test(Opcode::LookupWide, field, negate, table, operand);
        } else {
            let first = self.ranges32.len() as u32;
            let pairs = ranges.iter().map(|(lo, hi)| Range32 {
                lo: *lo as u32,
                hi: *hi as u32,
            });
            self.ranges32.extend(pairs);
            self.table(TableKind::Ranges32, first, count);
            self.test(Opcode::Lookup, field, negate, table, mask as u32);
        }
    }

    /// Appends a table.
    fn table(&mut self, kind: TableKind, first: u32, count: u32) {
        self.tables.push(Table {
            kind: kind as u8,
            first,
            count,
            ..Table::default()
        });
    }

    /// Appends a pair of wide constants and says where it is.
    fn pair(&mut self, lo: u128, hi: u128) -> u32 {
        self.wide_pairs.push(pair(lo, hi));
        self.wide_pairs.len() as u32 - 1
    }

    /// Appends a match, whose way out is the end of the rule, not known yet.
    fn test(&mut self, opcode: Opcode, field: Field, negate: bool, a: u32, b: u32) {
        self.insns.push(Insn {
            opcode: opcode as u8,
            field: field as u8,
            flags: if negate { FLAG_NEGATE } else { 0 },
            target: NONE,
            a,
            b,
        });
    }
}

/// Whether the answer is to be turned round, and the question.
fn question<'a>(selector: &Selector, test: &'a Test, options: Options) -> (bool, Question<'a>) {
    match test {
        Test::Compare { mask, op, value } => compare(selector, *mask, *op, *value),
        Test::Range {
            mask,
            negate,
            lo,
            hi,
        } => (*negate, Question::Within(*mask, *lo, *hi)),
        Test::Set {
            mask,
            negate,
            ranges,
        } => match ranges.as_slice() {
            [(lo, hi)] if options.optimise && lo == hi => (*negate, Question::Bits(*mask, *lo)),
            [(lo, hi)] if options.optimise => (*negate, Question::Within(*mask, *lo, *hi)),
            ranges => (*negate, Question::In(*mask, ranges)),
        },
    }
}

/// Comparison operators as questions.
fn compare(selector: &Selector, mask: u128, op: Op, value: u128) -> (bool, Question<'static>) {
    let max = selector.max();
    let below = |end: Option<u128>| end.map_or(Question::Never, |hi| Question::Within(mask, 0, hi));
    let above = |start: Option<u128>| {
        let start = start.filter(|lo| *lo <= max);
        start.map_or(Question::Never, |lo| Question::Within(mask, lo, max))
    };
    match op {
        Op::Eq => (false, Question::Bits(mask, value)),
        Op::Ne => (true, Question::Bits(mask, value)),
        Op::Lt => (false, below(value.checked_sub(1))),
        Op::Le => (false, below(Some(value))),
        Op::Gt => (false, above(value.checked_add(1))),
        Op::Ge => (false, above(Some(value))),
    }
}

/// Two numbers as a pair of wide constants.
fn pair(lo: u128, hi: u128) -> RangeWide {
    let wide = |number: u128| Wide {
        hi: (number >> 64) as u64,
        lo: number as u64,
    };
    RangeWide {
        lo: wide(lo),
        hi: wide(hi),
    }
}
