// SPDX-License-Identifier: GPL-2.0
//! Whether something that is done many times keeps memory. The stock kernel has no kmemleak: the
//! figures of `/proc/meminfo` before and after must do, with leaks made large enough to show.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

/// How long memory may take to come back: namespaces are taken down by a worker.
const PATIENCE: Duration = Duration::from_secs(20);

/// Does `work` and makes sure that less than `limit` bytes of memory stay in use.
pub(crate) fn must_not_grow(limit: usize, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = available()?;
    work()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let kept = before.saturating_sub(available()?);
        if kept < limit {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{kept} bytes stay in use, limit {limit}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Bytes of memory that could be had, with nothing in caches that could go. What CPUs keep in lists of their own
/// (up to an eighth of all memory, after a large program has ended) is free as well, though `MemAvailable`
/// leaves it out.
pub(crate) fn available() -> Result<usize> {
    fs::write("/proc/sys/vm/drop_caches", "3")?;
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"));
    let kilobytes =
        line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse::<usize>().ok());
    let available = kilobytes.context("no MemAvailable in /proc/meminfo")? << 10;
    Ok(available + in_lists(&fs::read_to_string("/proc/zoneinfo")?) * PAGE)
}

/// Bytes of a page.
const PAGE: usize = 4096;

/// Pages in the lists of CPUs.
fn in_lists(zoneinfo: &str) -> usize {
    let counts = zoneinfo.lines().filter_map(|line| {
        let count = line.trim_start().strip_prefix("count:")?;
        count.trim().parse::<usize>().ok()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_the_lists_of_all_cpus_and_zones_are_counted() {
        let text = "Node 0, zone      DMA\n  pages free     3837\n  pagesets\n    cpu: 0\n\
                    \x20             count:    12\n              high:     378\n    cpu: 1\n\
                    \x20             count:    30\n  node_unreclaimable:  0\n";
        assert_eq!(in_lists(text), 42);
    }
}
