// SPDX-License-Identifier: GPL-2.0
//! nftables' own rule tests, line by line.
//!
//! Every line that nft accepts compiles or is refused as unsupported, by name: it is never taken for
//! a mistake. Every line that nft refuses is refused. The score is printed; where the corpora are
//! absent, that is said and nothing is claimed.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use userctl::compile::{compile, Options};
use userctl::image::Image;
use userctl::lang::{self, Entry};
use userctl::listing;
use userctl::ruleset::{Environment, Ruleset};
use userctl::source::SourceMap;

/// The interfaces that the corpora name.
struct Machine;

const INTERFACES: &[&str] = &["lo", "eth0", "eth1", "dummy0", "eth2"];

impl Environment for Machine {
    fn interface_index(&self, name: &str) -> Option<u32> {
        INTERFACES
            .iter()
            .position(|known| *known == name)
            .map(|index| index as u32 + 1)
    }

    fn interface_name(&self, index: u32) -> Option<String> {
        INTERFACES
            .get(index as usize - 1)
            .map(|name| (*name).to_owned())
    }
}

/// What became of a rule.
enum Fate {
    /// It compiled, and this is its listing.
    Compiled(String),
    Unsupported,
    Refused(String),
}

fn fate(family: &str, rule: &str) -> Fate {
    let text = format!(
        "table {family} t {{\n chain c {{\n type filter hook input priority 0\n {rule}\n }}\n \
         chain chain1 {{\n }}\n chain chain2 {{\n }}\n}}\n"
    );
    let mut sources = SourceMap::new();
    let script = lang::parse(
        &mut sources,
        Entry::Text {
            name: "rule",
            text: &text,
        },
    );
    let ruleset = script.and_then(|script| Ruleset::default().apply(&script, &sources, &Machine));
    match ruleset {
        Ok(ruleset) => {
            let program = compile(&ruleset, &Options::default()).expect("it compiles");
            Image::new(program.bytes())
                .verify()
                .unwrap_or_else(|refusal| {
                    panic!("the verifier refuses `{rule}` in family {family}: {refusal:?}")
                });
            let options = listing::Options {
                environment: Some(&Machine),
                stateless: true,
                ..listing::Options::default()
            };
            let chain = &ruleset.tables()[0].chains[0];
            let rules = chain
                .rules
                .iter()
                .map(|rule| listing::rule_to_text(rule, &options));
            Fate::Compiled(rules.collect::<Vec<_>>().join("; "))
        }
        Err(diagnostics) => {
            let unsupported = |text: &str| text.ends_with("not supported yet");
            match diagnostics
                .iter()
                .all(|diagnostic| unsupported(&diagnostic.message))
            {
                true => Fate::Unsupported,
                false => Fate::Refused(diagnostics.render(&sources, false)),
            }
        }
    }
}

fn corpora() -> Option<PathBuf> {
    let folder = match std::env::var_os("FERRULE_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
    };
    Some(folder.join("nft-rules")).filter(|folder| folder.is_dir())
}

/// The figures of one run.
#[derive(Default)]
struct Score {
    compiled: u32,
    unsupported: u32,
    refused: u32,
    same_listing: u32,
    complaints: String,
}

impl Score {
    fn line(&mut self, place: &str, family: &str, line: &str) {
        let mut parts = line.split(';');
        let (Some(rule), Some(expected)) = (parts.next(), parts.next()) else {
            return;
        };
        let listing = parts.next().unwrap_or(rule);
        match (expected, fate(family, rule)) {
            ("ok", Fate::Compiled(text)) => {
                self.compiled += 1;
                let same = text.contains("counter") || text == listing;
                self.same_listing += u32::from(same);
                if !same && std::env::var_os("FERRULE_LISTINGS").is_some() {
                    println!("{family}: `{rule}` is listed `{text}`, not `{listing}`");
                }
            }
            ("ok", Fate::Unsupported) => self.unsupported += 1,
            ("fail", Fate::Unsupported | Fate::Refused(_)) => self.refused += 1,
            ("ok", Fate::Refused(why)) => {
                let _ = writeln!(self.complaints, "{place}, {family}: `{rule}`\n{why}");
            }
            ("fail", Fate::Compiled(text)) => {
                let _ = writeln!(
                    self.complaints,
                    "{place}, {family}: `{rule}` compiles: {text}"
                );
            }
            _ => {}
        }
    }

    fn file(&mut self, path: &Path) {
        let text = fs::read_to_string(path).expect("a file of the corpora");
        let tables = text.lines().filter_map(|line| line.strip_prefix('*'));
        let families = tables.filter_map(|line| line.split(';').next());
        let families: Vec<_> = families
            .filter(|family| ["ip", "ip6", "inet"].contains(family))
            .collect();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with([':', '*', '!', '?', '-', '#', '%']) {
                continue;
            }
            let place = format!("{}:{}", path.display(), number + 1);
            for family in &families {
                self.line(&place, family, line);
            }
        }
    }
}

/// Prints a line past the test harness; `cargo xtask test` shows it, and counts SKIPPED as skipped.
fn note(line: &str) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "note: {line}").expect("standard error takes a line");
}

#[test]
fn what_nft_accepts_compiles_or_is_unsupported_and_what_it_refuses_is_refused() {
    let Some(folder) = corpora() else {
        note("SKIPPED: no corpora; set FERRULE_CORPORA to their folder");
        return;
    };
    let mut score = Score::default();
    for family in ["any", "inet", "ip", "ip6"] {
        let mut files: Vec<_> = fs::read_dir(folder.join(family))
            .expect("a folder of the corpora")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        files.iter().for_each(|path| score.file(path));
    }
    note(&format!(
        "nft-rules: {} compiled ({} listed as nft lists them), {} unsupported, {} rightly refused",
        score.compiled, score.same_listing, score.unsupported, score.refused
    ));
    assert!(
        score.compiled > 0 && score.refused > 0,
        "the corpora hold no rules"
    );
    assert!(score.complaints.is_empty(), "{}", score.complaints);
}
