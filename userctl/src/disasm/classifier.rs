// SPDX-License-Identifier: GPL-2.0
//! Classifiers as text: how large they are, and what their entries ask.

use std::fmt::Write;

use ferrule_engine::View;
use ferrule_uapi::{
    classifier::{Classifier, Dim},
    field::Field,
};

use super::{operand::narrow_range, record};
use crate::trees::Trees;

/// `classifier 0: 2 trees, 5 nodes, 12 entries`, and the entries, one a line.
pub(super) fn describe(view: &View<'_>, index: usize, classifier: &Classifier) -> String {
    let trees = Trees::of(view, classifier);
    let mut text = format!(
        "classifier {index}: {}, {}, {}\n",
        counted(classifier.tree_count.into(), "tree", "trees"),
        counted(trees.nodes().count() as u32, "node", "nodes"),
        counted(classifier.entry_count, "entry", "entries"),
    );
    for entry in (0..classifier.entry_count).filter_map(|index| trees.entry(index)) {
        let asked: Vec<String> = entry
            .asked
            .iter()
            .map(|(dim, lo, hi)| ask(classifier.dims[*dim], *lo, *hi))
            .collect();
        let asked = match asked.as_slice() {
            [] => "always".to_owned(),
            asked => format!("if {}", asked.join(", ")),
        };
        let end = if entry.last { "" } else { ", or" };
        let _ = writeln!(text, "  {:>5}  {asked}{end}", entry.target);
    }
    text
}

/// `1 tree`, `2 trees`.
fn counted(count: u32, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// `tcp dport 22-80`; a word of a wide field in hexadecimal.
fn ask(dim: Dim, lo: u32, hi: u32) -> String {
    let field = Field::from_raw(dim.field);
    let name = record::field(dim.field);
    if field.is_some_and(Field::is_wide) {
        let word = dim.word;
        return format!("{name}[{word}] {lo:#x}-{hi:#x}");
    }
    match (lo, hi) {
        (0, u32::MAX) => name,
        _ => format!("{name} {}", narrow_range(field, lo, hi)),
    }
}
