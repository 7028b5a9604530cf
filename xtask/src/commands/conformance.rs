// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask conformance [FILE...]`: the scores over the rule tests of other projects.
//!
//! They are counted by a program of their own (`userctl/conformance`), which knows the language; this
//! has cargo build and run it. With `--listing` it instead gives what userctl lists to the nft of the toolchain
//! root.

use std::path::Path;

use anyhow::{bail, Context, Result};

use crate::process::tied;
use crate::session::Session;
use crate::toolchain;
use crate::workspace::Workspace;
use crate::Outcome;

/// Runs the program, which prints for itself.
pub(super) fn run(
    session: &Session,
    files: &[String],
    json: bool,
    listing: bool,
) -> Result<Outcome> {
    let root = match listing {
        true => Some(toolchain::ensure(session)?.root()),
        false => None,
    };
    let mut command = tied(Workspace::cargo());
    command
        .current_dir(session.workspace.root())
        .args(["run", "--quiet", "--package", "ferrule-conformance"])
        .args(session.options.offline.then_some("--offline"))
        .arg("--")
        .args(json.then_some("--json"))
        .args(root.iter().flat_map(|root| [Path::new("--listing"), root]))
        .args((session.options.verbose && !json && !listing).then_some("--verbose"))
        .args(files);
    let status = command
        .status()
        .context("cannot run setpriv (package util-linux)")?;
    match status.code() {
        Some(0) => Ok(Outcome::Passed),
        Some(1) => Ok(Outcome::Failed),
        _ => bail!("the scores could not be counted ({status})"),
    }
}
