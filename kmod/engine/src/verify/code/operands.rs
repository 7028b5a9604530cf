// SPDX-License-Identifier: GPL-2.0
//! Third pass: what a single instruction names and uses. Where it leads to is the affair of `code`.

use ferrule_uapi::{
    error::VerifyError,
    expr::ExprKind,
    field::Field,
    insn::{Insn, Opcode, FLAG_NEGATE, QUEUE_BYPASS, QUEUE_FANOUT},
    program::{RangeWide, TableKind},
    set::{Set, SetKind},
    statement::{RejectKind, StatementKind, STATEMENT_BY_MAP},
    NONE,
};

use super::Place;
use crate::{
    key::FieldSet,
    verify::{data::is_counter_or_none, ensure, set::key_fits},
};

impl Place<'_> {
    /// The operands exist and make sense.
    pub(super) fn check_operands(&self, opcode: Opcode, insn: &Insn) -> Result<(), VerifyError> {
        match opcode {
            Opcode::MatchMask => ensure(insn.b & !insn.a == 0, VerifyError::Never),
            Opcode::MatchRange => ensure(insn.a <= insn.b, VerifyError::Never),
            Opcode::MatchWideMask => {
                let pair = self.pair(insn.a)?;
                let outside = pair.hi.hi & !pair.lo.hi | pair.hi.lo & !pair.lo.lo;
                ensure(outside == 0, VerifyError::Never)
            }
            Opcode::MatchWideRange => {
                let pair = self.pair(insn.a)?;
                ensure(pair.lo <= pair.hi, VerifyError::Never)
            }
            Opcode::Lookup => self.check_table(insn.a, TableKind::Ranges32),
            Opcode::LookupWide => {
                self.pair(insn.b)?;
                self.check_table(insn.a, TableKind::RangesWide)
            }
            Opcode::Count => exists(self.view.counters(), insn.a),
            Opcode::SetMark | Opcode::Load | Opcode::Bitwise => Ok(()),
            Opcode::Accept | Opcode::Drop | Opcode::Verdict => self.check_decider(insn),
            Opcode::Call | Opcode::Goto => exists(self.view.rules(), insn.a),
            Opcode::Return if insn.a == NONE => Ok(()),
            Opcode::Return => exists(self.view.rules(), insn.a),
            Opcode::BitwiseWide => self.pair(insn.a).map(|_| ()),
            Opcode::Shift => ensure(insn.a < 128 && insn.b <= 1, VerifyError::Index),
            Opcode::Combine => ensure(insn.a <= 2, VerifyError::Index),
            Opcode::LookupSet => self.looked_up(insn).map(|_| ()),
            Opcode::LookupMap => {
                let set = self.looked_up(insn)?;
                ensure(set.kind == SetKind::Map as u8, VerifyError::Set)
            }
            Opcode::LookupVerdict => {
                let set = self.looked_up(insn)?;
                ensure(set.kind == SetKind::Verdict as u8, VerifyError::Set)?;
                let next = self.view.insns().get(self.pc.saturating_add(1) as usize);
                let named = next.is_some_and(|next| next.opcode == Opcode::Verdict as u8);
                ensure(named, VerifyError::Opcode)
            }
            Opcode::Do => {
                exists(self.view.statements(), insn.a)?;
                exists(self.view.rules(), insn.b)
            }
            Opcode::Classify => {
                let classifier = self.view.classifiers().get(insn.a as usize);
                let classifier = classifier.ok_or(VerifyError::Index)?;
                let chain = self.view.chains().get(classifier.chain as usize);
                let here = chain.is_some_and(|chain| {
                    let end = chain.first_insn.saturating_add(chain.insn_count);
                    end == self.chain_end
                });
                ensure(here, VerifyError::Classifier)
            }
            Opcode::Reject => {
                self.check_decider(insn)?;
                let kind = RejectKind::from_raw(insn.field).ok_or(VerifyError::Field)?;
                let most = match kind {
                    RejectKind::Icmp | RejectKind::Icmpv6 => u8::MAX.into(),
                    RejectKind::Icmpx => ICMPX_CODES,
                    RejectKind::TcpReset => 0,
                };
                ensure(insn.flags <= most, VerifyError::Index)
            }
            Opcode::Queue => {
                exists(self.view.rules(), insn.a)?;
                check_queue(insn)
            }
        }
    }

    /// The rule that decides exists, and the counter, if there is one.
    fn check_decider(&self, insn: &Insn) -> Result<(), VerifyError> {
        exists(self.view.rules(), insn.a)?;
        let counter = is_counter_or_none(self.view, insn.b);
        ensure(counter, VerifyError::Index)
    }

    /// The set of a lookup, which its key fits.
    fn looked_up(&self, insn: &Insn) -> Result<&Set, VerifyError> {
        let set = self.view.sets().get(insn.a as usize);
        let set = set.ok_or(VerifyError::Index)?;
        let key = self.view.keys().get(insn.b as usize);
        let key = key.ok_or(VerifyError::Index)?;
        ensure(key_fits(set, key), VerifyError::Key)?;
        Ok(set)
    }

    /// The fields that are read exist and are as wide as the instruction needs, and are noted; what is written
    /// is a register.
    pub(super) fn check_fields(
        &self,
        opcode: Opcode,
        insn: &Insn,
        fields: &mut FieldSet,
    ) -> Result<(), VerifyError> {
        let [first, second] = insn.flags.to_le_bytes();
        match opcode {
            Opcode::MatchMask | Opcode::MatchRange | Opcode::Lookup => {
                fields.insert(field(insn.field, Some(false))?);
            }
            Opcode::MatchWideMask | Opcode::MatchWideRange | Opcode::LookupWide => {
                fields.insert(field(insn.field, Some(true))?);
            }
            Opcode::Load => {
                let expr = self.view.exprs().get(insn.a as usize);
                let expr = expr.ok_or(VerifyError::Index)?;
                register(insn.field, expr.bits > 32)?;
                // The key is asked where the transport header is.
                fields.insert(Field::MetaL4proto);
                if expr.kind == ExprKind::Jhash as u8 {
                    self.note_key(expr.d, fields);
                }
            }
            Opcode::Bitwise | Opcode::BitwiseWide => {
                register(insn.field, opcode == Opcode::BitwiseWide)?;
                fields.insert(field(first, None)?);
            }
            Opcode::Shift => {
                let source = field(first, None)?;
                register(insn.field, source.is_wide())?;
                fields.insert(source);
            }
            Opcode::Combine => {
                let source = field(first, None)?;
                register(insn.field, source.is_wide())?;
                fields.insert(source);
                fields.insert(field(second, Some(source.is_wide()))?);
            }
            Opcode::LookupSet | Opcode::LookupVerdict => self.note_key(insn.b, fields),
            Opcode::LookupMap => {
                let set = self.view.sets().get(insn.a as usize);
                register(insn.field, set.is_some_and(|set| set.data_len == 16))?;
                self.note_key(insn.b, fields);
            }
            Opcode::Do => {
                fields.insert(Field::MetaL4proto);
                self.note_statement(insn.a, fields);
            }
            Opcode::Classify => {
                if let Some(classifier) = self.view.classifiers().get(insn.a as usize) {
                    let dims = classifier.dims.iter();
                    dims.take(classifier.dim_count().into())
                        .for_each(|dim| fields.insert_raw(dim.field));
                }
            }
            Opcode::Queue if insn.field != 0 => register(insn.field, false)?,
            _ => {}
        }
        Ok(())
    }

    /// Notes the fields of key `index`.
    fn note_key(&self, index: u32, fields: &mut FieldSet) {
        let Some(key) = self.view.keys().get(index as usize) else {
            return;
        };
        for part in key.parts.iter().take(key.count.into()) {
            fields.insert_raw(part.field);
        }
    }

    /// Notes the fields that statement `index` reads.
    fn note_statement(&self, index: u32, fields: &mut FieldSet) {
        let Some(statement) = self.view.statements().get(index as usize) else {
            return;
        };
        fields.insert_raw(statement.field);
        match StatementKind::from_raw(statement.kind) {
            Some(StatementKind::UpdateSet) => self.note_key(statement.b, fields),
            Some(StatementKind::Object) if statement.flags & STATEMENT_BY_MAP != 0 => {
                self.note_key(statement.b, fields);
            }
            Some(StatementKind::Dup) => fields.insert_raw(statement.b as u8),
            _ => {}
        }
    }

    /// Wide pair `index`.
    fn pair(&self, index: u32) -> Result<&RangeWide, VerifyError> {
        let pair = self.view.wide_pairs().get(index as usize);
        pair.ok_or(VerifyError::Index)
    }

    /// Table `index` exists and is of the kind that the lookup needs.
    fn check_table(&self, index: u32, kind: TableKind) -> Result<(), VerifyError> {
        let table = self.view.tables().get(index as usize);
        let table = table.ok_or(VerifyError::Index)?;
        ensure(table.kind == kind as u8, VerifyError::TableKind)
    }
}

/// Largest code of [`RejectKind::Icmpx`]: `NFT_REJECT_ICMPX_MAX`.
const ICMPX_CODES: u16 = 3;

/// `elements` have one of this index.
fn exists<T>(elements: &[T], index: u32) -> Result<(), VerifyError> {
    ensure((index as usize) < elements.len(), VerifyError::Index)
}

/// The field numbered `number`, which must be wide or not, if that matters.
fn field(number: u8, wide: Option<bool>) -> Result<Field, VerifyError> {
    let field = Field::from_raw(number).ok_or(VerifyError::Field)?;
    let fits = wide.is_none_or(|wide| wide == field.is_wide());
    ensure(fits, VerifyError::Field)?;
    Ok(field)
}

/// The field is a register of this width.
fn register(number: u8, wide: bool) -> Result<(), VerifyError> {
    let register = field(number, Some(wide))?.is_register();
    ensure(register, VerifyError::Field)
}

/// The queues exist; one that a register names is a single one.
fn check_queue(insn: &Insn) -> Result<(), VerifyError> {
    if insn.field != 0 {
        let single = insn.b == 0 && insn.flags & QUEUE_FANOUT == 0;
        return ensure(single, VerifyError::Reserved);
    }
    let (first, total) = (insn.b & 0xffff, insn.b.wrapping_shr(16));
    let last = first.wrapping_add(total).wrapping_sub(1);
    ensure(total != 0 && last <= u16::MAX.into(), VerifyError::Index)
}

/// What an opcode uses beside `a`.
struct Uses {
    field: bool,
    flags: u16,
    target: bool,
    b: bool,
}

impl Uses {
    /// Nothing.
    const NOTHING: Self = Uses {
        field: false,
        flags: 0,
        target: false,
        b: false,
    };

    /// What a match uses: everything, and one flag.
    const MATCH: Self = Uses {
        field: true,
        flags: FLAG_NEGATE,
        target: true,
        b: true,
    };

    /// What a calculation uses whose sources are in these flags.
    const fn calculation(flags: u16, b: bool) -> Self {
        Uses {
            field: true,
            flags,
            target: true,
            b,
        }
    }
}

/// What each opcode uses.
fn uses(opcode: Opcode) -> Uses {
    let nothing = Uses::NOTHING;
    match opcode {
        Opcode::MatchMask | Opcode::MatchRange | Opcode::Lookup | Opcode::LookupWide => Uses::MATCH,
        Opcode::MatchWideMask | Opcode::MatchWideRange => Uses {
            b: false,
            ..Uses::MATCH
        },
        Opcode::Count | Opcode::Return => nothing,
        Opcode::SetMark | Opcode::Accept | Opcode::Drop | Opcode::Verdict => {
            Uses { b: true, ..nothing }
        }
        Opcode::Call | Opcode::Goto | Opcode::Classify => Uses {
            target: true,
            ..nothing
        },
        Opcode::Load => Uses::calculation(0, false),
        Opcode::LookupMap => Uses::calculation(0, true),
        Opcode::Bitwise | Opcode::Shift => Uses::calculation(0xff, true),
        Opcode::BitwiseWide => Uses::calculation(0xff, false),
        Opcode::Combine => Uses::calculation(0xffff, false),
        Opcode::LookupSet => Uses {
            field: false,
            ..Uses::MATCH
        },
        Opcode::LookupVerdict | Opcode::Do => Uses {
            target: true,
            b: true,
            ..nothing
        },
        Opcode::Reject => Uses {
            field: true,
            flags: u16::MAX,
            b: true,
            ..nothing
        },
        Opcode::Queue => Uses {
            field: true,
            flags: QUEUE_BYPASS | QUEUE_FANOUT,
            b: true,
            ..nothing
        },
    }
}

/// What the opcode does not use is zero.
pub(super) fn check_unused(opcode: Opcode, insn: &Insn) -> Result<(), VerifyError> {
    let uses = uses(opcode);
    let zero = (uses.field || insn.field == 0)
        && insn.flags & !uses.flags == 0
        && (uses.target || insn.target == 0)
        && (uses.b || insn.b == 0);
    ensure(zero, VerifyError::Reserved)
}
