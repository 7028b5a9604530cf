// SPDX-License-Identifier: GPL-2.0
//! Third pass: the instructions, from the last to the first.

use ferrule_uapi::{
    error::VerifyError,
    field::Field,
    insn::{Insn, Opcode, FLAG_NEGATE},
    limit,
    program::{Chain, SectionId, TableKind},
    NONE,
};

use super::{data::is_counter_or_none, Refusal, Scratch};
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
    let Some(scratch) = scratch.get_mut(..view.insns.len()) else {
        return Err(Refusal::at(VerifyError::TooMany, SectionId::Insns, 0));
    };
    scratch.fill(Scratch::ZERO);
    let mut fields = FieldSet::EMPTY;
    for chain in view.chains.iter().rev() {
        check_chain(view, scratch, chain, &mut fields)?;
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
        let way = place.check(insn, fields).map_err(refuse)?;
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
    fn check(&self, insn: &Insn, fields: &mut FieldSet) -> Result<Way, VerifyError> {
        let opcode = Opcode::from_raw(insn.opcode).ok_or(VerifyError::Opcode)?;
        check_unused(opcode, insn)?;
        if let Some(wide) = width(opcode) {
            fields.insert(check_field(insn, wide)?);
        }
        match opcode {
            Opcode::MatchMask
            | Opcode::MatchRange
            | Opcode::MatchWideMask
            | Opcode::MatchWideRange
            | Opcode::Lookup
            | Opcode::LookupWide => {
                self.check_operands(opcode, insn)?;
                Ok(self.fall_through()?.or(self.mismatch(insn)?))
            }
            Opcode::Count => {
                let exists = (insn.a as usize) < self.view.counters.len();
                ensure(exists, VerifyError::Index)?;
                self.fall_through()
            }
            Opcode::SetMark => self.fall_through(),
            Opcode::Accept | Opcode::Drop => {
                self.check_rule(insn.a)?;
                let counter = is_counter_or_none(self.view, insn.b);
                ensure(counter, VerifyError::Index).map(|()| Way::END)
            }
            Opcode::Call => {
                self.check_rule(insn.a)?;
                let callee = self.chain_at(insn.target)?;
                let next = self.fall_through()?;
                Ok(Way {
                    steps: callee.steps.saturating_add(next.steps),
                    depth: next.depth.max(callee.depth.saturating_add(1)),
                })
            }
            Opcode::Goto => {
                self.check_rule(insn.a)?;
                self.chain_at(insn.target)
            }
            Opcode::Return => {
                if insn.a != NONE {
                    self.check_rule(insn.a)?;
                }
                Ok(Way::END)
            }
            _ => Err(VerifyError::Opcode),
        }
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

    /// The rule that an instruction names exists.
    fn check_rule(&self, rule: u32) -> Result<(), VerifyError> {
        let exists = (rule as usize) < self.view.rules.len();
        ensure(exists, VerifyError::Index)
    }

    /// The operands of a match or lookup exist and make sense.
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
            _ => Ok(()),
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

/// `Ok` if `holds`.
fn ensure(holds: bool, error: VerifyError) -> Result<(), VerifyError> {
    if holds {
        Ok(())
    } else {
        Err(error)
    }
}

/// Whether the instruction compares a field, and if so whether a wide one.
fn width(opcode: Opcode) -> Option<bool> {
    match opcode {
        Opcode::MatchMask | Opcode::MatchRange | Opcode::Lookup => Some(false),
        Opcode::MatchWideMask | Opcode::MatchWideRange | Opcode::LookupWide => Some(true),
        _ => None,
    }
}

/// The field exists and is as wide as the instruction needs.
fn check_field(insn: &Insn, wide: bool) -> Result<Field, VerifyError> {
    let field = Field::from_raw(insn.field).ok_or(VerifyError::Field)?;
    ensure(field.is_wide() == wide, VerifyError::Field)?;
    Ok(field)
}

/// What the opcode does not use is zero.
fn check_unused(opcode: Opcode, insn: &Insn) -> Result<(), VerifyError> {
    let (is_match, uses_target, uses_b) = match opcode {
        Opcode::MatchMask | Opcode::MatchRange | Opcode::Lookup | Opcode::LookupWide => {
            (true, true, true)
        }
        Opcode::MatchWideMask | Opcode::MatchWideRange => (true, true, false),
        Opcode::Count | Opcode::Return => (false, false, false),
        Opcode::SetMark | Opcode::Accept | Opcode::Drop => (false, false, true),
        Opcode::Call | Opcode::Goto => (false, true, false),
        _ => return Err(VerifyError::Opcode),
    };
    let known_flags = if is_match { FLAG_NEGATE } else { 0 };
    let zero = (is_match || insn.field == 0)
        && insn.flags & !known_flags == 0
        && (uses_target || insn.target == 0)
        && (uses_b || insn.b == 0);
    ensure(zero, VerifyError::Reserved)
}
