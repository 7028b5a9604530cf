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
//! for some dimensions a range that the packet's value must lie in, and the instruction that it leads to. Up to
//! [`TREES`] trees narrow a packet down to a few entries, which are then compared whole.
//!
//! # Words
//!
//! All of it lies in words, so that what is looked at one after another lies together:
//!
//! ```text
//! nodes     node_words                    node after node, zeros between them
//! entries   entry_count × stride          run after run
//! ```
//!
//! Both begin at a multiple of [`WORDS_ALIGN`] words of the classifier's own; zeros fill the gap, and that behind
//! the last entry. No entry of 8 words or fewer that divide 8 straddles a cache line then.
//!
//! A *node* takes `2 + (1 << bits)` words: some bits of a dimension choose the child.
//!
//! ```text
//! head      [`NODE`] | height << 24 | bits << 16 | shift << 8 | dimension
//! absent    pointer for a packet that has not the dimension
//! children  pointers
//! ```
//!
//! `shift` is how far the value is shifted to the right, `bits` how many bits then remain, 0 to
//! [`MAX_NODE_BITS`], and `height` how many nodes there are at most on a path from here, this one included: 1 to
//! [`MAX_HEIGHT`].
//!
//! An *entry* takes `2 + 2 × wide_dims + narrow_dims` words:
//!
//! ```text
//! target    the instruction that it leads to; with [`ENTRY_LAST`] in the last of a run
//! head      (hi - lo) << 24 | lo << 16 of the byte dimension, if there is one | dimensions asked (bits)
//! wide      lo, hi - lo                   for each wide dimension
//! narrow    (hi - lo) << 16 | lo          for each narrow one
//! ```
//!
//! A dimension that is not asked may have any value or none: its range is that of all numbers. The entries of a
//! *run* ascend by target; several may lead to one. Narrow and byte dimensions are fields of so many bits.
//!
//! # Pointers
//!
//! Roots, children and `absent` are pointers: 0 leads to nothing; [`POINTER_ENTRY`]` | i` to entry `i`, and those
//! that follow it in its run; any other to the node at that word.

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most dimensions of a classifier.
pub const DIMS: usize = 12;

/// Most trees of a classifier.
pub const TREES: usize = 6;

/// Most nodes on a path through a tree.
pub const MAX_HEIGHT: u8 = 32;

/// Most bits that a node looks at: it has at most 131,072 children.
pub const MAX_NODE_BITS: u8 = 17;

/// What tells a node's head from pointers and zeros: its two highest bits.
pub const NODE: u32 = 0x4000_0000;

/// Where they are.
pub const NODE_MASK: u32 = 0xc000_0000;

/// A pointer to an entry.
pub const POINTER_ENTRY: u32 = 0x8000_0000;

/// What of such a pointer is the index.
pub const POINTER_INDEX: u32 = 0x7fff_ffff;

/// In an entry's target: the run ends with it.
pub const ENTRY_LAST: u32 = 0x8000_0000;

/// In an entry's second word: the dimensions asked.
pub const ENTRY_ASKED: u32 = 0xffff;

/// Words of an entry before its ranges.
pub const ENTRY_HEAD: u32 = 2;

/// Words of a node before its children.
pub const NODE_HEAD: u32 = 2;

/// The words of a classifier, of its nodes and of its entries are multiples of these.
pub const WORDS_ALIGN: u32 = 8;

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
        /// The dimensions: wide ones, then narrow ones, then the byte; those beyond are zero.
        pub dims: [Dim; DIMS],
        /// How many dimensions have ranges of 32-bit numbers. All together are 1 to [`DIMS`].
        pub wide_dims: u8,
        /// How many have ranges of 16-bit numbers.
        pub narrow_dims: u8,
        /// How many have ranges of 8-bit numbers: 0 or 1.
        pub byte_dims: u8,
        /// How many trees: 1 to [`TREES`].
        pub tree_count: u8,
        /// Index of the chain whose instructions it leads to.
        pub chain: u32,
        /// Index of its first word: where those of the classifier before it end.
        pub first_word: u32,
        /// How many words: a multiple of [`WORDS_ALIGN`].
        pub word_count: u32,
        /// How many of them are of nodes: a multiple of [`WORDS_ALIGN`].
        pub node_words: u32,
        /// How many entries. At least 1.
        pub entry_count: u32,
        /// Pointers to the trees' roots; those beyond `tree_count` are zero.
        pub roots: [u32; TREES],
        /// The first instruction that each tree can lead to, ascending; those beyond `tree_count` are zero.
        pub least: [u32; TREES],
    }
}

impl Classifier {
    /// How many dimensions it has.
    pub const fn dim_count(&self) -> u8 {
        self.wide_dims
            .wrapping_add(self.narrow_dims)
            .wrapping_add(self.byte_dims)
    }

    /// Words of an entry.
    pub const fn stride(&self) -> u32 {
        ENTRY_HEAD
            .wrapping_add((self.wide_dims as u32).wrapping_mul(2))
            .wrapping_add(self.narrow_dims as u32)
    }
}
