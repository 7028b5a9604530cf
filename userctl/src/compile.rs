// SPDX-License-Identifier: GPL-2.0
//! Ruleset to program bytes.
//!
//! Identities of counters: `handle << 8 | n` for the rule's `n`th `counter`, `handle << 8 | 0xff` for
//! what a rule without one drops, `chain handle << 8 | 0xfe` for what a policy drops.

use zerocopy::IntoBytes;

use crate::diagnostic::Diagnostics;
use crate::ruleset::Ruleset;

/// How to compile.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether the optimiser's passes run. The meaning is the same without them.
    pub optimise: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { optimise: true }
    }
}

/// Why a ruleset cannot be compiled: limits of the program, mostly.
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
}

impl From<CompileError> for Diagnostics {
    fn from(_: CompileError) -> Self {
        todo!()
    }
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    words: Vec<u64>,
}

impl Compiled {
    /// The program: a multiple of eight bytes, eight-byte aligned.
    pub fn bytes(&self) -> &[u8] {
        self.words.as_bytes()
    }
}

/// Compiles a ruleset.
pub fn compile(ruleset: &Ruleset, options: &Options) -> Result<Compiled, CompileError> {
    let _ = (ruleset, options);
    todo!()
}
