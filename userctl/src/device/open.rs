// SPDX-License-Identifier: GPL-2.0
//! Opening the device, and saying what is wrong when that fails.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::libc;

use super::ioctl::Descriptor;
use super::Error;

/// Major number of misc devices (`MISC_MAJOR` of `linux/major.h`).
const MISC_MAJOR: u64 = 10;

/// The first kernel that the module can be built for.
const FIRST_KERNEL: (u32, u32) = (7, 3);

/// Opens the device: a character device of the misc major, or nothing.
pub(super) fn open(path: &Path) -> Result<Descriptor, Error> {
    let file = OpenOptions::new()
        .read(true)
        // Whatever lies there instead is not to block or to become the terminal.
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| explain(path, error))?;
    if is_misc_device(&file) {
        Ok(Descriptor::new(file.into()))
    } else {
        Err(Error::Foreign {
            path: path.to_owned(),
        })
    }
}

/// Whether this can be the device at all.
pub(super) fn is_misc_device(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| {
        metadata.file_type().is_char_device()
            && nix::sys::stat::major(metadata.rdev()) == MISC_MAJOR
    })
}

/// What a failure to open means.
fn explain(path: &Path, error: io::Error) -> Error {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let path = path.to_owned();
    match errno {
        Some(Errno::ENOENT) if Path::new("/sys/module/ferrule").exists() => Error::NoNode { path },
        Some(Errno::ENOENT | Errno::ENXIO | Errno::ENODEV) => Error::NotLoaded {
            path,
            old_kernel: kernel_release().filter(|release| is_too_old(release)),
        },
        Some(Errno::EACCES | Errno::EPERM) => Error::OpenDenied { path },
        _ => Error::Open {
            path,
            source: error,
        },
    }
}

/// The running kernel's release, as `uname -r` prints it.
fn kernel_release() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

/// Whether a release is from before the first kernel with what the module needs.
fn is_too_old(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|digits| digits.parse().ok());
    match (number(), number()) {
        (Some(major), Some(minor)) => (major, minor) < FIRST_KERNEL,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_before_7_3_are_too_old() {
        for (release, too_old) in [
            ("6.12.90+deb13-amd64", true),
            ("7.2.11", true),
            ("7.3.4+deb13-cloud-amd64", false),
            ("7.10.0", false),
            ("10.0-rc1", false),
            ("something else", false),
        ] {
            assert_eq!(is_too_old(release), too_old, "{release}");
        }
    }
}
