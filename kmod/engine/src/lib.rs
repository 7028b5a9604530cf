// SPDX-License-Identifier: GPL-2.0
#![no_std]
#![forbid(unsafe_code)]

mod key;
mod packet;
mod program;
mod verify;
mod vm;

pub use key::{FieldSet, Key};
pub use packet::Packet;
pub use program::{Program, Storage, View};
pub use verify::{scratch_len, verify, Refusal, Scratch};
pub use vm::{Decider, Outcome};
