// SPDX-License-Identifier: GPL-2.0
//! `userctl counters`: what the rules have counted; and which of them dropped my packet.

use std::io::{self, Write};

use serde::Serialize;
use userctl::device::Kernel;

use super::loaded::Loaded;
use super::tally::{Entry, Tally};
use crate::cli::CountersArgs;
use crate::failure::Failure;
use crate::screen::{Column, Screen};

const RULE_COLUMNS: &[Column] = &[
    Column::number("PACKETS"),
    Column::number("BYTES"),
    Column::text("FROM"),
    Column::text("CHAIN"),
    Column::text("RULE"),
];

const POLICY_COLUMNS: &[Column] = &[
    Column::number("PACKETS"),
    Column::number("BYTES"),
    Column::text("CHAIN"),
];

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    generation: u64,
    #[serde(flatten)]
    tally: Tally,
}

/// Prints them.
pub(super) fn run(
    args: &CountersArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let loaded = Loaded::read(kernel)?;
    let tally = match &loaded.program {
        Some(program) => Tally::of(&program.view(), &loaded.counters, &loaded.ruleset()?),
        None => Tally::default(),
    };
    let tally = match args.all || args.json {
        true => tally,
        false => tally.without_zeros(),
    };
    if args.json {
        let report = Report {
            generation: loaded.generation,
            tally,
        };
        serde_json::to_writer(&mut *screen, &report).map_err(io::Error::from)?;
        writeln!(screen)?;
        return Ok(());
    }
    Ok(print(&tally, screen)?)
}

/// Prints them for people, a section for each kind.
fn print(tally: &Tally, screen: &mut Screen) -> io::Result<()> {
    section("Drops by rule", RULE_COLUMNS, &tally.rule_drops, screen)?;
    writeln!(screen)?;
    section(
        "Drops by policy",
        POLICY_COLUMNS,
        &tally.policy_drops,
        screen,
    )?;
    writeln!(screen)?;
    section("Counters", RULE_COLUMNS, &tally.counters, screen)
}

/// Prints one section.
fn section(
    title: &str,
    columns: &[Column],
    entries: &[Entry],
    screen: &mut Screen,
) -> io::Result<()> {
    if entries.is_empty() {
        return writeln!(screen, "{title}: none so far");
    }
    screen.heading(title)?;
    screen.table(columns, entries.iter().map(row).collect())
}

/// An entry's cells; those of the rule are left out for a policy.
fn row(entry: &Entry) -> Vec<String> {
    let chain = format!("{} {} {}", entry.family, entry.table, entry.chain);
    let mut cells = vec![entry.packets.to_string(), entry.bytes.to_string()];
    match &entry.rule {
        Some(rule) => cells.extend([rule.place(), chain, rule.text.clone()]),
        None => cells.push(chain),
    }
    cells
}
