// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask bench [NAME]`: the same rules in every peer, the same packets, one boot.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{bail, Context, Result};
use ferrule_bench::case::Family;
use ferrule_bench::catalogue::{self, Choice};
use ferrule_bench::line::Line;
use ferrule_bench::plan::{Peer, Plan, FILE};

use crate::accel;
use crate::bench::results::Results;
use crate::bench::summary::Summary;
use crate::bench::table;
use crate::bench::{page, plot};
use crate::cache::remove_tree;
use crate::cli::{BenchOptions, Flavour};
use crate::initramfs::{self, Contents};
use crate::kernel::{self, Boot, Kernel};
use crate::packages::{self, Need};
use crate::progress::Stage;
use crate::qemu::watch::{Limits, Port, Run};
use crate::session::Session;
use crate::toolchain::{self, Toolchain};
use crate::{module, programs, qemu, um, Outcome};

/// Where the guest looks for the plan, and for the sender.
const IN_GUEST: &str = "bench";
const SENDER_IN_GUEST: &str = "ferrule_sender.ko";

/// Loading 100,000 rules one after the other may take minutes, and says nothing.
const LIMITS: Limits = Limits {
    silence: Duration::from_secs(900),
    total: Duration::from_secs(4 * 3600),
};

/// Measures, and prints what came of it.
pub(super) fn run(session: &Session, options: &BenchOptions) -> Result<Outcome> {
    if options.list {
        for item in catalogue::ITEMS {
            println!("  {:12} {} ({:?})", item.name, item.about, item.sizes);
        }
        return Ok(Outcome::Passed);
    }
    let files = session.workspace.target("bench/files");
    let (plan, remarks) = session
        .report
        .stage("workloads", |stage| write_plan(options, &files, stage))?;
    let (results, kernel) = measure(session, &plan, &files)?;
    let summary = Summary::of(&plan, &results);
    for table in table::costs(&summary).iter().chain(&table::loads(&summary)) {
        println!("\n{}", table.text());
    }
    let growth = page::growth(&summary);
    if !growth.lines.is_empty() {
        println!("\n{}", growth.text());
    }
    let mut outcome = Outcome::Passed;
    let mut outs = std::collections::BTreeSet::new();
    for entry in &summary.costs {
        let what = || {
            format!(
                "{} {} {} {}",
                entry.workload, entry.family, entry.rules, entry.traffic
            )
        };
        if let Some(wrong) = &entry.wrong {
            println!("{}: {}: {wrong}", what(), entry.peer.title());
            outcome = Outcome::Failed;
        }
        if let Some(out) = &entry.out {
            outs.insert(format!(
                "{} {} {}: {} took no part: {out}",
                entry.workload,
                entry.family,
                entry.rules,
                entry.peer.title()
            ));
        }
    }
    for out in outs {
        println!("{out}");
    }
    write_results(session, options, &summary, &plan, kernel, remarks)?;
    session.report.print_times();
    Ok(outcome)
}

/// Writes the summary as JSON, the plots, and the page if it is wanted.
fn write_results(
    session: &Session,
    options: &BenchOptions,
    summary: &Summary,
    plan: &Plan,
    kernel: String,
    remarks: Vec<String>,
) -> Result<()> {
    let json = session.workspace.target("bench/results.json");
    let text = serde_json::to_string_pretty(summary).context("writing the results")?;
    fs::write(&json, text).with_context(|| format!("writing {}", json.display()))?;
    println!("{}", json.display());
    let plots = session.workspace.target("bench/plots");
    plot::draw(summary, &plots)?;
    println!("{}", plots.display());
    if options.page {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let setting = page::Setting {
            command: format!("cargo xtask {}", arguments.join(" ")),
            kernel,
            rounds: plan.rounds,
            remarks,
        };
        let directory = session.workspace.path("qemu");
        page::write(&directory, summary, &setting)?;
        println!("{}", directory.join("BENCHMARKS.md").display());
    }
    Ok(())
}

/// Makes the workloads' files.
fn write_plan(
    options: &BenchOptions,
    directory: &Path,
    stage: &Stage,
) -> Result<(Plan, Vec<String>)> {
    let peers = options
        .peers
        .iter()
        .map(|name| {
            Peer::parse(name).with_context(|| {
                let known: Vec<_> = Peer::ALL.iter().map(|peer| peer.name()).collect();
                format!(
                    "there is no peer called {name}; there are {}",
                    known.join(", ")
                )
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let families = match options.family.as_deref() {
        None | Some("ip") => vec![Family::Ip],
        Some("ip6") => vec![Family::Ip6],
        Some("both") => vec![Family::Ip, Family::Ip6],
        Some(other) => bail!("--family {other}: expected ip, ip6 or both"),
    };
    let choice = Choice {
        names: options.names.clone(),
        rules: options.rules.clone(),
        families,
        quick: options.quick,
    };
    let chosen = catalogue::cases(&choice)?;
    remove_tree(directory)?;
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let wanted = |peer: Peer| peers.is_empty() || peers.contains(&peer);
    let traffic =
        |name: &str| options.traffic.is_empty() || options.traffic.iter().any(|t| t == name);
    let mut plan = Plan {
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 7 }),
        budget_ms: options.budget_ms,
        patience_s: options.patience,
        workloads: Vec::new(),
    };
    let mut remarks = Vec::new();
    for (item, family, rules) in chosen {
        stage.message(format!("{} {} {rules}", item.name, family.name()));
        let case = item.make(family, rules)?;
        for remark in case.remarks() {
            stage.say(remark);
        }
        remarks.extend_from_slice(case.remarks());
        plan.workloads
            .push(case.write(directory, &wanted, &traffic)?);
    }
    let text = serde_json::to_vec(&plan).context("writing the plan")?;
    fs::write(directory.join(FILE), text).context("writing the plan")?;
    stage.note(format!("{}", plan.workloads.len()));
    Ok((plan, remarks))
}

/// Boots a guest that does what the plan says, and collects what it reports.
fn measure(session: &Session, plan: &Plan, files: &Path) -> Result<(Results, String)> {
    packages::ensure(session, Need::Guest)?;
    let toolchain = toolchain::ensure(session)?;
    let flavour = session.options.flavour.unwrap_or(Flavour::Um);
    let kernel = kernel::ensure(session, &toolchain, flavour)?;
    let Some(boot) = &kernel.boot else {
        bail!("the build tree of --kdir has no image, so there is nothing to boot");
    };
    let initramfs = build(session, &toolchain, &kernel, boot, flavour, files)?;
    let mut results = Results::default();
    let (run, exit) = session.report.stage("bench", |stage| {
        let mut exit = None;
        let total: usize = plan.workloads.len();
        stage.set_length(total as u64, false);
        let each = |port: Port, line: &str| {
            if port == Port::Console {
                return stage.line(line);
            }
            match Line::parse(line) {
                Some(Line::Begin { workload }) => {
                    stage.advance();
                    if let Some(workload) = plan.workloads.get(workload) {
                        stage.message(workload.id());
                        if !stage.is_drawn() {
                            stage.say(&workload.id());
                        }
                    }
                }
                Some(line) => results.take(line),
                None => match line.strip_prefix("ferrule-guest: exit ") {
                    Some(status) => exit = status.trim().parse::<i32>().ok(),
                    None => stage.suspend(|| println!("{line}")),
                },
            }
        };
        let arguments = "quiet ferrule.mode=bench".to_owned();
        let run = match flavour {
            Flavour::Um => um::Guest {
                toolchain: &toolchain,
                kernel: &kernel,
                boot,
                initramfs: &initramfs,
                files,
                arguments,
            }
            .run(LIMITS, each)?,
            Flavour::Stock => qemu::Guest {
                image: &boot.image,
                initramfs: &initramfs,
                accel: accel::choose(session, &toolchain, &boot.image)?,
                counting: true,
                arguments,
            }
            .run(LIMITS, each)?,
        };
        Ok((run, exit))
    })?;
    judge(&run, exit)?;
    let how = match flavour {
        Flavour::Um => "User Mode Linux",
        Flavour::Stock => {
            "Debian's own, under QEMU (without KVM its clock counts instructions: figures are \
             instructions, not nanoseconds)"
        }
    };
    Ok((results, format!("{}, {how}", kernel.release)))
}

/// A guest that did not say that all went well has measured nothing.
fn judge(run: &Run, exit: Option<i32>) -> Result<()> {
    let complaint = run.complaint();
    if exit == Some(0) && complaint.is_none() {
        return Ok(());
    }
    super::guest::print_console(&run.console);
    match (complaint, exit) {
        (Some(complaint), _) => bail!("{complaint}"),
        (None, Some(status)) => bail!("the guest ended with status {status}"),
        (None, None) => bail!("the guest ended without saying so"),
    }
}

/// Everything that the guest is started from.
fn build(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Kernel,
    boot: &Boot,
    flavour: Flavour,
    files: &Path,
) -> Result<PathBuf> {
    let module = module::build(session, toolchain, kernel)?;
    let sender = module::build_sender(session, toolchain, kernel)?;
    let mut extra = vec![(SENDER_IN_GUEST, sender)];
    if flavour == Flavour::Stock {
        // It cannot see the host's files.
        extra.push((IN_GUEST, files.to_owned()));
    }
    let contents = Contents {
        programs: programs::build(session)?,
        module,
        rules: None,
        extra,
    };
    initramfs::build(session, toolchain, kernel, boot, &contents)
}
