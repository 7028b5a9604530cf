// SPDX-License-Identifier: GPL-2.0
//! Loading a contestant's rules: how long it takes, and how much memory they occupy.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use ferrule_bench::line::Loaded;
use ferrule_bench::plan::{Contestant, Load, Tool};

use super::arena::Arena;
use crate::ferrule;
use crate::memory;

/// Bytes that come and go at any time, and how often that is looked at.
const SETTLED: usize = 128 << 10;
const PATIENCE: u32 = 50;

/// Bytes of a counter on each CPU.
const COUNTER: u64 = 16;

/// How much of a complaint is passed on.
const COMPLAINT: usize = 160;

/// Loads; `None` when there is nothing to load. The inner error says why a tool could not.
pub(super) fn load(
    arena: &Arena,
    contestant: &Contestant,
    directory: &Path,
    patience: u64,
) -> Result<std::result::Result<Option<Loaded>, String>> {
    if contestant.loads.is_empty() {
        return Ok(Ok(None));
    }
    let before = settled()?;
    let mut seconds = 0.0;
    for load in &contestant.loads {
        match apply(arena, load, directory, patience)? {
            Ok(took) => seconds += took,
            Err(why) => return Ok(Err(why)),
        }
    }
    let after = settled()?;
    let program = if contestant.peer.needs_module() {
        let info = ferrule::info(&arena.ns)?;
        u64::from(info.program_size) + u64::from(info.counters) * u64::from(info.cpus) * COUNTER
    } else {
        0
    };
    Ok(Ok(Some(Loaded {
        workload: 0,
        peer: contestant.peer,
        seconds,
        memory: before as i64 - after as i64,
        program,
    })))
}

/// Memory that could be had, once nothing is given back any more: what was removed before goes in its own
/// time.
fn settled() -> Result<usize> {
    let mut last = memory::available()?;
    for _ in 0..PATIENCE {
        thread::sleep(Duration::from_millis(20));
        let now = memory::available()?;
        if now.abs_diff(last) < SETTLED {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}

/// Runs one program; gives the seconds it took, or why it failed.
pub(super) fn apply(
    arena: &Arena,
    load: &Load,
    directory: &Path,
    patience: u64,
) -> Result<std::result::Result<f64, String>> {
    let file = directory.join(&load.file);
    let file = file.to_string_lossy();
    let limit = patience.to_string();
    let mut command = vec!["timeout", limit.as_str()];
    command.extend_from_slice(program(load.tool));
    command.push(&file);
    let start = Instant::now();
    let output = arena.ns.run(&command)?;
    let took = start.elapsed().as_secs_f64();
    if output.status == Some(0) {
        return Ok(Ok(took));
    }
    if took >= patience as f64 {
        return Ok(Err(format!("gave up loading after {patience} s")));
    }
    Ok(Err(format!(
        "{}: status {:?}: {}",
        program(load.tool).join(" "),
        output.status,
        complaint(&output.text())
    )))
}

/// The line that says what is wrong, and not the whole ruleset with it.
fn complaint(text: &str) -> String {
    let telling = |line: &&str| line.to_ascii_lowercase().contains("error");
    let line = text.lines().find(telling).or(text.lines().next());
    line.unwrap_or_default()
        .chars()
        .take(COMPLAINT)
        .collect::<String>()
}

fn program(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::Userctl => &["userctl", "load"],
        Tool::UserctlCommands => &["userctl", "-f"],
        Tool::Nft => &["nft", "-f"],
        Tool::NftOptimise => &["nft", "-o", "-f"],
        Tool::Iptables => &["iptables-legacy-restore"],
        Tool::Ip6tables => &["ip6tables-legacy-restore"],
        Tool::Ipset => &["ipset", "restore", "-file"],
    }
}
