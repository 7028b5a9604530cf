// SPDX-License-Identifier: GPL-2.0

//! One entry a workload, kind of traffic and contestant: cost above the baseline, ratio, load, memory.

use ferrule_bench::plan::{Peer, Plan, Workload};
use serde::Serialize;

use super::results::Results;
use super::statistics::{median, Spread};

/// A contestant's cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) workload: String,
    pub(crate) family: String,
    pub(crate) rules: u64,
    pub(crate) traffic: String,
    pub(crate) peer: Peer,
    /// Nanoseconds a packet in all.
    pub(crate) total: Option<Spread>,
    /// Nanoseconds a packet above the baseline of the same round.
    pub(crate) cost: Option<Spread>,
    /// Why there is no cost.
    pub(crate) out: Option<String>,
    /// What it did that the rules do not say: then its cost counts for nothing.
    pub(crate) wrong: Option<String>,
}

/// How a contestant's rules were loaded.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadEntry {
    pub(crate) workload: String,
    pub(crate) family: String,
    pub(crate) rules: u64,
    pub(crate) peer: Peer,
    /// Seconds, the shortest of all times: what else the host did makes them longer only.
    pub(crate) seconds: f64,
    /// Bytes of kernel memory.
    pub(crate) memory: f64,
    /// Bytes of Ferrule's program.
    pub(crate) program: u64,
}

/// All entries.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) costs: Vec<Entry>,
    pub(crate) loads: Vec<LoadEntry>,
}

impl Summary {
    /// What the results come to.
    pub(crate) fn of(plan: &Plan, results: &Results) -> Summary {
        let mut summary = Summary::default();
        for (number, workload) in plan.workloads.iter().enumerate() {
            for contestant in &workload.contestants {
                let peer = contestant.peer;
                for traffic in 0..workload.traffic.len() {
                    summary
                        .costs
                        .push(cost(workload, number, traffic, peer, results));
                }
                summary.loads.extend(load(workload, number, peer, results));
            }
        }
        summary
    }
}

fn cost(
    workload: &Workload,
    number: usize,
    traffic: usize,
    peer: Peer,
    results: &Results,
) -> Entry {
    let place = (number, traffic, peer);
    let baseline = (number, traffic, Peer::Baseline);
    let totals: Vec<f64> = results.rounds(place).map(|(_, ns)| ns).collect();
    let above: Vec<f64> = results
        .rounds(place)
        .filter_map(|(round, ns)| Some(ns - results.in_round(baseline, round)?))
        .collect();
    let name = workload.traffic.get(traffic);
    Entry {
        workload: workload.name.clone(),
        family: workload.family.clone(),
        rules: workload.rules,
        traffic: name.map_or_else(String::new, |traffic| traffic.name.clone()),
        peer,
        total: Spread::of(&totals),
        cost: Spread::of(&above),
        out: results.out(number, peer).map(str::to_owned),
        wrong: results.wrong(place).map(str::to_owned),
    }
}

fn load(workload: &Workload, number: usize, peer: Peer, results: &Results) -> Option<LoadEntry> {
    let loads = results.loads(number, peer);
    let of = |value: &dyn Fn(&ferrule_bench::line::Loaded) -> f64| {
        median(&loads.iter().map(value).collect::<Vec<_>>())
    };
    if loads.is_empty() {
        return None;
    }
    Some(LoadEntry {
        workload: workload.name.clone(),
        family: workload.family.clone(),
        rules: workload.rules,
        peer,
        seconds: loads
            .iter()
            .map(|load| load.seconds)
            .fold(f64::NAN, f64::min),
        memory: of(&|load| load.memory as f64)?,
        program: loads.last()?.program,
    })
}
