// SPDX-License-Identifier: GPL-2.0
//! How the demonstration looks: numbered steps, commands, and text as wide as the user's terminal.

use crate::report::Report;

/// How far text is indented.
const INDENT: usize = 3;

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

    /// Indented text; what is too long goes on, further indented, on the next line.
    pub(super) fn text(&mut self, text: &str) {
        for line in text.lines() {
            for piece in wrap(line, self.columns - INDENT) {
                self.report.line(&format!("{:INDENT$}{piece}", ""));
            }
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

/// Breaks a line between words, so that no piece is longer than `width` if words allow it.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match pieces.last_mut() {
            Some(piece) if piece.chars().count() + 1 + word.chars().count() <= width => {
                piece.push(' ');
                piece.push_str(word);
            }
            Some(_) => pieces.push(format!("  {word}")),
            None => pieces.push(word.to_owned()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_further_indented() {
        assert_eq!(wrap("one two three", 8), ["one two", "  three"]);
        assert_eq!(wrap("short", 8), ["short"]);
    }

    #[test]
    fn what_is_indented_stays_so() {
        assert_eq!(wrap("    rule", 20), ["    rule"]);
    }
}
