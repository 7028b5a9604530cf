// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask differential`: random rulesets, in nftables and in Ferrule.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{bail, Result};

use super::test;
use crate::qemu::watch::Limits;
use crate::session::Session;
use crate::Outcome;

/// What is to be tried.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) rulesets: u32,
    pub(super) packets: u32,
    pub(super) seed: u32,
    pub(super) first: u32,
    pub(super) only: Option<&'a str>,
}

/// A seed that nobody chose.
pub(super) fn clock() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |time| time.subsec_nanos())
}

/// Runs the guest. A disagreement is a failure, and a file in `target/differential`.
pub(super) fn run(session: &Session, plan: &Plan) -> Result<Outcome> {
    let only = plan.only.unwrap_or_default();
    if only.contains(char::is_whitespace) {
        bail!("--only takes one feature");
    }
    let Plan {
        rulesets,
        packets,
        seed,
        first,
        ..
    } = plan;
    println!("seed {seed}: {rulesets} rulesets, {packets} packets each");
    let mut arguments = format!(
        "quiet ferrule.mode=differential ferrule.rulesets={rulesets} ferrule.packets={packets} \
         ferrule.seed={seed} ferrule.first={first}"
    );
    if !only.is_empty() {
        arguments += &format!(" ferrule.only={only}");
    }
    let limits = Limits {
        // A trial that shrinks what it found says nothing meanwhile.
        silence: Duration::from_secs(300),
        total: Duration::from_secs(u64::from(*rulesets) * 10 + 600),
    };
    let tally = test::judged(session, &arguments, limits)?;
    session.report.print_times();
    println!("\nseed {seed}: {tally}");
    Ok(tally.outcome())
}
