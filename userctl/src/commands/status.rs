// SPDX-License-Identifier: GPL-2.0
//! `userctl status`: what is loaded in figures, and who loaded it when.

use std::time::{Duration, UNIX_EPOCH};

use ferrule_uapi::ioctl::Info;
use ferrule_uapi::ABI_VERSION;
use userctl::device::Kernel;

use crate::failure::Failure;
use crate::screen::{Column, Screen};

/// Prints it.
pub(super) fn run(kernel: &mut dyn Kernel, screen: &mut Screen) -> Result<(), Failure> {
    let info = kernel.info()?;
    let rows = facts(&info)
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    screen.table(&[Column::text(""), Column::text("")], rows)?;
    Ok(())
}

/// Each fact and its name, in the order of interest.
fn facts(info: &Info) -> Vec<(&'static str, String)> {
    let mut facts = vec![("generation", info.generation.to_string())];
    if info.published_at != 0 {
        facts.push(("loaded", when(info.published_at)));
        facts.push((
            "loaded by",
            format!(
                "user {}, process {}",
                info.published_uid, info.published_pid
            ),
        ));
    }
    facts.push((
        "chains",
        format!("{}, {} of them base chains", info.chains, info.base_chains),
    ));
    facts.push(("rules", info.rules.to_string()));
    facts.push((
        "counters",
        format!("{}, on {} CPUs", info.counters, info.cpus),
    ));
    facts.push((
        "instructions",
        format!(
            "{}, at most {} a packet at a chain",
            info.insns, info.max_steps
        ),
    ));
    facts.push((
        "program",
        format!(
            "{} bytes, {} of them source",
            info.program_size, info.source_size
        ),
    ));
    facts.push(("hooks", format!("{} registered here", info.hooks)));
    facts.push(("ABI", format!("version {ABI_VERSION}")));
    facts
}

/// A time of the kernel's in words, in UTC.
fn when(nanoseconds: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_in_utc() {
        assert_eq!(when(0), "1970-01-01T00:00:00Z");
        assert_eq!(when(1_795_428_000_999_999_999), "2026-11-23T10:00:00Z");
    }
}
