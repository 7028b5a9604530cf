// SPDX-License-Identifier: GPL-2.0
//! What the optimiser made of each chain, and what that costs a packet at most.
//!
//! It is read from the program, as the module would run it; only which passes ran is the compiler's word.

use std::fmt::Write;

use ferrule_engine::View;
use ferrule_uapi::{
    classifier::{Classifier, Leaf, Node, POINTER_ENTRY, POINTER_INDEX, POINTER_LEAF},
    field::Field,
    insn::{Insn, Opcode},
    program::Chain,
};

use crate::compile::{Options, Pass};

/// The plan of a verified program, chain by chain.
pub fn explain(view: &View<'_>, options: &Options) -> String {
    let mut text = String::from("passes:");
    for pass in Pass::ALL {
        let off = if options.runs(pass) {
            ""
        } else {
            " (left out)"
        };
        let _ = write!(text, " {} {}{off};", pass as u8, pass.name());
    }
    text.truncate(text.trim_end_matches(';').len());
    text.push('\n');
    for (index, chain) in (0..).zip(view.chains()) {
        text.push_str(&chain_plan(view, index, chain));
    }
    text
}

/// One chain.
fn chain_plan(view: &View<'_>, index: u32, chain: &Chain) -> String {
    let name = |text| String::from_utf8_lossy(view.string(text)).into_owned();
    let rules = view.rules();
    let before = |insn| rules.partition_point(|rule| rule.first_insn < insn);
    let rules = before(chain.first_insn + chain.insn_count) - before(chain.first_insn);
    let mut text = format!(
        "chain {} {}: {}, {}\n",
        name(chain.table),
        name(chain.name),
        counted(rules, "rule"),
        counted(chain.insn_count as usize, "instruction"),
    );
    let classifiers = view.classifiers().iter();
    let own: Vec<&Classifier> = classifiers.filter(|own| own.chain == index).collect();
    if own.is_empty() && chain.insn_count > 1 {
        let matches = insns(view, chain).iter().filter(|insn| is_match(insn));
        let _ = writeln!(
            text,
            "  read one by one: at most {}",
            counted(matches.count(), "match")
        );
    }
    for classifier in own {
        text.push_str(&classifier_plan(view, chain, classifier));
    }
    text
}

fn insns<'a>(view: &View<'a>, chain: &Chain) -> &'a [Insn] {
    let first = chain.first_insn as usize;
    let run = first..first + chain.insn_count as usize;
    view.insns().get(run).unwrap_or_default()
}

fn is_match(insn: &Insn) -> bool {
    (1..=Opcode::LookupWide as u8).contains(&insn.opcode) || insn.opcode == Opcode::LookupSet as u8
}

/// One classifier.
fn classifier_plan(view: &View<'_>, chain: &Chain, classifier: &Classifier) -> String {
    let dims = classifier.dims.iter().take(classifier.dim_count.into());
    let mut names: Vec<String> = dims
        .map(|dim| {
            Field::from_raw(dim.field)
                .map_or("?", Field::c_name)
                .to_owned()
        })
        .map(|name| name.to_ascii_lowercase().replace('_', " "))
        .collect();
    names.dedup();
    let nodes = part(view.nodes(), classifier.first_node, classifier.node_count);
    let leaves = part(view.leaves(), classifier.first_leaf, classifier.leaf_count);
    let words = part(view.words(), classifier.first_word, classifier.word_count);
    let bytes = size_of_val(nodes) + size_of_val(leaves) + size_of_val(words);
    let left = insns(view, chain)
        .iter()
        .filter(|insn| is_match(insn))
        .count();
    let mut text = format!(
        "  classified by {}: {}, {}, {}, {}; {bytes} bytes, {} an entry\n",
        names.join(", "),
        counted(classifier.entry_count as usize, "entry"),
        counted(classifier.tree_count.into(), "tree"),
        counted(nodes.len(), "node"),
        counted(leaves.len(), "leaf"),
        bytes / classifier.entry_count.max(1) as usize,
    );
    let worst = worst(classifier, nodes, leaves, words);
    let _ = writeln!(
        text,
        "  a lookup: at most {} and {}; left in rules: {}",
        counted(worst.nodes, "node"),
        counted(worst.entries, "entry"),
        counted(left, "match"),
    );
    text
}

/// What a lookup costs at most.
#[derive(Clone, Copy, Default)]
struct Worst {
    nodes: usize,
    entries: usize,
}

/// All trees together, each on its longest path and in its longest leaf.
fn worst(classifier: &Classifier, nodes: &[Node], leaves: &[Leaf], words: &[u32]) -> Worst {
    // Nodes lead to later ones only.
    let mut below = vec![Worst::default(); nodes.len()];
    let of = |pointer: u32, below: &[Worst]| {
        let index = (pointer & POINTER_INDEX) as usize;
        let entries = match pointer {
            0 => 0,
            POINTER_ENTRY.. => 1,
            POINTER_LEAF.. => leaves.get(index).map_or(0, |leaf| leaf.count as usize),
            _ => return below.get(index - 1).copied().unwrap_or_default(),
        };
        Worst { nodes: 0, entries }
    };
    for (at, node) in nodes.iter().enumerate().rev() {
        let first = node.first as usize;
        let children = words.get(first..first + (1 << node.bits));
        let all = children.unwrap_or_default().iter().chain([&node.absent]);
        below[at] = all.fold(Worst::default(), |worst, pointer| {
            let own = of(*pointer, &below);
            Worst {
                nodes: worst.nodes.max(own.nodes + 1),
                entries: worst.entries.max(own.entries),
            }
        });
    }
    let roots = classifier.roots.iter().take(classifier.tree_count.into());
    roots.fold(Worst::default(), |sum, root| {
        let own = of(*root, &below);
        Worst {
            nodes: sum.nodes + own.nodes,
            entries: sum.entries + own.entries,
        }
    })
}

fn part<T>(all: &[T], first: u32, count: u32) -> &[T] {
    let first = first as usize;
    all.get(first..first + count as usize).unwrap_or_default()
}

/// `1 rule`, `2 rules`, `3 leaves`.
fn counted(count: usize, noun: &str) -> String {
    let plural = match noun {
        "entry" => "entries",
        "leaf" => "leaves",
        "match" => "matches",
        "tree" => "trees",
        "node" => "nodes",
        "rule" => "rules",
        _ => "instructions",
    };
    format!("{count} {}", if count == 1 { noun } else { plural })
}
