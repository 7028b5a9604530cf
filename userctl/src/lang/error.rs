// SPDX-License-Identifier: GPL-2.0
//! What can be wrong with a text.

use crate::diagnostic::{Diagnostic, Label};
use crate::source::Span;

/// A mistake, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub kind: SyntaxErrorKind,
    /// Where; `None` for the file that was asked for itself.
    pub span: Option<Span>,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxErrorKind {
    /// Something else was expected here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What was expected.
        expected: &'static str,
        /// What is there.
        found: String,
        /// What to write instead.
        hint: Option<&'static str>,
    },
    /// A byte that begins no token.
    #[error("stray character {0}")]
    Stray(String),
    /// A string without a closing quote.
    #[error("this string is not closed")]
    OpenString,
    /// A line that ends in CR LF.
    #[error("lines must not end in CR LF")]
    Crlf,
    /// A reserved word where a name must be.
    #[error("`{0}` is a word of the language and cannot be a name")]
    Reserved(String),
    /// `@th,16,0`: nothing to compare.
    #[error("a length of no bits")]
    ZeroLength,
    /// A number that does not fit 64 bits.
    #[error("the number is too large")]
    NumberTooLarge,
    /// A statement's first word that means nothing.
    #[error("unknown statement `{word}`")]
    UnknownStatement {
        /// The word.
        word: String,
        /// A word that looks like it.
        similar: Option<&'static str>,
    },
    /// A command's first word that means nothing.
    #[error("unknown command `{word}`")]
    UnknownCommand {
        /// The word.
        word: String,
        /// A word that looks like it.
        similar: Option<&'static str>,
    },
    /// A `$name` that was not defined.
    #[error("`${0}` is not defined")]
    UndefinedVariable(String),
    /// A `define` of what is defined already.
    #[error("`{0}` is defined already")]
    Redefinition(String),
    /// A file that cannot be read.
    #[error("cannot read `{path}`: {reason}")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// An `include` of a file that is nowhere.
    #[error("file `{0}` not found")]
    IncludeNotFound(String),
    /// Includes that nest too deeply.
    #[error("includes nest more than {0} deep")]
    IncludeDepth(u32),
    /// More than 4 GiB of rules.
    #[error("the rules are too large")]
    TooLarge,
    /// Braces or parentheses that nest too deeply.
    #[error("expressions nest more than {0} deep")]
    NestingDepth(u32),
}

impl SyntaxErrorKind {
    fn hint(&self) -> Option<String> {
        let text = match self {
            SyntaxErrorKind::Expected { hint, .. } => return hint.map(str::to_owned),
            SyntaxErrorKind::UnknownStatement { similar, .. }
            | SyntaxErrorKind::UnknownCommand { similar, .. } => {
                return similar.map(|word| format!("did you mean `{word}`?"));
            }
            SyntaxErrorKind::OpenString => "write the closing `\"` on the same line",
            SyntaxErrorKind::Crlf => "save the file with Unix line ends",
            SyntaxErrorKind::Reserved(_) => "choose another name",
            SyntaxErrorKind::UndefinedVariable(name) => {
                return Some(format!("write `define {name} = …` before it is used"));
            }
            SyntaxErrorKind::Redefinition(_) => "write `redefine` to change it",
            SyntaxErrorKind::IncludeNotFound(_) => {
                "relative paths count from the working directory, then from each `-I` directory"
            }
            SyntaxErrorKind::IncludeDepth(_) => "does a file include itself?",
            SyntaxErrorKind::Stray(_)
            | SyntaxErrorKind::NumberTooLarge
            | SyntaxErrorKind::ZeroLength
            | SyntaxErrorKind::Unreadable { .. }
            | SyntaxErrorKind::TooLarge
            | SyntaxErrorKind::NestingDepth(_) => return None,
        };
        Some(text.to_owned())
    }
}

impl From<&SyntaxError> for Diagnostic {
    fn from(error: &SyntaxError) -> Self {
        Diagnostic {
            message: error.kind.to_string(),
            primary: error.span.map(|span| Label {
                span,
                text: String::new(),
            }),
            secondary: Vec::new(),
            hint: error.kind.hint(),
        }
    }
}
