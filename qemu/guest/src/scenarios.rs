// SPDX-License-Identifier: GPL-2.0
//! The scenarios, by group, in the order in which they run.

mod chains;
mod fields;
mod hooks;
mod match_case;
mod policies;

use crate::runner::Scenario;

/// Every scenario.
pub(crate) fn all() -> Vec<Scenario> {
    let groups = [
        hooks::scenarios,
        policies::scenarios,
        chains::scenarios,
        fields::scenarios,
    ];
    groups.into_iter().flat_map(|group| group()).collect()
}
