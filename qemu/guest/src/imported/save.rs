// SPDX-License-Identifier: GPL-2.0
//! What `iptables-save` wrote, made ready for both sides: without address translation, and with a counter
//! and a name of its own in every rule; and the rules' words, from which packets are made.

use std::time::Duration;

use ferrule_uapi::hook::Family;

/// A saved ruleset.
#[derive(Debug)]
pub(super) struct Save {
    pub(super) family: Family,
    /// What both sides load.
    pub(super) text: String,
    pub(super) rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) table: String,
    pub(super) chain: String,
    /// Where it jumps or goes to, or what it does.
    pub(super) target: String,
    /// Everything else that it says.
    pub(super) options: Vec<Opt>,
}

/// An option with what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opt {
    pub(super) negated: bool,
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// A comment that a rule has already: it makes room for the rule's name.
const COMMENT: &str = " -m comment --comment ";

impl Save {
    /// Reads a save. The module refuses address translation, so those tables are left out on both sides.
    pub(super) fn read(family: Family, saved: &str) -> Self {
        let mut text = String::new();
        let mut rules = Vec::new();
        let mut table = String::new();
        for line in saved.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('*') {
                name.clone_into(&mut table);
            }
            if line.is_empty() || line.starts_with('#') || table == "nat" {
                continue;
            }
            let rule = match line.split_once("] -A ") {
                Some((_, rest)) => Some(format!("-A {rest}")),
                None => line.starts_with("-A ").then(|| line.to_owned()),
            };
            match rule {
                Some(rule) => {
                    let rule = without_comment(&rule);
                    let name = name_of(rules.len());
                    text += &format!("[0:0] {rule}{COMMENT}{name}\n");
                    rules.push(Rule::read(&table, &rule));
                }
                None => text += &format!("{line}\n"),
            }
        }
        Self {
            family,
            text,
            rules,
        }
    }

    /// How long to wait between packets.
    pub(super) fn pause(&self) -> Duration {
        let mut options = self.rules.iter().flat_map(|rule| &rule.options);
        match options.any(|option| option.name == "--hashlimit-name") {
            true => PAUSE,
            false => Duration::ZERO,
        }
    }

    /// The devices that rules name; a pattern's stands for itself with a digit.
    pub(super) fn devices(&self) -> Vec<String> {
        let options = self.rules.iter().flat_map(|rule| &rule.options);
        let named = options.filter(|option| matches!(option.name.as_str(), "-i" | "-o"));
        let mut devices: Vec<String> = named
            .filter_map(|option| option.values.first())
            .map(|name| name.replace('+', "7"))
            .filter(|name| name != "lo")
            .collect();
        devices.sort();
        devices.dedup();
        for spare in ["spare0", "spare1"] {
            devices.push(spare.to_owned());
        }
        devices
    }
}

/// Between two packets where rules limit what one host may send: iptables fills its buckets at each tick of
/// its clock (4 ms), nftables and Ferrule all the time. Packets come so slowly that none is empty.
const PAUSE: Duration = Duration::from_millis(10);

/// The name of a rule, by its number.
pub(super) fn name_of(number: usize) -> String {
    format!("r{number}")
}

fn without_comment(rule: &str) -> String {
    let Some((before, after)) = rule.split_once(COMMENT) else {
        return rule.to_owned();
    };
    let rest = match after.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').map_or("", |(_, rest)| rest),
        None => after.find(' ').map_or("", |end| &after[end..]),
    };
    format!("{before}{rest}")
}

impl Rule {
    fn read(table: &str, line: &str) -> Self {
        let mut rule = Rule {
            table: table.to_owned(),
            chain: String::new(),
            target: String::new(),
            options: Vec::new(),
        };
        let mut negated = false;
        for word in words(line) {
            if word == "!" {
                negated = true;
            } else if word.starts_with('-') && word.len() > 1 {
                rule.options.push(Opt {
                    negated: std::mem::take(&mut negated),
                    name: word,
                    values: Vec::new(),
                });
            } else if let Some(option) = rule.options.last_mut() {
                option.values.push(word);
            }
        }
        let mut take = |names: &[&str]| {
            let at = rule
                .options
                .iter()
                .position(|option| names.contains(&option.name.as_str()))?;
            rule.options.remove(at).values.into_iter().next()
        };
        let chain = take(&["-A"]).unwrap_or_default();
        let target = take(&["-j", "-g"]).unwrap_or_default();
        Rule {
            chain,
            target,
            ..rule
        }
    }
}

/// The words of a line; quotes keep several together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n*filter\n\
        :INPUT DROP [3:4]\n[1:2] -A INPUT ! -i eth+ -m comment --comment \"a b\" -j LOG --log-prefix \"x y\"\nCOMMIT\n";

    #[test]
    fn a_rule_has_a_counter_and_a_name_and_address_translation_is_left_out() {
        let save = Save::read(Family::Ip, SAVED);
        let expected = "*filter\n:INPUT DROP [3:4]\n[0:0] -A INPUT ! -i eth+ -j LOG --log-prefix \
                        \"x y\" -m comment --comment r0\nCOMMIT\n";
        assert_eq!(save.text, expected);
    }

    #[test]
    fn a_rules_options_keep_their_negation_and_their_values() {
        let save = Save::read(Family::Ip, SAVED);
        let rule = &save.rules[0];
        assert_eq!((&*rule.chain, &*rule.target), ("INPUT", "LOG"));
        assert!(rule.options[0].negated);
        assert_eq!(rule.options[1].values, ["x y"]);
        assert_eq!(save.devices(), ["eth7", "spare0", "spare1"]);
    }
}
