// SPDX-License-Identifier: GPL-2.0
//! What this program does when it is not PID 1: one request, as another user or from another user
//! namespace, and a line that says how it ended.
//!
//! Standard input is a descriptor of the device that PID 1 opened.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{bail, Context, Result};
use ferrule_uapi::ioctl::{Change, Info, IOC_FLUSH, IOC_INFO};
use ferrule_uapi::{ABI_VERSION, DEVICE_PATH};
use nix::errno::Errno;
use nix::sched::{unshare, CloneFlags};
use userctl::device::RawDevice;
use zerocopy::IntoBytes;

/// User and group of nobody.
const NOBODY: u32 = 65534;

/// What a probe tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Opening the device.
    Open,
    /// Flushing through the inherited descriptor.
    Flush,
    /// Asking through the inherited descriptor what is loaded.
    Info,
    /// Flushing a network namespace of its own, as root of a user namespace of its own.
    OwnNamespace,
    /// Flushing through the inherited descriptor, as root of a user namespace of its own.
    ForeignNamespace,
}

/// Who tries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Root,
    Nobody,
}

const PROBES: [(&str, Probe); 5] = [
    ("open", Probe::Open),
    ("flush", Probe::Flush),
    ("info", Probe::Info),
    ("own-namespace", Probe::OwnNamespace),
    ("foreign-namespace", Probe::ForeignNamespace),
];

impl Probe {
    /// Starts this program anew and says how the probe ended: `ok`, or the name of an errno.
    pub(crate) fn run(self, user: User, device: File) -> Result<String> {
        let (name, _) = PROBES
            .into_iter()
            .find(|(_, probe)| *probe == self)
            .context("a probe without a name")?;
        let mut command = Command::new("/proc/self/exe");
        command.arg(name).stdin(Stdio::from(device));
        if user == User::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().context("cannot start a probe")?;
        if !output.status.success() {
            bail!("probe {name}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// The other process.
pub(crate) fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some((_, probe)) = PROBES.into_iter().find(|(known, _)| *known == name) else {
        eprintln!(
            "ferrule-guest is the init of Ferrule's test guest: there is nothing to run here"
        );
        return ExitCode::FAILURE;
    };
    match attempt(probe) {
        Ok(Ok(())) => println!("ok"),
        Ok(Err(errno)) => println!("{errno:?}"),
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn attempt(probe: Probe) -> Result<std::result::Result<(), Errno>> {
    Ok(match probe {
        Probe::Open => match File::open(DEVICE_PATH) {
            Ok(_) => Ok(()),
            Err(error) => Err(Errno::from_raw(error.raw_os_error().unwrap_or(0))),
        },
        Probe::Flush => flush(&inherited()?),
        Probe::Info => {
            let mut info = Info {
                size: size_of::<Info>() as u32,
                version: ABI_VERSION,
                ..Info::default()
            };
            inherited()?.call(IOC_INFO, info.as_mut_bytes(), 0)
        }
        Probe::OwnNamespace => {
            become_root_of_a_user_namespace()?;
            flush(&RawDevice::open(Path::new(DEVICE_PATH))?)
        }
        Probe::ForeignNamespace => {
            become_root_of_a_user_namespace()?;
            flush(&inherited()?)
        }
    })
}

/// The descriptor that PID 1 passed on.
fn inherited() -> Result<RawDevice> {
    let device = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(RawDevice::from_file(device.into())?)
}

fn flush(device: &RawDevice) -> std::result::Result<(), Errno> {
    let mut change = Change {
        size: size_of::<Change>() as u32,
        version: ABI_VERSION,
        ..Change::default()
    };
    device.call(IOC_FLUSH, change.as_mut_bytes(), 0)
}

/// All capabilities, but only over what the new user namespace owns.
fn become_root_of_a_user_namespace() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", "0 0 1")?;
    fs::write("/proc/self/gid_map", "0 0 1")?;
    Ok(())
}
