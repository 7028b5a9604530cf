// SPDX-License-Identifier: GPL-2.0
//! The ruleset as text, as nft lists it.

use std::collections::HashMap;

use crate::ruleset::{Counts, Environment, Ruleset};

/// Values of counters by identity (see [`crate::compile`]).
pub type CounterValues = HashMap<u64, Counts>;

/// What to print.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// `# handle N` behind everything that has one (nft's `-a`).
    pub handles: bool,
    /// Leave out the values of counters (nft's `-s`).
    pub stateless: bool,
    /// Numbers instead of the names of priorities, protocols, types (nft's `-n`).
    pub numeric: bool,
    /// Live values of counters, instead of those that they began with.
    pub counters: Option<&'a CounterValues>,
    /// Gives interfaces their names in `iif` and `oif`; numbers without it.
    pub environment: Option<&'a dyn Environment>,
}

/// Lists the ruleset.
pub fn to_text(ruleset: &Ruleset, options: &Options<'_>) -> String {
    let _ = (ruleset, options);
    todo!()
}
