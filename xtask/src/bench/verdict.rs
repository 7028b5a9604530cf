// SPDX-License-Identifier: GPL-2.0

//! Where a peer is ahead of Ferrule, and how load time and memory grow: in words, from the figures.

use std::collections::BTreeMap;

use ferrule_bench::plan::Peer;

use super::statistics::exponent;
use super::summary::{Entry, Summary};
use super::table::number;

/// Growth is fitted from so many rules on: below, it is all start-up.
const FITTED_FROM: u64 = 1000;

/// A place in the summary: workload, family, size, traffic.
type Place<'a> = (&'a str, &'a str, u64, &'a str);

/// One sentence for each place where somebody is ahead, the widest gap first.
pub(super) fn behind(summary: &Summary) -> Vec<String> {
    let mut places: BTreeMap<Place, Vec<&Entry>> = BTreeMap::new();
    for entry in &summary.costs {
        let place = (
            entry.workload.as_str(),
            entry.family.as_str(),
            entry.rules,
            entry.traffic.as_str(),
        );
        places.entry(place).or_default().push(entry);
    }
    let mut found: Vec<(f64, String)> = places
        .into_iter()
        .filter_map(|(place, entries)| ahead(place, &entries))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, text)| text).collect()
}

/// Who is ahead at one place, and by how many nanoseconds. What is within both spreads is no lead.
fn ahead((workload, family, rules, traffic): Place, entries: &[&Entry]) -> Option<(f64, String)> {
    let ours = entries.iter().find(|entry| entry.peer == Peer::Ferrule)?;
    let own = ours.cost?;
    let mut leaders: Vec<_> = entries
        .iter()
        .filter(|entry| !matches!(entry.peer, Peer::Baseline | Peer::Empty | Peer::Ferrule))
        .filter(|entry| entry.wrong.is_none())
        .filter_map(|entry| Some((entry.cost?, entry.peer)))
        .filter(|(cost, _)| cost.median + cost.deviation + own.deviation < own.median)
        .collect();
    leaders.sort_by(|a, b| a.0.median.total_cmp(&b.0.median));
    let gap = own.median - leaders.first()?.0.median;
    let names: Vec<_> = leaders
        .iter()
        .map(|(cost, peer)| format!("{} ({})", peer.title(), number(cost.median)))
        .collect();
    let text = format!(
        "{workload}, {family}, {rules} rules, {traffic}: Ferrule takes {} ns, more than {}.",
        number(own.median),
        names.join(", ")
    );
    Some((gap, text))
}

/// The power of the number of rules that load time and memory grow with, by workload and peer.
pub(super) fn growth(summary: &Summary) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<(&str, &str, Peer), Vec<_>> = BTreeMap::new();
    for load in summary.loads.iter().filter(|l| l.rules >= FITTED_FROM) {
        let key = (load.workload.as_str(), load.family.as_str(), load.peer);
        groups.entry(key).or_default().push(load);
    }
    let mut lines = Vec::new();
    for ((workload, family, peer), loads) in groups {
        let points = |value: fn(&super::summary::LoadEntry) -> f64| {
            let list: Vec<_> = loads.iter().map(|l| (l.rules as f64, value(l))).collect();
            exponent(&list).map_or_else(|| "–".to_owned(), |power| format!("{power:.2}"))
        };
        if loads.len() > 1 {
            lines.push(vec![
                workload.to_owned(),
                family.to_owned(),
                peer.title().to_owned(),
                points(|load| load.seconds),
                points(super::summary::LoadEntry::bytes),
            ]);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::entry;
    use super::*;

    fn summary(ours: f64, theirs: f64) -> Summary {
        Summary {
            costs: vec![
                entry("blocklist", 100, Peer::Ferrule, ours),
                entry("blocklist", 100, Peer::NftHand, theirs),
                entry("blocklist", 100, Peer::Empty, 1.0),
            ],
            loads: Vec::new(),
        }
    }

    #[test]
    fn a_peer_that_is_ahead_is_named_with_both_figures() {
        let words = behind(&summary(377.0, 114.0));
        assert_eq!(
            words,
            ["blocklist, ip, 100 rules, miss: Ferrule takes 377 ns, more than nftables by hand (114)."]
        );
    }

    #[test]
    fn what_is_within_the_spread_is_no_lead() {
        assert!(behind(&summary(101.0, 100.0)).is_empty());
        assert!(behind(&summary(50.0, 100.0)).is_empty());
    }
}
