// SPDX-License-Identifier: GPL-2.0

//! `cargo xtask clean`: what was built in the tree, and what the cache keeps for nobody.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cache::remove_tree;
use crate::session::Session;
use crate::{initramfs, kernel, toolchain, Outcome};

/// What the kernel's build leaves in a module's directory.
const PRODUCTS: &[&str] = &["o", "ko", "mod", "cmd", "d", "rmeta", "order", "symvers"];

/// Removes; says what it removed from the cache.
pub(super) fn run(session: &Session, all: bool) -> Result<Outcome> {
    remove_products(&session.workspace.path("kmod"))?;
    remove_tree(&session.workspace.target("xtask"))?;
    remove_tree(&session.workspace.target("guest"))?;
    if all {
        session.cache.remove()?;
        println!("removed {}", session.cache.dir().display());
        return Ok(Outcome::Passed);
    }
    let removed = [
        session.cache.prune("toolchain", toolchain::is_current)?,
        session.cache.prune("kernel", kernel::is_current)?,
        session.cache.prune("tree", kernel::is_current)?,
        session.cache.prune("um", kernel::um_is_current)?,
        session.cache.prune("base", initramfs::is_current)?,
    ];
    for path in removed.iter().flatten() {
        println!("removed {}", path.display());
    }
    Ok(Outcome::Passed)
}

/// Removes what the kernel's build made, here and below.
fn remove_products(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry
            .with_context(|| format!("reading {}", dir.display()))?
            .path();
        if path.is_dir() {
            remove_products(&path)?;
        } else if is_product(&path) {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

fn is_product(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    PRODUCTS.contains(&extension.as_ref())
        || name.ends_with(".mod.c")
        || name.ends_with("_generated.rs")
        || name == "Module.symvers"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_go_and_sources_stay() {
        let cases = [
            ("ferrule.ko", true),
            (".ferrule.ko.cmd", true),
            ("ferrule.mod.c", true),
            ("bindings_generated.rs", true),
            ("Module.symvers", true),
            ("helpers.c", false),
            ("hook.rs", false),
            ("Kbuild", false),
        ];
        for (name, product) in cases {
            assert_eq!(is_product(Path::new(name)), product, "{name}");
        }
    }
}
