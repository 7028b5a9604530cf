// SPDX-License-Identifier: GPL-2.0
//! Makes a disagreement small: leaves out packets, then parts of the ruleset, for as long as the two
//! still disagree in the same way.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::compare::{Difference, Kind, Outcome, Twins};
use super::packets::Shot;
use super::ruleset::{Level, Ruleset};

/// A disagreement.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) ruleset: Ruleset,
    pub(super) shots: Vec<Shot>,
    pub(super) difference: Difference,
}

/// How long it may take: a smaller case is worth less than the next one.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes `case` small.
pub(super) fn shrink(twins: &mut Twins, case: Case) -> Result<Case> {
    let deadline = Instant::now() + PATIENCE;
    let mut shrinker = Shrinker {
        twins,
        case,
        deadline,
    };
    if matches!(shrinker.case.difference.kind, Kind::Seen | Kind::State) {
        shrinker.fewer_packets()?;
    } else {
        shrinker.case.shots.clear();
    }
    for level in Level::ALL {
        shrinker.less_ruleset(level)?;
    }
    shrinker.fewer_packets()?;
    Ok(shrinker.case)
}

struct Shrinker<'a> {
    twins: &'a mut Twins,
    case: Case,
    deadline: Instant,
}

impl Shrinker<'_> {
    fn fewer_packets(&mut self) -> Result<()> {
        let shots = self.case.shots.clone();
        let ruleset = self.case.ruleset.clone();
        self.minimise(shots.len(), |kept| {
            let shots = kept.iter().map(|&place| shots[place].clone()).collect();
            (ruleset.clone(), shots)
        })
    }

    fn less_ruleset(&mut self, level: Level) -> Result<()> {
        let shots = self.case.shots.clone();
        let ruleset = self.case.ruleset.clone();
        self.minimise(ruleset.count(level), |kept| {
            (ruleset.keeping(level, kept), shots.clone())
        })
    }

    /// Leaves out ever smaller pieces of `0..count`.
    fn minimise(
        &mut self,
        count: usize,
        make: impl Fn(&[usize]) -> (Ruleset, Vec<Shot>),
    ) -> Result<()> {
        let mut kept: Vec<usize> = (0..count).collect();
        let mut piece = kept.len().div_ceil(2);
        while piece > 0 && !kept.is_empty() {
            let mut from = 0;
            while from < kept.len() {
                if Instant::now() > self.deadline {
                    return Ok(());
                }
                let mut fewer = kept.clone();
                fewer.drain(from..(from + piece).min(kept.len()));
                let (ruleset, shots) = make(&fewer);
                if self.still_differs(ruleset, shots)? {
                    kept = fewer;
                } else {
                    from += piece;
                }
            }
            piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
        }
        Ok(())
    }

    fn still_differs(&mut self, ruleset: Ruleset, shots: Vec<Shot>) -> Result<bool> {
        let outcome = self.twins.try_ruleset(&ruleset, &shots)?;
        let Outcome::Differs(difference) = outcome else {
            return Ok(false);
        };
        if difference.kind != self.case.difference.kind {
            return Ok(false);
        }
        self.case = Case {
            ruleset,
            shots,
            difference,
        };
        Ok(true)
    }
}
