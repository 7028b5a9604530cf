// SPDX-License-Identifier: GPL-2.0
//! Benches: loads the same rules into every peer, sends the packets that belong to them, and reports what
//! each one cost. What that comes to, the host works out.
//!
//! Every contestant has a network namespace of its own, with its rules loaded, so that a round goes from
//! one to the next without loading anything. Ferrule's module, though, has hooks in every namespace while
//! it is there: in each round it is inserted after all others have been measured, and removed again.

mod arena;
mod loading;
mod sender;
mod updates;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ferrule_bench::line::{Line, Sample};
use ferrule_bench::plan::{Contestant, Peer, Plan, Traffic, Workload};
use nix::mount::{mount, MsFlags};

use crate::ferrule;
use crate::report::Report;
use arena::Arena;
use sender::{Gate, Sender};

/// Where the plan and its files are.
const DIRECTORY: &str = "/bench";

/// How often rules are loaded, unless that takes longer than so many seconds.
const LOADS: u32 = 3;
const SLOW_LOAD: f64 = 10.0;

/// Runs the plan; gives the status to report. `hostfs` is where the host keeps the plan, if this kernel can
/// see the host's files.
pub(crate) fn run(hostfs: Option<&str>, report: &mut Report) -> Result<i32> {
    if let Some(path) = hostfs {
        std::fs::create_dir_all(DIRECTORY)?;
        mount(
            Some("none"),
            DIRECTORY,
            Some("hostfs"),
            MsFlags::MS_RDONLY,
            Some(path),
        )
        .with_context(|| format!("cannot see the host's {path}"))?;
    }
    let directory = Path::new(DIRECTORY);
    let text = std::fs::read(directory.join(ferrule_bench::plan::FILE)).context("the plan")?;
    let plan: Plan = serde_json::from_slice(&text).context("the plan")?;
    keep_memory_together()?;
    let sender = Sender::insert()?;
    for (number, workload) in plan.workloads.iter().enumerate() {
        report.line(&Line::Begin { workload: number }.print());
        let mut match_ = Match::new(directory, &plan, number, workload, &sender);
        match_.play(report)?;
    }
    Ok(0)
}

/// Lets freed pages be joined again instead of lying in a CPU's list, in the order in which some program gave them
/// back. Under User Mode Linux every page of a program whose neighbour in memory is not its own is a mapping of the
/// host, of which a process can have 65,530: with pages from such a list, one of 256 MB faults for ever.
fn keep_memory_together() -> Result<()> {
    let file = "/proc/sys/vm/percpu_pagelist_high_fraction";
    std::fs::write(file, "1000000").context(file)
}

/// One workload: its contestants against each other.
struct Match<'a> {
    directory: PathBuf,
    plan: &'a Plan,
    number: usize,
    workload: &'a Workload,
    sender: &'a Sender,
    arenas: BTreeMap<Peer, Arena>,
    /// Nanoseconds a packet, as far as known: what sizes batches.
    cost: BTreeMap<(Peer, usize), f64>,
}

impl<'a> Match<'a> {
    fn new(
        directory: &Path,
        plan: &'a Plan,
        number: usize,
        workload: &'a Workload,
        sender: &'a Sender,
    ) -> Self {
        Self {
            directory: directory.to_path_buf(),
            plan,
            number,
            workload,
            sender,
            arenas: BTreeMap::new(),
            cost: BTreeMap::new(),
        }
    }

    fn play(&mut self, report: &mut Report) -> Result<()> {
        for (slot, traffic) in self.workload.traffic.iter().enumerate() {
            let file = self.directory.join(&traffic.frames);
            self.sender.fill(slot, &file)?;
        }
        for contestant in &self.workload.contestants {
            self.arenas
                .insert(contestant.peer, Arena::create(contestant.peer.name())?);
            if !contestant.peer.needs_module() {
                self.enter(contestant, report)?;
                self.rehearse(contestant, report)?;
            }
        }
        for round in 0..self.plan.rounds {
            self.round(round, report)?;
        }
        self.arenas.clear();
        Ok(())
    }

    /// Loads the rules again, into namespaces that are thrown away: who is not loaded in every round should
    /// not be judged by one time that the host may have spoilt.
    fn rehearse(&mut self, contestant: &Contestant, report: &mut Report) -> Result<()> {
        if contestant.loads.is_empty() || !self.arenas.contains_key(&contestant.peer) {
            return Ok(());
        }
        let patience = self.plan.patience_s;
        for _ in 1..self.plan.rounds.min(LOADS) {
            let arena = Arena::create("rehearsal")?;
            let loaded = loading::load(&arena, contestant, &self.directory, patience)?;
            if let Ok(Some(mut loaded)) = loaded {
                loaded.workload = self.number;
                let slow = loaded.seconds > SLOW_LOAD;
                report.line(&Line::Load(loaded).print());
                if slow {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Measures everybody once, in an order that changes with the round.
    fn round(&mut self, round: u32, report: &mut Report) -> Result<()> {
        let list = &self.workload.contestants;
        let (of_module, others): (Vec<_>, Vec<_>) = list
            .iter()
            .partition(|contestant| contestant.peer.needs_module());
        let begin = round as usize % others.len().max(1);
        for contestant in others.iter().cycle().skip(begin).take(others.len()) {
            self.measure(contestant, round, report)?;
        }
        if of_module.is_empty() {
            return Ok(());
        }
        ferrule::insert()?;
        for contestant in of_module {
            self.enter(contestant, report)?;
            self.measure(contestant, round, report)?;
        }
        ferrule::remove().context("the module cannot be removed")
    }

    /// Loads a contestant's rules; who cannot is out.
    fn enter(&mut self, contestant: &Contestant, report: &mut Report) -> Result<()> {
        let Some(arena) = self.arenas.get(&contestant.peer) else {
            return Ok(());
        };
        let patience = self.plan.patience_s;
        match loading::load(arena, contestant, &self.directory, patience)? {
            Ok(loaded) => {
                if let Some(mut loaded) = loaded {
                    loaded.workload = self.number;
                    report.line(&Line::Load(loaded).print());
                }
            }
            Err(why) => {
                self.arenas.remove(&contestant.peer);
                let out = Line::Out {
                    workload: self.number,
                    peer: contestant.peer,
                    why,
                };
                report.line(&out.print());
            }
        }
        Ok(())
    }

    fn measure(&mut self, contestant: &Contestant, round: u32, report: &mut Report) -> Result<()> {
        for (number, traffic) in self.workload.traffic.iter().enumerate() {
            // Without rules nothing is dropped: that is another path than the baseline's.
            if contestant.peer == Peer::Empty && traffic.drops > 0 {
                continue;
            }
            let Some(arena) = self.arenas.get(&contestant.peer) else {
                return Ok(());
            };
            if let Some(prelude) = &traffic.prelude {
                let slot = sender::PRELUDE;
                self.sender.fill(slot, &self.directory.join(prelude))?;
                self.sender.replay(arena, slot, traffic.prelude_count)?;
            }
            let key = (contestant.peer, number);
            let known = self.cost.get(&key).copied();
            let cost = match known {
                Some(cost) => cost,
                None => self.sender.estimate(arena, number)?,
            };
            let sample = self.sample(contestant, number, traffic, round, cost)?;
            self.cost.insert(key, sample.ns);
            report.line(&Line::Sample(sample).print());
        }
        Ok(())
    }

    fn sample(
        &self,
        contestant: &Contestant,
        number: usize,
        traffic: &Traffic,
        round: u32,
        cost: f64,
    ) -> Result<Sample> {
        let peer = contestant.peer;
        let arena = self
            .arenas
            .get(&peer)
            .context("a contestant without a namespace")?;
        let order = sender::Order::new(number, traffic.count, round, cost, self.plan.budget_ms);
        let run = |gate| self.sender.run(arena, &order, gate);
        let (ns, outcome) = if peer == Peer::Baseline && traffic.drops > 0 {
            // What the verdicts cost, without the hook that brings them about.
            let (verdicts, pass, none) = (run(Gate::Verdicts)?, run(Gate::Pass)?, run(Gate::None)?);
            (verdicts.ns - (pass.ns - none.ns), verdicts)
        } else if contestant.updates.is_empty() {
            let outcome = run(Gate::None)?;
            (outcome.ns, outcome)
        } else {
            let during = || run(Gate::None);
            let outcome = updates::meanwhile(arena, contestant, &self.directory, during)?;
            (outcome.ns, outcome)
        };
        Ok(Sample {
            workload: self.number,
            peer,
            traffic: number,
            round,
            ns,
            sent: outcome.sent,
            dropped: outcome.dropped,
            forwarded: outcome.forwarded,
        })
    }
}
