// SPDX-License-Identifier: GPL-2.0
//! Every match of the language, once holding and once not: one scenario a field.

mod headers;
mod meta;
mod odd;
mod operators;
mod transport;

use crate::runner::Scenario;

use super::match_case::Matches;

/// A scenario's name and its matches.
type Field = (&'static str, fn() -> Matches);

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let tables = [
        headers::FIELDS,
        transport::FIELDS,
        meta::FIELDS,
        operators::FIELDS,
        odd::FIELDS,
    ];
    tables
        .concat()
        .into_iter()
        .map(|(name, matches)| Scenario::new(name, move |lab| matches().try_all(lab)))
        .collect()
}
