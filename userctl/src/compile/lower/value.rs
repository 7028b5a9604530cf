// SPDX-License-Identifier: GPL-2.0
//! Values: which field or register an expression's value is in, and the instructions that put it there.

use std::borrow::Cow;

use ferrule_uapi::{
    expr::{Expr as Record, ExprKind},
    field::{Field, FIRST_WIDE},
    insn::{Insn, Opcode},
    program::{RangeWide, Wide},
    set::KeyPart,
    statement::{State, StateKind},
    NONE,
};

use super::super::records::{constant, key, part_len};
use super::rule::Lowering;
use crate::ruleset::expr::{BitOp, Source};
use crate::ruleset::set::{Part, SetRef};
use crate::ruleset::Expr;

/// A field that has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operand {
    /// Its number.
    pub(super) field: u8,
}

impl Operand {
    pub(super) fn is_wide(self) -> bool {
        self.field >= FIRST_WIDE
    }

    /// Every bit of the field.
    fn all(self) -> u128 {
        if self.is_wide() {
            u128::MAX
        } else {
            u32::MAX.into()
        }
    }
}

/// The codes of `Combine`.
fn combine_code(op: BitOp) -> u32 {
    match op {
        BitOp::And => 0,
        BitOp::Or => 1,
        BitOp::Xor => 2,
    }
}

impl<'a> Lowering<'_, 'a> {
    /// Works an expression out, which is no concatenation.
    pub(super) fn value(&mut self, expr: &'a Expr) -> Operand {
        match expr {
            Expr::Select(select) => self.source(select.source),
            Expr::Constant(number) => self.load(constant(number.value, number.bits)),
            Expr::Bitwise { op, left, right } => self.bitwise(*op, left, right),
            Expr::Shift { left, expr, by } => self.shift(*left, expr, *by),
            Expr::Concat(parts) => match parts.first() {
                // Checked: nothing but keys is a concatenation.
                Some(first) => self.value(first),
                None => self.load(constant(0, 32)),
            },
            Expr::Map { key, map, data } => self.map(key, map, *data),
            Expr::Numgen {
                random,
                modulus,
                offset,
            } => self.numgen(*random, *modulus, *offset),
            Expr::Jhash {
                key,
                modulus,
                seed,
                offset,
            } => self.jhash(key, *modulus, *seed, *offset),
            Expr::Symhash { modulus, offset } => self.load(Record {
                kind: ExprKind::Symhash as u8,
                bits: 32,
                a: *modulus,
                b: *offset,
                ..Record::default()
            }),
        }
    }

    /// The field itself, or a register that it is loaded into.
    pub(super) fn source(&mut self, source: Source) -> Operand {
        match source {
            Source::Field(field) => Operand { field: field as u8 },
            Source::Record(record) => self.load(record),
        }
    }

    /// Loads a record into a register.
    pub(super) fn load(&mut self, record: Record) -> Operand {
        let field = self.register(record.bits > 32);
        let index = self.out.exprs.add(record);
        self.push(Insn {
            opcode: Opcode::Load as u8,
            field,
            target: NONE,
            a: index,
            ..Insn::default()
        });
        Operand { field }
    }

    /// `left op right`; where one side is a number, it is an operand of the instruction.
    fn bitwise(&mut self, op: BitOp, left: &'a Expr, right: &'a Expr) -> Operand {
        let (expr, number) = match (left, right) {
            (expr, Expr::Constant(number)) | (Expr::Constant(number), expr) => (expr, number.value),
            _ => {
                let left = self.value(left);
                let right = self.value(right);
                return self.combine(op, left, right);
            }
        };
        let source = self.value(expr);
        let (mask, xor) = match op {
            BitOp::And => (number, 0),
            BitOp::Or => (!number, number),
            BitOp::Xor => (u128::MAX, number),
        };
        let wide = source.is_wide() || number > u32::MAX.into();
        self.masked(source, wide, mask, xor)
    }

    /// A register with `source & mask ^ xor`.
    fn masked(&mut self, source: Operand, wide: bool, mask: u128, xor: u128) -> Operand {
        let field = self.register(wide);
        let (opcode, a, b) = if wide {
            (Opcode::BitwiseWide, self.pair(mask, xor), 0)
        } else {
            (Opcode::Bitwise, mask as u32, xor as u32)
        };
        self.push(Insn {
            opcode: opcode as u8,
            field,
            flags: source.field.into(),
            target: NONE,
            a,
            b,
        });
        Operand { field }
    }

    /// A register with `left op right`, as wide as the wider of the two.
    pub(super) fn combine(&mut self, op: BitOp, left: Operand, right: Operand) -> Operand {
        let wide = left.is_wide() || right.is_wide();
        let left = self.widened(left, wide);
        let right = self.widened(right, wide);
        let field = self.register(wide);
        self.push(Insn {
            opcode: Opcode::Combine as u8,
            field,
            flags: u16::from(left.field) | u16::from(right.field) << 8,
            target: NONE,
            a: combine_code(op),
            b: 0,
        });
        Operand { field }
    }

    /// The operand, or a wide register with its value.
    fn widened(&mut self, operand: Operand, wide: bool) -> Operand {
        if wide && !operand.is_wide() {
            self.masked(operand, true, u128::MAX, 0)
        } else {
            operand
        }
    }

    /// The operand, or a register with its value if it is a field that is no register.
    pub(super) fn in_register(&mut self, operand: Operand) -> Operand {
        match Field::from_raw(operand.field) {
            Some(field) if field.is_register() => operand,
            _ => self.masked(operand, operand.is_wide(), operand.all(), 0),
        }
    }

    fn shift(&mut self, left: bool, expr: &'a Expr, by: u32) -> Operand {
        let source = self.value(expr);
        let field = self.register(source.is_wide());
        self.push(Insn {
            opcode: Opcode::Shift as u8,
            field,
            flags: source.field.into(),
            target: NONE,
            a: by,
            b: u32::from(!left),
        });
        Operand { field }
    }

    /// What a map has for a key.
    fn map(&mut self, expr: &'a Expr, map: &'a SetRef, data: Part) -> Operand {
        let key = self.key(expr);
        let set = self.set(map);
        let field = self.register(data.bits > 32);
        self.push(Insn {
            opcode: Opcode::LookupMap as u8,
            field,
            target: NONE,
            a: set,
            b: key,
            ..Insn::default()
        });
        Operand { field }
    }

    fn numgen(&mut self, random: bool, modulus: u32, offset: u32) -> Operand {
        let state = match random {
            true => 0,
            false => {
                let identity = self.out.next_state(self.rule.handle);
                self.out.states.push(State {
                    identity,
                    kind: StateKind::Number as u8,
                    owner: self.number,
                    ..State::default()
                })
            }
        };
        self.load(Record {
            kind: ExprKind::Numgen as u8,
            key: u8::from(random),
            bits: 32,
            a: modulus,
            b: offset,
            c: state,
            ..Record::default()
        })
    }

    fn jhash(&mut self, expr: &'a Expr, modulus: u32, seed: Option<u32>, offset: u32) -> Operand {
        let key = self.key(expr);
        // Any number will do, as long as it stays the same while the rule does.
        let seed = seed.unwrap_or((self.rule.handle as u32).wrapping_mul(0x9e37_79b9));
        self.load(Record {
            kind: ExprKind::Jhash as u8,
            bits: 32,
            a: modulus,
            b: offset,
            c: seed,
            d: key,
            ..Record::default()
        })
    }

    /// Number of the key that `expr` is, part by part.
    pub(super) fn key(&mut self, expr: &'a Expr) -> u32 {
        let parts: Vec<&'a Expr> = match expr {
            Expr::Concat(parts) => parts.iter().collect(),
            single => vec![single],
        };
        let mut fields = Vec::with_capacity(parts.len());
        for part in parts {
            let bits = part.parts().iter().map(|part| part.bits).sum();
            let operand = self.value(part);
            fields.push(KeyPart {
                field: operand.field,
                len: part_len(bits),
            });
        }
        self.out.keys.add(key(&fields))
    }

    /// Number of the set that is referred to.
    pub(super) fn set(&mut self, set: &'a SetRef) -> u32 {
        match set {
            SetRef::Named(name) => self.out.named(self.placed.table, name),
            SetRef::Anonymous(set) => {
                let identity = self.next_set();
                self.out
                    .anonymous_set(Cow::Borrowed(set), identity, self.placed)
            }
        }
    }

    /// Appends a pair of wide constants and says where it is.
    pub(super) fn pair(&mut self, lo: u128, hi: u128) -> u32 {
        self.out.wide_pairs.push(pair(lo, hi));
        self.out.wide_pairs.len() as u32 - 1
    }
}

/// Two numbers as a pair of wide constants.
pub(super) fn pair(lo: u128, hi: u128) -> RangeWide {
    let wide = |number: u128| Wide {
        hi: (number >> 64) as u64,
        lo: number as u64,
    };
    RangeWide {
        lo: wide(lo),
        hi: wide(hi),
    }
}
