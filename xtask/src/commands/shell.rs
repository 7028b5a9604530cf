// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask shell`: a prompt in a guest that has the module loaded.

use anyhow::Result;

use super::{build, guest};
use crate::packages::Need;
use crate::session::Session;
use crate::Outcome;

/// Builds, boots, and hands the terminal to the guest.
pub(super) fn run(session: &Session) -> Result<Outcome> {
    let built = build::all(session, Need::Guest, None)?;
    guest::with(session, &built, "quiet ferrule.mode=shell", |guest| {
        session.report.print_times();
        eprintln!("\nThe guest's prompt follows; `exit` ends it, and so does Ctrl-A X.\n");
        let status = guest.interact()?;
        Ok(if status.success() {
            Outcome::Passed
        } else {
            Outcome::Failed
        })
    })
}
