// SPDX-License-Identifier: GPL-2.0
//! `userctl check`: parse, compile and verify, on the host, with no module involved.

use std::io::Write;
use std::path::Path;

use userctl::plan;
use userctl::ruleset::Ruleset;

use super::rules::Rules;
use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::screen::{counted, Screen};

/// Checks each file by itself; all of them, even if one is wrong.
pub(super) fn run(args: &CheckArgs, screen: &mut Screen) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for path in &args.files {
        match check(path, args) {
            Ok(text) => writeln!(screen, "{}: {text}", path.display())?,
            Err(failure) => failures.push(failure),
        }
    }
    Failure::all(failures)
}

/// Checks one file and says what is in it, and what became of it if that is asked.
fn check(path: &Path, args: &CheckArgs) -> Result<String, Failure> {
    let rules = Rules::read(path, &args.source)?;
    let ruleset = rules.apply(&Ruleset::default())?;
    if !args.compat {
        rules.release();
    }
    let (program, _) = rules.compile(&ruleset)?;
    if args.compat {
        rules.check_compatibility(&ruleset)?;
    }
    let view = program.view();
    let mut text = format!(
        "{}, {} ({} base), {}; {}, at most {} a packet, {} bytes",
        counted(ruleset.tables().len(), "table"),
        counted(view.chains().len(), "chain"),
        view.base_chains().len(),
        counted(view.rules().len(), "rule"),
        counted(view.insns().len(), "instruction"),
        program.max_steps(),
        program.bytes().len(),
    );
    if args.explain_plan {
        text.push('\n');
        text.push_str(plan::explain(&view, program.bytes().len(), &rules.options()).trim_end());
    }
    Ok(text)
}
