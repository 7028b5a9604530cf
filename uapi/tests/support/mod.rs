// SPDX-License-Identifier: GPL-2.0
//! What the tests of the ABI share: the layout as text, and the C compiler.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use ferrule_uapi::{CONSTANTS, DEVICE_PATH, ENUMS, STRUCTS};

/// The whole layout, a fact a line, as Rust sees it.
pub(crate) fn layout_text() -> String {
    let mut text = String::new();
    for s in STRUCTS {
        let (name, size, align) = (s.c_name, s.size, s.align);
        writeln!(text, "struct {name} size {size} align {align}").unwrap();
        for f in s.fields {
            let (field, offset, size) = (f.name, f.offset, f.size);
            writeln!(text, "struct {name}.{field} offset {offset} size {size}").unwrap();
        }
    }
    for (name, value) in enumerators() {
        writeln!(text, "enum {name} {value}").unwrap();
    }
    for (name, value) in CONSTANTS {
        writeln!(text, "define {name} {value}").unwrap();
    }
    writeln!(text, "define FERRULE_DEVICE_PATH {DEVICE_PATH}").unwrap();
    text
}

/// Every enumerator by its whole name in C.
pub(crate) fn enumerators() -> impl Iterator<Item = (String, u32)> {
    ENUMS.iter().flat_map(|e| {
        let named = move |(name, value): &(&str, u32)| (format!("{}{name}", e.c_prefix), *value);
        e.variants.iter().map(named)
    })
}

/// The directory to include from.
pub(crate) fn include_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// The C header.
pub(crate) fn header() -> PathBuf {
    include_dir().join("linux/ferrule.h")
}

/// A directory for what the tests make.
pub(crate) fn scratch_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// The C compiler, with the header found and every warning an error.
pub(crate) fn compiler() -> Command {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let tool = cc::Build::new()
        .cargo_metadata(false)
        .target(&target)
        .host(&target)
        .opt_level(0)
        .out_dir(scratch_dir())
        .try_get_compiler()
        .unwrap_or_else(|error| panic!("no C compiler (apt-get install gcc libc6-dev): {error}"));
    let mut command = tool.to_command();
    command
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pedantic"])
        .arg("-I")
        .arg(include_dir());
    command
}

/// Runs a command, which must succeed, and returns what it printed.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{stderr}");
    String::from_utf8(output.stdout).expect("output is text")
}

/// Fails with the lines that only one of the two texts has.
pub(crate) fn assert_same_lines(what: &str, expected: &str, found: &str) {
    let missing = expected.lines().filter(|l| !found.lines().any(|f| f == *l));
    let extra = found.lines().filter(|l| !expected.lines().any(|e| e == *l));
    let difference: Vec<String> = missing
        .map(|line| format!("- {line}"))
        .chain(extra.map(|line| format!("+ {line}")))
        .collect();
    assert!(expected == found, "{what}\n{}", difference.join("\n"));
}
