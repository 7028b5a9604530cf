// SPDX-License-Identifier: GPL-2.0
//! Records that instructions name: expressions, keys, sets, statements, states.

use ferrule_engine::View;
use ferrule_uapi::{
    expr::{
        CtKey, Expr, ExprKind, ExthdrOp, MetaKey, PayloadBase, Tunnel, DIRECTION_ORIGINAL,
        DIRECTION_REPLY, EXPR_PRESENT,
    },
    field::Field,
    hook::Family,
    set::{
        Set, SetKind, SET_ANONYMOUS, SET_AUTO_MERGE, SET_CONSTANT, SET_DYNAMIC, SET_INTERVAL,
        SET_TIMEOUT,
    },
    statement::{
        SetUpdate, State, StateKind, Statement, StatementKind, LOG_KERNEL, NO_FIELD,
        STATEMENT_BY_MAP, STATE_BYTES, STATE_INVERT,
    },
};

use super::{lossy, operand::field_name};

/// The name of field `number`.
pub(super) fn field(number: u8) -> String {
    field_name(Field::from_raw(number))
}

/// A name of the ABI as rules write it.
fn word(name: Option<&str>) -> String {
    let name = name.map(str::to_ascii_lowercase);
    name.map_or_else(|| "?".to_owned(), |name| name.replace('_', "-"))
}

/// Expression `index`.
pub(super) fn expr(view: &View<'_>, index: u32) -> String {
    let Some(expr) = view.exprs().get(index as usize) else {
        return format!("expression {index}");
    };
    match ExprKind::from_raw(expr.kind) {
        Some(kind) => expr_text(view, kind, expr),
        None => format!("unknown {expr:?}"),
    }
}

fn expr_text(view: &View<'_>, kind: ExprKind, expr: &Expr) -> String {
    let name = word(Some(kind.c_name()));
    let place = format!("bits {}+{}", expr.offset, expr.bits);
    let presence = match expr.flags & EXPR_PRESENT {
        0 => place.clone(),
        _ => "exists".to_owned(),
    };
    let scale = match expr.a {
        0 => String::new(),
        modulus => format!(" mod {modulus} offset {}", expr.b),
    };
    match kind {
        ExprKind::Payload => format!("{} header {place}", base(expr.key)),
        ExprKind::Exthdr => {
            let list = ExthdrOp::from_raw(expr.key).map(ExthdrOp::c_name);
            format!("{} option {} {presence}", word(list), expr.op)
        }
        ExprKind::Inner => {
            let tunnel = word(Tunnel::from_raw(expr.key).map(Tunnel::c_name));
            let which = u8::try_from(expr.a).unwrap_or(u8::MAX);
            match expr.op == ExprKind::Meta as u8 {
                true => format!("{tunnel} inner meta {}", meta(which)),
                false => format!("{tunnel} inner {} header {place}", base(which)),
            }
        }
        ExprKind::Meta => format!("meta {}", meta(expr.key)),
        ExprKind::Ct => format!("ct {}{}", direction(expr.flags), ct(expr.key)),
        ExprKind::Numgen if expr.key == 0 => format!("numgen inc{scale}, state {}", expr.c),
        ExprKind::Numgen => format!("numgen random{scale}"),
        ExprKind::Jhash => {
            let key = key(view, expr.d);
            format!("jhash {key}{scale} seed {:#x}", expr.c)
        }
        ExprKind::Symhash => format!("symhash{scale}"),
        ExprKind::Constant => {
            let words = [expr.a, expr.b, expr.c, expr.d];
            let number = words.iter().fold(0, |n: u128, w| n << 32 | u128::from(*w));
            format!("{number:#x}")
        }
        ExprKind::Socket | ExprKind::Fib | ExprKind::Rt | ExprKind::Xfrm => {
            let flags = format!("{}key {} ({:#x})", direction(expr.flags), expr.key, expr.a);
            match expr.flags & EXPR_PRESENT {
                0 => format!("{name} {flags}"),
                _ => format!("{name} {flags} exists"),
            }
        }
    }
}

fn base(number: u8) -> String {
    word(PayloadBase::from_raw(number).map(PayloadBase::c_name))
}

fn meta(number: u8) -> String {
    word(MetaKey::from_raw(number).map(MetaKey::c_name))
}

fn ct(number: u8) -> String {
    word(CtKey::from_raw(number).map(CtKey::c_name))
}

fn direction(flags: u8) -> &'static str {
    match flags {
        DIRECTION_ORIGINAL => "original ",
        DIRECTION_REPLY => "reply ",
        _ => "",
    }
}

/// Key `index`: its fields.
pub(super) fn key(view: &View<'_>, index: u32) -> String {
    let Some(key) = view.keys().get(index as usize) else {
        return format!("key {index}");
    };
    let parts = key.parts.iter().take(key.count.into());
    let fields: Vec<String> = parts.map(|part| field(part.field)).collect();
    fields.join(" . ")
}

/// Set `index`: its name, or its number if it has none.
pub(super) fn set_name(view: &View<'_>, index: u32) -> String {
    match view.sets().get(index as usize) {
        Some(set) if set.name.len != 0 => format!("@{}", lossy(view, set.name)),
        _ => format!("set {index}"),
    }
}

/// What set `index` is: one line.
pub(super) fn set_line(view: &View<'_>, index: u32, set: &Set) -> String {
    let kind = word(SetKind::from_raw(set.kind).map(SetKind::c_name));
    let family = Family::from_raw(set.family).map_or("?", Family::name);
    let lens = set.part_lens.iter().take(set.parts.into());
    let lens: Vec<String> = lens.map(u8::to_string).collect();
    let mut line = format!(
        "{kind} of {family} {}, key {} bytes",
        lossy(view, set.table),
        lens.join("+")
    );
    if set.name.len != 0 {
        line = format!("{} = {line}", set_name(view, index));
    }
    for (flag, name) in [
        (SET_ANONYMOUS, "anonymous"),
        (SET_CONSTANT, "constant"),
        (SET_INTERVAL, "interval"),
        (SET_TIMEOUT, "timeout"),
        (SET_DYNAMIC, "dynamic"),
        (SET_AUTO_MERGE, "auto-merge"),
    ] {
        if set.flags & flag != 0 {
            line = format!("{line}, {name}");
        }
    }
    let own = set.first_state..set.first_state.saturating_add(set.state_count);
    for index in own {
        line = format!("{line}, each with {}", state(view, index));
    }
    line
}

/// State `index`.
fn state(view: &View<'_>, index: u32) -> String {
    match view.states().get(index as usize) {
        Some(state) => state_text(state),
        None => format!("state {index}"),
    }
}

fn state_text(state: &State) -> String {
    let over = match state.flags & STATE_INVERT {
        0 => "",
        _ => "over ",
    };
    let (a, b, c) = (state.a, state.b, state.c);
    match StateKind::from_raw(state.kind) {
        Some(StateKind::Limit) => {
            let what = match state.flags & STATE_BYTES {
                0 => "packets",
                _ => "bytes",
            };
            format!("limit {over}{a} {what} in {b} ns burst {c}")
        }
        Some(StateKind::Quota) => format!("quota {over}{a} bytes"),
        Some(StateKind::Connections) => format!("ct count {over}{a}"),
        kind => word(kind.map(StateKind::c_name)),
    }
}

/// Statement `index`.
pub(super) fn statement(view: &View<'_>, index: u32) -> String {
    let Some(statement) = view.statements().get(index as usize) else {
        return format!("statement {index}");
    };
    match StatementKind::from_raw(statement.kind) {
        Some(kind) => statement_text(view, kind, statement),
        None => format!("unknown {statement:?}"),
    }
}

fn statement_text(view: &View<'_>, kind: StatementKind, statement: &Statement) -> String {
    let (a, b) = (statement.a, statement.b);
    let source = field(statement.field);
    match kind {
        StatementKind::State => state(view, a),
        StatementKind::Object if statement.flags & STATEMENT_BY_MAP != 0 => {
            format!("object of {} map {}", key(view, b), set_name(view, a))
        }
        StatementKind::Object => match view.objects().get(a as usize) {
            Some(object) => format!("object \"{}\"", lossy(view, object.name)),
            None => format!("object {a}"),
        },
        StatementKind::SetMeta => format!("meta {} set {source}", meta(statement.key)),
        StatementKind::SetCt => {
            let way = direction(statement.flags);
            format!("ct {way}{} set {source}", ct(statement.key))
        }
        StatementKind::Notrack => "notrack".to_owned(),
        StatementKind::SetPayload => {
            format!("{} header bits {a}+{b} set {source}", base(statement.key))
        }
        StatementKind::SetTcpOption => {
            format!("tcp option {} bits {a}+{b} set {source}", statement.key)
        }
        StatementKind::ResetTcpOption => format!("reset tcp option {}", statement.key),
        StatementKind::Log => log(view, a),
        StatementKind::Dup => match u8::try_from(b) {
            Ok(device) if device != NO_FIELD => format!("dup to {source} device {}", field(device)),
            _ => format!("dup to {source}"),
        },
        StatementKind::UpdateSet => update(view, statement),
    }
}

/// `add @s { ip saddr timeout 60000 ms : reg0 }`.
fn update(view: &View<'_>, statement: &Statement) -> String {
    let verb = word(SetUpdate::from_raw(statement.key).map(SetUpdate::c_name));
    let set = set_name(view, statement.a);
    let mut text = format!("{verb} {set} {{ {}", key(view, statement.b));
    let timeout = u64::from(statement.d) << 32 | u64::from(statement.c);
    if timeout != 0 {
        text = format!("{text} timeout {timeout} ms");
    }
    for index in statement.e..statement.e.saturating_add(statement.f) {
        text = format!("{text} {}", state(view, index));
    }
    if statement.field != NO_FIELD {
        text = format!("{text} : {}", field(statement.field));
    }
    text + " }"
}

fn log(view: &View<'_>, index: u32) -> String {
    let Some(log) = view.logs().get(index as usize) else {
        return format!("log {index}");
    };
    let prefix = lossy(view, log.prefix);
    match log.group {
        LOG_KERNEL => format!(
            "log prefix {prefix:?} level {} flags {:#x}",
            log.level, log.flags
        ),
        group => format!(
            "log prefix {prefix:?} group {group} snaplen {}",
            log.snaplen
        ),
    }
}
