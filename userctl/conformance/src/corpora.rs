// SPDX-License-Identifier: GPL-2.0
//! Where the corpora are, and what is scored of them.
//!
//! They are other projects' work under their own licences, and no part of the tree.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::score::Score;
use crate::{iptables_rules, nft_rules, saved_rulesets, translations};

/// Scores a file of this name and text.
type Scorer = fn(String, &str) -> Score;

/// What is scored: the files of these folders whose names end so, and how. nftables' tests of other families
/// are not what Ferrule is for.
const CORPORA: &[(&str, &str, Scorer)] = &[
    ("nft-rules/any", "t", nft_rules::score),
    ("nft-rules/inet", "t", nft_rules::score),
    ("nft-rules/ip", "t", nft_rules::score),
    ("nft-rules/ip6", "t", nft_rules::score),
    ("iptables-rules", "t", iptables_rules::score),
    ("iptables-rules", "txlate", translations::score),
    ("iptables-save", "iptables-save", saved_rulesets::score),
    ("iptables-save", "ip6tables-save", saved_rulesets::score),
];

/// The folder of the corpora: `FERRULE_CORPORA`, or `shared/corpora` beside the tree; `None` if it
/// is not there.
pub fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("FERRULE_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|above| above.join("shared/corpora"))
            .find(|folder| folder.is_dir())?,
    };
    folder.is_dir().then_some(folder)
}

/// Scores every file whose name (`nft-rules/ip/ct.t`) contains one of `filters`; all of them if there
/// are none.
///
/// # Errors
///
/// A file that cannot be read.
pub fn score(folder: &Path, filters: &[String]) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    for (below, extension, score) in CORPORA {
        for path in files(&folder.join(below), extension)? {
            let name = name_of(folder, &path);
            if wanted(&name, filters) {
                scores.push(score(name, &read(&path)?));
            }
        }
    }
    Ok(scores)
}

/// nftables' rule tests whose name contains one of `filters`, all of them if there are none: name and text.
///
/// # Errors
///
/// A file that cannot be read.
pub fn nft_rules(folder: &Path, filters: &[String]) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for (below, extension, _) in CORPORA {
        if !below.starts_with("nft-rules/") {
            continue;
        }
        for path in files(&folder.join(below), extension)? {
            let name = name_of(folder, &path);
            if wanted(&name, filters) {
                all.push((name, read(&path)?));
            }
        }
    }
    Ok(all)
}

fn wanted(name: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

fn name_of(folder: &Path, path: &Path) -> String {
    let name = path.strip_prefix(folder).unwrap_or(path);
    name.display().to_string()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The files of a folder whose names end so, in order.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot read {}", folder.display()))?
            .path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
