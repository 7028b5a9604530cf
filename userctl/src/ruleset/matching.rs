// SPDX-License-Identifier: GPL-2.0
//! Comparisons: a left side, an operator and a right side become a [`Match`].

use super::datatype::Datatype;
use super::error::{CheckError, CheckErrorKind};
use super::expr::{BitOp, Constant, Expr as Typed};
use super::expression::{Checked, Checker};
use super::select::{byte_of, fib_presence};
use super::selector::max;
use super::set::{Data, Part, SetRef};
use super::value::{is_constant, resolve, Constant as Value};
use super::{Form, Match, Op, Test};
use crate::lang::syntax::{Element, Expr, ExprKind, Ident, Relation};
use crate::source::Span;

/// The left side, and the bits of it that are compared.
struct Left {
    typed: Typed,
    part: Part,
    mask: u128,
    span: Span,
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

impl Left {
    /// All bits of the value.
    fn whole(&self) -> u128 {
        max(self.part.bits)
    }

    fn is_plain(&self) -> bool {
        self.mask == self.whole()
    }
}

impl Checker<'_> {
    /// `left [op] right`.
    pub(super) fn compare(
        &mut self,
        left: &Expr,
        op: Option<Relation>,
        right: &Expr,
    ) -> Checked<Match> {
        let right = resolve(right);
        let typed = self.left_side(left, right)?;
        match &right.kind {
            ExprKind::Named(ident) => return self.lookup_named(typed, op, ident, left.span),
            ExprKind::Set(elements) => return self.any_of(typed, op, elements, left, right.span),
            _ => {}
        }
        if !is_constant(right) {
            return refuse(CheckErrorKind::RightSide, right.span);
        }
        if typed.parts().len() > 1 {
            return self.each_part(typed, op, right);
        }
        let left = unmask(typed, left.span)?;
        let test = self.single(&left, op, right)?;
        let prefix = matches!(right.kind, ExprKind::Prefix(..));
        Ok(as_listed(left, test, prefix))
    }

    /// The left side; `fib … oif exists` asks for less than it says.
    fn left_side(&mut self, left: &Expr, right: &Expr) -> Checked<Typed> {
        let typed = self.expr(left, None)?;
        match &typed {
            Typed::Select(select)
                if select.selector.protocol == "fib"
                    && select.selector.name.starts_with("oif")
                    && self.is_presence(right) =>
            {
                Ok(Typed::Select(fib_presence(select)))
            }
            _ => Ok(typed),
        }
    }

    /// Whether `exists` or `missing` is asked.
    fn is_presence(&self, right: &Expr) -> bool {
        let word = |expr: &Expr| match &resolve(expr).kind {
            ExprKind::Word(name) => {
                matches!(self.reader.names.get(*name), "exists" | "missing")
            }
            _ => false,
        };
        match &right.kind {
            ExprKind::Set(elements) => elements
                .iter()
                .all(|element| element.key.as_ref().is_some_and(word)),
            _ => word(right),
        }
    }

    /// `left [op] value / mask`.
    pub(super) fn masked(
        &mut self,
        left: &Expr,
        op: Option<Relation>,
        value: &Expr,
        mask: &Expr,
    ) -> Checked<Match> {
        let typed = self.expr(left, None)?;
        let left = unmask(typed, left.span)?;
        if !left.part.datatype.is_bitmask() {
            return refuse(CheckErrorKind::NotBitmask, mask.span);
        }
        let op = match op {
            None | Some(Relation::Eq) => Op::Eq,
            Some(Relation::Ne) => Op::Ne,
            Some(other) => return refuse(relation(other, "a mask"), value.span),
        };
        let value = self.reader.value(value, left.part)?;
        let mask = self.reader.value(mask, left.part)? & left.mask;
        let test = Test::Compare {
            mask,
            op,
            value,
            form: Form::Plain,
        };
        Ok(Match {
            left: left.typed,
            test,
        })
    }

    fn single(&mut self, left: &Left, op: Option<Relation>, right: &Expr) -> Checked<Test> {
        let constant = match self.reader.constant(right, left.part) {
            Err(CheckError {
                kind: CheckErrorKind::NegativeRange,
                ..
            }) if left.part.datatype == Datatype::Hour => {
                return self.past_midnight(left, op, right)
            }
            other => other?,
        };
        let bitmask = left.part.datatype.is_bitmask();
        let compare = |mask, op, value, form| Test::Compare {
            mask,
            op,
            value,
            form,
        };
        Ok(match (constant, op) {
            (Value::Value(bits), Some(Relation::Not)) => {
                if !bitmask || !left.is_plain() {
                    return refuse(CheckErrorKind::NotNegatable, right.span);
                }
                compare(bits, Op::Eq, 0, Form::NoneOf)
            }
            (Value::Value(bits), None) if left.is_plain() && bitmask => {
                compare(bits, Op::Ne, 0, Form::Any)
            }
            (Value::Value(value), None | Some(Relation::Eq)) => {
                self.learn(left, &[value]);
                compare(left.mask, Op::Eq, value, form_of(left))
            }
            (Value::Value(value), Some(op)) => compare(left.mask, op_of(op), value, form_of(left)),
            (constant, None | Some(Relation::Eq)) => wide(left, constant, false),
            (constant, Some(Relation::Ne)) => wide(left, constant, true),
            (Value::Range(..), Some(op)) => return refuse(relation(op, "a range"), right.span),
            (_, Some(op)) => return refuse(relation(op, "a prefix"), right.span),
        })
    }

    /// A range of hours that ends before it begins, once it is UTC: nft compares with the other way round.
    fn past_midnight(&self, left: &Left, op: Option<Relation>, right: &Expr) -> Checked<Test> {
        let ExprKind::Range(lo, hi) = &right.kind else {
            return refuse(CheckErrorKind::NegativeRange, right.span);
        };
        let (lo, hi) = (
            self.reader.value(lo, left.part)?,
            self.reader.value(hi, left.part)?,
        );
        match op {
            None | Some(Relation::Eq) => Ok(wide(left, Value::Range(hi, lo), true)),
            Some(Relation::Ne) => Ok(wide(left, Value::Range(hi, lo), false)),
            Some(op) => refuse(relation(op, "a range"), right.span),
        }
    }

    fn learn(&mut self, left: &Left, values: &[u128]) {
        if let (Typed::Select(select), true) = (&left.typed, left.is_plain()) {
            self.context.learn(select.selector, select.tunnel, values);
        }
    }

    /// A concatenation and a constant of as many parts.
    fn each_part(&mut self, typed: Typed, op: Option<Relation>, right: &Expr) -> Checked<Match> {
        let negate = equality(op, "a concatenation", right.span)?;
        let key = self.key(right, &typed.parts())?;
        Ok(Match {
            left: typed,
            test: Test::Concat {
                negate,
                ranges: key.into_vec(),
            },
        })
    }

    fn lookup_named(
        &mut self,
        typed: Typed,
        op: Option<Relation>,
        ident: &Ident,
        span: Span,
    ) -> Checked<Match> {
        let negate = equality(op, "a set", ident.span)?;
        let set = self.named(ident)?;
        self.fits(&typed.parts(), set, span, ident.span)?;
        let set = SetRef::Named(set.name.clone());
        Ok(Match {
            left: typed,
            test: Test::Lookup { negate, set },
        })
    }

    /// `left { … }`: plain numbers are compared; concatenations and elements with more to them are a set.
    fn any_of(
        &mut self,
        typed: Typed,
        op: Option<Relation>,
        elements: &[Element],
        left: &Expr,
        span: Span,
    ) -> Checked<Match> {
        let negate = equality(op, "a set", span)?;
        let parts = typed.parts();
        if parts.len() > 1 || !self.is_plain_set(elements) {
            let set = self.anonymous(parts, Data::None, elements, span)?;
            return Ok(Match {
                left: typed,
                test: Test::Lookup { negate, set },
            });
        }
        let left = unmask(typed, left.span)?;
        let test = self.plain_set(&left, negate, elements, span)?;
        Ok(Match {
            left: left.typed,
            test,
        })
    }

    /// Whether the elements are nothing but numbers.
    fn is_plain_set(&self, elements: &[Element]) -> bool {
        elements.iter().all(|element| {
            let nested = match element.key.as_ref().map(|key| &resolve(key).kind) {
                None => false,
                Some(ExprKind::Set(inner)) => self.is_plain_set(inner),
                Some(_) => true,
            };
            nested
                && element.data.is_none()
                && element.more.comment.is_none()
                && element.more.timeout.is_none()
                && element.more.statements.is_empty()
        })
    }

    fn plain_set(
        &mut self,
        left: &Left,
        negate: bool,
        elements: &[Element],
        span: Span,
    ) -> Checked<Test> {
        let mut constants = Vec::with_capacity(elements.len());
        self.constants(left.part, elements, &mut constants)?;
        if constants.is_empty() {
            return refuse(CheckErrorKind::NotConstant, span);
        }
        let only_values = constants
            .iter()
            .all(|constant| matches!(constant, Value::Value(_)));
        let mut ranges: Vec<(u128, u128)> =
            constants.iter().map(|c| bounds(*c, left.part)).collect();
        ranges.sort_unstable();
        // Names that begin alike do not touch: what lies between them is no name.
        let joins = !only_values && !left.part.datatype.is_string();
        merge(&mut ranges, joins);
        if only_values && !negate {
            let values: Vec<u128> = ranges.iter().map(|range| range.0).collect();
            self.learn(left, &values);
        }
        if let [(lo, hi)] = ranges[..] {
            let wildest = constants
                .into_iter()
                .find(|constant| bounds(*constant, left.part) == (lo, hi));
            let constant = wildest.unwrap_or(Value::Range(lo, hi));
            return Ok(wide(left, constant, negate));
        }
        Ok(Test::Set {
            mask: left.mask,
            negate,
            ranges,
        })
    }

    fn constants(&self, part: Part, elements: &[Element], out: &mut Vec<Value>) -> Checked<()> {
        for element in elements {
            let Some(key) = &element.key else { continue };
            match &resolve(key).kind {
                ExprKind::Set(inner) => self.constants(part, inner, out)?,
                ExprKind::Concat(items) => {
                    let kind = CheckErrorKind::PartCount {
                        expected: 1,
                        found: items.len(),
                    };
                    return refuse(kind, key.span);
                }
                _ => out.push(self.reader.constant(key, part)?),
            }
        }
        Ok(())
    }
}

/// Whether nft keeps a mask of all bits: of a field that is no whole bytes it does.
fn keeps_mask(part: Part, mask: u128) -> bool {
    part.bits % 8 != 0 && mask == max(part.bits)
}

/// The comparison as nft would list it, where it is written in another way.
fn as_listed(left: Left, test: Test, prefix: bool) -> Match {
    let (part, typed) = (left.part, left.typed);
    let Test::Compare {
        mask,
        op: op @ (Op::Eq | Op::Ne),
        value,
        form: Form::Plain,
    } = test
    else {
        return Match { left: typed, test };
    };
    if prefix && keeps_mask(part, mask) {
        let whole = Constant {
            value: mask,
            datatype: Datatype::Hex,
            bits: part.bits,
        };
        let left = Typed::Bitwise {
            op: BitOp::And,
            left: Box::new(typed),
            right: Box::new(Typed::Constant(whole)),
        };
        return Match { left, test };
    }
    let byte = match &typed {
        Typed::Select(select) => byte_of(select),
        _ => None,
    };
    match byte {
        None => Match { left: typed, test },
        Some((byte, by)) => Match {
            left: Typed::Select(byte),
            test: Test::Compare {
                mask: mask << by,
                op,
                value: value << by,
                form: Form::Plain,
            },
        },
    }
}

/// Takes masks off the left side: they belong to the comparison.
fn unmask(typed: Typed, span: Span) -> Checked<Left> {
    let parts = typed.parts();
    let [part] = parts[..] else {
        let kind = CheckErrorKind::PartCount {
            expected: parts.len(),
            found: 1,
        };
        return refuse(kind, span);
    };
    // What was shifted may be wider than it was.
    let part = match typed {
        Typed::Shift { .. } => Part {
            bits: part.bits.max(32),
            ..part
        },
        _ => part,
    };
    let mut left = Left {
        typed,
        part,
        mask: max(part.bits),
        span,
    };
    loop {
        left.typed = match left.typed {
            Typed::Bitwise {
                op: BitOp::And,
                left: inner,
                right,
            } => match (*inner, *right) {
                (inner, Typed::Constant(mask)) if !keeps_mask(left.part, mask.value) => {
                    left.mask &= mask.value;
                    inner
                }
                (Typed::Constant(mask), inner) => {
                    left.mask &= mask.value;
                    inner
                }
                (inner, right) => {
                    left.typed = Typed::Bitwise {
                        op: BitOp::And,
                        left: Box::new(inner),
                        right: Box::new(right),
                    };
                    return Ok(left);
                }
            },
            typed => {
                left.typed = typed;
                return Ok(left);
            }
        };
        // The width is that of what is left.
        if let [inner] = left.typed.parts()[..] {
            left.part.datatype = inner.datatype;
            left.span = span;
        }
    }
}

fn form_of(left: &Left) -> Form {
    match left.part.datatype {
        Datatype::Boolean => Form::Exists,
        _ => Form::Plain,
    }
}

/// Equality with a constant of any kind.
fn wide(left: &Left, constant: Value, negate: bool) -> Test {
    let op = if negate { Op::Ne } else { Op::Eq };
    let form = form_of(left);
    match constant {
        Value::Value(value) => Test::Compare {
            mask: left.mask,
            op,
            value,
            form,
        },
        Value::Prefix { value, mask } => Test::Compare {
            mask: left.mask & mask,
            op,
            value,
            form,
        },
        Value::Range(lo, hi) => Test::Range {
            mask: left.mask,
            negate,
            lo,
            hi,
        },
    }
}

/// The least and the greatest value that a constant stands for.
pub(super) fn bounds(constant: Value, part: Part) -> (u128, u128) {
    match constant {
        Value::Value(value) => (value, value),
        Value::Prefix { value, mask } => (value, value | max(part.bits) & !mask),
        Value::Range(lo, hi) => (lo, hi),
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

/// Whether the relation is `!=`; nothing but equality makes sense with `what`.
fn equality(op: Option<Relation>, what: &'static str, span: Span) -> Checked<bool> {
    match op {
        None | Some(Relation::Eq) => Ok(false),
        Some(Relation::Ne) => Ok(true),
        Some(op) => refuse(relation(op, what), span),
    }
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
