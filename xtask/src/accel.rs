// SPDX-License-Identifier: GPL-2.0

//! Whether guests run under KVM here.
//!
//! That `/dev/kvm` opens proves nothing: there are hosts where it does, and where every ordinary guest
//! hangs. So a guest is tried, for a limited time, once for each boot of the host.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cli::AccelChoice;
use crate::initramfs;
use crate::qemu::watch::{Limits, Port};
use crate::qemu::Guest;
use crate::session::Session;
use crate::toolchain::Toolchain;

/// How long the trial guest may take; where KVM works it takes two seconds.
const TRIAL: Duration = Duration::from_secs(10);

/// What the trial guest's kernel says when its init has asked to be powered off.
const ALIVE: &str = "Power down";

/// How a guest's processor is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accel {
    Kvm,
    Tcg,
}

impl Accel {
    /// The options that tell QEMU.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Accel::Kvm => ["-accel", "kvm", "-cpu", "host"],
            // One thread for all processors: with a thread each, QEMU (7.2 was seen) now and then lets
            // one run into the breakpoint that the kernel leaves while it patches a jump label, and the
            // guest dies of an int3, with or without our module. Both processors are still there and
            // interleave.
            Accel::Tcg => ["-accel", "tcg,thread=single", "-cpu", "max"],
        }
    }

    /// What makes the guest's clock count instructions, one a nanosecond; nothing where the processor's own
    /// are run.
    pub(crate) fn counting(self) -> &'static [&'static str] {
        match self {
            Accel::Kvm => &[],
            Accel::Tcg => &["-icount", "shift=0,sleep=off"],
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
        }
    }
}

/// What the options say, or else what a trial shows.
///
/// # Errors
///
/// When the trial cannot be held; that it fails is none.
pub(crate) fn choose(session: &Session, toolchain: &Toolchain, image: &Path) -> Result<Accel> {
    session.report.stage("accelerator", |stage| {
        let (accel, why) = match session.options.accel {
            AccelChoice::Kvm => (Accel::Kvm, "as asked"),
            AccelChoice::Tcg => (Accel::Tcg, "as asked"),
            AccelChoice::Auto if !Path::new("/dev/kvm").exists() => (Accel::Tcg, "no /dev/kvm"),
            AccelChoice::Auto => {
                stage.message("trying a guest under KVM");
                remembered(session, || trial(session, toolchain, image))?
            }
        };
        stage.note(format!("{}: {why}", accel.name()));
        Ok(accel)
    })
}

/// The outcome of this boot's trial, held now if it was not before.
fn remembered(
    session: &Session,
    trial: impl FnOnce() -> Result<bool>,
) -> Result<(Accel, &'static str)> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let file = session.cache.dir().join("accel");
    let known = fs::read_to_string(&file).unwrap_or_default();
    let works = match known.trim().split_once(' ') {
        Some((id, outcome)) if id == boot.trim() => outcome == "kvm",
        _ => {
            let works = trial()?;
            let outcome = if works { "kvm" } else { "tcg" };
            fs::write(&file, format!("{} {outcome}\n", boot.trim()))
                .with_context(|| format!("writing {}", file.display()))?;
            works
        }
    };
    Ok(if works {
        (Accel::Kvm, "a trial guest ran")
    } else {
        (Accel::Tcg, "a trial guest did not run under KVM")
    })
}

/// Boots the kernel with an init that only powers off.
fn trial(session: &Session, toolchain: &Toolchain, image: &Path) -> Result<bool> {
    let busybox = toolchain.root().join("usr/bin/busybox");
    let initramfs = initramfs::single(session, "bin/busybox", &busybox)?;
    let guest = Guest {
        counting: false,
        image,
        initramfs: &initramfs,
        accel: Accel::Kvm,
        // What follows the dashes is for init.
        arguments: "rdinit=/bin/busybox -- poweroff -f".to_owned(),
    };
    let mut alive = false;
    let limits = Limits {
        silence: TRIAL,
        total: TRIAL,
    };
    guest.run(limits, |port, line| {
        alive |= port == Port::Console && line.contains(ALIVE);
    })?;
    Ok(alive)
}
