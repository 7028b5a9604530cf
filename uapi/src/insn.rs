// SPDX-License-Identifier: GPL-2.0
//! Instructions of the rule program.
//!
//! All are 16 bytes. They are few and fat: kernels are built with retpolines and without jump tables,
//! so each dispatch costs several compares, and one instruction per match of a rule is what the
//! machine does best. What they mean, and what the verifier demands of them, is said in the docs of
//! `ferrule-engine`.

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi_struct! {
    /// One instruction. What an opcode does not use must be zero.
    pub struct Insn = ferrule_insn {
        /// An [`Opcode`].
        pub opcode: u8,
        /// A [`crate::field::Field`], for matches and lookups.
        pub field: u8,
        /// [`FLAG_NEGATE`].
        pub flags: u16,
        /// Where to go: when a match fails (the next rule), or the chain that is called.
        pub target: u32,
        /// First operand.
        pub a: u32,
        /// Second operand.
        pub b: u32,
    }
}

/// The match holds when the comparison does not. An absent field still matches nothing.
pub const FLAG_NEGATE: u16 = 1;

abi_enum! {
    /// What an instruction does. Zero is no instruction.
    pub enum Opcode: u8 = "FERRULE_OP_" {
        /// Narrow field: go on if `field & a == b`, else to `target`.
        MatchMask = 1, "MATCH_MASK",
        /// Narrow field: go on if `a <= field <= b`, else to `target`.
        MatchRange = 2, "MATCH_RANGE",
        /// Wide field: go on if `field & lo == hi` of wide pair `a`, else to `target`. `b` is 0.
        MatchWideMask = 3, "MATCH_WIDE_MASK",
        /// Wide field: go on if `lo <= field <= hi` of wide pair `a`, else to `target`. `b` is 0.
        MatchWideRange = 4, "MATCH_WIDE_RANGE",
        /// Narrow field: go on if table `a` holds `field & b`, else to `target`.
        Lookup = 5, "LOOKUP",
        /// Wide field: go on if table `a` holds `field & lo` of wide pair `b`, else to `target`.
        LookupWide = 6, "LOOKUP_WIDE",
        /// Add the packet to counter `a`.
        Count = 7, "COUNT",
        /// Set the packet's mark to `(mark & a) ^ b`.
        SetMark = 8, "SET_MARK",
        /// End this base chain: accept. Rule `a` decided; counter `b`, or none, counts it.
        Accept = 9, "ACCEPT",
        /// End everything: drop. Rule `a` decided; counter `b`, or none, counts it.
        Drop = 10, "DROP",
        /// Remember the next instruction, then go to the chain that begins at `target`. Rule `a`.
        Call = 11, "CALL",
        /// Go to the chain that begins at `target`. Rule `a`.
        Goto = 12, "GOTO",
        /// Go back to what the last call remembered; if there is none, the base chain's policy
        /// decides. Rule `a`, or none at the end of a chain.
        Return = 13, "RETURN",
    }
}
