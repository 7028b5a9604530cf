// SPDX-License-Identifier: GPL-2.0
//! Messages for people: file, line, caret and hint.
//!
//! The stages make [`Diagnostic`]s out of their own error enums; this file prints them with
//! `codespan-reporting`. That library, unlike its peers, takes line numbers from us (the
//! [`SourceMap`]'s table) and does not scan the source anew for each message, so a file with ten
//! thousand mistakes is reported in linear time; and it builds with the rustc of Debian 13.

use crate::source::{SourceMap, Span};

/// A place that a message points at, with a few words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in a sentence without full stop.
    pub message: String,
    /// Where; `None` if no place in the text is to blame.
    pub primary: Option<Label>,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// The refusals of one file, in order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Each refusal.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Prints the refusals, with source lines and carets, in colour if asked for.
    pub fn render(&self, sources: &SourceMap, colour: bool) -> String {
        let _ = (sources, colour);
        todo!()
    }
}
