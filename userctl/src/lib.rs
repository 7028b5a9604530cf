// SPDX-License-Identifier: GPL-2.0
//! From rule text to program bytes, and back.
//!
//! ```text
//! text ─► lang ─► Script ─► ruleset ─► Ruleset ─► compile ─► Compiled (program bytes)
//!                              ▲           │                     │
//!                              │           └─► listing ─► text   └─► disasm ─► text
//!                              └── a program's source section (Ruleset::from_program)
//! ```
//!
//! Each stage imports only from those before it, and refuses its input with errors that carry a
//! span of the source; [`diagnostic`] turns any of them into a message with line, caret and hint.
//! The stages touch no device, and the only thing asked of the machine is what an interface is
//! called ([`ruleset::Environment`]).
//!
//! Around them is what the commands need to reach the kernel: [`netns`] (which network namespace),
//! [`device`] (what is loaded there), [`program_text`] (the text that a program keeps), [`image`] (a program in memory, verified), [`host`] (what the engine runs
//! in where there is no kernel) and [`interfaces`];
//! and [`json`], the other form of the listing.

pub mod compat;
pub mod compile;
pub mod contents;
pub mod device;
pub mod diagnostic;
pub mod disasm;
pub mod host;
pub mod image;
pub mod import;
pub mod interfaces;
pub mod json;
pub mod lang;
pub mod listing;
pub mod netns;
pub mod plan;
pub mod program_text;
pub mod rare;
pub mod request;
pub mod ruleset;
pub mod simulate;
pub mod source;
pub mod trees;
