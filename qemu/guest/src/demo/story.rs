// SPDX-License-Identifier: GPL-2.0
//! How the demonstration looks: numbered steps, commands, and text as wide as the user's terminal.

use crate::report::Report;

/// The story so far.
pub(super) struct Story<'a> {
    report: &'a mut Report,
    columns: usize,
    step: usize,
}

impl<'a> Story<'a> {
    pub(super) fn new(columns: usize, report: &'a mut Report) -> Self {
        Self {
            report,
            columns: columns.max(40),
            step: 0,
        }
    }

    /// Begins a step.
    pub(super) fn step(&mut self, title: &str) {
        self.step += 1;
        let head = format!("── {}. {title} ", self.step);
        let rule = "─".repeat(self.columns.saturating_sub(head.chars().count()));
        self.report.line("");
        self.report.line(&format!("{head}{rule}"));
    }

    /// What is typed.
    pub(super) fn command(&mut self, text: &str) {
        self.line(&format!(" # {text}"));
    }

    /// Indented text, on one line.
    pub(super) fn text(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("   {line}"));
        }
    }

    /// A line, cut where the terminal ends.
    pub(super) fn line(&mut self, text: &str) {
        if text.chars().count() <= self.columns {
            self.report.line(text);
        } else {
            let cut: String = text.chars().take(self.columns - 1).collect();
            self.report.line(&format!("{cut}…"));
        }
    }
}
