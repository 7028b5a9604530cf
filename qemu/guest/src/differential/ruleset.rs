// SPDX-License-Identifier: GPL-2.0
//! A ruleset in parts that can be left out one by one, and its text.

use std::fmt;

use ferrule_uapi::hook::Family;

/// Tables in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ruleset {
    pub(super) tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) family: Family,
    pub(super) name: String,
    pub(super) declared: Vec<Declared>,
    pub(super) chains: Vec<Chain>,
}

/// A set, a map or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// `set s1`.
    pub(super) head: String,
    /// What it says about itself, a line each.
    pub(super) lines: Vec<String>,
    /// What it has in it.
    pub(super) elements: Vec<String>,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) name: String,
    /// `type filter hook forward priority 0; policy accept;`.
    pub(super) base: Option<String>,
    pub(super) rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Matches and statements in order.
    pub(super) parts: Vec<String>,
    /// By this its counters are known.
    pub(super) comment: String,
}

impl Table {
    /// Which chains a base chain leads to, or are one. Elements of declared maps lead wherever they say.
    fn reached(&self) -> Vec<bool> {
        let mut reached: Vec<bool> = self.chains.iter().map(|c| c.base.is_some()).collect();
        let leads = |text: &str, name: &str| {
            ["jump ", "goto "].iter().any(|verb| {
                let mut ends = text
                    .match_indices(verb)
                    .map(|(at, _)| &text[at + verb.len()..]);
                ends.any(|rest| rest.split([' ', ',', '}', ';']).next() == Some(name))
            })
        };
        for _ in 0..self.chains.len() {
            for (target, chain) in self.chains.iter().enumerate() {
                let by_rules = self.chains.iter().zip(&reached).any(|(from, reached)| {
                    let parts = from.rules.iter().flat_map(|rule| &rule.parts);
                    *reached && parts.into_iter().any(|part| leads(part, &chain.name))
                });
                let mut elements = self.declared.iter().flat_map(|one| &one.elements);
                reached[target] |= by_rules || elements.any(|one| leads(one, &chain.name));
            }
        }
        reached
    }
}

/// What can be left out, from the coarse to the fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Tables,
    Chains,
    Rules,
    Declared,
    Parts,
    Elements,
}

impl Level {
    /// All, in the order in which they are worth trying.
    pub(super) const ALL: [Level; 6] = [
        Level::Tables,
        Level::Rules,
        Level::Chains,
        Level::Declared,
        Level::Parts,
        Level::Elements,
    ];
}

impl Ruleset {
    /// The ruleset without rules that no packet comes to. nft switches conntrack, and with it the
    /// reassembly of fragments, on for them, too; Ferrule does not.
    pub(super) fn without_unreached(mut self) -> Self {
        for table in &mut self.tables {
            let reached = table.reached();
            for (chain, reached) in table.chains.iter_mut().zip(reached) {
                if !reached {
                    chain.rules.clear();
                }
            }
        }
        self
    }

    /// The ruleset with room in the sets that rules remove elements from. In nft such an element fills its
    /// place until dead elements are collected (`nft_rhash_delete`), so whether a small set is full is a matter of
    /// time there.
    pub(super) fn with_room(mut self) -> Self {
        for table in &mut self.tables {
            let rules = table.chains.iter().flat_map(|chain| &chain.rules);
            let parts: Vec<String> = rules.flat_map(|rule| rule.parts.clone()).collect();
            for declared in &mut table.declared {
                let name = declared.head.split(' ').next_back().unwrap_or_default();
                let delete = format!("delete @{name} ");
                if parts.iter().any(|part| part.contains(&delete)) {
                    let small = declared.lines.iter_mut().filter(|line| *line == "size 2");
                    small.for_each(|line| *line = "size 128".to_owned());
                }
            }
        }
        self
    }

    /// The ruleset with a timeout for the elements of sets that rules update with and without one. In nf_tables an
    /// element that has a timeout ends at once when a rule updates it that brings none, nor the set
    /// (`nft_dynset_eval()` adds zero to the present); in Ferrule it has none from then on.
    pub(super) fn with_timeouts(mut self) -> Self {
        for table in &mut self.tables {
            let rules = table.chains.iter().flat_map(|chain| &chain.rules);
            let parts: Vec<String> = rules.flat_map(|rule| rule.parts.clone()).collect();
            for declared in &mut table.declared {
                let name = declared.head.split(' ').next_back().unwrap_or_default();
                let used = parts
                    .iter()
                    .filter(|part| part.contains(&format!("@{name} {{")));
                let (with, without): (Vec<_>, Vec<_>) =
                    used.partition(|part| part.contains(" timeout "));
                let renews = without.iter().any(|part| part.starts_with("update "));
                let has_own = declared.lines.iter().any(|line| line == "timeout 1h");
                if !with.is_empty() && renews && !has_own {
                    declared.lines.push("timeout 1h".to_owned());
                }
            }
        }
        self
    }

    /// How many things there are of a level.
    pub(super) fn count(&self, level: Level) -> usize {
        let mut count = 0;
        self.clone().sift(level, &mut |_| {
            count += 1;
            true
        });
        count
    }

    /// The ruleset with only those things of a level whose numbers are in `kept`.
    pub(super) fn keeping(&self, level: Level, kept: &[usize]) -> Self {
        let mut ruleset = self.clone();
        ruleset.sift(level, &mut |number| kept.contains(&number));
        ruleset
    }

    /// Drops the things of a level for whose number `keep` is false.
    fn sift(&mut self, level: Level, keep: &mut dyn FnMut(usize) -> bool) {
        let mut number = 0;
        let mut next = || {
            number += 1;
            keep(number - 1)
        };
        if level == Level::Tables {
            return self.tables.retain(|_| next());
        }
        for table in &mut self.tables {
            match level {
                Level::Chains => table.chains.retain(|_| next()),
                Level::Declared => table.declared.retain(|_| next()),
                Level::Elements => {
                    for declared in &mut table.declared {
                        declared.elements.retain(|_| next());
                    }
                }
                _ => {
                    for chain in &mut table.chains {
                        if level == Level::Rules {
                            chain.rules.retain(|_| next());
                            continue;
                        }
                        for rule in &mut chain.rules {
                            rule.parts.retain(|_| next());
                        }
                    }
                }
            }
        }
        for table in &mut self.tables {
            for chain in &mut table.chains {
                chain.rules.retain(|rule| !rule.parts.is_empty());
            }
        }
    }
}

impl fmt::Display for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            write!(f, "{table}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "table {} {} {{", self.family.name(), self.name)?;
        for declared in &self.declared {
            writeln!(f, "\t{} {{", declared.head)?;
            for line in &declared.lines {
                writeln!(f, "\t\t{line}")?;
            }
            if !declared.elements.is_empty() {
                writeln!(f, "\t\telements = {{ {} }}", declared.elements.join(", "))?;
            }
            writeln!(f, "\t}}")?;
        }
        // Chains are named before they are used.
        for chain in &self.chains {
            writeln!(f, "\tchain {} {{", chain.name)?;
            if let Some(base) = &chain.base {
                writeln!(f, "\t\t{base}")?;
            }
            for rule in &chain.rules {
                writeln!(
                    f,
                    "\t\t{} comment \"{}\"",
                    rule.parts.join(" "),
                    rule.comment
                )?;
            }
            writeln!(f, "\t}}")?;
        }
        writeln!(f, "}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruleset() -> Ruleset {
        let rule = |comment: &str| Rule {
            parts: vec!["udp dport 53".into(), "counter".into()],
            comment: comment.into(),
        };
        let chain = Chain {
            name: "base".into(),
            base: Some("type filter hook forward priority 0;".into()),
            rules: vec![rule("r0"), rule("r1")],
        };
        Ruleset {
            tables: vec![Table {
                family: Family::Inet,
                name: "t".into(),
                declared: Vec::new(),
                chains: vec![chain],
            }],
        }
    }

    #[test]
    fn what_is_left_out_is_not_in_the_text() {
        let less = ruleset().keeping(Level::Rules, &[1]);
        assert!(!less.to_string().contains("r0"));
        assert!(less
            .to_string()
            .contains("udp dport 53 counter comment \"r1\""));
    }

    #[test]
    fn parts_are_counted_over_all_rules() {
        assert_eq!(ruleset().count(Level::Parts), 4);
        let less = ruleset().keeping(Level::Parts, &[0, 1]);
        assert_eq!(less.count(Level::Rules), 1);
    }
}
