// SPDX-License-Identifier: GPL-2.0
//! Expressions: from words to what has a value when a packet comes.
//!
//! A constant means nothing by itself: it is read as what it is compared with, assigned to or looked up in.
//! So expressions are checked with the type that is expected of them, where there is one.

use super::context::Context;
use super::datatype::Datatype;
use super::error::{CheckError, CheckErrorKind};
use super::expr::{Argument, BitOp, Constant, Expr as Typed};
use super::selector::max;
use super::set::{Data, Part, Set, SetRef};
use super::statement::Require;
use super::value::{is_constant, resolve, Constant as Value, Reader};
use super::Table;
use crate::lang::syntax::{BinaryOp, Expr, ExprKind, Ident};
use crate::source::Span;

pub(super) type Checked<T> = Result<T, CheckError>;

/// Most parts of a concatenation.
const MAX_PARTS: usize = ferrule_uapi::set::KEY_PARTS;

/// Checks the expressions and statements of one rule.
pub(super) struct Checker<'a> {
    pub(super) reader: Reader<'a>,
    /// The table that the rule is in: its sets and objects.
    pub(super) table: &'a Table,
    pub(super) context: Context,
    /// What has to be asked before the present statement.
    pub(super) asked: Vec<Require>,
    /// What has to be asked before the whole rule.
    pub(super) asked_first: Vec<Require>,
    /// Only the type matters (`typeof`): nothing is asked, nothing conflicts.
    pub(super) typeof_only: bool,
    /// Sets that meters of the rule declare.
    pub(super) meters: Vec<Set>,
}

fn refuse<T>(kind: CheckErrorKind, span: Span) -> Checked<T> {
    Err(CheckError::new(kind, span))
}

/// As in nft, an address of a connection that says no family is no part of a key.
fn of_a_family(typed: &Typed, span: Span) -> Checked<()> {
    match typed {
        Typed::Select(select) => match (&*select.argument, select.selector.name) {
            (Argument::Direction(_, None), "saddr" | "daddr") => {
                refuse(CheckErrorKind::NeedsFamily("ct original ip saddr"), span)
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// A number of any meaning with so many bits.
const fn number(bits: u32) -> Part {
    Part {
        datatype: Datatype::Integer,
        bits,
    }
}

impl<'a> Checker<'a> {
    pub(super) fn new(reader: Reader<'a>, table: &'a Table) -> Self {
        Self {
            reader,
            table,
            context: Context::new(table.family),
            asked: Vec::new(),
            asked_first: Vec::new(),
            typeof_only: false,
            meters: Vec::new(),
        }
    }

    /// An expression; constants in it are read as `expected`.
    pub(super) fn expr(&mut self, expr: &Expr, expected: Option<Part>) -> Checked<Typed> {
        if let Some(select) = self.select(expr)? {
            self.comparable(&select, expr.span)?;
            return Ok(Typed::Select(select));
        }
        match &expr.kind {
            ExprKind::Variable(value) => self.expr(value, expected),
            ExprKind::Binary(..) if !is_constant(expr) => self.binary(expr, expected),
            ExprKind::Concat(items) => self.concat(items, expr.span),
            ExprKind::Map(key, map) => self.map(key, map, expected),
            ExprKind::Numgen {
                random,
                modulus,
                offset,
            } => {
                let (modulus, offset) = modulo(*modulus, *offset, expr.span)?;
                let random = *random;
                Ok(Typed::Numgen {
                    random,
                    modulus,
                    offset,
                })
            }
            ExprKind::Jhash {
                expr: key,
                modulus,
                seed,
                offset,
            } => {
                let (modulus, offset) = modulo(*modulus, *offset, expr.span)?;
                let seed = match seed.map(u32::try_from) {
                    None => None,
                    Some(Ok(seed)) => Some(seed),
                    Some(Err(_)) => return refuse(too_large(seed.unwrap_or(0)), expr.span),
                };
                let key = Box::new(self.expr(key, None)?);
                Ok(Typed::Jhash {
                    key,
                    modulus,
                    seed,
                    offset,
                })
            }
            ExprKind::Symhash { modulus, offset } => {
                let (modulus, offset) = modulo(*modulus, *offset, expr.span)?;
                Ok(Typed::Symhash { modulus, offset })
            }
            _ => self.constant(expr, expected).map(Typed::Constant),
        }
    }

    /// One number of the type that is expected.
    fn constant(&self, expr: &Expr, expected: Option<Part>) -> Checked<Constant> {
        let Some(part) = expected else {
            let kind = match is_constant(expr) {
                true => CheckErrorKind::NotSelector,
                false => CheckErrorKind::NotExpression,
            };
            return refuse(kind, expr.span);
        };
        match self.reader.constant(expr, part)? {
            Value::Value(value) => Ok(Constant {
                value,
                datatype: part.datatype,
                bits: part.bits,
            }),
            _ => refuse(CheckErrorKind::NotConstant, expr.span),
        }
    }

    fn binary(&mut self, expr: &Expr, expected: Option<Part>) -> Checked<Typed> {
        let ExprKind::Binary(op, left, right) = &expr.kind else {
            return refuse(CheckErrorKind::NotExpression, expr.span);
        };
        let op = match op {
            BinaryOp::Shl | BinaryOp::Shr => {
                return self.shift(*op == BinaryOp::Shl, left, right, expected)
            }
            BinaryOp::And => BitOp::And,
            BinaryOp::Or => BitOp::Or,
            BinaryOp::Xor => BitOp::Xor,
        };
        let (left, right) = match (is_constant(left), is_constant(right)) {
            (true, _) => {
                let typed = self.expr(right, expected)?;
                let part = one_part(&typed, expected, right.span)?;
                (Typed::Constant(self.operand(left, part)?), typed)
            }
            (_, true) => {
                let typed = self.expr(left, expected)?;
                let part = one_part(&typed, expected, left.span)?;
                let mut operand = self.operand(right, part)?;
                if matches!(typed, Typed::Shift { .. }) {
                    // What was shifted means nothing any more.
                    operand.datatype = Datatype::Hex;
                }
                (typed, Typed::Constant(operand))
            }
            _ => {
                let (typed, other) = (self.expr(left, expected)?, self.expr(right, expected)?);
                one_part(&typed, expected, left.span)?;
                one_part(&other, expected, right.span)?;
                (typed, other)
            }
        };
        let (left, right) = (Box::new(left), Box::new(right));
        Ok(Typed::Bitwise { op, left, right })
    }

    /// The constant side of an operator: read as the other side's type.
    fn operand(&self, expr: &Expr, part: Part) -> Checked<Constant> {
        self.constant(expr, Some(part))
    }

    fn shift(
        &mut self,
        left: bool,
        expr: &Expr,
        by: &Expr,
        expected: Option<Part>,
    ) -> Checked<Typed> {
        if !is_constant(by) {
            return refuse(CheckErrorKind::NotConstant, by.span);
        }
        let typed = self.expr(expr, expected)?;
        let part = one_part(&typed, expected, expr.span)?;
        let value = self.reader.value(by, number(32))?;
        let most = u128::from(part.bits.clamp(32, 127));
        if value > most {
            return refuse(CheckErrorKind::OutOfRange { value, max: most }, by.span);
        }
        let expr = Box::new(typed);
        let by = value as u32;
        Ok(Typed::Shift { left, expr, by })
    }

    fn concat(&mut self, items: &[Expr], span: Span) -> Checked<Typed> {
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            let typed = self.expr(item, None)?;
            of_a_family(&typed, item.span)?;
            match typed {
                Typed::Concat(inner) => parts.extend(inner),
                part => parts.push(part),
            }
        }
        if parts.len() > MAX_PARTS {
            return refuse(CheckErrorKind::TooManyParts(MAX_PARTS), span);
        }
        Ok(Typed::Concat(parts))
    }

    fn map(&mut self, key: &Expr, map: &Expr, expected: Option<Part>) -> Checked<Typed> {
        let typed = self.expr(key, None)?;
        of_a_family(&typed, key.span)?;
        let parts = typed.parts();
        let map = resolve(map);
        let (map, data) = match &map.kind {
            ExprKind::Named(ident) => {
                let set = self.named(ident)?;
                self.fits(&parts, set, key.span, ident.span)?;
                match &set.data {
                    Data::Value(data) if data.len() == 1 => {
                        (SetRef::Named(set.name.clone()), data[0])
                    }
                    _ => return refuse(CheckErrorKind::NotMap(set.name.to_string()), ident.span),
                }
            }
            ExprKind::Set(elements) => {
                let Some(data) = expected else {
                    return refuse(CheckErrorKind::NoDataType, map.span);
                };
                let kind = Data::Value(vec![data]);
                (self.anonymous(parts, kind, elements, map.span)?, data)
            }
            _ => return refuse(CheckErrorKind::NeedsMap, map.span),
        };
        let key = Box::new(typed);
        Ok(Typed::Map { key, map, data })
    }

    /// A set of the table.
    pub(super) fn named(&self, ident: &Ident) -> Checked<&'a Set> {
        let name = self.reader.names.get(ident.name);
        match self.table.set(name) {
            Some(set) => Ok(set),
            None => {
                let names = self.table.sets.iter().map(|set| &*set.name);
                let similar = super::error::similar(name, names);
                refuse(CheckErrorKind::NoSet(name.to_string(), similar), ident.span)
            }
        }
    }

    /// Whether what is looked up is of the type of the set's keys.
    pub(super) fn fits(
        &self,
        parts: &[Part],
        set: &Set,
        span: Span,
        set_span: Span,
    ) -> Checked<()> {
        let same = parts.len() == set.key.len()
            && parts.iter().zip(&set.key).all(|(a, b)| compatible(*a, *b));
        if same {
            return Ok(());
        }
        let kind = CheckErrorKind::KeyType {
            set: set.name.to_string(),
            expected: type_text(&set.key),
            found: type_text(parts),
        };
        Err(CheckError {
            kind,
            span,
            others: vec![(set_span, "of this set")],
        })
    }
}

/// Words of a key for the registers: what is rounded up to the same length compares as a whole.
fn words(bits: u32) -> u32 {
    bits.div_ceil(32)
}

/// Whether values of one type may stand for values of the other.
pub(super) fn compatible(a: Part, b: Part) -> bool {
    let numbers = a.datatype.is_number() || b.datatype.is_number();
    let strings = a.datatype.is_string() && b.datatype.is_string();
    if a.datatype == b.datatype || strings {
        return words(a.bits) == words(b.bits);
    }
    numbers && words(a.bits) == words(b.bits) && !a.datatype.is_string() && !b.datatype.is_string()
}

/// Types as nft writes them: `ipv4_addr . inet_service`.
pub(super) fn type_text(parts: &[Part]) -> String {
    let names: Vec<&str> = parts.iter().map(|part| part.datatype.name()).collect();
    names.join(" . ")
}

/// The type of one side of an operator, as wide as the result may be.
fn one_part(typed: &Typed, expected: Option<Part>, span: Span) -> Checked<Part> {
    let parts = typed.parts();
    let [part] = parts[..] else {
        return refuse(CheckErrorKind::ConcatInOperator, span);
    };
    if part.datatype.is_string() {
        return refuse(CheckErrorKind::NameRange, span);
    }
    let bits = match (typed, expected) {
        (_, Some(expected)) => part.bits.max(expected.bits),
        // What was shifted may be wider than it was.
        (Typed::Shift { .. }, None) => part.bits.max(32),
        _ => part.bits,
    };
    Ok(Part { bits, ..part })
}

fn too_large(value: u64) -> CheckErrorKind {
    CheckErrorKind::OutOfRange {
        value: value.into(),
        max: max(32),
    }
}

/// `mod N offset N`: numbers up to 32 bits.
fn modulo(modulus: u64, offset: u64, span: Span) -> Checked<(u32, u32)> {
    let (Ok(small), Ok(start)) = (u32::try_from(modulus), u32::try_from(offset)) else {
        return refuse(too_large(modulus.max(offset)), span);
    };
    if small == 0 {
        return refuse(CheckErrorKind::Modulus, span);
    }
    match start.checked_add(small - 1) {
        Some(_) => Ok((small, start)),
        None => refuse(too_large(modulus + offset - 1), span),
    }
}
