// SPDX-License-Identifier: GPL-2.0

//! Tables: one a workload and family, a line for each size and kind of traffic, a column for each
//! contestant.

use std::collections::BTreeSet;

use ferrule_bench::plan::Peer;

use super::summary::{Entry, Summary};

/// From so many rules on their memory stands out from what comes and goes.
const MEMORY_FROM: u64 = 10_000;

/// A table of text.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) head: Vec<String>,
    pub(crate) lines: Vec<Vec<String>>,
}

/// The tables of costs.
pub(crate) fn costs(summary: &Summary) -> Vec<Table> {
    let mut tables = Vec::new();
    for (workload, family) in groups(summary.costs.iter().map(|e| (&e.workload, &e.family))) {
        let entries: Vec<_> = summary
            .costs
            .iter()
            .filter(|entry| entry.workload == workload && entry.family == family)
            .collect();
        let peers = peers(entries.iter().map(|entry| entry.peer));
        let mut head = vec!["rules".to_owned(), "traffic".to_owned()];
        head.extend(peers.iter().map(|peer| peer.title().to_owned()));
        let mut lines: Vec<Vec<String>> = Vec::new();
        let rows = groups(entries.iter().map(|e| (&e.rules, &e.traffic)));
        for (rules, traffic) in rows {
            let of = |peer: Peer| {
                entries.iter().find(|entry| {
                    entry.rules == rules && entry.traffic == traffic && entry.peer == peer
                })
            };
            let mut line = vec![rules.to_string(), traffic.clone()];
            line.extend(
                peers
                    .iter()
                    .map(|peer| of(*peer).map_or(String::new(), |e| cell(e))),
            );
            lines.push(line);
        }
        tables.push(Table {
            title: format!("{workload}, {family}: ns a packet above no filter"),
            head,
            lines,
        });
    }
    tables
}

/// The tables of loading.
pub(crate) fn loads(summary: &Summary) -> Vec<Table> {
    let mut tables = Vec::new();
    for (workload, family) in groups(summary.loads.iter().map(|e| (&e.workload, &e.family))) {
        let entries: Vec<_> = summary
            .loads
            .iter()
            .filter(|entry| entry.workload == workload && entry.family == family)
            .collect();
        let peers = peers(entries.iter().map(|entry| entry.peer));
        let mut head = vec!["rules".to_owned()];
        head.extend(peers.iter().map(|peer| peer.title().to_owned()));
        let mut lines = Vec::new();
        for (rules, ()) in groups(entries.iter().map(|e| (&e.rules, &()))) {
            let mut line = vec![rules.to_string()];
            for peer in &peers {
                let entry = entries.iter().find(|e| e.rules == rules && e.peer == *peer);
                line.push(entry.map_or(String::new(), |entry| {
                    let time = format!("{} s", number(entry.seconds));
                    if rules < MEMORY_FROM {
                        return time;
                    }
                    format!("{time}, {:.0} B each", entry.bytes() / rules as f64)
                }));
            }
            lines.push(line);
        }
        tables.push(Table {
            title: format!("{workload}, {family}: loading, and kernel memory a rule"),
            head,
            lines,
        });
    }
    tables
}

fn cell(entry: &Entry) -> String {
    match (&entry.wrong, &entry.out, &entry.cost, &entry.total) {
        (Some(_), ..) => "wrong".to_owned(),
        (_, Some(_), ..) => "out".to_owned(),
        (_, _, _, Some(total)) if entry.peer == Peer::Baseline => {
            format!("({})", number(total.median))
        }
        (_, _, Some(cost), _) => format!("{} ±{}", number(cost.median), number(cost.deviation)),
        _ => "–".to_owned(),
    }
}

/// Three figures that count.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1000.0 {
        let text = format!("{value:.0}");
        let (sign, digits) = text
            .strip_prefix('-')
            .map_or(("", text.as_str()), |d| ("-", d));
        let mut out = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at) % 3 == 0 {
                out.push(',');
            }
            out.push(digit);
        }
        format!("{sign}{out}")
    } else if size >= 10.0 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Different pairs, in the order in which they come.
fn groups<'a, A: Clone + Ord + 'a, B: Clone + Ord + 'a>(
    pairs: impl Iterator<Item = (&'a A, &'a B)>,
) -> Vec<(A, B)> {
    let mut seen = BTreeSet::new();
    pairs
        .map(|(a, b)| (a.clone(), b.clone()))
        .filter(|pair| seen.insert(pair.clone()))
        .collect()
}

fn peers(list: impl Iterator<Item = Peer>) -> Vec<Peer> {
    list.collect::<BTreeSet<_>>().into_iter().collect()
}

impl Table {
    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        let all = || std::iter::once(&self.head).chain(&self.lines);
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                let cells = all().filter_map(|line| line.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut text = format!("{}\n", self.title);
        for line in all() {
            let cells = line.iter().zip(&widths);
            let cells: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:>width$}"))
                .collect();
            text += &format!("  {}\n", cells.join("  ").trim_end());
        }
        text
    }

    /// For a page.
    pub(crate) fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> = self.head.iter().map(|_| "---:".to_owned()).collect();
        let mut text = row(&self.head) + &row(&rule);
        for line in &self.lines {
            text += &row(line);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_figures() {
        let cases = [
            (0.123, "0.12"),
            (4.56, "4.6"),
            (123.4, "123"),
            (-5.0, "-5.0"),
            (565_000.4, "565,000"),
            (-1234.0, "-1,234"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = Table {
            title: "t".to_owned(),
            head: vec!["a".to_owned(), "bcd".to_owned()],
            lines: vec![vec!["100".to_owned(), "1".to_owned()]],
        };
        assert_eq!(table.text(), "t\n    a  bcd\n  100    1\n");
    }
}
