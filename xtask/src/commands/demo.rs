// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask demo [RULES]`: what the guest shows, as it shows it.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::{build, guest};
use crate::judge::Judge;
use crate::packages::Need;
use crate::qemu::watch::{Limits, Port};
use crate::session::Session;
use crate::Outcome;

/// Under TCG a minute passes without a word only in a guest that hangs.
const LIMITS: Limits = Limits {
    silence: Duration::from_secs(60),
    total: Duration::from_secs(300),
};

/// Fewer columns than this and the guest's tables do not fit.
const COLUMNS: u16 = 80;

/// Runs the demonstration.
pub(super) fn run(session: &Session, rules: Option<&Path>) -> Result<Outcome> {
    let built = build::all(session, Need::Guest, rules)?;
    let arguments = format!("quiet ferrule.mode=demo ferrule.columns={}", columns());
    let outcome = guest::with(session, &built, &arguments, |guest| {
        session.report.stage("demonstration", |stage| {
            let mut judge = Judge::default();
            stage.message("booting");
            let run = guest.run(LIMITS, |port, line| match port {
                Port::Report => {
                    judge.line(line);
                    if judge.exit().is_none() {
                        stage.suspend(|| println!("{line}"));
                    }
                }
                Port::Console => stage.line(line),
            })?;
            let silent = || {
                judge
                    .exit()
                    .is_none()
                    .then(|| "the guest ended without saying so".into())
            };
            if let Some(complaint) = run.complaint().or_else(silent) {
                println!("{complaint}");
                guest::print_console(&run.console);
                return Ok(Outcome::Failed);
            }
            Ok(if judge.exit() == Some(0) {
                Outcome::Passed
            } else {
                Outcome::Failed
            })
        })
    })?;
    session.report.print_times();
    Ok(outcome)
}

fn columns() -> u16 {
    console::Term::stdout()
        .size_checked()
        .map_or(COLUMNS, |(_, columns)| columns.max(COLUMNS))
}
