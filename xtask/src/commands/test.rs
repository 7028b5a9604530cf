// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask test [FILTER]`: the host's tests, then the guest's, and one line that sums them.

use std::time::Duration;

use anyhow::{bail, Result};

use super::{build, guest};
use crate::findings::Findings;
use crate::host_tests;
use crate::judge::{Judge, Shown};
use crate::ktap::{TestResult, TestVerdict};
use crate::packages::{self, Need};
use crate::progress::Stage;
use crate::qemu::watch::{Limits, Port, Run};
use crate::qemu::Guest;
use crate::session::Session;
use crate::tally::Tally;
use crate::Outcome;

/// Under TCG two minutes pass without a word only in a guest that hangs.
const LIMITS: Limits = Limits {
    silence: Duration::from_secs(150),
    total: Duration::from_secs(2400),
};

/// Which tests are run.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    pub(super) filter: Option<&'a str>,
    pub(super) host: bool,
    pub(super) guest: bool,
    pub(super) long: bool,
}

/// Runs them. The last line is `N passed, N failed, N skipped`.
pub(super) fn run(session: &Session, selection: &Selection) -> Result<Outcome> {
    if selection
        .filter
        .is_some_and(|filter| filter.contains(char::is_whitespace))
    {
        bail!("the filter has a space in it, and no test's name has; quote a part of one name");
    }
    let mut parts = Vec::new();
    if selection.host {
        packages::ensure(session, Need::Tests)?;
        let tally = host_tests::run(session, selection.filter, selection.long)?;
        parts.push(("host", tally));
    }
    if selection.guest {
        parts.push(("guest", in_guest(session, selection.filter)?));
    }
    session.report.print_times();
    let mut sum = Tally::default();
    println!();
    for (part, tally) in parts {
        println!("{part:5}  {tally}");
        sum += tally;
    }
    if sum.total() == 0 {
        println!(
            "no test has {:?} in its name",
            selection.filter.unwrap_or_default()
        );
        sum.failed = 1;
    }
    println!("{sum}");
    Ok(sum.outcome())
}

fn in_guest(session: &Session, filter: Option<&str>) -> Result<Tally> {
    let mut arguments = "quiet ferrule.mode=test".to_owned();
    if let Some(filter) = filter {
        arguments += &format!(" ferrule.filter={filter}");
    }
    judged(session, &arguments, LIMITS)
}

/// Runs a guest that reports in KTAP; what disagreements it found with nftables become files.
pub(super) fn judged(session: &Session, arguments: &str, limits: Limits) -> Result<Tally> {
    let built = build::all(session, Need::Guest, None)?;
    guest::with(session, &built, arguments, |guest| {
        session.report.stage("guest tests", |stage| {
            let mut findings = Findings::new(session);
            let (judge, run) = watch(guest, limits, &mut findings, stage)?;
            findings.report();
            let (mut tally, complaint) = judge.verdict();
            let complaints = [run.complaint(), complaint];
            for complaint in complaints.iter().flatten() {
                println!("{complaint}");
            }
            if complaints.iter().any(Option::is_some) {
                guest::print_console(&run.console);
                // A panic after the last result is a failure all the same.
                tally.failed = tally.failed.max(1);
            }
            for name in judge.failed() {
                println!("failed: {name}");
            }
            for name in judge.skipped() {
                println!("skipped: {name}");
            }
            stage.note(tally.to_string());
            Ok(tally)
        })
    })
}

/// Runs the guest and shows its results as they come.
fn watch(
    guest: &Guest,
    limits: Limits,
    findings: &mut Findings,
    stage: &Stage,
) -> Result<(Judge, Run)> {
    let mut judge = Judge::default();
    stage.message("booting");
    let run = guest.run(limits, |port, line| {
        if port == Port::Console {
            return stage.line(line);
        }
        findings.line(line);
        let planned = judge.plan();
        match judge.line(line) {
            Shown::Result(result) => show(&result, line, stage),
            Shown::Text => stage.suspend(|| println!("{line}")),
            Shown::Nothing => {}
        }
        if let (None, Some(plan)) = (planned, judge.plan()) {
            stage.set_length(plan, false);
        }
    })?;
    Ok((judge, run))
}

fn show(result: &TestResult, line: &str, stage: &Stage) {
    stage.advance();
    stage.message(result.name.clone());
    if result.verdict != TestVerdict::Passed || !stage.is_drawn() {
        stage.suspend(|| println!("{line}"));
    }
}
