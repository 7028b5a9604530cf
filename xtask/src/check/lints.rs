// SPDX-License-Identifier: GPL-2.0

//! rustfmt and clippy.

use anyhow::Result;

use super::sources::{Source, Sources};
use super::Finding;
use crate::kernel::Kernel;
use crate::module;
use crate::process::Job;
use crate::progress::Stage;
use crate::session::Session;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

type Lint = fn(&Session, &Sources, &Stage) -> Vec<Finding>;

/// The checks, with their names.
pub(super) const ALL: &[(&str, Lint)] = &[
    ("the workspace is formatted", format_workspace),
    ("the module is formatted", format_module),
    ("clippy on the workspace", clippy),
    (
        "the crates of the kernel do not panic",
        clippy_kernel_crates,
    ),
];

/// What must not be in the kernel's code, beside what clippy warns of anywhere.
const KERNEL: &[&str] = &[
    "expect_used",
    "indexing_slicing",
    "panic",
    "todo",
    "undocumented_unsafe_blocks",
    "unimplemented",
    "unreachable",
    "unwrap_used",
];

/// Clippy on everything that Kbuild compiles, but for what bindgen wrote.
///
/// # Errors
///
/// When the module cannot be compiled.
pub(super) fn module(
    session: &Session,
    toolchain: &Toolchain,
    kernel: &Kernel,
) -> Result<Vec<Finding>> {
    let flags: Vec<String> = KERNEL
        .iter()
        .map(|lint| format!("-Wclippy::{lint}"))
        .collect();
    let lines = module::lint(session, toolchain, kernel, &flags)?;
    Ok(diagnostics(&lines)
        .into_iter()
        .filter(|found| !found.place.contains("_generated.rs"))
        .collect())
}

/// Reads what rustc prints: `warning: WHAT`, and `--> FILE:LINE:COLUMN` in the next line.
fn diagnostics(lines: &[String]) -> Vec<Finding> {
    let what = |line: &str| {
        let text = line
            .strip_prefix("warning: ")
            .or_else(|| line.strip_prefix("error: "))?;
        Some(text.to_owned())
    };
    let place = |line: &str| {
        line.trim_start()
            .strip_prefix("--> ")
            .map(|place| format!("kmod/{place}"))
    };
    lines
        .iter()
        .zip(lines.iter().skip(1))
        .filter_map(|(first, second)| {
            Some(Finding {
                place: place(second)?,
                what: what(first)?,
            })
        })
        .collect()
}

fn format_workspace(session: &Session, _: &Sources, stage: &Stage) -> Vec<Finding> {
    run(
        session,
        "cargo fmt",
        stage,
        cargo(session, "fmt").args(["--all", "--", "--check", "-l"]),
    )
}

/// What Kbuild compiles belongs to no package that `cargo fmt` knows.
fn format_module(session: &Session, sources: &Sources, stage: &Stage) -> Vec<Finding> {
    let ours =
        |file: &&Source| file.path.starts_with("kmod/") && !file.path.starts_with("kmod/engine/");
    let job = Job::new("rustfmt", "rustfmt")
        .dir(session.workspace.root())
        .args([
            "--check",
            "-l",
            "--edition",
            "2021",
            "--config",
            "skip_children=true",
        ])
        .args(sources.rust().filter(ours).map(|file| file.path.clone()));
    run(session, "rustfmt", stage, job)
}

fn clippy(session: &Session, _: &Sources, stage: &Stage) -> Vec<Finding> {
    let job = cargo(session, "clippy")
        .args(["--workspace", "--all-targets"])
        .args(session.options.offline.then_some("--offline"))
        .args(["--", "-Dwarnings"]);
    run(session, "cargo clippy", stage, job)
}

/// Without their tests, which may.
fn clippy_kernel_crates(session: &Session, _: &Sources, stage: &Stage) -> Vec<Finding> {
    let job = cargo(session, "clippy")
        .args([
            "--package",
            "ferrule-uapi",
            "--package",
            "ferrule-engine",
            "--lib",
            "--no-deps",
        ])
        .args(session.options.offline.then_some("--offline"))
        .args(["--", "-Dwarnings"])
        .args(KERNEL.iter().map(|lint| format!("-Dclippy::{lint}")));
    run(session, "cargo clippy", stage, job)
}

fn cargo(session: &Session, command: &str) -> Job {
    Job::new(&format!("cargo {command}"), Workspace::cargo())
        .env("CARGO_TERM_COLOR", "never")
        .dir(session.workspace.root())
        .arg(command)
}

fn run(session: &Session, what: &str, stage: &Stage, job: Job) -> Vec<Finding> {
    let log = session.workspace.log(&what.replace(' ', "-"));
    job.log(log)
        .run(stage)
        .err()
        .map(|error| Finding::of(what, error.to_string()))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_is_what_has_a_place() {
        let text =
            "  RUSTC [M] ferrule_main.o\nwarning: indexing may panic\n  --> hook.rs:3:5\n   |\n\
                    3  | a[0]\n\nwarning: 1 warning emitted\n\n  LD [M] ferrule.ko\n";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let expected = Finding::of("kmod/hook.rs:3:5", "indexing may panic");
        assert_eq!(diagnostics(&lines), [expected]);
    }
}
