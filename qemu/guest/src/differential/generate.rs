// SPDX-License-Identifier: GPL-2.0
//! Random rulesets: a theme of a few features, base chains at a few hooks, and rules put together from
//! rows of the grammar that go together.

mod declared;
mod matching;
mod rule;

use ferrule_uapi::hook::Family;

use super::grammar::FEATURES;
use super::random::Random;
use super::ruleset::{Chain, Declared, Rule, Ruleset, Table};
use rule::Place;

/// Features that most rulesets have.
const COMMON: [&str; 5] = ["header", "meta", "mark", "chains", "anonymous-set"];

/// Where base chains are, the more interesting ones more often.
const HOOKS: [&str; 8] = [
    "forward",
    "forward",
    "forward",
    "prerouting",
    "postrouting",
    "input",
    "output",
    "forward",
];

/// Priorities of base chains, each once in a ruleset: the order at the same priority is undefined.
const PRIORITIES: [i32; 8] = [-301, -150, -50, 0, 1, 20, 150, 290];

/// Makes a ruleset with these features.
pub(super) fn ruleset(random: &mut Random, theme: &[&'static str]) -> Ruleset {
    let families = [Family::Inet, Family::Inet, Family::Ip, Family::Ip6];
    let mut priorities = PRIORITIES.to_vec();
    let mut ruleset = Ruleset::default();
    let mut rules = 0;
    for index in 0..if random.chance(20) { 2 } else { 1 } {
        let family = *random.pick(&families);
        let mut maker = Maker {
            random,
            theme,
            family,
            declared: Vec::new(),
            rules,
        };
        let chains = maker.chains(&mut priorities);
        rules = maker.rules;
        ruleset.tables.push(Table {
            family,
            name: format!("t{index}"),
            declared: maker.declared,
            chains,
        });
    }
    ruleset.tables.push(observer(theme));
    ruleset
}

/// Some of the features, and `only` in any case.
pub(super) fn theme(random: &mut Random, only: Option<&str>) -> Vec<&'static str> {
    let wanted = |name: &&&str| only == Some(**name);
    let mut theme: Vec<_> = FEATURES.iter().filter(wanted).copied().collect();
    let is_common = |name: &&&str| COMMON.contains(*name);
    for name in FEATURES.iter().filter(is_common) {
        if random.chance(75) {
            theme.push(name);
        }
    }
    let rest: Vec<_> = FEATURES.iter().filter(|name| !is_common(name)).collect();
    let count = match only {
        Some(_) => 1,
        None => random.between(2, 4),
    };
    for place in random.places(count, rest.len()) {
        theme.push(rest[place]);
    }
    if !theme.contains(&"header") && !theme.contains(&"meta") {
        theme.push("header");
    }
    theme
}

/// Last of all, rules that count what marks packets have: those can be seen in no other way.
fn observer(theme: &[&str]) -> Table {
    let mut matches: Vec<String> = ["0x1", "0x2", "0x3", "0x10", "0x11", "0xff"]
        .map(|mark| format!("meta mark {mark}"))
        .into();
    if theme.contains(&"ct-set") {
        matches.extend(["0x1", "0x10", "0x3"].map(|mark| format!("ct mark {mark}")));
    }
    if theme.contains(&"meta-set") {
        matches.push("meta priority 1:2".to_owned());
        matches.push("meta pkttype host".to_owned());
    }
    let chains = ["input", "postrouting"].into_iter().map(|hook| Chain {
        name: hook.to_owned(),
        base: Some(format!(
            "type filter hook {hook} priority 300; policy accept;"
        )),
        rules: matches
            .iter()
            .enumerate()
            .map(|(index, text)| Rule {
                parts: vec![text.clone(), "counter".to_owned()],
                comment: format!("observer {hook} {index}"),
            })
            .collect(),
    });
    Table {
        family: Family::Inet,
        name: "observer".to_owned(),
        declared: Vec::new(),
        chains: chains.collect(),
    }
}

/// What makes one table.
struct Maker<'a> {
    random: &'a mut Random,
    theme: &'a [&'static str],
    family: Family,
    declared: Vec<Declared>,
    /// Rules made so far, in all tables: they are known by their numbers.
    rules: usize,
}

impl Maker<'_> {
    fn has(&self, feature: &str) -> bool {
        self.theme.contains(&feature)
    }

    fn chains(&mut self, priorities: &mut Vec<i32>) -> Vec<Chain> {
        let mut chains = Vec::new();
        if self.has("objects") {
            self.declare_objects();
        }
        for number in 0..self.random.between(1, 3) {
            let hook = *self.random.pick(&HOOKS);
            let below = if self.has("chains") {
                self.random.below(4)
            } else {
                0
            };
            let names: Vec<_> = (0..below)
                .map(|index| format!("b{number}c{index}"))
                .collect();
            let base = self.base(hook, priorities);
            chains.push(self.chain(format!("b{number}"), Some(base), hook, &names));
            for (index, name) in names.iter().enumerate() {
                chains.push(self.chain(name.clone(), None, hook, &names[index + 1..]));
            }
        }
        chains
    }

    fn base(&mut self, hook: &str, priorities: &mut Vec<i32>) -> String {
        let priority = priorities.remove(self.random.below(priorities.len()));
        let policy = if self.random.chance(15) {
            "drop"
        } else {
            "accept"
        };
        let kind = if self.has("route-chain") && hook == "output" && self.random.chance(60) {
            "route"
        } else {
            "filter"
        };
        format!("type {kind} hook {hook} priority {priority}; policy {policy};")
    }

    /// A chain whose rules jump to `targets`.
    fn chain(
        &mut self,
        name: String,
        base: Option<String>,
        hook: &'static str,
        targets: &[String],
    ) -> Chain {
        let place = Place {
            hook,
            targets,
            regular: base.is_none(),
        };
        let rules = (0..self.random.between(2, 7))
            .map(|_| self.rule(&place))
            .collect();
        Chain { name, base, rules }
    }
}
