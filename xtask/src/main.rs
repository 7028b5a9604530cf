// SPDX-License-Identifier: GPL-2.0

//! Builds Ferrule and everything it is proved with, and runs it in a guest.
//!
//! One file a stage; a stage uses only what the stages before it made:
//!
//! ```text
//! packages ─► toolchain ─► kernel ─┬─► module ───┐
//!  (host)      (Debian     (image, ├─► programs ─┼─► initramfs ─► qemu ─► judge
//!               root)       tree)  └─► base ─────┘               (guest)  (KTAP, tally)
//! ```
//!
//! What is slow (toolchain, kernel, the initramfs' base) is kept in a [`cache`] outside the tree that
//! clones share; what is fast is built again, by tools that know what changed (make, cargo).
//!
//! Exit status: 0 all is well, 1 a test or a rule failed, 2 the environment did not allow to tell.

mod accel;
mod apt;
mod bench;
mod cache;
mod check;
mod chroot;
mod cli;
mod commands;
mod findings;
mod host_tests;
mod initramfs;
mod judge;
mod kernel;
mod ktap;
mod mirror;
mod module;
mod packages;
mod process;
mod programs;
mod progress;
mod qemu;
mod session;
mod tally;
mod toolchain;
mod um;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// How a command that ran to its end came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything that was asked for holds.
    Passed,
    /// A test or a rule of the house failed; what failed has been printed.
    Failed,
}

fn main() -> ExitCode {
    match commands::run(&cli::Cli::parse()) {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::from(2)
        }
    }
}
