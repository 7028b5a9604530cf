// SPDX-License-Identifier: GPL-2.0
//! Statements to instructions and records.

use std::iter::Peekable;
use std::slice::Iter;

use ferrule_uapi::{
    expr::MetaKey,
    insn::{Insn, Opcode, QUEUE_BYPASS, QUEUE_FANOUT},
    statement::{
        ObjectKind, Statement as Record, StatementKind, NO_FIELD, STATEMENT_BY_MAP,
        STATE_RULE_TEMPLATE, STATE_TEMPLATE,
    },
    NONE,
};

use super::super::states;
use super::rule::Lowering;
use crate::ruleset::expr::Source;
use crate::ruleset::statement::{
    Dup, Log, ObjectRef, ObjectUse, Queue, QueueTo, Reject, SetUpdate, StateSpec,
};
use crate::ruleset::{Expr, SetRef, Statement};

impl<'a> Lowering<'_, 'a> {
    /// Appends a statement; `rest` are those behind it.
    pub(super) fn statement(
        &mut self,
        statement: &'a Statement,
        rest: &mut Peekable<Iter<'a, Statement>>,
    ) {
        match statement {
            Statement::Require(require) => self.require(require),
            Statement::Match(comparison) => self.comparison(comparison),
            Statement::Counter(counts) => self.counter(counts, rest),
            Statement::State(spec) => self.state(spec),
            Statement::Object(object) => self.object(object),
            Statement::Set(assignment) => self.assign(assignment),
            Statement::ResetOption(select) => {
                let key = match select.source {
                    Source::Record(record) => record.op,
                    Source::Field(_) => 0,
                };
                self.run(Record {
                    kind: StatementKind::ResetTcpOption as u8,
                    key,
                    field: NO_FIELD,
                    ..Record::default()
                });
            }
            Statement::Notrack => self.run(plain(StatementKind::Notrack)),
            Statement::Log(log) => self.log(log),
            Statement::Reject(reject) => {
                let counter = self.drop_counter();
                self.reject(reject, counter);
            }
            Statement::Queue(queue) => self.queue(queue),
            Statement::Dup(dup) => self.dup(dup),
            Statement::Update(update) => self.update(update),
            Statement::Vmap { key, map } => self.vmap(key, map),
            Statement::Verdict(verdict) => self.verdict(verdict),
        }
    }

    /// Appends a statement's record and the instruction that runs it.
    pub(super) fn run(&mut self, record: Record) {
        let index = self.out.statements.len() as u32;
        self.out.statements.push(record);
        self.push(Insn {
            opcode: Opcode::Do as u8,
            target: NONE,
            a: index,
            b: self.number,
            ..Insn::default()
        });
    }

    fn state(&mut self, spec: &StateSpec) {
        let identity = self.out.next_state(self.rule.handle);
        let record = states::record(spec, identity, self.number, 0, !self.is_loaded());
        let state = self.out.states.push(record);
        self.run(Record {
            a: state,
            ..plain(StatementKind::State)
        });
    }

    fn object(&mut self, object: &'a ObjectUse) {
        match &object.which {
            ObjectRef::Name(name) => {
                let table = self.placed.table;
                let (number, state) = self.out.object_number(table, object.kind, name);
                match object.kind {
                    ObjectKind::Counter => self.emit(Opcode::Count, state, 0),
                    ObjectKind::Limit | ObjectKind::Quota => self.run(Record {
                        a: state,
                        ..plain(StatementKind::State)
                    }),
                    _ => self.run(Record {
                        a: number,
                        ..plain(StatementKind::Object)
                    }),
                }
            }
            ObjectRef::Map(key, map) => {
                let key = self.key(key);
                let set = self.set(map);
                self.run(Record {
                    flags: STATEMENT_BY_MAP,
                    a: set,
                    b: key,
                    ..plain(StatementKind::Object)
                });
            }
        }
    }

    fn log(&mut self, log: &'a Log) {
        let index = self.out.logs.len() as u32;
        self.out.logs.push(log);
        self.run(Record {
            a: index,
            ..plain(StatementKind::Log)
        });
    }

    /// Appends a reject, counted by `counter`.
    pub(super) fn reject(&mut self, reject: &Reject, counter: u32) {
        self.push(Insn {
            opcode: Opcode::Reject as u8,
            field: reject.kind as u8,
            flags: reject.code.into(),
            a: self.number,
            b: counter,
            ..Insn::default()
        });
    }

    fn queue(&mut self, queue: &'a Queue) {
        let (field, b) = match &queue.to {
            QueueTo::Range(first, last) => {
                let total = u32::from(*last) - u32::from(*first) + 1;
                (0, u32::from(*first) | total.min(0xffff) << 16)
            }
            QueueTo::Expr(expr) => {
                let value = self.value(expr);
                (self.in_register(value).field, 0)
            }
        };
        let flag = |bit, set| if set { bit } else { 0 };
        self.push(Insn {
            opcode: Opcode::Queue as u8,
            field,
            flags: flag(QUEUE_BYPASS, queue.bypass) | flag(QUEUE_FANOUT, queue.fanout),
            a: self.number,
            b,
            ..Insn::default()
        });
    }

    fn dup(&mut self, dup: &'a Dup) {
        let to = self.value(&dup.to);
        let device = dup.device.as_ref().map(|device| self.value(device).field);
        self.run(Record {
            kind: StatementKind::Dup as u8,
            key: self.placed.table.family as u8,
            field: to.field,
            b: device.unwrap_or(NO_FIELD).into(),
            ..Record::default()
        });
    }

    fn update(&mut self, update: &'a SetUpdate) {
        let key = self.key(&update.key);
        let data = update.data.as_ref().map(|data| self.value(data).field);
        let set = self.out.named(self.placed.table, &update.set);
        let mut first = self.out.states.len();
        for spec in &update.states {
            let identity = self.out.next_state(self.rule.handle);
            let flags = STATE_TEMPLATE | STATE_RULE_TEMPLATE;
            let record = states::record(spec, identity, self.number, flags, false);
            self.out.states.push(record);
        }
        if update.states.is_empty() {
            first = 0;
        }
        let timeout = update.timeout.unwrap_or_default();
        self.run(Record {
            kind: StatementKind::UpdateSet as u8,
            key: update.kind as u8,
            flags: 0,
            field: data.unwrap_or(NO_FIELD),
            a: set,
            b: key,
            c: timeout as u32,
            d: (timeout >> 32) as u32,
            e: first,
            f: update.states.len() as u32,
            g: 0,
        });
    }

    fn vmap(&mut self, key: &'a Expr, map: &'a SetRef) {
        let key = self.key(key);
        let set = self.set(map);
        self.push(Insn {
            opcode: Opcode::LookupVerdict as u8,
            target: NONE,
            a: set,
            b: key,
            ..Insn::default()
        });
        let counter = self.drops();
        self.emit(Opcode::Verdict, self.number, counter);
    }
}

/// The record of a statement of this kind, without a field.
pub(super) fn plain(kind: StatementKind) -> Record {
    Record {
        kind: kind as u8,
        field: NO_FIELD,
        ..Record::default()
    }
}

/// The key of a meta selector that can be set.
pub(super) fn settable(field: ferrule_uapi::field::Field) -> Option<MetaKey> {
    match field {
        ferrule_uapi::field::Field::MetaMark => Some(MetaKey::Mark),
        ferrule_uapi::field::Field::MetaPkttype => Some(MetaKey::Pkttype),
        _ => None,
    }
}
