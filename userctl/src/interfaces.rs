// SPDX-License-Identifier: GPL-2.0
//! What rules may name and only this machine knows: the interfaces of the network namespace that this process is
//! in, users, control groups, and the names that files give to numbers.
//!
//! Interfaces are asked of the kernel by ioctl on a socket, not through `/sys`, which may show another
//! namespace's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::net::if_::{if_indextoname, if_nametoindex};
use nix::unistd::{Group, User};

use crate::ruleset::{Environment, NameList};

/// Where control groups of version 2 are.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Files that give numbers names, the first that is there.
const FILES: &[(NameList, &[&str])] = &[
    (
        NameList::Marks,
        &["/etc/iproute2/rt_marks", "/usr/share/iproute2/rt_marks"],
    ),
    (
        NameList::Realms,
        &["/etc/iproute2/rt_realms", "/usr/share/iproute2/rt_realms"],
    ),
    (
        NameList::DeviceGroups,
        &["/etc/iproute2/group", "/usr/share/iproute2/group"],
    ),
    (
        NameList::ConnectionLabels,
        &["/etc/xtables/connlabel.conf", "/etc/connlabel.conf"],
    ),
];

/// The number that a text of lines `NUMBER NAME` gives a name.
fn number_of(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (number, known) = (words.next()?, words.next()?);
        let parsed = match number.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        };
        parsed.filter(|_| known == name)
    })
}

/// The present network namespace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interfaces;

impl Environment for Interfaces {
    fn interface_index(&self, name: &str) -> Option<u32> {
        if_nametoindex(name).ok()
    }

    fn interface_name(&self, index: u32) -> Option<String> {
        // nix takes the null pointer that means failure for success, with an empty name.
        let name = if_indextoname(index).ok()?.into_string().ok()?;
        Some(name).filter(|name| !name.is_empty())
    }

    fn user(&self, name: &str) -> Option<u32> {
        let user = User::from_name(name).ok()??;
        Some(user.uid.as_raw())
    }

    fn group(&self, name: &str) -> Option<u32> {
        let group = Group::from_name(name).ok()??;
        Some(group.gid.as_raw())
    }

    fn cgroup(&self, path: &str) -> Option<u64> {
        let group = fs::metadata(Path::new(CGROUPS).join(path.trim_start_matches('/'))).ok()?;
        group.is_dir().then(|| group.ino())
    }

    fn number(&self, list: NameList, name: &str) -> Option<u32> {
        let (_, paths) = FILES.iter().find(|(of, _)| *of == list)?;
        let text = paths
            .iter()
            .find_map(|path| fs::read_to_string(path).ok())?;
        number_of(&text, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_the_first_interface_of_every_namespace() {
        assert_eq!(Interfaces.interface_index("lo"), Some(1));
        assert_eq!(Interfaces.interface_name(1).as_deref(), Some("lo"));
    }

    #[test]
    fn files_give_numbers_names() {
        let text = "# comment\n0\tcosmos\n0x10 sixteen # so\n";
        assert_eq!(number_of(text, "cosmos"), Some(0));
        assert_eq!(number_of(text, "sixteen"), Some(16));
        assert_eq!(number_of(text, "comment"), None);
    }

    #[test]
    fn the_superuser_is_user_zero() {
        assert_eq!(Interfaces.user("root"), Some(0));
        assert_eq!(Interfaces.user("no such user"), None);
    }

    #[test]
    fn what_does_not_exist_has_neither_index_nor_name() {
        assert_eq!(Interfaces.interface_index("no such name here"), None);
        assert_eq!(Interfaces.interface_name(u32::MAX), None);
    }
}
