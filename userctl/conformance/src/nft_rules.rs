// SPDX-License-Identifier: GPL-2.0
//! nftables' own rule tests (`tests/py`): one rule a line.
//!
//! | a line begins with | and is |
//! | --- | --- |
//! | `:` | a chain: `:name;type … hook … priority …` |
//! | `*` | a table: `*family;name;chain,chain` |
//! | `!` | a set or map to add to every table: `!name type …;ok` |
//! | `?` | elements to add to one: `?name element, element;ok` |
//! | `%` | an object to add to every table: `%name type counter …;ok` |
//! | `-` | a test that nftables itself leaves out |
//! | anything else | a rule: `rule;ok`, `rule;ok;listing` or `rule;fail` |
//!
//! A rule is tried in every chain of every table that the head of its file declares, alone but for
//! the sets and objects before it. The tables of other families than ip, ip6 and inet are left out.

use crate::listing;
use crate::score::{Expected, Line, Outcome, Score};
use crate::trial::{self, Refusal, Trial};

/// The families that are tried.
const FAMILIES: &[&str] = &["ip", "ip6", "inet"];

/// Files about what is counted apart, by their names.
const APART_FILES: &[(&str, &str)] = &[
    ("/dnat.t", "NAT"),
    ("/masquerade.t", "NAT"),
    ("/redirect.t", "NAT"),
    ("/snat.t", "NAT"),
    ("/tproxy.t", "tproxy"),
    ("/synproxy.t", "synproxy"),
];

/// Statements that are counted apart in other files.
const APART_STATEMENTS: &[(&str, &str)] = &[
    ("dnat to ", "NAT"),
    ("dnat ip ", "NAT"),
    ("dnat ip6 ", "NAT"),
    ("snat to ", "NAT"),
    ("snat ip ", "NAT"),
    ("snat ip6 ", "NAT"),
    ("masquerade", "NAT"),
    ("redirect to ", "NAT"),
    ("tproxy ", "tproxy"),
    ("synproxy", "synproxy"),
    ("fwd to ", "fwd"),
];

/// A rule's listing, with the table that it is in.
pub struct Listed {
    /// Its line in the file, from 1.
    pub line: u32,
    /// The rule as it stands there.
    pub rule: String,
    /// What `userctl list ruleset` prints.
    pub text: String,
}

/// The listings of all rules of a file that are accepted, in each chain.
pub fn listings(file: &str, text: &str) -> Vec<Listed> {
    let mut head = Head::default();
    let mut all: Vec<Listed> = Vec::new();
    for (number, text) in (1..).zip(text.lines()) {
        let _ = line(file, text, &mut head);
        all.extend(head.listed.drain(..).map(|listed| Listed {
            line: number,
            ..listed
        }));
    }
    all
}

/// Scores a file.
pub fn score(file: String, text: &str) -> Score {
    let mut head = Head::default();
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(text.lines()) {
        head.listed.clear();
        if let Some((text, expected, outcome)) = line(&file, text, &mut head) {
            lines.push(Line {
                number,
                text: text.trim().to_owned(),
                expected,
                outcome,
            });
        }
    }
    Score { file, lines }
}

/// One line of the file; `None` if it tests nothing.
fn line<'a>(file: &str, line: &'a str, head: &mut Head) -> Option<(&'a str, Expected, Outcome)> {
    let rest = line.get(1..).unwrap_or_default();
    match line.chars().next()? {
        '#' => None,
        ':' => head.chain(rest),
        '*' => head.table(rest),
        '!' | '?' | '%' => {
            // An object's definition may have semicolons of its own, in braces.
            let (what, expected) = rest.trim_end().rsplit_once(';')?;
            let commands = match line.chars().next()? {
                '!' => set_commands(what),
                '?' => element_commands(what),
                _ => object_commands(what),
            };
            let expected = expectation(expected)?;
            Some((what, expected, head.declare(commands?, expected)))
        }
        first => {
            let mut parts = line.trim_end().split(';');
            let (rule, expected) = (parts.next()?, expectation(parts.next()?)?);
            if first == '-' {
                let why = "left out by nftables itself";
                return Some((rule, expected, Outcome::Skipped(why)));
            }
            let listing = parts.next().unwrap_or(rule);
            let apart = apart(file, rule);
            let outcome = apart.unwrap_or_else(|| head.rule(rule, expected, listing));
            Some((rule, expected, outcome))
        }
    }
}

fn expectation(word: &str) -> Option<Expected> {
    match word.trim() {
        "ok" => Some(Expected::Accepted),
        "fail" => Some(Expected::Refused),
        _ => None,
    }
}

fn apart(file: &str, rule: &str) -> Option<Outcome> {
    let by_file = APART_FILES.iter().find(|(name, _)| file.ends_with(name));
    let by_statement = || {
        APART_STATEMENTS
            .iter()
            .find(|(statement, _)| words_in(rule, statement))
    };
    let (_, why) = by_file.or_else(by_statement)?;
    Some(Outcome::Apart(why))
}

/// Whether the rule has these words, from the beginning of a word on.
fn words_in(rule: &str, words: &str) -> bool {
    rule.match_indices(words)
        .any(|(at, _)| at == 0 || rule[..at].ends_with(' '))
}

/// What stands between a command's object and its place: `add set ip t s { … }` is `("set", "s { … }")`.
type Command = (String, String);

fn set_commands(what: &str) -> Option<Command> {
    let (name, definition) = what.split_once(' ')?;
    let definition = definition
        .replace(" timeout ", "; timeout ")
        .replace(" flags ", "; flags ");
    let kind = match definition.contains(" : ") {
        true => "map",
        false => "set",
    };
    Some((kind.to_owned(), format!("{name} {{ {definition}; }}")))
}

fn element_commands(what: &str) -> Option<Command> {
    let (name, elements) = what.split_once(' ')?;
    Some(("element".to_owned(), format!("{name} {{ {elements} }}")))
}

fn object_commands(what: &str) -> Option<Command> {
    let mut words = what.splitn(3, ' ');
    let (name, _, definition) = (words.next()?, words.next()?, words.next()?);
    let kinds = ["ct helper", "ct timeout", "ct expectation"];
    let long = kinds.iter().find(|kind| definition.starts_with(**kind));
    let kind = long
        .copied()
        .unwrap_or_else(|| definition.split(' ').next().unwrap_or(definition));
    let rest = definition.get(kind.len()..).unwrap_or_default();
    Some((kind.to_owned(), format!("{name}{rest}")))
}

/// What the file has declared so far.
#[derive(Default)]
struct Head {
    chains: Vec<(String, String)>,
    tables: Vec<Table>,
    /// Tables of other families.
    others: usize,
    /// What the last rule was listed as, but for its line.
    listed: Vec<Listed>,
}

struct Table {
    /// Family and name.
    name: String,
    chains: Vec<String>,
    /// Commands that make the table and all that is in it, one a line.
    script: String,
    /// Why something in it is missing.
    missing: Option<Refusal>,
}

impl Head {
    fn chain<T>(&mut self, text: &str) -> Option<T> {
        let (name, definition) = text.split_once(';')?;
        // What is tested in these chains is not what makes them NAT's.
        let definition = definition.replace("type nat ", "type filter ");
        self.chains.push((name.to_owned(), definition));
        None
    }

    fn table<T>(&mut self, text: &str) -> Option<T> {
        let mut parts = text.trim_end().split(';');
        let (family, name, chains) = (parts.next()?, parts.next()?, parts.next()?);
        if !FAMILIES.contains(&family) {
            self.others += 1;
            return None;
        }
        let name = format!("{family} {name}");
        let mut script = format!("add table {name}\n");
        let chains: Vec<_> = chains.split(',').map(str::to_owned).collect();
        for chain in &chains {
            let known = self.chains.iter().find(|(known, _)| known == chain);
            let definition = known.map_or("", |(_, definition)| definition.as_str());
            script += &format!("add chain {name} {chain} {{ {definition}; }}\n");
        }
        self.tables.push(Table {
            name,
            chains,
            script,
            missing: None,
        });
        None
    }

    /// Adds something to every table, and says what became of that.
    fn declare(&mut self, (kind, what): Command, expected: Expected) -> Outcome {
        let mut worst = None;
        for table in &mut self.tables {
            let command = format!("add {kind} {} {what}\n", table.name);
            let script = format!("{}{command}", table.script);
            let trial = trial::run(&script);
            let outcome = judge(&trial, expected, &script, |_| Ok(()));
            match trial {
                Trial::Accepted(_) => table.script = script,
                Trial::Refused(refusal) if expected == Expected::Accepted => {
                    table.missing = Some(refusal);
                }
                _ => {}
            }
            worst = worst.max(Some(outcome));
        }
        worst.unwrap_or(Outcome::Skipped("only for other families"))
    }

    /// Tries a rule in every chain.
    fn rule(&mut self, rule: &str, expected: Expected, listing: &str) -> Outcome {
        let tables = self.tables.iter();
        let chains = tables.flat_map(|table| table.chains.iter().map(move |chain| (table, chain)));
        let listed = &mut self.listed;
        let outcomes = chains.map(|(table, chain)| {
            let (trial, outcome) = table.rule(chain, rule, expected, listing);
            if let (Trial::Accepted(listings), Expected::Accepted) = (trial, expected) {
                listed.push(Listed {
                    line: 0,
                    rule: rule.to_owned(),
                    text: listings.plain,
                });
            }
            outcome
        });
        let worst = outcomes.max();
        worst.unwrap_or(Outcome::Skipped("only for other families"))
    }
}

impl Table {
    fn rule(&self, chain: &str, rule: &str, expected: Expected, listing: &str) -> (Trial, Outcome) {
        let script = format!("{}add rule {} {chain} {rule}\n", self.script, self.name);
        let trial = trial::run(&script);
        let same = |listings: &[String]| {
            let listed = listings
                .iter()
                .map(|text| listing::rule_in(text, &self.name, chain));
            let listed: Vec<_> = listed.collect();
            match listing::same(&listed, listing) {
                true => Ok(()),
                false => Err(format!(
                    "{}: listed as `{}`, not `{listing}`",
                    self.name,
                    listed.first().map_or("", String::as_str)
                )),
            }
        };
        let outcome = judge(&trial, expected, &script, same);
        let outcome = match (&self.missing, outcome) {
            // The rule names what was refused before it.
            (Some(refusal), Outcome::Wrong(_)) if refusal.unsupported && rule.contains('@') => {
                Outcome::Unsupported(refusal.message.clone())
            }
            (_, outcome) => outcome,
        };
        (trial, outcome)
    }
}

/// What became of the script's last line; `same` compares its listing.
fn judge(
    trial: &Trial,
    expected: Expected,
    script: &str,
    same: impl Fn(&[String]) -> Result<(), String>,
) -> Outcome {
    let last = script.lines().count() as u32;
    match (expected, trial) {
        (_, Trial::Broken(why)) => Outcome::Wrong(why.clone()),
        (Expected::Accepted, Trial::Accepted(listings)) => match same(&listings.forms) {
            Ok(()) => Outcome::Right,
            Err(why) => Outcome::Wrong(why),
        },
        (Expected::Accepted, Trial::Refused(refusal)) if refusal.unsupported => {
            Outcome::Unsupported(refusal.message.clone())
        }
        (Expected::Accepted, Trial::Refused(refusal)) => {
            Outcome::Wrong(format!("refused: {}", refusal.message))
        }
        (Expected::Refused, Trial::Accepted(_)) => Outcome::Wrong("accepted".to_owned()),
        (Expected::Refused, Trial::Refused(refusal)) => {
            let there = |line: &Option<u32>| line.is_some_and(|line| line == last);
            match refusal.lines.iter().all(there) {
                true => Outcome::Right,
                false => Outcome::Wrong(format!(
                    "refused, but not in its place: {}",
                    refusal.message
                )),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = ":input;type filter hook input priority 0\n\
                        *ip;t;input\n*inet;t;input\n*netdev;t;input\n";

    fn outcomes(lines: &str) -> Vec<Outcome> {
        let score = score("nft-rules/ip/x.t".to_owned(), &format!("{HEAD}{lines}"));
        score.lines.into_iter().map(|line| line.outcome).collect()
    }

    #[test]
    fn a_rule_that_is_accepted_and_listed_as_expected_is_right() {
        let lines = "# comment\n\ntcp dport 22;ok\ntcp dport == 22;ok;tcp dport 22\n";
        assert_eq!(outcomes(lines), [Outcome::Right, Outcome::Right]);
    }

    #[test]
    fn another_listing_is_wrong() {
        let outcomes = outcomes("tcp dport == 22;ok\n");
        assert!(matches!(&outcomes[..], [Outcome::Wrong(why)] if why.contains("listed as")));
    }

    #[test]
    fn refusals_are_right_where_expected_and_wrong_elsewhere() {
        let outcomes = outcomes("tcp dport 70000;fail\ntcp dport 70000;ok\ntcp dport 7;fail\n");
        assert!(
            matches!(
                &outcomes[..],
                [Outcome::Right, Outcome::Wrong(_), Outcome::Wrong(_)]
            ),
            "{outcomes:?}"
        );
    }

    #[test]
    fn statements_counted_apart_are_words_of_their_own() {
        assert_eq!(
            apart("ip/x.t", "dnat to 1.2.3.4"),
            Some(Outcome::Apart("NAT"))
        );
        assert_eq!(apart("ip/dnat.t", "x"), Some(Outcome::Apart("NAT")));
        assert_eq!(apart("ip/x.t", "icmp type redirect accept"), None);
        assert_eq!(apart("ip/x.t", "ct status dnat"), None);
    }

    #[test]
    fn declarations_become_commands() {
        let set = set_commands("s type ipv4_addr timeout 60s").unwrap();
        assert_eq!(set.1, "s { type ipv4_addr; timeout 60s; }");
        let map = set_commands("m type dscp : mark").unwrap();
        assert_eq!(map.0, "map");
        let quota = object_commands("q type quota over 1 kbytes").unwrap();
        assert_eq!(quota, ("quota".to_owned(), "q over 1 kbytes".to_owned()));
    }
}
