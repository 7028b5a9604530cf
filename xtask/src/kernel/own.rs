// SPDX-License-Identifier: GPL-2.0

//! A build tree of the user's own (`--kdir`). It is looked at and used, and left as it is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use super::version::{too_old, Version, OLDEST};
use super::{Boot, BuildTree, Config, Kernel};
use crate::process::Job;
use crate::session::Session;

/// The kernel that the tree in `dir` is of.
///
/// # Errors
///
/// When it is no prepared build tree, older than 7.3, or without Rust.
pub(super) fn open(session: &Session, dir: &Path) -> Result<Kernel> {
    session.report.stage("kernel", |stage| {
        let dir = fs::canonicalize(dir)
            .with_context(|| format!("--kdir {}: there is no such directory", dir.display()))?;
        let (release, config) = examine(&dir)?;
        let boot = boot(session, &dir, stage)?;
        stage.note(format!("{release}, yours"));
        Ok(Kernel {
            release,
            tree: BuildTree {
                binds: binds(&dir),
                path: dir.into_os_string(),
                make_args: Vec::new(),
                config,
            },
            boot,
            _entries: Vec::new(),
        })
    })
}

/// What the tree is a tree of.
fn examine(dir: &Path) -> Result<(String, Config)> {
    let config = Config::read(&dir.join(".config"))?;
    let release_file = dir.join("include/config/kernel.release");
    let release = fs::read_to_string(&release_file).with_context(|| {
        format!(
            "{} is missing: the tree in {} is not prepared; run `make prepare modules_prepare` there",
            release_file.display(),
            dir.display()
        )
    })?;
    let release = release.trim().to_owned();
    let Some(version) = Version::of_release(&release) else {
        bail!(
            "{} says {release:?}, which is no kernel release",
            release_file.display()
        );
    };
    if version < OLDEST {
        bail!("--kdir {}: {}", dir.display(), too_old(&release));
    }
    config.want_rust(&format!("the kernel in {}", dir.display()))?;
    Ok((release, config))
}

/// The tree, and the source that it was configured from, at their own paths.
fn binds(dir: &Path) -> Vec<(PathBuf, OsString)> {
    let mut binds = vec![(dir.to_owned(), dir.as_os_str().to_owned())];
    if let Ok(source) = fs::canonicalize(dir.join("source")) {
        if source != dir {
            binds.push((source.clone(), source.into_os_string()));
        }
    }
    binds
}

/// The image that was built in the tree, with the modules that were, if there is one.
fn boot(session: &Session, dir: &Path, stage: &crate::progress::Stage) -> Result<Option<Boot>> {
    let image = dir.join("arch/x86/boot/bzImage");
    if !image.exists() {
        return Ok(None);
    }
    let installed = session.workspace.target("xtask/own-kernel");
    crate::cache::remove_tree(&installed)?;
    fs::create_dir_all(installed.join("lib/modules"))
        .with_context(|| format!("making {}", installed.display()))?;
    if dir.join("modules.order").exists() {
        Job::new("installing the kernel's modules", "make")
            .arg("-C")
            .arg(dir)
            .arg(format!("INSTALL_MOD_PATH={}", installed.display()))
            .args(["INSTALL_MOD_STRIP=1", "modules_install"])
            .log(session.workspace.log("modules-install"))
            .run(stage)?;
    }
    Ok(Some(Boot {
        image,
        modules: installed.join("lib/modules"),
        key: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build tree with this release and configuration.
    fn tree(release: &str, config: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("include/config")).unwrap();
        fs::write(dir.path().join("include/config/kernel.release"), release).unwrap();
        fs::write(dir.path().join(".config"), config).unwrap();
        dir
    }

    fn refusal(dir: &Path) -> String {
        examine(dir).unwrap_err().to_string()
    }

    #[test]
    fn a_kernel_with_rust_is_taken() {
        let dir = tree("7.3.4-mine\n", "CONFIG_RUST=y\n");
        assert_eq!(examine(dir.path()).unwrap().0, "7.3.4-mine");
    }

    #[test]
    fn an_old_kernel_is_refused_with_the_reason() {
        let refusal = refusal(tree("6.12.107\n", "CONFIG_RUST=y\n").path());
        assert!(
            refusal.contains("Linux 6.12.107 is older than 7.3"),
            "{refusal}"
        );
    }

    #[test]
    fn a_kernel_without_rust_is_refused_with_the_option() {
        let refusal = refusal(tree("7.3.4\n", "CONFIG_NET=y\n").path());
        assert!(refusal.contains("without CONFIG_RUST=y"), "{refusal}");
    }

    #[test]
    fn a_tree_that_was_not_prepared_says_what_to_run() {
        let dir = tempfile::tempdir().unwrap();
        assert!(refusal(dir.path()).contains("is this a configured kernel build tree?"));
        fs::write(dir.path().join(".config"), "CONFIG_RUST=y\n").unwrap();
        assert!(refusal(dir.path()).contains("run `make prepare modules_prepare` there"));
    }
}
