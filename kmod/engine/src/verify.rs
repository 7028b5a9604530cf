// SPDX-License-Identifier: GPL-2.0
//! The verifier: the only way from bytes to a [`Program`].
//!
//! Passes, each linear in what it reads (base chains apart, whose number is small):
//!
//! 1. `layout`: header and sections are where they must be and account for every byte;
//! 2. `data`: every record points at things that exist, ranges ascend, names lie within strings;
//! 3. `code`: from the last instruction to the first, each goes only to places further on, chains end,
//!    operands exist; and, from what the places further on cost, what this one costs at most and how
//!    deep its calls nest.
//!
//! The third pass goes backwards because all jumps go forwards: when an instruction is looked at,
//! everything that it can lead to has been. It keeps two numbers an instruction in [`Scratch`], which
//! the caller lends, since the engine does not allocate; and two for each set, what the costliest chain
//! costs that its elements may lead to, so that a map that many rules look into is walked once.
//!
//! What an accepted program guarantees, and what the virtual machine relies on, is written down in the
//! crate's docs.

mod classifier;
mod code;
mod data;
mod expr;
mod layout;
mod set;
mod statement;

use ferrule_uapi::{
    error::VerifyError,
    limit,
    program::{Header, SectionId},
};
use zerocopy::FromBytes;

pub(crate) use data::run;
pub(crate) use layout::{Extent, Layout};

use crate::program::{Program, Storage, View};

/// Why a program was refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub error: VerifyError,
    /// The section of what was refused; `None` for the header.
    pub section: Option<SectionId>,
    /// Its index in that section.
    pub index: u32,
}

impl Refusal {
    /// A refusal of the program as a whole, or of its header.
    fn whole(error: VerifyError) -> Self {
        Refusal {
            error,
            section: None,
            index: 0,
        }
    }

    /// A refusal of one element.
    fn at(error: VerifyError, section: SectionId, index: usize) -> Self {
        Refusal {
            error,
            section: Some(section),
            index: u32::try_from(index).unwrap_or(u32::MAX),
        }
    }
}

/// Applies `check` to each element; a refusal is given the element's position.
fn each<T>(
    section: SectionId,
    elements: &[T],
    mut check: impl FnMut(&T) -> Result<(), VerifyError>,
) -> Result<(), Refusal> {
    // Not `enumerate()`, which panics on overflow where the kernel asks for overflow checks.
    for (index, element) in (0..elements.len()).zip(elements) {
        check(element).map_err(|error| Refusal::at(error, section, index))?;
    }
    Ok(())
}

/// `Ok` if `holds`.
fn ensure(holds: bool, error: VerifyError) -> Result<(), VerifyError> {
    if holds {
        Ok(())
    } else {
        Err(error)
    }
}

/// Whether all words but the first `used` are zero.
fn unused(words: &[u32], used: usize) -> bool {
    words.iter().skip(used).all(|word| *word == 0)
}

/// What the verifier notes about one instruction, or one set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scratch {
    /// Most instructions on a path from here, this one included. Zero: not looked at yet.
    steps: u32,
    /// Most calls that are open at once on a path from here.
    depth: u16,
    /// Whether a chain begins here; of a set: whether its targets were looked at.
    entry: bool,
}

impl Scratch {
    /// Nothing noted.
    pub const ZERO: Self = Scratch {
        steps: 0,
        depth: 0,
        entry: false,
    };
}

/// How many [`Scratch`] the verifier needs for `bytes`: one an instruction, and one a set. Zero if they cannot
/// be a program. Never more than [`limit::MAX_INSNS`] and [`limit::MAX_SETS`] together, nor than `bytes` has
/// room for.
pub fn scratch_len(bytes: &[u8]) -> usize {
    let Ok((header, _)) = Header::read_from_prefix(bytes) else {
        return 0;
    };
    let count = |id: SectionId| {
        let section = header.sections.get(id as usize).copied();
        let bytes_there = section.map_or(0, |section| section.size);
        let (max, size) = crate::program::element(id);
        if bytes_there as usize > bytes.len() {
            return 0;
        }
        bytes_there.checked_div(size).unwrap_or(0).min(max) as usize
    };
    count(SectionId::Insns).saturating_add(count(SectionId::Sets))
}

/// Verifies the program in `storage`.
///
/// `scratch` needs [`scratch_len`] elements; its contents are overwritten.
///
/// # Errors
///
/// The first thing found wrong, in the order of the passes. A `scratch` that is too short is refused
/// as [`VerifyError::TooMany`].
pub fn verify<S: Storage>(storage: S, scratch: &mut [Scratch]) -> Result<Program<S>, Refusal> {
    let bytes = storage.bytes();
    if bytes.len() > limit::MAX_PROGRAM_SIZE as usize {
        return Err(Refusal::whole(VerifyError::Size));
    }
    let layout = layout::check(bytes)?;
    let cost = check_records(bytes, &layout, scratch)?;
    Ok(Program::new(storage, layout, cost.fields, cost.max_steps))
}

/// The second and the third pass. Apart, so that the view is in no frame but this.
#[inline(never)]
fn check_records(
    bytes: &[u8],
    layout: &Layout,
    scratch: &mut [Scratch],
) -> Result<code::Cost, Refusal> {
    let view = View::new(bytes, layout, 0);
    data::check(&view)?;
    code::check(&view, scratch)
}
