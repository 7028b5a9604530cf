// SPDX-License-Identifier: GPL-2.0
//! Comparisons: a left side, an operator and a right side become a [`Match`].

use super::context::Context;
use super::datatype::Datatype;
use super::error::{CheckError, CheckErrorKind};
use super::selector::{find, Lookup, Selector};
use super::value::{Constant, Reader};
use super::{Match, Op, Test};
use crate::lang::syntax::{BinaryOp, Expr, ExprKind, Relation};
use crate::source::Span;

type Checked<T> = Result<T, CheckError>;

const NO_ARITHMETIC: &str = "mask with `&` and compare with a constant";

/// The left side: a selector, and the bits of it that are compared.
struct Left {
    selector: &'static Selector,
    mask: u128,
    span: Span,
}

/// A comparison being checked.
pub(super) struct Matching<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) context: &'a mut Context,
}

fn refuse<T>(kind: CheckErrorKind, span: Span) -> Checked<T> {
    Err(CheckError::new(kind, span))
}

pub(super) fn unsupported(feature: impl Into<String>, hint: &'static str) -> CheckErrorKind {
    CheckErrorKind::Unsupported {
        feature: feature.into(),
        hint,
    }
}

impl Matching<'_> {
    /// `left [op] right`.
    pub(super) fn compare(
        &mut self,
        left: &Expr,
        op: Option<Relation>,
        right: &Expr,
    ) -> Checked<Match> {
        let left = self.left(left)?;
        let family = self.enter(&left)?;
        let test = match resolve(right) {
            Expr {
                kind: ExprKind::Set(items),
                span,
            } => self.set(&left, op, items, *span)?,
            _ => self.single(&left, op, right)?,
        };
        Ok(Match {
            selector: left.selector,
            test,
            family,
        })
    }

    /// `left [op] value / mask`.
    pub(super) fn masked(
        &mut self,
        left: &Expr,
        op: Option<Relation>,
        value: &Expr,
        mask: &Expr,
    ) -> Checked<Match> {
        let left = self.left(left)?;
        let family = self.enter(&left)?;
        if !left.selector.datatype.is_bitmask() {
            return refuse(CheckErrorKind::NotBitmask, mask.span);
        }
        let op = match op {
            None | Some(Relation::Eq) => Op::Eq,
            Some(Relation::Ne) => Op::Ne,
            Some(other) => return refuse(relation(other, "a mask"), value.span),
        };
        let value = self.reader.value(value, left.selector)?;
        let mask = self.reader.value(mask, left.selector)?;
        let test = Test::Compare { mask, op, value };
        Ok(Match {
            selector: left.selector,
            test,
            family,
        })
    }

    fn enter(&mut self, left: &Left) -> Checked<Option<ferrule_uapi::hook::Family>> {
        let result = self.context.use_selector(left.selector);
        result.map_err(|kind| CheckError::new(kind, left.span))
    }

    fn left(&self, expr: &Expr) -> Checked<Left> {
        match &expr.kind {
            ExprKind::Binary(BinaryOp::And, inner, mask) => {
                let left = self.left(inner)?;
                if left.selector.datatype == Datatype::IfName {
                    return refuse(CheckErrorKind::NameRange, expr.span);
                }
                let mask = self.reader.value(mask, left.selector)?;
                Ok(Left {
                    mask: left.mask & mask,
                    span: left.span,
                    ..left
                })
            }
            ExprKind::Binary(..) => {
                let feature = "arithmetic other than `&` on a field";
                refuse(unsupported(feature, NO_ARITHMETIC), expr.span)
            }
            _ => {
                let selector = selector_of(expr, &self.reader)?;
                Ok(Left {
                    selector,
                    mask: selector.max(),
                    span: expr.span,
                })
            }
        }
    }

    fn single(&mut self, left: &Left, op: Option<Relation>, right: &Expr) -> Checked<Test> {
        let selector = left.selector;
        let constant = self.reader.constant(right, selector)?;
        let plain = left.mask == selector.max();
        let compare = |op, value| Test::Compare {
            mask: left.mask,
            op,
            value,
        };
        match (constant, op) {
            (Constant::Value(bits), Some(Relation::Not)) => {
                if !selector.datatype.is_bitmask() {
                    return refuse(CheckErrorKind::NotNegatable, right.span);
                }
                Ok(Test::Compare {
                    mask: left.mask & bits,
                    op: Op::Eq,
                    value: 0,
                })
            }
            (Constant::Value(bits), None) if plain && selector.datatype.is_bitmask() => {
                Ok(Test::Compare {
                    mask: bits,
                    op: Op::Ne,
                    value: 0,
                })
            }
            (Constant::Value(value), None | Some(Relation::Eq)) => {
                if plain {
                    self.context.learn(selector, &[value]);
                }
                Ok(compare(Op::Eq, value))
            }
            (Constant::Value(value), Some(op)) => Ok(compare(op_of(op), value)),
            (constant, None | Some(Relation::Eq)) => Ok(wide(left, constant, false)),
            (constant, Some(Relation::Ne)) => Ok(wide(left, constant, true)),
            (Constant::Range(..), Some(op)) => refuse(relation(op, "a range"), right.span),
            (_, Some(op)) => refuse(relation(op, "a prefix"), right.span),
        }
    }

    fn set(
        &mut self,
        left: &Left,
        op: Option<Relation>,
        items: &[Expr],
        span: Span,
    ) -> Checked<Test> {
        let negate = match op {
            None | Some(Relation::Eq) => false,
            Some(Relation::Ne) => true,
            Some(op) => return refuse(relation(op, "a set"), span),
        };
        let mut constants = Vec::with_capacity(items.len());
        self.elements(left.selector, items, &mut constants)?;
        if constants.is_empty() {
            return refuse(CheckErrorKind::NotConstant, span);
        }
        let only_values = constants
            .iter()
            .all(|constant| matches!(constant, Constant::Value(_)));
        let mut ranges: Vec<(u128, u128)> = constants.iter().map(|c| span_of(*c, left)).collect();
        ranges.sort_unstable();
        // Names that begin alike do not touch: what lies between them is no name.
        let joins = !only_values && left.selector.datatype != Datatype::IfName;
        merge(&mut ranges, joins);
        if only_values && !negate {
            let values: Vec<u128> = ranges.iter().map(|range| range.0).collect();
            self.context.learn(left.selector, &values);
        }
        if let [(lo, hi)] = ranges[..] {
            let wildest = constants
                .into_iter()
                .find(|constant| span_of(*constant, left) == (lo, hi));
            return Ok(wide(
                left,
                wildest.unwrap_or(Constant::Range(lo, hi)),
                negate,
            ));
        }
        Ok(Test::Set {
            mask: left.mask,
            negate,
            ranges,
        })
    }

    fn elements(
        &self,
        selector: &Selector,
        items: &[Expr],
        out: &mut Vec<Constant>,
    ) -> Checked<()> {
        for item in items {
            match &resolve(item).kind {
                ExprKind::Set(inner) => self.elements(selector, inner, out)?,
                _ => out.push(self.reader.constant(item, selector)?),
            }
        }
        Ok(())
    }
}

/// The selector that an expression names.
pub(super) fn selector_of(expr: &Expr, reader: &Reader<'_>) -> Checked<&'static Selector> {
    let (protocol, name) = match &expr.kind {
        ExprKind::Header(protocol, name) => (&**reader.names.get(*protocol), *name),
        ExprKind::Meta(name) => ("meta", *name),
        _ => return refuse(CheckErrorKind::NotSelector, expr.span),
    };
    let name = &**reader.names.get(name);
    let kind = match find(protocol, name) {
        Lookup::Found(selector) => return Ok(selector),
        Lookup::Unsupported => {
            let hint = "leave it out; later versions will have it";
            unsupported(format!("matching on `{protocol} {name}`"), hint)
        }
        Lookup::Unknown(similar) if protocol == "meta" => CheckErrorKind::UnknownMetaKey {
            key: name.to_owned(),
            similar,
        },
        Lookup::Unknown(similar) => CheckErrorKind::UnknownField {
            protocol: protocol.to_owned(),
            field: name.to_owned(),
            similar,
        },
    };
    refuse(kind, expr.span)
}

/// The expression that a variable stands for.
fn resolve(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Variable(value) => resolve(value),
        _ => expr,
    }
}

/// Equality with a constant of any kind.
fn wide(left: &Left, constant: Constant, negate: bool) -> Test {
    let op = if negate { Op::Ne } else { Op::Eq };
    match constant {
        Constant::Value(value) => Test::Compare {
            mask: left.mask,
            op,
            value,
        },
        Constant::Prefix { value, mask } => Test::Compare {
            mask: left.mask & mask,
            op,
            value,
        },
        Constant::Range(lo, hi) => Test::Range {
            mask: left.mask,
            negate,
            lo,
            hi,
        },
    }
}

fn span_of(constant: Constant, left: &Left) -> (u128, u128) {
    match constant {
        Constant::Value(value) => (value, value),
        Constant::Prefix { value, mask } => (value, value | left.selector.max() & !mask),
        Constant::Range(lo, hi) => (lo, hi),
    }
}

/// Joins sorted ranges that overlap; those that only touch too, if the set is one of intervals, as
/// nft does.
fn merge(ranges: &mut Vec<(u128, u128)>, touching: bool) {
    ranges.dedup_by(|next, last| {
        let joined = next.0 <= last.1 || (touching && next.0 - 1 == last.1);
        if joined {
            last.1 = last.1.max(next.1);
        }
        joined
    });
}

fn relation(op: Relation, what: &'static str) -> CheckErrorKind {
    let op = if op == Relation::Not {
        "!"
    } else {
        op_of(op).text()
    };
    CheckErrorKind::Relation { op, what }
}

fn op_of(relation: Relation) -> Op {
    match relation {
        Relation::Eq => Op::Eq,
        Relation::Ne | Relation::Not => Op::Ne,
        Relation::Lt => Op::Lt,
        Relation::Le => Op::Le,
        Relation::Gt => Op::Gt,
        Relation::Ge => Op::Ge,
    }
}
