// SPDX-License-Identifier: GPL-2.0
//! Classifiers as text: how large they are, and what their entries ask.

use std::fmt::Write;

use ferrule_engine::View;
use ferrule_uapi::{
    classifier::{Classifier, Dim, ENTRY_HEAD},
    field::Field,
};

use super::{operand::narrow_range, record};

/// `classifier 0: 2 trees, 5 nodes, 7 leaves, 12 entries`, and the entries, one a line.
pub(super) fn describe(view: &View<'_>, index: usize, classifier: &Classifier) -> String {
    let mut text = format!(
        "classifier {index}: {}, {}, {}, {}\n",
        counted(classifier.tree_count.into(), "tree", "trees"),
        counted(classifier.node_count, "node", "nodes"),
        counted(classifier.leaf_count, "leaf", "leaves"),
        counted(classifier.entry_count, "entry", "entries"),
    );
    let dims: Vec<Dim> = classifier
        .dims
        .iter()
        .take(classifier.dim_count.into())
        .copied()
        .collect();
    let stride = ENTRY_HEAD as usize + 2 * dims.len();
    let words = view.words().get(classifier.first_word as usize..);
    let entries = words.unwrap_or_default().chunks_exact(stride);
    for entry in entries.take(classifier.entry_count as usize) {
        let [leads_to, needed, ranges @ ..] = entry else {
            continue;
        };
        let ranges = ranges.chunks_exact(2).zip(&dims).zip(0..);
        let asked: Vec<String> = ranges
            .filter(|(_, at)| needed >> at & 1 != 0)
            .map(|((range, dim), _)| ask(*dim, range[0], range[0].saturating_add(range[1])))
            .collect();
        let asked = match asked.as_slice() {
            [] => "always".to_owned(),
            asked => format!("if {}", asked.join(", ")),
        };
        let _ = writeln!(text, "  {leads_to:>5}  {asked}");
    }
    text
}

/// `1 leaf`, `2 leaves`.
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
