// SPDX-License-Identifier: GPL-2.0

//! The tests that run on the host: `cargo test --workspace`.

use anyhow::Result;

use crate::process::Job;
use crate::session::Session;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Runs those whose names contain `filter`; `long` lets the randomised ones run for minutes.
///
/// # Errors
///
/// When cargo cannot be started. Tests that fail, or do not compile, are counted.
pub(crate) fn run(session: &Session, filter: Option<&str>, long: bool) -> Result<Tally> {
    session.report.stage("host tests", |stage| {
        let mut reader = Reader::default();
        let mut job = Job::new("the host's tests", Workspace::cargo())
            .dir(session.workspace.root())
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(session.options.offline.then_some("--offline"));
        if long {
            job = job.env("FERRULE_LONG", "1");
        }
        if let Some(filter) = filter {
            job = job.args(["--", filter]);
        }
        let (status, tail) = job.log(session.workspace.log("host-tests")).watch(|line| {
            stage.line(line);
            if reader.line(line) && !session.options.verbose {
                stage.suspend(|| println!("{line}"));
            }
        })?;
        let tally = reader.verdict(status.success());
        if !status.success() && reader.tally.failed == 0 {
            println!("cargo test failed ({status}) though no test did; its last lines:");
            tail.iter().for_each(|line| println!("    {line}"));
        }
        stage.note(tally.to_string());
        Ok(tally)
    })
}

/// Reads what `cargo test` prints.
#[derive(Debug, Default)]
struct Reader {
    tally: Tally,
    in_failure: bool,
}

impl Reader {
    /// Takes a line; returns whether users should see it.
    fn line(&mut self, line: &str) -> bool {
        if let Some(tally) = closing(line) {
            self.tally += tally;
            self.in_failure = false;
            return true;
        }
        if line == "failures:" || line.starts_with("error") {
            self.in_failure = true;
        }
        let note = line.strip_prefix("note: ");
        if note.is_some_and(|note| note.starts_with("SKIPPED")) {
            self.tally.skipped += 1;
        }
        let program = line.trim_start();
        note.is_some()
            || self.in_failure
            || program.starts_with("Running ")
            || program.starts_with("Doc-tests ")
    }

    /// A test program that does not compile, or dies, has no closing line: that is one failure.
    fn verdict(&self, succeeded: bool) -> Tally {
        let mut tally = self.tally;
        if !succeeded && tally.failed == 0 {
            tally.failed = 1;
        }
        tally
    }
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; ...`.
fn closing(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        counts
            .split("; ")
            .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
    };
    Some(Tally {
        passed: count("passed")?,
        failed: count("failed")?,
        skipped: count("ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 9 filtered out; \
                      finished in 0.00s";
    const BAD: &str = "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 0 filtered \
                       out; finished in 1.20s";

    #[test]
    fn closing_lines_add_up() {
        let mut reader = Reader::default();
        assert!(reader.line(OK) && reader.line(BAD));
        assert!(!reader.line("test result_is_read ... ok"));
        assert_eq!(
            reader.verdict(false).to_string(),
            "8 passed, 2 failed, 1 skipped"
        );
    }

    #[test]
    fn what_does_not_compile_has_failed() {
        let mut reader = Reader::default();
        assert!(reader.line("error[E0583]: file not found for module `apply`"));
        assert_eq!(
            reader.verdict(false).to_string(),
            "0 passed, 1 failed, 0 skipped"
        );
    }

    #[test]
    fn failures_are_shown_and_successes_are_not() {
        let mut reader = Reader::default();
        assert!(!reader.line("test a ... ok"));
        assert!(reader.line("     Running unittests src/lib.rs (target/debug/deps/x)"));
        assert!(reader.line("failures:") && reader.line("thread 'b' panicked at src/lib.rs:3"));
        assert!(reader.line(BAD) && !reader.line("test c ... ok"));
    }
}
