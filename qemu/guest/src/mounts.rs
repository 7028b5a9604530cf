// SPDX-License-Identifier: GPL-2.0
//! What PID 1 sets up before anything else: a table of mounts, and the environment of its children.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{mount, MsFlags};

/// A file system that the guest needs.
struct Mount {
    source: &'static str,
    target: &'static str,
    kind: &'static str,
    data: Option<&'static str>,
    /// Whether the guest can do without it.
    optional: bool,
}

const fn needed(source: &'static str, target: &'static str, kind: &'static str) -> Mount {
    Mount {
        source,
        target,
        kind,
        data: None,
        optional: false,
    }
}

const fn optional(source: &'static str, target: &'static str, kind: &'static str) -> Mount {
    Mount {
        optional: true,
        ..needed(source, target, kind)
    }
}

/// In the order in which they are mounted.
const MOUNTS: &[Mount] = &[
    needed("proc", "/proc", "proc"),
    needed("sysfs", "/sys", "sysfs"),
    needed("devtmpfs", "/dev", "devtmpfs"),
    optional("devpts", "/dev/pts", "devpts"),
    Mount {
        data: Some("mode=0755"),
        ..needed("tmpfs", "/run", "tmpfs")
    },
    Mount {
        data: Some("mode=1777"),
        ..needed("tmpfs", "/tmp", "tmpfs")
    },
    optional("debugfs", "/sys/kernel/debug", "debugfs"),
    optional("tracefs", "/sys/kernel/tracing", "tracefs"),
];

/// Where the guest's programs are.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The users that programs look up by name.
const USERS: &str = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n";

/// Mounts what is in the table and sets the environment that children inherit.
pub(crate) fn set_up() -> Result<()> {
    for entry in MOUNTS {
        let result = entry.mount();
        if !entry.optional {
            result.with_context(|| format!("cannot mount {}", entry.target))?;
        }
    }
    fs::create_dir_all("/run/netns").context("cannot make /run/netns")?;
    if !Path::new("/etc/passwd").exists() {
        fs::create_dir_all("/etc")?;
        fs::write("/etc/passwd", USERS).context("cannot write /etc/passwd")?;
    }
    std::env::set_var("PATH", PATH);
    std::env::set_var("HOME", "/");
    std::env::set_var("TERM", "linux");
    Ok(())
}

impl Mount {
    fn mount(&self) -> Result<()> {
        if !Path::new(self.target).exists() {
            fs::create_dir_all(self.target)?;
        }
        mount(
            Some(self.source),
            self.target,
            Some(self.kind),
            MsFlags::empty(),
            self.data,
        )?;
        Ok(())
    }
}
