// SPDX-License-Identifier: GPL-2.0
//! What the host reads: lines on the second serial port.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::{Context, Result};

/// Where the host listens.
const PORT: &str = "/dev/ttyS1";

/// The report.
pub(crate) struct Report {
    out: Box<dyn Write>,
}

impl Report {
    /// Opens the serial port.
    pub(crate) fn open() -> Result<Self> {
        let port = OpenOptions::new()
            .write(true)
            .open(PORT)
            .with_context(|| format!("cannot open {PORT}"))?;
        Ok(Self {
            out: Box::new(port),
        })
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: &str) {
        // A host that does not listen any more cannot be told so.
        let _ = self.out.write_all(format!("{text}\n").as_bytes());
        let _ = self.out.flush();
    }

    /// Writes each line of `text` as a KTAP diagnostic.
    pub(crate) fn diagnostic(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("# {line}"));
        }
    }
}
