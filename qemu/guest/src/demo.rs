// SPDX-License-Identifier: GPL-2.0
//! The demonstration: one rule file at work, told step by step.
//!
//! It knows nothing about the file. What was dropped, where and by which rule follows from the
//! differences of counters around each thing that it tries.

mod attempt;
mod observation;
mod path;
mod story;

use std::fs;

use anyhow::{ensure, Context, Result};

use crate::ferrule;
use crate::kernel_log::{is_alarm, KernelLog};
use crate::process;
use crate::report::Report;
use crate::topology::Topology;

use attempt::{Attempt, Pair};
use observation::Observation;
use story::Story;

/// The rules that the user gave.
const RULES: &str = "/etc/ferrule/rules.nft";

/// Lines of the ruleset that are shown: a step is to fit on a screen.
const LISTING: usize = 28;

/// Tells the story; gives the status to report.
pub(crate) fn run(columns: usize, report: &mut Report) -> Result<i32> {
    let mut story = Story::new(columns, report);
    match tell(&mut story) {
        Ok(()) => Ok(0),
        Err(error) => {
            story.line("");
            story.text(&format!("The demonstration failed: {error:#}"));
            Ok(1)
        }
    }
}

fn tell(story: &mut Story<'_>) -> Result<()> {
    let mut log = KernelLog::open()?;
    log.new_lines()?;
    introduce(story)?;
    let topology = Topology::create().context("cannot make the network")?;
    show_network(story);
    load(story, &topology)?;
    let rules = fs::read_to_string(RULES)?;
    for pair in Pair::ALL {
        try_pair(story, &topology, pair, &rules)?;
    }
    show_hooks(story, &topology)?;
    path::show(story, &topology)?;
    end(story, &mut log)
}

/// The kernel, the module, and loading it.
fn introduce(story: &mut Story<'_>) -> Result<()> {
    story.step("An unmodified kernel, and a module");
    let version = fs::read_to_string("/proc/version")?;
    story.command("cat /proc/version");
    story.text(version.trim());
    story.command("modinfo ferrule.ko");
    let modinfo = process::run_ok(&["modinfo", ferrule::MODULE])?.stdout;
    for key in ["description", "license", "version", "vermagic"] {
        let line = modinfo
            .lines()
            .find(|line| line.starts_with(&format!("{key}:")));
        if let Some(line) = line {
            story.text(line);
        }
    }
    story.command("insmod ferrule.ko");
    process::run_ok(&["insmod", ferrule::MODULE])?;
    story.text("loaded: it counts and accepts everything at ten hooks, five for each family");
    Ok(())
}

fn show_network(story: &mut Story<'_>) {
    story.step("Three network namespaces");
    for line in [
        " client                     router                     server",
        " eth0 ──────────────── lan0 ┊ ┊ wan0 ──────────────── eth0",
        " 10.0.1.2         10.0.1.1      10.0.2.1         10.0.2.2",
        " fd00:1::2       fd00:1::1      fd00:2::1       fd00:2::2",
    ] {
        story.line(line);
    }
}

fn load(story: &mut Story<'_>, topology: &Topology) -> Result<()> {
    story.step("The rules, in the router");
    story.command("userctl --netns router load rules.nft");
    ferrule::userctl(&topology.router, &["load", RULES])?.success()?;
    let info = ferrule::info(&topology.router)?;
    story.text(&format!(
        "{} rules in {} chains: {} instructions, at most {} for one packet",
        info.rules, info.chains, info.insns, info.max_steps
    ));
    story.command("userctl --netns router list --stateless");
    let listing = ferrule::userctl(&topology.router, &["list", "--stateless"])?
        .success()?
        .stdout;
    let lines: Vec<_> = listing.lines().collect();
    for line in lines.iter().take(LISTING) {
        story.line(&format!("   {}", line.replace('\t', "  ")));
    }
    if lines.len() > LISTING {
        story.text(&format!("... and {} more lines", lines.len() - LISTING));
    }
    Ok(())
}

/// Ping, TCP and UDP between two hosts, in both families.
fn try_pair(story: &mut Story<'_>, topology: &Topology, pair: Pair, rules: &str) -> Result<()> {
    story.step(&format!("Traffic from {}", pair.title()));
    for attempt in Attempt::all(pair, rules) {
        let before = Observation::take(&topology.router)?;
        let result = attempt.run(topology)?;
        let after = Observation::take(&topology.router)?;
        story.line(&format!(" {:<22} {result}", attempt.to_string()));
        for drop in after.drops_since(&before) {
            story.line(&format!("   └─ {drop}"));
        }
    }
    Ok(())
}

fn show_hooks(story: &mut Story<'_>, topology: &Topology) -> Result<()> {
    story.step("What the ten hooks in the router counted");
    for line in Observation::take(&topology.router)?.table() {
        story.line(&line);
    }
    Ok(())
}

fn end(story: &mut Story<'_>, log: &mut KernelLog) -> Result<()> {
    story.step("The end");
    story.command("rmmod ferrule");
    process::run_ok(&["rmmod", "ferrule"])?;
    ensure!(!ferrule::is_loaded(), "the module is still there");
    let lines = log.new_lines()?;
    let alarms: Vec<_> = lines
        .iter()
        .filter(|line| is_alarm(line))
        .cloned()
        .collect();
    ensure!(
        alarms.is_empty(),
        "the kernel's log has alarms:\n{}",
        alarms.join("\n")
    );
    story.command("dmesg");
    for line in lines.iter().filter(|line| line.contains("ferrule")) {
        story.text(line);
    }
    story.text("no warning, no leak: the module is gone and the kernel's log is clean");
    Ok(())
}
