// SPDX-License-Identifier: GPL-2.0

//! Programs of the toolchain root, with the libraries that they need.

use std::collections::VecDeque;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{bail, Context, Result};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{elf, Endianness};

use super::archive::{Node, Tree};

/// Where Debian's loader looks on amd64.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "usr/lib"];

/// The directories that are links into /usr.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Copies programs and libraries from a root into a tree.
#[derive(Debug)]
pub(super) struct Closure<'a> {
    root: &'a Path,
    tree: &'a mut Tree,
    wanted: VecDeque<String>,
}

impl<'a> Closure<'a> {
    /// Copies from `root` into `tree`.
    pub(super) fn new(root: &'a Path, tree: &'a mut Tree) -> Closure<'a> {
        Closure {
            root,
            tree,
            wanted: VecDeque::new(),
        }
    }

    /// Adds a file, what it links to, and every library that it or they need.
    ///
    /// # Errors
    ///
    /// When the root lacks one of them.
    pub(super) fn add(&mut self, path: &str) -> Result<()> {
        self.wanted.push_back(path.to_owned());
        while let Some(path) = self.wanted.pop_front() {
            let path = merged(&path);
            if !self.tree.contains(&path) {
                self.copy(&path)
                    .with_context(|| format!("taking /{path} from the toolchain root"))?;
            }
        }
        Ok(())
    }

    /// Adds all files of a directory, which need not exist.
    pub(super) fn add_all(&mut self, directory: &str) -> Result<()> {
        let Ok(entries) = fs::read_dir(self.root.join(directory)) else {
            return Ok(());
        };
        for entry in entries.flatten().filter(|entry| !entry.path().is_dir()) {
            self.add(&format!(
                "{directory}/{}",
                entry.file_name().to_string_lossy()
            ))?;
        }
        Ok(())
    }

    fn copy(&mut self, path: &str) -> Result<()> {
        let from = self.root.join(path);
        if let Ok(target) = fs::read_link(&from) {
            let parent = Path::new(path).parent().unwrap_or(Path::new(""));
            self.wanted.push_back(normal(&parent.join(&target)));
            self.tree
                .insert(path, Node::Symlink(target.to_string_lossy().into_owned()));
            return Ok(());
        }
        let bytes = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
        for need in needs(&bytes)? {
            let found = self.find(&need)?;
            self.wanted.push_back(found);
        }
        self.tree.insert(path, Node::Copy { from, mode: 0o755 });
        Ok(())
    }

    /// The path of a library, or of the loader, which is a path already.
    fn find(&self, need: &str) -> Result<String> {
        if need.starts_with('/') {
            return Ok(need.to_owned());
        }
        for directory in LIBRARIES {
            let path = format!("{directory}/{need}");
            if self.root.join(&path).symlink_metadata().is_ok() {
                return Ok(path);
            }
        }
        bail!("the toolchain root lacks the library {need}")
    }
}

/// The path with the links into /usr resolved, relative to the root.
fn merged(path: &str) -> String {
    let path = normal(Path::new(path));
    let first = path.split('/').next().unwrap_or_default();
    if MERGED.contains(&first) {
        format!("usr/{path}")
    } else {
        path
    }
}

/// The path without `.` and `..`, relative to the root.
fn normal(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => _ = plain.pop(),
            // An absolute path starts anew.
            Component::RootDir => plain.clear(),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain.to_string_lossy().into_owned()
}

/// The libraries and the loader that an ELF file names; none for other files.
fn needs(bytes: &[u8]) -> Result<Vec<String>> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Ok(Vec::new());
    }
    let file = ElfFile64::<Endianness>::parse(bytes).context("not a 64-bit ELF file")?;
    let endian = file.endian();
    let sections = file
        .elf_header()
        .sections(endian, bytes)
        .context("its sections")?;
    let mut needs = Vec::new();
    for segment in file.elf_program_headers() {
        if let Some(loader) = segment.interpreter(endian, bytes).context("its loader")? {
            needs.push(String::from_utf8_lossy(loader).into_owned());
        }
    }
    if let Some((entries, strings)) = sections.dynamic(endian, bytes).context("its libraries")? {
        let strings = sections
            .strings(endian, bytes, strings)
            .context("its strings")?;
        for entry in entries
            .iter()
            .filter(|entry| entry.d_tag.get(endian) == elf::DT_NEEDED)
        {
            let offset = u32::try_from(entry.d_val.get(endian)).context("a string's offset")?;
            let Ok(name) = strings.get(offset) else {
                bail!("a library's name is outside the file")
            };
            needs.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_a_merged_usr() {
        let cases = [
            (
                "/lib64/ld-linux-x86-64.so.2",
                "usr/lib64/ld-linux-x86-64.so.2",
            ),
            ("usr/sbin/../lib/x", "usr/lib/x"),
            ("/etc/alternatives/iptables", "etc/alternatives/iptables"),
            ("usr/bin//etc/x", "usr/bin/etc/x"),
        ];
        for (path, expected) in cases {
            assert_eq!(merged(path), expected, "{path}");
        }
    }

    #[test]
    fn this_very_program_needs_libc_and_a_loader() {
        let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = needs(&bytes).unwrap();
        assert!(needs.iter().any(|need| need == "libc.so.6"), "{needs:?}");
        assert!(
            needs.iter().any(|need| need.starts_with("/lib64/ld-linux")),
            "{needs:?}"
        );
    }

    #[test]
    fn links_are_kept_and_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("usr/sbin")).unwrap();
        fs::create_dir_all(root.path().join("etc/alternatives")).unwrap();
        fs::write(root.path().join("usr/sbin/real"), "#!/bin/sh\n").unwrap();
        let link = |target: &str, at: &str| {
            std::os::unix::fs::symlink(target, root.path().join(at)).unwrap();
        };
        link("/etc/alternatives/tool", "usr/sbin/tool");
        link("/sbin/real", "etc/alternatives/tool");
        let mut tree = Tree::default();
        Closure::new(root.path(), &mut tree)
            .add("/usr/sbin/tool")
            .unwrap();
        for path in ["usr/sbin/tool", "etc/alternatives/tool", "usr/sbin/real"] {
            assert!(tree.contains(path), "{path}");
        }
    }

    #[test]
    fn what_the_root_lacks_is_named() {
        let root = tempfile::tempdir().unwrap();
        let mut tree = Tree::default();
        let error = Closure::new(root.path(), &mut tree)
            .add("/usr/sbin/nft")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "taking /usr/sbin/nft from the toolchain root"
        );
    }
}
