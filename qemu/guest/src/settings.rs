// SPDX-License-Identifier: GPL-2.0
//! What the host asked for, from the kernel's command line.

use std::fs;

use anyhow::{bail, Context, Result};

use crate::differential::Plan;

/// What the guest is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Run the scenarios, report in KTAP.
    Test,
    /// Try random rulesets in both filters, report in KTAP.
    Differential(Plan),
    /// Measure what a plan says.
    Bench,
    /// Show rules at work.
    Demo,
    /// Give the user a prompt.
    Shell,
}

/// The `ferrule.*` words of the command line.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `ferrule.mode`.
    pub(crate) mode: Mode,
    /// `ferrule.filter`: run only the scenarios whose name contains this.
    pub(crate) filter: Option<String>,
    /// `ferrule.hostfs`: where the host keeps the plan of a bench, if the guest sees the host's files.
    pub(crate) hostfs: Option<String>,
    /// `ferrule.columns`: width of the user's terminal.
    pub(crate) columns: usize,
}

/// Width to assume when the host says nothing.
const COLUMNS: usize = 80;

impl Settings {
    /// Reads `/proc/cmdline`.
    pub(crate) fn read() -> Result<Self> {
        let line = fs::read_to_string("/proc/cmdline").context("cannot read /proc/cmdline")?;
        Self::parse(&line)
    }

    fn parse(line: &str) -> Result<Self> {
        let value = |key: &str| {
            line.split_ascii_whitespace()
                .filter_map(|word| word.split_once('='))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
        };
        let mode = match value("ferrule.mode") {
            Some("test") => Mode::Test,
            Some("differential") => Mode::Differential(Plan::parse(value)?),
            Some("bench") => Mode::Bench,
            Some("demo") => Mode::Demo,
            Some("shell") => Mode::Shell,
            Some(other) => {
                bail!("ferrule.mode={other}: expected test, differential, bench, demo or shell")
            }
            None => bail!("the kernel's command line lacks ferrule.mode"),
        };
        let columns = value("ferrule.columns").and_then(|text| text.parse().ok());
        Ok(Self {
            mode,
            filter: value("ferrule.filter")
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            hostfs: value("ferrule.hostfs").map(str::to_owned),
            columns: columns.unwrap_or(COLUMNS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_mode_filter_and_width() {
        let settings = Settings::parse(
            "console=ttyS0 ferrule.mode=test ferrule.filter=ip6 ferrule.columns=99",
        )
        .expect("a good line");
        assert_eq!(settings.mode, Mode::Test);
        assert_eq!(settings.filter.as_deref(), Some("ip6"));
        assert_eq!(settings.columns, 99);
    }

    #[test]
    fn a_command_line_without_a_mode_is_refused() {
        assert!(Settings::parse("console=ttyS0 quiet").is_err());
        assert!(Settings::parse("ferrule.mode=dance").is_err());
    }
}
