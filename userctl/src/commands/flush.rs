// SPDX-License-Identifier: GPL-2.0
//! `userctl flush`: the empty ruleset, which counts and accepts.

use std::io::Write;

use userctl::device::{Expected, Kernel};

use crate::cli::FlushArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// Removes everything.
pub(super) fn run(
    args: &FlushArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let expected = args.generation.map_or(Expected::Any, Expected::Generation);
    let generation = kernel.flush(expected)?;
    writeln!(screen, "loaded generation {generation}: no rules")?;
    Ok(())
}
