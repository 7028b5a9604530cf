// SPDX-License-Identifier: GPL-2.0
//! Random rulesets, in nftables and in Ferrule: the share of them that every run of the tests tries.
//! `cargo xtask differential` tries as many as one likes.

use crate::differential::{captured, trials, EVERY_RUN};
use crate::runner::Scenario;

/// The group: the kept files, then the random ones.
pub(super) fn scenarios() -> Vec<Scenario> {
    trials(&EVERY_RUN, captured())
}
