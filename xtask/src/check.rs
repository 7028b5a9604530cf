// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask check`: formatting, lints, and the rules of the house.
//!
//! Every check is one entry of a table. All of them run, whatever the others find, and each finding
//! says where and what.

mod house;
mod index;
mod lints;
mod panics;
mod sources;
mod unsafety;

use std::fmt;

use anyhow::Result;

use crate::commands::foundation;
use crate::kernel::Kernel;
use crate::packages::Need;
use crate::progress::Stage;
use crate::session::Session;
use crate::toolchain::Toolchain;
use crate::{module, Outcome};
use sources::Sources;

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    place: String,
    what: String,
}

impl Finding {
    /// At a line (counted from 1) of a file.
    fn at(file: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding {
            place: format!("{file}:{line}"),
            what: what.into(),
        }
    }

    /// Of a whole file, or of something else that has a name.
    fn of(place: &str, what: impl Into<String>) -> Finding {
        Finding {
            place: place.to_owned(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Finds what in the tree's text breaks a rule.
type Rule = fn(&Sources) -> Vec<Finding>;

/// The rules that the text of the tree must keep.
const HOUSE: &[(&str, Rule)] = &[
    ("unsafe only where it is allowed", unsafety::placement),
    ("every unsafe block has its reason", unsafety::reasons),
    ("every source file names its licence", house::licence),
    ("no file is longer than 600 lines", house::length),
    ("no path of one machine, no registry's host", house::machine),
    ("no build products in git", house::products),
    ("crates depend one way", house::dependencies),
    ("README's index names every directory", index::directories),
];

/// Runs all checks.
///
/// # Errors
///
/// When a check cannot be made, as opposed to finding something.
pub(crate) fn run(session: &Session) -> Result<Outcome> {
    let sources = Sources::read(session)?;
    let mut results = Vec::new();
    for (name, rule) in HOUSE {
        let check = |_: &Stage| Ok(rule(&sources));
        results.push((*name, session.report.stage(name, check)?));
    }
    for (name, lint) in lints::ALL {
        let check = |stage: &Stage| Ok(lint(session, &sources, stage));
        results.push((*name, session.report.stage(name, check)?));
    }
    let (toolchain, kernel) = foundation(session, Need::Tests)?;
    results.extend(of_module(session, &toolchain, &kernel)?);
    session.report.print_times();
    Ok(print(&results))
}

/// The checks of what `make -C kmod` makes.
fn of_module(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Kernel,
) -> Result<Vec<(&'static str, Vec<Finding>)>> {
    let failure = |error: anyhow::Error| vec![Finding::of("kmod", error.to_string())];
    let linted = lints::module(session, toolchain, kernel).unwrap_or_else(failure);
    let scanned = match module::build(session, toolchain, kernel) {
        Ok(module) => session.report.stage("panics", |_| panics::scan(&module))?,
        Err(error) => failure(error),
    };
    Ok(vec![
        ("clippy on the module", linted),
        ("the module refers to no panic", scanned),
    ])
}

/// Prints the table, and what was found.
fn print(results: &[(&str, Vec<Finding>)]) -> Outcome {
    let mut outcome = Outcome::Passed;
    println!();
    for (name, findings) in results {
        println!(
            "{:>4}  {name}",
            if findings.is_empty() { "ok" } else { "BAD" }
        );
        for finding in findings {
            println!("        {finding}");
            outcome = Outcome::Failed;
        }
    }
    outcome
}
