// SPDX-License-Identifier: GPL-2.0

//! Stage 6: the guest, under QEMU.
//!
//! The guest has two serial ports: the first is the kernel's console (and the prompt of `shell`), the
//! second carries nothing but what the guest's init reports. QEMU dies with us.

pub(crate) mod watch;

use std::io::IsTerminal;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use nix::sys::termios::{tcgetattr, tcsetattr, SetArg};

use crate::accel::Accel;
use crate::process::tied;
use watch::{watch, Limits, Port, Run};

/// The guest's memory, in megabytes.
const MEMORY: &str = "1024";

/// What a guest is started from.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    pub(crate) image: &'a Path,
    pub(crate) initramfs: &'a Path,
    pub(crate) accel: Accel,
    /// Does the guest's clock count instructions, if it can?
    pub(crate) counting: bool,
    /// The kernel's command line, after what every guest has.
    pub(crate) arguments: String,
}

impl Guest<'_> {
    /// Runs it to its end; `each` is handed every whole line of both ports.
    ///
    /// # Errors
    ///
    /// When QEMU cannot be started.
    pub(crate) fn run(&self, limits: Limits, each: impl FnMut(Port, &str)) -> Result<Run> {
        let place = tempfile::tempdir().context("making a place for the console's socket")?;
        let socket = place.path().join("console");
        let listener = UnixListener::bind(&socket)
            .with_context(|| format!("listening on {}", socket.display()))?;
        let mut command = self.command();
        command
            .arg("-chardev")
            .arg(format!("socket,id=console,path={}", socket.display()))
            .args(["-serial", "chardev:console"])
            .args([
                "-chardev",
                "stdio,id=report,signal=off",
                "-serial",
                "chardev:report",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .context("starting QEMU (package qemu-system-x86)")?;
        let report = child.stdout.take().context("QEMU's output")?;
        let complaints = child.stderr.take().context("QEMU's complaints")?;
        let console = move || listener.accept().map(|(stream, _)| stream);
        watch(child, report, complaints, console, limits, each)
    }

    /// Runs it with its console on our terminal.
    ///
    /// # Errors
    ///
    /// When QEMU cannot be started.
    pub(crate) fn interact(&self) -> Result<ExitStatus> {
        let mut command = self.command();
        command
            .args([
                "-chardev",
                "stdio,id=console,mux=on,signal=off",
                "-serial",
                "chardev:console",
            ])
            .args(["-mon", "chardev=console", "-serial", "null"]);
        let stdin = std::io::stdin();
        // QEMU makes the terminal raw, and leaves it so when it is killed.
        let before = if stdin.is_terminal() {
            tcgetattr(&stdin).ok()
        } else {
            None
        };
        let status = command
            .status()
            .context("starting QEMU (package qemu-system-x86)");
        if let Some(before) = before {
            tcsetattr(&stdin, SetArg::TCSADRAIN, &before).context("restoring the terminal")?;
        }
        status
    }

    /// QEMU without its serial ports.
    fn command(&self) -> Command {
        let mut command = tied("qemu-system-x86_64");
        command
            .args(self.accel.arguments())
            .args(if self.counting {
                self.accel.counting()
            } else {
                &[]
            })
            .args([
                "-smp",
                "2",
                "-m",
                MEMORY,
                "-display",
                "none",
                "-nodefaults",
                "-no-reboot",
            ])
            .arg("-kernel")
            .arg(self.image)
            .arg("-initrd")
            .arg(self.initramfs)
            .arg("-append")
            .arg(format!(
                "console=ttyS0 panic=-1 oops=panic {}",
                self.arguments
            ));
        command
    }
}
