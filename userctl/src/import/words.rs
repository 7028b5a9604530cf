// SPDX-License-Identifier: GPL-2.0
//! A line of a save, cut into words as iptables-restore cuts it: at blanks, except inside quotes;
//! a backslash inside double quotes keeps the quote behind it.

use super::refusal::{Refusal, Result};
use crate::source::Span;

/// A word, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says.
    pub(super) text: String,
    /// Where it stands, quotes included.
    pub(super) span: Span,
}

/// Cuts `line`, whose first byte is at `base` in the source map.
pub(super) fn split(line: &str, base: u32) -> Result<Vec<Word>> {
    let mut words = Vec::new();
    let mut letters = line.char_indices().peekable();
    while let Some(&(start, letter)) = letters.peek() {
        if letter.is_whitespace() {
            letters.next();
            continue;
        }
        let mut text = String::new();
        let mut quote = None;
        let mut end = line.len();
        while let Some(&(at, letter)) = letters.peek() {
            match (quote, letter) {
                (None, _) if letter.is_whitespace() => {
                    end = at;
                    break;
                }
                (None, '"' | '\'') => quote = Some(letter),
                (Some('"'), '\\') => {
                    letters.next();
                    if let Some(&(_, escaped)) = letters.peek() {
                        text.push(escaped);
                    }
                }
                (Some(open), _) if letter == open => quote = None,
                _ => text.push(letter),
            }
            letters.next();
        }
        let span = Span::new(base + start as u32, base + end as u32);
        if quote.is_some() {
            return Err(Refusal::new(span, "this quote is never closed"));
        }
        words.push(Word { text, span });
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let words = split(line, 0).unwrap();
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_keep_blanks_and_escapes_keep_quotes() {
        assert_eq!(
            texts(r#"-A x --comment "a \"b\" c" --log-prefix ''"#),
            ["-A", "x", "--comment", "a \"b\" c", "--log-prefix", ""]
        );
    }

    #[test]
    fn a_span_covers_the_quotes() {
        let words = split(r#"ab "c d" e"#, 10).unwrap();
        assert_eq!(words[1].span, Span::new(13, 18));
        assert_eq!(words[2].span, Span::new(19, 20));
    }

    #[test]
    fn an_open_quote_is_refused() {
        assert!(split("-A x \"y", 0).is_err());
    }
}
