// SPDX-License-Identifier: GPL-2.0

//! Stage 5: the guest's file system, as two archives in one file.
//!
//! The *base* holds what is of Debian's: tools with their libraries, the kernel's modules. It is made
//! once for each kernel and kept in the cache. The *overlay* holds what is ours, and is written anew
//! each time. The kernel unpacks one after the other. Neither is compressed: under TCG it takes longer
//! to unpack than to load.

mod archive;
mod base;
mod closure;
mod modules;
mod overlay;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub(crate) use base::is_current;
pub(crate) use overlay::Contents;

use crate::kernel::{Boot, Kernel};
use crate::session::Session;
use crate::toolchain::Toolchain;

/// Makes the file that QEMU hands to the kernel.
///
/// # Errors
///
/// When something that belongs in it is missing.
pub(crate) fn build(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Kernel,
    boot: &Boot,
    contents: &Contents,
) -> Result<PathBuf> {
    let base = session.report.stage("initramfs base", |stage| {
        base::ensure(session, toolchain, &kernel.release, boot, stage)
    })?;
    session.report.stage("initramfs", |stage| {
        let file = session.workspace.target("xtask/initramfs.cpio");
        join(
            &base.file(),
            &overlay::tree(session, &kernel.release, contents)?,
            &file,
        )?;
        let size = fs::metadata(&file).map_or(0, |metadata| metadata.len());
        stage.note(format!("{} MB", size >> 20));
        Ok(file)
    })
}

/// Writes the base and the overlay after it, beside `file`, and moves the result there.
fn join(base: &Path, overlay: &archive::Tree, file: &Path) -> Result<()> {
    let saying = || format!("writing {}", file.display());
    let parent = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(saying)?;
    let mut joined = tempfile::NamedTempFile::new_in(parent).with_context(saying)?;
    let mut base = File::open(base).with_context(|| format!("reading {}", base.display()))?;
    io::copy(&mut base, &mut joined).with_context(saying)?;
    overlay.write(&mut joined).with_context(saying)?;
    joined.persist(file).with_context(saying)?;
    Ok(())
}

/// A file system with nothing but one program and a console.
pub(crate) fn single(session: &Session, path: &str, program: &Path) -> Result<PathBuf> {
    let mut tree = archive::Tree::default();
    tree.insert("dev/console", archive::Node::Device { major: 5, minor: 1 });
    tree.insert(
        path,
        archive::Node::Copy {
            from: program.to_owned(),
            mode: 0o755,
        },
    );
    let file = session.workspace.target("xtask/single.cpio");
    let saying = || format!("writing {}", file.display());
    fs::create_dir_all(session.workspace.target("xtask")).with_context(saying)?;
    tree.write(&mut File::create(&file).with_context(saying)?)?;
    Ok(file)
}
