// SPDX-License-Identifier: GPL-2.0

//! The kernel's own modules that the guest is given: what the scenarios, nftables and iptables load,
//! and what those depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What the paths of modules that are wanted begin with, below `kernel/`.
const WANTED: &[&str] = &[
    "drivers/net/bonding/",
    "drivers/net/dummy.",
    "drivers/net/ifb.",
    "drivers/net/macvlan.",
    "drivers/net/tun.",
    "drivers/net/veth.",
    "drivers/net/vrf.",
    "lib/ts_",
    "net/8021q/",
    "net/bridge/",
    "net/core/",
    "net/ipv4/",
    "net/ipv6/",
    "net/netfilter/",
    "net/netlink/",
    "net/packet/",
    "net/sched/",
    "net/sctp/",
];

/// The wanted modules of those in `modules.dep`, and what they depend on: paths as they are there.
pub(super) fn closure(dependencies: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(dependencies)
        .with_context(|| format!("reading {}", dependencies.display()))?;
    Ok(select(&text))
}

/// depmod lists all dependencies of a module, those of its dependencies included.
fn select(text: &str) -> BTreeSet<String> {
    let table: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let wanted = |module: &str| {
        let path = module.strip_prefix("kernel/").unwrap_or(module);
        WANTED.iter().any(|prefix| path.starts_with(prefix))
    };
    let mut modules = BTreeSet::new();
    for (module, needs) in table.iter().filter(|(module, _)| wanted(module)) {
        modules.insert((*module).to_owned());
        modules.extend(needs.split_whitespace().map(str::to_owned));
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_with_what_they_depend_on() {
        let text = "kernel/net/netfilter/nf_tables.ko.xz: kernel/lib/crc/libcrc32c.ko.xz\n\
                    kernel/drivers/net/veth.ko.xz:\n\
                    kernel/drivers/gpu/drm.ko.xz: kernel/lib/hdmi.ko.xz\n\
                    kernel/lib/crc/libcrc32c.ko.xz:\n";
        let expected = [
            "kernel/drivers/net/veth.ko.xz",
            "kernel/lib/crc/libcrc32c.ko.xz",
            "kernel/net/netfilter/nf_tables.ko.xz",
        ];
        assert!(select(text).iter().eq(expected.iter()));
    }
}
