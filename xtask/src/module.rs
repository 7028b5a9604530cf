// SPDX-License-Identifier: GPL-2.0

//! Stage 4: `ferrule.ko`, by `make -C kmod` with the compilers that built the kernel.
//!
//! Usually that is in the toolchain root. A kernel of the user's own may have been built by the
//! host's compilers: then those are used.

use std::fs;
use std::path::PathBuf;

use anyhow::{bail, Context, Result};

use crate::cache::Lock;
use crate::kernel::Kernel;
use crate::process::Job;
use crate::progress::Stage;
use crate::session::Session;
use crate::toolchain::Toolchain;

/// Where the root sees the working tree.
const SOURCE: &str = "/src";

/// Which compiler the kernel was built by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Host,
}

/// Builds the module.
///
/// # Errors
///
/// When it does not compile, or neither the root nor the host has the kernel's compiler.
pub(crate) fn build(session: &Session, toolchain: &Toolchain, kernel: &Kernel) -> Result<PathBuf> {
    session.report.stage("module", |stage| {
        let _lock = lock(session, stage)?;
        let make = make(session, toolchain, kernel, "building ferrule.ko", &[])?;
        make.log(session.workspace.log("module")).run(stage)?;
        // Whoever has the lock next may clean kmod: what we go on with is a copy.
        let copy = session.workspace.target("xtask/ferrule.ko");
        let built = session.workspace.path("kmod/ferrule.ko");
        fs::copy(&built, &copy).with_context(|| format!("copying {}", built.display()))?;
        Ok(copy)
    })
}

/// The benches' sender (see its source), in a directory of its own.
const SENDER: &str = "qemu/sender";
const SENDER_FILES: [&str; 2] = ["Kbuild", "ferrule_sender.c"];
const SENDER_INSIDE: &str = "/sender";

/// Builds the module that sends packets in benches; it is C, so its compiler is make's business.
///
/// # Errors
///
/// When it does not compile.
pub(crate) fn build_sender(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Kernel,
) -> Result<PathBuf> {
    session.report.stage("sender", |stage| {
        let _lock = lock(session, stage)?;
        let place = session.workspace.target("xtask/sender");
        fs::create_dir_all(&place).with_context(|| format!("making {}", place.display()))?;
        for name in SENDER_FILES {
            let from = session.workspace.path(SENDER).join(name);
            let text = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
            // What is as it was keeps its time, for make.
            if fs::read(place.join(name)).ok().as_ref() != Some(&text) {
                fs::write(place.join(name), text).with_context(|| format!("copying {name}"))?;
            }
        }
        let mut chroot = toolchain.chroot().bind(&place, SENDER_INSIDE);
        for (outside, inside) in &kernel.tree.binds {
            chroot = chroot.bind(outside, inside);
        }
        chroot
            .job("building ferrule_sender.ko", "make")
            .arg("-C")
            .arg(&kernel.tree.path)
            .arg(format!("M={SENDER_INSIDE}"))
            .args(&kernel.tree.make_args)
            .arg("modules")
            .log(session.workspace.log("sender"))
            .run(stage)?;
        Ok(place.join("ferrule_sender.ko"))
    })
}

/// Has clippy read the module's crates, with `flags` for rustc; returns what it printed.
///
/// Its objects are thrown away: nobody should load what was compiled with other flags.
///
/// # Errors
///
/// When the module cannot be compiled.
pub(crate) fn lint(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Kernel,
    flags: &[String],
) -> Result<Vec<String>> {
    session.report.stage("module's lints", |stage| {
        let _lock = lock(session, stage)?;
        let make = |what: &str, args: &[String]| make(session, toolchain, kernel, what, args);
        let clippy = [
            "CLIPPY=1".to_owned(),
            format!("KRUSTFLAGS={}", flags.join(" ")),
        ];
        let clean = ["clean".to_owned()];
        make("cleaning kmod", &clean)?.run(stage)?;
        let mut lines = Vec::new();
        let job = make("clippy on ferrule.ko", &clippy)?.log(session.workspace.log("clippy"));
        let (status, tail) = job.watch(|line| {
            stage.line(line);
            lines.push(line.to_owned());
        })?;
        make("cleaning kmod", &clean)?.run(stage)?;
        if !status.success() {
            let tail: Vec<String> = tail.into();
            bail!(
                "the module does not compile ({status}):\n{}",
                tail.join("\n")
            );
        }
        Ok(lines)
    })
}

/// Keeps other runs on this working tree away from kmod, where the kernel's build puts its products.
fn lock(session: &Session, stage: &Stage) -> Result<Lock> {
    let file = session.workspace.target("xtask/module.lock");
    Lock::exclusive(&file, &|message| stage.say(message))
}

fn make(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Kernel,
    what: &str,
    args: &[String],
) -> Result<Job> {
    let mut kdir = std::ffi::OsString::from("KDIR=");
    kdir.push(&kernel.tree.path);
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let job = match place(toolchain, kernel)? {
        Place::Host => Job::new(what, "make")
            .arg("-C")
            .arg(session.workspace.path("kmod")),
        Place::Root => {
            let mut chroot = toolchain.chroot().bind(session.workspace.root(), SOURCE);
            for (outside, inside) in &kernel.tree.binds {
                chroot = chroot.bind(outside, inside);
            }
            chroot
                .job(what, "make")
                .args(["-C", "/src/kmod"])
                // Its other way leaves a pipe with a name in the root's /tmp when it is killed.
                .arg("--jobserver-style=pipe")
                .show("/src/", "")
        }
    };
    Ok(job
        .arg(format!("-j{jobs}"))
        .arg(kdir)
        .args(&kernel.tree.make_args)
        .args(args))
}

/// Finds the compiler that built the kernel.
fn place(toolchain: &Toolchain, kernel: &Kernel) -> Result<Place> {
    let version = |job: Job| {
        job.arg("--version")
            .output()
            .map(|text| text.trim().to_owned())
    };
    let root = version(toolchain.chroot().job("asking the root's rustc", "rustc")).context(
        "the toolchain root has no working rustc; `cargo xtask clean --all` makes a new one",
    )?;
    // The host need not have one at all.
    let host = version(Job::new("asking the host's rustc", "rustc")).ok();
    choose(kernel.tree.config.rustc(), &root, host.as_deref())
        .with_context(|| format!("no compiler for a module of {}", kernel.release))
}

fn choose(wanted: Option<&str>, root: &str, host: Option<&str>) -> Result<Place> {
    let Some(wanted) = wanted else {
        bail!("its configuration does not say which rustc built it (CONFIG_RUSTC_VERSION_TEXT)");
    };
    if wanted == root {
        return Ok(Place::Root);
    }
    if Some(wanted) == host {
        return Ok(Place::Host);
    }
    bail!(
        "it was built by {wanted}, but the toolchain root has {root} and the host {}; \
         kernel and module take the same compiler: build the kernel with one of these",
        host.unwrap_or("none")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_that_built_the_kernel_is_found() {
        let cases = [
            ("rustc 1.85.1 (a)", Place::Root),
            ("rustc 1.95.0 (b)", Place::Host),
        ];
        for (wanted, place) in cases {
            let found = choose(Some(wanted), "rustc 1.85.1 (a)", Some("rustc 1.95.0 (b)"));
            assert_eq!(found.unwrap(), place, "{wanted}");
        }
    }

    #[test]
    fn another_compiler_is_refused_with_all_three_named() {
        let error = choose(Some("rustc 1.90.0"), "rustc 1.85.1", None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("built by rustc 1.90.0"), "{error}");
        assert!(
            error.contains("root has rustc 1.85.1 and the host none"),
            "{error}"
        );
        assert!(choose(None, "rustc 1.85.1", None).is_err());
    }
}
