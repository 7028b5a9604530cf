// SPDX-License-Identifier: GPL-2.0

//! Which Debian mirror this machine uses: the one that its own apt was told. None is written here.

use std::env;
use std::fs;

use anyhow::{bail, Result};

use crate::process::Job;

/// The address of the mirror that serves Debian to this machine.
///
/// # Errors
///
/// When apt knows none.
pub(crate) fn debian() -> Result<String> {
    if let Some(mirror) = env::var("FERRULE_MIRROR")
        .ok()
        .filter(|mirror| !mirror.is_empty())
    {
        return Ok(mirror);
    }
    let targets = Job::new("asking apt for its mirrors", "apt-get")
        .args([
            "indextargets",
            "--format",
            "$(ORIGIN)|$(LABEL)|$(SITE)",
            "Created-By: Packages",
        ])
        .output()?;
    match choose(&targets).map(resolve_list) {
        Some(Some(mirror)) => Ok(mirror),
        _ => {
            bail!(
            "apt on this machine knows no mirror of Debian (`apt-get indextargets` shows: {}); \
             add one, or name it in FERRULE_MIRROR",
            if targets.is_empty() { "nothing" } else { targets.trim() }
        )
        }
    }
}

/// The archive proper, rather than its security updates or some vendor's archive.
fn choose(targets: &str) -> Option<&str> {
    let rows = || {
        targets.lines().filter_map(|line| {
            let mut columns = line.splitn(3, '|');
            Some((columns.next()?, columns.next()?, columns.next()?.trim()))
        })
    };
    // Without package lists apt knows neither origin nor label.
    let known = rows().find(|(origin, label, _)| (*origin, *label) == ("Debian", "Debian"));
    let guessed = || rows().find(|(origin, _, site)| origin.is_empty() && is_archive(site));
    known.or_else(guessed).map(|(_, _, site)| site)
}

fn is_archive(site: &str) -> bool {
    site.trim_end_matches('/').ends_with("/debian")
}

/// Cloud images name a file that lists mirrors instead of a mirror.
fn resolve_list(site: &str) -> Option<String> {
    let Some(list) = site.strip_prefix("mirror+file:") else {
        return Some(site.to_owned());
    };
    let lines = fs::read_to_string(list).ok()?;
    let first = lines
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    first.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_archive_is_taken_not_security_nor_a_vendor() {
        let targets = "Vendor|Vendor|https://vendor.example/apt\n\
                       Debian|Debian-Security|http://mirror.example/debian-security\n\
                       Debian|Debian|http://mirror.example/debian\n";
        assert_eq!(choose(targets), Some("http://mirror.example/debian"));
    }

    #[test]
    fn without_package_lists_the_name_decides() {
        let targets = "||http://mirror.example/debian-security\n||http://mirror.example/debian/\n";
        assert_eq!(choose(targets), Some("http://mirror.example/debian/"));
    }

    #[test]
    fn another_distribution_has_none() {
        assert_eq!(choose("Ubuntu|Ubuntu|http://mirror.example/ubuntu\n"), None);
        assert_eq!(choose(""), None);
    }

    #[test]
    fn a_list_of_mirrors_yields_its_first() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("debian.list");
        fs::write(
            &list,
            "# ours\n\nhttp://a.example/debian priority:1\nhttp://b.example\n",
        )
        .unwrap();
        let site = format!("mirror+file:{}", list.display());
        assert_eq!(
            resolve_list(&site).as_deref(),
            Some("http://a.example/debian")
        );
    }
}
