// SPDX-License-Identifier: GPL-2.0
//! Reading files, and finding those that `include` names.
//!
//! As in nft: an absolute path, or one that begins with `./` or `../`, is taken as it is; another is
//! looked for in each include directory in turn. A pattern with wildcards takes every regular file
//! that it matches, in alphabetical order, and may match none; hidden files only if it names the dot.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{SyntaxError, SyntaxErrorKind};
use crate::source::{FileId, SourceMap, Span};

/// How deep includes may nest (nft's `MAX_INCLUDE_DEPTH`).
pub(super) const MAX_DEPTH: u32 = 16;

/// Reads the file that the user named.
pub(super) fn read_entry(sources: &mut SourceMap, path: &Path) -> Result<FileId, SyntaxError> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        let result = io::stdin()
            .lock()
            .read_to_end(&mut text)
            .and_then(|_| utf8(text));
        return match result {
            Ok(text) => add_text(sources, "<stdin>", text),
            Err(error) => Err(unreadable(path, &error, None)),
        };
    }
    read(sources, path, None)
}

/// Adds a text under a name.
pub(super) fn add_text(
    sources: &mut SourceMap,
    name: &str,
    text: String,
) -> Result<FileId, SyntaxError> {
    sources.add(name, text).map_err(|_| SyntaxError {
        kind: SyntaxErrorKind::TooLarge,
        span: None,
    })
}

/// Reads every file that `include "pattern"` names, in the order of inclusion.
pub(super) fn include(
    sources: &mut SourceMap,
    pattern: &str,
    span: Span,
) -> Result<Vec<FileId>, SyntaxError> {
    let wildcard = pattern.contains(['*', '?', '[']);
    for candidate in candidates(sources, pattern) {
        let paths = if wildcard {
            matching(&candidate)
        } else if candidate.exists() {
            vec![candidate]
        } else {
            continue;
        };
        if !paths.is_empty() {
            return paths
                .iter()
                .map(|path| read(sources, path, Some(span)))
                .collect();
        }
    }
    if wildcard {
        return Ok(Vec::new());
    }
    let kind = SyntaxErrorKind::IncludeNotFound(pattern.to_owned());
    Err(SyntaxError {
        kind,
        span: Some(span),
    })
}

/// The paths that `pattern` may mean, in the order in which they are tried.
fn candidates(sources: &SourceMap, pattern: &str) -> Vec<PathBuf> {
    let direct = ["/", "./", "../"]
        .iter()
        .any(|prefix| pattern.starts_with(prefix));
    if direct {
        return vec![PathBuf::from(pattern)];
    }
    sources
        .include_dirs()
        .iter()
        .map(|dir| dir.join(pattern))
        .collect()
}

/// The regular files that a pattern matches, in alphabetical order.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let Ok(paths) = glob::glob_with(&pattern.to_string_lossy(), options) else {
        return Vec::new();
    };
    paths
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .collect()
}

fn read(sources: &mut SourceMap, path: &Path, span: Option<Span>) -> Result<FileId, SyntaxError> {
    let text = read_regular(path).map_err(|error| unreadable(path, &error, span))?;
    sources
        .add(&path.to_string_lossy(), text)
        .map_err(|_| SyntaxError {
            kind: SyntaxErrorKind::TooLarge,
            span,
        })
}

fn read_regular(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    fs::read(path).and_then(utf8)
}

fn utf8(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        io::Error::other(format!("not a text: line {line} is not UTF-8"))
    })
}

fn unreadable(path: &Path, error: &io::Error, span: Option<Span>) -> SyntaxError {
    // The operating system's own words, without Rust's "(os error 2)".
    let text = error.to_string();
    let reason = text
        .split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned();
    let kind = SyntaxErrorKind::Unreadable {
        path: path.to_string_lossy().into_owned(),
        reason,
    };
    SyntaxError { kind, span }
}
