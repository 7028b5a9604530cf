// SPDX-License-Identifier: GPL-2.0

//! Child processes that cannot outlive us, and whose output is kept for the day that they fail.
//!
//! A child is started through `setpriv --pdeathsig`, so that the kernel kills it when xtask dies, in
//! whatever way. (The system call behind it could be made by ourselves only in `unsafe` code.)

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{bail, Context, Result};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::progress::Stage;

/// How many of its last lines a failed tool is quoted with.
const QUOTED_LINES: usize = 40;

/// A command that the kernel kills when we die.
pub(crate) fn tied(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A tool that does one step of a stage.
#[derive(Debug)]
pub(crate) struct Job {
    what: String,
    command: Command,
    log: Option<PathBuf>,
    shown_as: Option<(String, String)>,
}

impl Job {
    /// A run of `program`; `what` says what for, as in "unpacking the kernel".
    pub(crate) fn new(what: &str, program: impl AsRef<OsStr>) -> Job {
        Job::wrapping(what, tied(program))
    }

    /// A run of a command that is [`tied`] already.
    pub(crate) fn wrapping(what: &str, command: Command) -> Job {
        Job {
            what: what.to_owned(),
            command,
            log: None,
            shown_as: None,
        }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Job {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Job {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Job {
        self.command.env(name, value);
        self
    }

    /// Takes an environment variable away.
    pub(crate) fn env_remove(mut self, name: &str) -> Job {
        self.command.env_remove(name);
        self
    }

    /// Runs in `directory`.
    pub(crate) fn dir(mut self, directory: &Path) -> Job {
        self.command.current_dir(directory);
        self
    }

    /// Keeps the whole output in this file.
    pub(crate) fn log(mut self, file: PathBuf) -> Job {
        self.log = Some(file);
        self
    }

    /// Shows `from` in the output as `to`: paths in a root mean nothing outside.
    pub(crate) fn show(mut self, from: &str, to: &str) -> Job {
        self.shown_as = Some((from.to_owned(), to.to_owned()));
        self
    }

    /// Runs it; its lines go to the stage's bar and to the log.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not succeed, with its last lines.
    pub(crate) fn run(self, stage: &Stage) -> Result<()> {
        let what = self.what.clone();
        let log = self.log.clone();
        let (status, tail) = self.watch(|line| stage.line(line))?;
        if status.success() {
            return Ok(());
        }
        let quoted: Vec<String> = tail.iter().map(|line| format!("    {line}")).collect();
        let where_else = log.map_or_else(String::new, |log| {
            format!("\n  everything it printed is in {}", log.display())
        });
        bail!(
            "{what} failed ({status}); its last lines:\n{}{where_else}",
            quoted.join("\n")
        )
    }

    /// Runs it and hands each line to `each` as it comes, whether it succeeds or not.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn watch(
        mut self,
        mut each: impl FnMut(&str),
    ) -> Result<(ExitStatus, VecDeque<String>)> {
        let mut log = self.log.as_deref().map(create_with_parents).transpose()?;
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
        let errors = writer.try_clone().context("making a pipe")?;
        self.command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(errors);
        let mut child = self
            .command
            .spawn()
            .with_context(|| format!("{}: cannot run setpriv (package util-linux)", self.what))?;
        // The command holds the pipe's writing end, which would keep us from seeing its end.
        let shown_as = self.shown_as;
        drop(self.command);

        let mut tail = VecDeque::new();
        for line in BufReader::new(File::from(reader)).split(b'\n') {
            let line = line.with_context(|| format!("{}: reading its output", self.what))?;
            let mut line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if let Some((from, to)) = &shown_as {
                line = line.replace(from, to);
            }
            if let Some(log) = &mut log {
                writeln!(log, "{line}").context("writing a log")?;
            }
            each(&line);
            if tail.len() == QUOTED_LINES {
                tail.pop_front();
            }
            tail.push_back(line);
        }
        let status = child
            .wait()
            .with_context(|| format!("{}: waiting", self.what))?;
        Ok((status, tail))
    }

    /// Runs it and returns what it wrote to standard output.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not succeed, with what it wrote to standard error.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{}: cannot run setpriv (package util-linux)", self.what))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!(
                "{} failed ({}): {}",
                self.what,
                output.status,
                errors.trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn create_with_parents(file: &Path) -> Result<File> {
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    }
    File::create(file).with_context(|| format!("making {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Report;

    fn shell(script: &str) -> Job {
        Job::new("the script", "sh").args(["-c", script])
    }

    #[test]
    fn both_streams_are_seen_in_order() {
        let mut lines = Vec::new();
        let (status, _) = shell("echo one; echo two >&2; echo three")
            .watch(|line| lines.push(line.to_owned()))
            .unwrap();
        assert!(status.success());
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_failure_quotes_the_last_lines_and_names_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("sub/tool.log");
        let report = Report::new(false);
        let error = report
            .stage("s", |stage| {
                shell("seq 100; exit 3").log(log.clone()).run(stage)
            })
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("the script failed (exit status: 3)"),
            "{error}"
        );
        assert!(
            error.contains("    100\n") && !error.contains("    60\n"),
            "{error}"
        );
        assert!(error.ends_with("tool.log"), "{error}");
        assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 100);
    }

    #[test]
    fn paths_of_the_root_are_shown_as_paths_of_the_tree() {
        let (_, tail) = shell("echo error in /src/kmod/hook.rs")
            .show("/src/", "")
            .watch(|_| ())
            .unwrap();
        assert_eq!(tail, ["error in kmod/hook.rs"]);
    }

    #[test]
    fn output_is_standard_output_only() {
        assert_eq!(shell("echo out; echo err >&2").output().unwrap(), "out\n");
        let error = shell("echo broken >&2; exit 1")
            .output()
            .unwrap_err()
            .to_string();
        assert_eq!(error, "the script failed (exit status: 1): broken");
    }
}
