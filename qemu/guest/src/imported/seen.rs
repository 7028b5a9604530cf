// SPDX-License-Identifier: GPL-2.0
//! What is compared of packets and log lines: everything but what the router chooses at random, and counters as
//! both sides list them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::filter::Count;

/// Length of an Ethernet header.
const ETHERNET: usize = 14;

/// A frame as text; `None` for what has no IP in it.
pub(super) fn frame(bytes: &[u8]) -> Option<String> {
    let packet = bytes.get(ETHERNET..)?;
    matches!(packet.first()? >> 4, 4 | 6).then(|| delivered(packet))
}

/// A packet as text, without identification or flow label: the router chooses those of its own packets.
pub(super) fn delivered(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) if bytes.len() >= 20 => {
            // The header's checksum covers the identification.
            bytes[4..6].fill(0);
            bytes[10..12].fill(0);
        }
        Some(6) if bytes.len() >= 40 => {
            bytes[1] &= 0xf0;
            bytes[2..4].fill(0);
        }
        _ => {}
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines of the kernel's log that are about packets, without identifications.
pub(super) fn log(lines: &[String]) -> Vec<String> {
    let about_packets = |line: &&String| line.contains("IN=") && line.contains("OUT=");
    let without = |line: &String| {
        let words = line.split(' ').filter(|word| !word.starts_with("ID="));
        words.collect::<Vec<_>>().join(" ")
    };
    lines.iter().filter(about_packets).map(without).collect()
}

/// What rules counted, by their names, from what `iptables-save -c` prints.
pub(super) fn counts(saved: &str) -> Result<BTreeMap<String, Count>> {
    let mut counts = BTreeMap::new();
    for line in saved.lines().filter(|line| line.starts_with('[')) {
        let (count, rule) = line[1..]
            .split_once(']')
            .context("a counter without an end")?;
        let (packets, bytes) = count.split_once(':').context("a counter of one number")?;
        let (_, name) = rule
            .split_once("--comment ")
            .context("a rule without a name")?;
        let name = name.split(' ').next().unwrap_or(name).to_owned();
        let count = Count {
            packets: packets.parse()?,
            bytes: bytes.parse()?,
        };
        counts.insert(name, count);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_known_by_the_rules_names() {
        let saved =
            "*filter\n:INPUT ACCEPT [9:9]\n[3:120] -A INPUT -m comment --comment r4 -j DROP\n";
        let counts = counts(saved).expect("a save");
        assert_eq!(
            (counts.len(), counts["r4"].packets, counts["r4"].bytes),
            (1, 3, 120)
        );
    }

    #[test]
    fn two_packets_that_differ_in_their_identification_look_the_same() {
        let packet = |id| {
            let head = [0x45, 0, 0, 20, id, 9, 0, 0, 64, 17, 7, id];
            let addresses = [5, 9, 0, 1, 8, 8, 8, 8];
            delivered(&[&head[..], &addresses].concat())
        };
        assert_eq!(packet(1), packet(2));
        let lines = ["IN= OUT=eth0 ID=7 PROTO=1".to_owned(), "other".to_owned()];
        assert_eq!(log(&lines), ["IN= OUT=eth0 PROTO=1"]);
    }
}
