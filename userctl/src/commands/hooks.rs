// SPDX-License-Identifier: GPL-2.0
//! `userctl hooks`: where in the packet path the module is, what passed there, and which base chains
//! run there.

use std::io::{self, Write};

use ferrule_engine::View;
use ferrule_uapi::hook::{Family, Hook, Verdict};
use ferrule_uapi::ioctl::HookValue;
use ferrule_uapi::program::BaseChain;
use serde::Serialize;
use userctl::device::{Error, Kernel};

use super::loaded;
use super::tally::text;
use crate::cli::HooksArgs;
use crate::failure::Failure;
use crate::screen::{Column, Screen};

/// How often the hooks and the program are read until they are of one generation.
const ATTEMPTS: usize = 8;

/// A registered hook function.
#[derive(Debug, Serialize)]
struct Row {
    family: &'static str,
    hook: &'static str,
    priority: i32,
    packets: u64,
    bytes: u64,
    accepted: u64,
    dropped: u64,
    chains: Vec<ChainHere>,
}

/// A base chain that runs there.
#[derive(Debug, Serialize)]
struct ChainHere {
    family: &'static str,
    table: String,
    name: String,
    policy: &'static str,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    generation: u64,
    hooks: Vec<Row>,
}

/// Prints them.
pub(super) fn run(
    args: &HooksArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let report = read(kernel)?;
    if args.json {
        serde_json::to_writer(&mut *screen, &report).map_err(io::Error::from)?;
        writeln!(screen)?;
        return Ok(());
    }
    Ok(screen.table(COLUMNS, report.hooks.iter().map(cells).collect())?)
}

/// Reads the hooks and the names of the chains there, of one generation.
fn read(kernel: &mut dyn Kernel) -> Result<Report, Failure> {
    for _ in 0..ATTEMPTS {
        let program = kernel.program()?;
        let mut hooks = kernel.hooks()?;
        if hooks.generation != program.generation {
            continue;
        }
        let program = loaded::verified(&program.value)?;
        let view = program.as_ref().map(|program| program.view());
        hooks
            .value
            .sort_by_key(|value| (value.family, value.hook, value.priority));
        return Ok(Report {
            generation: hooks.generation,
            hooks: hooks
                .value
                .iter()
                .map(|value| row(value, view.as_ref()))
                .collect(),
        });
    }
    Err(Error::Unsteady.into())
}

/// One hook function, and the chains of the program there.
fn row(value: &HookValue, view: Option<&View<'_>>) -> Row {
    let family = Family::from_raw(value.family);
    let bits = family.map_or(0, Family::bits);
    let runs_here = |base: &&BaseChain| {
        base.hook == value.hook && base.priority == value.priority && base.families & bits != 0
    };
    let chains = view.map_or(Vec::new(), |view| {
        let bases = view.base_chains().iter().filter(runs_here);
        bases.filter_map(|base| chain(base, view)).collect()
    });
    Row {
        family: family.map_or("?", Family::name),
        hook: Hook::from_raw(value.hook).map_or("?", Hook::name),
        priority: value.priority,
        packets: value.packets,
        bytes: value.bytes,
        accepted: value.accepted,
        dropped: value.dropped,
        chains,
    }
}

/// The name of a base chain, and its policy.
fn chain(base: &BaseChain, view: &View<'_>) -> Option<ChainHere> {
    let chain = view.chains().get(base.chain as usize)?;
    Some(ChainHere {
        family: Family::from_raw(chain.family)?.name(),
        table: text(view.string(chain.table)),
        name: text(view.string(chain.name)),
        policy: Verdict::from_raw(base.policy)?.name(),
    })
}

const COLUMNS: &[Column] = &[
    Column::text("FAMILY"),
    Column::text("HOOK"),
    Column::number("PRIORITY"),
    Column::number("PACKETS"),
    Column::number("BYTES"),
    Column::number("ACCEPTED"),
    Column::number("DROPPED"),
    Column::text("CHAINS"),
];

fn cells(row: &Row) -> Vec<String> {
    let chains: Vec<_> = row
        .chains
        .iter()
        .map(|chain| {
            let ChainHere {
                family,
                table,
                name,
                policy,
            } = chain;
            format!("{family} {table} {name} (policy {policy})")
        })
        .collect();
    vec![
        row.family.to_owned(),
        row.hook.to_owned(),
        row.priority.to_string(),
        row.packets.to_string(),
        row.bytes.to_string(),
        row.accepted.to_string(),
        row.dropped.to_string(),
        match chains.as_slice() {
            [] => "-".to_owned(),
            _ => chains.join(", "),
        },
    ]
}
