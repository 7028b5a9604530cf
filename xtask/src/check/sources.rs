// SPDX-License-Identifier: GPL-2.0

//! The files that git knows, or would.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::process::Job;
use crate::session::Session;

/// A file of the tree.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the top.
    pub(super) path: String,
    /// Empty for what is no text.
    pub(super) text: String,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) files: Vec<Source>,
}

impl Sources {
    /// Reads the files that are tracked, and those that are neither tracked nor ignored.
    pub(super) fn read(session: &Session) -> Result<Sources> {
        let list = Job::new("asking git for the files", "git")
            .dir(session.workspace.root())
            // Root may look at a tree that is somebody else's.
            .args([
                "-c",
                "safe.directory=*",
                "ls-files",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .output()
            .context("the rules are checked on the files that git knows")?;
        let paths: BTreeSet<&str> = list.lines().collect();
        let read = |path: &str| {
            let bytes = fs::read(session.workspace.path(path)).ok()?;
            Some(Source {
                path: path.to_owned(),
                text: String::from_utf8(bytes).unwrap_or_default(),
            })
        };
        Ok(Sources {
            files: paths.into_iter().filter_map(read).collect(),
        })
    }

    /// Those in Rust.
    pub(super) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }
}

#[cfg(test)]
impl Sources {
    /// A tree of these files.
    pub(super) fn of(files: &[(&str, &str)]) -> Sources {
        let source = |(path, text): &(&str, &str)| Source {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Sources {
            files: files.iter().map(source).collect(),
        }
    }
}
