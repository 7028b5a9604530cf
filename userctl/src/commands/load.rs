// SPDX-License-Identifier: GPL-2.0
//! `userctl load`: what `nft -f` does. The file's commands are executed on the ruleset that is loaded,
//! and the outcome takes its place, all or nothing.
//!
//! ```text
//! read program, generation ─► Ruleset ─► apply the file ─► compile, verify ─► load, if still that
//!          ▲                                                                  generation
//!          └──────────────────── another writer was faster (ESTALE) ◄────────────────┘
//! ```
//!
//! Two writers cannot overwrite each other: whoever comes second starts again from what the first one
//! published.

use std::io::Write;

use ferrule_engine::Program;
use similar::TextDiff;
use userctl::device::{Error, Expected, Kernel, LoadMode, ModuleRefusal};
use userctl::image::Image;
use userctl::listing;
use userctl::ruleset::Ruleset;

use super::blame;
use super::loaded;
use super::rules::Rules;
use crate::cli::LoadArgs;
use crate::failure::Failure;
use crate::screen::{counted, Screen};

/// How often loading is tried before it is said that another writer is active.
pub(super) const ATTEMPTS: usize = 5;

/// How one attempt ended.
enum Attempt {
    /// Loaded, or in a dry run found good.
    Done(Change),
    /// Another writer was faster.
    Overtaken,
}

/// From which ruleset to which.
struct Change {
    before: Ruleset,
    after: Ruleset,
    /// Before a dry run, after a load.
    generation: u64,
}

/// Loads the file.
pub(super) fn run(
    args: &LoadArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let rules = Rules::read(&args.file, &args.source)?;
    for _ in 0..ATTEMPTS {
        if let Attempt::Done(change) = attempt(args, &rules, kernel)? {
            return report(args, &change, screen);
        }
    }
    Err(Failure::Contended { attempts: ATTEMPTS })
}

/// Tries once, on what is loaded now.
fn attempt(args: &LoadArgs, rules: &Rules, kernel: &mut dyn Kernel) -> Result<Attempt, Failure> {
    let present = kernel.program()?;
    if let Some(expected) = args
        .generation
        .filter(|&wanted| wanted != present.generation)
    {
        return Err(Error::Stale { expected }.into());
    }
    let before = loaded::ruleset(loaded::verified(&present.value)?.as_ref())?;
    let after = rules.apply(&before)?;
    let program = rules.compile(&after)?;
    let mode = match args.dry_run {
        true => LoadMode::DryRun,
        false => LoadMode::Publish,
    };
    let expected = Expected::Generation(present.generation);
    match kernel.load(program.bytes(), &[], expected, mode) {
        Ok(generation) => Ok(Attempt::Done(Change {
            before,
            after,
            generation,
        })),
        Err(Error::Stale { .. }) if args.generation.is_none() => Ok(Attempt::Overtaken),
        Err(Error::Refused(refusal)) => Err(refused(&program, &refusal)),
        Err(error) => Err(error.into()),
    }
}

/// The module refused what our verifier accepted: says of which rule.
fn refused(program: &Program<Image>, refusal: &ModuleRefusal) -> Failure {
    let rule = blame::describe(program.bytes(), refusal.section, refusal.index);
    let reason = refusal.to_string();
    Failure::Refused(blame::message("ferrule.ko refused", &reason, rule))
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
    format!(
        "{}, {}, {}",
        counted(ruleset.tables().len(), "table"),
        counted(chains.count(), "chain"),
        counted(rules, "rule"),
    )
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
