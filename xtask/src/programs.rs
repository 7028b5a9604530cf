// SPDX-License-Identifier: GPL-2.0

//! The guest's own programs: init and `userctl`, linked statically, for a root that has no libraries
//! of the host's.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::Job;
use crate::session::Session;
use crate::workspace::Workspace;

/// The programs run by Debian's kernel on the host's kind of processor.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What was built for the guest.
#[derive(Debug)]
pub(crate) struct Programs {
    /// PID 1.
    pub(crate) init: PathBuf,
    /// The tool.
    pub(crate) userctl: PathBuf,
}

/// Builds them, in a target directory of their own: other flags would make cargo rebuild the host's.
///
/// # Errors
///
/// When they do not compile.
pub(crate) fn build(session: &Session) -> Result<Programs> {
    session.report.stage("programs", |stage| {
        let target = session.workspace.target("guest");
        Job::new("building the guest's programs", Workspace::cargo())
            .dir(session.workspace.root())
            .args(["build", "--profile", "guest", "--target", TARGET])
            .args([
                "--package",
                "ferrule-guest",
                "--package",
                "userctl",
                "--bins",
            ])
            .arg("--target-dir")
            .arg(&target)
            .args(session.options.offline.then_some("--offline"))
            .env("RUSTFLAGS", "-C target-feature=+crt-static")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .log(session.workspace.log("programs"))
            .run(stage)?;
        let built = target.join(TARGET).join("guest");
        Ok(Programs {
            init: built.join("ferrule-guest"),
            userctl: built.join("userctl"),
        })
    })
}
