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

impl Observation {
    pub(super) fn take(router: &Netns) -> Result<Self> {
        Ok(Self {
            hooks: ferrule::hook_counts(router)?,
            tallies: ferrule::tallies(router)?,
        })
    }

    /// Packets that came to a hook, and those that any function there dropped.
    fn at(&self, point: Point) -> (u64, u64) {
        self.hooks.iter().filter(|(at, ..)| *at == point).fold(
            (0, 0),
            |(packets, dropped), (_, _, count)| {
                // The first function sees all; those after it what it let pass.
                (packets.max(count.packets), dropped + count.dropped)
            },
        )
    }

    /// The hooks of a family that packets came to since `before`, in the order of a packet's way.
    pub(super) fn passages_since(&self, before: &Observation, family: Family) -> Vec<Passage> {
        let difference = |&hook: &Hook| {
            let (now, then) = (self.at((family, hook)), before.at((family, hook)));
            Passage {
                hook,
                packets: now.0.saturating_sub(then.0),
                dropped: now.1.saturating_sub(then.1),
            }
        };
        Hook::ALL
            .iter()
            .map(difference)
            .filter(|passage| passage.packets > 0)
            .collect()
    }

    /// In words, who dropped what since `before`.
    pub(super) fn drops_since(&self, before: &Observation) -> Vec<String> {
        let mut lines = Vec::new();
        for family in [Family::Ip, Family::Ip6] {
            for passage in self.passages_since(before, family) {
                if passage.dropped > 0 {
                    lines.push(format!(
                        "{} dropped at {} {}",
                        passage.dropped,
                        family.name(),
                        passage.hook.name()
                    ));
                }
            }
        }
        let by: Vec<_> = self.droppers_since(before).collect();
        match (lines.len(), by.len()) {
            (0, _) => Vec::new(),
            (1, 1) => vec![format!("{} by {}", lines[0], by[0])],
            _ => lines
                .into_iter()
                .chain(by.into_iter().map(|text| format!("by {text}")))
                .collect(),
        }
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

/// A rule as the user knows it: file, line, text.
fn describe(tally: &Tally) -> String {
    if tally.policy {
        return format!("the policy of {}", tally.chain);
    }
    let file = Path::new(&tally.place).file_name().unwrap_or_default();
    format!("{}: {}", file.to_string_lossy(), tally.text.trim())
}
