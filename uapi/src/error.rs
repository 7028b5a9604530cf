// SPDX-License-Identifier: GPL-2.0
//! Why a program or a batch was refused.
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
        /// Counters, sets, states or objects whose identities do not ascend.
        Identity = 21, "IDENTITY",
        /// An expression of an unknown kind or key, or with operands out of range.
        Expr = 22, "EXPR",
        /// A key whose parts are no fields, or do not add up to its length, or do not fit the set.
        Key = 23, "KEY",
        /// A set of an unknown kind, with flags that contradict each other, or whose shape does not add up.
        Set = 24, "SET",
        /// A statement, state, object or log of an unknown kind, or with operands out of range.
        Statement = 25, "STATEMENT",
        /// A batch that is malformed, or names a set that is not there.
        Batch = 26, "BATCH",
        /// An element that does not fit its set: key, data, verdict, timeout.
        Element = 27, "ELEMENT",
        /// An element that is there already, with other data or not to be there.
        Exists = 28, "EXISTS",
        /// An element that is not there.
        Missing = 29, "MISSING",
        /// An interval that overlaps another.
        Overlap = 30, "OVERLAP",
        /// A set that is full.
        Full = 31, "FULL",
        /// A set whose elements do not change.
        Constant = 32, "CONSTANT",
        /// What the kernel it is for cannot do (a module is missing, an option is off).
        Environment = 33, "ENVIRONMENT",
        /// A classifier whose dimensions, trees, leaves or entries do not add up.
        Classifier = 34, "CLASSIFIER",
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
            VerifyError::Identity => "identities do not ascend",
            VerifyError::Expr => "unknown expression, or operands out of range",
            VerifyError::Key => "the key does not fit",
            VerifyError::Set => "the set does not add up",
            VerifyError::Statement => "unknown statement, or operands out of range",
            VerifyError::Batch => "the batch is malformed or names no set",
            VerifyError::Element => "the element does not fit its set",
            VerifyError::Exists => "there is such an element already",
            VerifyError::Missing => "there is no such element",
            VerifyError::Overlap => "the interval overlaps another",
            VerifyError::Full => "the set is full",
            VerifyError::Constant => "the set is constant",
            VerifyError::Environment => "this kernel cannot do that",
            VerifyError::Classifier => "the classifier does not add up",
        }
    }
}
