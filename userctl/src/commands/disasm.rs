// SPDX-License-Identifier: GPL-2.0
//! `userctl disasm`: the program, one line an instruction.

use std::io::Write;
use std::path::Path;

use ferrule_engine::Program;
use userctl::device::Kernel;
use userctl::disasm::disasm;
use userctl::image::Image;
use userctl::ruleset::Ruleset;

use super::loaded;
use super::rules::Rules;
use crate::cli::DisasmArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// Prints the program of a file, or the loaded one.
pub(super) fn run(
    args: &DisasmArgs,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let program = match &args.file {
        Some(path) => Some(compiled(path, args)?),
        None => loaded::verified(&kernel()?.program()?.value)?,
    };
    match program {
        Some(program) => write!(screen, "{}", disasm(&program.view()))?,
        None => writeln!(screen, "no ruleset is loaded")?,
    }
    Ok(())
}

/// The program of a file by itself.
fn compiled(path: &Path, args: &DisasmArgs) -> Result<Program<Image>, Failure> {
    let rules = Rules::read(path, &args.source)?;
    let (program, _) = rules.compile(&rules.apply(&Ruleset::default())?)?;
    Ok(program)
}
