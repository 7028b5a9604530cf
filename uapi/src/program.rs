// SPDX-License-Identifier: GPL-2.0
//! The rule program: one blob, as `userctl` makes it and the module keeps it.
//!
//! ```text
//! Header      magic, version, size, and a table of sections
//! Insns       [Insn]        the code, chain after chain
//! Ranges32    [Range32]     what narrow tables are made of
//! WidePairs   [RangeWide]   what wide tables are made of, and operands of wide matches
//! Tables      [Table]       constant lookup structures: slices of the two above
//! Chains      [Chain]       each a run of Insns; together they cover them all, in order
//! BaseChains  [BaseChain]   where chains are hooked in, in the order of definition
//! Rules       [Rule]        what to call the rule that decided, in the order of the code
//! Counters    [Counter]     identity of each counter, strictly ascending
//! Strings     bytes         names, unterminated
//! Source      bytes         the ruleset as text: kept, given back, never read by the module
//! Exprs       [Expr]        values to load                      (crate::expr)
//! Keys        [Key]         what is looked up in sets           (crate::set)
//! Sets        [Set]         sets and maps, ascending            (crate::set)
//! Targets     [Target]      where verdict maps may lead         (crate::set)
//! Statements  [Statement]   what rules do                       (crate::statement)
//! States      [State]       limits, quotas and their kin        (crate::statement)
//! Objects     [Object]      what has a name                     (crate::statement)
//! Logs        [Log]         how to log                          (crate::statement)
//! Classifiers [Classifier]  which rules can match               (crate::classifier)
//! Words       [u32]         their nodes and entries             (crate::classifier)
//! Origins     [Origin]      which files rules were read from
//! Initials    [Initial]     what counters begin with
//! ```
//!
//! A section begins at the first multiple of [`SECTION_ALIGN`] after the one before it ends, the gap
//! is zero, and the last ends where the program does: there is one way to lay out a program, and no
//! byte of it is unaccounted for. Sections 22 and 23 are reserved and must be empty.
//!
//! Elements of sets are no part of it: they are state, and come in a batch (`crate::set`).

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first four bytes of a program, as a number: "FRUL" on a little-endian machine. A program made
/// for the other byte order is refused by it.
pub const MAGIC: u32 = 0x4c55_5246;

/// How many sections a header describes.
pub const SECTIONS: usize = 24;

/// Alignment of a section's beginning, in bytes: records of 32 bytes do not straddle cache lines.
pub const SECTION_ALIGN: u32 = 32;

abi_enum! {
    /// Index of a section in the header.
    pub enum SectionId: u8 = "FERRULE_SECTION_" {
        /// The code.
        Insns = 0, "INSNS",
        /// Ranges of 32-bit numbers.
        Ranges32 = 1, "RANGES32",
        /// Pairs of 128-bit numbers.
        WidePairs = 2, "WIDE_PAIRS",
        /// Lookup structures.
        Tables = 3, "TABLES",
        /// Chains.
        Chains = 4, "CHAINS",
        /// Base chains.
        BaseChains = 5, "BASE_CHAINS",
        /// Rules.
        Rules = 6, "RULES",
        /// Counters.
        Counters = 7, "COUNTERS",
        /// Names.
        Strings = 8, "STRINGS",
        /// The ruleset as text.
        Source = 9, "SOURCE",
        /// Expressions.
        Exprs = 10, "EXPRS",
        /// Keys.
        Keys = 11, "KEYS",
        /// Sets and maps.
        Sets = 12, "SETS",
        /// Targets of verdict maps.
        Targets = 13, "TARGETS",
        /// Statements.
        Statements = 14, "STATEMENTS",
        /// States.
        States = 15, "STATES",
        /// Objects.
        Objects = 16, "OBJECTS",
        /// Logs.
        Logs = 17, "LOGS",
        /// Classifiers.
        Classifiers = 18, "CLASSIFIERS",
        /// Words of classifiers.
        Words = 19, "WORDS",
        /// Files that rules were read from.
        Origins = 20, "ORIGINS",
        /// What counters begin with.
        Initials = 21, "INITIALS",
    }
}

/// [`Header::flags`]: the source section is the text's length in bytes, as a 32-bit number of the machine's byte
/// order, and the text as one LZ4 block; not the text itself.
pub const PROGRAM_SOURCE_LZ4: u32 = 1;

abi_struct! {
    /// Where a section is.
    pub struct Section = ferrule_section {
        /// Offset from the beginning of the program, in bytes.
        pub offset: u32,
        /// Size in bytes: a multiple of its element's.
        pub size: u32,
    }
}

abi_struct! {
    /// The beginning of a program.
    pub struct Header = ferrule_header {
        /// [`MAGIC`].
        pub magic: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// Size of the whole program in bytes.
        pub size: u32,
        /// [`PROGRAM_SOURCE_LZ4`].
        pub flags: u32,
        /// The next handle that whoever changes this ruleset is to give out. At least 1.
        pub next_handle: u64,
        /// Zero.
        pub reserved: [u64; 4],
        /// By [`SectionId`].
        pub sections: [Section; SECTIONS],
    }
}

abi_struct! {
    /// A piece of the strings section.
    pub struct Text = ferrule_text {
        /// Offset from the beginning of that section, in bytes.
        pub offset: u32,
        /// Length in bytes.
        pub len: u32,
    }
}

abi_struct! {
    /// Numbers from `lo` to `hi`, both included.
    pub struct Range32 = ferrule_range32 {
        /// The least.
        pub lo: u32,
        /// The greatest.
        pub hi: u32,
    }
}

abi_struct! {
    /// A 128-bit number.
    #[derive(PartialOrd, Ord)]
    pub struct Wide = ferrule_wide {
        /// The more significant half.
        pub hi: u64,
        /// The less significant half.
        pub lo: u64,
    }
}

abi_struct! {
    /// Numbers from `lo` to `hi`, both included; or a mask (`lo`) and a value (`hi`).
    pub struct RangeWide = ferrule_range_wide {
        /// The least, or the mask.
        pub lo: Wide,
        /// The greatest, or the value.
        pub hi: Wide,
    }
}

abi_enum! {
    /// How a constant table is looked up.
    pub enum TableKind: u8 = "FERRULE_TABLE_" {
        /// Binary search in ascending, disjoint [`Range32`].
        Ranges32 = 1, "RANGES32",
        /// Binary search in ascending, disjoint [`RangeWide`].
        RangesWide = 2, "RANGES_WIDE",
    }
}

abi_struct! {
    /// A constant lookup structure. Tables of one kind lie one after another, without overlap, in the
    /// order of this section.
    pub struct Table = ferrule_table {
        /// A [`TableKind`].
        pub kind: u8,
        /// Zero.
        pub reserved: [u8; 3],
        /// Index of its first range in the section that its kind says.
        pub first: u32,
        /// How many ranges. At least 1.
        pub count: u32,
    }
}

abi_struct! {
    /// A chain.
    pub struct Chain = ferrule_chain {
        /// nft's handle.
        pub handle: u64,
        /// Name of its table, in the strings section.
        pub table: Text,
        /// Name, in the strings section.
        pub name: Text,
        /// Index of its first instruction: where the chain before it ends.
        pub first_insn: u32,
        /// How many instructions. At least 1; the last one ends the chain.
        pub insn_count: u32,
        /// [`crate::hook::Family`] of its table.
        pub family: u8,
        /// Zero.
        pub reserved: [u8; 7],
    }
}

abi_struct! {
    /// A base chain. Those at one hook and priority run in the order of this section.
    pub struct BaseChain = ferrule_base_chain {
        /// Index of its chain.
        pub chain: u32,
        /// Priority: lower runs earlier.
        pub priority: i32,
        /// [`crate::hook::Hook`].
        pub hook: u8,
        /// The packet families that it sees: [`crate::hook::Family::bits`] of its table.
        pub families: u8,
        /// [`crate::hook::Verdict`] where no rule decides.
        pub policy: u8,
        /// [`crate::hook::ChainType`].
        pub kind: u8,
        /// Counter of what the policy dropped, or [`crate::NONE`].
        pub counter: u32,
    }
}

abi_struct! {
    /// A rule: what to call it. Its text is the line of the source that ends in its handle; its chain is
    /// the one that its first instruction is in.
    pub struct Rule = ferrule_rule {
        /// nft's handle, unique in the ruleset.
        pub handle: u64,
        /// Index of its first instruction, or of the one behind it if it has none: never less than that of the
        /// rule before it.
        pub first_insn: u32,
        /// Line in the file that it was read from, from 1; 0 if unknown.
        pub line: u32,
    }
}

abi_struct! {
    /// Where rules were read from: these and all that follow, up to the first of the next origin.
    pub struct Origin = ferrule_origin {
        /// Index of the first rule: ascending.
        pub first_rule: u32,
        /// Name of the file, in the strings section; may be empty.
        pub file: Text,
    }
}

/// [`Counter::flags`]: no `counter` statement stands for it; the compiler counts what a rule or a
/// policy drops.
pub const COUNTER_IMPLICIT: u32 = 1;

/// [`Counter::flags`]: begins with what an [`Initial`] says, not with what it had before.
pub const COUNTER_INITIAL: u32 = 2;

/// [`Counter::flags`]: [`Counter::owner`] is a base chain, not a rule.
pub const COUNTER_POLICY: u32 = 4;

/// [`Counter::flags`]: [`Counter::owner`] is an object, not a rule.
pub const COUNTER_OBJECT: u32 = 8;

abi_struct! {
    /// A counter. Its values are state, not program: they are kept from one generation to the next
    /// as long as the new program has a counter of the same identity.
    pub struct Counter = ferrule_counter {
        /// Identity: strictly ascending in the section.
        pub identity: u64,
        /// Index of the rule, of the base chain, or of the object, that it belongs to.
        pub owner: u32,
        /// [`COUNTER_IMPLICIT`], [`COUNTER_INITIAL`], [`COUNTER_POLICY`], [`COUNTER_OBJECT`].
        pub flags: u32,
    }
}

abi_struct! {
    /// What a counter begins with that has [`COUNTER_INITIAL`].
    pub struct Initial = ferrule_initial {
        /// Packets.
        pub packets: u64,
        /// Bytes.
        pub bytes: u64,
        /// Index of the counter: ascending.
        pub counter: u32,
        /// Zero.
        pub reserved: u32,
    }
}
