// SPDX-License-Identifier: GPL-2.0
//! Instructions of the rule program.
//!
//! All are 16 bytes. They are few and fat: kernels are built with retpolines and without jump tables,
//! so each dispatch costs several compares, and one instruction per match of a rule is what the
//! machine does best. What they mean, and what the verifier demands of them, is said in the docs of
//! `ferrule-engine`.
//!
//! What is too rich for 16 bytes lies in a record of its own section that the instruction names:
//! an expression ([`crate::expr`]), a key ([`crate::set::Key`]), a set, a statement
//! ([`crate::statement`]).

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi_struct! {
    /// One instruction. What an opcode does not use must be zero.
    pub struct Insn = ferrule_insn {
        /// An [`Opcode`].
        pub opcode: u8,
        /// A [`crate::field::Field`]: what is compared, or the register that is written.
        pub field: u8,
        /// [`FLAG_NEGATE`] for matches; for calculations the source fields (low byte the first,
        /// high byte the second).
        pub flags: u16,
        /// Where to go: when a match fails or a value is absent (the next rule), or the chain that
        /// is called.
        pub target: u32,
        /// First operand.
        pub a: u32,
        /// Second operand.
        pub b: u32,
    }
}

/// The match holds when the comparison does not. An absent field still matches nothing.
pub const FLAG_NEGATE: u16 = 1;

/// [`Opcode::Queue`]: let the packet pass when nobody listens.
pub const QUEUE_BYPASS: u16 = 1;

/// [`Opcode::Queue`]: choose the queue by CPU, not by flow.
pub const QUEUE_FANOUT: u16 = 2;

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
        /// Load expression `a` into the register `field`; if it has no value, go to `target`.
        Load = 14, "LOAD",
        /// Register `field` becomes `(source & a) ^ b`, or to `target` if the source is absent. The
        /// source is the low byte of `flags`, any field; of a wide one the low 32 bits are taken.
        Bitwise = 15, "BITWISE",
        /// Wide register `field` becomes `(source & lo) ^ hi` of wide pair `a`, or to `target`. The
        /// source is any field; a narrow one is extended with zeros. `b` is 0.
        BitwiseWide = 16, "BITWISE_WIDE",
        /// Register `field` becomes the source (low byte of `flags`, of the same width) shifted by
        /// `a` bits (0 to 127): to the left if `b` is 0, to the right if it is 1; or to `target`.
        Shift = 17, "SHIFT",
        /// Register `field` becomes `first op second` (low and high byte of `flags`, of the same
        /// width): `a` is 0 and, 1 or, 2 xor; or to `target`. `b` is 0.
        Combine = 18, "COMBINE",
        /// Go on if set `a` holds key `b`, else to `target`. An absent part of the key is "else" too,
        /// negated or not. What the element has of statements is run; one that says no is "else".
        LookupSet = 19, "LOOKUP_SET",
        /// Go on with the data that map `a` has for key `b` in the register `field`, else to `target`.
        LookupMap = 20, "LOOKUP_MAP",
        /// Do what verdict map `a` says for key `b`, else go to `target`. The next instruction is a
        /// [`Opcode::Verdict`], which names the rule.
        LookupVerdict = 21, "LOOKUP_VERDICT",
        /// Does nothing by itself. Rule `a` decided what the lookup before it led to; counter `b`, or
        /// none, counts what it drops.
        Verdict = 22, "VERDICT",
        /// Run statement `a` for rule `b`; if it says no (a limit), go to `target`.
        Do = 23, "DO",
        /// Answer with an error and end everything: drop. Rule `a` decided; counter `b`, or none,
        /// counts it. `field` is a [`crate::statement::RejectKind`], `flags` the ICMP code.
        Reject = 24, "REJECT",
        /// End everything: hand the packet to user space. Rule `a` decided. `b` is the first queue
        /// and how many there are in the upper 16 bits; or, if `field` is a register, its value is the
        /// queue, and `b` is 0. `flags`: [`QUEUE_BYPASS`], [`QUEUE_FANOUT`]. With no register,
        /// `field` is 0.
        Queue = 25, "QUEUE",
        /// Go on with the first rule body behind this instruction that classifier `a` finds for the packet,
        /// or to `target` if there is none before that.
        Classify = 26, "CLASSIFY",
    }
}
