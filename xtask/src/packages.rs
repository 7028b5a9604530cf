// SPDX-License-Identifier: GPL-2.0

//! Stage 1: the host's packages. Installs what is missing, and nothing when nothing is.

use anyhow::{bail, Context, Result};

use crate::process::Job;
use crate::session::Session;

/// What the stages run on the host, and what for.
const BUILD: &[(&str, &str)] = &[
    (
        "debian-archive-keyring",
        "to verify what the toolchain root is made of",
    ),
    ("gcc", "to link the programs for the guest"),
    ("libc6-dev", "to link the programs for the guest"),
    ("mmdebstrap", "to make the toolchain root"),
    ("qemu-system-x86", "to run the guest"),
];

/// What the host's tests need besides.
const TESTS: &[(&str, &str)] = &[("libclang-dev", "for bindgen, in the test of the C header")];

/// Which commands are going to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Building and running the guest.
    Guest,
    /// That, and the host's tests and lints.
    Tests,
}

/// Makes sure that the host's packages are there.
///
/// # Errors
///
/// When this is no amd64 Debian, or the packages cannot be installed, or may not be: not root,
/// `--offline`.
pub(crate) fn ensure(session: &Session, need: Need) -> Result<()> {
    session.report.stage("host packages", |stage| {
        if std::env::consts::ARCH != "x86_64" {
            bail!(
                "this machine is {}; the test kernels are for amd64: use an amd64 Debian",
                std::env::consts::ARCH
            );
        }
        let mut wanted = BUILD.to_vec();
        if need == Need::Tests {
            wanted.extend(TESTS);
        }
        let missing = missing(&wanted)?;
        if !nix::unistd::geteuid().is_root() {
            bail!(
                "the toolchain root is entered with chroot, which takes root: \
                 run this as root, for instance `sudo -E env PATH=\"$PATH\" cargo xtask ...`"
            );
        }
        if missing.is_empty() {
            stage.note("all there");
            return Ok(());
        }
        session.want_network(&format!("package {}", missing.join(", ")))?;
        let apt = |what: &str| {
            Job::new(what, "apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .log(session.workspace.log("apt"))
        };
        apt("apt-get update").arg("update").run(stage)?;
        apt(&format!("installing {}", missing.join(", ")))
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&missing)
            .run(stage)?;
        stage.note(format!("installed {}", missing.join(", ")));
        Ok(())
    })
}

fn missing(wanted: &[(&'static str, &str)]) -> Result<Vec<&'static str>> {
    let database = Job::new("asking dpkg what is installed", "dpkg-query")
        .args([
            "--show",
            "--showformat=${binary:Package} ${db:Status-Status}\n",
        ])
        .output()
        .context(
            "this is no Debian: the test kernel and its toolchain come from Debian's mirrors",
        )?;
    Ok(wanted
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !is_installed(&database, name))
        .collect())
}

/// Looks a package up in lines such as `libc6:amd64 installed`.
fn is_installed(database: &str, name: &str) -> bool {
    database.lines().any(|line| {
        line.split_once(' ').is_some_and(|(package, status)| {
            package.split(':').next() == Some(name) && status == "installed"
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_is_not_installed() {
        let database = "gcc installed\nlibc6:amd64 installed\nmmdebstrap config-files\n";
        let cases = [
            ("gcc", true),
            ("libc6", true),
            ("mmdebstrap", false),
            ("libc", false),
        ];
        for (name, installed) in cases {
            assert_eq!(is_installed(database, name), installed, "{name}");
        }
    }
}
