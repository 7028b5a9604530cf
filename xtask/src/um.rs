// SPDX-License-Identifier: GPL-2.0

//! Stage 6 for User Mode Linux: the guest as a process of the host's, in the toolchain root.
//!
//! Its ports are its standard streams: what init reports comes out of the one, the console out of the
//! other. It stays on one processor, away from the first, where most interrupts are.

use std::num::NonZero;
use std::path::Path;
use std::process::Stdio;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

use crate::kernel::{Boot, Kernel};
use crate::qemu::watch::{watch, Limits, Port, Run};
use crate::toolchain::Toolchain;

/// The guest's memory. Modules are put behind it, and have to be within 2 GB of the kernel's text: its
/// loader does not check.
const MEMORY: &str = "1700M";

/// Where the root sees what the guest is started from, and what it is to see.
const INITRAMFS: &str = "/initramfs.cpio";
/// Where the guest finds the host's directory, as it says in its command line.
pub(crate) const HOSTFS: &str = "/bench-files";

/// A guest.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) kernel: &'a Kernel,
    pub(crate) boot: &'a Boot,
    pub(crate) initramfs: &'a Path,
    /// The directory that the guest sees.
    pub(crate) files: &'a Path,
    /// The kernel's command line, after what every guest has.
    pub(crate) arguments: String,
}

impl Guest<'_> {
    /// Runs it to its end; `each` is handed every whole line of both ports.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn run(&self, limits: Limits, each: impl FnMut(Port, &str)) -> Result<Run> {
        let place = tempfile::tempdir().context("making a place for the guest's own files")?;
        let mut chroot = self
            .toolchain
            .chroot()
            .bind(place.path(), "/tmp")
            .bind(Path::new("/dev/shm"), "/dev/shm")
            .bind(self.initramfs, INITRAMFS)
            .bind(self.files, HOSTFS);
        for (outside, inside) in &self.kernel.tree.binds {
            chroot = chroot.bind(outside, inside);
        }
        let mut command = chroot.command("taskset");
        let last = available_parallelism().map_or(1, NonZero::get) - 1;
        command
            .args(["-c", &last.to_string(), "nice", "-n", "-15"])
            .arg(
                Path::new(&self.kernel.tree.path)
                    .join(self.boot.image.file_name().unwrap_or_default()),
            )
            .arg(format!("mem={MEMORY}"))
            .arg(format!("initrd={INITRAMFS}"))
            // Its own way of changing processes is slow with ptrace.
            .arg("seccomp=on")
            .args(["con=null", "con0=null,fd:2", "ssl=null", "ssl1=null,fd:1"])
            .args(["console=tty0", "panic=-1", "oops=panic"])
            .arg(format!("ferrule.hostfs={HOSTFS}"))
            .args(self.arguments.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("starting the um kernel")?;
        let report = child.stdout.take().context("the guest's report")?;
        let console = child.stderr.take().context("the guest's console")?;
        let no_other = || Ok(std::io::empty());
        watch(child, report, console, no_other, limits, each)
    }
}
