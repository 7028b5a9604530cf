// SPDX-License-Identifier: GPL-2.0

//! Rules on the text of files.

use super::sources::{Source, Sources};
use super::Finding;

/// The longest a source file may be.
const LONGEST: usize = 600;

/// What programs in C include is one file, however long.
const ONE_HEADER: &str = "uapi/include/linux/ferrule.h";

/// Among how many first lines the licence must be.
const HEADER_LINES: usize = 3;

/// What names the machine that somebody works on: where its home, its checkouts or its mounts are.
/// Each is two parts, so that this file does not break the rule.
const MACHINE: &[[&str; 2]] = &[
    ["/wo", "rk/"],
    ["/fa", "rm/"],
    ["/ro", "ot/"],
    ["/ho", "me/"],
];

/// Hosts that packages come from; which one is used is up to the machine.
const REGISTRIES: &[[&str; 2]] = &[
    ["deb.de", "bian.org"],
    ["ftp.de", "bian.org"],
    ["snapshot.de", "bian.org"],
    ["static.cra", "tes.io"],
    ["index.cra", "tes.io"],
    ["static.rust", "-lang.org"],
    ["pypi", ".org"],
    ["registry.n", "pmjs"],
];

/// What a build leaves behind.
const PRODUCTS: &[&str] = &[
    ".o",
    ".ko",
    ".mod",
    ".mod.c",
    ".cmd",
    ".rmeta",
    ".rlib",
    ".cpio",
    "_generated.rs",
];

/// Which of our crates each may use (DESIGN.md, section 2).
const MAY_USE: &[(&str, &[&str])] = &[
    ("uapi/Cargo.toml", &[]),
    ("kmod/engine/Cargo.toml", &["ferrule-uapi"]),
    ("userctl/Cargo.toml", &["ferrule-uapi", "ferrule-engine"]),
    ("xtask/Cargo.toml", &["ferrule-bench"]),
    ("qemu/bench/Cargo.toml", &[]),
];

/// All our library crates.
const OURS: &[&str] = &[
    "ferrule-uapi",
    "ferrule-engine",
    "userctl",
    "ferrule-conformance",
    "ferrule-bench",
    "ferrule-guest",
    "xtask",
];

/// Source files without an SPDX line.
pub(super) fn licence(sources: &Sources) -> Vec<Finding> {
    let names = |file: &Source| {
        file.text
            .lines()
            .take(HEADER_LINES)
            .any(|line| line.contains("SPDX-License-Identifier: "))
    };
    let bad = sources
        .files
        .iter()
        .filter(|file| is_source(&file.path) && !names(file));
    bad.map(|file| Finding::of(&file.path, "no SPDX-License-Identifier in its first lines"))
        .collect()
}

fn is_source(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [".rs", ".c", ".h", ".py", ".sh"]
        .iter()
        .any(|end| name.ends_with(end))
        || ["Kbuild", "Makefile"].contains(&name)
        || path == ".ci/run"
}

/// Files that are more than one concept.
pub(super) fn length(sources: &Sources) -> Vec<Finding> {
    let lines = |file: &Source| file.text.lines().count();
    let bad = sources
        .files
        .iter()
        .filter(|file| is_source(&file.path) && file.path != ONE_HEADER && lines(file) > LONGEST);
    bad.map(|file| Finding::of(&file.path, format!("{} lines; split it", lines(file))))
        .collect()
}

/// What is true on one machine only.
pub(super) fn machine(sources: &Sources) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in sources
        .files
        .iter()
        .filter(|file| file.path != "Cargo.lock")
    {
        for (number, line) in (1..).zip(file.text.lines()) {
            if let Some(word) = machine_word(line) {
                let what = format!("{word} is there on one machine only; find it out when it runs");
                findings.push(Finding::at(&file.path, number, what));
            }
        }
    }
    findings
}

fn machine_word(line: &str) -> Option<String> {
    let host = REGISTRIES
        .iter()
        .map(|parts| parts.concat())
        .find(|host| line.contains(host.as_str()));
    host.or_else(|| {
        MACHINE
            .iter()
            .map(|parts| parts.concat())
            .find(|path| begins(line, path))
    })
}

/// Does a path begin so, rather than go on so?
fn begins(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default().chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/~}$*".contains(c))
    })
}

/// Files that a build makes.
pub(super) fn products(sources: &Sources) -> Vec<Finding> {
    let is_product =
        |path: &str| path.starts_with("target/") || PRODUCTS.iter().any(|end| path.ends_with(end));
    let bad = sources.files.iter().filter(|file| is_product(&file.path));
    bad.map(|file| Finding::of(&file.path, "a build makes this; it does not belong in git"))
        .collect()
}

/// Crates that use one that comes after them.
pub(super) fn dependencies(sources: &Sources) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (manifest, allowed) in MAY_USE {
        for file in sources.files.iter().filter(|file| file.path == *manifest) {
            for (number, line) in (1..).zip(file.text.lines()) {
                let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
                if OURS.contains(&name) && !allowed.contains(&name) {
                    let what = format!("this crate comes before {name} and may not use it");
                    findings.push(Finding::at(manifest, number, what));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Sources) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Sources::of(&[(path, text)])).len()
    }

    #[test]
    fn sources_need_a_licence_and_other_files_do_not() {
        let cases = [
            ("a.rs", "// SPDX-License-Identifier: GPL-2.0\n", 0),
            (
                ".ci/run",
                "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n",
                0,
            ),
            ("kmod/Kbuild", "obj-m := a.o\n", 1),
            ("a.c", "int a;\n", 1),
            ("README.md", "text\n", 0),
        ];
        for (path, text, bad) in cases {
            assert_eq!(count(licence, path, text), bad, "{path}");
        }
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(count(length, "a.rs", &"\n".repeat(LONGEST)), 0);
        assert_eq!(count(length, "a.rs", &"\n".repeat(LONGEST + 1)), 1);
        assert_eq!(count(length, ONE_HEADER, &"\n".repeat(LONGEST + 1)), 0);
    }

    #[test]
    fn paths_and_hosts_of_a_machine_are_found() {
        for [first, second] in MACHINE {
            assert_eq!(
                count(machine, "README.md", &format!("see {first}{second}x")),
                1,
                "{first}"
            );
            assert_eq!(
                count(machine, "README.md", &format!("see ~{first}{second}x")),
                0,
                "{first}"
            );
        }
        for [first, second] in REGISTRIES {
            assert_eq!(
                count(machine, "a", &format!("http://{first}{second}/x")),
                1,
                "{first}"
            );
        }
        assert_eq!(count(machine, "a.rs", "/work_queue and network/a"), 0);
    }

    #[test]
    fn build_products_are_found() {
        let cases = [
            ("kmod/ferrule.ko", 1),
            ("target/x", 1),
            ("kmod/a.mod.c", 1),
            ("kmod/a.c", 0),
        ];
        for (path, bad) in cases {
            assert_eq!(count(products, path, ""), bad, "{path}");
        }
    }

    #[test]
    fn a_crate_may_not_use_a_later_one() {
        let text =
            "[dependencies]\nferrule-uapi.workspace = true\nferrule-engine = { path = \"x\" }\n";
        assert_eq!(count(dependencies, "uapi/Cargo.toml", text), 2);
        assert_eq!(count(dependencies, "kmod/engine/Cargo.toml", text), 1);
        assert_eq!(count(dependencies, "userctl/Cargo.toml", text), 0);
    }
}
