// SPDX-License-Identifier: GPL-2.0
//! Constants: the right-hand side of a comparison.

use super::datatype::Datatype;
use super::error::{CheckError, CheckErrorKind};
use super::selector::max;
use super::set::Part;
use super::{Environment, NameList};
use crate::lang::syntax::{BinaryOp, Expr, ExprKind, Names};
use crate::source::Span;

/// What an expression comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constant {
    Value(u128),
    /// The bits of `mask` are those of `value`.
    Prefix {
        value: u128,
        mask: u128,
    },
    Range(u128, u128),
}

/// Reads constants of a type.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) names: &'a Names,
    pub(super) environment: &'a dyn Environment,
}

type Checked<T> = Result<T, CheckError>;

fn refuse<T>(kind: CheckErrorKind, span: Span) -> Checked<T> {
    Err(CheckError::new(kind, span))
}

impl Reader<'_> {
    /// A value, a prefix or a range.
    pub(super) fn constant(&self, expr: &Expr, part: Part) -> Checked<Constant> {
        match &expr.kind {
            ExprKind::Variable(value) => self.constant(value, part),
            ExprKind::Prefix(..) | ExprKind::Range(..) if part.datatype.is_string() => {
                refuse(CheckErrorKind::NameRange, expr.span)
            }
            ExprKind::Prefix(value, len) => self.prefix(value, *len, expr.span, part),
            ExprKind::Range(lo, hi) => {
                let (lo, hi) = (self.value(lo, part)?, self.value(hi, part)?);
                match lo.cmp(&hi) {
                    std::cmp::Ordering::Less => Ok(Constant::Range(lo, hi)),
                    std::cmp::Ordering::Equal => Ok(Constant::Value(lo)),
                    std::cmp::Ordering::Greater => refuse(CheckErrorKind::NegativeRange, expr.span),
                }
            }
            ExprKind::Wild(name) if part.datatype == Datatype::IfName => {
                self.interface_pattern(self.names.get(*name), expr.span)
            }
            ExprKind::Quoted(name) | ExprKind::Word(name) if part.datatype == Datatype::IfName => {
                self.interface_pattern(self.names.get(*name), expr.span)
            }
            _ => self.value(expr, part).map(Constant::Value),
        }
    }

    fn prefix(&self, expr: &Expr, len: u64, span: Span, part: Part) -> Checked<Constant> {
        let value = self.value(expr, part)?;
        let bits = part.bits;
        if len > bits.into() {
            return refuse(CheckErrorKind::PrefixLength { len, bits }, span);
        }
        let open = bits - len as u32;
        let mask = max(part.bits) & u128::MAX.checked_shl(open).unwrap_or(0);
        Ok(Constant::Prefix {
            value: value & mask,
            mask,
        })
    }

    /// One value, checked against the width of the field.
    pub(super) fn value(&self, expr: &Expr, part: Part) -> Checked<u128> {
        let value = self.number(expr, part)?;
        let max = max(part.bits);
        if value > max {
            return refuse(CheckErrorKind::OutOfRange { value, max }, expr.span);
        }
        Ok(value)
    }

    fn number(&self, expr: &Expr, part: Part) -> Checked<u128> {
        match &expr.kind {
            ExprKind::Number(number) => self.bare_number(*number, expr.span, part),
            ExprKind::Time(millis) => match part.datatype {
                Datatype::Duration => Ok((*millis).into()),
                Datatype::Time => Ok(u128::from(*millis) * 1_000_000),
                datatype => refuse(bad_value(datatype, &format!("{millis} ms")), expr.span),
            },
            ExprKind::Word(name) | ExprKind::Quoted(name) | ExprKind::Wild(name) => {
                self.word(self.names.get(*name), expr.span, part)
            }
            ExprKind::Variable(value) => self.number(value, part),
            ExprKind::Binary(op, left, right) => {
                let left = self.number(left, part)?;
                let right = match op {
                    BinaryOp::Shl | BinaryOp::Shr => self.number(right, COUNT)?,
                    _ => self.number(right, part)?,
                };
                fold(*op, left, right).ok_or_else(|| overflow(left, part, expr.span))
            }
            ExprKind::List(items) if part.datatype.is_bitmask() => items
                .iter()
                .try_fold(0, |all, item| Ok(all | self.number(item, part)?)),
            ExprKind::List(_) => refuse(CheckErrorKind::NotBitmask, expr.span),
            _ => refuse(CheckErrorKind::NotConstant, expr.span),
        }
    }

    /// A number without a unit: in a length of time, seconds.
    fn bare_number(&self, number: u64, span: Span, part: Part) -> Checked<u128> {
        let wide = u128::from(number);
        match part.datatype {
            Datatype::IfName | Datatype::String => interface_name(&number.to_string(), span),
            Datatype::Time => Ok(wide * 1_000_000_000),
            Datatype::Duration => Ok(wide * 1_000),
            Datatype::CtLabel if number < 128 => Ok(1 << number),
            Datatype::CtLabel => refuse(
                CheckErrorKind::OutOfRange {
                    value: wide,
                    max: 127,
                },
                span,
            ),
            _ => Ok(wide),
        }
    }

    fn word(&self, text: &str, span: Span, part: Part) -> Checked<u128> {
        match part.datatype {
            Datatype::IfName => match self.interface_pattern(text, span)? {
                Constant::Value(value) => Ok(value),
                _ => refuse(CheckErrorKind::NotConstant, span),
            },
            Datatype::String => interface_name(text, span),
            Datatype::IfIndex => {
                let index = self.environment.interface_index(text);
                match index.or_else(|| text.parse().ok()) {
                    Some(index) => Ok(index.into()),
                    None => refuse(CheckErrorKind::NoInterface(text.to_owned()), span),
                }
            }
            datatype => {
                let value = datatype.read(text).or_else(|| self.ask(datatype, text));
                value.ok_or_else(|| CheckError::new(bad_value(datatype, text), span))
            }
        }
    }

    /// What the machine knows by this name.
    fn ask(&self, datatype: Datatype, text: &str) -> Option<u128> {
        let environment = self.environment;
        let number = match datatype {
            Datatype::Uid => environment.user(text),
            Datatype::Gid => environment.group(text),
            Datatype::CgroupV2 => return environment.cgroup(text).map(u128::from),
            Datatype::Mark => environment.number(NameList::Marks, text),
            Datatype::Realm => environment.number(NameList::Realms, text),
            Datatype::DevGroup => environment.number(NameList::DeviceGroups, text),
            Datatype::CtLabel => {
                let bit = environment.number(NameList::ConnectionLabels, text)?;
                return 1_u128.checked_shl(bit);
            }
            _ => None,
        };
        number.map(u128::from)
    }

    /// The name of an interface; with an asterisk at the end, all names that begin so. `\*` is an
    /// asterisk that belongs to the name.
    fn interface_pattern(&self, text: &str, span: Span) -> Checked<Constant> {
        if text == "*" {
            return refuse(CheckErrorKind::AllWildcard, span);
        }
        if let Some(start) = text.strip_suffix("\\*") {
            return interface_name(&format!("{start}*"), span).map(Constant::Value);
        }
        let Some(start) = text.strip_suffix('*') else {
            return interface_name(text, span).map(Constant::Value);
        };
        let start = match start.strip_suffix("\\*") {
            Some(start) => format!("{start}*"),
            None => start.to_owned(),
        };
        let value = interface_name(&start, span)?;
        let mask = u128::MAX << (128 - 8 * start.len());
        Ok(Constant::Prefix { value, mask })
    }
}

/// Sixteen bytes, padded with zeros, as a number.
fn interface_name(text: &str, span: Span) -> Checked<u128> {
    if text.is_empty() {
        return refuse(CheckErrorKind::EmptyName, span);
    }
    let mut bytes = [0; 16];
    match bytes.get_mut(..text.len()) {
        Some(start) if text.len() < 16 => start.copy_from_slice(text.as_bytes()),
        _ => return refuse(CheckErrorKind::NameTooLong, span),
    }
    Ok(u128::from_be_bytes(bytes))
}

/// By how many bits something is shifted.
const COUNT: Part = Part {
    datatype: Datatype::Integer,
    bits: 32,
};

fn bad_value(datatype: Datatype, text: &str) -> CheckErrorKind {
    CheckErrorKind::BadValue {
        text: text.to_owned(),
        expected: datatype.describe(),
        similar: datatype.similar(text),
    }
}

/// Whether an expression is constant, variables resolved.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_)
        | ExprKind::Word(_)
        | ExprKind::Quoted(_)
        | ExprKind::Wild(_)
        | ExprKind::Time(_)
        | ExprKind::Prefix(..)
        | ExprKind::Range(..) => true,
        ExprKind::Variable(value) => is_constant(value),
        ExprKind::Binary(_, left, right) => is_constant(left) && is_constant(right),
        ExprKind::List(items) | ExprKind::Concat(items) => items.iter().all(is_constant),
        _ => false,
    }
}

/// The expression that a variable stands for.
pub(super) fn resolve(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Variable(value) => resolve(value),
        _ => expr,
    }
}

fn overflow(value: u128, part: Part, span: Span) -> CheckError {
    CheckError::new(
        CheckErrorKind::OutOfRange {
            value,
            max: max(part.bits),
        },
        span,
    )
}

/// Works out `left op right`. `None` if the result has more than 128 bits.
pub(super) fn fold(op: BinaryOp, left: u128, right: u128) -> Option<u128> {
    match op {
        BinaryOp::And => Some(left & right),
        BinaryOp::Or => Some(left | right),
        BinaryOp::Xor => Some(left ^ right),
        BinaryOp::Shl => {
            let by = u32::try_from(right).ok()?;
            let shifted = left.checked_shl(by)?;
            (shifted >> by == left).then_some(shifted)
        }
        BinaryOp::Shr => Some(
            u32::try_from(right)
                .ok()
                .and_then(|by| left.checked_shr(by))
                .unwrap_or(0),
        ),
    }
}
