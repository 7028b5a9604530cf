// SPDX-License-Identifier: GPL-2.0
//! The two filters that are compared: Ferrule, and the kernel's own nftables. Both read the same file.

use std::collections::BTreeMap;

use anyhow::{bail, Context, Result};
use serde_json::Value;

use crate::ferrule;
use crate::netns::Netns;

/// Who filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// `userctl` and `ferrule.ko`.
    Ferrule,
    /// `nft` and nf_tables.
    Nftables,
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Packets.
    pub(crate) packets: u64,
    /// Bytes from the network header on.
    pub(crate) bytes: u64,
}

/// Counters of rules, by the rules' comments.
pub(crate) type Counts = BTreeMap<String, Count>;

impl Filter {
    /// Both.
    pub(crate) const ALL: [Filter; 2] = [Filter::Ferrule, Filter::Nftables];

    /// Replaces what is loaded by `rules`.
    pub(crate) fn load(self, ns: &Netns, rules: &str) -> Result<()> {
        match self {
            Filter::Ferrule => ferrule::load(ns, rules),
            Filter::Nftables => {
                let path = ferrule::rules_file(&format!("flush ruleset\n{rules}"))?;
                ns.run_ok(&["nft", "-f", path])?;
                Ok(())
            }
        }
    }

    /// Replaces what is loaded by `rules`; the inner error is what the tool has to say against it.
    pub(crate) fn try_load(self, ns: &Netns, rules: &str) -> Result<Result<(), String>> {
        let rules = format!("flush ruleset\n{rules}");
        let output = match self {
            Filter::Ferrule => ferrule::load_with(ns, &rules, &[])?,
            Filter::Nftables => ns.run(&["nft", "-f", ferrule::rules_file(&rules)?])?,
        };
        Ok(match output.status {
            Some(0) => Ok(()),
            _ => Err(output.to_string()),
        })
    }

    /// Runs one of nft's commands; what it prints.
    pub(crate) fn command(self, ns: &Netns, arguments: &[&str]) -> Result<String> {
        let output = match self {
            Filter::Ferrule => ferrule::userctl(ns, arguments)?,
            Filter::Nftables => {
                let command = [&["nft"], arguments].concat();
                ns.run(&command)?
            }
        };
        Ok(output.success()?.stdout)
    }

    /// Empties the ruleset.
    pub(crate) fn flush(self, ns: &Netns) -> Result<()> {
        match self {
            Filter::Ferrule => ferrule::userctl(ns, &["flush"])?.success()?,
            Filter::Nftables => ns.run_ok(&["nft", "flush", "ruleset"])?,
        };
        Ok(())
    }

    /// The counters that rules ask for, by chain and place among the chain's counters.
    pub(crate) fn counts_in_order(self, ns: &Netns) -> Result<Counts> {
        let mut counts = Counts::new();
        let mut add = |chain: &str, count| {
            let number = counts
                .keys()
                .filter(|key: &&String| key.starts_with(&format!("{chain} #")))
                .count();
            counts.insert(format!("{chain} #{number:04}"), count);
        };
        match self {
            Filter::Ferrule => {
                for tally in ferrule::tallies(ns)?.iter().filter(|tally| !tally.implicit) {
                    add(&tally.chain, tally.count());
                }
            }
            Filter::Nftables => {
                let json = ns.run_ok(&["nft", "-j", "list", "ruleset"])?.stdout;
                for (rule, count) in nft_counters(&json)? {
                    let part = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
                    add(
                        &format!("{} {} {}", part("family"), part("table"), part("chain")),
                        count,
                    );
                }
            }
        }
        Ok(counts)
    }

    /// The counters of the rules that have a comment.
    pub(crate) fn counts(self, ns: &Netns) -> Result<Counts> {
        match self {
            Filter::Ferrule => ferrule_counts(ns),
            Filter::Nftables => nft_counts(&ns.run_ok(&["nft", "-j", "list", "ruleset"])?.stdout),
        }
    }
}

fn ferrule_counts(ns: &Netns) -> Result<Counts> {
    let mut counts = Counts::new();
    for tally in ferrule::tallies(ns)? {
        let comment = tally.text.split_once("comment \"");
        let Some((comment, _)) = comment.and_then(|(_, rest)| rest.split_once('"')) else {
            continue;
        };
        if !tally.implicit && counts.insert(comment.to_owned(), tally.count()).is_some() {
            bail!("two rules have the comment {comment:?}");
        }
    }
    Ok(counts)
}

/// What nft's rules with a comment counted, from its listing.
pub(crate) fn nft_counts(json: &str) -> Result<Counts> {
    let counters = nft_counters(json)?.into_iter();
    Ok(counters
        .filter_map(|(rule, count)| Some((rule["comment"].as_str()?.to_owned(), count)))
        .collect())
}

/// nft's rules that count, as JSON, and what they counted.
fn nft_counters(json: &str) -> Result<Vec<(Value, Count)>> {
    let value: Value = serde_json::from_str(json).context("nft's JSON")?;
    let objects = value["nftables"]
        .as_array()
        .context("nft's JSON has no list")?;
    let mut list = Vec::new();
    for rule in objects.iter().map(|object| &object["rule"]) {
        let Some(expressions) = rule["expr"].as_array() else {
            continue;
        };
        let counters = expressions.iter().map(|expression| &expression["counter"]);
        for counter in counters.filter(|counter| counter.is_object()) {
            let count = Count {
                packets: counter["packets"].as_u64().context("no packets")?,
                bytes: counter["bytes"].as_u64().context("no bytes")?,
            };
            list.push((rule.clone(), count));
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nft_counters_are_found_by_comment() {
        let json = r#"{"nftables": [{"metainfo": {}}, {"rule": {"comment": "a",
            "expr": [{"counter": {"packets": 3, "bytes": 99}}, {"drop": null}]}}]}"#;
        let counts = nft_counts(json).expect("good JSON");
        assert_eq!(
            counts["a"],
            Count {
                packets: 3,
                bytes: 99
            }
        );
    }
}
