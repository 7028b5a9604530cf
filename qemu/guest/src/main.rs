// SPDX-License-Identifier: GPL-2.0
//! What runs inside the test guest, as PID 1.
//!
//! ```text
//! mounts ─► settings ─┬─► test: scenarios ─► runner ─► report (KTAP on ttyS1)
//!                     ├─► differential: random rulesets, against nftables
//!                     ├─► bench: rulesets in all peers, packets timed (JSON on ttyS1)
//!                     ├─► demo:  the story of one rule file, on ttyS1
//!                     └─► shell: a prompt on ttyS0
//!
//! scenarios ─► lab (one packet, its fate) ─► topology (client – router – server), wire, packet
//!          ├─► filter (ferrule or nftables: load, counters) ─► ferrule, process
//!          └─► imported: rulesets that iptables-save wrote, against iptables
//! ```
//!
//! The last line of the report is `ferrule-guest: exit N`; then the guest powers off. What the host
//! does not get to read that line from has panicked or hung.

mod bench;
mod checksum;
mod demo;
mod differential;
mod ferrule;
mod filter;
mod imported;
mod kernel_log;
mod lab;
mod memory;
mod mounts;
mod netns;
mod packet;
mod probe;
mod process;
mod report;
mod runner;
mod scenarios;
mod settings;
mod shell;
mod topology;
mod wire;

use std::convert::Infallible;
use std::process::ExitCode;

use anyhow::Result;
use nix::sys::reboot::{reboot, RebootMode};
use nix::unistd::{getpid, sync, Pid};

use report::Report;
use settings::{Mode, Settings};

fn main() -> ExitCode {
    if getpid() != Pid::from_raw(1) {
        return probe::main();
    }
    let Err(error) = init();
    // Nowhere else to say it: the console is the only thing that is sure to be there.
    eprintln!("ferrule-guest: {error:#}");
    ExitCode::FAILURE
}

/// The life of the guest.
fn init() -> Result<Infallible> {
    mounts::set_up()?;
    let mut report = Report::open()?;
    let status = match work(&mut report) {
        Ok(status) => status,
        Err(error) => {
            report.line(&format!("# ferrule-guest: {error:#}"));
            2
        }
    };
    report.line(&format!("ferrule-guest: exit {status}"));
    sync();
    Ok(reboot(RebootMode::RB_POWER_OFF)?)
}

/// Does what the host asked for; gives the status to report.
fn work(report: &mut Report) -> Result<i32> {
    let settings = Settings::read()?;
    match settings.mode {
        Mode::Test => runner::run(scenarios::all(), settings.filter.as_deref(), report),
        Mode::Differential(plan) => {
            let captured = differential::captured();
            report.diagnostic(&captured.summary());
            runner::run(differential::trials(&plan, captured), None, report)
        }
        Mode::Bench => bench::run(settings.hostfs.as_deref(), report),
        Mode::Demo => demo::run(settings.columns, report),
        Mode::Shell => shell::run(),
    }
}
