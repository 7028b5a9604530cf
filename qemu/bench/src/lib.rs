// SPDX-License-Identifier: GPL-2.0

//! What the benches measure: rulesets in the form of every peer, with the packets that belong to them.
//!
//! ```text
//! catalogue ─► workloads ─► Case (forms, traffic) ─► files + Plan ──► guest: load, send, time
//!                                                                          │
//!                                       xtask: statistics, report ◄── Line ┘
//! ```
//!
//! Everything is made from fixed seeds: the same workload is the same on every machine and in every run.

pub mod case;
pub mod catalogue;
pub mod line;
pub mod packet;
pub mod plan;
pub mod random;
mod workloads;
