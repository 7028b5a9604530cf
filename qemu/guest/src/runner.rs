// SPDX-License-Identifier: GPL-2.0
//! Runs scenarios one after the other and reports them in KTAP.
//!
//! A scenario begins with the module loaded, the topology in place, and every ruleset and hook counter
//! empty. It fails when it says so, when it panics, or when the kernel has logged an alarm meanwhile;
//! then everything there is to know is printed.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{anyhow, bail, Context, Error, Result};

use crate::ferrule;
use crate::kernel_log::{is_alarm, KernelLog};
use crate::lab::Lab;
use crate::process;
use crate::report::Report;

/// One behaviour.
pub(crate) struct Scenario {
    /// The behaviour, as a sentence.
    pub(crate) name: String,
    /// Tries it.
    pub(crate) run: Trial,
}

/// What a scenario does, with the topology at its hands.
type Trial = Box<dyn Fn(&mut Lab) -> Result<()>>;

impl Scenario {
    /// A scenario.
    pub(crate) fn new(
        name: impl Into<String>,
        run: impl Fn(&mut Lab) -> Result<()> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// What a scenario cannot be tried without is not there.
#[derive(Debug)]
struct Skipped(&'static str);

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Skipped {}

/// Ends a scenario that cannot be tried, which is neither success nor failure: the summary counts it apart.
pub(crate) fn skip(reason: &'static str) -> Result<()> {
    Err(Skipped(reason).into())
}

/// Where the last panic happened and what it said.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Runs those whose name contains `filter`; gives the guest's exit status.
pub(crate) fn run(
    scenarios: Vec<Scenario>,
    filter: Option<&str>,
    report: &mut Report,
) -> Result<i32> {
    let chosen: Vec<_> = scenarios
        .iter()
        .filter(|scenario| filter.is_none_or(|text| scenario.name.contains(text)))
        .collect();
    report.line("KTAP version 1");
    report.line(&format!("1..{}", chosen.len()));
    introduce(report);
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut panic) = PANIC.lock() {
            *panic = info.to_string();
        }
    }));
    let mut log = KernelLog::open()?;
    let mut lab = Lab::create()?;
    log.new_lines()?;
    let mut failures = 0;
    for (index, scenario) in chosen.iter().enumerate() {
        let begun = Instant::now();
        let result = run_one(scenario, &mut lab, &mut log);
        let number = index + 1;
        match result {
            Ok(()) => report.line(&format!("ok {number} {}", scenario.name)),
            Err((error, _)) if error.is::<Skipped>() => {
                report.line(&format!("ok {number} {} # SKIP {error}", scenario.name));
            }
            Err((error, lines)) => {
                failures += 1;
                report.line(&format!("not ok {number} {}", scenario.name));
                report.diagnostic(&format!("{error:#}"));
                report.diagnostic(&state(&lab, &lines));
            }
        }
        report.diagnostic(&format!("{} ms", begun.elapsed().as_millis()));
    }
    Ok(i32::from(failures > 0))
}

/// Says on which kernel and with which module all this is: that neither is a special one.
fn introduce(report: &mut Report) {
    if let Ok(version) = std::fs::read_to_string("/proc/version") {
        report.diagnostic(&version);
    }
    if let Ok(modinfo) = process::run(&["modinfo", ferrule::MODULE]) {
        report.diagnostic(&modinfo.text());
    }
}

/// Runs one scenario in a fresh guest. With the error come the new lines of the kernel's log.
fn run_one(
    scenario: &Scenario,
    lab: &mut Lab,
    log: &mut KernelLog,
) -> Result<(), (Error, Vec<String>)> {
    lab.forget();
    let result = prepare(lab).and_then(|()| guarded(|| (scenario.run)(lab)));
    let lines = log
        .new_lines()
        .unwrap_or_else(|error| vec![format!("WARNING: {error}")]);
    let alarms: Vec<_> = lines.iter().filter(|line| is_alarm(line)).collect();
    match result {
        Err(error) => Err((error, lines)),
        Ok(()) if !alarms.is_empty() => Err((anyhow!("the kernel's log has alarms"), lines)),
        Ok(()) => Ok(()),
    }
}

/// Brings the guest to where every scenario begins.
fn prepare(lab: &mut Lab) -> Result<()> {
    if !ferrule::is_loaded() {
        ferrule::insert()?;
    }
    lab.settle()?;
    for ns in [lab.client(), lab.router(), lab.server()] {
        ferrule::reset(ns).with_context(|| format!("cannot reset {}", ns.name()))?;
    }
    Ok(())
}

/// Turns a panic into an error.
fn guarded(work: impl FnOnce() -> Result<()>) -> Result<()> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(_) => {
            let panic = PANIC.lock().map(|text| text.clone()).unwrap_or_default();
            bail!("{panic}")
        }
    }
}

/// Everything there is to know after a failure.
fn state(lab: &Lab, log: &[String]) -> String {
    let mut text = String::new();
    let commands: [&[&str]; 4] = [
        &["userctl", "--netns", "router", "list", "-a"],
        &["userctl", "--netns", "router", "counters"],
        &["userctl", "--netns", "router", "hooks"],
        &["ip", "netns", "exec", "router", "nft", "list", "ruleset"],
    ];
    for command in commands {
        text += &format!("--- {}\n", command.join(" "));
        match process::run(command) {
            Ok(output) => text += &output.text(),
            Err(error) => text += &format!("{error:#}\n"),
        }
    }
    text += "--- packets\n";
    for line in lab.history().iter().rev().take(40).rev() {
        text += &format!("{line}\n");
    }
    text += "--- kernel log\n";
    for line in log.iter().rev().take(60).rev() {
        text += &format!("{line}\n");
    }
    text
}
