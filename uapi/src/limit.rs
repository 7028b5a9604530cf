// SPDX-License-Identifier: GPL-2.0
//! What the module refuses for its size alone, before it allocates or verifies anything.
//!
//! The numbers leave room for a hundred thousand 5-tuple rules ten times over and bound what a
//! writer can make the kernel hold.

/// Largest program, in bytes: 128 MiB.
pub const MAX_PROGRAM_SIZE: u32 = 128 << 20;

/// Largest source section, in bytes: 64 MiB.
pub const MAX_SOURCE_SIZE: u32 = 64 << 20;

/// Most instructions in a program.
pub const MAX_INSNS: u32 = 4 << 20;

/// Most instructions that one packet may cost on the longest path through a program. The verifier
/// works the path out and refuses a program that exceeds this.
pub const MAX_STEPS: u32 = 4 << 20;

/// Most calls (`jump`) that may be open at once; nftables' own limit (`NFT_JUMP_STACK_SIZE`).
pub const MAX_DEPTH: u32 = 16;

/// Most chains.
pub const MAX_CHAINS: u32 = 1 << 16;

/// Most base chains.
pub const MAX_BASE_CHAINS: u32 = 1024;

/// Most different priorities that base chains may ask for at one (family, hook); netfilter itself
/// allows 1024 functions there.
pub const MAX_PRIORITIES: u32 = 64;

/// Most rules.
pub const MAX_RULES: u32 = 1 << 20;

/// Most counters, those the compiler adds included.
pub const MAX_COUNTERS: u32 = 1 << 21;

/// Most expressions, keys, statements, targets, objects and logs: of each.
pub const MAX_RECORDS: u32 = 1 << 20;

/// Most sets and maps, anonymous ones included.
pub const MAX_SETS: u32 = 1 << 16;

/// Most states, templates included.
pub const MAX_STATES: u32 = 1 << 20;

/// Most elements of a set.
pub const MAX_ELEMENTS: u32 = 16 << 20;

/// Largest batch, in bytes: 1 GiB.
pub const MAX_BATCH_SIZE: u64 = 1 << 30;

/// Most classifiers.
pub const MAX_CLASSIFIERS: u32 = 1 << 16;
