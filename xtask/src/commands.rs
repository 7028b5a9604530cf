// SPDX-License-Identifier: GPL-2.0

//! The commands: which stages each one runs, in which order.

mod bench;
mod build;
mod clean;
mod conformance;
mod demo;
mod differential;
mod guest;
mod shell;
mod test;

use anyhow::Result;

pub(crate) use build::foundation;

use crate::cli::{Cli, Command};
use crate::session::Session;
use crate::{check, Outcome};

/// Runs the command that was asked for.
pub(crate) fn run(cli: &Cli) -> Result<Outcome> {
    let session = Session::new(&cli.options)?;
    match &cli.command {
        Command::Demo { rules } => demo::run(&session, rules.as_deref()),
        Command::Test {
            filter,
            host_only,
            guest_only,
            long,
        } => {
            let selection = test::Selection {
                filter: filter.as_deref(),
                host: !guest_only,
                guest: !host_only,
                long: *long,
            };
            test::run(&session, &selection)
        }
        Command::Differential {
            rulesets,
            packets,
            seed,
            first,
            only,
        } => {
            let plan = differential::Plan {
                rulesets: *rulesets,
                packets: *packets,
                seed: seed.unwrap_or_else(differential::clock),
                first: *first,
                only: only.as_deref(),
            };
            differential::run(&session, &plan)
        }
        Command::Bench(options) => bench::run(&session, options),
        Command::Conformance {
            files,
            json,
            listing,
        } => conformance::run(&session, files, *json, *listing),
        Command::Shell => shell::run(&session),
        Command::Build => build::run(&session),
        Command::Check => check::run(&session),
        Command::Clean { all } => clean::run(&session, *all),
    }
}
