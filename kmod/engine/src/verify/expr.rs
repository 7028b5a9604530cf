// SPDX-License-Identifier: GPL-2.0
//! Second pass: expressions and keys.

use ferrule_uapi::{
    error::VerifyError,
    expr::{
        CtKey, Expr, ExprKind, ExthdrOp, MetaKey, PayloadBase, Tunnel, DIRECTION_ORIGINAL,
        DIRECTION_REPLY, EXPR_PRESENT,
    },
    field::Field,
    set::{Key, KeyPart, KEY_BYTES, KEY_PARTS},
    statement::{StateKind, STATE_TEMPLATE},
};

use super::{ensure, unused};
use crate::{
    element::fits,
    expr::exthdr::ipv4_option,
    number::{ones, MAX_BITS},
    program::View,
};

/// Largest offset of a payload expression, in bits (nftables: 16 bits of bytes).
pub(super) const MAX_PAYLOAD_OFFSET: u32 = (u16::MAX as u32) << 3;

/// Largest offset within an option, header or chunk, in bits (nftables: 8 bits of bytes).
pub(super) const MAX_OPTION_OFFSET: u32 = (u8::MAX as u32) << 3;

/// Numbers of `linux/netfilter/nf_tables.h`: the last `NFT_SOCKET_*`, of which that is the one with a level;
/// `NFT_FIB_RESULT_*` from 1; `NFT_RT_*`; `NFT_XFRM_KEY_*` from 1.
const SOCKET_CGROUP: u8 = 3;
const FIB_RESULTS: u8 = 3;
const RT_KEYS: u8 = 4;
const XFRM_KEYS: u8 = 6;

/// `NFTA_FIB_F_*`: what is looked up, and what goes with it.
const FIB_ADDRESSES: u32 = 3;
const FIB_INTERFACES: u32 = 24;
const FIB_FLAGS: u32 = 31;

/// An expression is of a known kind, its operands are in range, and what it does not use is zero.
pub(super) fn check(view: &View<'_>, expr: &Expr) -> Result<(), VerifyError> {
    ensure(expr.reserved == 0, VerifyError::Reserved)?;
    let kind = ExprKind::from_raw(expr.kind).ok_or(VerifyError::Expr)?;
    ensure(
        (1..=MAX_BITS).contains(&expr.bits) && (!is_number(kind) || expr.bits <= 32),
        VerifyError::Expr,
    )?;
    check_unused(kind, expr)?;
    let holds = match kind {
        ExprKind::Payload => {
            let base = PayloadBase::from_raw(expr.key);
            base.is_some_and(|base| base != PayloadBase::Tunnel)
                && expr.offset <= MAX_PAYLOAD_OFFSET
        }
        ExprKind::Exthdr => is_exthdr(expr),
        ExprKind::Inner => is_inner(expr),
        ExprKind::Meta => MetaKey::from_raw(expr.key).is_some_and(|key| !is_field(key)),
        ExprKind::Ct => {
            let key = CtKey::from_raw(expr.key);
            key.is_some_and(|key| key != CtKey::Eventmask) && is_direction(expr.flags, true)
        }
        ExprKind::Socket => match expr.key {
            SOCKET_CGROUP => expr.a <= u8::MAX.into(),
            key => key < SOCKET_CGROUP && expr.a == 0,
        },
        ExprKind::Fib => is_fib(expr),
        ExprKind::Rt => expr.key <= RT_KEYS,
        ExprKind::Xfrm => {
            (1..=XFRM_KEYS).contains(&expr.key)
                && expr.a <= u8::MAX.into()
                && is_direction(expr.flags, false)
        }
        ExprKind::Numgen => is_scale(expr) && expr.a != 0 && is_running(view, expr),
        ExprKind::Symhash => is_scale(expr) && expr.a != 0,
        ExprKind::Jhash => is_scale(expr) && is_jhash(view, expr),
        ExprKind::Constant => is_constant(expr),
    };
    ensure(holds, VerifyError::Expr)
}

/// Whether the kind gives a number of 32 bits at most.
fn is_number(kind: ExprKind) -> bool {
    matches!(kind, ExprKind::Numgen | ExprKind::Jhash | ExprKind::Symhash)
}

/// What the kind does not use is zero.
fn check_unused(kind: ExprKind, expr: &Expr) -> Result<(), VerifyError> {
    // Whether it uses key, flags, op and offset; and how many of the words from `a` on.
    let (key, flags, op, offset, words) = match kind {
        ExprKind::Payload => (true, false, false, true, 0),
        ExprKind::Exthdr => (true, true, true, true, 0),
        ExprKind::Meta | ExprKind::Rt => (true, false, false, false, 0),
        ExprKind::Ct => (true, true, false, false, 0),
        ExprKind::Socket => (true, false, false, false, 1),
        ExprKind::Fib | ExprKind::Xfrm => (true, true, false, false, 1),
        ExprKind::Numgen => (true, false, false, false, 3),
        ExprKind::Jhash => (false, false, false, false, 5),
        ExprKind::Symhash => (false, false, false, false, 2),
        ExprKind::Inner => (true, false, true, true, 1),
        ExprKind::Constant => (false, false, false, false, 4),
    };
    let zero = (key || expr.key == 0)
        && (flags || expr.flags == 0)
        && (op || expr.op == 0)
        && (offset || expr.offset == 0)
        && unused(&[expr.a, expr.b, expr.c, expr.d, expr.e], words);
    ensure(zero, VerifyError::Reserved)
}

/// Whether the value of the key is in a field from the beginning.
fn is_field(key: MetaKey) -> bool {
    matches!(
        key,
        MetaKey::Len
            | MetaKey::Protocol
            | MetaKey::Mark
            | MetaKey::Iif
            | MetaKey::Oif
            | MetaKey::Iifname
            | MetaKey::Oifname
            | MetaKey::Nfproto
            | MetaKey::L4proto
            | MetaKey::Pkttype
    )
}

/// Whether `flags` is one direction, or none if there may be `none`.
pub(super) fn is_direction(flags: u8, none: bool) -> bool {
    matches!(flags, DIRECTION_ORIGINAL | DIRECTION_REPLY) || none && flags == 0
}

/// Options of IPv4 are those that nftables knows; of DCCP's it is only known whether they are there.
fn is_exthdr(expr: &Expr) -> bool {
    let known = match ExthdrOp::from_raw(expr.key) {
        Some(ExthdrOp::Ipv4) => matches!(
            expr.op,
            ipv4_option::RECORD_ROUTE
                | ipv4_option::LOOSE_ROUTE
                | ipv4_option::STRICT_ROUTE
                | ipv4_option::ROUTER_ALERT
        ),
        Some(ExthdrOp::Dccp) => expr.flags == EXPR_PRESENT,
        Some(ExthdrOp::Ipv6 | ExthdrOp::Tcp | ExthdrOp::Sctp) => true,
        None => false,
    };
    known && expr.flags & !EXPR_PRESENT == 0 && expr.offset <= MAX_OPTION_OFFSET
}

/// Payload or meta of the packet within.
fn is_inner(expr: &Expr) -> bool {
    let Ok(which) = u8::try_from(expr.a) else {
        return false;
    };
    let inside = match ExprKind::from_raw(expr.op) {
        Some(ExprKind::Payload) => {
            let base = PayloadBase::from_raw(which);
            base.is_some_and(|base| base != PayloadBase::Inner) && expr.offset <= MAX_PAYLOAD_OFFSET
        }
        Some(ExprKind::Meta) => {
            let key = MetaKey::from_raw(which);
            matches!(key, Some(MetaKey::Protocol | MetaKey::L4proto)) && expr.offset == 0
        }
        _ => false,
    };
    inside && Tunnel::from_raw(expr.key).is_some()
}

/// One address is looked up, with at most one interface.
fn is_fib(expr: &Expr) -> bool {
    let one = |bits: u32| (expr.a & bits).count_ones() == 1;
    (1..=FIB_RESULTS).contains(&expr.key)
        && expr.flags & !EXPR_PRESENT == 0
        && expr.a & !FIB_FLAGS == 0
        && one(FIB_ADDRESSES)
        && (one(FIB_INTERFACES) || expr.a & FIB_INTERFACES == 0)
}

/// The largest number, `a - 1 + b`, is one of 32 bits.
fn is_scale(expr: &Expr) -> bool {
    match expr.a.checked_sub(1) {
        Some(most) => most.checked_add(expr.b).is_some(),
        None => expr.b == 0,
    }
}

/// A running number names its state; a random one none.
fn is_running(view: &View<'_>, expr: &Expr) -> bool {
    let state = view.states().get(expr.c as usize);
    match expr.key {
        0 => state.is_some_and(|state| {
            state.kind == StateKind::Number as u8 && state.flags & STATE_TEMPLATE == 0
        }),
        1 => expr.c == 0,
        _ => false,
    }
}

/// The key exists, and has the parts and bytes that are spoken of.
fn is_jhash(view: &View<'_>, expr: &Expr) -> bool {
    let swapped = expr.e & 0xffff;
    let len = expr.e.wrapping_shr(16);
    view.keys().get(expr.d as usize).is_some_and(|key| {
        swapped.checked_shr(key.count.into()).unwrap_or(0) == 0 && len <= key.len.into()
    })
}

/// The number is no longer than it says.
fn is_constant(expr: &Expr) -> bool {
    let words = [expr.a, expr.b, expr.c, expr.d];
    let number = words.iter().fold(0_u128, |number, word| {
        number.wrapping_shl(32) | u128::from(*word)
    });
    number & !ones(expr.bits.into()) == 0
}

/// The parts of a key are fields, as long as they say, and add up; beyond them there is nothing.
pub(super) fn check_key(key: &Key) -> Result<(), VerifyError> {
    ensure(key.reserved == 0, VerifyError::Reserved)?;
    let count = usize::from(key.count);
    ensure((1..=KEY_PARTS).contains(&count), VerifyError::Key)?;
    let mut len = 0_usize;
    for part in key.parts.iter().take(count) {
        let field = Field::from_raw(part.field).ok_or(VerifyError::Field)?;
        ensure(fits(field, part.len), VerifyError::Key)?;
        len = len.wrapping_add(part.len.into());
    }
    let beyond = key.parts.iter().skip(count);
    ensure(
        beyond.copied().all(|part| part == KeyPart::default()),
        VerifyError::Reserved,
    )?;
    ensure(len <= KEY_BYTES && len == key.len.into(), VerifyError::Key)
}
