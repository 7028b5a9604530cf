// SPDX-License-Identifier: GPL-2.0

//! What the commands that run a guest share.

use std::collections::VecDeque;

use anyhow::{bail, Result};

use super::build::Built;
use crate::accel;
use crate::cli::Flavour;
use crate::qemu::Guest;
use crate::session::Session;

/// Does `work` with the guest that was built, whose kernel is told these arguments.
///
/// # Errors
///
/// When the kernel's build tree has no image, and those of `work`.
pub(super) fn with<T>(
    session: &Session,
    built: &Built,
    arguments: &str,
    work: impl FnOnce(&Guest) -> Result<T>,
) -> Result<T> {
    let (Some(boot), Some(initramfs)) = (&built.kernel.boot, &built.initramfs) else {
        bail!(
            "the build tree of --kdir has no arch/x86/boot/bzImage, so there is nothing to boot; \
             run `make bzImage modules` there, or leave --kdir out"
        );
    };
    if session.options.flavour == Some(Flavour::Um) {
        bail!("the um kernel is for `cargo xtask bench`; leave --flavour out");
    }
    let accel = accel::choose(session, &built.toolchain, &boot.image)?;
    work(&Guest {
        counting: false,
        image: &boot.image,
        initramfs,
        accel,
        arguments: arguments.to_owned(),
    })
}

/// Shows the end of the guest's console.
pub(super) fn print_console(lines: &VecDeque<String>) {
    println!("the console's last lines:");
    for line in lines {
        println!("    {line}");
    }
}
