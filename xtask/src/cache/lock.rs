// SPDX-License-Identifier: GPL-2.0

//! Locks between processes, on files that the kernel unlocks when their holder dies.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{bail, Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Keeps others from changing what the lock guards.
    pub(crate) fn shared(path: &Path, tell: &dyn Fn(&str)) -> Result<Lock> {
        take(path, FlockArg::LockSharedNonblock, Some(tell))?
            .with_context(|| format!("locking {}", path.display()))
    }

    /// Keeps others out.
    pub(crate) fn exclusive(path: &Path, tell: &dyn Fn(&str)) -> Result<Lock> {
        take(path, FlockArg::LockExclusiveNonblock, Some(tell))?
            .with_context(|| format!("locking {}", path.display()))
    }

    /// Keeps others out, unless somebody is in.
    pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Lock>> {
        take(path, FlockArg::LockExclusiveNonblock, None)
    }
}

/// Takes the lock; with `tell`, waits for it and says so, else returns `None` when it is taken.
fn take(path: &Path, how: FlockArg, tell: Option<&dyn Fn(&str)>) -> Result<Option<Lock>> {
    let saying = || format!("locking {}", path.display());
    loop {
        let file = open(path).with_context(saying)?;
        let file = match (Flock::lock(file, how), tell) {
            (Ok(file), _) => file,
            (Err((_, Errno::EWOULDBLOCK)), None) => return Ok(None),
            (Err((file, Errno::EWOULDBLOCK)), Some(tell)) => {
                tell(&format!(
                    "waiting for {}, which has {}",
                    holder(&file),
                    path.display()
                ));
                match Flock::lock(file, blocking(how)) {
                    Ok(file) => file,
                    Err((_, errno)) => bail!("{}: {errno}", saying()),
                }
            }
            (Err((_, errno)), _) => bail!("{}: {errno}", saying()),
        };
        // Who removes the cache removes its locks as well: a lock on a file that is gone is none.
        if still_named(&file, path) {
            if how == FlockArg::LockExclusiveNonblock {
                sign(&file).with_context(saying)?;
            }
            return Ok(Some(Lock { _file: file }));
        }
    }
}

fn blocking(how: FlockArg) -> FlockArg {
    if how == FlockArg::LockSharedNonblock {
        FlockArg::LockShared
    } else {
        FlockArg::LockExclusive
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn still_named(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Leaves our process id in the file, for those who wait.
fn sign(mut file: &File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(mut file: &File) -> String {
    let mut id = String::new();
    match file.read_to_string(&mut id) {
        Ok(length) if length > 0 => format!("process {}", id.trim()),
        _ => "another process".to_owned(),
    }
}
