// SPDX-License-Identifier: GPL-2.0

//! rustfmt and clippy.

use super::sources::{Source, Sources};
use super::Finding;
use crate::process::Job;
use crate::progress::Stage;
use crate::session::Session;
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

/// What is a warning anywhere and an error in the kernel.
pub(super) const KERNEL: &[&str] = &[
    "-Dwarnings",
    "-Dclippy::expect_used",
    "-Dclippy::indexing_slicing",
    "-Dclippy::panic",
    "-Dclippy::todo",
    "-Dclippy::unimplemented",
    "-Dclippy::unreachable",
    "-Dclippy::unwrap_used",
];

fn format_workspace(session: &Session, _: &Sources, stage: &Stage) -> Vec<Finding> {
    run(
        session,
        "cargo fmt",
        stage,
        cargo(session, "fmt").args(["--all", "--", "--check"]),
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
        .arg("--")
        .args(KERNEL);
    run(session, "cargo clippy", stage, job)
}

fn cargo(session: &Session, command: &str) -> Job {
    Job::new(&format!("cargo {command}"), Workspace::cargo())
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
