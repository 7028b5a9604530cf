// SPDX-License-Identifier: GPL-2.0
//! Network namespaces, by name, as `ip netns` keeps them: files in `/run/netns`.
//!
//! A thread of its own enters a namespace, so nothing has to be undone: sockets it opens and processes
//! it starts belong there, wherever they are used later.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result};
use nix::mount::{mount, umount2, MntFlags, MsFlags};
use nix::sched::{setns, unshare, CloneFlags};

use crate::process::{self, Output};

/// A network namespace with a name. Dropping this removes the name; the kernel removes the namespace
/// when nothing uses it any more.
#[derive(Debug)]
pub(crate) struct Netns {
    name: String,
    file: File,
}

impl Netns {
    /// Makes a new, empty namespace.
    pub(crate) fn create(name: &str) -> Result<Self> {
        let path = Self::path(name);
        File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        on_a_thread(|| -> Result<()> {
            unshare(CloneFlags::CLONE_NEWNET)?;
            mount(
                Some("/proc/thread-self/ns/net"),
                &path,
                None::<&str>,
                MsFlags::MS_BIND,
                None::<&str>,
            )?;
            Ok(())
        })
        .with_context(|| format!("cannot make the namespace {name}"))?;
        let file = File::open(&path)?;
        Ok(Self {
            name: name.to_owned(),
            file,
        })
    }

    /// The name, as `ip -n` and `userctl -n` take it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Does `work` inside.
    ///
    /// # Panics
    ///
    /// When `work` does, with the same message.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        on_a_thread(|| -> Result<T> {
            setns(&self.file, CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("cannot enter the namespace {}", self.name))?;
            Ok(work())
        })
    }

    /// Runs a program inside.
    pub(crate) fn run(&self, command: &[&str]) -> Result<Output> {
        self.inside(|| process::run(command))?
    }

    /// Runs a program inside, which must succeed.
    pub(crate) fn run_ok(&self, command: &[&str]) -> Result<Output> {
        self.run(command)?.success()
    }

    /// Sets `/proc/sys/net/KEY`.
    pub(crate) fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/net/{key}");
        self.inside(|| fs::write(&path, value))?
            .with_context(|| format!("cannot set {path} to {value}"))
    }

    fn path(name: &str) -> PathBuf {
        PathBuf::from("/run/netns").join(name)
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let path = Self::path(&self.name);
        // Nothing can be done about a name that stays; the next `create` of it would fail and say so.
        let _ = umount2(&path, MntFlags::MNT_DETACH);
        let _ = fs::remove_file(&path);
    }
}

/// Does `work` on a thread of its own and passes on its result, or its panic.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
