// SPDX-License-Identifier: GPL-2.0
//! What a statement refers to: chains, sets, objects.

use super::expr::{Expr, Named};
use super::object::ObjectKind;
use super::set::{Change, Element, ElementData, Set, SetRef};
use super::statement::{ObjectRef, QueueTo, Statement};
use super::{Test, Verdict};

/// Something that is referred to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use<'a> {
    /// A chain that is jumped to.
    Chain(&'a Named),
    /// A named set or map.
    Set(&'a Named),
    /// An object.
    Object(ObjectKind, &'a Named),
}

/// Calls `found` with everything that the statements refer to, until it says yes. Whether it did.
pub(crate) fn any<'a>(statements: &'a [Statement], found: &mut dyn FnMut(Use<'a>) -> bool) -> bool {
    statements
        .iter()
        .any(|statement| of_statement(statement, found))
}

fn of_statement<'a>(statement: &'a Statement, found: &mut dyn FnMut(Use<'a>) -> bool) -> bool {
    match statement {
        Statement::Match(matched) => {
            of_expr(&matched.left, found)
                || match &matched.test {
                    Test::Lookup { set, .. } => of_set(set, None, found),
                    Test::Dynamic { right, .. } => of_expr(right, found),
                    _ => false,
                }
        }
        Statement::Object(used) => match &used.which {
            ObjectRef::Name(name) => found(Use::Object(used.kind, name)),
            ObjectRef::Map(key, map) => of_expr(key, found) || of_set(map, Some(used.kind), found),
        },
        Statement::Set(assignment) => of_expr(&assignment.value, found),
        Statement::Queue(queue) => match &queue.to {
            QueueTo::Expr(expr) => of_expr(expr, found),
            QueueTo::Range(..) => false,
        },
        Statement::Dup(dup) => {
            of_expr(&dup.to, found) || dup.device.as_ref().is_some_and(|expr| of_expr(expr, found))
        }
        Statement::Update(update) => {
            found(Use::Set(&update.set))
                || of_expr(&update.key, found)
                || update
                    .data
                    .as_ref()
                    .is_some_and(|expr| of_expr(expr, found))
        }
        Statement::Vmap { key, map } => of_expr(key, found) || of_set(map, None, found),
        Statement::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => found(Use::Chain(name)),
        _ => false,
    }
}

fn of_expr<'a>(expr: &'a Expr, found: &mut dyn FnMut(Use<'a>) -> bool) -> bool {
    match expr {
        Expr::Bitwise { left, right, .. } => of_expr(left, found) || of_expr(right, found),
        Expr::Shift { expr, .. } => of_expr(expr, found),
        Expr::Concat(parts) => parts.iter().any(|part| of_expr(part, found)),
        Expr::Map { key, map, .. } => of_expr(key, found) || of_set(map, None, found),
        Expr::Jhash { key, .. } => of_expr(key, found),
        _ => false,
    }
}

fn of_set<'a>(
    set: &'a SetRef,
    kind: Option<ObjectKind>,
    found: &mut dyn FnMut(Use<'a>) -> bool,
) -> bool {
    match set {
        SetRef::Named(name) => found(Use::Set(name)),
        SetRef::Anonymous(set) => set.elements.iter().any(|element| match &element.data {
            ElementData::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => {
                found(Use::Chain(name))
            }
            ElementData::Object(name) => kind.is_some_and(|kind| found(Use::Object(kind, name))),
            _ => false,
        }),
    }
}

/// Elements that the changes of a set add.
pub(crate) fn added(set: &Set) -> impl Iterator<Item = &Element> {
    set.changes.iter().flat_map(|change| match change {
        Change::Add { elements, .. } => &elements[..],
        _ => &[],
    })
}

/// Chains that elements of a named map lead to, as far as they are known.
pub(crate) fn chains_of_set(set: &Set) -> impl Iterator<Item = &Named> {
    let added = added(set).filter_map(|element| match &element.data {
        ElementData::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => Some(name),
        _ => None,
    });
    set.leads_to.iter().chain(added)
}

/// Verdicts of elements that the changes of a set name.
pub(crate) fn verdicts_of_changes(set: &mut Set) -> impl Iterator<Item = &mut Verdict> {
    let elements = set.changes.iter_mut().flat_map(|change| match change {
        Change::Add { elements, .. } | Change::Delete { elements, .. } => &mut elements[..],
        Change::Replace | Change::Clear => &mut [],
    });
    elements.filter_map(|element| match &mut element.data {
        ElementData::Verdict(verdict) => Some(verdict),
        _ => None,
    })
}
