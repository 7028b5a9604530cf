// SPDX-License-Identifier: GPL-2.0
//! `recent`: lists of addresses with the times at which they were seen.
//!
//! nft's sets remember one time at most, its timeout. What a list has to answer is known, though, once
//! every rule of the save was looked at, and for each question there are sets that answer exactly
//! that:
//!
//! ```text
//! is it in the list?                      a set
//! was it seen in the last S seconds?      a set with timeout S, updated at each sighting
//! was it seen N times (in S seconds)?     a ring of N sets, updated in turn
//! ```
//!
//! The ring: the sets `turn-I` say in which slot an address is noted next, the sets `seen-I` are the
//! slots, with timeout S. The last N sightings are in N different slots, and the oldest of them is in
//! the slot that is next. So there were N in the last S seconds exactly if the address is still in
//! that one. This takes a chain to note a sighting (`mark`) and a jump for the question.
//!
//! Not kept: that iptables forgets the address that was not seen for longest when a list has more than
//! 100 (a parameter of the module, which is not saved); here 65535 fit.

use std::collections::BTreeSet;

use super::rates::{keyed, mask};
use crate::import::arguments::{Opt, Use};
use crate::import::chains::name_for;
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::objects::Objects;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{not, number, prefix_mask};

/// Sightings that can be counted: each takes two sets.
const MAX_HITS: u64 = 512;

pub(super) const ALL: &[Extension] = &[Extension::new(
    "recent",
    &[
        Opt::flag("set").not().required().group(1),
        Opt::flag("rcheck").not().group(1),
        Opt::flag("update").not().group(1),
        Opt::flag("remove").not().group(1),
        Opt::value("seconds"),
        Opt::flag("reap"),
        Opt::value("hitcount"),
        Opt::flag("rttl"),
        Opt::value("name"),
        Opt::flag("rsource").group(2),
        Opt::flag("rdest").group(2),
        Opt::value("mask"),
    ],
    translate,
)];

/// A question: how many sightings in how many seconds; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    hits: u64,
    seconds: u64,
}

impl Question {
    /// What is added to the list's name.
    fn suffix(self) -> String {
        match (self.hits, self.seconds) {
            (1, 0) => String::new(),
            (1, seconds) => format!("-{seconds}s"),
            (hits, 0) => format!("-{hits}x"),
            (hits, seconds) => format!("-{hits}x{seconds}s"),
        }
    }

    fn timeout(self) -> String {
        match self.seconds {
            0 => String::new(),
            seconds => format!(" timeout {seconds}s"),
        }
    }
}

/// What a rule wants of a list.
#[derive(Debug)]
pub(in crate::import) struct Demand {
    /// The list's name.
    pub(in crate::import) name: String,
    /// `set`, `rcheck`, `update` or `remove`.
    action: &'static str,
    negated: bool,
    question: Question,
    /// The address, with its mask.
    key: String,
    /// The mask.
    mask: u128,
}

/// A list, and everything that is asked of it.
#[derive(Debug, Default)]
pub(in crate::import) struct List {
    /// The mask of the rule that made the list, which counts for all.
    mask: Option<u128>,
    questions: BTreeSet<Question>,
}

impl List {
    /// Adds what a rule wants.
    pub(in crate::import) fn note(&mut self, demand: &Demand) {
        self.mask.get_or_insert(demand.mask);
        if demand.action != "set" {
            self.questions.insert(demand.question);
        }
    }

    /// The questions; a list that nobody asks is kept for people to look at.
    fn questions(&self) -> Vec<Question> {
        match self.questions.is_empty() {
            true => vec![Question {
                hits: 1,
                seconds: 0,
            }],
            false => self.questions.iter().copied().collect(),
        }
    }
}

impl Demand {
    /// What a rule says.
    pub(in crate::import) fn read(used: &Use, family: Family) -> Result<Self> {
        for (option, reason) in [
            ("rttl", "nft's sets do not remember the TTL of a packet"),
            (
                "reap",
                "nft's sets forget by themselves: what --reap keeps would be lost",
            ),
        ] {
            if let Some(given) = used.get(option) {
                return Err(Refusal::new(given.span, reason).hint(format!("leave out --{option}")));
            }
        }
        let actions = ["set", "rcheck", "update", "remove"];
        let action = actions
            .iter()
            .find_map(|action| Some((*action, used.get(action)?)));
        let Some((action, given)) = action else {
            return Err(Refusal::new(used.span, "which action?"));
        };
        if given.negated && action != "rcheck" {
            let message = format!("! --{action} changes the list and does not match");
            return Err(Refusal::new(given.span, message).hint("use two rules"));
        }
        let mut question = Question {
            hits: 1,
            seconds: 0,
        };
        for (option, slot, max) in [
            ("hitcount", &mut question.hits, 65535),
            ("seconds", &mut question.seconds, u32::MAX.into()),
        ] {
            if let Some(given) = used.get(option) {
                if ["set", "remove"].contains(&action) {
                    let message = format!("--{option} goes with --rcheck or --update");
                    return Err(Refusal::new(given.span, message));
                }
                *slot = number(&given.word(), max)?;
            }
        }
        question.hits = question.hits.max(1);
        if question.hits > MAX_HITS {
            let given = used.get("hitcount").map_or(used.span, |given| given.span);
            let message = format!("more than {MAX_HITS} sightings cannot be told apart");
            return Err(
                Refusal::new(given, message).hint("`limit rate over` is cheaper, and not the same")
            );
        }
        if given.negated && question.hits > 1 {
            return Err(
                Refusal::new(given.span, "! does not go with --hitcount in nft")
                    .hint("jump to a chain that returns where the match without ! holds"),
            );
        }
        let side = match used.has("rdest") {
            true => "daddr",
            false => "saddr",
        };
        let mask = match used.get("mask") {
            Some(given) => mask(&given.word(), family)?,
            None => prefix_mask(family.bits(), family),
        };
        Ok(Self {
            name: used
                .get("name")
                .map_or("DEFAULT", |given| given.text())
                .to_owned(),
            action,
            negated: given.negated,
            question,
            key: keyed(&format!("{} {side}", family.name()), mask, family),
            mask,
        })
    }
}

/// The set that answers a question about one sighting.
fn simple_set(objects: &mut Objects, list: &str, question: Question, family: Family) -> String {
    let key = format!("type {}", family.address_type());
    let flags = match question.seconds {
        0 => "dynamic",
        _ => "dynamic,timeout",
    };
    objects.dynamic_set(&format!("recent-{list}{}", question.suffix()), &key, flags)
}

/// The slots of a ring, and the sets that say which is next.
fn ring(
    objects: &mut Objects,
    list: &str,
    question: Question,
    family: Family,
) -> Vec<(String, String)> {
    let key = format!("type {}", family.address_type());
    let flags = match question.seconds {
        0 => "dynamic",
        _ => "dynamic,timeout",
    };
    let stem = format!("recent-{list}{}", question.suffix());
    let mut slots = Vec::new();
    for slot in 0..question.hits {
        let turn = objects.dynamic_set(&format!("{stem}-turn-{slot}"), &key, flags);
        let seen = objects.dynamic_set(&format!("{stem}-seen-{slot}"), &key, flags);
        slots.push((turn, seen));
    }
    slots
}

/// The chain that notes a sighting in a ring.
fn mark_chain(rule: &mut Rule<'_>, list: &str, question: Question, key: &str) -> String {
    let slots = ring(rule.objects, list, question, rule.family);
    let timeout = question.timeout();
    let mut rules = Vec::new();
    for (index, (turn, seen)) in slots.iter().enumerate() {
        let (next, _) = &slots[(index + 1) % slots.len()];
        rules.push(format!(
            "{key} @{turn} delete @{turn} {{ {key} }} update @{next} {{ {key}{timeout} }} \
             update @{seen} {{ {key}{timeout} }} return"
        ));
    }
    // An address that was never seen begins with slot 0.
    let (next, _) = &slots[1 % slots.len()];
    let (_, seen) = &slots[0];
    rules.push(format!(
        "update @{next} {{ {key}{timeout} }} update @{seen} {{ {key}{timeout} }}"
    ));
    let stem = format!("recent-{list}{}-mark", question.suffix());
    rule.objects.chain(&name_for(&stem, &|_| false), rules)
}

/// Notes a sighting, for every question.
fn mark(rule: &mut Rule<'_>, demand: &Demand) -> Result<()> {
    let key = &demand.key;
    let shared = rule.shared;
    let questions = shared
        .lists
        .get(&demand.name)
        .map_or(Vec::new(), List::questions);
    for question in questions {
        if question.hits == 1 {
            let set = simple_set(rule.objects, &demand.name, question, rule.family);
            let operation = match question.seconds {
                0 => "add",
                _ => "update",
            };
            let timeout = question.timeout();
            rule.stateful(format!("{operation} @{set} {{ {key}{timeout} }}"));
        } else {
            let chain = mark_chain(rule, &demand.name, question, key);
            rule.call(&chain)?;
        }
    }
    Ok(())
}

fn translate(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let demand = Demand::read(used, rule.family)?;
    let list = rule.shared.lists.get(&demand.name);
    if list.is_some_and(|list| list.mask != Some(demand.mask)) {
        let message = format!("two rules use the list `{}` with two masks", demand.name);
        return Err(Refusal::new(used.span, message)
            .hint("iptables takes that of the rule it sees first: use one"));
    }
    let (key, question) = (&demand.key, demand.question);
    match demand.action {
        "set" => return mark(rule, &demand),
        "remove" => return remove(rule, &demand),
        _ => {}
    }
    if question.hits == 1 {
        let set = simple_set(rule.objects, &demand.name, question, rule.family);
        rule.stateful(format!("{key} {}@{set}", not(demand.negated)));
    } else {
        let slots = ring(rule.objects, &demand.name, question, rule.family);
        let rules = slots
            .iter()
            .map(|(turn, seen)| format!("{key} @{turn} {key} @{seen}"));
        rule.decide(rules.collect())?;
    }
    match demand.action {
        "update" => mark(rule, &demand),
        _ => Ok(()),
    }
}

/// Forgets an address, which holds if the list had it.
fn remove(rule: &mut Rule<'_>, demand: &Demand) -> Result<()> {
    let key = &demand.key;
    let shared = rule.shared;
    let questions = shared
        .lists
        .get(&demand.name)
        .map_or(Vec::new(), List::questions);
    let plain = simple_set(rule.objects, &demand.name, demand.question, rule.family);
    rule.stateful(format!("{key} @{plain}"));
    for question in questions {
        if question.hits == 1 {
            let set = simple_set(rule.objects, &demand.name, question, rule.family);
            rule.stateful(format!("delete @{set} {{ {key} }}"));
            continue;
        }
        let slots = ring(rule.objects, &demand.name, question, rule.family);
        let rules = slots
            .iter()
            .map(|(turn, seen)| format!("delete @{turn} {{ {key} }} delete @{seen} {{ {key} }}"));
        let stem = format!("recent-{}{}-forget", demand.name, question.suffix());
        let chain = rule
            .objects
            .chain(&name_for(&stem, &|_| false), rules.collect());
        rule.call(&chain)?;
    }
    Ok(())
}
