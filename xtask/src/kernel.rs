// SPDX-License-Identifier: GPL-2.0

//! Stage 3: the kernel, as what a module is built against and as what a guest boots.
//!
//! ```text
//! mirror ─► offer ─► choice ─► stock: packages unpacked, build tree prepared ─┐
//!                                └► um: User Mode Linux built from its source ─┼─► Kernel
//! --kdir DIR ────────────────► own: looked at, left as it is ─────────────────┘
//! ```

mod choice;
mod config;
mod offer;
mod own;
mod stock;
mod um;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

pub(crate) use config::Config;
pub(crate) use stock::is_current;
pub(crate) use um::is_current as um_is_current;

use crate::cache::Entry;
use crate::cli::Flavour;
use crate::session::Session;
use crate::toolchain::Toolchain;

/// A kernel that a module can be built for.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// What `uname -r` says in it.
    pub(crate) release: String,
    /// What its modules are built against.
    pub(crate) tree: BuildTree,
    /// What boots; a build tree that was only prepared has none.
    pub(crate) boot: Option<Boot>,
    /// What keeps the cache's entries in place.
    _entries: Vec<Entry>,
}

/// A prepared build tree.
#[derive(Debug)]
pub(crate) struct BuildTree {
    /// Its path, in the toolchain root when `binds` are mounted there.
    pub(crate) path: OsString,
    /// What the root must be shown: host path, path in the root.
    pub(crate) binds: Vec<(PathBuf, OsString)>,
    /// What `make` must be told besides.
    pub(crate) make_args: Vec<String>,
    /// Its configuration.
    pub(crate) config: Config,
}

/// What a guest boots.
#[derive(Debug)]
pub(crate) struct Boot {
    /// The compressed kernel.
    pub(crate) image: PathBuf,
    /// The directory that holds `RELEASE/kernel/...`.
    pub(crate) modules: PathBuf,
    /// What determines both, for what is made of them; `None` when they may change at any time.
    pub(crate) key: Option<String>,
}

/// The kernel that the options ask for.
///
/// # Errors
///
/// When there is no such kernel, it is older than 7.3 or has no Rust.
pub(crate) fn ensure(session: &Session, toolchain: &Toolchain, flavour: Flavour) -> Result<Kernel> {
    match (&session.options.kdir, flavour) {
        (Some(dir), _) => own::open(session, dir),
        (None, Flavour::Stock) => stock::ensure(session, toolchain),
        (None, Flavour::Um) => um::ensure(session, toolchain),
    }
}
