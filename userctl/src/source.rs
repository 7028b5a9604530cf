// SPDX-License-Identifier: GPL-2.0
//! Source texts and positions in them.
//!
//! Every text that is read gets a range of its own in one space of 32-bit positions, so that a
//! [`Span`] is eight bytes and says by itself which file it is in. Lines are looked up only when
//! somebody asks for them.

use std::path::PathBuf;
use std::sync::Arc;

/// A piece of the source: positions `lo..hi` in the [`SourceMap`]'s space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first position.
    pub lo: u32,
    /// One past the last position.
    pub hi: u32,
}

impl Span {
    /// From `lo` to before `hi`.
    pub const fn new(lo: u32, hi: u32) -> Self {
        Self { lo, hi }
    }

    /// From the beginning of this span to the end of `other`.
    pub const fn to(self, other: Span) -> Self {
        Self {
            lo: self.lo,
            hi: other.hi,
        }
    }
}

/// Index of a file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(crate) u32);

/// A position for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Name of the file, as it was given.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

#[derive(Debug)]
struct SourceFile {
    name: Arc<str>,
    text: String,
    base: u32,
    lines: Vec<u32>,
}

/// All texts that were read.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
    include_dirs: Vec<PathBuf>,
}

/// The sources are larger than 32-bit positions can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than 4 GiB of rules")]
pub struct TooLarge;

impl SourceMap {
    /// No text yet. `include` looks in `/etc`, as nft's does.
    pub fn new() -> Self {
        Self {
            files: Vec::new(),
            include_dirs: vec![PathBuf::from("/etc")],
        }
    }

    /// Has `include` look in `dir` (nft's `-I`) after those named before it.
    pub fn add_include_dir(&mut self, dir: impl Into<PathBuf>) {
        self.include_dirs.push(dir.into());
    }

    /// Where `include` looks, in order.
    pub fn include_dirs(&self) -> &[PathBuf] {
        &self.include_dirs
    }

    /// A map without a text that looks for includes where this one does; name and text of the first here.
    pub(crate) fn begin_again(&self) -> (Self, Arc<str>, String) {
        let again = Self {
            files: Vec::new(),
            include_dirs: self.include_dirs.clone(),
        };
        let first = self.files.first();
        let (name, text) = first.map_or_else(Default::default, |file| {
            (file.name.clone(), file.text.clone())
        });
        (again, name, text)
    }

    /// Adds a text under a name.
    pub fn add(&mut self, name: &str, text: impl Into<String>) -> Result<FileId, TooLarge> {
        let text = text.into();
        let base = self
            .files
            .last()
            .map_or(0, |f| f.base + f.text.len() as u32 + 1);
        let size = u32::try_from(text.len()).map_err(|_| TooLarge)?;
        base.checked_add(size)
            .and_then(|end| end.checked_add(1))
            .ok_or(TooLarge)?;
        let lines = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, b)| *b == b'\n')
                    .map(|(i, _)| i as u32 + 1),
            )
            .collect();
        self.files.push(SourceFile {
            name: name.into(),
            text,
            base,
            lines,
        });
        Ok(FileId(self.files.len() as u32 - 1))
    }

    /// The file's name.
    pub fn name(&self, file: FileId) -> &Arc<str> {
        &self.files[file.0 as usize].name
    }

    /// The file's text.
    pub fn text(&self, file: FileId) -> &str {
        &self.files[file.0 as usize].text
    }

    /// The position of the file's first byte.
    pub fn base(&self, file: FileId) -> u32 {
        self.files[file.0 as usize].base
    }

    /// The file that a position is in.
    pub fn file_at(&self, position: u32) -> FileId {
        FileId(
            self.files
                .partition_point(|f| f.base <= position)
                .saturating_sub(1) as u32,
        )
    }

    /// The text of a span.
    pub fn snippet(&self, span: Span) -> &str {
        let file = &self.files[self.file_at(span.lo).0 as usize];
        let range = (span.lo - file.base) as usize..(span.hi - file.base) as usize;
        file.text.get(range).unwrap_or("")
    }

    /// The span's first line, from 1, in its file.
    pub fn line(&self, span: Span) -> u32 {
        let file = &self.files[self.file_at(span.lo).0 as usize];
        file.lines
            .partition_point(|start| *start <= span.lo - file.base) as u32
    }

    /// Where the span begins, for people.
    pub fn location(&self, span: Span) -> Location {
        let file = &self.files[self.file_at(span.lo).0 as usize];
        let line = self.line(span);
        let start = file.lines[line as usize - 1] as usize;
        let end = (span.lo - file.base) as usize;
        let column = file
            .text
            .get(start..end)
            .map_or(0, |text| text.chars().count()) as u32
            + 1;
        Location {
            file: file.name.clone(),
            line,
            column,
        }
    }

    /// How many lines the file has.
    pub(crate) fn line_starts(&self, file: FileId) -> &[u32] {
        &self.files[file.0 as usize].lines
    }
}
