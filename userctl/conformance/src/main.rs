// SPDX-License-Identifier: GPL-2.0
//! Prints the scores. `cargo xtask conformance` runs this.
//!
//! Exit status: 0 all floors are kept, 1 one is not, 2 the corpora are not there.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use ferrule_conformance::{corpora, floors, loading, promised, report};

/// Score userctl over the rule tests of nftables and iptables.
#[derive(Debug, Parser)]
struct Cli {
    /// Only files whose name contains one of these (`ip/ct.t`); prints every line that is not right
    files: Vec<String>,
    /// Print every line that is not right, with its reason
    #[arg(short, long)]
    verbose: bool,
    /// Print every line as a JSON object
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
    /// Instead, have nft of this root file system load what userctl lists of nftables' rules
    #[arg(long, value_name = "ROOT", conflicts_with_all = ["verbose", "json"])]
    listing: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<bool> {
    let folder = corpora::folder()
        .context("the corpora are not there: set FERRULE_CORPORA to their folder")?;
    if let Some(root) = &cli.listing {
        let loading = loading::run(root, &folder, &cli.files)?;
        let _ = io::stdout().write_all(loading.report().as_bytes());
        return Ok(loading.refused.is_empty());
    }
    let scores = corpora::score(&folder, &cli.files)?;
    let mut out = String::new();
    if cli.json {
        out += &report::json(&scores);
    } else {
        if cli.verbose || !cli.files.is_empty() {
            out += &report::lines(&scores);
        }
        out += &report::table(&scores);
        if !cli.verbose && cli.files.is_empty() {
            out += &report::summary(&scores);
            out += &promised::summary(&scores);
        }
    }
    // Whoever reads may have enough before we do.
    let _ = io::stdout().write_all(out.as_bytes());
    if !cli.files.is_empty() {
        return Ok(true);
    }
    let complaints = floors::complaints(&scores);
    for complaint in &complaints {
        eprintln!("below the floor: {complaint}");
    }
    Ok(complaints.is_empty())
}
