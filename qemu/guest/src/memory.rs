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

/// Bytes of memory that could be had, with nothing in caches that could go.
pub(crate) fn available() -> Result<usize> {
    fs::write("/proc/sys/vm/drop_caches", "3")?;
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"));
    let kilobytes =
        line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse::<usize>().ok());
    Ok(kilobytes.context("no MemAvailable in /proc/meminfo")? << 10)
}
