// SPDX-License-Identifier: GPL-2.0
//! Third pass: the instructions, from the last to the first.

use ferrule_uapi::{
    error::VerifyError,
    expr::ExprKind,
    field::Field,
    insn::{Insn, Opcode, FLAG_NEGATE, QUEUE_BYPASS, QUEUE_FANOUT},
    limit,
    program::{Chain, SectionId, TableKind},
    set::{Set, SetKind},
    statement::{RejectKind, StatementKind, STATEMENT_BY_MAP},
    NONE,
};

use super::{data::is_counter_or_none, ensure, set::key_fits, Refusal, Scratch};
use crate::{key::FieldSet, program::View};

/// What the code costs and looks at.
pub(super) struct Cost {
    /// Most instructions on a path from the beginning of a base chain.
    pub(super) max_steps: u32,
    /// Fields that it looks at.
    pub(super) fields: FieldSet,
}

/// Most that follows an instruction: the steps and the depth of the costliest way on.
#[derive(Clone, Copy)]
struct Way {
    steps: u32,
    depth: u16,
}

impl Way {
    /// Nothing follows.
    const END: Self = Way { steps: 0, depth: 0 };

    /// Either this way or `other`.
    fn or(self, other: Self) -> Self {
        Way {
            steps: self.steps.max(other.steps),
            depth: self.depth.max(other.depth),
        }
    }

    /// This way, which is a chain's, called, and then the way `next`.
    fn called_before(self, next: Self) -> Self {
        Way {
            steps: self.steps.saturating_add(next.steps),
            depth: next.depth.max(self.depth.saturating_add(1)),
        }
    }
}

/// One instruction under examination.
struct Place<'a> {
    view: &'a View<'a>,
    scratch: &'a [Scratch],
    /// Its index.
    pc: u32,
    /// Where its chain ends.
    chain_end: u32,
}

/// Checks all instructions.
pub(super) fn check(view: &View<'_>, scratch: &mut [Scratch]) -> Result<Cost, Refusal> {
    let too_many = Refusal::at(VerifyError::TooMany, SectionId::Insns, 0);
    let needed = view.insns.len().saturating_add(view.sets.len());
    let scratch = scratch.get_mut(..needed).ok_or(too_many)?;
    scratch.fill(Scratch::ZERO);
    let (scratch, of_sets) = scratch
        .split_at_mut_checked(view.insns.len())
        .ok_or(too_many)?;
    let mut fields = FieldSet::EMPTY;
    for chain in view.chains.iter().rev() {
        check_chain(view, scratch, of_sets, chain, &mut fields)?;
    }
    let mut max_steps = 0;
    for base in view.base_chains {
        let entry = view.chains.get(base.chain as usize).map(|c| c.first_insn);
        let noted = entry.and_then(|pc| scratch.get(pc as usize));
        max_steps = max_steps.max(noted.map_or(0, |noted| noted.steps));
    }
    Ok(Cost { max_steps, fields })
}

/// Checks one chain, from its last instruction to its first, and marks its beginning.
fn check_chain(
    view: &View<'_>,
    scratch: &mut [Scratch],
    of_sets: &mut [Scratch],
    chain: &Chain,
    fields: &mut FieldSet,
) -> Result<(), Refusal> {
    let chain_end = chain.first_insn.saturating_add(chain.insn_count);
    for pc in (chain.first_insn..chain_end).rev() {
        let refuse = |error| Refusal::at(error, SectionId::Insns, pc as usize);
        let insn = view
            .insns
            .get(pc as usize)
            .ok_or(refuse(VerifyError::Index))?;
        let place = Place {
            view,
            scratch: &*scratch,
            pc,
            chain_end,
        };
        let way = place.check(insn, of_sets, fields).map_err(refuse)?;
        let steps = way.steps.saturating_add(1);
        if steps > limit::MAX_STEPS {
            return Err(refuse(VerifyError::Steps));
        }
        if u32::from(way.depth) > limit::MAX_DEPTH {
            return Err(refuse(VerifyError::Depth));
        }
        if let Some(note) = scratch.get_mut(pc as usize) {
            *note = Scratch {
                steps,
                depth: way.depth,
                entry: pc == chain.first_insn,
            };
        }
    }
    Ok(())
}

impl Place<'_> {
    /// Checks the instruction and returns what may follow it.
    fn check(
        &self,
        insn: &Insn,
        of_sets: &mut [Scratch],
        fields: &mut FieldSet,
    ) -> Result<Way, VerifyError> {
        let opcode = Opcode::from_raw(insn.opcode).ok_or(VerifyError::Opcode)?;
        check_unused(opcode, insn)?;
        self.check_fields(opcode, insn, fields)?;
        self.check_operands(opcode, insn)?;
        match opcode {
            Opcode::Count | Opcode::SetMark | Opcode::Verdict => self.fall_through(),
            Opcode::Accept | Opcode::Drop | Opcode::Return | Opcode::Reject | Opcode::Queue => {
                Ok(Way::END)
            }
            Opcode::Call => {
                let callee = self.chain_at(insn.target)?;
                Ok(callee.called_before(self.fall_through()?))
            }
            Opcode::Goto => self.chain_at(insn.target),
            Opcode::LookupVerdict => {
                let misses = self.fall_through()?.or(self.mismatch(insn)?);
                let behind = self.pc.saturating_add(2);
                let behind = self.way_from(behind).ok_or(VerifyError::Unterminated)?;
                let target = self.costliest_target(insn.a, of_sets)?;
                Ok(misses.or(target.called_before(behind)))
            }
            _ => Ok(self.fall_through()?.or(self.mismatch(insn)?)),
        }
    }

    /// What the costliest chain costs that elements of set `index` may lead to. All of them are further on.
    fn costliest_target(&self, index: u32, of_sets: &mut [Scratch]) -> Result<Way, VerifyError> {
        let note = of_sets.get_mut(index as usize).ok_or(VerifyError::Index)?;
        if !note.entry {
            let set = self.view.sets.get(index as usize);
            let set = set.ok_or(VerifyError::Index)?;
            let start = set.first_target as usize;
            let end = start.saturating_add(set.target_count as usize);
            let targets = self.view.targets.get(start..end);
            let mut costliest = Way::END;
            for target in targets.ok_or(VerifyError::Index)? {
                let chain = self.view.chains.get(target.chain as usize);
                let chain = chain.ok_or(VerifyError::Index)?;
                costliest = costliest.or(self.chain_at(chain.first_insn)?);
            }
            // Those that look into the set after this lie before this, and their targets still further on.
            *note = Scratch {
                steps: costliest.steps,
                depth: costliest.depth,
                entry: true,
            };
        }
        Ok(Way {
            steps: note.steps,
            depth: note.depth,
        })
    }

    /// The way on to the next instruction, which must be in the same chain.
    fn fall_through(&self) -> Result<Way, VerifyError> {
        let next = self.pc.saturating_add(1);
        self.way_from(next).ok_or(VerifyError::Unterminated)
    }

    /// The way on where a match fails, which must be further on in the same chain.
    fn mismatch(&self, insn: &Insn) -> Result<Way, VerifyError> {
        ensure(insn.target > self.pc, VerifyError::Target)?;
        self.way_from(insn.target).ok_or(VerifyError::Target)
    }

    /// What was noted of an instruction of this chain.
    fn way_from(&self, pc: u32) -> Option<Way> {
        if pc >= self.chain_end {
            return None;
        }
        let noted = self.scratch.get(pc as usize)?;
        Some(Way {
            steps: noted.steps,
            depth: noted.depth,
        })
    }

    /// What was noted of the chain that begins at `pc`: a later one, or nothing was.
    fn chain_at(&self, pc: u32) -> Result<Way, VerifyError> {
        let noted = self.scratch.get(pc as usize);
        let entry = noted.filter(|noted| pc > self.pc && noted.entry);
        entry
            .map(|noted| Way {
                steps: noted.steps,
                depth: noted.depth,
            })
            .ok_or(VerifyError::ChainTarget)
    }

    /// The operands exist and make sense.
    fn check_operands(&self, opcode: Opcode, insn: &Insn) -> Result<(), VerifyError> {
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
            Opcode::Count => exists(self.view.counters, insn.a),
            Opcode::SetMark | Opcode::Load | Opcode::Bitwise => Ok(()),
            Opcode::Accept | Opcode::Drop | Opcode::Verdict => self.check_decider(insn),
            Opcode::Call | Opcode::Goto => exists(self.view.rules, insn.a),
            Opcode::Return if insn.a == NONE => Ok(()),
            Opcode::Return => exists(self.view.rules, insn.a),
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
                let next = self.view.insns.get(self.pc.saturating_add(1) as usize);
                let named = next.is_some_and(|next| next.opcode == Opcode::Verdict as u8);
                ensure(named, VerifyError::Opcode)
            }
            Opcode::Do => {
                exists(self.view.statements, insn.a)?;
                exists(self.view.rules, insn.b)
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
                exists(self.view.rules, insn.a)?;
                check_queue(insn)
            }
        }
    }

    /// The rule that decides exists, and the counter, if there is one.
    fn check_decider(&self, insn: &Insn) -> Result<(), VerifyError> {
        exists(self.view.rules, insn.a)?;
        let counter = is_counter_or_none(self.view, insn.b);
        ensure(counter, VerifyError::Index)
    }

    /// The set of a lookup, which its key fits.
    fn looked_up(&self, insn: &Insn) -> Result<&Set, VerifyError> {
        let set = self.view.sets.get(insn.a as usize);
        let set = set.ok_or(VerifyError::Index)?;
        let key = self.view.keys.get(insn.b as usize);
        let key = key.ok_or(VerifyError::Index)?;
        ensure(key_fits(set, key), VerifyError::Key)?;
        Ok(set)
    }

    /// The fields that are read exist and are as wide as the instruction needs, and are noted; what is written
    /// is a register.
    fn check_fields(
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
                let expr = self.view.exprs.get(insn.a as usize);
                let expr = expr.ok_or(VerifyError::Index)?;
                register(insn.field, expr.bits > 32)?;
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
                let set = self.view.sets.get(insn.a as usize);
                register(insn.field, set.is_some_and(|set| set.data_len == 16))?;
                self.note_key(insn.b, fields);
            }
            Opcode::Do => self.note_statement(insn.a, fields),
            Opcode::Queue if insn.field != 0 => register(insn.field, false)?,
            _ => {}
        }
        Ok(())
    }

    /// Notes the fields of key `index`.
    fn note_key(&self, index: u32, fields: &mut FieldSet) {
        let Some(key) = self.view.keys.get(index as usize) else {
            return;
        };
        for part in key.parts.iter().take(key.count.into()) {
            fields.insert_raw(part.field);
        }
    }

    /// Notes the fields that statement `index` reads.
    fn note_statement(&self, index: u32, fields: &mut FieldSet) {
        let Some(statement) = self.view.statements.get(index as usize) else {
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
    fn pair(&self, index: u32) -> Result<&ferrule_uapi::program::RangeWide, VerifyError> {
        let pair = self.view.wide_pairs.get(index as usize);
        pair.ok_or(VerifyError::Index)
    }

    /// Table `index` exists and is of the kind that the lookup needs.
    fn check_table(&self, index: u32, kind: TableKind) -> Result<(), VerifyError> {
        let table = self.view.tables.get(index as usize);
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
        Opcode::Call | Opcode::Goto => Uses {
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
fn check_unused(opcode: Opcode, insn: &Insn) -> Result<(), VerifyError> {
    let uses = uses(opcode);
    let zero = (uses.field || insn.field == 0)
        && insn.flags & !uses.flags == 0
        && (uses.target || insn.target == 0)
        && (uses.b || insn.b == 0);
    ensure(zero, VerifyError::Reserved)
}
