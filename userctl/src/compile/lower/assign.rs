// SPDX-License-Identifier: GPL-2.0
//! `… set …`: what is written to, and where it lies.
//!
//! A field of a header is written as bits at an offset, which its selector knows; which checksums cover it, the
//! table [`SUMS`] says, as nft's `proto.c` and `payload.c` do.

use ferrule_uapi::{
    expr::{Expr as Record, ExprKind, PayloadBase, DIRECTION_ORIGINAL, DIRECTION_REPLY},
    field::Field,
    insn::Opcode,
    statement::{Statement, StatementKind, PAYLOAD_CSUM, PAYLOAD_CSUM_PSEUDO, PAYLOAD_CSUM_SCTP},
};

use super::rule::Lowering;
use super::statement::settable;
use crate::ruleset::expr::{BitOp, Select, Source};
use crate::ruleset::statement::Assignment;
use crate::ruleset::Expr;

/// Checksums by protocol: where it is in its header, in bits; and the fields, by offset, that are part of
/// the transport's pseudo header. UDP's is put right as if all its fields were: only so the kernel leaves a sum
/// of zero, which says that there is none, alone (`netlink_gen_payload_stmt()` does the same).
const SUMS: &[(&str, u8, u32, &[u32])] = &[
    ("ip", PAYLOAD_CSUM, 80, &[16, 72, 96, 128]),
    ("ip6", 0, 0, &[32, 48, 64, 192]),
    ("tcp", PAYLOAD_CSUM, 128, &[]),
    ("udp", PAYLOAD_CSUM_PSEUDO, 0, &[]),
    ("udplite", PAYLOAD_CSUM, 48, &[]),
    ("icmp", PAYLOAD_CSUM, 16, &[]),
    ("icmpv6", PAYLOAD_CSUM, 16, &[]),
    ("igmp", PAYLOAD_CSUM, 16, &[]),
    ("dccp", PAYLOAD_CSUM, 48, &[]),
    ("sctp", PAYLOAD_CSUM_SCTP, 0, &[]),
];

impl<'a> Lowering<'_, 'a> {
    /// Appends an assignment.
    pub(super) fn assign(&mut self, assignment: &'a Assignment) {
        let target = &assignment.target;
        match target.source {
            Source::Field(Field::MetaMark) => self.set_mark(&assignment.value),
            Source::Field(field) if settable(field).is_some() => {
                let key = settable(field).map_or(0, |key| key as u8);
                self.set_key(StatementKind::SetMeta, key, 0, &assignment.value);
            }
            Source::Field(_) => {
                if let Some((base, offset)) = target.selector.place {
                    // Only where there is such a header: what nft makes a match of the protocol.
                    let field = self.source(target.source);
                    self.bits(field, false, 0, 0);
                    let bits = target.selector.bits;
                    self.set_payload(target, base as u8, offset, bits, &assignment.value);
                }
            }
            Source::Record(record) => self.set_record(target, &record, &assignment.value),
        }
    }

    fn set_record(&mut self, target: &Select, record: &Record, value: &'a Expr) {
        match ExprKind::from_raw(record.kind) {
            Some(ExprKind::Payload) => {
                let bits = record.bits.into();
                self.set_payload(target, record.key, record.offset, bits, value);
            }
            Some(ExprKind::Exthdr) => {
                let value = self.value(value);
                self.run(Statement {
                    kind: StatementKind::SetTcpOption as u8,
                    key: record.op,
                    field: value.field,
                    a: record.offset,
                    b: record.bits.into(),
                    ..Statement::default()
                });
            }
            Some(ExprKind::Ct) => {
                let direction = record.flags & (DIRECTION_ORIGINAL | DIRECTION_REPLY);
                self.set_key(StatementKind::SetCt, record.key, direction, value);
            }
            _ => self.set_key(StatementKind::SetMeta, record.key, 0, value),
        }
    }

    /// `meta KEY set`, `ct KEY set`.
    fn set_key(&mut self, kind: StatementKind, key: u8, flags: u8, value: &'a Expr) {
        let value = self.value(value);
        self.run(Statement {
            kind: kind as u8,
            key,
            flags,
            field: value.field,
            ..Statement::default()
        });
    }

    /// `meta mark set`: one instruction where the mark is calculated from itself and numbers.
    fn set_mark(&mut self, value: &'a Expr) {
        match of_mark(value) {
            Some((and, xor)) => self.emit(Opcode::SetMark, and, xor),
            None => {
                let key = ferrule_uapi::expr::MetaKey::Mark as u8;
                self.set_key(StatementKind::SetMeta, key, 0, value);
            }
        }
    }

    /// Bits of a header.
    fn set_payload(&mut self, target: &Select, base: u8, offset: u32, bits: u32, value: &'a Expr) {
        let protocol = target.selector.protocol;
        let sum = SUMS.iter().find(|sum| sum.0 == protocol);
        let (mut flags, sum_at) = sum.map_or((0, 0), |sum| (sum.1, sum.2));
        // What lies behind the transport header is covered by its sum, too (`netlink_gen_payload_stmt()`).
        let behind = base == PayloadBase::Inner as u8;
        if behind || sum.is_some_and(|sum| sum.3.contains(&offset)) {
            flags |= PAYLOAD_CSUM_PSEUDO;
        }
        let value = self.value(value);
        self.run(Statement {
            kind: StatementKind::SetPayload as u8,
            key: base,
            flags,
            field: value.field,
            a: offset,
            b: bits,
            c: sum_at,
            ..Statement::default()
        });
    }
}

/// The value as `mark & and ^ xor`, if it is that.
fn of_mark(value: &Expr) -> Option<(u32, u32)> {
    match value {
        Expr::Constant(number) => Some((0, number.value as u32)),
        Expr::Select(select) if select.source == Source::Field(Field::MetaMark) => {
            Some((u32::MAX, 0))
        }
        Expr::Bitwise { op, left, right } => {
            let (expr, number) = match (&**left, &**right) {
                (expr, Expr::Constant(number)) | (Expr::Constant(number), expr) => {
                    (expr, number.value as u32)
                }
                _ => return None,
            };
            let (and, xor) = of_mark(expr)?;
            Some(match op {
                BitOp::And => (and & number, xor & number),
                BitOp::Or => (and & !number, xor & !number | number),
                BitOp::Xor => (and, xor ^ number),
            })
        }
        _ => None,
    }
}
