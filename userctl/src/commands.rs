// SPDX-License-Identifier: GPL-2.0
//! One file a command. Each takes its arguments, what it needs of the kernel and a [`Screen`].
//!
//! ```text
//! rules    a file, or several ─► Ruleset ─► verified program      (check, load, disasm, simulate)
//! loaded   what the module runs ─► Ruleset and counters           (load, list, counters, hooks)
//! blame    a refused instruction ─► file, line and text of its rule
//! tally    a program and counters ─► who counted, who dropped
//! ```
//!
//! Commands that need the device get a [`Kernel`], so that tests can give them another.

mod blame;
mod check;
mod completions;
mod counters;
mod disasm;
mod flush;
mod hooks;
mod import;
mod list;
mod load;
mod loaded;
mod man;
mod reset;
mod rules;
mod simulate;
mod status;
mod tally;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::io::Write;

use userctl::device::{Device, Kernel};
use userctl::netns;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::screen::Screen;

/// Does what was asked.
pub(crate) fn run(cli: &Cli, screen: &mut Screen) -> Result<(), Failure> {
    if let Some(name) = &cli.netns {
        netns::enter(name)?;
    }
    dispatch(&cli.command, &mut || open(cli), screen)?;
    screen.flush()?;
    Ok(())
}

/// Opens the device that the command line names.
fn open(cli: &Cli) -> Result<Box<dyn Kernel>, Failure> {
    Ok(Box::new(Device::open(&cli.device)?))
}

/// Runs the command; `kernel` opens the device for those that need it.
fn dispatch(
    command: &Command,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match command {
        Command::Check(args) => check::run(args, screen),
        Command::Load(args) => load::run(args, &mut *kernel()?, screen),
        Command::Import(args) => import::run(args, screen),
        Command::List(args) => list::run(args, &mut *kernel()?, screen),
        Command::Flush(args) => flush::run(args, &mut *kernel()?, screen),
        Command::Counters(args) => counters::run(args, &mut *kernel()?, screen),
        Command::Reset(args) => reset::run(args, &mut *kernel()?, screen),
        Command::Disasm(args) => disasm::run(args, kernel, screen),
        Command::Simulate(args) => simulate::run(args, screen),
        Command::Hooks(args) => hooks::run(args, &mut *kernel()?, screen),
        Command::Status => status::run(&mut *kernel()?, screen),
        Command::Completions(args) => completions::run(args, screen),
        Command::Man(args) => man::run(args, screen),
    }
}
