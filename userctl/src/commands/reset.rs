// SPDX-License-Identifier: GPL-2.0
//! `userctl reset`: counters begin again at zero.

use std::io::Write;

use userctl::device::{Expected, Kernel, Reset};

use crate::cli::{ResetArgs, ResetWhat};
use crate::failure::Failure;
use crate::screen::Screen;

/// Sets them to zero.
pub(super) fn run(
    args: &ResetArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let (what, whose) = match args.what {
        ResetWhat::Counters => (Reset::Counters, "rules and policies"),
        ResetWhat::Hooks => (Reset::Hooks, "hooks"),
        ResetWhat::All => (Reset::All, "rules, policies and hooks"),
    };
    kernel.reset(what, Expected::Any)?;
    writeln!(screen, "the counters of {whose} are at zero")?;
    Ok(())
}
