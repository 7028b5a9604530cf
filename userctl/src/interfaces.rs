// SPDX-License-Identifier: GPL-2.0
//! The interfaces of the network namespace that this process is in.
//!
//! Asked of the kernel by ioctl on a socket, not through `/sys`, which may show another namespace's.

use nix::net::if_::{if_indextoname, if_nametoindex};

use crate::ruleset::Environment;

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
    fn what_does_not_exist_has_neither_index_nor_name() {
        assert_eq!(Interfaces.interface_index("no such name here"), None);
        assert_eq!(Interfaces.interface_name(u32::MAX), None);
    }
}
