// SPDX-License-Identifier: GPL-2.0

//! Which workloads there are, in which sizes.

use anyhow::{bail, Result};

use crate::case::{Case, Family};
use crate::workloads::sets::{self, Kind};
use crate::workloads::{blocklist, chains, classbench, server, services};

/// A workload in all its sizes.
#[derive(Debug)]
pub struct Item {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// How many rules (elements) it comes in.
    pub sizes: &'static [u64],
    /// Those of them that a quick run measures.
    pub quick: &'static [u64],
    make: fn(Family, u64) -> Result<Case>,
}

/// All of them.
pub const ITEMS: &[Item] = &[
    Item {
        name: "chains",
        about: "base chains at the three hooks of a forwarded packet, with no rule and with one",
        sizes: &[0, 1],
        quick: &[0, 1],
        make: |family, rules| Ok(chains::case(family, rules)),
    },
    Item {
        name: "blocklist",
        about: "source addresses whose packets are dropped, a rule each",
        sizes: &[1, 10, 100, 1000, 10_000, 100_000],
        quick: &[1, 100],
        make: |family, rules| Ok(blocklist::case(family, rules)),
    },
    Item {
        name: "acl",
        about: "ClassBench's access control lists: 5-tuple rules",
        sizes: &[1000, 10_000, 100_000],
        quick: &[1000],
        make: |family, rules| classbench::case("acl", family, rules),
    },
    Item {
        name: "fw",
        about: "ClassBench's firewalls: 5-tuple rules",
        sizes: &[1000, 10_000, 100_000],
        quick: &[],
        make: |family, rules| classbench::case("fw", family, rules),
    },
    Item {
        name: "ipc",
        about: "ClassBench's IP chains: 5-tuple rules",
        sizes: &[1000, 10_000, 100_000],
        quick: &[],
        make: |family, rules| classbench::case("ipc", family, rules),
    },
    Item {
        name: "server",
        about: "connection state first, then open ports, a rule each",
        sizes: &[10, 100, 1000],
        quick: &[10],
        make: |family, rules| Ok(server::case(family, rules)),
    },
    Item {
        name: "services",
        about: "Kubernetes-like: a verdict by address and port, a chain for each service",
        sizes: &[10, 100, 1000, 10_000],
        quick: &[100],
        make: |family, rules| Ok(services::case(family, rules)),
    },
    Item {
        name: "set",
        about: "a named set of addresses",
        sizes: &[1000, 100_000, 1_000_000],
        quick: &[1000],
        make: |family, rules| Ok(sets::case(Kind::Addresses, family, rules)),
    },
    Item {
        name: "set-prefixes",
        about: "a named set of networks",
        sizes: &[1000, 100_000, 1_000_000],
        quick: &[],
        make: |family, rules| Ok(sets::case(Kind::Prefixes, family, rules)),
    },
    Item {
        name: "set-pairs",
        about: "a named set of addresses with ports",
        sizes: &[1000, 100_000, 1_000_000],
        quick: &[],
        make: |family, rules| Ok(sets::case(Kind::Pairs, family, rules)),
    },
    Item {
        name: "set-updates",
        about: "a named set of addresses, while a thousand others come and go",
        sizes: &[1000, 100_000],
        quick: &[],
        make: |family, rules| Ok(sets::case_with_updates(family, rules)),
    },
];

/// What is to be measured.
#[derive(Debug)]
pub struct Choice {
    /// Names; none are all.
    pub names: Vec<String>,
    /// Sizes; none are all.
    pub rules: Vec<u64>,
    /// Families.
    pub families: Vec<Family>,
    /// Only a few, small sizes?
    pub quick: bool,
}

/// The cases that were chosen, each made when it is asked for: large ones take memory.
///
/// # Errors
///
/// When a name is unknown.
pub fn cases(choice: &Choice) -> Result<Vec<(&'static Item, Family, u64)>> {
    for name in &choice.names {
        if !ITEMS.iter().any(|item| item.name == name) {
            let known: Vec<_> = ITEMS.iter().map(|item| item.name).collect();
            bail!(
                "there is no workload called {name}; there are {}",
                known.join(", ")
            );
        }
    }
    let named =
        |item: &&Item| choice.names.is_empty() || choice.names.iter().any(|name| name == item.name);
    let mut list = Vec::new();
    for item in ITEMS.iter().filter(named) {
        let sizes = match (choice.rules.as_slice(), choice.quick) {
            ([], true) => item.quick,
            ([], false) => item.sizes,
            (sizes, _) => sizes,
        };
        let least = item.sizes.first().copied().unwrap_or(0);
        let most = item.sizes.last().copied().unwrap_or(0);
        for family in &choice.families {
            let sizes = sizes.iter().filter(|size| (least..=most).contains(*size));
            list.extend(sizes.map(|size| (item, *family, *size)));
        }
    }
    Ok(list)
}

impl Item {
    /// Makes it in this size.
    ///
    /// # Errors
    ///
    /// When something that it is made from is missing.
    pub fn make(&self, family: Family, rules: u64) -> Result<Case> {
        (self.make)(family, rules)
    }
}
