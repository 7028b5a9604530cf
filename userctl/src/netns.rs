// SPDX-License-Identifier: GPL-2.0
//! Network namespaces by name, as `ip netns` keeps them: bind mounts under `/run/netns`.
//!
//! The device binds a descriptor to the namespace that it is opened in, and interface names are
//! looked up in the namespace that the process is in, so [`enter`] comes before both.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sched::{setns, CloneFlags};
use thiserror::Error;

/// Where `ip netns` keeps them.
const DIRECTORY: &str = "/run/netns";

/// Why a namespace could not be entered.
#[derive(Debug, Error)]
pub enum Error {
    /// There is none of that name.
    #[error("no network namespace {name:?}")]
    Missing {
        /// The name.
        name: String,
        /// Those that there are, sorted.
        existing: Vec<String>,
    },
    /// Not something that can be a file's name.
    #[error("{name:?} cannot be the name of a network namespace")]
    Name {
        /// What was given.
        name: String,
    },
    /// The file there is no namespace.
    #[error("{DIRECTORY}/{name}: not a network namespace")]
    Foreign {
        /// The name.
        name: String,
    },
    /// A right is missing.
    #[error("not permitted to enter network namespace {name:?}")]
    Denied {
        /// The name.
        name: String,
    },
    /// Anything else.
    #[error("cannot enter network namespace {name:?}: {source}")]
    Failed {
        /// The name.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it, if anything can be done.
    pub fn help(&self) -> Option<String> {
        match self {
            Error::Missing { existing, .. } if existing.is_empty() => Some(format!(
                "there are none in {DIRECTORY}; `ip netns add` makes one"
            )),
            Error::Missing { existing, .. } => Some(format!("there are: {}", existing.join(", "))),
            Error::Name { .. } => Some("give a name as `ip netns list` prints it".into()),
            Error::Denied { .. } => {
                Some("this needs CAP_SYS_ADMIN, here and in the user namespace that owns it".into())
            }
            Error::Foreign { .. } | Error::Failed { .. } => None,
        }
    }
}

/// Moves this thread into the network namespace of that name. To be called while there is one thread.
pub fn enter(name: &str) -> Result<(), Error> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(Error::Name { name: name.into() });
    }
    let file = File::open(Path::new(DIRECTORY).join(name)).map_err(|error| explain(name, error))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|errno| explain(name, errno.into()))
}

/// What a failure to open or enter means.
fn explain(name: &str, error: io::Error) -> Error {
    let name = name.to_owned();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT) => Error::Missing {
            name,
            existing: existing(Path::new(DIRECTORY)),
        },
        Some(Errno::EINVAL) => Error::Foreign { name },
        Some(Errno::EPERM | Errno::EACCES) => Error::Denied { name },
        _ => Error::Failed {
            name,
            source: error,
        },
    }
}

/// The names that there are, sorted.
fn existing(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_name() {
        for name in ["", ".", "..", "a/b", "/run/netns/a", "a\0b"] {
            let error = enter(name).unwrap_err();
            assert!(matches!(error, Error::Name { .. }), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_missing_name_is_answered_with_those_that_exist() {
        let error = Error::Missing {
            name: "c".into(),
            existing: vec!["a".into(), "b".into()],
        };
        assert_eq!(error.to_string(), "no network namespace \"c\"");
        assert_eq!(error.help().unwrap(), "there are: a, b");
    }

    #[test]
    fn names_are_listed_sorted() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            File::create(directory.path().join(name)).unwrap();
        }
        assert_eq!(existing(directory.path()), ["a", "b"]);
        assert!(existing(&directory.path().join("absent")).is_empty());
    }
}
