// SPDX-License-Identifier: GPL-2.0
//! The scores are no lower than they were.

use std::io::Write;

use ferrule_conformance::score::Figures;
use ferrule_conformance::{corpora, floors, report};

/// Prints a line past the test harness; `cargo xtask test` shows it, and counts SKIPPED as skipped.
fn note(line: &str) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "note: {line}").expect("standard error takes a line");
}

#[test]
fn every_score_keeps_its_floor() {
    let Some(folder) = corpora::folder() else {
        note("SKIPPED: no corpora; set FERRULE_CORPORA to their folder");
        return;
    };
    let scores = corpora::score(&folder, &[]).expect("the corpora can be read");
    let figures = Figures::of(&scores);
    note(&format!(
        "conformance: {} right, {} wrong, {} unsupported; {} rightly refused, {} not",
        figures.right,
        figures.wrong,
        figures.unsupported,
        figures.refused_right,
        figures.refused_wrong
    ));
    let complaints = floors::complaints(&scores);
    assert!(
        complaints.is_empty(),
        "{}\n{}",
        complaints.join("\n"),
        report::summary(&scores)
    );
}
