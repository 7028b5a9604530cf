// SPDX-License-Identifier: GPL-2.0
//! The scores for people (a table and the reasons, or every line) and for programs (JSON).

use std::fmt::Write;

use comfy_table::{presets, CellAlignment, Table};

use crate::score::{reasons, Expected, Figures, Score};

/// How many reasons of a kind are printed when nobody asked for all.
const MOST_REASONS: usize = 25;

const HEADINGS: [&str; 9] = [
    "file", "right", "wrong", "unsupp.", "right %", "refused", "not ref.", "apart", "skipped",
];

/// A row for each file and one for each corpus.
pub fn table(scores: &[Score]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(HEADINGS);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for score in scores {
        table.add_row(row(&score.file, &Figures::of([score])));
    }
    for (corpus, figures) in totals(scores) {
        table.add_row(row(&corpus, &figures));
    }
    table.trim_fmt() + "\n"
}

/// The figures of each corpus: files in one folder whose names end alike.
fn totals(scores: &[Score]) -> Vec<(String, Figures)> {
    let mut corpora: Vec<(String, Vec<&Score>)> = Vec::new();
    for score in scores {
        let folder = score.file.split('/').next().unwrap_or_default();
        let ending = score.file.rsplit('.').next().unwrap_or_default();
        let corpus = format!("all of {folder}/*.{ending}");
        match corpora.last_mut().filter(|(last, _)| *last == corpus) {
            Some((_, files)) => files.push(score),
            None => corpora.push((corpus, vec![score])),
        }
    }
    let figures = corpora
        .into_iter()
        .map(|(corpus, files)| (corpus, Figures::of(files)));
    figures.collect()
}

fn row(name: &str, figures: &Figures) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    let number = |n: usize| match n {
        0 => "-".to_owned(),
        n => n.to_string(),
    };
    let percent = figures.percent().map(|percent| format!("{percent:.1}"));
    row.extend([figures.right, figures.wrong, figures.unsupported].map(number));
    row.push(percent.unwrap_or_else(|| "-".to_owned()));
    row.extend(
        [
            figures.refused_right,
            figures.refused_wrong,
            figures.apart,
            figures.skipped,
        ]
        .map(number),
    );
    row
}

/// The reasons of what is wrong and of what is unsupported, with how often and where first.
pub fn summary(scores: &[Score]) -> String {
    let mut out = String::new();
    for kind in ["wrong", "unsupported"] {
        let list = reasons(scores, kind);
        if list.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{kind}:");
        for (reason, count, place) in list.iter().take(MOST_REASONS) {
            let _ = writeln!(out, "{count:5}  {reason} ({place})");
        }
        if let Some(more @ 1..) = list.len().checked_sub(MOST_REASONS) {
            let _ = writeln!(
                out,
                "       … and {more} more reasons: --verbose, or name a file"
            );
        }
    }
    out
}

/// Every line that is not right, with its reason.
pub fn lines(scores: &[Score]) -> String {
    let mut out = String::new();
    for score in scores {
        for line in &score.lines {
            let Some(reason) = line.outcome.reason() else {
                continue;
            };
            let (file, number, kind) = (&score.file, line.number, line.outcome.name());
            let _ = writeln!(out, "{file}:{number}: {kind}: {}\n    {reason}", line.text);
        }
    }
    out
}

/// Every line, one object a line.
pub fn json(scores: &[Score]) -> String {
    let mut out = String::new();
    for score in scores {
        for line in &score.lines {
            let expected = match line.expected {
                Expected::Accepted => "ok",
                Expected::Refused => "fail",
            };
            let object = serde_json::json!({
                "file": score.file,
                "line": line.number,
                "text": line.text,
                "expected": expected,
                "outcome": line.outcome.name(),
                "reason": line.outcome.reason(),
            });
            let _ = writeln!(out, "{object}");
        }
    }
    out
}
