// SPDX-License-Identifier: GPL-2.0
//! Ferrule against nftables: random rulesets, each in both, in namespaces that are twins; the same
//! packets go through both, and everything that can be seen is compared.
//!
//! ```text
//! grammar ─► generate ─► ruleset ─┐
//!    └─────► packets ─────────────┼─► compare (world, state, normal) ─► shrink ─► replay: a file
//!               ▲                 │
//!           captured   kept files ┘
//! ```
//!
//! A seed and a number make a ruleset and its packets, the same ones everywhere, given the same captures. A disagreement is
//! made small and printed as a file; once its cause is mended, the file is kept in `qemu/differential`
//! and tried again in every run.

mod captured;
mod compare;
mod generate;
mod grammar;
mod normal;
mod packets;
mod quirks;
mod random;
mod replay;
mod ruleset;
mod shrink;
mod state;
mod tunnels;
mod world;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{bail, ensure, Context, Result};

use crate::runner::Scenario;
use captured::Captured;
use compare::{Outcome, Twins};
pub(crate) use random::Random;
use shrink::Case;

/// What is to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How many rulesets.
    rulesets: usize,
    /// How many packets go through each.
    packets: usize,
    /// What all of them come from.
    seed: u64,
    /// The first ruleset's number.
    first: usize,
    /// A feature that every ruleset has.
    only: Option<String>,
}

/// What every run of the tests tries.
pub(crate) const EVERY_RUN: Plan = Plan {
    rulesets: 500,
    packets: 50,
    seed: 1,
    first: 0,
    only: None,
};

/// Rulesets of one trial: it has to end before anybody takes the guest for dead.
const PORTION: usize = 25;

/// Disagreements after which a trial has seen enough.
const ENOUGH: usize = 3;

/// Where kept files are.
const KEPT: &str = "/usr/share/ferrule/differential";

/// Around each file that is printed, for whoever reads the report.
const BEGIN: &str = "differential-case";
const END: &str = "differential-end";

impl Plan {
    /// Reads the `ferrule.*` words of the kernel's command line.
    pub(crate) fn parse<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self> {
        let number = |key: &str, default: usize| -> Result<usize> {
            let Some(text) = value(key) else {
                return Ok(default);
            };
            text.parse().with_context(|| format!("{key}={text}"))
        };
        let only = value("ferrule.only").map(str::to_owned);
        if let Some(only) = &only {
            let names = grammar::FEATURES;
            if !names.contains(&only.as_str()) {
                bail!("{only} is no feature; there are {}", names.join(", "));
            }
        }
        Ok(Self {
            rulesets: number("ferrule.rulesets", EVERY_RUN.rulesets)?,
            packets: number("ferrule.packets", EVERY_RUN.packets)?,
            seed: number("ferrule.seed", EVERY_RUN.seed as usize)? as u64,
            first: number("ferrule.first", 0)?,
            only,
        })
    }
}

/// The twins, made when they are needed first.
type Shared = Rc<RefCell<Option<Twins>>>;

/// The captured packets that the guest has.
pub(crate) fn captured() -> Captured {
    Captured::read()
}

/// The kept files, then the plan's rulesets in portions.
pub(crate) fn trials(plan: &Plan, captured: Captured) -> Vec<Scenario> {
    let shared = Shared::default();
    let captured = Rc::new(captured);
    let mut list = Vec::new();
    for file in kept_files() {
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let shared = shared.clone();
        list.push(Scenario::new(
            format!("differential-{stem}-stays-mended"),
            move |_| with(&shared, |twins| replay::replay(twins, &file)),
        ));
    }
    let mut from = plan.first;
    let end = plan.first + plan.rulesets;
    while from < end {
        let to = (from + PORTION).min(end);
        let (plan, shared, captured) = (plan.clone(), shared.clone(), captured.clone());
        let name = format!("differential-rulesets-{from}-to-{}-mean-the-same", to - 1);
        list.push(Scenario::new(name, move |_| {
            with(&shared, |twins| portion(twins, &plan, &captured, from..to))
        }));
        from = to;
    }
    list
}

fn kept_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(KEPT).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn with<T>(shared: &Shared, work: impl FnOnce(&mut Twins) -> Result<T>) -> Result<T> {
    let mut twins = shared.borrow_mut();
    if twins.is_none() {
        *twins = Some(Twins::create()?);
    }
    work(twins.as_mut().context("no twins")?)
}

/// Tries some rulesets; an error that has the disagreements in it, made small.
fn portion(
    twins: &mut Twins,
    plan: &Plan,
    captured: &Captured,
    numbers: std::ops::Range<usize>,
) -> Result<()> {
    let count = numbers.len();
    let mut refused = Vec::new();
    let mut found = Vec::new();
    let mut once = 0;
    for number in numbers {
        let mut random = Random::new(plan.seed, number as u64);
        let theme = generate::theme(&mut random, plan.only.as_deref());
        let ruleset = generate::ruleset(&mut random, &theme);
        let ruleset = ruleset.without_unreached().with_room().with_timeouts();
        let mut shots = packets::packets(&mut random, plan.packets);
        captured.mix_into(&mut random, &mut shots);
        tunnels::keep_alike(&ruleset.to_string(), &mut shots);
        match persistent(twins, &ruleset, &shots, &mut once)? {
            Outcome::Agreed => {}
            Outcome::Refused(text) => refused.push(format!("ruleset {number}: {text}")),
            Outcome::Differs(difference) => {
                let case = Case {
                    ruleset,
                    shots,
                    difference,
                };
                let case = shrink::shrink(twins, case)?;
                let title = format!("seed {} ruleset {number}: {}", plan.seed, theme.join(" "));
                let text = replay::write(&title, &case);
                found.push(format!("{BEGIN} {}-{number}\n{text}{END}", plan.seed));
            }
        }
        if found.len() >= ENOUGH {
            break;
        }
    }
    if once > 0 {
        println!("# {once} differed once and agreed when tried again");
    }
    ensure!(
        once * 8 <= count,
        "{once} of {count} rulesets differ now and then"
    );
    // A generator that makes nonsense proves nothing; a few rulesets nft takes and then cannot list.
    if refused.len() * 5 > count {
        let shown: Vec<_> = refused.iter().take(3).cloned().collect();
        bail!(
            "neither takes {} of {count} rulesets:\n{}",
            refused.len(),
            shown.join("\n")
        );
    }
    if !found.is_empty() {
        bail!("nftables and Ferrule do not agree:\n{}", found.join("\n"));
    }
    Ok(())
}

/// What comes of a ruleset, tried again where the two differ: a router that waits for a neighbour answers when
/// its time is up, whatever the rules say. `once` counts those that agree then.
fn persistent(
    twins: &mut Twins,
    ruleset: &ruleset::Ruleset,
    shots: &[packets::Shot],
    once: &mut usize,
) -> Result<Outcome> {
    const TRIES: usize = 3;
    let mut outcome = twins.try_ruleset(ruleset, shots)?;
    for _ in 1..TRIES {
        if !matches!(outcome, Outcome::Differs(_)) {
            break;
        }
        outcome = twins.try_ruleset(ruleset, shots)?;
        *once += usize::from(matches!(outcome, Outcome::Agreed));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gives_the_same_ruleset_and_packets_again() {
        let make = || {
            let mut random = Random::new(3, 14);
            let theme = generate::theme(&mut random, None);
            let ruleset = generate::ruleset(&mut random, &theme);
            (ruleset, packets::packets(&mut random, 20))
        };
        assert_eq!(make(), make());
    }

    #[test]
    fn an_unknown_feature_is_refused_with_those_there_are() {
        let plan = Plan::parse(|key| (key == "ferrule.only").then_some("magic"));
        let message = plan.expect_err("no such feature").to_string();
        assert!(message.contains("named-set"), "{message}");
    }
}
