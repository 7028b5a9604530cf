// SPDX-License-Identifier: GPL-2.0
//! `userctl import`: golden files, and what the command does with them.
//!
//! `golden/import/NAME.iptables-save` (or `.ip6tables-save`) has what is printed in `NAME.nft`, and the
//! messages, if there are any, in `NAME.message`. `UPDATE_GOLDEN=1` writes them anew.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/import")
}

/// Runs the command in the folder of the golden files.
fn import(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_userctl"))
        .arg("import")
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("userctl runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("a text")
}

/// Compares with a golden file, or writes it; no text is no file.
fn compare(path: &Path, actual: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        match actual.is_empty() {
            true => drop(fs::remove_file(path)),
            false => fs::write(path, actual).expect("the golden file can be written"),
        }
    } else if fs::read_to_string(path).unwrap_or_default() != actual {
        wrong.push(format!("{}:\n{actual}", path.display()));
    }
}

#[test]
fn saves_are_imported_as_before() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder()).expect("the golden files") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if !name.ends_with("tables-save") {
            continue;
        }
        count += 1;
        let output = import(&["--partial", &name], "");
        let message = text(&output.stderr);
        compare(
            &path.with_extension("nft"),
            text(&output.stdout),
            &mut wrong,
        );
        compare(&path.with_extension("message"), message, &mut wrong);
        let expected = if message.is_empty() { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(expected), "{name}");
    }
    assert!(count > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_printed_if_a_line_is_refused() {
    let output = import(&["refused.iptables-save"], "");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let message = text(&output.stderr);
    assert!(message.contains("refused.iptables-save:4:"), "{message}");
    assert!(message.contains("physdev"), "{message}");
}

#[test]
fn the_rest_is_printed_if_it_is_asked_for() {
    let output = import(&["--partial", "refused.iptables-save"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("iifname \"lo\" counter accept"));
    assert!(!text(&output.stderr).is_empty());
}

#[test]
fn standard_input_is_of_the_family_that_an_option_says() {
    let save = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
    for (arguments, table) in [
        (&["-"][..], "table ip filter {"),
        (&["--ip", "-"], "table ip filter {"),
        (&["--ip6", "-"], "table ip6 filter {"),
    ] {
        let output = import(arguments, save);
        assert!(text(&output.stdout).starts_with(table), "{arguments:?}");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn addresses_tell_the_family_of_standard_input() {
    let save = "*filter\n:INPUT DROP [0:0]\n-A INPUT -s fe80::/10 -j ACCEPT\nCOMMIT\n";
    let output = import(&["-"], save);
    assert!(text(&output.stdout).starts_with("table ip6 filter {"));
}
