// SPDX-License-Identifier: GPL-2.0
//! Why the verifier refused a program.
//!
//! The code goes with a position: the section, and the index of the element in it (for
//! [`crate::program::SectionId::Insns`] an instruction, from which the rule follows).

abi_enum! {
    /// Why a program was refused. Zero is no error.
    pub enum VerifyError: u32 = "FERRULE_ERROR_" {
        /// Shorter than a header, or than the header says; or longer.
        Size = 1, "SIZE",
        /// It does not begin with the magic number: no program, or one for the other byte order.
        Magic = 2, "MAGIC",
        /// Made for another version of the ABI.
        Version = 3, "VERSION",
        /// A reserved field, an unused operand, or a gap between sections is not zero.
        Reserved = 4, "RESERVED",
        /// A section is out of place, overlaps, is no multiple of its element's size, or is unknown.
        Section = 5, "SECTION",
        /// More elements than the limit allows.
        TooMany = 6, "TOO_MANY",
        /// Unknown opcode.
        Opcode = 7, "OPCODE",
        /// Unknown field, or one of the wrong width for the instruction.
        Field = 8, "FIELD",
        /// A match fails to a place that is not further on in its own chain.
        Target = 9, "TARGET",
        /// A call or goto to something that is not the beginning of a later chain.
        ChainTarget = 10, "CHAIN_TARGET",
        /// The last instruction of a chain does not end it.
        Unterminated = 11, "UNTERMINATED",
        /// Calls nest deeper than the limit.
        Depth = 12, "DEPTH",
        /// The longest path is longer than the limit.
        Steps = 13, "STEPS",
        /// An index that points past what it indexes.
        Index = 14, "INDEX",
        /// Table of an unknown kind, or of the wrong one for the lookup.
        TableKind = 15, "TABLE_KIND",
        /// Ranges that are empty, overlap, or do not ascend.
        Order = 16, "ORDER",
        /// A match that can never hold: a value outside its mask, or a range that ends before it
        /// begins.
        Never = 17, "NEVER",
        /// Chains that do not follow one another without a gap.
        ChainOrder = 18, "CHAIN_ORDER",
        /// Unknown family, hook, chain type or policy.
        Hook = 19, "HOOK",
        /// A chain type that is not run yet.
        Unsupported = 20, "UNSUPPORTED",
        /// Counters whose identities do not ascend.
        Identity = 21, "IDENTITY",
    }
}

impl VerifyError {
    /// The refusal in words.
    pub const fn message(self) -> &'static str {
        match self {
            VerifyError::Size => "the size does not fit",
            VerifyError::Magic => "not a Ferrule program for this machine",
            VerifyError::Version => "made for another version of the ABI",
            VerifyError::Reserved => "something that must be zero is not",
            VerifyError::Section => "a section is unknown, misplaced or of the wrong size",
            VerifyError::TooMany => "more elements than the limit",
            VerifyError::Opcode => "unknown instruction",
            VerifyError::Field => "unknown field, or one of the wrong width",
            VerifyError::Target => "the match does not fail to a later place in its chain",
            VerifyError::ChainTarget => "the target does not begin a later chain",
            VerifyError::Unterminated => "the chain's last instruction does not end it",
            VerifyError::Depth => "jumps nest too deep",
            VerifyError::Steps => "the longest path through the rules is too long",
            VerifyError::Index => "an index points past the end",
            VerifyError::TableKind => "the table is of the wrong kind",
            VerifyError::Order => "the ranges overlap or do not ascend",
            VerifyError::Never => "the match can never hold",
            VerifyError::ChainOrder => "the chains do not follow one another",
            VerifyError::Hook => "unknown family, hook, chain type or policy",
            VerifyError::Unsupported => "this chain type is not supported yet",
            VerifyError::Identity => "the counters' identities do not ascend",
        }
    }
}
