// SPDX-License-Identifier: GPL-2.0

//! Keeps what is slow to make, outside the tree, for every clone and every run.
//!
//! An entry is a directory named after a digest of everything that determines it (its *recipe*), so
//! that it is either there and right, or not there. It is made in a sibling directory and renamed
//! when it is complete.
//!
//! # Invariants
//!
//! - `KIND/KEY` exists only complete; `KIND/KEY.partial` is touched only by who holds the exclusive
//!   lock on `KIND/KEY.lock`, so that a leftover there belongs to a process that died.
//! - Who uses an entry holds the shared lock on it until the end of the run; who removes it takes the
//!   exclusive one.

mod lock;

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use serde::de::DeserializeOwned;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub(crate) use lock::Lock;

/// Bytes of the recipe's digest that name an entry.
const KEY_BYTES: usize = 8;

/// The file in each entry that says what determines it.
const RECIPE: &str = "recipe.json";

/// The directory that holds all entries.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

/// An entry in use: it stays as long as this lives.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    /// Was it made in this run, rather than found?
    pub(crate) made: bool,
    _lock: Lock,
}

impl Entry {
    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What a table says of it.
    pub(crate) fn origin(&self) -> &'static str {
        if self.made {
            "made"
        } else {
            "cached"
        }
    }

    /// The digest that names it.
    pub(crate) fn key(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }
}

impl Cache {
    /// `$FERRULE_CACHE`, else `$XDG_CACHE_HOME/ferrule`, else `~/.cache/ferrule`.
    ///
    /// # Errors
    ///
    /// When none of the three variables, HOME included, is set.
    pub(crate) fn locate() -> Result<Cache> {
        let below = |name: &str, rest: &str| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(|value| PathBuf::from(value).join(rest))
        };
        match below("FERRULE_CACHE", "")
            .or_else(|| below("XDG_CACHE_HOME", "ferrule"))
            .or_else(|| below("HOME", ".cache/ferrule"))
        {
            Some(dir) => Cache::at(&dir),
            None => {
                bail!("no place for the cache: HOME is not set; set FERRULE_CACHE to a directory")
            }
        }
    }

    /// The cache in `dir`.
    pub(crate) fn at(dir: &Path) -> Result<Cache> {
        let dir = std::path::absolute(dir).context("the cache's place")?;
        Ok(Cache { dir })
    }

    /// Its directory; it need not exist yet.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Locks a file of the cache that several entries share, waiting for who holds it.
    pub(crate) fn lock(&self, name: &str, tell: &dyn Fn(&str)) -> Result<Lock> {
        Lock::exclusive(&self.dir.join(format!("{name}.lock")), tell)
    }

    /// The complete entries of a kind.
    pub(crate) fn entries(&self, kind: &str) -> Result<Vec<PathBuf>> {
        let mut entries = read_dir_if_any(&self.dir.join(kind))?;
        entries.retain(|path| path.extension().is_none());
        Ok(entries)
    }

    /// The recipe of a complete entry, if it is of this form.
    pub(crate) fn recipe<T: DeserializeOwned>(entry: &Path) -> Option<T> {
        serde_json::from_slice(&fs::read(entry.join(RECIPE)).ok()?).ok()
    }

    /// Is `path` the entry that `recipe` determines?
    pub(crate) fn is_entry(path: &Path, recipe: &impl Serialize) -> bool {
        path.file_name()
            .is_some_and(|name| name.to_str() == key(recipe).ok().as_deref())
    }

    /// The entry that `recipe` determines, made by `make` in a directory of its own if it is missing.
    ///
    /// `tell` is told when another process is waited for.
    ///
    /// # Errors
    ///
    /// Those of `make`, after which nothing is left behind, and those of the file system.
    pub(crate) fn entry(
        &self,
        kind: &str,
        recipe: &impl Serialize,
        tell: &dyn Fn(&str),
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Entry> {
        let path = self.entry_path(kind, recipe)?;
        let lock_path = path.with_extension("lock");
        let mut make = Some(make);
        loop {
            let lock = Lock::shared(&lock_path, tell)?;
            if path.exists() {
                return Ok(Entry {
                    path,
                    made: make.is_none(),
                    _lock: lock,
                });
            }
            drop(lock);
            let _lock = Lock::exclusive(&lock_path, tell)?;
            if !path.exists() {
                let Some(make) = make.take() else {
                    bail!("{} vanished right after it was made", path.display());
                };
                complete(&path, recipe, make)?;
            }
        }
    }

    fn entry_path(&self, kind: &str, recipe: &impl Serialize) -> Result<PathBuf> {
        Ok(self.dir.join(kind).join(key(recipe)?))
    }

    /// Removes the entries that were not used by this run and that nobody else uses.
    ///
    /// Returns those that were removed.
    pub(crate) fn prune(&self, kind: &str, keep: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
        let mut removed = Vec::new();
        let dir = self.dir.join(kind);
        for entry in read_dir_if_any(&dir)? {
            let stem = entry.with_extension("");
            if entry
                .extension()
                .is_some_and(|extension| extension == "lock")
                || keep(&stem)
            {
                continue;
            }
            if let Some(_lock) = Lock::try_exclusive(&stem.with_extension("lock"))? {
                remove_tree(&entry)?;
                removed.push(entry);
            }
        }
        Ok(removed)
    }

    /// Removes everything.
    ///
    /// # Errors
    ///
    /// When some entry is in use.
    pub(crate) fn remove(&self) -> Result<()> {
        let mut locks = Vec::new();
        for kind in read_dir_if_any(&self.dir)? {
            let paths = if kind.is_dir() {
                read_dir_if_any(&kind)?
            } else {
                vec![kind]
            };
            for path in paths
                .iter()
                .filter(|path| path.extension().is_some_and(|e| e == "lock"))
            {
                match Lock::try_exclusive(path)? {
                    Some(lock) => locks.push(lock),
                    None => bail!(
                        "{} is in use by another xtask; let it end first",
                        path.with_extension("").display()
                    ),
                }
            }
        }
        remove_tree(&self.dir)
    }
}

/// Makes the entry beside its place and moves it there.
fn complete(
    path: &Path,
    recipe: &impl Serialize,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let partial = path.with_extension("partial");
    remove_tree(&partial)?;
    fs::create_dir_all(&partial).with_context(|| format!("making {}", partial.display()))?;
    if let Err(error) = make(&partial) {
        remove_tree(&partial)?;
        return Err(error);
    }
    let text = serde_json::to_string_pretty(recipe).context("writing a recipe")?;
    fs::write(partial.join(RECIPE), text)
        .with_context(|| format!("writing the recipe into {}", partial.display()))?;
    fs::rename(&partial, path).with_context(|| format!("moving to {}", path.display()))
}

/// The name of the entry that a recipe determines.
fn key(recipe: &impl Serialize) -> Result<String> {
    let text = serde_json::to_vec(recipe).context("writing a recipe")?;
    Ok(Sha256::digest(&text)
        .iter()
        .take(KEY_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Removes a directory and what is in it, if it is there.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn read_dir_if_any(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("reading {}", dir.display()))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(
            entry
                .with_context(|| format!("reading {}", dir.display()))?
                .path(),
        );
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
