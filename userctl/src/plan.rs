// SPDX-License-Identifier: GPL-2.0
//! What the optimiser made of each chain, and what that costs a packet at most.
//!
//! It is read from the program, as the module would run it; only which passes ran is the compiler's word.

use std::collections::HashMap;
use std::fmt::Write;

use ferrule_engine::View;
use ferrule_uapi::{
    classifier::{Classifier, POINTER_ENTRY},
    field::Field,
    insn::{Insn, Opcode},
    ioctl::CounterValue,
    program::Chain,
};

use crate::compile::{Options, Pass};
use crate::trees::Trees;

/// The plan of a verified program of `program` bytes, chain by chain.
pub fn explain(view: &View<'_>, program: usize, options: &Options) -> String {
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
    text.push_str(&memory(view, program));
    text
}

/// What the kernel keeps: `program` bytes, and its counters on each CPU.
fn memory(view: &View<'_>, program: usize) -> String {
    let each = program + view.counters().len() * size_of::<CounterValue>();
    format!(
        "memory: {program} bytes of program, {} of them text, and {} bytes for each of {} on each CPU; {} bytes a \
         rule on one CPU\n",
        view.source().len(),
        size_of::<CounterValue>(),
        counted(view.counters().len(), "counter"),
        each / view.rules().len().max(1),
    )
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
    let dims = classifier.dims.iter().take(classifier.dim_count().into());
    let mut names: Vec<String> = dims
        .map(|dim| {
            Field::from_raw(dim.field)
                .map_or("?", Field::c_name)
                .to_owned()
        })
        .map(|name| name.to_ascii_lowercase().replace('_', " "))
        .collect();
    names.dedup();
    let trees = Trees::of(view, classifier);
    let bytes = trees.size();
    let left = insns(view, chain)
        .iter()
        .filter(|insn| is_match(insn))
        .count();
    let mut text = format!(
        "  classified by {}: {}, {}, {}; {bytes} bytes, {} an entry\n",
        names.join(", "),
        counted(classifier.entry_count as usize, "entry"),
        counted(classifier.tree_count.into(), "tree"),
        counted(trees.nodes().count(), "node"),
        bytes / classifier.entry_count.max(1) as usize,
    );
    let worst = worst(&trees);
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

/// All trees together, each on its longest path and in its longest run.
fn worst(trees: &Trees<'_>) -> Worst {
    let mut below: HashMap<u32, Worst> = HashMap::new();
    let of = |pointer: u32, below: &HashMap<u32, Worst>| match pointer {
        0 => Worst::default(),
        POINTER_ENTRY.. => Worst {
            nodes: 0,
            entries: trees.run(pointer).count(),
        },
        node => below.get(&node).copied().unwrap_or_default(),
    };
    // Nodes lead to later ones only.
    let mut nodes: Vec<_> = trees.nodes().collect();
    nodes.reverse();
    for node in nodes {
        let mut all: Vec<u32> = node.children.iter().copied().chain([node.absent]).collect();
        all.dedup();
        let worst = all.iter().fold(Worst::default(), |worst, pointer| {
            let own = of(*pointer, &below);
            Worst {
                nodes: worst.nodes.max(own.nodes + 1),
                entries: worst.entries.max(own.entries),
            }
        });
        below.insert(node.at, worst);
    }
    let roots = trees.classifier.roots.iter();
    let roots = roots.take(trees.classifier.tree_count.into());
    roots.fold(Worst::default(), |sum, root| {
        let own = of(*root, &below);
        Worst {
            nodes: sum.nodes + own.nodes,
            entries: sum.entries + own.entries,
        }
    })
}

/// `1 rule`, `2 rules`.
fn counted(count: usize, noun: &str) -> String {
    let plural = match noun {
        "entry" => "entries",
        "match" => "matches",
        "tree" => "trees",
        "node" => "nodes",
        "rule" => "rules",
        "counter" => "counters",
        _ => "instructions",
    };
    format!("{count} {}", if count == 1 { noun } else { plural })
}
