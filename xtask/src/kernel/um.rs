// SPDX-License-Identifier: GPL-2.0

//! User Mode Linux, built from the stock kernel's source: the same network stack as a native process,
//! for measurements on machines where an ordinary guest would be translated.
//!
//! Image and build tree are one entry of the cache, determined by the source, the compilers and the
//! configuration fragment.

use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::stock::{self, Source};
use super::{Boot, BuildTree, Config, Kernel};
use crate::cache::{Cache, Entry};
use crate::progress::Stage;
use crate::session::Session;
use crate::toolchain::Toolchain;

/// To be raised when the way in which it is built changes.
const REVISION: u32 = 1;

/// The kind of entry in the cache.
const KIND: &str = "um";

/// What the kernel is configured from.
const FRAGMENT: &str = "qemu/um/um.config";

/// Where the root sees the build tree, and what `make` must be told of it.
const TREE_INSIDE: &str = "/build-um";
const MAKE_ARGS: &[&str] = &["ARCH=um"];

/// Lines that the build prints, about.
const LINES: u64 = 2600;

/// Configures and builds. Arguments: jobs, then make's. What the fragment asks for and the configuration
/// lacks was renamed, or depends on something: better to stop than to measure another kernel.
const BUILD: &str = r#"
jobs=$1; shift
cd /kernel/source
make O=/build-um KCONFIG_ALLCONFIG=/build-um/fragment "$@" allnoconfig
sed -n 's/^\(CONFIG_[^=]*=[^n].*\)$/\1/p' /build-um/fragment | while read -r line; do
    grep -qxF -- "$line" /build-um/.config || echo "not in the configuration: $line"
done | tee /build-um/missing
[ ! -s /build-um/missing ]
make O=/build-um -j"$jobs" "$@"
make O=/build-um "$@" INSTALL_MOD_PATH=/build-um/installed INSTALL_MOD_STRIP=1 modules_install
"#;

/// What determines the kernel.
#[derive(Debug, Deserialize, Serialize)]
struct Recipe {
    revision: u32,
    source: String,
    toolchain: String,
    fragment: String,
}

/// The kernel, built if the cache lacks it.
///
/// # Errors
///
/// When there is no source, or it does not build.
pub(super) fn ensure(session: &Session, toolchain: &Toolchain) -> Result<Kernel> {
    let Source {
        offer,
        entry: source,
    } = stock::source(session, toolchain)?;
    let file = session.workspace.path(FRAGMENT);
    let fragment = std::fs::read_to_string(&file)
        .with_context(|| format!("the configuration in {}", file.display()))?;
    let recipe = Recipe {
        revision: REVISION,
        source: source.key(),
        toolchain: toolchain.key(),
        fragment,
    };
    let built = session.report.stage("um kernel", |stage| {
        let built = build(session, toolchain, &source, &recipe, stage)?;
        stage.note(format!("{} {}", offer.release, built.origin()));
        Ok(built)
    })?;
    let tree = built.path().join("build");
    let config = Config::read(&tree.join(".config"))?;
    config.want_rust("the um kernel")?;
    let release = std::fs::read_to_string(tree.join("include/config/kernel.release"))
        .context("the um kernel's release")?;
    Ok(Kernel {
        release: release.trim().to_owned(),
        tree: BuildTree {
            path: TREE_INSIDE.into(),
            binds: binds(&source, &tree),
            make_args: MAKE_ARGS.iter().map(|arg| (*arg).to_owned()).collect(),
            config,
        },
        boot: Some(Boot {
            image: tree.join("linux"),
            modules: tree.join("installed/lib/modules"),
            key: Some(built.key()),
        }),
        _entries: vec![source, built],
    })
}

/// Is the entry of the form that this version uses?
pub(crate) fn is_current(path: &Path) -> bool {
    Cache::recipe::<Recipe>(path).is_some_and(|recipe| recipe.revision == REVISION)
}

fn build(
    session: &Session,
    toolchain: &Toolchain,
    source: &Entry,
    recipe: &Recipe,
    stage: &Stage,
) -> Result<Entry> {
    let jobs = available_parallelism().map_or(1, usize::from);
    let tell = |message: &str| stage.say(message);
    session.cache.entry(KIND, recipe, &tell, |partial| {
        let tree = partial.join("build");
        std::fs::create_dir(&tree).context("making a place for the build tree")?;
        std::fs::write(tree.join("fragment"), &recipe.fragment).context("writing the fragment")?;
        stage.set_length(LINES, true);
        let mut chroot = toolchain.chroot();
        for (outside, inside) in binds(source, &tree) {
            chroot = chroot.bind(&outside, inside);
        }
        chroot
            .script("building the um kernel", BUILD)
            .arg(jobs.to_string())
            .args(MAKE_ARGS)
            .log(session.workspace.log("um-kernel"))
            .run(stage)
    })
}

fn binds(source: &Entry, tree: &Path) -> Vec<(std::path::PathBuf, std::ffi::OsString)> {
    vec![
        (source.path().to_owned(), stock::INSIDE.into()),
        (tree.to_owned(), TREE_INSIDE.into()),
    ]
}
