// SPDX-License-Identifier: GPL-2.0
//! All counters of the router at one moment, and what follows from two of them.

use std::path::Path;

use anyhow::Result;
use ferrule_uapi::hook::{Family, Hook};

use crate::ferrule::{self, HookCount, Point, Tally};
use crate::netns::Netns;

/// Counters of hooks and of rules.
#[derive(Debug)]
pub(super) struct Observation {
    hooks: Vec<(Point, i32, HookCount)>,
    tallies: Vec<Tally>,
}

/// What became of packets at one hook between two observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) hook: Hook,
    pub(super) packets: u64,
    pub(super) dropped: u64,
}

impl Passage {
    fn new(hook: Hook) -> Self {
        Self {
            hook,
            packets: 0,
            dropped: 0,
        }
    }
}

impl Observation {
    pub(super) fn take(router: &Netns) -> Result<Self> {
        Ok(Self {
            hooks: ferrule::hook_counts(router)?,
            tallies: ferrule::tallies(router)?,
        })
    }

    /// What passed the function at a place since `before`. One that was registered in between began
    /// with nothing.
    fn since(&self, before: &Observation, place: (Point, i32)) -> HookCount {
        let at = |observation: &Observation| {
            let mut hooks = observation.hooks.iter();
            let found = hooks.find(|(point, priority, _)| (*point, *priority) == place);
            found.map_or(HookCount::default(), |(.., count)| *count)
        };
        let (now, then) = (at(self), at(before));
        HookCount {
            packets: now.packets.saturating_sub(then.packets),
            bytes: now.bytes.saturating_sub(then.bytes),
            accepted: now.accepted.saturating_sub(then.accepted),
            dropped: now.dropped.saturating_sub(then.dropped),
        }
    }

    /// The hooks of a family that packets came to since `before`, in the order of a packet's way.
    pub(super) fn passages_since(&self, before: &Observation, family: Family) -> Vec<Passage> {
        let passage = |&hook: &Hook| {
            let point = (family, hook);
            let priorities = self.priorities(hook).into_iter();
            let counts = priorities.map(|priority| self.since(before, (point, priority)));
            // The first function sees all packets; those after it see what it let pass.
            counts.fold(Passage::new(hook), |passage, count| Passage {
                hook,
                packets: passage.packets.max(count.packets),
                dropped: passage.dropped + count.dropped,
            })
        };
        let passages = Hook::ALL.iter().map(passage);
        passages.filter(|passage| passage.packets > 0).collect()
    }

    /// In words, who dropped what since `before`.
    pub(super) fn drops_since(&self, before: &Observation) -> Vec<String> {
        let mut places = Vec::new();
        for family in [Family::Ip, Family::Ip6] {
            for passage in self.passages_since(before, family) {
                if passage.dropped > 0 {
                    places.push(format!(
                        "{} dropped at {}",
                        passage.dropped,
                        passage.hook.name()
                    ));
                }
            }
        }
        let mut by: Vec<_> = self.droppers_since(before).collect();
        match (places.as_mut_slice(), by.as_slice()) {
            ([], _) => {}
            ([place], [rule]) => *place = format!("{place}, {rule}"),
            _ => places.append(&mut by),
        }
        places
    }

    /// Rules and policies that dropped something since `before`.
    fn droppers_since<'a>(&'a self, before: &'a Observation) -> impl Iterator<Item = String> + 'a {
        self.tallies
            .iter()
            .zip(&before.tallies)
            .filter(|(now, then)| now.packets > then.packets && now.drops())
            .map(|(now, _)| describe(now))
    }

    /// A table of the hooks' counters.
    pub(super) fn table(&self) -> Vec<String> {
        let mut lines = vec![
            format!(" {:<20} {:^26}   {:^26}", "", "ip", "ip6"),
            format!(
                " {:<20} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}",
                "hook, priority", "packets", "passed", "dropped", "packets", "passed", "dropped"
            ),
        ];
        for &hook in Hook::ALL {
            for priority in self.priorities(hook) {
                let cells =
                    [Family::Ip, Family::Ip6].map(|family| self.cells(family, hook, priority));
                let name = match priority {
                    0 => hook.name().to_owned(),
                    other => format!("{}, {other}", hook.name()),
                };
                lines.push(format!(" {name:<20} {}   {}", cells[0], cells[1]));
            }
        }
        lines
    }

    fn priorities(&self, hook: Hook) -> Vec<i32> {
        let at_hook = self.hooks.iter().filter(|((_, at), ..)| *at == hook);
        let mut list: Vec<_> = at_hook.map(|(_, priority, _)| *priority).collect();
        list.sort_unstable();
        list.dedup();
        list
    }

    fn cells(&self, family: Family, hook: Hook, priority: i32) -> String {
        let found = self
            .hooks
            .iter()
            .find(|(at, of, _)| *at == (family, hook) && *of == priority);
        match found {
            Some((.., count)) => {
                format!(
                    "{:>8} {:>8} {:>8}",
                    count.packets, count.accepted, count.dropped
                )
            }
            None => format!("{:>8} {:>8} {:>8}", "-", "-", "-"),
        }
    }
}

/// A rule as the user knows it: file, line, text; without what it counted, and what it is commented.
fn describe(tally: &Tally) -> String {
    if tally.policy {
        return format!("policy of {}", tally.chain);
    }
    let file = Path::new(&tally.place).file_name().unwrap_or_default();
    let statement = tally.text.split(" comment ").next().unwrap_or_default();
    let words: Vec<_> = statement.split_ascii_whitespace().collect();
    let counted = words.iter().position(|word| *word == "counter");
    let kept = words.iter().enumerate().filter(|(at, word)| {
        let of_counter = counted.is_some_and(|counter| (counter..counter + 5).contains(at));
        let figure = word.parse::<u64>().is_ok() || ["counter", "packets", "bytes"].contains(word);
        !(of_counter && figure)
    });
    let kept: Vec<_> = kept.map(|(_, word)| *word).collect();
    format!("{}: {}", file.to_string_lossy(), kept.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Tally {
        Tally {
            chain: "ip t c".into(),
            text: text.into(),
            place: "/etc/rules.nft:7".into(),
            implicit: false,
            policy: false,
            packets: 1,
            bytes: 1,
        }
    }

    #[test]
    fn a_rule_is_described_without_its_counter_and_comment() {
        for text in [
            "tcp dport 23 counter packets 5 bytes 300 drop comment \"telnet\"",
            "tcp dport 23 counter drop",
            "tcp dport 23 drop",
        ] {
            assert_eq!(describe(&rule(text)), "rules.nft:7: tcp dport 23 drop");
        }
    }

    #[test]
    fn a_hook_function_that_comes_later_does_not_hide_what_it_drops() {
        let point = (Family::Ip6, Hook::PreRouting);
        let count = |packets, dropped| HookCount {
            packets,
            dropped,
            ..HookCount::default()
        };
        let observation = |early, late| Observation {
            hooks: vec![(point, -300, early), (point, 0, late)],
            tallies: Vec::new(),
        };
        let before = observation(count(1, 0), count(3, 0));
        let after = observation(count(2, 1), count(3, 0));
        let passages = after.passages_since(&before, Family::Ip6);
        assert_eq!(
            passages,
            [Passage {
                hook: Hook::PreRouting,
                packets: 1,
                dropped: 1
            }]
        );
    }
}
