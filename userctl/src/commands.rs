// SPDX-License-Identifier: GPL-2.0
//! One file a command. Each takes its arguments, what it needs of the kernel and a [`Screen`].
//!
//! ```text
//! rules    a file, or several ─► Ruleset ─► verified program      (check, load, disasm, simulate)
//! loaded   what the module runs ─► Ruleset, counters, elements    (answer, counters)
//! script   nft's commands ─► executed, answered                   (load, nft, interactive)
//! blame    a refused instruction ─► file, line and text of its rule
//! tally    a program and counters ─► who counted, who dropped
//! ```
//!
//! Commands that need the device get a [`Kernel`], so that tests can give them another.

mod answer;
mod blame;
mod check;
mod completions;
mod counters;
mod disasm;
mod echo;
mod hooks;
mod import;
mod interactive;
mod load;
mod loaded;
mod man;
mod monitor;
mod nft;
mod progress;
mod rules;
mod script;
mod simulate;
mod status;
mod tally;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::io::Write;

use userctl::device::{Device, Kernel};
use userctl::{listing, netns};

use crate::cli::{Cli, Command, ShowArgs};
use crate::failure::Failure;
use crate::screen::Screen;

/// Does what was asked.
pub(crate) fn run(cli: &Cli, screen: &mut Screen) -> Result<(), Failure> {
    if let Some(name) = &cli.netns {
        netns::enter(name)?;
    }
    dispatch(cli, &mut || open(cli), screen)?;
    screen.flush()?;
    Ok(())
}

/// Opens the device that the command line names.
fn open(cli: &Cli) -> Result<Box<dyn Kernel>, Failure> {
    Ok(Box::new(Device::open(&cli.device)?))
}

/// How listings look.
fn listing_options(show: &ShowArgs) -> listing::Options<'static> {
    listing::Options {
        handles: show.handles,
        stateless: show.stateless,
        terse: show.terse,
        numeric: show.numeric > 0,
        numeric_priority: show.numeric_priority,
        services: show.services,
        hosts: show
            .hosts
            .then_some(&|address| dns_lookup::lookup_addr(&address).ok()),
        ..listing::Options::default()
    }
}

/// Runs the command; `kernel` opens the device for those that need it.
fn dispatch(
    cli: &Cli,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let Some(command) = &cli.command else {
        return nft::without_command(cli, kernel, screen);
    };
    match command {
        Command::Check(args) => check::run(args, screen),
        Command::Load(args) => load::run(args, cli.show, kernel, screen),
        Command::Import(args) => import::run(args, screen),
        Command::Counters(args) => counters::run(args, &mut *kernel()?, screen),
        Command::Disasm(args) => disasm::run(args, kernel, screen),
        Command::Simulate(args) => simulate::run(args, screen),
        Command::Hooks(args) => hooks::run(args, &mut *kernel()?, screen),
        Command::Status => status::run(&mut *kernel()?, screen),
        Command::Monitor(args) => monitor::run(args, &mut *kernel()?, screen),
        Command::Completions(args) => completions::run(args, screen),
        Command::Man(args) => man::run(args, screen),
        _ => nft::run(cli, command, kernel, screen),
    }
}
