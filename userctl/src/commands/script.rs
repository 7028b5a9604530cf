// SPDX-License-Identifier: GPL-2.0
//! Commands in nft's language, wherever they come from: executed on what is loaded, all or nothing.
//!
//! ```text
//! read program, generation ─► Ruleset ─► apply ─┬─ rules changed ──► compile, verify ─► load with batch
//!          ▲                                     └─ elements only ──► batch ─► change sets
//!          └───── another writer was faster (ESTALE) ◄─────────────────────────────────┘
//! ```
//!
//! Two writers cannot overwrite each other: whoever comes second starts again from what the first one
//! published. Commands that only ask are answered afterwards, from what is loaded then.

use std::io::Write;

use ferrule_engine::Program;
use userctl::compile;
use userctl::contents;
use userctl::device::{Error, Expected, Kernel, LoadMode, ModuleRefusal};
use userctl::image::Image;
use userctl::ruleset::set::{Change as SetChange, Element, ElementData};
use userctl::ruleset::{Ruleset, Set, Verdict};

use super::progress::{self, Step};
use super::rules::Rules;
use super::{answer, blame, echo, loaded};
use crate::cli::ShowArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// How often loading is tried before it is said that another writer is active.
pub(super) const ATTEMPTS: usize = 5;

/// How commands are executed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    /// How listings look.
    pub(super) show: ShowArgs,
    /// Verify only.
    pub(super) check: bool,
    /// Print what was added.
    pub(super) echo: bool,
}

/// From which ruleset to which.
pub(super) struct Change {
    pub(super) before: Ruleset,
    pub(super) after: Ruleset,
    /// Before a dry run, after a load.
    pub(super) generation: u64,
}

/// How one attempt ended.
enum Attempt {
    /// Loaded, or in a dry run found good.
    Done(Box<Change>),
    /// Another writer was faster.
    Overtaken,
}

/// Executes the commands.
pub(super) fn run(
    rules: &Rules,
    options: Options,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mode = match options.check {
        true => LoadMode::DryRun,
        false => LoadMode::Publish,
    };
    if rules.changes() {
        let change = change(rules, mode, None, &mut *kernel()?)?;
        progress::end();
        if options.echo {
            write!(screen, "{}", echo::added(&change, &options.show))?;
        }
    }
    for request in rules.requests() {
        answer::answer(&request, rules, options.show, kernel, screen)?;
    }
    Ok(())
}

/// Executes the commands that change something.
pub(super) fn change(
    rules: &Rules,
    mode: LoadMode,
    generation: Option<u64>,
    kernel: &mut dyn Kernel,
) -> Result<Change, Failure> {
    for _ in 0..ATTEMPTS {
        if let Attempt::Done(change) = attempt(rules, mode, generation, kernel)? {
            return Ok(*change);
        }
    }
    Err(Failure::Contended { attempts: ATTEMPTS })
}

/// Tries once, on what is loaded now.
fn attempt(
    rules: &Rules,
    mode: LoadMode,
    generation: Option<u64>,
    kernel: &mut dyn Kernel,
) -> Result<Attempt, Failure> {
    let present = kernel.program()?;
    if let Some(expected) = generation.filter(|&wanted| wanted != present.generation) {
        return Err(Error::Stale { expected }.into());
    }
    let before = loaded::ruleset(loaded::verified(&present.value)?.as_ref())?;
    progress::step(Step::Check);
    let after = rules.apply(&before)?;
    rules.release();
    let expected = Expected::Generation(present.generation);
    let elements_only = !before.tables().is_empty() && only_elements_change(&before, &after);
    let (program, batch, result) = if elements_only {
        progress::step(Step::Compile);
        let batch = compile::batch_of(&after);
        progress::step(Step::Load);
        let result = kernel.change_sets(&batch, expected, mode);
        (None, batch, result)
    } else {
        let (program, batch) = rules.compile(&after)?;
        progress::step(Step::Load);
        let result = kernel.load(program.bytes(), &batch, expected, mode);
        (Some(program), batch, result)
    };
    match result {
        Ok(generation) => Ok(Attempt::Done(Box::new(Change {
            before,
            after,
            generation,
        }))),
        Err(Error::Stale { .. }) if generation.is_none() => Ok(Attempt::Overtaken),
        Err(Error::Refused(refusal)) => Err(refused(&after, program.as_ref(), &batch, &refusal)),
        Err(error) => Err(error.into()),
    }
}

/// Whether nothing differs but what sets hold, in a way that the loaded program can do.
fn only_elements_change(before: &Ruleset, after: &Ruleset) -> bool {
    let sets = || after.tables().iter().flat_map(|table| &table.sets);
    let changed = sets().any(|set| !set.changes.is_empty());
    changed && !sets().any(leads_elsewhere) && after.is_but_for_changes(before)
}

/// Whether an element that is added leads to a chain that the program does not expect.
fn leads_elsewhere(set: &Set) -> bool {
    let leads = |element: &Element| match &element.data {
        ElementData::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => {
            !set.leads_to.contains(name)
        }
        _ => false,
    };
    set.changes.iter().any(|change| match change {
        SetChange::Add { elements, .. } => elements.iter().any(leads),
        _ => false,
    })
}

/// The module refused what our verifier accepted: says of which rule or element.
fn refused(
    after: &Ruleset,
    program: Option<&Program<Image>>,
    batch: &[u8],
    refusal: &ModuleRefusal,
) -> Failure {
    let reason = refusal.to_string();
    if let Some(element) = refusal.element {
        let place = contents::place(after, batch, refusal.index, element);
        return Failure::Refused(blame::message("ferrule.ko refused", &reason, place));
    }
    let rule = program
        .and_then(|program| blame::describe(program.bytes(), refusal.section, refusal.index));
    Failure::Refused(blame::message("ferrule.ko refused", &reason, rule))
}
