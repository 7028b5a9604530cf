// SPDX-License-Identifier: GPL-2.0

//! What the guest reports: lines of JSON behind a word that tells them from all else on the port.

use serde::{Deserialize, Serialize};

use crate::plan::Peer;

/// What a line of ours begins with.
pub const PREFIX: &str = "bench: ";

/// A line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "line")]
pub enum Line {
    /// A workload begins.
    Begin {
        /// Its number in the plan.
        workload: usize,
    },
    /// Rules were loaded.
    Load(Loaded),
    /// A contestant cannot take part, and why.
    Out {
        /// The workload's number in the plan.
        workload: usize,
        /// Who.
        peer: Peer,
        /// Why.
        why: String,
    },
    /// Packets were sent and timed.
    Sample(Sample),
}

/// How rules were loaded.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Loaded {
    /// The workload's number in the plan.
    pub workload: usize,
    /// Who loaded.
    pub peer: Peer,
    /// From start to end of all its programs.
    pub seconds: f64,
    /// How much more memory the kernel has in use, in bytes.
    pub memory: i64,
    /// Bytes of the program and of its counters, as Ferrule says; 0 for others.
    pub program: u64,
}

/// A measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sample {
    /// The workload's number in the plan.
    pub workload: usize,
    /// Whose.
    pub peer: Peer,
    /// The traffic's number in the workload.
    pub traffic: usize,
    /// Which round.
    pub round: u32,
    /// Nanoseconds a packet: the mean of the middle half of all batches.
    pub ns: f64,
    /// Packets sent, dropped if the rules were followed, and forwarded.
    pub sent: u64,
    /// See `sent`.
    pub dropped: u64,
    /// See `sent`.
    pub forwarded: u64,
}

impl Line {
    /// As it is printed.
    pub fn print(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{PREFIX}{text}")
    }

    /// Reads what was printed; `None` when it is something else.
    pub fn parse(text: &str) -> Option<Line> {
        serde_json::from_str(text.strip_prefix(PREFIX)?).ok()
    }
}
