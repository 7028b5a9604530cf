// SPDX-License-Identifier: GPL-2.0

//! The page of results (`qemu/BENCHMARKS.md`): everything on it is computed from one run.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::summary::Summary;
use super::table::{self, Table};
use super::{plot, verdict};

/// Where the plots are, beside the page.
const PLOTS: &str = "benchmarks";

/// What was run, where.
#[derive(Debug)]
pub(crate) struct Setting {
    /// As on the command line.
    pub(crate) command: String,
    /// The kernel's release and flavour.
    pub(crate) kernel: String,
    /// Rounds of each measurement.
    pub(crate) rounds: u32,
    /// What the workloads have to say of themselves.
    pub(crate) remarks: Vec<String>,
}

const METHOD: &str = "\
Every peer has the same rules, in its own form, in a network namespace of its own of one guest. A kernel \
module (`qemu/sender/`) puts recorded frames into the receive path, from where they are forwarded from one \
dummy device to another; batches of 256 packets are timed one by one, and the mean of the middle half of \
them counts. Rounds go from peer to peer. Figures are nanoseconds a packet above the same round's figure \
without any filter (that one is in brackets, in all): median of the rounds ± median distance from it. Where \
rules drop packets, the baseline drops the same ones, by a hook of the sender whose own cost is taken off. \
What each peer forwarded is counted and compared with a plain reading of the rules: a peer that differs is \
*wrong* and has no figure. *out* could not load its rules.\n\
\n\
Traffic: *hit* is drawn from all rules, *trace* is the corpus's own, *miss* matches none, *first* the first \
rule; *miss-one-flow* is one packet again and again. *established* belongs to connections that conntrack \
knows, *closed-port* begins new ones that the policy drops.\n";

/// Writes the page and its plots into `directory`.
///
/// # Errors
///
/// Those of the file system.
pub(crate) fn write(directory: &Path, summary: &Summary, setting: &Setting) -> Result<()> {
    let plots = plot::draw(summary, &directory.join(PLOTS))?;
    let mut text = String::from("# Benchmarks\n\n");
    text += "Written by `cargo xtask bench --page`; not by hand.\n\n";
    text += &format!("- command: `{}`\n", setting.command);
    text += &format!("- machine: {}\n", machine());
    text += &format!("- kernel: {}; {} rounds\n", setting.kernel, setting.rounds);
    text += &format!("- date: {} (UTC)\n\n{METHOD}", date(now()));
    text += "\n## Where a peer is ahead\n\n";
    let behind = verdict::behind(summary);
    if behind.is_empty() {
        text += "Nowhere in this run.\n";
    }
    for sentence in behind {
        text += &format!("- {sentence}\n");
    }
    text += "\n## Cost of a packet\n";
    for table in table::costs(summary) {
        section(&mut text, &table);
        for (key, name) in &plots {
            if table.title.starts_with(&format!("{}, {}:", key.0, key.1)) {
                text += &format!("\n![{} {} {}]({PLOTS}/{name})\n", key.0, key.1, key.2);
            }
        }
    }
    text += "\n## Loading\n\nThe shortest of all times, and the kernel's memory, as `MemAvailable` shows it; Ferrule's, where there are no sets, is what its program and its counters take, exactly.\n";
    for table in table::loads(summary) {
        section(&mut text, &table);
    }
    section(&mut text, &growth(summary));
    text += "\n## Remarks\n\n";
    for remark in &setting.remarks {
        text += &format!("- {remark}\n");
    }
    for entry in &summary.costs {
        let reason = match (&entry.wrong, &entry.out) {
            (Some(why), _) => format!("wrong: {why}"),
            (_, Some(why)) => format!("out: {why}"),
            _ => continue,
        };
        let (workload, family, rules) = (&entry.workload, &entry.family, entry.rules);
        let line = format!(
            "- {workload}, {family}, {rules} rules, {}: {reason}\n",
            entry.peer.title()
        );
        if !text.contains(&line) {
            text += &line;
        }
    }
    let file = directory.join("BENCHMARKS.md");
    fs::write(&file, text).with_context(|| format!("writing {}", file.display()))
}

/// How load time and memory grow.
pub(crate) fn growth(summary: &Summary) -> Table {
    Table {
        title: "Growth from 1,000 rules on: the power of their number".to_owned(),
        head: ["workload", "family", "peer", "load time", "memory"]
            .map(str::to_owned)
            .to_vec(),
        lines: verdict::growth(summary),
    }
}

fn section(text: &mut String, table: &Table) {
    *text += &format!("\n### {}\n\n{}", table.title, table.markdown());
}

/// The processor, how many of them, and what else they had to do.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    format!(
        "{model}, {count} processors; its load averages at the end of the run, which itself is 1: {}",
        load.join(", ")
    )
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |time| time.as_secs())
}

/// The day of a time in seconds (Gregorian, from the number of days; Hinnant's `civil_from_days`).
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use ferrule_bench::plan::Peer;

    use super::super::summary::tests::entry;
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_767_225_599, "2025-12-31"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn the_page_has_figures_plots_and_who_is_ahead() {
        let place = tempfile::tempdir().unwrap();
        let summary = Summary {
            costs: vec![
                entry("blocklist", 1, Peer::Ferrule, 30.0),
                entry("blocklist", 100, Peer::Ferrule, 377.0),
                entry("blocklist", 100, Peer::NftHand, 114.0),
            ],
            loads: Vec::new(),
        };
        let setting = Setting {
            command: "cargo xtask bench".to_owned(),
            kernel: "7.3".to_owned(),
            rounds: 3,
            remarks: Vec::new(),
        };
        write(place.path(), &summary, &setting).unwrap();
        let text = fs::read_to_string(place.path().join("BENCHMARKS.md")).unwrap();
        for part in [
            "| 100 | miss | 377 ±1.0 | 114 ±1.0 |",
            "(benchmarks/blocklist-ip-miss.svg)",
            "more than nftables by hand (114)",
            "`cargo xtask bench`",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert!(place
            .path()
            .join("benchmarks/blocklist-ip-miss.svg")
            .exists());
    }
}
