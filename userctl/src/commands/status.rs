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

/// The generation that a namespace begins with, which nobody has loaded.
const FIRST_GENERATION: u64 = 1;

/// A user who has no number in the reader's user namespace (`INVALID_UID`).
const UNMAPPED: u32 = u32::MAX;

/// Each fact and its name, in the order of interest.
fn facts(info: &Info) -> Vec<(&'static str, String)> {
    let mut facts = vec![("generation", info.generation.to_string())];
    if info.generation > FIRST_GENERATION {
        facts.push(("loaded", when(info.published_at)));
        facts.push(("loaded by", who(info)));
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

/// Who published it.
fn who(info: &Info) -> String {
    match info.published_uid {
        UNMAPPED => format!(
            "a user of another namespace, process {}",
            info.published_pid
        ),
        user => format!("user {user}, process {}", info.published_pid),
    }
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
    fn a_loader_is_shown_once_there_is_one() {
        let mut info = Info {
            generation: 1,
            published_pid: 7,
            ..Info::default()
        };
        assert!(facts(&info).iter().all(|(name, _)| *name != "loaded by"));
        info.generation = 2;
        assert!(facts(&info).contains(&("loaded by", "user 0, process 7".into())));
        info.published_uid = UNMAPPED;
        let text = "a user of another namespace, process 7".to_owned();
        assert!(facts(&info).contains(&("loaded by", text)));
    }

    #[test]
    fn times_are_printed_in_utc() {
        assert_eq!(when(0), "1970-01-01T00:00:00Z");
        assert_eq!(when(1_795_428_000_999_999_999), "2026-11-23T10:00:00Z");
    }
}
