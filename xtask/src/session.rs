// SPDX-License-Identifier: GPL-2.0

//! What every stage is handed: where things are, what was asked for, and whom to tell.

use anyhow::{bail, Result};

use crate::cache::Cache;
use crate::cli::Options;
use crate::progress::Report;
use crate::workspace::Workspace;

/// One run of xtask.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) options: &'a Options,
    pub(crate) workspace: Workspace,
    pub(crate) cache: Cache,
    pub(crate) report: Report,
}

impl<'a> Session<'a> {
    /// Finds the working tree and the cache; touches neither.
    pub(crate) fn new(options: &'a Options) -> Result<Session<'a>> {
        Ok(Session {
            options,
            workspace: Workspace::locate(),
            cache: Cache::locate()?,
            report: Report::new(options.verbose),
        })
    }

    /// Refuses to go on when `what` would need the network and `--offline` forbids it.
    pub(crate) fn want_network(&self, what: &str) -> Result<()> {
        if self.options.offline {
            bail!(
                "{what} is not in the cache ({}) and --offline forbids to fetch it; \
                 run once without --offline",
                self.cache.dir().display()
            );
        }
        Ok(())
    }
}
