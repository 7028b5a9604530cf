// SPDX-License-Identifier: GPL-2.0
//! What the scores must not fall below.
//!
//! Whoever makes a score better moves its floor, so that nobody makes it worse unseen.

use crate::score::{Figures, Score};

/// The least that a corpus must reach.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// What the names of the corpus' files begin with.
    pub corpus: &'static str,
    /// And what they end with.
    pub ending: &'static str,
    /// At least so many lines are right that are to be accepted.
    pub right: usize,
    /// At most so many of those are wrong.
    pub wrong: usize,
    /// At most so many lines are accepted that are to be refused.
    pub accepted: usize,
}

/// The floors.
pub const FLOORS: &[Floor] = &[
    floor("nft-rules/", ".t", 790, 1),
    floor("iptables-rules/", ".t", 310, 0),
    floor("iptables-rules/", ".txlate", 146, 0),
    floor("iptables-save/", "tables-save", 539, 0),
];

const fn floor(corpus: &'static str, ending: &'static str, right: usize, wrong: usize) -> Floor {
    Floor {
        corpus,
        ending,
        right,
        wrong,
        accepted: 0,
    }
}

impl Floor {
    /// What is below it; `None` if nothing is.
    pub fn complaint(&self, scores: &[Score]) -> Option<String> {
        let of_corpus = scores
            .iter()
            .filter(|s| s.file.starts_with(self.corpus) && s.file.ends_with(self.ending));
        let figures = Figures::of(of_corpus);
        let kept = figures.right >= self.right
            && figures.wrong <= self.wrong
            && figures.refused_wrong <= self.accepted;
        (!kept).then(|| {
            format!(
                "{}*{}: {} right (floor {}), {} wrong (at most {}), {} accepted that are to be refused (at \
                 most {})",
                self.corpus,
                self.ending,
                figures.right,
                self.right,
                figures.wrong,
                self.wrong,
                figures.refused_wrong,
                self.accepted
            )
        })
    }
}

/// What is below its floor.
pub fn complaints(scores: &[Score]) -> Vec<String> {
    FLOORS
        .iter()
        .filter_map(|floor| floor.complaint(scores))
        .collect()
}
