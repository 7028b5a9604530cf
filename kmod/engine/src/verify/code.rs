// SPDX-License-Identifier: GPL-2.0
//! Third pass: the instructions, from the last to the first.

mod operands;

use ferrule_uapi::{
    error::VerifyError,
    insn::{Insn, Opcode},
    limit,
    program::{Chain, SectionId},
};

use self::operands::check_unused;
use super::{ensure, Refusal, Scratch};
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
    /// The costliest way from any instruction behind it in its chain.
    behind: Way,
}

/// Checks all instructions.
pub(super) fn check(view: &View<'_>, scratch: &mut [Scratch]) -> Result<Cost, Refusal> {
    let too_many = Refusal::at(VerifyError::TooMany, SectionId::Insns, 0);
    let needed = view.insns().len().saturating_add(view.sets().len());
    let scratch = scratch.get_mut(..needed).ok_or(too_many)?;
    scratch.fill(Scratch::ZERO);
    let (scratch, of_sets) = scratch
        .split_at_mut_checked(view.insns().len())
        .ok_or(too_many)?;
    let mut fields = FieldSet::EMPTY;
    for chain in view.chains().iter().rev() {
        check_chain(view, scratch, of_sets, chain, &mut fields)?;
    }
    let mut max_steps = 0;
    for base in view.base_chains() {
        let entry = view.chains().get(base.chain as usize).map(|c| c.first_insn);
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
    let mut behind = Way::END;
    for pc in (chain.first_insn..chain_end).rev() {
        let refuse = |error| Refusal::at(error, SectionId::Insns, pc as usize);
        let insn = view
            .insns()
            .get(pc as usize)
            .ok_or(refuse(VerifyError::Index))?;
        let place = Place {
            view,
            scratch: &*scratch,
            pc,
            chain_end,
            behind,
        };
        let way = place.check(insn, of_sets, fields).map_err(refuse)?;
        let steps = way.steps.saturating_add(1);
        if steps > limit::MAX_STEPS {
            return Err(refuse(VerifyError::Steps));
        }
        if u32::from(way.depth) > limit::MAX_DEPTH {
            return Err(refuse(VerifyError::Depth));
        }
        behind = behind.or(Way {
            steps,
            depth: way.depth,
        });
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
            // It leads behind itself, but to whatever instruction of the chain it finds.
            Opcode::Classify => Ok(self.behind.or(self.mismatch(insn)?)),
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
            let set = self.view.sets().get(index as usize);
            let set = set.ok_or(VerifyError::Index)?;
            let start = set.first_target as usize;
            let end = start.saturating_add(set.target_count as usize);
            let targets = self.view.targets().get(start..end);
            let mut costliest = Way::END;
            for target in targets.ok_or(VerifyError::Index)? {
                let chain = self.view.chains().get(target.chain as usize);
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
}
