// SPDX-License-Identifier: GPL-2.0
//! What the kernel logs while something runs.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result};
use nix::libc;

/// Words that a healthy kernel does not log.
const ALARMS: &[&str] = &[
    "WARNING",
    "BUG",
    "Oops",
    "Call Trace",
    "leak",
    "refcount",
    "general protection",
    "unable to handle",
    "Unable to handle",
    "panic",
    "hung task",
    "detected stall",
    "lockdep",
    "soft lockup",
    "scheduling while atomic",
    "use-after-free",
];

/// A reader of `/dev/kmsg` that gives every record once.
#[derive(Debug)]
pub(crate) struct KernelLog {
    file: File,
}

impl KernelLog {
    /// Begins with the kernel's first line.
    pub(crate) fn open() -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .context("cannot open /dev/kmsg")?;
        Ok(Self { file })
    }

    /// The lines logged since the last call, without their numbers and times.
    pub(crate) fn new_lines(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut record = vec![0; 8192];
        loop {
            match self.file.read(&mut record) {
                Ok(len) => {
                    let text = String::from_utf8_lossy(record.get(..len).unwrap_or_default());
                    let message = text.split_once(';').map_or("", |(_, message)| message);
                    lines.extend(message.lines().next().map(str::to_owned));
                }
                // Records were overwritten before they were read: go on with what there is.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(lines),
                Err(error) => return Err(error).context("cannot read /dev/kmsg"),
            }
        }
    }
}

/// Whether a line says that something is wrong with the kernel.
pub(crate) fn is_alarm(line: &str) -> bool {
    ALARMS.iter().any(|word| line.contains(word))
}

/// The kernel's taint, as bits.
pub(crate) fn taint() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/sys/kernel/tainted")?;
    text.trim().parse().context("/proc/sys/kernel/tainted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_from_ordinary_lines() {
        assert!(is_alarm("WARNING: CPU: 0 PID: 1 at net/core/dev.c:1"));
        assert!(is_alarm("BUG: kernel NULL pointer dereference"));
        assert!(!is_alarm("ferrule: loaded"));
    }
}
