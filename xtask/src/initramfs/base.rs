// SPDX-License-Identifier: GPL-2.0

//! The part of the guest's file system that is Debian's.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::archive::{Node, Tree};
use super::closure::Closure;
use super::modules;
use crate::cache::{remove_tree, Cache, Entry};
use crate::kernel::Boot;
use crate::progress::Stage;
use crate::session::Session;
use crate::toolchain::Toolchain;

/// To be raised when what the base holds changes, but for [`TOOLS`].
const REVISION: u32 = 1;

/// The programs, with the names that they are called by.
const TOOLS: &[&str] = &[
    "usr/bin/bash",
    "usr/bin/busybox",
    "usr/bin/kmod",
    "usr/bin/ping",
    "usr/bin/tcpdump",
    "usr/sbin/arptables-nft",
    "usr/sbin/bridge",
    "usr/sbin/conntrack",
    "usr/sbin/ebtables-nft",
    "usr/sbin/insmod",
    "usr/sbin/ip",
    "usr/sbin/ip6tables",
    "usr/sbin/ip6tables-legacy",
    "usr/sbin/ip6tables-legacy-restore",
    "usr/sbin/ip6tables-legacy-save",
    "usr/sbin/ip6tables-nft",
    "usr/sbin/ip6tables-nft-restore",
    "usr/sbin/ip6tables-nft-save",
    "usr/sbin/ip6tables-restore",
    "usr/sbin/ip6tables-save",
    "usr/sbin/ipset",
    "usr/sbin/iptables",
    "usr/sbin/iptables-legacy",
    "usr/sbin/iptables-legacy-restore",
    "usr/sbin/iptables-legacy-save",
    "usr/sbin/iptables-nft",
    "usr/sbin/iptables-nft-restore",
    "usr/sbin/iptables-nft-save",
    "usr/sbin/iptables-restore",
    "usr/sbin/iptables-save",
    "usr/sbin/lsmod",
    "usr/sbin/modinfo",
    "usr/sbin/modprobe",
    "usr/sbin/nft",
    "usr/sbin/rmmod",
    "usr/sbin/tc",
    "usr/bin/ss",
];

/// What the programs load at run time, or read.
const DIRECTORIES: &[&str] = &[
    "usr/lib/x86_64-linux-gnu/xtables",
    "usr/lib/tc",
    "usr/share/iproute2",
];
const FILES: &[&str] = &[
    "etc/ethertypes",
    "etc/protocols",
    "etc/services",
    "etc/ld.so.cache",
];

/// The links that make /usr one with /.
const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
];

/// Where PID 1 mounts things.
const MOUNT_POINTS: &[&str] = &["dev", "proc", "run", "sys", "tmp", "root", "var/run"];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                      tcpdump:x:100:100::/:/bin/false\n\
                      nobody:x:65534:65534:nobody:/:/bin/false\n";
const GROUP: &str = "root:x:0:\ntcpdump:x:100:\nnogroup:x:65534:\n";

/// Finds out what the modules depend on. Arguments: release.
const INDEX: &str = r#"
mkdir -p "/out/all/lib/modules/$1"
cp -r "/modules/$1/kernel" "/out/all/lib/modules/$1/"
touch "/out/all/lib/modules/$1/modules.order" "/out/all/lib/modules/$1/modules.builtin"
depmod -b /out/all "$1"
"#;

/// Unpacks the modules on standard input's list, and indexes them. Arguments: release, modules.
const TAKE: &str = r#"
release=$1; shift
from=/out/all/lib/modules/$release; to=/out/tree/lib/modules/$release
mkdir -p "$to"
cd "$from"
touch "$to/modules.order" "$to/modules.builtin"
if [ $# -gt 0 ]; then cp --parents "$@" "$to/"; fi
find "$to" -name '*.xz' -exec xz -d {} +
depmod -b /out/tree "$release"
rm -rf /out/all
"#;

/// What determines the base.
#[derive(Debug, Deserialize, Serialize)]
struct Recipe {
    revision: u32,
    toolchain: String,
    kernel: String,
    tools: Vec<String>,
}

/// The base's archive.
#[derive(Debug)]
pub(super) enum Base {
    /// In the cache.
    Cached(Entry),
    /// Made for this run, for a kernel that may change.
    Fresh(PathBuf),
}

impl Base {
    /// The archive's file.
    pub(super) fn file(&self) -> PathBuf {
        match self {
            Base::Cached(entry) => entry.path().join("base.cpio"),
            Base::Fresh(directory) => directory.join("base.cpio"),
        }
    }
}

/// The base for this kernel, made if the cache lacks it.
pub(super) fn ensure(
    session: &Session,
    toolchain: &Toolchain,
    release: &str,
    boot: &Boot,
    stage: &Stage,
) -> Result<Base> {
    let make = |directory: &Path| make(session, toolchain, release, boot, directory, stage);
    let Some(kernel) = boot.key.clone() else {
        let directory = session.workspace.target("xtask/base");
        remove_tree(&directory)?;
        fs::create_dir_all(&directory)
            .with_context(|| format!("making {}", directory.display()))?;
        make(&directory)?;
        return Ok(Base::Fresh(directory));
    };
    let recipe = Recipe {
        revision: REVISION,
        toolchain: toolchain.key(),
        kernel,
        tools: tools(),
    };
    let entry = session
        .cache
        .entry("base", &recipe, &|message| stage.say(message), make)?;
    stage.note(entry.origin());
    Ok(Base::Cached(entry))
}

/// Is the entry, found in the cache, of the form that this version uses?
pub(crate) fn is_current(path: &Path) -> bool {
    Cache::recipe::<Recipe>(path)
        .is_some_and(|recipe| recipe.revision == REVISION && recipe.tools == tools())
}

fn tools() -> Vec<String> {
    TOOLS.iter().map(|tool| (*tool).to_owned()).collect()
}

/// Makes the archive in `directory`.
fn make(
    session: &Session,
    toolchain: &Toolchain,
    release: &str,
    boot: &Boot,
    directory: &Path,
    stage: &Stage,
) -> Result<()> {
    stage.message("choosing modules");
    let chroot = toolchain
        .chroot()
        .bind(directory, "/out")
        .bind(&boot.modules, "/modules");
    let log = |name: &str| session.workspace.log(name);
    chroot
        .script("indexing the kernel's modules", INDEX)
        .arg(release)
        .log(log("depmod"))
        .run(stage)?;
    let index = directory
        .join("all/lib/modules")
        .join(release)
        .join("modules.dep");
    chroot
        .script("unpacking the kernel's modules", TAKE)
        .arg(release)
        .args(modules::closure(&index)?)
        .log(log("modules"))
        .run(stage)?;
    stage.message("writing the archive");
    let tree = tree(toolchain, &directory.join("tree/lib/modules"))?;
    let file = directory.join("base.cpio");
    let mut out = std::io::BufWriter::new(
        File::create(&file).with_context(|| format!("making {}", file.display()))?,
    );
    tree.write(&mut out)?;
    remove_tree(&directory.join("tree"))
}

fn tree(toolchain: &Toolchain, modules: &Path) -> Result<Tree> {
    let root = toolchain.root();
    let mut tree = Tree::default();
    for (link, target) in LINKS {
        tree.insert(link, Node::Symlink((*target).to_owned()));
    }
    for directory in MOUNT_POINTS {
        tree.insert(directory, Node::Directory);
    }
    tree.insert("dev/console", Node::Device { major: 5, minor: 1 });
    tree.insert("dev/null", Node::Device { major: 1, minor: 3 });
    tree.insert("etc/passwd", Node::Text(PASSWD.to_owned()));
    tree.insert("etc/group", Node::Text(GROUP.to_owned()));
    let mut closure = Closure::new(&root, &mut tree);
    for tool in TOOLS {
        closure.add(tool)?;
    }
    for directory in DIRECTORIES {
        closure.add_all(directory)?;
    }
    for file in FILES.iter().filter(|file| root.join(file).exists()) {
        closure.add(file)?;
    }
    applets(toolchain, &mut tree)?;
    tree.insert_all("usr/lib/modules", modules)?;
    Ok(tree)
}

/// Links busybox's applets, where Debian's own program is not there.
fn applets(toolchain: &Toolchain, tree: &mut Tree) -> Result<()> {
    let list = toolchain
        .chroot()
        .job("asking busybox for its applets", "busybox")
        .arg("--list")
        .output()?;
    for applet in list
        .lines()
        .map(str::trim)
        .filter(|applet| !applet.is_empty())
    {
        if !["bin", "sbin"]
            .iter()
            .any(|dir| tree.contains(&format!("usr/{dir}/{applet}")))
        {
            tree.insert(
                &format!("usr/bin/{applet}"),
                Node::Symlink("busybox".to_owned()),
            );
        }
    }
    Ok(())
}
