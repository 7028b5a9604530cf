// SPDX-License-Identifier: GPL-2.0

//! Asks the mirror for Debian's kernels, with the toolchain root's apt.
//!
//! Its lists are kept in the cache, beside the root, which stays as it was made.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cache::Lock;
use crate::chroot::Chroot;
use crate::mirror;
use crate::process::Job;
use crate::progress::Stage;
use crate::session::Session;
use crate::toolchain::{self, Toolchain};

/// Where the root sees apt's own files.
const STATE: &str = "/apt";

/// A package of one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The mirror's current lists, ours alone as long as this lives.
#[derive(Debug)]
pub(crate) struct Apt<'a> {
    session: &'a Session<'a>,
    chroot: Chroot,
    _lock: Lock,
}

impl<'a> Apt<'a> {
    /// Fetches the mirror's lists.
    pub(crate) fn update(
        session: &'a Session,
        toolchain: &Toolchain,
        stage: &Stage,
    ) -> Result<Apt<'a>> {
        let lock = session.cache.lock("apt", &|message| stage.say(message))?;
        let state = session.cache.dir().join("apt");
        fs::create_dir_all(state.join("lists/partial"))
            .with_context(|| format!("making {}", state.display()))?;
        let mirror = mirror::debian()?;
        fs::write(
            state.join("sources.list"),
            toolchain::sources(&mirror).join("\n") + "\n",
        )
        .with_context(|| format!("writing into {}", state.display()))?;
        let resolver = Path::new("/etc/resolv.conf");
        let mut chroot = toolchain.chroot().bind(&state, STATE);
        if resolver.exists() {
            chroot = chroot.bind(resolver, "/etc/resolv.conf");
        }
        let apt = Apt {
            session,
            chroot,
            _lock: lock,
        };
        stage.message("asking the mirror");
        apt.run("apt-get", "asking the mirror for its lists", &["update"])
            .run(stage)?;
        Ok(apt)
    }

    /// All versions of all packages whose names begin with one of `prefixes`.
    pub(crate) fn list(&self, prefixes: &[&str]) -> Result<Vec<Package>> {
        let mut names = String::new();
        for prefix in prefixes {
            let job = self.run("apt-cache", "listing packages", &["pkgnames", prefix]);
            names.push_str(&job.output()?);
        }
        let madison = self.run("apt-cache", "listing versions", &["madison"]);
        Ok(parse_madison(&madison.args(names.lines()).output()?))
    }

    /// Downloads packages into `directory`.
    pub(crate) fn download(
        &self,
        packages: &[Package],
        directory: &Path,
        stage: &Stage,
    ) -> Result<()> {
        stage.message("downloading");
        let names: Vec<String> = packages
            .iter()
            .map(|package| format!("{}={}", package.name, package.version))
            .collect();
        let chroot = self.chroot.clone().bind(directory, "/download");
        tool(&chroot, "downloading packages", "apt-get")
            .arg("download")
            .args(names)
            .log(self.session.workspace.log("download"))
            .run(stage)
    }

    fn run(&self, program: &str, what: &str, args: &[&str]) -> Job {
        tool(&self.chroot, what, program).args(args)
    }
}

/// apt's `program` with its files in [`STATE`], in the directory for downloads if there is one.
fn tool(chroot: &Chroot, what: &str, program: &str) -> Job {
    chroot
        .script(
            what,
            r#"if [ -d /download ]; then cd /download; fi; exec "$@""#,
        )
        .arg(program)
        .args(["-o", &format!("Dir::State::Lists={STATE}/lists")])
        .args(["-o", &format!("Dir::Cache={STATE}/cache")])
        .args(["-o", &format!("Dir::Etc::SourceList={STATE}/sources.list")])
        .args(["-o", "Dir::Etc::SourceParts=-"])
        .args([
            "-o",
            "Acquire::Languages=none",
            "-o",
            "APT::Sandbox::User=root",
        ])
}

/// Reads lines such as `name | version | where`.
fn parse_madison(text: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = text
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('|').map(str::trim);
            let (name, version) = (columns.next()?, columns.next()?);
            columns.next().filter(|place| place.ends_with("Packages"))?;
            Some(Package {
                name: name.to_owned(),
                version: version.to_owned(),
            })
        })
        .collect();
    packages.sort();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_listed_twice_is_one_and_sources_are_none() {
        let text = "linux-a | 2-1 | http://m.example trixie/main amd64 Packages\n\
                    linux-a | 1-1 | http://m.example trixie/main amd64 Packages\n\
                    linux-a | 2-1 | http://m.example trixie-backports/main amd64 Packages\n\
                    linux   | 2-1 | http://m.example trixie/main Sources\n";
        let found: Vec<_> = parse_madison(text)
            .into_iter()
            .map(|p| format!("{} {}", p.name, p.version))
            .collect();
        assert_eq!(found, ["linux-a 1-1", "linux-a 2-1"]);
    }
}
