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
    /// Bytes of kernel memory, as `MemAvailable` shows them.
    pub(crate) memory: f64,
    /// Bytes of Ferrule's program and of its counters.
    pub(crate) program: u64,
}

impl LoadEntry {
    /// Bytes of kernel memory: of Ferrule, where there are no sets, what it says itself.
    pub(crate) fn bytes(&self) -> f64 {
        match self.peer == Peer::Ferrule && !self.workload.starts_with("set") {
            true => self.program as f64,
            false => self.memory,
        }
    }
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

#[cfg(test)]
pub(crate) mod tests {
    use ferrule_bench::line::{Line, Loaded, Sample};
    use ferrule_bench::plan::{Contestant, Traffic};

    use super::*;

    /// A cost of IPv4 packets that miss.
    pub(crate) fn entry(workload: &str, rules: u64, peer: Peer, cost: f64) -> Entry {
        let spread = |median| Spread {
            median,
            deviation: 1.0,
            count: 3,
        };
        Entry {
            workload: workload.to_owned(),
            family: "ip".to_owned(),
            rules,
            traffic: "miss".to_owned(),
            peer,
            total: Some(spread(cost + 1000.0)),
            cost: Some(spread(cost)),
            out: None,
            wrong: None,
        }
    }

    fn plan() -> Plan {
        let contestant = |peer| Contestant {
            peer,
            loads: Vec::new(),
            updates: Vec::new(),
        };
        Plan {
            rounds: 3,
            budget_ms: 1,
            patience_s: 1,
            workloads: vec![Workload {
                name: "blocklist".to_owned(),
                rules: 10,
                family: "ip".to_owned(),
                contestants: [Peer::Baseline, Peer::Ferrule].map(contestant).to_vec(),
                traffic: vec![Traffic {
                    name: "miss".to_owned(),
                    frames: String::new(),
                    count: 1,
                    drops: 0,
                    prelude: None,
                    prelude_count: 0,
                }],
            }],
        }
    }

    fn sample(peer: Peer, round: u32, ns: f64, forwarded: u64) -> Line {
        Line::Sample(Sample {
            workload: 0,
            peer,
            traffic: 0,
            round,
            ns,
            sent: 100,
            dropped: 0,
            forwarded,
        })
    }

    #[test]
    fn a_cost_is_above_the_baseline_of_its_own_round() {
        let mut results = Results::default();
        // The whole machine becomes slower from round to round; the difference stays.
        for (round, base) in [(0, 1000.0), (1, 1200.0), (2, 1500.0)] {
            results.take(sample(Peer::Baseline, round, base, 100));
            results.take(sample(Peer::Ferrule, round, base + 30.0, 100));
        }
        let summary = Summary::of(&plan(), &results);
        let cost = summary.costs[1].cost.unwrap();
        assert_eq!((cost.median, cost.deviation, cost.count), (30.0, 0.0, 3));
    }

    #[test]
    fn a_peer_that_forwards_something_else_is_wrong() {
        let mut results = Results::default();
        results.take(sample(Peer::Baseline, 0, 1000.0, 100));
        results.take(sample(Peer::Ferrule, 0, 1001.0, 50));
        let summary = Summary::of(&plan(), &results);
        assert_eq!(summary.costs[0].wrong, None);
        let wrong = summary.costs[1].wrong.clone().unwrap();
        assert_eq!(
            wrong,
            "of 100 packets 100 were to be forwarded, and 50 were"
        );
    }

    #[test]
    fn of_load_times_the_shortest_counts() {
        let mut results = Results::default();
        for seconds in [0.5, 0.3, 4.0] {
            results.take(Line::Load(Loaded {
                workload: 0,
                peer: Peer::Ferrule,
                seconds,
                memory: 4096,
                program: 100,
            }));
        }
        let summary = Summary::of(&plan(), &results);
        assert_eq!(summary.loads[0].seconds, 0.3);
        assert_eq!(summary.loads[0].program, 100);
    }
}
