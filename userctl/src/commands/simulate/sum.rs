// SPDX-License-Identifier: GPL-2.0
//! How many packets, and what became of them.

use std::collections::BTreeMap;

use serde_json::{json, Map, Value};
use userctl::simulate::frame::Skip;
use userctl::simulate::ruling::Ruling;

use super::report::{Fate, Names};
use crate::failure::Failure;
use crate::screen::counted;

/// The figures of a run.
#[derive(Debug, Default)]
pub(super) struct Sum {
    packets: usize,
    accepted: usize,
    dropped: usize,
    queued: usize,
    skipped: BTreeMap<Skip, usize>,
    /// By verdict and what decided, in words.
    deciders: BTreeMap<(&'static str, String), usize>,
}

impl Sum {
    pub(super) fn add(&mut self, fate: &Fate<'_>, names: &Names<'_>) {
        self.packets += 1;
        match fate {
            Fate::Skipped(skip) => *self.skipped.entry(*skip).or_default() += 1,
            Fate::Judged(_, judgement) => {
                match Ruling::from(judgement) {
                    Ruling::Accept => self.accepted += 1,
                    Ruling::Drop | Ruling::Reject => self.dropped += 1,
                    Ruling::Queue(_) => self.queued += 1,
                }
                let by = names.decider(judgement).to_string();
                let decider = (Ruling::from(judgement).name(), by);
                *self.deciders.entry(decider).or_default() += 1;
            }
        }
    }

    /// What decided, in words, the most frequent first.
    pub(super) fn deciders(&self) -> Vec<(usize, &'static str, &str)> {
        let mut list: Vec<_> = self
            .deciders
            .iter()
            .map(|((verdict, by), count)| (*count, *verdict, by.as_str()))
            .collect();
        list.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
        list
    }

    /// `5 packets: 3 accepted, 1 dropped, 1 skipped (not IP)`.
    pub(super) fn line(&self) -> String {
        let packets = counted(self.packets, "packet");
        let (accepted, dropped) = (self.accepted, self.dropped);
        let mut line = format!("{packets}: {accepted} accepted, {dropped} dropped");
        if self.queued > 0 {
            line += &format!(", {} queued", self.queued);
        }
        let skipped: usize = self.skipped.values().sum();
        if skipped > 0 {
            line += &format!(", {skipped} skipped ({})", self.reasons());
        }
        line
    }

    /// `2 not IP, 1 malformed IP header`; without the number if there is one reason only.
    fn reasons(&self) -> String {
        let alone = self.skipped.len() == 1;
        let reasons = self.skipped.iter().map(|(skip, count)| match alone {
            true => skip.text(),
            false => format!("{count} {}", skip.text()),
        });
        reasons.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn json(&self) -> Value {
        let skipped: Map<_, _> = self
            .skipped
            .iter()
            .map(|(skip, count)| (skip.text(), json!(count)))
            .collect();
        let deciders = self.deciders();
        let deciders = deciders.iter().map(
            |(packets, verdict, by)| json!({ "packets": packets, "verdict": verdict, "by": by }),
        );
        json!({ "sum": {
            "packets": self.packets,
            "accepted": self.accepted,
            "dropped": self.dropped,
            "queued": self.queued,
            "skipped": skipped,
            "deciders": deciders.collect::<Vec<_>>(),
        }})
    }

    /// A capture of which no packet could be tried because its links are not known is no success.
    pub(super) fn complain(&self, name: &str) -> Result<(), Failure> {
        let unknown = |skip: &Skip| matches!(skip, Skip::Link(_));
        let nothing = self.accepted + self.dropped + self.queued == 0;
        match nothing && !self.skipped.is_empty() && self.skipped.keys().all(unknown) {
            true => Err(Failure::NoPackets {
                name: name.to_owned(),
                reason: self.reasons(),
            }),
            false => Ok(()),
        }
    }
}
