// SPDX-License-Identifier: GPL-2.0
//! Rulesets that `iptables-save` wrote on real machines.
//!
//! Each rule is tried by itself, among the chains of its table; the last line of a file stands for the
//! whole of it. Tables of address translation are counted apart, and left out of the whole.

use ferrule_uapi::hook::Family;

use crate::import;
use crate::iptables_rules::accepted;
use crate::score::{Expected, Line, Outcome, Score};

/// A table as it was saved.
#[derive(Default)]
struct Table<'a> {
    name: &'a str,
    /// The lines that define chains.
    chains: Vec<&'a str>,
    /// The rules, with the numbers of their lines.
    rules: Vec<(usize, &'a str)>,
}

/// Scores a file.
pub fn score(file: String, text: &str) -> Score {
    let family = match file.ends_with("ip6tables-save") {
        true => Family::Ip6,
        false => Family::Ip,
    };
    let tables = tables(text);
    let mut lines = Vec::new();
    for table in &tables {
        for (number, rule) in &table.rules {
            let outcome = match table.name {
                "nat" => Outcome::Apart("NAT"),
                _ => judge(&table.text(&[rule]), family),
            };
            lines.push(line(*number, rule, outcome));
        }
    }
    let whole: String = tables
        .iter()
        .filter(|table| table.name != "nat")
        .map(|table| {
            let rules: Vec<_> = table.rules.iter().map(|(_, rule)| *rule).collect();
            table.text(&rules)
        })
        .collect();
    let last = text.lines().count();
    lines.push(line(last, "the whole file", judge(&whole, family)));
    Score { file, lines }
}

fn line(number: usize, text: &str, outcome: Outcome) -> Line {
    Line {
        number,
        text: text.to_owned(),
        expected: Expected::Accepted,
        outcome,
    }
}

fn tables(text: &str) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(name) = line.strip_prefix('*') {
            tables.push(Table {
                name,
                ..Table::default()
            });
        }
        let Some(table) = tables.last_mut() else {
            continue;
        };
        if line.starts_with(':') {
            table.chains.push(line);
        } else if line.starts_with("-A ") || line.starts_with('[') {
            table.rules.push((number, line));
        }
    }
    tables
}

impl Table<'_> {
    /// The table with these rules only.
    fn text(&self, rules: &[&str]) -> String {
        let mut text = format!("*{}\n", self.name);
        for line in self.chains.iter().chain(rules) {
            text += &format!("{line}\n");
        }
        text + "COMMIT\n"
    }
}

fn judge(saved: &str, family: Family) -> Outcome {
    match import::translate(saved, family) {
        Ok(text) => accepted(&text),
        Err(why) => Outcome::Unsupported(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_a_line_and_so_is_the_whole() {
        let text = "# by hand\n*nat\n:A - [0:0]\n-A A -j SNAT\nCOMMIT\n*filter\n:INPUT DROP \
                    [1:2]\n-A INPUT -j ACCEPT\n[3:4] -A INPUT -j DROP\nCOMMIT\n";
        let score = score("iptables-save/x.iptables-save".to_owned(), text);
        let numbers: Vec<_> = score.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [4, 8, 9, 10]);
        assert_eq!(score.lines[0].outcome, Outcome::Apart("NAT"));
        assert_eq!(
            tables(text)[1].text(&["-A INPUT -j DROP"]),
            "*filter\n:INPUT DROP [1:2]\n-A INPUT -j DROP\nCOMMIT\n"
        );
    }
}
