// SPDX-License-Identifier: GPL-2.0

//! What kernels the mirror offers.
//!
//! A kernel is of use when its image, modules, headers and source are all there in the same version:
//! the module's vermagic does not carry the package version, so a mixture would load and misbehave.

use super::version::Version;
use crate::apt::Package;

/// The flavour of Debian's kernels that is used: small, and made for virtual machines.
const FLAVOUR: &str = "-cloud-amd64";

/// What the names of the packages begin with.
pub(super) const PREFIXES: [&str; 5] = [
    "linux-binary-",
    "linux-image-",
    "linux-modules-",
    "linux-headers-",
    "linux-source-",
];

/// A kernel that the mirror has an image of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) version: Version,
    /// What `uname -r` says in it.
    pub(super) release: String,
    /// The version of all its packages.
    pub(super) package_version: String,
    /// The packages that the mirror lacks in that version.
    pub(super) lacking: Vec<String>,
}

impl Offer {
    /// The packages that are needed of it.
    pub(super) fn packages(&self) -> Vec<Package> {
        let names = needed(&self.release, self.version);
        let package = |name| Package {
            name,
            version: self.package_version.clone(),
        };
        names.into_iter().map(package).collect()
    }
}

/// Finds the kernels in the mirror's list of packages, the newest first.
pub(super) fn find(packages: &[Package]) -> Vec<Offer> {
    let mut offers: Vec<Offer> = packages
        .iter()
        .filter_map(|image| offer(image, packages))
        .collect();
    offers.sort_by(|a, b| (b.version, &b.package_version).cmp(&(a.version, &a.package_version)));
    offers.dedup();
    offers
}

fn offer(image: &Package, packages: &[Package]) -> Option<Offer> {
    let release = ["linux-binary-", "linux-image-"]
        .iter()
        .find_map(|prefix| image.name.strip_prefix(prefix))
        .filter(|release| release.ends_with(FLAVOUR))?;
    let version = Version::of_release(release)?;
    let there = |name: &String| {
        packages
            .iter()
            .any(|package| package.name == *name && package.version == image.version)
    };
    Some(Offer {
        version,
        release: release.to_owned(),
        package_version: image.version.clone(),
        lacking: needed(release, version)
            .into_iter()
            .filter(|name| !there(name))
            .collect(),
    })
}

fn needed(release: &str, version: Version) -> Vec<String> {
    vec![
        format!("linux-binary-{release}"),
        format!("linux-modules-{release}"),
        format!("linux-headers-{release}"),
        format!("linux-source-{}", version.series()),
    ]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A mirror's list: `name=version` words.
    pub(crate) fn packages(words: &str) -> Vec<Package> {
        words
            .split_whitespace()
            .map(|word| {
                let (name, version) = word.split_once('=').unwrap();
                Package {
                    name: name.to_owned(),
                    version: version.to_owned(),
                }
            })
            .collect()
    }

    /// All packages of a kernel but its source.
    pub(crate) fn kernel(release: &str, version: &str) -> Vec<Package> {
        let words: Vec<String> = [
            "linux-binary",
            "linux-modules",
            "linux-headers",
            "linux-image",
        ]
        .map(|kind| format!("{kind}-{release}={version}"))
        .to_vec();
        packages(&words.join(" "))
    }

    #[test]
    fn a_kernel_is_whole_when_all_packages_have_its_version() {
        let mut list = kernel("7.3.4+deb13-cloud-amd64", "7.3.4-1");
        list.extend(packages(
            "linux-source-7.3=7.3.4-1 linux-binary-unsigned-7.3.4-cloud-amd64=7.3.4-1",
        ));
        list.extend(packages(
            "linux-binary-7.3.4+deb13-amd64=7.3.4-1 linux-image-cloud-amd64=7.3.4-1",
        ));
        let offers = find(&list);
        assert_eq!(offers.len(), 1, "{offers:?}");
        assert_eq!(offers[0].release, "7.3.4+deb13-cloud-amd64");
        assert!(offers[0].lacking.is_empty(), "{offers:?}");
        assert_eq!(offers[0].packages().len(), 4);
    }

    #[test]
    fn a_source_of_another_version_is_no_source() {
        let mut list = kernel("7.3.4+deb13-cloud-amd64", "7.3.4-1");
        list.extend(packages("linux-source-7.3=7.3.6-1"));
        assert_eq!(find(&list)[0].lacking, ["linux-source-7.3"]);
    }

    #[test]
    fn the_newest_comes_first() {
        let mut list = kernel("7.3.9+deb13-cloud-amd64", "7.3.9-1");
        list.extend(kernel("7.3.10+deb13-cloud-amd64", "7.3.10-1"));
        list.extend(kernel("7.2.12+deb13-cloud-amd64", "7.2.12-1"));
        let found: Vec<_> = find(&list)
            .iter()
            .map(|offer| offer.version.to_string())
            .collect();
        assert_eq!(found, ["7.3.10", "7.3.9", "7.2.12"]);
    }
}
