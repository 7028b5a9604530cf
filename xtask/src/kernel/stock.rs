// SPDX-License-Identifier: GPL-2.0

//! Debian's own kernel: image and modules as they are, and a build tree made from its source.
//!
//! Debian's headers package carries no Rust metadata, so the build tree is configured as Debian's was
//! and prepared by the same compilers; the symbols it yields have the names that the image exports.

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::{bail, Context, Result};
use serde::{Deserialize, Serialize};

use super::choice::{choose, find, Choice};
use super::offer::{self, Offer};
use super::version::{Request, Version};
use super::{Boot, BuildTree, Config, Kernel};
use crate::apt::Apt;
use crate::cache::{Cache, Entry};
use crate::progress::Stage;
use crate::session::Session;
use crate::toolchain::Toolchain;

/// To be raised when what an entry holds changes.
const REVISION: u32 = 1;

/// The kinds of entries in the cache.
const KERNEL: &str = "kernel";
const TREE: &str = "tree";

/// Where the root sees an unpacked kernel and a build tree.
pub(super) const INSIDE: &str = "/kernel";
const TREE_INSIDE: &str = "/build";

/// Lines printed while unpacking (one for each 10 MB), and while preparing.
const UNPACK_LINES: u64 = 170;
const PREPARE_LINES: u64 = 400;

/// Unpacks the packages in `debs`. Arguments: release, series.
const UNPACK: &str = r#"
set -o pipefail
cd /kernel
mkdir source image
dpkg-deb --fsys-tarfile debs/linux-source-*.deb | tar -xO "./usr/src/linux-source-$2.tar.xz" |
    tar -xJ --strip-components=1 -C source --checkpoint=1000 --checkpoint-action=echo="unpacking the source"
for package in debs/linux-binary-*.deb debs/linux-modules-*.deb debs/linux-headers-*.deb; do
    echo "unpacking $package"
    dpkg-deb -x "$package" image
done
for place in "image/usr/lib/modules/$1/vmlinuz" "image/boot/vmlinuz-$1"; do
    if [ -e "$place" ]; then mv "$place" vmlinuz; break; fi
done
[ -e vmlinuz ] || { echo "no vmlinuz in the packages"; exit 1; }
mkdir modules
mv "image/usr/lib/modules/$1" modules/ || mv "image/lib/modules/$1" modules/
mv "image/usr/src/linux-headers-$1/.config" config
mv "image/usr/src/linux-headers-$1/Module.symvers" Module.symvers
rm -rf image debs
"#;

/// Prepares the build tree. Arguments: jobs, then make's.
const PREPARE: &str = r#"
jobs=$1; shift
cp /kernel/config /build/.config
cd /kernel/source
make O=/build "$@" olddefconfig
make O=/build "$@" -j"$jobs" prepare modules_prepare
cp /kernel/Module.symvers /build/
"#;

/// What determines an unpacked kernel; it also tells later runs what was used.
#[derive(Debug, Deserialize, Serialize)]
struct KernelRecipe {
    revision: u32,
    release: String,
    package_version: String,
}

#[derive(Debug, Serialize)]
struct TreeRecipe {
    revision: u32,
    kernel: String,
    toolchain: String,
}

/// Debian's kernel, unpacked: its source, among others.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) offer: Offer,
    pub(super) entry: Entry,
}

/// The packages of the kernel that was asked for, unpacked.
pub(super) fn source(session: &Session, toolchain: &Toolchain) -> Result<Source> {
    let request = Request::parse(session.options.kernel.as_deref())?;
    session.report.stage("kernel", |stage| {
        let (offer, entry) = obtain(session, toolchain, request, stage)?;
        stage.note(format!("{} {}", offer.release, entry.origin()));
        Ok(Source { offer, entry })
    })
}

/// Debian's kernel, unpacked, with a build tree.
pub(super) fn ensure(session: &Session, toolchain: &Toolchain) -> Result<Kernel> {
    let Source {
        offer,
        entry: kernel,
    } = source(session, toolchain)?;
    let config = Config::read(&kernel.path().join("config"))?;
    config.want_rust(&offer.release)?;
    let make_args = make_args(&offer, &config)?;
    let tree = session.report.stage("kernel build tree", |stage| {
        let tree = prepare(session, toolchain, &kernel, &make_args, stage)?;
        stage.note(tree.origin());
        Ok(tree)
    })?;
    let prepared = Config::read(&tree.path().join("build/.config"))?;
    same_compiler(&offer, &config, &prepared)?;
    Ok(Kernel {
        release: offer.release,
        tree: BuildTree {
            path: TREE_INSIDE.into(),
            binds: binds(kernel.path(), &tree.path().join("build")),
            make_args,
            config: prepared,
        },
        boot: Some(Boot {
            image: kernel.path().join("vmlinuz"),
            modules: kernel.path().join("modules"),
            key: Some(kernel.key()),
        }),
        _entries: vec![kernel, tree],
    })
}

/// Is the entry, an unpacked kernel or a build tree, of the form that this version uses?
pub(crate) fn is_current(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Any {
        revision: u32,
    }
    Cache::recipe::<Any>(path).is_some_and(|recipe| recipe.revision == REVISION)
}

fn binds(kernel: &Path, build: &Path) -> Vec<(PathBuf, std::ffi::OsString)> {
    vec![
        (kernel.to_owned(), INSIDE.into()),
        (build.to_owned(), TREE_INSIDE.into()),
    ]
}

/// The kernel that was used before, if it fits, or one that the mirror offers.
fn obtain(
    session: &Session,
    toolchain: &Toolchain,
    request: Request,
    stage: &Stage,
) -> Result<(Offer, Entry)> {
    let cached = cached(&session.cache)?;
    if let Some(choice) = find(&cached, request) {
        tell(&choice, stage);
        let entry = unpacked(session, toolchain, choice.offer, None, stage)?;
        return Ok((choice.offer.clone(), entry));
    }
    session.want_network(&format!("a Debian kernel {request}"))?;
    let apt = Apt::update(session, toolchain, stage)?;
    let offers = offer::find(&apt.list(&offer::PREFIXES)?);
    let choice = choose(&offers, request)?;
    tell(&choice, stage);
    let entry = unpacked(session, toolchain, choice.offer, Some(&apt), stage)?;
    Ok((choice.offer.clone(), entry))
}

fn tell(choice: &Choice, stage: &Stage) {
    if let Some(remark) = &choice.remark {
        stage.say(remark);
    }
}

/// The kernels in the cache, as if they were a mirror's.
fn cached(cache: &Cache) -> Result<Vec<Offer>> {
    let mut offers: Vec<Offer> = cache
        .entries(KERNEL)?
        .iter()
        .filter_map(|path| Cache::recipe::<KernelRecipe>(path))
        .filter(|recipe| recipe.revision == REVISION)
        .filter_map(|recipe| {
            Some(Offer {
                version: Version::of_release(&recipe.release)?,
                release: recipe.release,
                package_version: recipe.package_version,
                lacking: Vec::new(),
            })
        })
        .collect();
    offers.sort_by(|a, b| (b.version, &b.package_version).cmp(&(a.version, &a.package_version)));
    Ok(offers)
}

/// The kernel's packages, unpacked in the cache.
fn unpacked(
    session: &Session,
    toolchain: &Toolchain,
    offer: &Offer,
    apt: Option<&Apt>,
    stage: &Stage,
) -> Result<Entry> {
    let recipe = KernelRecipe {
        revision: REVISION,
        release: offer.release.clone(),
        package_version: offer.package_version.clone(),
    };
    let tell = |message: &str| stage.say(message);
    session.cache.entry(KERNEL, &recipe, &tell, |partial| {
        let Some(apt) = apt else {
            bail!(
                "{} was just removed from the cache by another xtask; try again",
                offer.release
            );
        };
        let debs = partial.join("debs");
        std::fs::create_dir(&debs).context("making a place for the packages")?;
        apt.download(&offer.packages(), &debs, stage)?;
        stage.set_length(UNPACK_LINES, true);
        toolchain
            .chroot()
            .bind(partial, INSIDE)
            .script("unpacking the kernel", UNPACK)
            .arg(&offer.release)
            .arg(offer.version.series())
            .log(session.workspace.log("unpack"))
            .run(stage)
    })
}

/// The build tree, prepared in the cache.
fn prepare(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Entry,
    make_args: &[String],
    stage: &Stage,
) -> Result<Entry> {
    let recipe = TreeRecipe {
        revision: REVISION,
        kernel: kernel.key(),
        toolchain: toolchain.key(),
    };
    let jobs = available_parallelism().map_or(1, usize::from);
    let tell = |message: &str| stage.say(message);
    session.cache.entry(TREE, &recipe, &tell, |partial| {
        let build = partial.join("build");
        std::fs::create_dir(&build).context("making a place for the build tree")?;
        stage.set_length(PREPARE_LINES, true);
        let mut chroot = toolchain.chroot();
        for (outside, inside) in binds(kernel.path(), &build) {
            chroot = chroot.bind(&outside, inside);
        }
        chroot
            .script("preparing the kernel's build tree", PREPARE)
            .arg(jobs.to_string())
            .args(make_args)
            .log(session.workspace.log("kernel-tree"))
            .run(stage)
    })
}

/// What makes our build tree the one that Debian had.
fn make_args(offer: &Offer, config: &Config) -> Result<Vec<String>> {
    let version = offer.version.to_string();
    let Some(local) = offer.release.strip_prefix(&version) else {
        bail!(
            "the kernel's release {} does not begin with {version}",
            offer.release
        );
    };
    let Some(cc) = config.cc() else {
        bail!(
            "the configuration of {} does not say which C compiler built it",
            offer.release
        );
    };
    let host_cc = cc.strip_prefix("x86_64-linux-gnu-").unwrap_or(cc);
    Ok(vec![
        format!("CC={cc}"),
        format!("HOSTCC={host_cc}"),
        format!("LOCALVERSION={local}"),
    ])
}

/// Compares Debian's configuration with what our compilers made of it.
fn same_compiler(offer: &Offer, debian: &Config, ours: &Config) -> Result<()> {
    if ours.rustc() == debian.rustc() && ours.get("CONFIG_RUST") == Some("y") {
        return Ok(());
    }
    let name = |config: &Config| config.rustc().unwrap_or("no rustc").to_owned();
    bail!(
        "{} was built by {}, but the toolchain root has {}: a module must be built by the kernel's own \
         compiler; `cargo xtask clean --all` makes a new root from the mirror",
        offer.release,
        name(debian),
        name(ours)
    )
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::config;
    use super::*;

    fn offer() -> Offer {
        Offer {
            version: Version::of_release("7.3.4").unwrap(),
            release: "7.3.4+deb13-cloud-amd64".to_owned(),
            package_version: "7.3.4-1~bpo13+1".to_owned(),
            lacking: Vec::new(),
        }
    }

    #[test]
    fn make_is_told_debian_s_compiler_and_local_version() {
        let config = config("CONFIG_CC_VERSION_TEXT=\"x86_64-linux-gnu-gcc-14 (Debian) 14.2.0\"\n");
        let expected = [
            "CC=x86_64-linux-gnu-gcc-14",
            "HOSTCC=gcc-14",
            "LOCALVERSION=+deb13-cloud-amd64",
        ];
        assert_eq!(make_args(&offer(), &config).unwrap(), expected);
    }

    #[test]
    fn another_rustc_than_debian_s_is_refused_by_name() {
        let debian = config("CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.1 (a)\"\n");
        let ours = config("CONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"rustc 1.86.0 (b)\"\n");
        same_compiler(&offer(), &debian, &debian).unwrap();
        let error = same_compiler(&offer(), &debian, &ours)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("was built by rustc 1.85.1 (a), but"),
            "{error}"
        );
        assert!(error.contains("has rustc 1.86.0 (b)"), "{error}");
    }

    #[test]
    fn kernels_in_the_cache_are_offers() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        for version in ["7.3.4", "7.3.10", "7.4.1"] {
            let recipe = KernelRecipe {
                revision: REVISION,
                release: format!("{version}+deb13-cloud-amd64"),
                package_version: format!("{version}-1"),
            };
            cache.entry(KERNEL, &recipe, &|_| (), |_| Ok(())).unwrap();
        }
        let offers = cached(&cache).unwrap();
        let chosen = find(&offers, Request::Default).unwrap();
        assert_eq!(chosen.offer.release, "7.3.10+deb13-cloud-amd64");
        assert!(find(&offers, Request::parse(Some("7.3.5")).unwrap()).is_none());
    }
}
