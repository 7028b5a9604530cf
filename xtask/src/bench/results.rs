// SPDX-License-Identifier: GPL-2.0

//! What the guest reported, in order.

use std::collections::BTreeMap;

use ferrule_bench::line::{Line, Loaded};
use ferrule_bench::plan::Peer;

/// A measurement's place: workload, traffic, contestant.
type Place = (usize, usize, Peer);

/// How many packets more or fewer than expected may be forwarded: what the namespaces themselves send.
const STRAYS: u64 = 8;

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Nanoseconds a packet, by round.
    samples: BTreeMap<Place, BTreeMap<u32, f64>>,
    loads: BTreeMap<(usize, Peer), Vec<Loaded>>,
    outs: BTreeMap<(usize, Peer), String>,
    /// Contestants that forwarded something else than the rules say.
    wrong: BTreeMap<Place, String>,
}

impl Results {
    /// Takes a line.
    pub(crate) fn take(&mut self, line: Line) {
        match line {
            Line::Begin { .. } => {}
            Line::Load(loaded) => {
                let place = (loaded.workload, loaded.peer);
                self.loads.entry(place).or_default().push(loaded);
            }
            Line::Out {
                workload,
                peer,
                why,
            } => {
                self.outs.entry((workload, peer)).or_insert(why);
            }
            Line::Sample(sample) => {
                let place = (sample.workload, sample.traffic, sample.peer);
                let expected = sample.sent - sample.dropped;
                if expected.abs_diff(sample.forwarded) > STRAYS {
                    self.wrong.entry(place).or_insert_with(|| {
                        format!(
                            "of {} packets {} were to be forwarded, and {} were",
                            sample.sent, expected, sample.forwarded
                        )
                    });
                }
                let rounds = self.samples.entry(place).or_default();
                rounds.insert(sample.round, sample.ns);
            }
        }
    }

    /// The nanoseconds of each round.
    pub(crate) fn rounds(&self, place: Place) -> impl Iterator<Item = (u32, f64)> + '_ {
        let rounds = self.samples.get(&place).into_iter().flatten();
        rounds.map(|(round, ns)| (*round, *ns))
    }

    /// What a contestant took in one round.
    pub(crate) fn in_round(&self, place: Place, round: u32) -> Option<f64> {
        self.samples.get(&place)?.get(&round).copied()
    }

    /// How a contestant's rules were loaded, each time.
    pub(crate) fn loads(&self, workload: usize, peer: Peer) -> &[Loaded] {
        self.loads.get(&(workload, peer)).map_or(&[], Vec::as_slice)
    }

    /// Why a contestant took no part.
    pub(crate) fn out(&self, workload: usize, peer: Peer) -> Option<&str> {
        self.outs.get(&(workload, peer)).map(String::as_str)
    }

    /// What a contestant did that the rules do not say.
    pub(crate) fn wrong(&self, place: Place) -> Option<&str> {
        self.wrong.get(&place).map(String::as_str)
    }
}
