// SPDX-License-Identifier: GPL-2.0

//! Stage 2: the toolchain root, a Debian with the compilers that built Debian's kernel.
//!
//! The module must be compiled by the very `rustc` that compiled the kernel, which the host need not
//! have and could not always run. The same root gives the guest its tools (`nft`, `iptables`, ...),
//! which gives the kernel, its compiler and its users' tools one origin.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cache::{Cache, Entry};
use crate::chroot::{isolated, Chroot};
use crate::mirror;
use crate::process::Job;
use crate::session::Session;

/// The Debian release that the root and the kernel are of.
pub(crate) const SUITE: &str = "trixie";

/// To be raised when the way in which the root is made changes, but for its packages.
const REVISION: u32 = 1;

/// What builds kernels and modules.
const COMPILERS: &[&str] = &[
    "bc",
    "bindgen",
    "bison",
    "ca-certificates",
    "cpio",
    // Without pahole the BTF option drops out and `struct module` changes.
    "dwarves",
    "flex",
    "gcc",
    "gcc-14",
    "kmod",
    "libc6-dev",
    "libelf-dev",
    "libssl-dev",
    "make",
    "python3-minimal",
    "rust-clippy",
    "rust-src",
    "rustc",
    "rustfmt",
    "xz-utils",
];

/// What the guest is given.
const GUEST: &[&str] = &[
    "busybox-static",
    "conntrack",
    "iproute2",
    "ipset",
    "iptables",
    "iputils-ping",
    "netbase",
    "nftables",
    "tcpdump",
];

/// How many lines mmdebstrap prints on the way.
const LINES: u64 = 8;

#[derive(Debug, Serialize)]
struct Recipe {
    revision: u32,
    suite: &'static str,
    packages: Vec<&'static str>,
}

/// The root, in the cache.
#[derive(Debug)]
pub(crate) struct Toolchain {
    entry: Entry,
}

impl Toolchain {
    /// The directory that is the root.
    pub(crate) fn root(&self) -> std::path::PathBuf {
        self.entry.path().join("root")
    }

    /// The root, to run tools in.
    pub(crate) fn chroot(&self) -> Chroot {
        Chroot::new(&self.root())
    }

    /// What determines the root, for what is made with it.
    pub(crate) fn key(&self) -> String {
        self.entry.key()
    }
}

/// The lines of apt's that name the two suites that everything comes from.
pub(crate) fn sources(mirror: &str) -> [String; 2] {
    [SUITE.to_owned(), format!("{SUITE}-backports")]
        .map(|suite| format!("deb {mirror} {suite} main"))
}

/// The toolchain root, made if the cache lacks it.
///
/// # Errors
///
/// When the mirror does not serve what is needed, or `--offline` forbids to ask it.
pub(crate) fn ensure(session: &Session) -> Result<Toolchain> {
    session.report.stage("toolchain root", |stage| {
        let recipe = recipe();
        let tell = |message: &str| stage.say(message);
        let entry = session
            .cache
            .entry("toolchain", &recipe, &tell, |partial| {
                session.want_network("the toolchain root")?;
                stage.set_length(LINES, true);
                let mirror = mirror::debian()?;
                debootstrap(&partial.join("root"), &recipe, &mirror)
                    .log(session.workspace.log("toolchain"))
                    .run(stage)
                    .with_context(|| format!("cannot make a root of Debian {SUITE} from {mirror}"))
            })?;
        stage.note(entry.origin());
        Ok(Toolchain { entry })
    })
}

/// Is the entry, found in the cache, the one that this version uses?
pub(crate) fn is_current(path: &Path) -> bool {
    Cache::is_entry(path, &recipe())
}

fn recipe() -> Recipe {
    Recipe {
        revision: REVISION,
        suite: SUITE,
        packages: [COMPILERS, GUEST].concat(),
    }
}

fn debootstrap(root: &Path, recipe: &Recipe, mirror: &str) -> Job {
    let mut command = isolated(None);
    command
        .args([
            "mmdebstrap",
            "--mode=root",
            "--variant=apt",
            "--format=directory",
        ])
        .arg("--keyring=/usr/share/keyrings/debian-archive-keyring.gpg")
        .arg(format!("--include={}", recipe.packages.join(",")))
        // The root can be made again at any time, and nobody reads manuals there.
        .args([
            "--dpkgopt=force-unsafe-io",
            "--dpkgopt=path-exclude=/usr/share/man/*",
        ])
        .args([
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--aptopt=Acquire::Languages \"none\"",
        ])
        .arg(recipe.suite)
        .arg(root)
        .args(sources(mirror));
    Job::wrapping("mmdebstrap", command)
}
