// SPDX-License-Identifier: GPL-2.0

//! Counts of tests.

use std::fmt;
use std::ops::AddAssign;

use crate::ktap::TestVerdict;
use crate::Outcome;

/// How many tests came out which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Counts one more.
    pub(crate) fn count(&mut self, verdict: TestVerdict) {
        match verdict {
            TestVerdict::Passed => self.passed += 1,
            TestVerdict::Failed => self.failed += 1,
            TestVerdict::Skipped => self.skipped += 1,
        }
    }

    /// How many there were.
    pub(crate) fn total(self) -> u64 {
        self.passed + self.failed + self.skipped
    }

    /// Failed if one of them did.
    pub(crate) fn outcome(self) -> Outcome {
        if self.failed == 0 {
            Outcome::Passed
        } else {
            Outcome::Failed
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}
