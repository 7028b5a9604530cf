// SPDX-License-Identifier: GPL-2.0
//! `userctl load`: what `nft -f` does. The file's commands are executed on the ruleset that is loaded,
//! and the outcome takes its place, all or nothing (see [`super::script`]).
//!
//! What is left as it is, is kept: of rules that keep their handle the counters, limits and quotas; of named sets
//! the elements that are not mentioned, and their timeouts; of rules, handles and places in files. Where nothing
//! differs but elements of sets, no program is compiled or published, and only those elements are sent. Rules
//! that change are compiled with all others: a classifier is made of all rules of its chain.

use std::io::Write;

use similar::TextDiff;
use userctl::device::{Kernel, LoadMode};
use userctl::listing;
use userctl::ruleset::Ruleset;

use super::answer;
use super::progress;
use super::rules::Rules;
use super::script::{self, Change};
use crate::cli::{LoadArgs, ShowArgs};
use crate::failure::Failure;
use crate::screen::{counted, Screen};

/// Loads the file.
pub(super) fn run(
    args: &LoadArgs,
    show: ShowArgs,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let _progress = progress::begin();
    let rules = Rules::read(&args.file, &args.source)?;
    let mode = match args.dry_run {
        true => LoadMode::DryRun,
        false => LoadMode::Publish,
    };
    let change = script::change(&rules, mode, args.generation, &mut *kernel()?)?;
    progress::end();
    report(args, &change, screen)?;
    for request in rules.requests() {
        answer::answer(&request, &rules, show, kernel, screen)?;
    }
    Ok(())
}

/// Says what was loaded, or what would change.
fn report(args: &LoadArgs, change: &Change, screen: &mut Screen) -> Result<(), Failure> {
    let generation = change.generation;
    if args.dry_run {
        let difference = difference(&change.before, &change.after);
        if difference.is_empty() {
            writeln!(
                screen,
                "the module accepts it; generation {generation} would change in nothing"
            )?;
        } else {
            writeln!(
                screen,
                "the module accepts it; generation {generation} would change so:"
            )?;
            write!(screen, "{difference}")?;
        }
    } else {
        writeln!(
            screen,
            "loaded generation {generation}: {}",
            contents(&change.after)
        )?;
    }
    Ok(())
}

/// What is in a ruleset, in figures.
fn contents(ruleset: &Ruleset) -> String {
    let chains = ruleset.tables().iter().flat_map(|table| &table.chains);
    let rules: usize = chains.clone().map(|chain| chain.rules.len()).sum();
    let sets: usize = ruleset.tables().iter().map(|table| table.sets.len()).sum();
    let mut text = format!(
        "{}, {}, {}",
        counted(ruleset.tables().len(), "table"),
        counted(chains.count(), "chain"),
        counted(rules, "rule"),
    );
    if sets > 0 {
        text.push_str(&format!(", {}", counted(sets, "set")));
    }
    text
}

/// What differs between the listings of two rulesets, line by line; empty if nothing does.
fn difference(before: &Ruleset, after: &Ruleset) -> String {
    let options = listing::Options {
        stateless: true,
        ..listing::Options::default()
    };
    let (before, after) = (
        listing::to_text(before, &options),
        listing::to_text(after, &options),
    );
    TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(3)
        .to_string()
}
