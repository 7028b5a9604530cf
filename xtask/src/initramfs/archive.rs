// SPDX-License-Identifier: GPL-2.0

//! A tree of files, and how it is written as the archive that the kernel unpacks (cpio, newc).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use cpio::newc::{trailer, Builder};

/// The types of files, as in `st_mode`.
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// Archives are padded to this, so that another may follow.
const ALIGNMENT: usize = 512;

/// What is at one place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    /// A copy of a file of the host's.
    Copy {
        from: PathBuf,
        mode: u32,
    },
    /// A file with this text.
    Text(String),
    Symlink(String),
    /// A character device.
    Device {
        major: u32,
        minor: u32,
    },
}

/// Files by their paths, which are relative to `/`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    /// Puts a node into the tree, in place of what was there, and the directories that lead to it.
    pub(super) fn insert(&mut self, path: &str, node: Node) {
        let path = path.trim_matches('/');
        for (end, _) in path.match_indices('/') {
            let parent = path.get(..end).unwrap_or_default();
            self.nodes
                .entry(parent.to_owned())
                .or_insert(Node::Directory);
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Puts all files below `from` at `to`.
    ///
    /// # Errors
    ///
    /// When a directory cannot be read.
    pub(super) fn insert_all(&mut self, to: &str, from: &std::path::Path) -> Result<()> {
        let saying = || format!("reading {}", from.display());
        for entry in fs::read_dir(from).with_context(saying)? {
            let entry = entry.with_context(saying)?;
            let inside = format!("{to}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.insert_all(&inside, &entry.path())?;
            } else {
                self.insert(
                    &inside,
                    Node::Copy {
                        from: entry.path(),
                        mode: 0o644,
                    },
                );
            }
        }
        Ok(())
    }

    /// Is there something?
    pub(super) fn contains(&self, path: &str) -> bool {
        self.nodes.contains_key(path.trim_matches('/'))
    }

    /// Writes the archive.
    ///
    /// # Errors
    ///
    /// When a file that is to be copied cannot be read, or `out` not be written.
    pub(super) fn write(&self, out: &mut impl Write) -> Result<()> {
        let mut bytes = Vec::new();
        for (number, (path, node)) in (1..).zip(&self.nodes) {
            let data = data(node).with_context(|| format!("/{path} of the guest"))?;
            append(&mut bytes, path, number, node, &data)
                .with_context(|| format!("archiving {path}"))?;
            out.write_all(&bytes).context("writing an archive")?;
            bytes.clear();
        }
        trailer(&mut bytes).context("ending an archive")?;
        out.write_all(&bytes).context("writing an archive")?;
        out.write_all(&vec![0; ALIGNMENT])
            .context("writing an archive")
    }
}

fn append(
    bytes: &mut Vec<u8>,
    path: &str,
    number: u32,
    node: &Node,
    data: &[u8],
) -> io::Result<()> {
    let (mode, links) = match node {
        Node::Directory => (DIRECTORY | 0o755, 2),
        Node::Copy { mode, .. } => (REGULAR | mode, 1),
        Node::Text(_) => (REGULAR | 0o644, 1),
        Node::Symlink(_) => (SYMLINK | 0o777, 1),
        Node::Device { .. } => (CHARACTER | 0o600, 1),
    };
    let mut builder = Builder::new(path).ino(number).mode(mode).nlink(links);
    if let Node::Device { major, minor } = node {
        builder = builder.rdev_major(*major).rdev_minor(*minor);
    }
    let size = u32::try_from(data.len()).map_err(io::Error::other)?;
    let mut entry = builder.write(bytes, size);
    entry.write_all(data)?;
    entry.finish()?;
    Ok(())
}

fn data(node: &Node) -> Result<Vec<u8>> {
    Ok(match node {
        Node::Directory | Node::Device { .. } => Vec::new(),
        Node::Text(text) | Node::Symlink(text) => text.clone().into_bytes(),
        Node::Copy { from, .. } => {
            fs::read(from).with_context(|| format!("reading {}", from.display()))?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The archive, read back: mode, name, contents, device.
    fn listing(tree: &Tree) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.cpio");
        tree.write(&mut fs::File::create(&file).unwrap()).unwrap();
        let mut reader = fs::File::open(&file).unwrap();
        let mut lines = String::new();
        loop {
            let entry = cpio::NewcReader::new(reader).unwrap();
            if entry.entry().is_trailer() {
                return lines;
            }
            let header = entry.entry();
            lines += &format!("{:o} {} ", header.mode(), header.name());
            let mut text = Vec::new();
            let device = (header.rdev_major(), header.rdev_minor());
            reader = entry.to_writer(&mut text).unwrap();
            lines += &format!("{} {device:?}\n", String::from_utf8(text).unwrap());
        }
    }

    #[test]
    fn parents_come_before_what_they_hold() {
        let mut tree = Tree::default();
        tree.insert("/etc/ferrule/rules.nft", Node::Text("accept".to_owned()));
        tree.insert("dev/console", Node::Device { major: 5, minor: 1 });
        tree.insert("bin", Node::Symlink("usr/bin".to_owned()));
        let expected = "120777 bin usr/bin (0, 0)\n40755 dev  (0, 0)\n20600 dev/console  (5, 1)\n\
                        40755 etc  (0, 0)\n40755 etc/ferrule  (0, 0)\n\
                        100644 etc/ferrule/rules.nft accept (0, 0)\n";
        assert_eq!(listing(&tree), expected);
    }

    #[test]
    fn a_missing_file_is_named_with_its_place() {
        let mut tree = Tree::default();
        tree.insert(
            "init",
            Node::Copy {
                from: PathBuf::from("/nonexistent/x"),
                mode: 0o755,
            },
        );
        let error = format!("{:#}", tree.write(&mut io::sink()).unwrap_err());
        assert!(
            error.starts_with("/init of the guest: reading /nonexistent/x"),
            "{error}"
        );
    }

    #[test]
    fn an_archive_may_follow_another() {
        let mut tree = Tree::default();
        tree.insert("a", Node::Text("odd".to_owned()));
        let mut bytes = Vec::new();
        tree.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() % 4, 0);
    }
}
