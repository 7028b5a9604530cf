// SPDX-License-Identifier: GPL-2.0

//! README.md's index of directories.

use std::collections::BTreeSet;

use super::sources::Sources;
use super::Finding;

/// Directories at the top, and those one level below, that the README does not name.
pub(super) fn directories(sources: &Sources) -> Vec<Finding> {
    let Some(readme) = sources.files.iter().find(|file| file.path == "README.md") else {
        return vec![Finding::of("README.md", "there is none")];
    };
    let tops: BTreeSet<&str> = sources
        .files
        .iter()
        .filter_map(|file| file.path.split_once('/').map(|(top, _)| top))
        .filter(|top| !top.starts_with('.'))
        .collect();
    let named = |top: &&str| !readme.text.contains(&format!("`{top}/"));
    tops.into_iter()
        .filter(named)
        .map(|top| {
            Finding::of(
                "README.md",
                format!("its index of directories lacks `{top}/`"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_is_named() {
        let files = [
            ("README.md", "| `kmod/` | the module |"),
            ("kmod/Kbuild", ""),
            (".ci/run", ""),
        ];
        assert!(directories(&Sources::of(&files)).is_empty());
        let files = [("README.md", "the kmod"), ("kmod/Kbuild", "")];
        assert_eq!(directories(&Sources::of(&files)).len(), 1);
        assert_eq!(directories(&Sources::of(&[])).len(), 1);
    }
}
