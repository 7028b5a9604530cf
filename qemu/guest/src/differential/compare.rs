// SPDX-License-Identifier: GPL-2.0
//! The same ruleset and the same packets in both worlds, and what differs.

use std::fmt;

use anyhow::Result;

use crate::filter::Filter;
use crate::kernel_log::KernelLog;

use super::packets::Shot;
use super::quirks::pace;
use super::ruleset::Ruleset;
use super::state::NftFails;
use super::world::{Observation, World};

/// Both worlds.
pub(super) struct Twins {
    ferrule: World,
    nftables: World,
    log: KernelLog,
    runs: u16,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The same in both.
    Agreed,
    /// Neither takes the ruleset, or nft cannot list it: nothing was compared. What nft says.
    Refused(String),
    /// Not the same.
    Differs(Difference),
}

/// What is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// What kind of thing, for telling whether a smaller case shows the same.
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// Kinds of differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only nft takes the ruleset.
    OnlyNft,
    /// Only Ferrule does.
    OnlyFerrule,
    /// Other packets, elsewhere, or with other bytes.
    Seen,
    /// Other counters, elements, objects.
    State,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Twins {
    pub(super) fn create() -> Result<Self> {
        Ok(Self {
            ferrule: World::create(Filter::Ferrule)?,
            nftables: World::create(Filter::Nftables)?,
            log: KernelLog::open()?,
            runs: 0,
        })
    }

    /// Tries a ruleset of the generator's.
    pub(super) fn try_ruleset(&mut self, ruleset: &Ruleset, shots: &[Shot]) -> Result<Outcome> {
        self.try_text(&ruleset.to_string(), shots)
    }

    /// Tries a ruleset.
    pub(super) fn try_text(&mut self, rules: &str, shots: &[Shot]) -> Result<Outcome> {
        let theirs = self.nftables.load(rules)?;
        let ours = self.ferrule.load(rules)?;
        match (ours, theirs) {
            (Ok(()), Ok(())) => {}
            (Err(_), Err(theirs)) => return Ok(Outcome::Refused(theirs)),
            (Err(ours), Ok(())) => return Ok(differs(Kind::OnlyNft, ours)),
            (Ok(()), Err(theirs)) => return Ok(differs(Kind::OnlyFerrule, theirs)),
        }
        self.runs = self.runs.wrapping_add(1).max(1);
        let pace = pace(rules);
        let ours = self.ferrule.run(shots, self.runs, pace, &mut self.log)?;
        let theirs = match self.nftables.run(shots, self.runs, pace, &mut self.log) {
            Ok(theirs) => theirs,
            Err(error) => match error.downcast::<NftFails>() {
                Ok(fails) => return Ok(Outcome::Refused(fails.to_string())),
                Err(error) => return Err(error),
            },
        };
        Ok(compare(&ours, &theirs))
    }
}

fn differs(kind: Kind, text: String) -> Outcome {
    Outcome::Differs(Difference { kind, text })
}

fn compare(ours: &Observation, theirs: &Observation) -> Outcome {
    let mut text = String::new();
    for place in places(ours, theirs) {
        let empty = Vec::new();
        let ours = ours.seen.get(place).unwrap_or(&empty);
        let theirs = theirs.seen.get(place).unwrap_or(&empty);
        if ours != theirs {
            let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
            let show = |list: &[String]| list.get(at).cloned().unwrap_or("nothing".into());
            text += &format!(
                "{place}: {} and {} in nftables; the first that differs:\n  ferrule  {}\n  nftables {}\n",
                ours.len(),
                theirs.len(),
                show(ours),
                show(theirs)
            );
        }
    }
    let kind = if text.is_empty() {
        Kind::State
    } else {
        Kind::Seen
    };
    let keys = ours.state.keys().chain(theirs.state.keys());
    let keys: std::collections::BTreeSet<_> = keys.collect();
    for key in keys {
        let (ours, theirs) = (ours.state.get(key), theirs.state.get(key));
        if ours != theirs {
            let show = |text: Option<&String>| text.cloned().unwrap_or("nothing".into());
            text += &format!("{key}: {}; in nftables {}\n", show(ours), show(theirs));
        }
    }
    if text.is_empty() {
        return Outcome::Agreed;
    }
    differs(kind, text)
}

fn places(ours: &Observation, theirs: &Observation) -> Vec<&'static str> {
    let mut places: Vec<_> = ours
        .seen
        .keys()
        .chain(theirs.seen.keys())
        .copied()
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}
