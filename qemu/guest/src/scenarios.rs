// SPDX-License-Identifier: GPL-2.0
//! The scenarios, by group, in the order in which they run.

mod acts;
mod arguments;
mod capture;
mod chains;
mod comparison;
mod differential;
mod facts;
mod fields;
mod ftp;
mod hooks;
mod imported;
mod lifecycle;
mod match_case;
mod module;
mod namespaces;
mod policies;
mod privileges;
mod programs;
mod sets;
mod traffic;

use crate::runner::Scenario;

/// Every scenario.
pub(crate) fn all() -> Vec<Scenario> {
    let groups = [
        module::first,
        hooks::scenarios,
        policies::scenarios,
        chains::scenarios,
        fields::scenarios,
        facts::scenarios,
        acts::scenarios,
        traffic::scenarios,
        ftp::scenarios,
        programs::scenarios,
        capture::scenarios,
        comparison::scenarios,
        differential::scenarios,
        imported::scenarios,
        lifecycle::scenarios,
        namespaces::scenarios,
        sets::scenarios,
        privileges::scenarios,
        arguments::scenarios,
        module::scenarios,
    ];
    groups.into_iter().flat_map(|group| group()).collect()
}
