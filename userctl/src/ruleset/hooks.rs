// SPDX-License-Identifier: GPL-2.0
//! At which hooks what a statement asks for is known, as the kernel's `validate` functions have it.

use ferrule_uapi::expr::{ExprKind, MetaKey, DIRECTION_REPLY, EXPR_PRESENT};
use ferrule_uapi::field::Field;
use ferrule_uapi::hook::Hook;

use super::expr::{Expr, Select, Source};
use super::statement::{QueueTo, Statement};

/// The hook's bit in a set of hooks.
pub(super) const fn bit(hook: Hook) -> u8 {
    1 << hook as u8
}

const PREROUTING: u8 = bit(Hook::PreRouting);
const INPUT: u8 = bit(Hook::LocalIn);
const FORWARD: u8 = bit(Hook::Forward);
const OUTPUT: u8 = bit(Hook::LocalOut);
const POSTROUTING: u8 = bit(Hook::PostRouting);

const INCOMING: u8 = PREROUTING | INPUT | FORWARD;
const OUTGOING: u8 = FORWARD | OUTPUT | POSTROUTING;
const ALL: u8 = INCOMING | OUTGOING;

const FIB_TYPE: u8 = 3;
const FIB_IIF: u32 = 8;
const FIB_OIF: u32 = 16;
const RT_MTU: u8 = 3;

/// The first hook of a set.
pub(super) fn first(hooks: u8) -> &'static str {
    let hook = Hook::ALL.iter().find(|hook| hooks & bit(**hook) != 0);
    hook.map_or("", |hook| hook.name())
}

/// The names of a set of hooks.
pub(super) fn names(hooks: u8) -> String {
    let names = Hook::ALL.iter().filter(|hook| hooks & bit(**hook) != 0);
    let names: Vec<&str> = names.map(|hook| hook.name()).collect();
    names.join(", ")
}

/// What a statement asks for that is not known everywhere, and where it is.
pub(super) fn asked(statement: &Statement) -> Option<(String, u8)> {
    match statement {
        Statement::Reject(_) => Some(("reject".to_owned(), ALL & !POSTROUTING)),
        Statement::Match(matched) => of_expr(&matched.left),
        Statement::Set(assignment) => match assignment.target.source {
            Source::Field(Field::MetaPkttype) => Some(("meta pkttype set".to_owned(), PREROUTING)),
            _ => of_expr(&assignment.value),
        },
        Statement::Vmap { key, .. } => of_expr(key),
        Statement::Update(update) => of_expr(&update.key),
        Statement::Queue(queue) => match &queue.to {
            QueueTo::Expr(expr) => of_expr(expr),
            QueueTo::Range(..) => None,
        },
        _ => None,
    }
}

fn of_expr(expr: &Expr) -> Option<(String, u8)> {
    match expr {
        Expr::Select(select) => {
            let allowed = of_select(select);
            let name = format!("{} {}", select.selector.protocol, select.selector.name);
            (allowed != ALL).then_some((name, allowed))
        }
        Expr::Bitwise { left, right, .. } => of_expr(left).or_else(|| of_expr(right)),
        Expr::Shift { expr, .. } => of_expr(expr),
        Expr::Concat(parts) => parts.iter().find_map(of_expr),
        Expr::Map { key, .. } | Expr::Jhash { key, .. } => of_expr(key),
        _ => None,
    }
}

fn of_select(select: &Select) -> u8 {
    let Source::Record(record) = select.source else {
        return ALL;
    };
    match ExprKind::from_raw(record.kind) {
        Some(ExprKind::Fib) if record.key != FIB_TYPE || record.flags & EXPR_PRESENT != 0 => {
            INCOMING
        }
        Some(ExprKind::Fib) if record.a & FIB_IIF != 0 => INCOMING,
        Some(ExprKind::Fib) if record.a & FIB_OIF != 0 => OUTGOING,
        Some(ExprKind::Socket) => PREROUTING | INPUT | OUTPUT,
        Some(ExprKind::Rt) if record.key == RT_MTU => OUTGOING,
        Some(ExprKind::Xfrm) if record.flags & DIRECTION_REPLY != 0 => OUTGOING,
        Some(ExprKind::Xfrm) => INCOMING,
        Some(ExprKind::Meta) => match MetaKey::from_raw(record.key) {
            Some(MetaKey::Secpath) => INCOMING,
            Some(MetaKey::Sdif | MetaKey::Sdifname) => INPUT | FORWARD,
            _ => ALL,
        },
        _ => ALL,
    }
}
