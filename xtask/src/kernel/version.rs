// SPDX-License-Identifier: GPL-2.0

//! Kernel versions, and those that somebody asks for.

use std::fmt;

use anyhow::{bail, Result};

/// The oldest kernel that the module can be built for.
///
/// Its Rust bindings are the first to have `net`, `pernet_operations` and their kin.
pub(crate) const OLDEST: Version = Version([7, 3, 0]);

/// An upstream version, such as 7.3.4. A release candidate counts as what it is a candidate of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version([u32; 3]);

impl Version {
    /// Reads what a kernel's release begins with, as in `7.3.4+deb13-cloud-amd64`.
    pub(crate) fn of_release(release: &str) -> Option<Version> {
        let end = release
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(release.len());
        let (numbers, count) = numbers(&release[..end])?;
        (count >= 2).then_some(Version(numbers))
    }

    /// Is it of the series, as 7.3.4 is of 7.3?
    pub(crate) fn is_of(self, series: Version) -> bool {
        self.0[..2] == series.0[..2]
    }

    /// Its series, as the source package's name has it.
    pub(crate) fn series(self) -> String {
        format!("{}.{}", self.0[0], self.0[1])
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0[0], self.0[1], self.0[2])
    }
}

/// What `--kernel` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Nothing: the newest 7.3, or the newest later one.
    Default,
    /// Any of a series, as in `7.4`.
    Series(Version),
    /// One, as in `7.3.4`.
    Exact(Version),
}

impl Request {
    /// Reads the value of `--kernel`.
    ///
    /// # Errors
    ///
    /// When it is no version, or older than [`OLDEST`].
    pub(crate) fn parse(text: Option<&str>) -> Result<Request> {
        let Some(text) = text else {
            return Ok(Request::Default);
        };
        let Some((version, count)) = numbers(text).filter(|(_, count)| *count >= 2) else {
            bail!("--kernel {text}: this is no kernel version; write for instance 7.3.4 or 7.4");
        };
        let version = Version(version);
        if version < OLDEST {
            bail!("--kernel {text}: {}", too_old(&version));
        }
        Ok(if count == 2 {
            Request::Series(version)
        } else {
            Request::Exact(version)
        })
    }

    /// Would this version do?
    pub(crate) fn admits(self, version: Version) -> bool {
        match self {
            Request::Default => version >= OLDEST,
            Request::Series(series) => version.is_of(series),
            Request::Exact(exact) => version == exact,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Default => write!(f, "{} or later", OLDEST.series()),
            Request::Series(series) => write!(f, "{}", series.series()),
            Request::Exact(version) => write!(f, "{version}"),
        }
    }
}

/// Why an old kernel will not do.
pub(crate) fn too_old(version: &impl fmt::Display) -> String {
    format!(
        "Linux {version} is older than {oldest}, the first whose Rust bindings have what a netfilter \
         module needs (net, pernet_operations); use {oldest} or later",
        oldest = OLDEST.series()
    )
}

/// Reads one to three numbers with dots between, and counts them.
fn numbers(text: &str) -> Option<([u32; 3], usize)> {
    let mut numbers = [0; 3];
    let mut count = 0;
    for part in text.split('.') {
        *numbers.get_mut(count)? = part.parse().ok()?;
        count += 1;
    }
    Some((numbers, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::of_release(text).unwrap()
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version("7.3.10+deb13-cloud-amd64") > version("7.3.9+deb13-cloud-amd64"));
        assert!(version("7.10") > version("7.9.9"));
        assert_eq!(version("7.3.0-rc5").to_string(), "7.3.0");
        assert_eq!(Version::of_release("cloud-amd64"), None);
    }

    #[test]
    fn a_request_admits_what_it_names() {
        let cases = [
            (None, "7.3.4", true),
            (None, "7.2.12", false),
            (Some("7.3"), "7.3.9", true),
            (Some("7.3"), "7.4.0", false),
            (Some("7.3.4"), "7.3.4", true),
            (Some("7.3.4"), "7.3.5", false),
        ];
        for (request, candidate, admitted) in cases {
            let parsed = Request::parse(request).unwrap();
            assert_eq!(
                parsed.admits(version(candidate)),
                admitted,
                "{request:?} {candidate}"
            );
        }
    }

    #[test]
    fn an_old_kernel_is_refused_with_the_reason() {
        let error = Request::parse(Some("7.2.12")).unwrap_err().to_string();
        assert!(
            error.contains("--kernel 7.2.12: Linux 7.2.12 is older than 7.3"),
            "{error}"
        );
        assert!(error.contains("pernet_operations"), "{error}");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["latest", "7", "7.3.4.5", "7.x", ""] {
            let error = Request::parse(Some(text)).unwrap_err().to_string();
            assert!(error.contains("no kernel version"), "{text}: {error}");
        }
    }
}
