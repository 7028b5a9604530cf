// SPDX-License-Identifier: GPL-2.0
//! `userctl list`: the ruleset that is really loaded, with the present values of its counters.

use std::io::Write;

use userctl::device::Kernel;
use userctl::interfaces::Interfaces;
use userctl::{json, listing};

use super::loaded::Loaded;
use crate::cli::ListArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// Lists it.
pub(super) fn run(
    args: &ListArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let loaded = Loaded::read(kernel)?;
    let values = loaded.values();
    let options = listing::Options {
        handles: args.handles,
        stateless: args.stateless,
        numeric: args.numeric,
        counters: Some(&values),
        environment: Some(&Interfaces),
    };
    let ruleset = loaded.ruleset()?;
    if args.json {
        let json = json::to_json(&ruleset, &options).map_err(|_| Failure::Listing)?;
        writeln!(screen, "{json}")?;
    } else {
        write!(screen, "{}", listing::to_text(&ruleset, &options))?;
    }
    Ok(())
}
