// SPDX-License-Identifier: GPL-2.0

//! Where things are in the repository.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's working tree and cargo's target directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The tree that this program was started from by cargo, else the one it was built in.
    pub(crate) fn locate() -> Workspace {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().unwrap_or(&manifest).to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target));
        Workspace { root, target }
    }

    /// The top of the working tree.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path in the working tree.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path below cargo's target directory.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.target.join(relative)
    }

    /// Other projects' material to test against, which is no part of the tree: the folder that
    /// `FERRULE_CORPORA` names, or `shared/corpora` beside the tree, if it is there.
    pub(crate) fn corpora(&self) -> Option<PathBuf> {
        let above = self.root.ancestors();
        let mut beside = above.map(|above| above.join("shared/corpora"));
        let folder = match env::var_os("FERRULE_CORPORA") {
            Some(folder) => PathBuf::from(folder),
            None => beside.find(|folder| folder.is_dir())?,
        };
        folder.is_dir().then_some(folder)
    }

    /// Where the output of the tools is kept.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.target.join("xtask/log").join(format!("{name}.log"))
    }

    /// The cargo that started us, else the one on the path.
    pub(crate) fn cargo() -> PathBuf {
        env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
    }
}
