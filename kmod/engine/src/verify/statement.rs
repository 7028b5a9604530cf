// SPDX-License-Identifier: GPL-2.0
//! Second pass: statements, states, objects and logs.

use ferrule_uapi::{
    error::VerifyError,
    expr::{CtKey, MetaKey, PayloadBase},
    field::Field,
    hook::Family,
    program::{SectionId, Text},
    set::{SetKind, SET_CONSTANT, SET_TIMEOUT},
    statement::{
        Log, Object, ObjectKind, SetUpdate, State, StateKind, Statement, StatementKind, LOG_KERNEL,
        NO_FIELD, PAYLOAD_CSUM, PAYLOAD_CSUM_PSEUDO, PAYLOAD_CSUM_SCTP, STATEMENT_BY_MAP,
        STATE_BYTES, STATE_INITIAL, STATE_INVERT, STATE_OBJECT, STATE_RULE_TEMPLATE,
        STATE_TEMPLATE,
    },
};

use super::{
    data::within,
    each, ensure,
    expr::{is_direction, MAX_OPTION_OFFSET, MAX_PAYLOAD_OFFSET},
    set::{key_fits, templates},
    unused, Refusal,
};
use crate::{number::MAX_BITS, program::View, state::bucket};

/// Every flag that a state may have.
const STATE_FLAGS: u8 = STATE_INVERT
    | STATE_BYTES
    | STATE_OBJECT
    | STATE_TEMPLATE
    | STATE_INITIAL
    | STATE_RULE_TEMPLATE;

/// Every flag of a log: `NF_LOG_DEFAULT_MASK` and `NF_LOG_MACDECODE`.
const LOG_FLAGS: u8 = 1 | 2 | 4 | 8 | 32;

/// `NFT_LOGLEVEL_AUDIT`.
const LOG_AUDIT: u8 = 8;

/// `NF_LOG_PREFIXLEN`, without the zero at the end.
const LOG_PREFIX: u32 = 127;

/// Largest place of a checksum, in bits (nftables: 8 bits of bytes).
const MAX_CHECKSUM_OFFSET: u32 = (u8::MAX as u32) << 3;

/// A statement is of a known kind, its operands are in range, and what it does not use is zero.
pub(super) fn check(view: &View<'_>, statement: &Statement) -> Result<(), VerifyError> {
    let kind = StatementKind::from_raw(statement.kind).ok_or(VerifyError::Statement)?;
    check_unused(kind, statement)?;
    check_source(kind, statement)?;
    let holds = match kind {
        StatementKind::State => is_asked(view, statement.a),
        StatementKind::Object => return check_object_use(view, statement),
        StatementKind::SetMeta => matches!(
            MetaKey::from_raw(statement.key),
            Some(
                MetaKey::Mark
                    | MetaKey::Priority
                    | MetaKey::Pkttype
                    | MetaKey::Nftrace
                    | MetaKey::Secmark
            )
        ),
        StatementKind::SetCt => {
            let key = CtKey::from_raw(statement.key);
            let settable = matches!(
                key,
                Some(CtKey::Mark | CtKey::Secmark | CtKey::Labels | CtKey::Zone | CtKey::Eventmask)
            );
            settable && is_direction(statement.flags, true)
        }
        StatementKind::SetPayload => is_payload(statement),
        StatementKind::SetTcpOption => {
            statement.a & 7 == 0
                && statement.a <= MAX_OPTION_OFFSET
                && matches!(statement.b, 16 | 32)
                && statement.c <= 1
        }
        StatementKind::Log => (statement.a as usize) < view.logs().len(),
        StatementKind::UpdateSet => return check_update(view, statement),
        StatementKind::Notrack | StatementKind::ResetTcpOption | StatementKind::Dup => true,
    };
    ensure(holds, VerifyError::Statement)
}

/// What the kind does not use is zero.
fn check_unused(kind: StatementKind, statement: &Statement) -> Result<(), VerifyError> {
    // Whether it uses the key, which flags, and how many of the words from `a` on.
    let directions = 6;
    let sums = PAYLOAD_CSUM | PAYLOAD_CSUM_PSEUDO | PAYLOAD_CSUM_SCTP;
    let (key, flags, words) = match kind {
        StatementKind::State | StatementKind::Log => (false, 0, 1),
        StatementKind::Object => (false, STATEMENT_BY_MAP, 2),
        StatementKind::SetMeta => (true, 0, 0),
        StatementKind::SetCt => (true, directions, 0),
        StatementKind::Notrack => (false, 0, 0),
        StatementKind::SetPayload => (true, sums, 3),
        StatementKind::SetTcpOption => (true, 0, 3),
        StatementKind::ResetTcpOption => (true, 0, 0),
        StatementKind::Dup => (true, 0, 2),
        StatementKind::UpdateSet => (true, 0, 6),
    };
    let Statement {
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        ..
    } = *statement;
    let zero = (key || statement.key == 0)
        && statement.flags & !flags == 0
        && unused(&[a, b, c, d, e, f, g], words);
    ensure(zero, VerifyError::Reserved)
}

/// The source is a field where there must be one, and none where there must not.
fn check_source(kind: StatementKind, statement: &Statement) -> Result<(), VerifyError> {
    let source = statement.field;
    let wanted = match kind {
        StatementKind::SetMeta
        | StatementKind::SetCt
        | StatementKind::SetPayload
        | StatementKind::SetTcpOption => true,
        StatementKind::Dup => return check_dup(statement),
        StatementKind::UpdateSet => source != NO_FIELD,
        _ => false,
    };
    let field = Field::from_raw(source);
    ensure(
        field.is_some() == wanted && (wanted || source == NO_FIELD),
        VerifyError::Field,
    )
}

/// The address is one of the family; the device is a narrow field, or none.
fn check_dup(statement: &Statement) -> Result<(), VerifyError> {
    ensure(statement.a == 0, VerifyError::Reserved)?;
    let wide = match Family::from_raw(statement.key) {
        Some(Family::Ip) => false,
        Some(Family::Ip6) => true,
        _ => return Err(VerifyError::Statement),
    };
    let address = Field::from_raw(statement.field).ok_or(VerifyError::Field)?;
    let device = u8::try_from(statement.b).map_err(|_| VerifyError::Field)?;
    let narrow = Field::from_raw(device).is_some_and(|field| !field.is_wide());
    ensure(
        address.is_wide() == wide && (narrow || device == NO_FIELD),
        VerifyError::Field,
    )
}

/// Whether state `index` is one that a rule may ask.
fn is_asked(view: &View<'_>, index: u32) -> bool {
    view.states().get(index as usize).is_some_and(|state| {
        let kind = StateKind::from_raw(state.kind);
        let asked = matches!(
            kind,
            Some(StateKind::Limit | StateKind::Quota | StateKind::Last | StateKind::Connections)
        );
        asked && state.flags & STATE_TEMPLATE == 0
    })
}

/// Bits of a header, and where a checksum is.
fn is_payload(statement: &Statement) -> bool {
    let base = PayloadBase::from_raw(statement.key);
    let sum = match statement.flags & PAYLOAD_CSUM {
        0 => statement.c == 0,
        _ => statement.c & 7 == 0 && statement.c <= MAX_CHECKSUM_OFFSET,
    };
    base.is_some_and(|base| base != PayloadBase::Tunnel)
        && statement.a <= MAX_PAYLOAD_OFFSET
        && (1..=u32::from(MAX_BITS)).contains(&statement.b)
        && sum
}

/// The object exists; or the map, which is one of objects, and the key, which fits it.
fn check_object_use(view: &View<'_>, statement: &Statement) -> Result<(), VerifyError> {
    if statement.flags & STATEMENT_BY_MAP == 0 {
        ensure(statement.b == 0, VerifyError::Reserved)?;
        let exists = (statement.a as usize) < view.objects().len();
        return ensure(exists, VerifyError::Index);
    }
    let set = view.sets().get(statement.a as usize);
    let set = set.ok_or(VerifyError::Index)?;
    let key = view.keys().get(statement.b as usize);
    let key = key.ok_or(VerifyError::Index)?;
    ensure(set.kind == SetKind::Object as u8, VerifyError::Set)?;
    ensure(key_fits(set, key), VerifyError::Key)
}

/// The set may be changed, the key fits it, and the data, timeout and states are such as it takes.
fn check_update(view: &View<'_>, statement: &Statement) -> Result<(), VerifyError> {
    let kind = SetUpdate::from_raw(statement.key).ok_or(VerifyError::Statement)?;
    let set = view.sets().get(statement.a as usize);
    let set = set.ok_or(VerifyError::Index)?;
    let key = view.keys().get(statement.b as usize);
    let key = key.ok_or(VerifyError::Index)?;
    ensure(key_fits(set, key), VerifyError::Key)?;
    ensure(set.flags & SET_CONSTANT == 0, VerifyError::Constant)?;
    let source = Field::from_raw(statement.field);
    let data = match SetKind::from_raw(set.kind) {
        Some(SetKind::Set) => source.is_none(),
        Some(SetKind::Map) => match source {
            Some(field) => field.is_wide() == (set.data_len == 16),
            None => kind == SetUpdate::Delete,
        },
        _ => false,
    };
    let timeout = statement.c | statement.d;
    ensure(
        data && (timeout == 0 || set.flags & SET_TIMEOUT != 0),
        VerifyError::Statement,
    )?;
    let states = templates(view, statement.e, statement.f)?;
    let of_rule = |state: &State| state.flags & STATE_RULE_TEMPLATE != 0;
    ensure(states.iter().all(of_rule), VerifyError::Statement)
}

/// Identities of states ascend, and each belongs to something.
pub(super) fn check_states(view: &View<'_>) -> Result<(), Refusal> {
    let mut previous = None;
    each(SectionId::States, view.states(), |state: &State| {
        ensure(previous < Some(state.identity), VerifyError::Identity)?;
        previous = Some(state.identity);
        check_state(view, state)
    })
}

/// One state: its flags go together, its numbers are such as nftables takes.
fn check_state(view: &View<'_>, state: &State) -> Result<(), VerifyError> {
    let kind = StateKind::from_raw(state.kind).ok_or(VerifyError::Statement)?;
    ensure(
        state.reserved == 0 && state.flags & !STATE_FLAGS == 0,
        VerifyError::Reserved,
    )?;
    let owner_flags = STATE_OBJECT | STATE_TEMPLATE | STATE_RULE_TEMPLATE;
    let of_rule_template = STATE_TEMPLATE | STATE_RULE_TEMPLATE;
    let owners = match state.flags & owner_flags {
        0 => view.rules().len(),
        STATE_OBJECT => view.objects().len(),
        STATE_TEMPLATE => view.sets().len(),
        flags if flags == of_rule_template => view.rules().len(),
        _ => return Err(VerifyError::Statement),
    };
    ensure((state.owner as usize) < owners, VerifyError::Index)?;
    let has = |flag| state.flags & flag != 0;
    let flags = match kind {
        StateKind::Limit => true,
        StateKind::Quota | StateKind::Connections => !has(STATE_BYTES),
        StateKind::Last | StateKind::Number => !has(STATE_BYTES) && !has(STATE_INVERT),
        StateKind::Counter => has(STATE_TEMPLATE) && !has(STATE_BYTES) && !has(STATE_INVERT),
    };
    let numbers = match kind {
        StateKind::Limit => state.c <= u32::MAX.into() && bucket(state).is_some(),
        StateKind::Quota => i64::try_from(state.a).is_ok() && state.b <= state.a && state.c == 0,
        StateKind::Last => state.a <= 1 && state.c == 0,
        StateKind::Connections => state.a <= u32::MAX.into() && state.b == 0 && state.c == 0,
        StateKind::Counter => state.c == 0,
        StateKind::Number => state.a == 0 && state.b == 0 && state.c == 0,
    };
    ensure(flags && numbers, VerifyError::Statement)
}

/// Identities of objects ascend, and each is what it says.
pub(super) fn check_objects(view: &View<'_>) -> Result<(), Refusal> {
    let mut previous = None;
    each(SectionId::Objects, view.objects(), |object: &Object| {
        ensure(previous < Some(object.identity), VerifyError::Identity)?;
        previous = Some(object.identity);
        check_object(view, object)
    })
}

/// One object.
fn check_object(view: &View<'_>, object: &Object) -> Result<(), VerifyError> {
    let kind = ObjectKind::from_raw(object.kind).ok_or(VerifyError::Statement)?;
    ensure(Family::from_raw(object.family).is_some(), VerifyError::Hook)?;
    ensure(
        within(object.table, view.strings())
            && within(object.name, view.strings())
            && within(object.text, view.strings()),
        VerifyError::Index,
    )?;
    // Whether it has protocols, a text, and timeout and size.
    let (protocols, text, rest) = match kind {
        ObjectKind::Counter | ObjectKind::Quota | ObjectKind::Limit => (false, false, false),
        ObjectKind::Secmark => (false, true, false),
        ObjectKind::CtHelper | ObjectKind::CtTimeout => (true, true, false),
        ObjectKind::CtExpectation => (true, false, true),
        ObjectKind::Synproxy => return Err(VerifyError::Unsupported),
    };
    let zero = (protocols || object.l4proto == 0 && object.l3proto == 0)
        && (text || object.text == Text::default())
        && (rest || object.b == 0 && object.c == 0);
    ensure(zero, VerifyError::Reserved)?;
    let of_kind = |wanted: StateKind| {
        let state = view.states().get(object.a as usize);
        state.is_some_and(|state| state.kind == wanted as u8 && state.flags & STATE_OBJECT != 0)
    };
    let holds = match kind {
        ObjectKind::Counter => (object.a as usize) < view.counters().len(),
        ObjectKind::Quota => of_kind(StateKind::Quota),
        ObjectKind::Limit => of_kind(StateKind::Limit),
        ObjectKind::CtTimeout => object.a.checked_mul(8) == Some(object.text.len),
        ObjectKind::CtExpectation => object.a <= u16::MAX.into(),
        ObjectKind::CtHelper | ObjectKind::Secmark => object.a == 0,
        ObjectKind::Synproxy => false,
    };
    ensure(holds, VerifyError::Statement)
}

/// A log's prefix, level and flags are such as the kernel has.
pub(super) fn check_log(view: &View<'_>, log: &Log) -> Result<(), VerifyError> {
    ensure(log.reserved == 0, VerifyError::Reserved)?;
    ensure(within(log.prefix, view.strings()), VerifyError::Index)?;
    let to_kernel = log.group == LOG_KERNEL;
    let group = to_kernel || log.group <= u16::MAX.into();
    let nflog = !to_kernel || log.snaplen == 0 && log.qthreshold == 0;
    let known = log.level <= LOG_AUDIT && log.flags & !LOG_FLAGS == 0;
    ensure(
        group && nflog && known && log.prefix.len <= LOG_PREFIX,
        VerifyError::Statement,
    )
}
