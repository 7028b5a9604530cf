// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask build`: everything that runs in the guest.

use anyhow::Result;

use crate::kernel::{self, Kernel};
use crate::packages::{self, Need};
use crate::session::Session;
use crate::toolchain::{self, Toolchain};
use crate::{module, Outcome};

/// Builds, and says where things are.
pub(super) fn run(session: &Session) -> Result<Outcome> {
    let (toolchain, kernel) = foundation(session, Need::Guest)?;
    let module = module::build(session, &toolchain, &kernel)?;
    session.report.print_times();
    println!("built for Linux {}", kernel.release);
    println!("  module     {}", module.display());
    println!("  toolchain  {}", toolchain.root().display());
    println!("  kernel     in {}", session.cache.dir().display());
    Ok(Outcome::Passed)
}

/// The slow stages: the host's packages, the root, the kernel.
pub(super) fn foundation(session: &Session, need: Need) -> Result<(Toolchain, Kernel)> {
    packages::ensure(session, need)?;
    let toolchain = toolchain::ensure(session)?;
    let kernel = kernel::ensure(session, &toolchain)?;
    Ok((toolchain, kernel))
}
