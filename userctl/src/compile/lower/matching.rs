// SPDX-License-Identifier: GPL-2.0
//! Comparisons to instructions.
//!
//! A test of the language comes down to one of three questions about a field: are these bits these
//! (`Bits`), is it within this range (`Within`), is it in one of these ranges (`In`). `<` and its kin
//! are ranges. Each question has a narrow and a wide instruction. What is looked up in a set of the
//! kernel's is a question of its own.

use std::borrow::Cow;

use ferrule_uapi::{
    insn::{Insn, Opcode, FLAG_NEGATE},
    program::{Range32, Table, TableKind},
    NONE,
};

use super::super::{Options, Pass};
use super::rule::Lowering;
use super::value::{pair, Operand};
use crate::rare::Rare;
use crate::ruleset::expr::BitOp;
use crate::ruleset::set::{Anonymous, Data, Element, ElementData, SetRef};
use crate::ruleset::statement::Require;
use crate::ruleset::{Expr, Match, Op, Test};

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

impl<'a> Lowering<'_, 'a> {
    /// Appends a comparison.
    pub(super) fn comparison(&mut self, comparison: &'a Match) {
        match &comparison.test {
            Test::Lookup { negate, set } => self.lookup_set(&comparison.left, set, *negate),
            Test::Concat { negate, ranges } => self.concat(&comparison.left, *negate, ranges),
            Test::Dynamic { op, right } => {
                let left = self.value(&comparison.left);
                let right = self.value(right);
                let difference = self.combine(BitOp::Xor, left, right);
                self.bits(difference, *op == Op::Ne, u128::MAX, 0);
            }
            test => {
                let parts = comparison.left.parts();
                let bits = parts.first().map_or(32, |part| part.bits);
                let operand = self.value(&comparison.left);
                self.question(operand, bits, test);
            }
        }
    }

    /// Appends what nft leaves unsaid.
    pub(super) fn require(&mut self, require: &Require) {
        let operand = self.source(require.source);
        match require.values.as_slice() {
            [value] => self.bits(operand, false, require.mask, *value),
            values => {
                let mut ranges: Vec<_> = values.iter().map(|value| (*value, *value)).collect();
                ranges.sort_unstable();
                ranges.dedup();
                self.lookup(operand, false, require.mask, &ranges);
            }
        }
    }

    fn question(&mut self, operand: Operand, bits: u32, test: &Test) {
        let max = max(bits);
        let (negate, question) = question(max, test, self.options);
        match question {
            Question::Never => self.bits(operand, !negate, 0, 0),
            Question::Bits(mask, value) if value & !mask != 0 => {
                self.bits(operand, !negate, 0, 0);
            }
            Question::Bits(mask, value) => {
                let mask = if mask == max { u128::MAX } else { mask };
                self.bits(operand, negate, mask, value);
            }
            Question::Within(mask, lo, hi) if mask == max => {
                self.within(operand, negate, lo, hi);
            }
            Question::Within(mask, lo, hi) => self.lookup(operand, negate, mask, &[(lo, hi)]),
            Question::In(mask, ranges) => {
                let mask = if mask == max { u128::MAX } else { mask };
                self.lookup(operand, negate, mask, ranges);
            }
        }
    }

    /// `field & mask == value`.
    pub(super) fn bits(&mut self, operand: Operand, negate: bool, mask: u128, value: u128) {
        if operand.is_wide() {
            let pair = self.pair(mask, value);
            self.test(Opcode::MatchWideMask, operand, negate, pair, 0);
        } else {
            self.test(
                Opcode::MatchMask,
                operand,
                negate,
                mask as u32,
                value as u32,
            );
        }
    }

    /// `lo <= field <= hi`.
    fn within(&mut self, operand: Operand, negate: bool, lo: u128, hi: u128) {
        if operand.is_wide() {
            let pair = self.pair(lo, hi);
            self.test(Opcode::MatchWideRange, operand, negate, pair, 0);
        } else {
            self.test(Opcode::MatchRange, operand, negate, lo as u32, hi as u32);
        }
    }

    /// `field & mask` in one of `ranges`.
    fn lookup(&mut self, operand: Operand, negate: bool, mask: u128, ranges: &[(u128, u128)]) {
        let table = self.out.tables.len() as u32;
        let count = ranges.len() as u32;
        if operand.is_wide() {
            let mask = self.pair(mask, 0);
            let first = self.out.wide_pairs.len() as u32;
            let pairs = ranges.iter().map(|(lo, hi)| pair(*lo, *hi));
            self.out.wide_pairs.extend(pairs);
            self.table(TableKind::RangesWide, first, count);
            self.test(Opcode::LookupWide, operand, negate, table, mask);
        } else {
            let first = self.out.ranges32.len() as u32;
            let pairs = ranges.iter().map(|(lo, hi)| Range32 {
                lo: *lo as u32,
                hi: *hi as u32,
            });
            self.out.ranges32.extend(pairs);
            self.table(TableKind::Ranges32, first, count);
            self.test(Opcode::Lookup, operand, negate, table, mask as u32);
        }
    }

    /// Appends a table.
    fn table(&mut self, kind: TableKind, first: u32, count: u32) {
        self.out.tables.push(Table {
            kind: kind as u8,
            first,
            count,
            ..Table::default()
        });
    }

    /// A key in a set of the kernel's.
    fn lookup_set(&mut self, left: &'a Expr, set: &'a SetRef, negate: bool) {
        let key = self.key(left);
        let set = self.set(set);
        self.lookup_key(key, set, negate);
    }

    fn lookup_key(&mut self, key: u32, set: u32, negate: bool) {
        self.push(Insn {
            opcode: Opcode::LookupSet as u8,
            flags: if negate { FLAG_NEGATE } else { 0 },
            target: NONE,
            a: set,
            b: key,
            ..Insn::default()
        });
    }

    /// A concatenation, part by part. Negated it is looked up in a set of one element: a part that
    /// differs must be told from one that is absent.
    fn concat(&mut self, left: &'a Expr, negate: bool, ranges: &[(u128, u128)]) {
        let Expr::Concat(parts) = left else { return };
        if negate {
            let key = self.key(left);
            let set = Anonymous {
                key: left.parts(),
                data: Data::None,
                interval: ranges.iter().any(|(lo, hi)| lo != hi),
                elements: vec![Element {
                    key: ranges.into(),
                    data: ElementData::None,
                    more: Rare::default(),
                }],
            };
            let identity = self.next_set();
            let set = self
                .out
                .anonymous_set(Cow::Owned(set), identity, self.placed);
            self.lookup_key(key, set, true);
            return;
        }
        for (part, (lo, hi)) in parts.iter().zip(ranges) {
            let operand = self.value(part);
            match lo == hi {
                true => self.bits(operand, false, u128::MAX, *lo),
                false => self.within(operand, false, *lo, *hi),
            }
        }
    }

    /// Appends a match, whose way out is the end of the rule, not known yet.
    fn test(&mut self, opcode: Opcode, operand: Operand, negate: bool, a: u32, b: u32) {
        self.push(Insn {
            opcode: opcode as u8,
            field: operand.field,
            flags: if negate { FLAG_NEGATE } else { 0 },
            target: NONE,
            a,
            b,
        });
    }
}

/// The largest value of `bits` bits.
fn max(bits: u32) -> u128 {
    u128::MAX >> (128 - bits.clamp(1, 128))
}

/// Whether the answer is to be turned round, and the question.
fn question(max: u128, test: &Test, options: Options) -> (bool, Question<'_>) {
    match test {
        Test::Compare {
            mask, op, value, ..
        } => compare(max, *mask, *op, *value),
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
            [(lo, hi)] if options.runs(Pass::UnwrapSets) && lo == hi => {
                (*negate, Question::Bits(*mask, *lo))
            }
            [(lo, hi)] if options.runs(Pass::UnwrapSets) => {
                (*negate, Question::Within(*mask, *lo, *hi))
            }
            ranges => (*negate, Question::In(*mask, ranges)),
        },
        Test::Lookup { negate, .. } | Test::Concat { negate, .. } => (*negate, Question::Never),
        Test::Dynamic { .. } => (false, Question::Never),
    }
}

/// Comparison operators as questions.
fn compare(max: u128, mask: u128, op: Op, value: u128) -> (bool, Question<'static>) {
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
