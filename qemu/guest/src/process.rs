// SPDX-License-Identifier: GPL-2.0
//! Running the guest's programs.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{bail, Context, Result};

/// How a program ended, and what it printed.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// What was run, for messages.
    pub(crate) command: String,
    /// Exit status; `None` if a signal ended it.
    pub(crate) status: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// The output of a program that ended with status 0; an error that shows everything otherwise.
    pub(crate) fn success(self) -> Result<Self> {
        if self.status != Some(0) {
            bail!("{self}");
        }
        Ok(self)
    }

    /// Both streams.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "`{}` ended with status {status}", self.command)?,
            None => write!(f, "`{}` was ended by a signal", self.command)?,
        }
        for line in self.stdout.lines().chain(self.stderr.lines()) {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &[&str]) -> Result<Output> {
    run_with_input(command, "")
}

/// Runs a program to its end, with `input` on its standard input.
pub(crate) fn run_with_input(command: &[&str], input: &str) -> Result<Output> {
    let (program, arguments) = command.split_first().context("no program named")?;
    let text = command.join(" ");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{text}`"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input closes it early: its status tells what matters.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("cannot wait for `{text}`"))?;
    Ok(Output {
        command: text,
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a program that must succeed.
pub(crate) fn run_ok(command: &[&str]) -> Result<Output> {
    run(command)?.success()
}
