// SPDX-License-Identifier: GPL-2.0
//! Where the corpora are, and what is scored of them.
//!
//! They are other projects' work under their own licences, and no part of the tree.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::nft_rules;
use crate::score::Score;

/// The families of nft-rules that Ferrule is for.
const NFT_FAMILIES: &[&str] = &["any", "inet", "ip", "ip6"];

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
    for family in NFT_FAMILIES {
        for path in files(&folder.join("nft-rules").join(family), "t")? {
            let name = name_of(folder, &path);
            if wanted(&name, filters) {
                scores.push(nft_rules::score(name, &read(&path)?));
            }
        }
    }
    Ok(scores)
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
