// SPDX-License-Identifier: GPL-2.0
//! Statements: what a rule does beside matching and deciding.
//!
//! What lies in the packet's bytes is changed here, and the key is put in step with it; what only the
//! environment can do is asked of [`Packet`].
//!
//! - `payload`: bits of a header, and the checksums over them (`nft_payload_set_eval()`)
//! - `tcp_option`: writing and removing TCP options (`nft_exthdr.c`)

mod payload;
mod tcp_option;

use ferrule_uapi::{
    expr::MetaKey,
    field::Field,
    program::Wide,
    set::Key as KeyShape,
    statement::{ObjectKind, SetUpdate, Statement, StatementKind, NO_FIELD, STATEMENT_BY_MAP},
};

use crate::{
    element::KeyBytes,
    key::Key,
    packet::{Found, Packet, Update},
    program::View,
};

/// What came of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Go on with the rule.
    Go,
    /// It says no, or could not be done: the rule ends.
    End,
    /// It could not be done, and the packet must not pass.
    Drop,
    /// The program did what the verifier rules out.
    Fault,
}

impl From<bool> for Done {
    fn from(yes: bool) -> Self {
        match yes {
            true => Done::Go,
            false => Done::End,
        }
    }
}

impl View<'_> {
    /// Runs statement `index` for rule `rule`.
    ///
    /// Apart from the loop, which is to have a small frame.
    #[inline(never)]
    pub(crate) fn perform<P: Packet>(
        &self,
        index: u32,
        rule: u32,
        key: &mut Key,
        packet: &mut P,
    ) -> Done {
        let Some(statement) = self.statements().get(index as usize) else {
            return Done::Fault;
        };
        let Some(kind) = StatementKind::from_raw(statement.kind) else {
            return Done::Fault;
        };
        let value = match statement.field {
            NO_FIELD => Wide::default(),
            field => match key.value(field) {
                Some(value) => value,
                None => return Done::End,
            },
        };
        match kind {
            StatementKind::State => ask(statement.a, packet),
            StatementKind::Object => self.use_object(statement, rule, key, packet),
            StatementKind::SetMeta => set_meta(statement, value, rule, key, packet),
            StatementKind::SetPayload => payload::set(statement, value, key, packet).into(),
            StatementKind::SetTcpOption => tcp_option::set(statement, value, key, packet).into(),
            StatementKind::ResetTcpOption => tcp_option::reset(statement, key, packet),
            StatementKind::UpdateSet => self.update_set(statement, value, key, packet),
            StatementKind::SetCt | StatementKind::Notrack | StatementKind::Log => {
                packet.act(statement, value, rule).into()
            }
            StatementKind::Dup => duplicate(statement, value, rule, key, packet),
        }
    }

    /// The bytes of key `index` of a packet, if all its fields are there.
    pub(crate) fn key_bytes(&self, index: u32, key: &Key) -> Option<KeyBytes> {
        let shape: &KeyShape = self.keys().get(index as usize)?;
        KeyBytes::of(shape, key)
    }

    /// Uses an object: counts, asks, or has the environment do what else objects are for.
    fn use_object<P: Packet>(
        &self,
        statement: &Statement,
        rule: u32,
        key: &Key,
        packet: &mut P,
    ) -> Done {
        let index = match statement.flags & STATEMENT_BY_MAP {
            0 => Some(statement.a),
            _ => self.mapped_object(statement, key, packet),
        };
        let Some(index) = index else { return Done::End };
        let Some(object) = self.objects().get(index as usize) else {
            return Done::Fault;
        };
        match ObjectKind::from_raw(object.kind) {
            Some(ObjectKind::Counter) => {
                packet.count(object.a);
                Done::Go
            }
            Some(ObjectKind::Quota | ObjectKind::Limit) => ask(object.a, packet),
            Some(_) => {
                let plain = Statement {
                    flags: 0,
                    a: index,
                    b: 0,
                    ..*statement
                };
                packet.act(&plain, Wide::default(), rule).into()
            }
            None => Done::Fault,
        }
    }

    /// The object that the statement's map has for its key.
    #[inline(never)]
    fn mapped_object<P: Packet>(
        &self,
        statement: &Statement,
        key: &Key,
        packet: &mut P,
    ) -> Option<u32> {
        let bytes = self.key_bytes(statement.b, key)?;
        match packet.find(statement.a, bytes.as_bytes())? {
            Found::Object(identity) => self.object(identity),
            _ => None,
        }
    }

    /// `add`, `update` or `delete` of an element. A deletion never ends the rule.
    #[inline(never)]
    fn update_set<P: Packet>(
        &self,
        statement: &Statement,
        value: Wide,
        key: &Key,
        packet: &mut P,
    ) -> Done {
        let Some(kind) = SetUpdate::from_raw(statement.key) else {
            return Done::Fault;
        };
        let Some(bytes) = self.key_bytes(statement.b, key) else {
            return Done::End;
        };
        let timeout = u64::from(statement.d).wrapping_shl(32) | u64::from(statement.c);
        let done = packet.update(&Update {
            kind,
            set: statement.a,
            key: bytes.as_bytes(),
            data: (statement.field != NO_FIELD).then_some(value),
            timeout,
            states: (statement.e, statement.f),
        });
        (done || kind == SetUpdate::Delete).into()
    }
}

/// Asks a state whether the rule goes on.
fn ask<P: Packet>(state: u32, packet: &mut P) -> Done {
    packet.ask(state).map_or(Done::Drop, Done::from)
}

/// `dup to … device …`: the environment is told the interface's index, or 0, where the statement names a field.
fn duplicate<P: Packet>(
    statement: &Statement,
    value: Wide,
    rule: u32,
    key: &Key,
    packet: &mut P,
) -> Done {
    let device = match u8::try_from(statement.b) {
        Ok(NO_FIELD) | Err(_) => 0,
        Ok(field) => match key.value(field) {
            Some(index) => index.lo as u32,
            None => return Done::End,
        },
    };
    let told = Statement {
        b: device,
        ..*statement
    };
    packet.act(&told, value, rule).into()
}

/// `meta KEY set`: the mark is the engine's own affair, and the key is put in step with the packet type.
fn set_meta<P: Packet>(
    statement: &Statement,
    value: Wide,
    rule: u32,
    key: &mut Key,
    packet: &mut P,
) -> Done {
    if statement.key == MetaKey::Mark as u8 {
        let mark = value.lo as u32;
        packet.set_mark(mark);
        key.set(Field::MetaMark, mark);
        return Done::Go;
    }
    let done = packet.act(statement, value, rule);
    if statement.key == MetaKey::Pkttype as u8 {
        key.parse_pkttype(packet);
    }
    done.into()
}
