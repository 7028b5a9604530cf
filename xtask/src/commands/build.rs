// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask build`: everything that runs in the guest.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::Flavour;
use crate::initramfs::{self, Contents};
use crate::kernel::{self, Kernel};
use crate::packages::{self, Need};
use crate::session::Session;
use crate::toolchain::{self, Toolchain};
use crate::{module, programs, Outcome};

/// All that a guest is started from.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) toolchain: Toolchain,
    pub(super) kernel: Kernel,
    pub(super) module: PathBuf,
    /// `None` when the kernel's tree was only prepared, so that there is nothing to boot.
    pub(super) initramfs: Option<PathBuf>,
}

/// Builds, and says where things are.
pub(super) fn run(session: &Session) -> Result<Outcome> {
    let built = all(session, Need::Guest, None)?;
    session.report.print_times();
    let show = |what: &str, path: &Path| println!("  {what:10} {}", path.display());
    println!("built for Linux {}", built.kernel.release);
    show("module", &built.module);
    show("toolchain", &built.toolchain.root());
    if let (Some(boot), Some(initramfs)) = (&built.kernel.boot, &built.initramfs) {
        show("kernel", &boot.image);
        show("initramfs", initramfs);
    }
    Ok(Outcome::Passed)
}

/// The slow stages: the host's packages, the root, the kernel.
pub(crate) fn foundation(session: &Session, need: Need) -> Result<(Toolchain, Kernel)> {
    packages::ensure(session, need)?;
    let toolchain = toolchain::ensure(session)?;
    let flavour = session.options.flavour.unwrap_or(Flavour::Stock);
    let kernel = kernel::ensure(session, &toolchain, flavour)?;
    Ok((toolchain, kernel))
}

/// All stages up to the initramfs; `rules` is a rule file of the user's for the demonstration.
pub(super) fn all(session: &Session, need: Need, rules: Option<&Path>) -> Result<Built> {
    if let Some(rules) = rules {
        std::fs::metadata(rules).with_context(|| format!("the rules in {}", rules.display()))?;
    }
    let (toolchain, kernel) = foundation(session, need)?;
    let module = module::build(session, &toolchain, &kernel)?;
    let programs = programs::build(session)?;
    let contents = Contents {
        programs,
        module: module.clone(),
        rules: rules.map(Path::to_path_buf),
        extra: Vec::new(),
    };
    let initramfs = match &kernel.boot {
        Some(boot) => Some(initramfs::build(
            session, &toolchain, &kernel, boot, &contents,
        )?),
        None => None,
    };
    Ok(Built {
        toolchain,
        kernel,
        module,
        initramfs,
    })
}
