// SPDX-License-Identifier: GPL-2.0
//! Imported rulesets against iptables: each file of the corpus `iptables-save` is restored by iptables in one
//! namespace, and imported and loaded in its twin; the same packets go through both.
//!
//! ```text
//! save ─► aim ─► shots ─► world (iptables) ─┐
//!   └───► userctl import ─► world (Ferrule) ─┴─► seen: packets, answers, log lines, counters of rules
//! ```
//!
//! The corpus is other people's work and no part of the tree: where it is absent, the scenario is skipped.

mod aim;
mod save;
mod seen;
mod shots;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use ferrule_uapi::hook::Family;

use crate::differential::Random;
use crate::ferrule;
use crate::filter::{Count, Filter};
use crate::kernel_log::KernelLog;
use crate::process;
use crate::runner::{skip, Scenario};

use aim::Aim;
use save::Save;
use shots::Batches;
use world::{Seen, World};

/// Where our own saves are.
const OWN: &str = "/usr/share/ferrule/imported";

/// Where the corpus is, if the host has it.
const CORPUS: &str = "/usr/share/ferrule/iptables-save";

/// Log lines of other namespaces than the first are logged too.
const LOG_ALL: &str = "/proc/sys/net/netfilter/nf_log_all_netns";

/// Times a file is tried: limits and what is seen recently depend on the clock.
const TRIES: u64 = 3;

/// Of a hundred rules that packets can reach, how many have to match one.
const MATCHED: usize = 60;

/// What a run shows.
struct Observation {
    seen: Seen,
    counts: BTreeMap<String, Count>,
}

/// One trial of each file.
pub(crate) fn trials() -> Vec<Scenario> {
    let trial = |file: PathBuf| {
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = format!("imported-{stem}-means-what-it-means-in-iptables");
        Scenario::new(name, move |_| try_file(&file))
    };
    let mut list: Vec<_> = files(OWN).into_iter().map(trial).collect();
    let corpus = files(CORPUS);
    if corpus.is_empty() {
        let name = "imported-saves-of-real-machines-mean-what-they-mean-in-iptables";
        list.push(Scenario::new(name, |_| {
            skip("the host has no corpus iptables-save: set FERRULE_CORPORA")
        }));
    }
    list.extend(corpus.into_iter().map(trial));
    list
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn try_file(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let family = match file
        .extension()
        .is_some_and(|found| found == "ip6tables-save")
    {
        true => Family::Ip6,
        false => Family::Ip,
    };
    whole_file_imports(file)?;
    let save = Save::read(family, &text);
    let before = fs::read_to_string(LOG_ALL).context(LOG_ALL)?;
    fs::write(LOG_ALL, "1")?;
    let result = try_save(&save);
    fs::write(LOG_ALL, before.trim())?;
    result
}

/// All of it is imported, address translation too; that is for the module to refuse.
fn whole_file_imports(file: &Path) -> Result<()> {
    let file = file.to_str().context("a file with a strange name")?;
    process::run_ok(&["userctl", "import", file])?;
    Ok(())
}

fn try_save(save: &Save) -> Result<()> {
    let mut difference = String::new();
    for attempt in 0..TRIES {
        let batches = shots::batches(&mut Random::new(7, attempt), save);
        let (ours, theirs) = (in_ferrule(save, &batches)?, in_iptables(save, &batches)?);
        difference = differences(&ours, &theirs);
        if difference.is_empty() {
            return reaches_enough(save, &batches, &theirs);
        }
    }
    bail!("iptables and Ferrule do not agree, {TRIES} times; the last time:\n{difference}")
}

fn in_ferrule(save: &Save, batches: &Batches) -> Result<Observation> {
    let mut world = World::create("fi", save)?;
    const SAVED: &str = "/tmp/saved";
    fs::write(SAVED, &save.text)?;
    let option = match save.family {
        Family::Ip6 => "--ip6",
        _ => "--ip",
    };
    let imported = process::run_ok(&["userctl", "import", option, SAVED])?.stdout;
    ferrule::load(&world.router, &imported)?;
    let seen = run(&mut world, batches)?;
    let counts = Filter::Ferrule.counts(&world.router)?;
    ferrule::reset(&world.router)?;
    Ok(Observation { seen, counts })
}

fn in_iptables(save: &Save, batches: &Batches) -> Result<Observation> {
    let mut world = World::create("ii", save)?;
    let [restore, list] = match save.family {
        Family::Ip6 => ["ip6tables-legacy-restore", "ip6tables-legacy-save"],
        _ => ["iptables-legacy-restore", "iptables-legacy-save"],
    };
    let restored = world
        .router
        .inside(|| process::run_with_input(&[restore], &save.text))?;
    restored?.success()?;
    let seen = run(&mut world, batches)?;
    let listed = world.router.run_ok(&[list, "-c"])?.stdout;
    let counts = seen::counts(&listed)?;
    Ok(Observation { seen, counts })
}

fn run(world: &mut World, batches: &Batches) -> Result<Seen> {
    let mut seen = Seen::new();
    let mut log = KernelLog::open()?;
    log.new_lines()?;
    for (pair, shots) in batches {
        world.run(*pair, shots, &mut log, &mut seen)?;
    }
    Ok(seen)
}

/// What is not the same, as text.
fn differences(ours: &Observation, theirs: &Observation) -> String {
    const SHOWN: usize = 8;
    let mut found = Vec::new();
    let empty = Vec::new();
    let places: std::collections::BTreeSet<_> =
        ours.seen.keys().chain(theirs.seen.keys()).collect();
    for place in places {
        let [ours, theirs] = [ours, theirs].map(|one| one.seen.get(place).unwrap_or(&empty));
        if ours != theirs {
            let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
            let [first, second] =
                [ours, theirs].map(|list| list.get(at).map_or("nothing", |one| one));
            found.push(format!("{place}:\n  ferrule  {first}\n  iptables {second}"));
        }
    }
    for (name, theirs) in &theirs.counts {
        let ours = ours.counts.get(name).copied();
        if ours != Some(*theirs) {
            found.push(format!("rule {name}: {ours:?}, in iptables {theirs:?}"));
        }
    }
    if ours.counts.len() != theirs.counts.len() {
        found.push(format!(
            "{} rules, in iptables {}",
            ours.counts.len(),
            theirs.counts.len()
        ));
    }
    found.truncate(SHOWN);
    found.join("\n")
}

/// Packets that match next to nothing prove nothing.
fn reaches_enough(save: &Save, batches: &Batches, theirs: &Observation) -> Result<()> {
    let packets: usize = batches.values().map(Vec::len).sum();
    let random = &mut Random::new(7, TRIES);
    let mut leads_here = |rule| (0..8).any(|_| Aim::at(random, save, rule).is_some());
    let rules = save.rules.iter().enumerate();
    let reachable: Vec<_> = rules.filter(|(_, rule)| leads_here(rule)).collect();
    let rules = reachable.len();
    let unmatched: Vec<_> = reachable
        .into_iter()
        .filter(|(number, _)| {
            let count = theirs.counts.get(&save::name_of(*number));
            count.is_none_or(|count| count.packets == 0)
        })
        .map(|(number, rule)| format!("{number}: {} {}", rule.chain, rule.target))
        .collect();
    let missed = unmatched.len();
    println!("# {packets} packets; of {rules} rules {missed} matched none");
    ensure!(
        missed * 100 <= rules * (100 - MATCHED),
        "of {rules} rules {missed} matched none of {packets} packets:\n{}",
        unmatched.join("\n")
    );
    Ok(())
}
