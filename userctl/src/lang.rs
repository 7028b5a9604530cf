// SPDX-License-Identifier: GPL-2.0
//! Text to syntax.

use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::source::SourceMap;

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

/// A parsed file: commands in order, includes and variables resolved.
#[derive(Debug)]
pub struct Script {
    _private: (),
}

/// Reads and parses `entry` and everything that it includes.
///
/// A file that cannot be read is an error like any other; for the entry itself it has no span.
pub fn parse(sources: &mut SourceMap, entry: Entry<'_>) -> Result<Script, Diagnostics> {
    let _ = (sources, entry);
    todo!()
}
