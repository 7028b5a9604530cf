// SPDX-License-Identifier: GPL-2.0
//! Why a line is not imported: where, what, and what to write instead.

use crate::diagnostic::{Diagnostic, Label};
use crate::source::Span;

/// A line that was read and cannot be said in nft's language, or not be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    message: String,
    span: Span,
    hint: Option<String>,
}

impl Refusal {
    /// What is wrong, and where.
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span,
            hint: None,
        }
    }

    /// What to write instead.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Refusal> for Diagnostic {
    fn from(refusal: Refusal) -> Self {
        Diagnostic {
            message: refusal.message,
            primary: Some(Label {
                span: refusal.span,
                text: String::new(),
            }),
            secondary: Vec::new(),
            hint: refusal.hint,
        }
    }
}

/// What a translation gives.
pub(super) type Result<T> = std::result::Result<T, Refusal>;
