// SPDX-License-Identifier: GPL-2.0

//! The commands: which stages each one runs, in which order.

mod build;
mod clean;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::session::Session;
use crate::Outcome;

/// Runs the command that was asked for, then tells how long its stages took.
pub(crate) fn run(cli: &Cli) -> Result<Outcome> {
    let session = Session::new(&cli.options)?;
    match &cli.command {
        Command::Build => build::run(&session),
        Command::Clean { all } => clean::run(&session, *all),
        _ => todo!(),
    }
}
