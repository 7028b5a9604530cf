// SPDX-License-Identifier: GPL-2.0
//! What became of each line of a file.

use std::collections::BTreeMap;

/// The lines of one file.
#[derive(Clone, Debug)]
pub struct Score {
    /// The file's name, from the folder of the corpora on.
    pub file: String,
    /// What became of them.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// The rule or whatever else it tests.
    pub text: String,
    /// What is to become of it.
    pub expected: Expected,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the corpus says of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// It is accepted.
    Accepted,
    /// It is refused.
    Refused,
}

/// What became of a line. The later ones outweigh the earlier ones where a line is tried in several
/// tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Not tried: not for a packet filter of ip, ip6 and inet; why.
    Skipped(&'static str),
    /// Not tried: counted apart; why.
    Apart(&'static str),
    /// As the corpus says.
    Right,
    /// Refused, by name, as something that is not supported.
    Unsupported(String),
    /// Anything else; what.
    Wrong(String),
}

impl Outcome {
    /// As it is printed.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Skipped(_) => "skipped",
            Outcome::Apart(_) => "apart",
            Outcome::Right => "right",
            Outcome::Unsupported(_) => "unsupported",
            Outcome::Wrong(_) => "wrong",
        }
    }

    /// Why, if it is not right.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Right => None,
            Outcome::Skipped(why) | Outcome::Apart(why) => Some(why),
            Outcome::Unsupported(why) | Outcome::Wrong(why) => Some(why),
        }
    }
}

/// How many lines had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Right, of those that are to be accepted.
    pub right: usize,
    /// Wrong, of those.
    pub wrong: usize,
    /// Unsupported, of those.
    pub unsupported: usize,
    /// Right, of those that are to be refused.
    pub refused_right: usize,
    /// Wrong, of those.
    pub refused_wrong: usize,
    /// Counted apart.
    pub apart: usize,
    /// Not tried.
    pub skipped: usize,
}

impl Figures {
    /// Of these scores together.
    pub fn of<'a>(scores: impl IntoIterator<Item = &'a Score>) -> Self {
        let mut figures = Self::default();
        for line in scores.into_iter().flat_map(|score| &score.lines) {
            let count = match (line.expected, &line.outcome) {
                (_, Outcome::Skipped(_)) => &mut figures.skipped,
                (_, Outcome::Apart(_)) => &mut figures.apart,
                (Expected::Accepted, Outcome::Right) => &mut figures.right,
                (Expected::Accepted, Outcome::Unsupported(_)) => &mut figures.unsupported,
                (Expected::Accepted, Outcome::Wrong(_)) => &mut figures.wrong,
                (Expected::Refused, Outcome::Right) => &mut figures.refused_right,
                (Expected::Refused, _) => &mut figures.refused_wrong,
            };
            *count += 1;
        }
        figures
    }

    /// How many in a hundred of the lines that are to be accepted are right; `None` without any.
    pub fn percent(&self) -> Option<f64> {
        let tried = self.right + self.wrong + self.unsupported;
        (tried > 0).then(|| 100.0 * self.right as f64 / tried as f64)
    }
}

/// The reasons of one kind of outcome, the most frequent first, with their first places.
pub fn reasons(scores: &[Score], kind: &str) -> Vec<(String, usize, String)> {
    let mut found = BTreeMap::<&str, (usize, String)>::new();
    for score in scores {
        for line in score.lines.iter().filter(|l| l.outcome.name() == kind) {
            let reason = line.outcome.reason().unwrap_or_default();
            let place = || (0, format!("{}:{}", score.file, line.number));
            found.entry(reason).or_insert_with(place).0 += 1;
        }
    }
    let mut list: Vec<_> = found
        .into_iter()
        .map(|(reason, (count, place))| (reason.to_owned(), count, place))
        .collect();
    list.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    list
}
