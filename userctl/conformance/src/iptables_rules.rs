// SPDX-License-Identifier: GPL-2.0
//! iptables' own extension tests (`extensions/*.t`): one rule a line, `rule;listing;OK` or `FAIL`.
//!
//! `:` lines name the chains, `*` lines the table of the rules that follow (filter at first). Files
//! called `libipt_` are for IPv4, `libip6t_` for IPv6, others for both.
//!
//! A rule that iptables takes is right if `userctl import` translates it, as part of a saved ruleset, and
//! the translation is accepted. Whether it means the same is asked of the `.txlate` files
//! ([`crate::translations`]), and of iptables itself in the guest.

use ferrule_uapi::hook::Family;

use crate::import;
use crate::score::{Expected, Line, Outcome, Score};
use crate::trial::{self, Trial};

/// The tables that are about address translation, which is counted apart.
const NAT: &str = "nat";

/// Scores a file.
pub fn score(file: String, text: &str) -> Score {
    let mut head = Head {
        families: families_of(&file),
        table: "filter".to_owned(),
        chains: Vec::new(),
    };
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(text.lines()) {
        if let Some((rule, expected, outcome)) = head.line(text) {
            lines.push(Line {
                number,
                text: rule.to_owned(),
                expected,
                outcome,
            });
        }
    }
    Score { file, lines }
}

fn families_of(file: &str) -> &'static [Family] {
    let name = file.rsplit('/').next().unwrap_or(file);
    if name.starts_with("libipt_") {
        &[Family::Ip]
    } else if name.starts_with("libip6t_") {
        &[Family::Ip6]
    } else {
        &[Family::Ip, Family::Ip6]
    }
}

struct Head {
    families: &'static [Family],
    table: String,
    chains: Vec<String>,
}

impl Head {
    fn line<'a>(&mut self, line: &'a str) -> Option<(&'a str, Expected, Outcome)> {
        let line = line.trim_end();
        match line.chars().next()? {
            '#' | '%' | '@' => None,
            ':' => {
                self.chains = line[1..].split(',').map(str::to_owned).collect();
                None
            }
            '*' => {
                self.table = line[1..].to_owned();
                None
            }
            _ => {
                let mut parts = line.split(';');
                let (rule, _, result) = (parts.next()?, parts.next()?, parts.next()?);
                let expected = match result {
                    "OK" => Expected::Accepted,
                    "FAIL" => Expected::Refused,
                    _ => return None,
                };
                let outcome = match (self.table.as_str(), parts.next()) {
                    (NAT, _) => Outcome::Apart("NAT"),
                    (_, Some("LEGACY")) => Outcome::Skipped("only of the old iptables"),
                    _ => self.rule(rule, expected),
                };
                Some((rule, expected, outcome))
            }
        }
    }

    /// Tries a rule in every chain of every family.
    fn rule(&self, rule: &str, expected: Expected) -> Outcome {
        let families = self.families.iter();
        let places = families.flat_map(|family| self.chains.iter().map(move |c| (*family, c)));
        let outcomes = places.map(|(family, chain)| self.judge(family, chain, rule, expected));
        outcomes.max().unwrap_or(Outcome::Skipped("in no chain"))
    }

    fn judge(&self, family: Family, chain: &str, rule: &str, expected: Expected) -> Outcome {
        let saved = import::saved(&self.table, &[], &[&format!("-A {chain} {rule}")]);
        let translated = import::translate(&saved, family);
        match (expected, translated) {
            (Expected::Refused, Err(_)) => Outcome::Right,
            (Expected::Refused, Ok(_)) => Outcome::Wrong("imported".to_owned()),
            (Expected::Accepted, Err(why)) => Outcome::Unsupported(why),
            (Expected::Accepted, Ok(text)) => accepted(&text),
        }
    }
}

/// Whether the front end takes a translation.
pub(crate) fn accepted(text: &str) -> Outcome {
    match trial::run(text) {
        Trial::Accepted(_) => Outcome::Right,
        Trial::Refused(refusal) if refusal.unsupported => Outcome::Unsupported(refusal.message),
        Trial::Refused(refusal) => {
            Outcome::Wrong(format!("the translation is refused: {}", refusal.message))
        }
        Trial::Broken(why) => Outcome::Wrong(why),
    }
}
