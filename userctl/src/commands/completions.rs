// SPDX-License-Identifier: GPL-2.0
//! `userctl completions`: what a shell needs to complete the command line.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::failure::Failure;
use crate::screen::Screen;

/// Prints the script for one shell.
pub(super) fn run(args: &CompletionsArgs, screen: &mut Screen) -> Result<(), Failure> {
    // The generator panics when it cannot write; memory always can be.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "userctl", &mut script);
    screen.write_all(&script)?;
    Ok(())
}
