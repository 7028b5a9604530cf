// SPDX-License-Identifier: GPL-2.0
//! `userctl`: the command line over the library of the same name.
//!
//! ```text
//! cli (what was asked) ─► commands (one file a command) ─► library stages, device
//!                              └─► failure (what went wrong, whose fault, what to do)
//! ```
//!
//! This file is error policy: a command that cannot do its work says why on standard error and how
//! it came out in the exit status: 0 done, 1 the rules are wrong, 2 the environment is. A reader that
//! has seen enough (`userctl list | head`) is no error.

mod cli;
mod commands;
mod failure;
mod screen;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use screen::Screen;

/// Rulesets are millions of small things, of which glibc's allocator takes long to give and to take back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let result = commands::run(&cli, &mut Screen::stdout());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.render(screen::colour_on_stderr());
            // Nobody is left to tell if this fails; the status still says it.
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
            ExitCode::from(failure.status())
        }
    }
}
