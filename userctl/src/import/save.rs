// SPDX-License-Identifier: GPL-2.0
//! The format of iptables-save: tables, their chains with policies and counters, and rules that
//! are still lists of words.
//!
//! ```text
//! # comment
//! *filter
//! :INPUT DROP [433:46544]
//! :user-chain - [0:0]
//! [12:720] -A INPUT -i lo -j ACCEPT
//! COMMIT
//! ```

use super::refusal::{Refusal, Result};
use super::words::{split, Word};
use crate::source::Span;

/// Packets and bytes that a rule or a policy has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Packets.
    pub(super) packets: u64,
    /// Bytes.
    pub(super) bytes: u64,
}

/// A `*table` … `COMMIT`.
#[derive(Debug)]
pub(super) struct SavedTable {
    /// Its name.
    pub(super) name: Word,
    /// Its chains, in order.
    pub(super) chains: Vec<SavedChain>,
    /// Its rules, in order.
    pub(super) rules: Vec<SavedRule>,
}

/// A `:CHAIN POLICY [packets:bytes]`.
#[derive(Debug)]
pub(super) struct SavedChain {
    /// Its name.
    pub(super) name: Word,
    /// `ACCEPT`, `DROP`, or `-` for a chain that users made.
    pub(super) policy: Word,
    /// What the policy has counted.
    pub(super) counted: Counted,
}

/// A `-A CHAIN …`.
#[derive(Debug)]
pub(super) struct SavedRule {
    /// The chain.
    pub(super) chain: Word,
    /// Where `-I` puts it, counted from 1; `None` for `-A`.
    pub(super) position: Option<usize>,
    /// What it has counted.
    pub(super) counted: Option<Counted>,
    /// The rest.
    pub(super) words: Vec<Word>,
    /// The whole line.
    pub(super) span: Span,
}

/// Reads a save whose first byte is at `base`. What cannot be read is added to `refusals`.
pub(super) fn read(text: &str, base: u32, refusals: &mut Vec<Refusal>) -> Vec<SavedTable> {
    let mut reader = Reader::default();
    let mut at = base;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        if let Err(refusal) = reader.line(content, at) {
            refusals.push(refusal);
        }
        at += line.len() as u32;
    }
    if let Some(table) = reader.open.take() {
        let message = format!("table `{}` has no COMMIT", table.name.text);
        refusals.push(
            Refusal::new(table.name.span, message)
                .hint("the file ends early: iptables-restore would load none of this table"),
        );
    }
    reader.tables
}

#[derive(Default)]
struct Reader {
    tables: Vec<SavedTable>,
    open: Option<SavedTable>,
}

impl Reader {
    fn line(&mut self, line: &str, base: u32) -> Result<()> {
        let words = split_unless_comment(line, base)?;
        let Some(first) = words.first() else {
            return Ok(());
        };
        if let Some(name) = first.text.strip_prefix('*') {
            return self.begin(name, first.span);
        }
        let Some(table) = &mut self.open else {
            return Err(Refusal::new(first.span, "this line is in no table")
                .hint("a table begins with `*NAME`: is this the output of iptables-save?"));
        };
        if first.text == "COMMIT" {
            self.tables.extend(self.open.take());
        } else if first.text.starts_with(':') {
            table.chains.push(chain(&words)?);
        } else {
            table.rules.push(rule(words)?);
        }
        Ok(())
    }

    fn begin(&mut self, name: &str, span: Span) -> Result<()> {
        if let Some(open) = &self.open {
            let message = format!("table `{}` has no COMMIT before this", open.name.text);
            return Err(Refusal::new(span, message));
        }
        // A table that is saved twice replaces what it was before.
        self.tables.retain(|table| table.name.text != name);
        self.open = Some(SavedTable {
            name: Word {
                text: name.to_owned(),
                span,
            },
            chains: Vec::new(),
            rules: Vec::new(),
        });
        Ok(())
    }
}

fn split_unless_comment(line: &str, base: u32) -> Result<Vec<Word>> {
    match line.trim_start().starts_with('#') {
        true => Ok(Vec::new()),
        false => split(line, base),
    }
}

fn chain(words: &[Word]) -> Result<SavedChain> {
    let [name, policy, rest @ ..] = words else {
        return Err(Refusal::new(words[0].span, "a chain needs a policy")
            .hint("`:NAME ACCEPT [0:0]`, or `-` for the policy of a user's chain"));
    };
    let counted = match rest.first() {
        Some(word) => bracketed(word)?,
        None => Counted::default(),
    };
    Ok(SavedChain {
        name: Word {
            text: name.text[1..].to_owned(),
            span: name.span,
        },
        policy: policy.clone(),
        counted,
    })
}

/// Reads `[packets:bytes]`.
fn bracketed(word: &Word) -> Result<Counted> {
    let inner = word
        .text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner
        .and_then(|text| pair(text, ':'))
        .ok_or_else(|| Refusal::new(word.span, "counters are written `[packets:bytes]`"))
}

/// Reads two numbers with a separator.
pub(super) fn pair(text: &str, separator: char) -> Option<Counted> {
    let (packets, bytes) = text.split_once(separator)?;
    Some(Counted {
        packets: packets.parse().ok()?,
        bytes: bytes.parse().ok()?,
    })
}

fn rule(mut words: Vec<Word>) -> Result<SavedRule> {
    let whole = words[0].span.to(words[words.len() - 1].span);
    let counted = match words[0].text.starts_with('[') {
        true => Some(bracketed(&words.remove(0))?),
        false => None,
    };
    let command = words.first().map(|word| word.text.clone());
    let insert = match command.as_deref() {
        Some("-A" | "--append") => false,
        Some("-I" | "--insert") => true,
        _ => {
            return Err(Refusal::new(whole, "this is no line of a save")
                .hint("a save has only `-A CHAIN …`; iptables' other commands change one"))
        }
    };
    words.remove(0);
    if words.is_empty() {
        return Err(Refusal::new(whole, "which chain?"));
    }
    let chain = words.remove(0);
    let mut position = insert.then_some(1);
    if insert {
        let given = words.first().and_then(|word| word.text.parse().ok());
        if given.is_some() {
            position = given;
            words.remove(0);
        }
    }
    Ok(SavedRule {
        chain,
        position,
        counted,
        words,
        span: whole,
    })
}
