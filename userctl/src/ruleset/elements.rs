// SPDX-License-Identifier: GPL-2.0
//! Elements of sets and maps, named and anonymous.

use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use smallvec::smallvec;

use super::error::{CheckError, CheckErrorKind};
use super::expression::{Checked, Checker};
use super::matching::bounds;
use super::rule::MAX_COMMENT;
use super::set::{Anonymous, Data, Element as Typed, ElementData, ElementKey, More, Part, SetRef};
use super::statement::StateSpec;
use super::value::resolve;
use super::Verdict;
use crate::lang::syntax::{Element, Expr, ExprKind, StmtKind, Text};
use crate::rare::Rare;
use crate::source::Span;

/// Why a key cannot go where it is.
fn refuse<T>(kind: CheckErrorKind, span: Span) -> Checked<T> {
    Err(CheckError::new(kind, span))
}

/// What elements must be like.
#[derive(Clone, Copy)]
pub(super) struct Shape<'s> {
    pub(super) key: &'s [Part],
    pub(super) data: &'s Data,
    /// Statements that every element has; `None`: any may.
    pub(super) states: Option<&'s [StateSpec]>,
}

impl Checker<'_> {
    /// A key: for each part the least and the greatest value.
    pub(super) fn key(&self, expr: &Expr, parts: &[Part]) -> Checked<ElementKey> {
        let expr = resolve(expr);
        if let ([part], false) = (parts, matches!(expr.kind, ExprKind::Concat(_))) {
            let constant = self.reader.constant(expr, *part)?;
            return Ok(smallvec![bounds(constant, *part)]);
        }
        let single = std::slice::from_ref(expr);
        let items = match &expr.kind {
            ExprKind::Concat(items) => &items[..],
            _ => single,
        };
        // A variable may stand for several parts.
        let nested = items
            .iter()
            .any(|item| matches!(resolve(item).kind, ExprKind::Concat(_)));
        let flat: Vec<&Expr> = match nested && items.len() > 1 {
            true => items.iter().flat_map(flatten).collect(),
            false => items.iter().collect(),
        };
        if flat.len() != parts.len() {
            let kind = CheckErrorKind::PartCount {
                expected: parts.len(),
                found: flat.len(),
            };
            return refuse(kind, expr.span);
        }
        flat.into_iter()
            .zip(parts)
            .map(|(item, part)| Ok(bounds(self.reader.constant(item, *part)?, *part)))
            .collect()
    }

    /// Elements with their spans, those of variables included.
    pub(super) fn elements(
        &mut self,
        elements: &[Element],
        shape: Shape<'_>,
        out: &mut Vec<(Typed, Span)>,
    ) -> Checked<()> {
        for element in elements {
            let inner = element.key.as_ref().map(resolve);
            if let Some(ExprKind::Set(inner)) = inner.map(|key| &key.kind) {
                self.elements(inner, shape, out)?;
                continue;
            }
            let typed = self.element(element, shape)?;
            out.push((typed, element.span));
        }
        Ok(())
    }

    fn element(&mut self, element: &Element, shape: Shape<'_>) -> Checked<Typed> {
        let key = match &element.key {
            None => ElementKey::new(),
            Some(key) => self.key(key, shape.key)?,
        };
        let data = self.data(element, shape.data)?;
        let mut states = Vec::with_capacity(element.more.statements.len());
        for statement in &element.more.statements {
            states.push(self.state(statement)?);
        }
        if let (Some(templates), false) = (shape.states, states.is_empty()) {
            let same = templates.len() == states.len()
                && templates
                    .iter()
                    .zip(&states)
                    .all(|(a, b)| std::mem::discriminant(a) == std::mem::discriminant(b));
            if !same {
                return refuse(CheckErrorKind::ElementStates, element.span);
            }
        }
        Ok(Typed {
            key,
            data,
            more: Rare::from(More {
                timeout: element.more.timeout.map(|time| time.millis),
                expires: element.more.expires.map(|time| time.millis),
                comment: self.element_comment(element.more.comment)?,
                states,
            }),
        })
    }

    pub(super) fn element_comment(&self, text: Option<Text>) -> Checked<Option<Arc<str>>> {
        let Some(text) = text else { return Ok(None) };
        let comment = self.reader.names.shared(text.text);
        match comment.len() > MAX_COMMENT {
            true => refuse(CheckErrorKind::CommentTooLong(MAX_COMMENT), text.span),
            false => Ok(Some(comment)),
        }
    }

    fn data(&self, element: &Element, data: &Data) -> Checked<ElementData> {
        match (data, &element.data) {
            (Data::None, None) => Ok(ElementData::None),
            (Data::None, Some(data)) => refuse(CheckErrorKind::DataInSet, data.span),
            (_, None) => refuse(CheckErrorKind::DataMissing, element.span),
            (Data::Verdict, Some(data)) => match &resolve(data).kind {
                ExprKind::Verdict(kind) => Ok(ElementData::Verdict(self.verdict(kind, data.span)?)),
                _ => refuse(CheckErrorKind::NotVerdict, data.span),
            },
            (Data::Value(parts), Some(data)) => {
                let key = self.key(data, parts)?;
                if key.iter().any(|(lo, hi)| lo != hi) {
                    return refuse(CheckErrorKind::IntervalData, data.span);
                }
                Ok(ElementData::Value(key.iter().map(|(lo, _)| *lo).collect()))
            }
            (Data::Object(_), Some(data)) => match &resolve(data).kind {
                ExprKind::Word(name) | ExprKind::Quoted(name) => {
                    Ok(ElementData::Object(self.reader.names.shared(*name)))
                }
                _ => refuse(CheckErrorKind::NotObject, data.span),
            },
        }
    }

    /// A verdict.
    pub(super) fn verdict(&self, kind: &StmtKind, span: Span) -> Checked<Verdict> {
        let name = |ident: &crate::lang::syntax::Ident| self.reader.names.shared(ident.name);
        Ok(match kind {
            StmtKind::Accept => Verdict::Accept,
            StmtKind::Drop => Verdict::Drop,
            StmtKind::Continue => Verdict::Continue,
            StmtKind::Return => Verdict::Return,
            StmtKind::Jump(chain) => Verdict::Jump(name(chain)),
            StmtKind::Goto(chain) => Verdict::Goto(name(chain)),
            _ => return refuse(CheckErrorKind::NotVerdict, span),
        })
    }

    /// A set or map without a name.
    pub(super) fn anonymous(
        &mut self,
        key: Vec<Part>,
        data: Data,
        elements: &[Element],
        span: Span,
    ) -> Checked<SetRef> {
        let mut typed = Vec::with_capacity(elements.len());
        let shape = Shape {
            key: &key,
            data: &data,
            states: None,
        };
        self.elements(elements, shape, &mut typed)?;
        if typed.is_empty() {
            return refuse(CheckErrorKind::EmptySet, span);
        }
        for (element, _) in &mut typed {
            // A set that is part of a rule does not change.
            if element.more.timeout.is_some() || element.more.expires.is_some() {
                (element.more.timeout, element.more.expires) = (None, None);
            }
        }
        let joins = data == Data::None && !key[0].datatype.is_string();
        let elements = disjoint(typed, joins)?;
        Ok(SetRef::Anonymous(Arc::new(Anonymous {
            interval: elements.iter().any(Typed::is_interval),
            key,
            data,
            elements,
        })))
    }
}

fn flatten(expr: &Expr) -> Vec<&Expr> {
    match &resolve(expr).kind {
        ExprKind::Concat(items) => items.iter().flat_map(flatten).collect(),
        _ => vec![expr],
    }
}

/// Whether two elements say the same of different keys, so that they can be joined.
fn alike(a: &Typed, b: &Typed) -> bool {
    a.data == b.data && a.more.comment.is_none() && b.more.comment.is_none() && a.more == b.more
}

/// Sorts elements by key, the catch-all last. What is there twice goes; ranges of a key of one part that overlap
/// or touch are joined if `joins` says so, and every other overlap is refused.
pub(super) fn disjoint(mut elements: Vec<(Typed, Span)>, joins: bool) -> Checked<Vec<Typed>> {
    if elements.is_sorted_by_key(|(_, span)| span.lo) {
        // Their places in the file tell those of one key apart, and nothing is copied.
        elements.sort_unstable_by(|(a, x), (b, y)| by_key(a, b).then_with(|| x.lo.cmp(&y.lo)));
    } else {
        elements.sort_by(|(a, _), (b, _)| by_key(a, b));
    }
    let ranges = elements.iter().any(|(element, _)| element.is_interval());
    if are_apart(&elements, ranges && joins) {
        return Ok(elements.into_iter().map(|(element, _)| element).collect());
    }
    let mut out: Vec<(Typed, Span)> = Vec::with_capacity(elements.len());
    for (next, span) in elements {
        if let Some((last, _)) = out.last_mut() {
            if last.key == next.key && last.data == next.data {
                continue;
            }
            if ranges && joins && last.key.len() == 1 && next.key.len() == 1 && alike(last, &next) {
                let (end, begin) = (last.key[0].1, next.key[0].0);
                if begin <= end || begin - 1 == end {
                    last.key[0].1 = end.max(next.key[0].1);
                    continue;
                }
            }
        }
        out.push((next, span));
    }
    refuse_overlaps(&out)?;
    Ok(out.into_iter().map(|(element, _)| element).collect())
}

/// The order in which elements are kept.
fn by_key(a: &Typed, b: &Typed) -> Ordering {
    match (&a.key[..], &b.key[..]) {
        ([a], [b]) => a.cmp(b),
        (x, y) => a.is_catchall().cmp(&b.is_catchall()).then_with(|| x.cmp(y)),
    }
}

/// Whether elements, sorted by key, have one part and do not overlap, or, if `joins`, not even touch: as of large
/// sets most do.
fn are_apart(elements: &[(Typed, Span)], joins: bool) -> bool {
    let gap = if joins { 2 } else { 1 };
    let mut next = 0_u128;
    elements.iter().all(|(element, _)| match element.key[..] {
        [(lo, hi)] => {
            let apart = lo >= next;
            next = hi.saturating_add(gap);
            apart && next > hi
        }
        _ => false,
    })
}

/// Refuses elements, sorted by key, of which one packet may have two.
pub(super) fn refuse_overlaps(elements: &[(Typed, Span)]) -> Checked<()> {
    let mut catchalls = elements.iter().filter(|(element, _)| element.is_catchall());
    if let (Some(_), Some((_, span))) = (catchalls.next(), catchalls.next()) {
        return refuse(CheckErrorKind::Overlap, *span);
    }
    let part = most_varied(elements);
    let mut order: Vec<usize> = (0..elements.len())
        .filter(|index| !elements[*index].0.is_catchall())
        .collect();
    order.sort_by_key(|index| elements[*index].0.key[part]);
    // Those whose part may still overlap what follows.
    let mut open: Vec<usize> = Vec::new();
    for index in order {
        let (element, span) = &elements[index];
        let first = element.key[part].0;
        open.retain(|other| elements[*other].0.key[part].1 >= first);
        let other = open.iter().find(|other| {
            let key = &elements[**other].0.key;
            key.iter()
                .zip(&element.key)
                .all(|(a, b)| a.0 <= b.1 && b.0 <= a.1)
        });
        if let Some(other) = other {
            // Whichever was written later is pointed at.
            let other = elements[*other].1;
            let (earlier, later) = match other.lo <= span.lo {
                true => (other, *span),
                false => (*span, other),
            };
            return Err(CheckError {
                kind: CheckErrorKind::Overlap,
                span: later,
                others: vec![(earlier, "overlaps this one")],
            });
        }
        open.push(index);
    }
    Ok(())
}

/// The part of the keys that has the most different beginnings: the best one to go through them by.
fn most_varied(elements: &[(Typed, Span)]) -> usize {
    let parts = elements
        .iter()
        .map(|(element, _)| element.key.len())
        .max()
        .unwrap_or(0);
    let varied = |part: usize| {
        let begins = elements
            .iter()
            .filter_map(|(element, _)| element.key.get(part));
        let begins: FxHashSet<u128> = begins.map(|bounds| bounds.0).collect();
        begins.len()
    };
    match parts {
        0 | 1 => 0,
        _ => (0..parts).max_by_key(|part| varied(*part)).unwrap_or(0),
    }
}
