// SPDX-License-Identifier: GPL-2.0
//! Constants: the right-hand side of a comparison.

use super::datatype::Datatype;
use super::error::{CheckError, CheckErrorKind};
use super::selector::Selector;
use super::Environment;
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

/// Reads constants of a selector's type.
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
    pub(super) fn constant(&self, expr: &Expr, selector: &Selector) -> Checked<Constant> {
        match &expr.kind {
            ExprKind::Variable(value) => self.constant(value, selector),
            ExprKind::Prefix(..) | ExprKind::Range(..) if selector.datatype == Datatype::IfName => {
                refuse(CheckErrorKind::NameRange, expr.span)
            }
            ExprKind::Prefix(value, len) => self.prefix(value, *len, expr.span, selector),
            ExprKind::Range(lo, hi) => {
                let (lo, hi) = (self.value(lo, selector)?, self.value(hi, selector)?);
                match lo.cmp(&hi) {
                    std::cmp::Ordering::Less => Ok(Constant::Range(lo, hi)),
                    std::cmp::Ordering::Equal => Ok(Constant::Value(lo)),
                    std::cmp::Ordering::Greater => refuse(CheckErrorKind::NegativeRange, expr.span),
                }
            }
            ExprKind::Wild(name) if selector.datatype == Datatype::IfName => {
                self.interface_pattern(self.names.get(*name), expr.span)
            }
            ExprKind::Quoted(name) if selector.datatype == Datatype::IfName => {
                self.interface_pattern(self.names.get(*name), expr.span)
            }
            _ => self.value(expr, selector).map(Constant::Value),
        }
    }

    fn prefix(&self, expr: &Expr, len: u64, span: Span, selector: &Selector) -> Checked<Constant> {
        let value = self.value(expr, selector)?;
        let bits = selector.bits;
        if len > bits.into() {
            return refuse(CheckErrorKind::PrefixLength { len, bits }, span);
        }
        let open = bits - len as u32;
        let mask = selector.max() & u128::MAX.checked_shl(open).unwrap_or(0);
        Ok(Constant::Prefix {
            value: value & mask,
            mask,
        })
    }

    /// One value, checked against the width of the field.
    pub(super) fn value(&self, expr: &Expr, selector: &Selector) -> Checked<u128> {
        let value = self.number(expr, selector)?;
        let max = selector.max();
        if value > max {
            return refuse(CheckErrorKind::OutOfRange { value, max }, expr.span);
        }
        Ok(value)
    }

    fn number(&self, expr: &Expr, selector: &Selector) -> Checked<u128> {
        match &expr.kind {
            ExprKind::Number(number) => {
                if selector.datatype == Datatype::IfName {
                    return interface_name(&number.to_string(), expr.span);
                }
                Ok(u128::from(*number))
            }
            ExprKind::Word(name) | ExprKind::Quoted(name) | ExprKind::Wild(name) => {
                self.word(self.names.get(*name), expr.span, selector)
            }
            ExprKind::Variable(value) => self.number(value, selector),
            ExprKind::Binary(op, left, right) => {
                let left = self.number(left, selector)?;
                let right = self.number(right, selector)?;
                fold(*op, left, right).ok_or_else(|| overflow(left, selector, expr.span))
            }
            ExprKind::List(items) if selector.datatype.is_bitmask() => items
                .iter()
                .try_fold(0, |all, item| Ok(all | self.number(item, selector)?)),
            ExprKind::List(_) => refuse(CheckErrorKind::NotBitmask, expr.span),
            _ => refuse(CheckErrorKind::NotConstant, expr.span),
        }
    }

    fn word(&self, text: &str, span: Span, selector: &Selector) -> Checked<u128> {
        match selector.datatype {
            Datatype::IfName => match self.interface_pattern(text, span)? {
                Constant::Value(value) => Ok(value),
                _ => refuse(CheckErrorKind::NotConstant, span),
            },
            Datatype::IfIndex => {
                let index = self.environment.interface_index(text);
                match index.or_else(|| text.parse().ok()) {
                    Some(index) => Ok(index.into()),
                    None => refuse(CheckErrorKind::NoInterface(text.to_owned()), span),
                }
            }
            datatype => match datatype.read(text) {
                Some(value) => Ok(value),
                None => {
                    let expected = datatype.describe();
                    let similar = datatype.similar(text);
                    let text = text.to_owned();
                    refuse(
                        CheckErrorKind::BadValue {
                            text,
                            expected,
                            similar,
                        },
                        span,
                    )
                }
            },
        }
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

fn overflow(value: u128, selector: &Selector, span: Span) -> CheckError {
    CheckError::new(
        CheckErrorKind::OutOfRange {
            value,
            max: selector.max(),
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
