// SPDX-License-Identifier: GPL-2.0
//! Messages for people: file, line, caret and hint.
//!
//! The stages make [`Diagnostic`]s out of their own error enums; this file prints them with
//! `codespan-reporting`. That library, unlike its peers, takes line numbers from us (the
//! [`SourceMap`]'s table) and does not scan the source anew for each message, so a file with ten
//! thousand mistakes is reported in linear time; and it builds with the rustc of Debian 13.

use std::ops::Range;

use codespan_reporting::diagnostic as report;
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term;

use crate::source::{FileId, SourceMap, Span};

/// How many refusals are printed in full. The rest are counted.
const MAX_PRINTED: usize = 100;

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

impl Diagnostic {
    /// A refusal that no place in the text is to blame for.
    pub fn without_position(message: String) -> Self {
        Self {
            message,
            primary: None,
            secondary: Vec::new(),
            hint: None,
        }
    }
}

/// The refusals of one file, in the order of their places. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// These refusals, or `None` if there are none.
    pub fn from_list(list: impl IntoIterator<Item = Diagnostic>) -> Option<Self> {
        let mut list: Vec<_> = list.into_iter().collect();
        list.sort_by_key(|diagnostic| diagnostic.primary.as_ref().map(|label| label.span.lo));
        (!list.is_empty()).then_some(Self(list))
    }

    /// A single refusal.
    pub fn one(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }

    /// Each refusal.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Prints the refusals, with source lines and carets, in colour if asked for.
    pub fn render(&self, sources: &SourceMap, colour: bool) -> String {
        let mut buffer = match colour {
            true => term::termcolor::Buffer::ansi(),
            false => term::termcolor::Buffer::no_color(),
        };
        let config = term::Config {
            tab_width: 8,
            ..term::Config::default()
        };
        for diagnostic in self.0.iter().take(MAX_PRINTED) {
            // Writing to memory does not fail, and a span that is in no file prints as nothing.
            let _ = term::emit_to_write_style(
                &mut buffer,
                &config,
                sources,
                &report_of(diagnostic, sources),
            );
        }
        let mut text = String::from_utf8_lossy(buffer.as_slice()).into_owned();
        if let Some(more @ 1..) = self.0.len().checked_sub(MAX_PRINTED) {
            text.push_str(&format!("… and {more} more\n"));
        }
        text
    }
}

fn report_of(diagnostic: &Diagnostic, sources: &SourceMap) -> report::Diagnostic<FileId> {
    let mut labels = Vec::new();
    if let Some(label) = &diagnostic.primary {
        labels.push(label_of(label, report::LabelStyle::Primary, sources));
    }
    for label in &diagnostic.secondary {
        labels.push(label_of(label, report::LabelStyle::Secondary, sources));
    }
    let notes = diagnostic
        .hint
        .iter()
        .map(|hint| format!("hint: {hint}"))
        .collect();
    report::Diagnostic::error()
        .with_message(&diagnostic.message)
        .with_labels(labels)
        .with_notes(notes)
}

fn label_of(
    label: &Label,
    style: report::LabelStyle,
    sources: &SourceMap,
) -> report::Label<FileId> {
    let file = sources.file_at(label.span.lo);
    let base = sources.base(file);
    // What began in one file and ended in another is shown as far as the first one goes.
    let end = sources.text(file).len();
    let hi = label.span.hi.saturating_sub(base) as usize;
    let range = (label.span.lo - base) as usize..hi.min(end);
    report::Label::new(style, file, range).with_message(&label.text)
}

impl<'a> Files<'a> for SourceMap {
    type FileId = FileId;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, file: FileId) -> Result<&'a str, Error> {
        Ok(SourceMap::name(self, file))
    }

    fn source(&'a self, file: FileId) -> Result<&'a str, Error> {
        Ok(self.text(file))
    }

    fn line_index(&'a self, file: FileId, byte: usize) -> Result<usize, Error> {
        let starts = self.line_starts(file);
        Ok(starts
            .partition_point(|start| *start as usize <= byte)
            .saturating_sub(1))
    }

    fn line_range(&'a self, file: FileId, line: usize) -> Result<Range<usize>, Error> {
        let starts = self.line_starts(file);
        let max = starts.len();
        let start = *starts
            .get(line)
            .ok_or(Error::LineTooLarge { given: line, max })?;
        let end = starts
            .get(line + 1)
            .map_or(self.text(file).len(), |start| *start as usize);
        Ok(start as usize..end)
    }
}
