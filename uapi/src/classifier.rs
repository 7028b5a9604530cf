// SPDX-License-Identifier: GPL-2.0
//! Classifiers: which of a chain's rules can match a packet, found without reading them one by one.
//!
//! # What a classifier is
//!
//! [`crate::insn::Opcode::Classify`] asks one: which is the first rule body behind me that this packet's
//! fields allow? The answer is an instruction further on in the same chain. A rule that does not end the chain
//! asks again behind itself, so that all that can match are run, in their order.
//!
//! A classifier looks at up to [`DIMS`] *dimensions*: fields, or 32-bit words of wide ones. An *entry* is a box:
//! for each dimension a range and whether the field must be there, and the instruction that it leads to. Up to
//! [`TREES`] trees narrow a packet down to a few entries, which are then compared whole.
//!
//! # Pointers
//!
//! Roots, children and `absent` are pointers: 0 leads to nothing; [`POINTER_ENTRY`]` | i` to entry `i` alone;
//! [`POINTER_LEAF`]` | i` to leaf `i`; any other to the node of that number. All indices count from the
//! classifier's own first node, leaf and word.
//!
//! # Words
//!
//! ```text
//! entries   entry_count × (2 + 2 × dim_count)   [instruction, dimensions needed (bits), lo, hi - lo, …]
//! elements  element_count                       entries of leaves, ascending, leaf after leaf
//! children  the rest                            pointers of nodes, node after node
//! ```
//!
//! Entries ascend by instruction; several may lead to one.

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most dimensions of a classifier.
pub const DIMS: usize = 12;

/// Most trees of a classifier.
pub const TREES: usize = 6;

/// Most nodes on a path through a tree.
pub const MAX_HEIGHT: u8 = 32;

/// Most bits that a node looks at: it has at most 131,072 children.
pub const MAX_NODE_BITS: u8 = 17;

/// A pointer to an entry.
pub const POINTER_ENTRY: u32 = 0xc000_0000;

/// A pointer to a leaf.
pub const POINTER_LEAF: u32 = 0x8000_0000;

/// What of a pointer is the index.
pub const POINTER_INDEX: u32 = 0x3fff_ffff;

/// Words of an entry before its ranges.
pub const ENTRY_HEAD: u32 = 2;

abi_struct! {
    /// A dimension.
    pub struct Dim = ferrule_dim {
        /// A [`crate::field::Field`] of a header or of the packet; no register.
        pub field: u8,
        /// Of a wide field the 32-bit word, 0 the most significant; of a narrow one 0.
        pub word: u8,
    }
}

abi_struct! {
    /// A classifier of one chain.
    pub struct Classifier = ferrule_classifier {
        /// The dimensions; those beyond `dim_count` are zero.
        pub dims: [Dim; DIMS],
        /// How many dimensions: 1 to 12.
        pub dim_count: u8,
        /// How many trees: 1 to 6.
        pub tree_count: u8,
        /// Zero.
        pub reserved: u16,
        /// Index of the chain whose instructions it leads to.
        pub chain: u32,
        /// Index of its first node: where those of the classifier before it end.
        pub first_node: u32,
        /// How many nodes.
        pub node_count: u32,
        /// Index of its first leaf: where those of the classifier before it end.
        pub first_leaf: u32,
        /// How many leaves.
        pub leaf_count: u32,
        /// Index of its first word: where those of the classifier before it end.
        pub first_word: u32,
        /// How many words.
        pub word_count: u32,
        /// How many entries. At least 1.
        pub entry_count: u32,
        /// How many elements of leaves.
        pub element_count: u32,
        /// Pointers to the trees' roots; those beyond `tree_count` are zero.
        pub roots: [u32; TREES],
        /// The first instruction that each tree can lead to, ascending; those beyond `tree_count` are zero.
        pub least: [u32; TREES],
    }
}

abi_struct! {
    /// A node: some bits of a dimension choose the child.
    pub struct Node = ferrule_node {
        /// The dimension.
        pub dim: u8,
        /// How far its value is shifted to the right: 0 to 31.
        pub shift: u8,
        /// How many bits then remain: 0 to [`MAX_NODE_BITS`].
        pub bits: u8,
        /// Most nodes on a path from here, this one included: 1 to [`MAX_HEIGHT`].
        pub height: u8,
        /// Index of the first of its `1 << bits` children among the classifier's words: where those of the node
        /// before it end.
        pub first: u32,
        /// Pointer for a packet that has not the field.
        pub absent: u32,
    }
}

abi_struct! {
    /// A leaf: entries to compare with, one after another.
    pub struct Leaf = ferrule_leaf {
        /// The first of its elements: where those of the leaf before it end.
        pub first: u32,
        /// How many. At least 1.
        pub count: u32,
    }
}
