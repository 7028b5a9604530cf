// SPDX-License-Identifier: GPL-2.0
//! Golden files: rules in, and beside them what userctl makes of them.
//!
//! `accepted/NAME.nft` has its listing in `NAME.listing` and its program in `NAME.disasm`;
//! `refused/NAME.nft` has the messages in `NAME.message`. `UPDATE_GOLDEN=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use userctl::compile::{compile, Options};
use userctl::diagnostic::Diagnostics;
use userctl::disasm::disasm;
use userctl::image::Image;
use userctl::lang::{self, Entry};
use userctl::listing;
use userctl::ruleset::{Environment, Ruleset};
use userctl::source::SourceMap;

struct Machine;

impl Environment for Machine {
    fn interface_index(&self, name: &str) -> Option<u32> {
        (name == "lo").then_some(1)
    }

    fn interface_name(&self, index: u32) -> Option<String> {
        (index == 1).then(|| "lo".to_owned())
    }
}

fn rules(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(folder);
    let entries = fs::read_dir(folder).expect("the golden files");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "nft"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn read(path: &Path, sources: &mut SourceMap) -> Result<Ruleset, Diagnostics> {
    let text = fs::read_to_string(path).expect("a golden file");
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let script = lang::parse(
        sources,
        Entry::Text {
            name: &name,
            text: &text,
        },
    )?;
    Ruleset::default().apply(&script, sources, &Machine)
}

/// Compares `actual` with the file beside `path`, or writes it.
fn compare(path: &Path, extension: &str, actual: &str, wrong: &mut Vec<String>) {
    let expected = path.with_extension(extension);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&expected, actual).expect("the golden file can be written");
    } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
        wrong.push(format!("{}:\n{actual}", expected.display()));
    }
}

#[test]
fn accepted_files_are_listed_and_compiled_as_before() {
    let mut wrong = Vec::new();
    for path in rules("accepted") {
        let mut sources = SourceMap::new();
        let ruleset = read(&path, &mut sources)
            .unwrap_or_else(|refusal| panic!("{}", refusal.render(&sources, false)));
        let options = listing::Options {
            handles: true,
            environment: Some(&Machine),
            ..listing::Options::default()
        };
        compare(
            &path,
            "listing",
            &listing::to_text(&ruleset, &options),
            &mut wrong,
        );
        let compiled = compile(&ruleset, &Options::default()).expect("it compiles");
        let program = Image::new(compiled.bytes()).verify().expect("it verifies");
        compare(&path, "disasm", &disasm(&program.view()), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn listings_of_accepted_files_are_read_and_listed_the_same() {
    for path in rules("accepted") {
        let text = fs::read_to_string(path.with_extension("listing")).expect("a listing");
        let mut sources = SourceMap::new();
        let name = path.display().to_string();
        let entry = Entry::Text {
            name: &name,
            text: &text,
        };
        let again = lang::parse(&mut sources, entry)
            .and_then(|script| Ruleset::default().apply(&script, &sources, &Machine))
            .unwrap_or_else(|refusal| panic!("{}", refusal.render(&sources, false)));
        let options = listing::Options {
            environment: Some(&Machine),
            ..listing::Options::default()
        };
        let without_handles: Vec<&str> = text
            .lines()
            .map(|line| line.split(" # handle").next().unwrap_or(line))
            .collect();
        let listed = listing::to_text(&again, &options);
        assert_eq!(
            listed.lines().collect::<Vec<_>>(),
            without_handles,
            "{name}"
        );
    }
}

#[test]
fn programs_of_accepted_files_give_back_what_is_listed() {
    for path in rules("accepted") {
        let mut sources = SourceMap::new();
        let ruleset = read(&path, &mut sources)
            .unwrap_or_else(|refusal| panic!("{}", refusal.render(&sources, false)));
        let compiled = compile(&ruleset, &Options::default()).expect("it compiles");
        let program = Image::new(compiled.bytes()).verify().expect("it verifies");
        let back = Ruleset::from_program(&program.view(), &mut sources)
            .unwrap_or_else(|refusal| panic!("{}", refusal.render(&sources, false)));
        // What sets hold is the kernel's.
        let options = listing::Options {
            handles: true,
            terse: true,
            ..listing::Options::default()
        };
        assert_eq!(
            listing::to_text(&back, &options),
            listing::to_text(&ruleset, &options),
            "{}",
            path.display()
        );
    }
}

#[test]
fn refused_files_are_refused_in_the_same_words() {
    let mut wrong = Vec::new();
    for path in rules("refused") {
        let mut sources = SourceMap::new();
        match read(&path, &mut sources) {
            Ok(_) => wrong.push(format!("{} is not refused", path.display())),
            Err(refusal) => {
                compare(
                    &path,
                    "message",
                    &refusal.render(&sources, false),
                    &mut wrong,
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
