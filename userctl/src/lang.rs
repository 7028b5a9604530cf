// SPDX-License-Identifier: GPL-2.0
//! Text to syntax.
//!
//! ```text
//! file ─► token (logos) ─► parser ─► syntax (Script)
//!   ▲                        │
//!   └──────── include ───────┘
//! ```
//!
//! The parser is a recursive descent one, written by hand: nft's grammar needs no lookahead beyond
//! one token, but it needs its input switched in the middle of a block (`include`), variables
//! resolved where they are used, and above all recovery after a mistake, so that every rule of a file
//! is reported and not only the first. Whatever nft accepts and Ferrule does not run yet is
//! recognised by its first word ([`words`]) and becomes an `Unsupported` node: it is refused by name
//! in the next stage, together with what is wrong with the other rules.
//!
//! Where nft's own grammar is stricter than it looks (a block's `}` must end its line), this one is
//! too, so that a file loads in both. The one liberty taken is that blank lines may stand in a set.

mod error;
mod include;
mod parser;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod words;

use std::path::Path;

pub use error::{SyntaxError, SyntaxErrorKind};
pub use syntax::{Command, Script};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, SourceMap};

/// What to read.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A file; `-` is the standard input.
    Path(&'a Path),
    /// A text, and what to call it in messages.
    Text {
        /// Its name.
        name: &'a str,
        /// The text.
        text: &'a str,
    },
}

/// Reads and parses `entry` and everything that it includes.
///
/// A file that cannot be read is an error like any other; for the entry itself it has no span.
pub fn parse(sources: &mut SourceMap, entry: Entry<'_>) -> Result<Script, Diagnostics> {
    let file = match entry {
        Entry::Path(path) => include::read_entry(sources, path),
        Entry::Text { name, text } => include::add_text(sources, name, text.to_owned()),
    };
    let (script, errors) = match file {
        Ok(file) => parser::parse(sources, &[file]),
        Err(error) => (Script::default(), vec![error]),
    };
    script_or(script, &errors)
}

/// Reads and parses a text and everything that it includes.
pub fn parse_text(
    sources: &mut SourceMap,
    name: &str,
    text: String,
) -> Result<Script, Diagnostics> {
    parse_texts(sources, [(name.to_owned(), text)])
}

/// Reads the first text of `sources` again, and everything that it includes.
pub fn parse_again(sources: &SourceMap) -> (SourceMap, Result<Script, Diagnostics>) {
    let (mut again, name, text) = sources.begin_again();
    let script = parse_text(&mut again, &name, text);
    (again, script)
}

/// Parses texts, each with what to call it in messages, as if they were one.
pub(crate) fn parse_texts(
    sources: &mut SourceMap,
    texts: impl IntoIterator<Item = (String, String)>,
) -> Result<Script, Diagnostics> {
    let files: Result<Vec<FileId>, SyntaxError> = texts
        .into_iter()
        .map(|(name, text)| include::add_text(sources, &name, text))
        .collect();
    let (script, errors) = match files {
        Ok(files) => parser::parse(sources, &files),
        Err(error) => (Script::default(), vec![error]),
    };
    script_or(script, &errors)
}

/// The script, if nothing is wrong with it.
fn script_or(script: Script, errors: &[SyntaxError]) -> Result<Script, Diagnostics> {
    match Diagnostics::from_list(errors.iter().map(Diagnostic::from)) {
        None => Ok(script),
        Some(diagnostics) => Err(diagnostics),
    }
}
