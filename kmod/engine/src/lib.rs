// SPDX-License-Identifier: GPL-2.0
//! The engine of Ferrule: parses packets, verifies rule programs, runs them.
//!
//! The same files are compiled into `ferrule.ko` by Kbuild and into the host's tools by cargo. There
//! is no allocation, no `unsafe` and nothing that panics.
//!
//! # Theory of operation
//!
//! ```text
//!  bytes ──► verify ──► Program ──► View ─┐
//!                                         ├──► run ──► Outcome (verdict, who decided)
//!  packet ─────────────► Key::parse ──────┘
//! ```
//!
//! ## What a program is
//!
//! A blob that `userctl` compiles from rules (`ferrule_uapi::program` has its layout). Its code is a
//! list of chains; a chain is a run of 16-byte instructions; a rule is a few of these in a row:
//! matches first, each of which leads to the next rule when it fails, then what the rule does.
//! Beside the code lie the constants that instructions refer to by index (ranges, tables), and
//! records that the machine never reads but people do: which rule an instruction came from, and the
//! ruleset as text.
//!
//! What is too rich for 16 bytes lies in a record of its own section that an instruction names by index: an
//! expression (where a value comes from), a key (fields in a row), a set, a statement.
//!
//! State is not part of it. An instruction names a counter, a limit or a set by index; where the numbers and
//! elements are, and that they outlive the program, is the environment's affair ([`Packet::count`],
//! [`Packet::ask`], [`Packet::find`]). What the two environments, driver and host, must do alike is here
//! too: the arithmetic of limits and their kin ([`state`]), keys as bytes ([`KeyBytes`], [`contains`]), batches
//! of elements ([`Batch`]).
//!
//! ## One rule, from text to verdict
//!
//! ```text
//! table inet t {
//!     chain in {
//!         type filter hook input priority 0; policy accept;
//!         ip saddr 10.0.0.0/8 tcp dport { 22, 8000-8080 } counter drop
//!     }
//! }
//! ```
//!
//! `userctl` makes of it one table and four instructions:
//!
//! ```text
//! table 0   22-22, 8000-8080
//!
//!  0  match   ip saddr & 0xff000000 == 0x0a000000     else 3
//!  1  lookup  tcp dport in table 0                    else 3
//!  2  drop    rule 0, counter 0
//!  3  return
//! ```
//!
//! `counter` and `drop` became one instruction, because nothing lies between them. What nft would
//! write out as matches of their own, "is it IPv4" and "is it TCP", is in the *presence* of the field:
//! an IPv6 packet has no `ip saddr`, and an absent field matches nothing.
//!
//! The verifier reads 3, 2, 1, 0: a `return` costs 1 step; a `drop` 1; the lookup 1 and the dearer of
//! its two ways on, 2; the match 3. It notes that the program looks at `ip saddr` and `tcp dport`
//! ([`FieldSet`]), so that no packet is parsed for anything else.
//!
//! A SYN from 10.1.2.3 to port 22 comes to the input hook. [`Key::parse`] stores its fields as numbers.
//! Instruction 0: `0x0a010203 & 0xff000000` is `0x0a000000`, go on. 1: binary search finds 22 in 22-22,
//! go on. 2: counter 0 is told of the packet, and the outcome is [`Verdict::Drop`](ferrule_uapi::hook::Verdict),
//! decided by rule 0, after 3 steps.
//!
//! ## Why these instructions
//!
//! - **Few and fat.** Kernels are built with retpolines and without jump tables: choosing what to do
//!   costs several compares and perhaps a mispredicted branch, more than most matches themselves. So
//!   one match of the language is one instruction, with its field, its operands and its way out.
//! - **Fields, not offsets.** Headers are walked once a packet, not once a rule, and base chains that
//!   run at one hook share the key. A field number has a bit in a set: presence is one test, and it
//!   replaces the protocol checks that every nft rule repeats.
//! - **Two widths.** 32 bits for nearly everything, 128 for IPv6 addresses and interface names (a name
//!   read as a number makes `"eth*"` a prefix).
//! - **Tables are data.** A set is a sorted run of disjoint ranges; prefixes, intervals and single values
//!   are all ranges.
//! - **Verdicts name the rule.** `accept`, `drop` and `jump` carry it, so that whoever asks why gets an
//!   answer, even when an optimiser has merged or reordered what can be.
//!
//! ## What the verifier proves
//!
//! [`verify`] is the only way to a [`Program`]. Of an accepted program, run on any packet whatever:
//!
//! 1. *It ends.* A match goes only further on within its chain, `jump` and `goto` only to chains further
//!    on; what a call comes back to was further on when it was made. So no instruction is run twice at
//!    one depth of the same call, and the longest path can be added up from the end:
//!    [`Program::max_steps`], at most [`MAX_STEPS`](ferrule_uapi::limit::MAX_STEPS).
//! 2. *It comes to a verdict.* The last instruction of every chain ends it; none falls into another.
//! 3. *It stays within.* Every instruction, chain, table, range, counter, rule and record that is named exists
//!    and is of the kind that is wanted; keys fit their sets; what an element of a verdict map may lead to is
//!    further on, and counted with the steps and the depth as if it were called; calls nest at most [`MAX_DEPTH`](ferrule_uapi::limit::MAX_DEPTH) deep; packets are read through [`Packet`],
//!    which knows their length.
//! 4. *It means one thing.* What is unused or reserved is zero, and there is one way to lay out a
//!    program.
//!
//! Verification is linear in the program: each section is read once, and the code from its last
//! instruction to its first with two numbers noted for each ([`Scratch`], lent by the caller).
//!
//! The proof is not trusted blindly: the machine checks every access again, as safe Rust does, and
//! drops the packet if one fails ([`Decider::Fault`]). Tests see to it that none ever does.
//!
//! ## Values that are not in the key from the beginning
//!
//! `tcp option maxseg size 1-500`, `ct mark`, `ip saddr map @m` need values that no header field has. Ten
//! narrow and four wide *registers* hold them: fields like all others, so that every match, table and key works
//! on them, but absent until an instruction writes them, and absent again when the next base chain begins.
//!
//! ```text
//!  0  load    reg0 = tcp option 2, bits 16+16          else 2
//!  1  match   reg0 in 1-500                            else 2
//! ```
//!
//! A value that is not there sends the instruction to its target, the next rule, as nftables' `NFT_BREAK` does;
//! so absence needs no test of its own. Where a value lies in the packet's bytes, the engine reads it as Linux
//! 7.3 does, quirk by quirk; where only a kernel knows it (conntrack, routes, sockets, the clock), it asks
//! [`Packet::fact`].
//!
//! ## Sets, maps, verdict maps
//!
//! A lookup puts the key together from fields, parts one after another with the most significant byte first,
//! and asks the environment. A verdict map may lead to chains, but only to those that the program lists as
//! its *targets*; elements name a chain by handle, and the handle is looked up among the targets. So whatever
//! is done to the elements of a live map, where its verdicts can lead was verified with the program.
//!
//! ## Statements
//!
//! `Do` runs a statement record: a limit, an object, a change of the packet, of a set, of conntrack. It may
//! end the rule. What is changed in headers is parsed again, so that later matches see it; checksums are put
//! right here, but for what only the kernel knows (a sum that the device is yet to work out,
//! [`Packet::fix_checksum`]). Reject and queue are ways for a packet to leave ([`Outcome`]).
//!
//! ## What is to come, and where it fits
//!
//! - *Classifiers* replace the walk over a chain's rules by a lookup that yields the rules that can match,
//!   in order. They are sections and instructions of their own (six sections are reserved); the rules'
//!   own instructions stay as they are, so every effect keeps its place.
//!
//! # Where to read on
//!
//! `packet` (what the engine asks of a packet), `key` (headers into fields), `program` (views of verified
//! bytes), `verify` (the three passes), `vm` (the loop), `expr` (values), `statement` (effects), `element` and
//! `batch` (sets), `state` (limits and their kin).
#![no_std]
#![forbid(unsafe_code)]

mod batch;
pub mod checksum;
mod classifier;
mod element;
mod expr;
mod key;
mod number;
mod packet;
mod program;
pub mod state;
mod statement;
mod verify;
mod vm;

pub use batch::{Batch, BatchRefusal, Element, Op};
pub use element::{ascends, contains, find_interval, overlap, KeyBytes};
pub use key::{FieldSet, Key};
pub use packet::{Found, Packet, Update};
pub use program::{Program, Storage, View};
pub use verify::{scratch_len, verify, Refusal, Scratch};
pub use vm::{Decider, Outcome, Queue};
