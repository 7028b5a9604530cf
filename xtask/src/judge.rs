// SPDX-License-Identifier: GPL-2.0

//! Stage 7: what the guest's report comes to.
//!
//! A guest is believed only when it says at the end that it ended; what it planned and did not report
//! has failed. (Whether the kernel's log is clean is judged inside, by the guest itself.)

use crate::ktap::{self, Line, TestResult, TestVerdict};
use crate::tally::Tally;

/// What the guest says last, before its exit status.
const EXIT: &str = "ferrule-guest: exit ";

/// Reads a guest's report, line by line.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    tally: Tally,
    plan: Option<u64>,
    exit: Option<i32>,
    failed: Vec<String>,
    skipped: Vec<String>,
}

/// What a line of the report is to be shown as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A test's result, which moves the bar.
    Result(TestResult),
    /// Text to be shown as it is.
    Text,
    /// Nothing.
    Nothing,
}

impl Judge {
    /// Takes a line.
    pub(crate) fn line(&mut self, line: &str) -> Shown {
        if let Some(exit) = line.trim().strip_prefix(EXIT) {
            self.exit = exit.parse().ok();
            return Shown::Nothing;
        }
        match ktap::parse(line) {
            Line::Version => Shown::Nothing,
            Line::Plan(count) => {
                self.plan = Some(count);
                Shown::Nothing
            }
            Line::Result(result) => {
                self.tally.count(result.verdict);
                match result.verdict {
                    TestVerdict::Passed => {}
                    TestVerdict::Failed => self.failed.push(result.name.clone()),
                    TestVerdict::Skipped => {
                        let reason = line
                            .split_once("SKIP")
                            .map_or("", |(_, reason)| reason.trim());
                        self.skipped.push(format!("{}: {reason}", result.name));
                    }
                }
                Shown::Result(result)
            }
            Line::Diagnostic(_) | Line::BailOut(_) | Line::Other => Shown::Text,
        }
    }

    /// How many tests the guest announced.
    pub(crate) fn plan(&self) -> Option<u64> {
        self.plan
    }

    /// What the guest said that it ended with, once it did.
    pub(crate) fn exit(&self) -> Option<i32> {
        self.exit
    }

    /// The names of the tests that failed.
    pub(crate) fn failed(&self) -> &[String] {
        &self.failed
    }

    /// The names of the tests that were skipped, each with the reason.
    pub(crate) fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// The counts of a guest that is over, and what is wrong beyond single tests.
    pub(crate) fn verdict(&self) -> (Tally, Option<String>) {
        let mut tally = self.tally;
        let reported = tally.total();
        let planned = self.plan.unwrap_or(0);
        let missing = planned.saturating_sub(reported);
        tally.failed += missing;
        let complaint = match (self.exit, self.plan) {
            (None, _) => Some(format!(
                "the guest ended without saying so, after {reported} of {planned} tests"
            )),
            (Some(_), None) => Some("the guest reported no plan".to_owned()),
            (Some(_), Some(_)) if missing > 0 => {
                Some(format!("the guest reported {reported} of {planned} tests"))
            }
            (Some(status), Some(_)) if status != 0 && tally.failed == 0 => Some(format!(
                "the guest ended with status {status}, though no test failed"
            )),
            _ => None,
        };
        // Something is wrong that no test stands for.
        if complaint.is_some() && tally.failed == 0 {
            tally.failed = 1;
        }
        (tally, complaint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(report: &str) -> (String, Option<String>) {
        let mut judge = Judge::default();
        for line in report.lines() {
            judge.line(line);
        }
        let (tally, complaint) = judge.verdict();
        (tally.to_string(), complaint)
    }

    #[test]
    fn a_whole_report_counts_as_it_says() {
        let report = "KTAP version 1\n1..3\nok 1 a\n# why\nnot ok 2 b\nok 3 c # SKIP no\n\
                      ferrule-guest: exit 1\n";
        assert_eq!(
            verdict(report),
            ("1 passed, 1 failed, 1 skipped".to_owned(), None)
        );
    }

    #[test]
    fn what_is_skipped_is_named_with_the_reason() {
        let mut judge = Judge::default();
        judge.line("ok 3 c # SKIP no corpus");
        assert_eq!(judge.skipped(), ["c: no corpus"]);
    }

    #[test]
    fn a_guest_that_dies_fails_what_it_did_not_report() {
        let (tally, complaint) = verdict("KTAP version 1\n1..4\nok 1 a\n");
        assert_eq!(tally, "1 passed, 3 failed, 0 skipped");
        assert_eq!(
            complaint.unwrap(),
            "the guest ended without saying so, after 1 of 4 tests"
        );
    }

    #[test]
    fn a_guest_that_dies_after_its_last_test_fails_all_the_same() {
        let (tally, complaint) = verdict("1..1\nok 1 a\n");
        assert_eq!(tally, "1 passed, 1 failed, 0 skipped");
        assert!(complaint.is_some());
    }

    #[test]
    fn silence_is_no_success() {
        assert_eq!(verdict("").0, "0 passed, 1 failed, 0 skipped");
        assert_eq!(
            verdict("ferrule-guest: exit 0").0,
            "0 passed, 1 failed, 0 skipped"
        );
        let (tally, complaint) = verdict("1..1\nok 1 a\nferrule-guest: exit 1");
        assert_eq!(tally, "1 passed, 1 failed, 0 skipped");
        assert!(complaint.unwrap().contains("status 1"));
    }
}
