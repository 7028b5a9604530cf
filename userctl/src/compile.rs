// SPDX-License-Identifier: GPL-2.0
//! Ruleset to program bytes.
//!
//! ```text
//! Ruleset ─► order (which chain where) ─► lower (rules to instructions) ─► encode (sections, bytes)
//!                                            ├─► counters, states (identities)   └─► batch (elements)
//!                                            └─► records (each once)
//! ```
//!
//! Every match of a field of the key becomes one instruction, and what a match needs beside it (a range, a
//! mask) goes to the constants. What is not in the key is loaded into a register first; registers are given
//! out anew for each statement. A rule whose match can never hold keeps its place and its counters: the rest of it
//! is never reached.
//!
//! # Passes
//!
//! Each changes the program and never what it means; [`Options`] turns them off, one by one or all.
//!
//! 1. *Fuse counters.* A `counter` directly before `accept` or `drop` is counted by the verdict's own
//!    instruction.
//! 2. *Unwrap sets.* A set of one range is a comparison, without a table.
//! 3. *Classify.* What the rules of a chain ask of fields before they do anything is asked once for all of them
//!    (`classify`).
//!
//! Chains that no base chain leads to are left empty, whatever the options: no packet gets there.
//!
//! # Sets
//!
//! Anonymous sets of plain numbers are constant tables of the program. All others, named or anonymous, are
//! declared in the program and hold their elements in the kernel: [`Compiled::batch`] is what is to be
//! done to them with the load, [`batch_of`] what is to be done to what is loaded already.
//!
//! # Identities
//!
//! Of counters: `handle << 8 | n` for the rule's `n`th `counter`, `handle << 8 | 0xff` for what a rule without one
//! drops, `chain handle << 8 | 0xfe` for what a policy drops. Handles are never given out twice, so a
//! counter keeps its identity for as long as its rule stays. Named sets, objects and their counters and states:
//! `handle << 8`; anonymous sets, and states of rules and elements: `handle << 8 | n`, n from 1.

mod batch;
mod classify;
mod counters;
mod encode;
mod lower;
mod order;
mod records;
mod states;

use std::sync::Arc;

use ferrule_engine::Storage;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::image::Image;
use crate::ruleset::Ruleset;

/// A pass of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// `counter accept` is one instruction.
    FuseCounters = 1,
    /// A set of one range is a comparison.
    UnwrapSets = 2,
    /// A classifier finds the rules that can match.
    Classify = 3,
}

impl Pass {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Pass::FuseCounters, Pass::UnwrapSets, Pass::Classify];

    /// The pass of this number.
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|pass| *pass as u8 == number)
    }

    /// What it does, in a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Pass::FuseCounters => "fuse counters and verdicts",
            Pass::UnwrapSets => "unwrap sets of one range",
            Pass::Classify => "classify rules",
        }
    }
}

/// How to compile: which passes run. The meaning is the same without them.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    left_out: [bool; Pass::ALL.len()],
}

impl Default for Options {
    fn default() -> Self {
        Self::optimising(true)
    }
}

impl Options {
    /// With all passes, or with none.
    pub fn optimising(all: bool) -> Self {
        Options {
            left_out: [!all; Pass::ALL.len()],
        }
    }

    /// Without this pass.
    #[must_use]
    pub fn without(mut self, pass: Pass) -> Self {
        self.left_out[pass as usize - 1] = true;
        self
    }

    /// Whether the pass runs.
    pub fn runs(&self, pass: Pass) -> bool {
        !self.left_out[pass as usize - 1]
    }
}

/// Why a ruleset cannot be compiled: limits of the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// More of something than the ABI allows.
    #[error("too many {what}: {count}, the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A statement that needs more values at a time than there are registers.
    #[error("{file}:{line}: the statement compares too many values at once")]
    TooComplex {
        /// Handle of the rule.
        rule: u64,
        /// Where it came from.
        file: Arc<str>,
        /// The line, or 0.
        line: u32,
    },
}

impl From<CompileError> for Diagnostics {
    fn from(error: CompileError) -> Self {
        Diagnostics::one(Diagnostic {
            message: error.to_string(),
            primary: None,
            secondary: Vec::new(),
            hint: None,
        })
    }
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    program: Image,
    batch: Vec<u8>,
}

impl Compiled {
    /// The program, eight-byte aligned.
    pub fn bytes(&self) -> &[u8] {
        self.program.bytes()
    }

    /// What is to be done to the elements of sets when the program is published; empty if nothing.
    pub fn batch(&self) -> &[u8] {
        &self.batch
    }

    /// The program, to be verified, and the batch.
    pub fn into_parts(self) -> (Image, Vec<u8>) {
        (self.program, self.batch)
    }
}

/// Identity of the `n`th counter, state or set of whatever has this handle.
pub fn identity(handle: u64, n: u64) -> u64 {
    handle << 8 | n
}

/// Compiles a ruleset.
///
/// # Errors
///
/// The ruleset is larger than a program may be.
pub fn compile(ruleset: &Ruleset, options: &Options) -> Result<Compiled, CompileError> {
    let ordered = order::order(ruleset);
    let lowered = lower::lower(ruleset, &ordered, *options)?;
    encode::encode(ruleset, &ordered, lowered)
}

/// The key of an element as the module is asked for it: the beginning of an interval.
pub fn key_bytes(set: &crate::ruleset::Set, element: &crate::ruleset::set::Element) -> Vec<u8> {
    batch::key_bytes(set, element)
}

/// What a script does to the elements of named sets, to be done to what is loaded already
/// ([`ferrule_uapi::ioctl::IOC_CHANGE_SETS`]); empty if nothing.
pub fn batch_of(ruleset: &Ruleset) -> Vec<u8> {
    batch::of_named(ruleset)
}
