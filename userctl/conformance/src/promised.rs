// SPDX-License-Identifier: GPL-2.0
//! How much is right of what `userctl import` promises, beside the figure for everything.
//!
//! The project's requirements list the matches and targets that are imported; iptables' own tests have
//! more. Each one that they have and the requirements do not name is in the table below, so that a
//! line can only leave this figure, never the one over all lines, and only by name.

use std::fmt::Write;

use crate::score::{Figures, Line, Score};

/// The corpus that the promise is about.
const CORPUS: (&str, &str) = ("iptables-rules/", ".t");

/// Matches and targets that the requirements do not name.
pub const NOT_PROMISED: &[&str] = &[
    "bpf",
    "cgroup",
    "connbytes",
    "ipvs",
    "mh",
    "rateest",
    "realm",
    "srh",
    "DNPT",
    "ECN",
    "HMARK",
    "IDLETIMER",
    "LED",
    "SNPT",
    "TCPOPTSTRIP",
    "TEE",
];

/// The match or target of a line that is not promised; `None` if all of them are.
fn not_promised(line: &Line) -> Option<&'static str> {
    let words: Vec<_> = line.text.split_whitespace().collect();
    let names = words
        .windows(2)
        .filter(|pair| ["-m", "-j"].contains(&pair[0]));
    let mut found =
        names.filter_map(|pair| NOT_PROMISED.iter().find(|name| **name == pair[1]).copied());
    found.next()
}

/// The figures of the corpus' lines that `wanted` is true of.
fn figures(scores: &[Score], wanted: impl Fn(Option<&str>) -> bool) -> Figures {
    let (folder, ending) = CORPUS;
    let of_corpus = scores
        .iter()
        .filter(|score| score.file.starts_with(folder) && score.file.ends_with(ending));
    let parts: Vec<_> = of_corpus
        .map(|score| Score {
            file: score.file.clone(),
            lines: score
                .lines
                .iter()
                .filter(|line| wanted(not_promised(line)))
                .cloned()
                .collect(),
        })
        .collect();
    Figures::of(&parts)
}

/// The two figures, and what only the first one counts.
pub fn summary(scores: &[Score]) -> String {
    let text = |figures: &Figures| {
        let tried = figures.right + figures.wrong + figures.unsupported;
        let percent = figures.percent().unwrap_or_default();
        format!("{:4} of {tried:4} right, {percent:5.1} %", figures.right)
    };
    let all = figures(scores, |_| true);
    if all == Figures::default() {
        return String::new();
    }
    let (folder, ending) = CORPUS;
    let mut out = format!("\n{folder}*{ending}, lines that iptables takes:\n");
    let promised = figures(scores, |name| name.is_none());
    for (label, figures) in [
        ("all of them", all),
        ("what the requirements name", promised),
    ] {
        let _ = writeln!(out, "  {label:30} {}", text(&figures));
    }
    for name in NOT_PROMISED {
        let part = figures(scores, |found| found == Some(name));
        let _ = writeln!(out, "    not named: {name:17} {}", text(&part));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Expected, Outcome};

    #[test]
    fn a_line_leaves_only_the_promised_figure_and_only_by_name() {
        let line = |text: &str, outcome| Line {
            number: 1,
            text: text.to_owned(),
            expected: Expected::Accepted,
            outcome,
        };
        let unsupported = || Outcome::Unsupported("no".to_owned());
        let scores = [Score {
            file: "iptables-rules/x.t".to_owned(),
            lines: vec![
                line("-m udp --sport 1", Outcome::Right),
                line("-m udp --ipvs", unsupported()),
                line("-m ipvs --ipvs", unsupported()),
            ],
        }];
        let text = summary(&scores);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for figure in [
            "all of them 1 of 3 right",
            "what the requirements name 1 of 2 right",
            "not named: ipvs 0 of 1 right",
        ] {
            assert!(words.contains(figure), "no `{figure}` in:{text}");
        }
    }
}
