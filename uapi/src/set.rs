// SPDX-License-Identifier: GPL-2.0
//! Sets and maps, the keys that are looked up in them, and batches of changes to their elements.
//!
//! # What is program and what is state
//!
//! The program declares a set ([`Set`]): its key, its data, its flags. The elements are state: the kernel
//! keeps them under the set's family, table and name (anonymous sets under their identity) for as long as
//! each next program declares a set of that name and the same shape. A [`batch`](BatchHeader) changes
//! elements: together with a program, published with it, or alone, on the live sets.
//!
//! # Keys
//!
//! A key is one to 16 parts. Each part is a number, written with the most significant byte first in a
//! multiple of four bytes: 4, 8, 12 or 16. So comparing bytes compares numbers, part by part. An interval has a
//! key for its beginning and one for its end, both included; in a concatenation every part is an
//! interval of its own.
//!
//! # Batches
//!
//! ```text
//! BatchHeader
//! SetOp  elements (count × stride bytes)  strings      each op begins at a multiple of 8
//! SetOp  …
//! ```
//!
//! What an element carries is said once for all of an op ([`SetOp::carries`]), in the order of the bits: the
//! key; the end of the interval; flags; data; verdict; timeout; what remains of it; comment; states. Each
//! begins at a multiple of four bytes, and the stride is a multiple of 4. A blob of a million addresses
//! is 4 MB.
//!
//! The same form comes back from the device when elements are read: one `Add` that carries all there is.

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::program::Text;

/// Most parts of a key.
pub const KEY_PARTS: usize = 16;

/// Most bytes of a key.
pub const KEY_BYTES: usize = 64;

abi_struct! {
    /// One part of a key.
    pub struct KeyPart = ferrule_key_part {
        /// The field that it is read from.
        pub field: u8,
        /// Its length in bytes: 4, 8, 12 or 16.
        pub len: u8,
    }
}

abi_struct! {
    /// What is looked up: fields, in order.
    pub struct Key = ferrule_key {
        /// How many parts: 1 to 16.
        pub count: u8,
        /// Their lengths together: 4 to 64.
        pub len: u8,
        /// Zero.
        pub reserved: u16,
        /// The parts; those beyond `count` are zero.
        pub parts: [KeyPart; KEY_PARTS],
    }
}

abi_enum! {
    /// What a set gives for a key.
    pub enum SetKind: u8 = "FERRULE_SET_" {
        /// That it is there.
        Set = 0, "SET",
        /// A number.
        Map = 1, "MAP",
        /// A verdict.
        Verdict = 2, "VERDICT",
        /// An object.
        Object = 3, "OBJECT",
    }
}

/// [`Set::flags`]: elements are not changed after the load.
pub const SET_CONSTANT: u32 = 1;
/// [`Set::flags`]: elements are intervals.
pub const SET_INTERVAL: u32 = 2;
/// [`Set::flags`]: elements may have timeouts.
pub const SET_TIMEOUT: u32 = 4;
/// [`Set::flags`]: rules add and remove elements.
pub const SET_DYNAMIC: u32 = 8;
/// [`Set::flags`]: part of a rule, without a name.
pub const SET_ANONYMOUS: u32 = 16;
/// [`Set::flags`]: intervals that overlap or touch are joined, not refused.
pub const SET_AUTO_MERGE: u32 = 32;

abi_struct! {
    /// A set or map.
    pub struct Set = ferrule_set {
        /// Identity: strictly ascending in the section. `handle << 8` if it has a name, else the rule's
        /// handle `<< 8 | 1 + n`.
        pub identity: u64,
        /// Name of its table, in the strings section.
        pub table: Text,
        /// Name, in the strings section; empty if anonymous.
        pub name: Text,
        /// [`SET_CONSTANT`] and its kin.
        pub flags: u32,
        /// Most elements; 0: no limit of its own.
        pub size: u32,
        /// Timeout of elements that say none, in milliseconds; 0: none.
        pub timeout: u64,
        /// How often to look for what has timed out, in milliseconds; 0: as the module thinks fit.
        pub gc_interval: u64,
        /// Templates of what each element has, in the states section: the first.
        pub first_state: u32,
        /// How many.
        pub state_count: u32,
        /// Where verdicts may lead, in the targets section: the first.
        pub first_target: u32,
        /// How many.
        pub target_count: u32,
        /// [`crate::hook::Family`] of its table.
        pub family: u8,
        /// A [`SetKind`].
        pub kind: u8,
        /// Bytes of the key: the sum of the parts.
        pub key_len: u8,
        /// How many parts.
        pub parts: u8,
        /// Length of each part in bytes.
        pub part_lens: [u8; KEY_PARTS],
        /// Bytes of the data: 4 (narrow) or 16 (wide) if it is a map; else 0.
        pub data_len: u8,
        /// [`crate::statement::ObjectKind`] of an object map.
        pub object: u8,
        /// Zero.
        pub reserved: u16,
        /// Hash of how the ruleset describes key and data (types), so that a set of other types is another set.
        pub shape: u64,
    }
}

abi_struct! {
    /// Where an element of a verdict map may lead. Those of one set ascend by handle; sets share none, and theirs
    /// lie in the order of the sets.
    pub struct Target = ferrule_target {
        /// The chain's handle.
        pub handle: u64,
        /// Its index.
        pub chain: u32,
        /// Zero.
        pub reserved: u32,
    }
}

abi_enum! {
    /// What an element of a verdict map says.
    pub enum ElementVerdict: u32 = "FERRULE_ELEMENT_" {
        /// Drop.
        Drop = 0, "DROP",
        /// Accept.
        Accept = 1, "ACCEPT",
        /// Go on behind the rule's lookup.
        Continue = 2, "CONTINUE",
        /// Return.
        Return = 3, "RETURN",
        /// Jump to the target.
        Jump = 4, "JUMP",
        /// Go to the target.
        Goto = 5, "GOTO",
    }
}

abi_struct! {
    /// The beginning of a batch.
    pub struct BatchHeader = ferrule_batch {
        /// [`BATCH_MAGIC`].
        pub magic: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// Size of the whole batch in bytes.
        pub size: u64,
        /// How many ops.
        pub ops: u32,
        /// Zero.
        pub reserved: u32,
    }
}

/// "FRUB" as [`crate::program::MAGIC`] is "FRUL".
pub const BATCH_MAGIC: u32 = 0x4255_5246;

abi_enum! {
    /// What an op does.
    pub enum SetOpKind: u8 = "FERRULE_SET_OP_" {
        /// Adds elements. One that is there already stays as it is, unless its data differ: refused.
        Add = 1, "ADD",
        /// Removes elements; one that is not there is refused, unless [`SET_OP_LENIENT`].
        Delete = 2, "DELETE",
        /// Removes all elements. Carries none.
        Clear = 3, "CLEAR",
        /// Removes all elements that came with a ruleset ([`ELEMENT_STATIC`]) except those that this very
        /// batch adds, whose states and timeouts go on. Those that rules and commands added stay. Carries
        /// none, and comes before the adds.
        Replace = 4, "REPLACE",
        /// Sets the states of elements (counters, quotas) to their beginning.
        Reset = 5, "RESET",
    }
}

/// [`SetOp::flags`]: an element that is there already is refused (`create`).
pub const SET_OP_EXCLUSIVE: u8 = 1;
/// [`SetOp::flags`]: an element that is not there is no error (`destroy`).
pub const SET_OP_LENIENT: u8 = 2;

/// [`SetOp::carries`]: the end of the interval, as long as the key.
pub const CARRIES_END: u32 = 1;
/// [`SetOp::carries`]: flags, 4 bytes.
pub const CARRIES_FLAGS: u32 = 2;
/// [`SetOp::carries`]: data: 4 or 16 bytes, most significant first; an object's identity in 8, in the
/// machine's order, as everything that is neither key nor data.
pub const CARRIES_DATA: u32 = 4;
/// [`SetOp::carries`]: an [`ElementVerdict`] (4 bytes) and the target's chain handle (8).
pub const CARRIES_VERDICT: u32 = 8;
/// [`SetOp::carries`]: timeout in milliseconds, 8 bytes; 0: none.
pub const CARRIES_TIMEOUT: u32 = 16;
/// [`SetOp::carries`]: what remains of it in milliseconds, 8 bytes.
pub const CARRIES_EXPIRES: u32 = 32;
/// [`SetOp::carries`]: comment, a [`Text`] in the op's strings.
pub const CARRIES_COMMENT: u32 = 64;
/// [`SetOp::carries`]: values of the set's states, 16 bytes ([`crate::ioctl::StateValue`]) each.
pub const CARRIES_STATES: u32 = 128;

/// Flags of an element: the catch-all `*`; its key is zero.
pub const ELEMENT_CATCHALL: u32 = 1;
/// Flags of an element: it came with a ruleset.
pub const ELEMENT_STATIC: u32 = 2;

abi_struct! {
    /// A change to one set. Elements and then strings follow.
    pub struct SetOp = ferrule_set_op {
        /// Identity of the set, in the program that the batch comes with or that is published.
        pub set: u64,
        /// A [`SetOpKind`].
        pub kind: u8,
        /// [`SET_OP_EXCLUSIVE`], [`SET_OP_LENIENT`].
        pub flags: u8,
        /// Zero.
        pub reserved: u16,
        /// [`CARRIES_END`] and its kin.
        pub carries: u32,
        /// How many elements.
        pub count: u32,
        /// Bytes of one.
        pub stride: u32,
        /// Bytes of the strings.
        pub strings: u32,
        /// Zero.
        pub reserved2: u32,
    }
}

/// Where a piece of text is in an op's strings: see [`Text`].
pub type ElementComment = Text;
