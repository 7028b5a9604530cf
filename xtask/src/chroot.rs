// SPDX-License-Identifier: GPL-2.0

//! Runs tools inside the toolchain root.
//!
//! Every run has mount and process namespaces of its own: its binds are seen by nobody else, and
//! when it ends, or we do, all its processes and mounts are gone. The root itself is shared by
//! concurrent runs and is never written to, but for the (empty) places that are mounted on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{tied, Job};

/// Mounts what it is told below the root, then enters it.
///
/// Arguments: the root, pairs of host path and root path, `--`, the command.
const ENTER: &str = r#"
root=$1; shift
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$root$2"; else : >>"$root$2"; fi
    mount --rbind "$1" "$root$2"
    shift 2
done
shift
exec chroot "$root" "$@"
"#;

/// A root and what is mounted in it.
#[derive(Clone, Debug)]
pub(crate) struct Chroot {
    root: PathBuf,
    binds: Vec<(PathBuf, OsString)>,
}

impl Chroot {
    /// The root in this directory, with nothing but /proc mounted.
    pub(crate) fn new(root: &Path) -> Chroot {
        Chroot {
            root: root.to_owned(),
            binds: Vec::new(),
        }
    }

    /// Shows the host's `outside` as `inside`.
    pub(crate) fn bind(mut self, outside: &Path, inside: impl Into<OsString>) -> Chroot {
        self.binds.push((outside.to_owned(), inside.into()));
        self
    }

    /// A run of `program` inside; `what` says what for.
    pub(crate) fn job(&self, what: &str, program: &str) -> Job {
        Job::wrapping(what, self.command(program))
    }

    /// A run of a shell script inside, which ends at the first command that fails.
    pub(crate) fn script(&self, what: &str, script: &str) -> Job {
        self.job(what, "sh").args(["-euc", script, "sh"])
    }

    /// The command that enters the root and runs `program` with an environment of its own.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = isolated(Some(&self.root));
        command.args(["sh", "-euc", ENTER, "sh"]).arg(&self.root);
        for (outside, inside) in &self.binds {
            command.arg(outside).arg(inside);
        }
        command.args(["--", "/usr/bin/env", "-i"]);
        command.args([
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/tmp",
            "LC_ALL=C.UTF-8",
        ]);
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            if let Ok(value) = std::env::var(name) {
                command.arg(format!("{name}={value}"));
            }
        }
        command.arg(program);
        command
    }
}

/// A command in mount and process namespaces of its own, with `/proc` of its own in `root`.
pub(crate) fn isolated(root: Option<&Path>) -> Command {
    let mut proc = OsString::from("--mount-proc");
    if let Some(root) = root {
        proc.push("=");
        proc.push(root.join("proc"));
    }
    let mut command = tied("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--kill-child=KILL"])
        .arg(proc)
        .arg("--");
    command
}
