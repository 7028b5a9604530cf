// SPDX-License-Identifier: GPL-2.0
//! What random rules are made of: tables of features, selectors, whole matches and statements.
//!
//! Values come from small pools that the packets draw from too, so that matches hold often enough to
//! mean something. What a row needs (a protocol, hooks, a family) stands in the row; a rule is put
//! together from rows that go together, so nearly all that is made is a ruleset that nft accepts.

mod matches;
mod pools;
mod selectors;
mod statements;

use ferrule_uapi::hook::Family;

pub(super) use matches::MATCHES;
pub(super) use pools::Pool;
pub(super) use selectors::SELECTORS;
pub(super) use statements::{REJECTS, STATEMENTS};

/// The parts of the language, by the names that rows and `--only` use.
pub(super) const FEATURES: &[&str] = &[
    "header",
    "meta",
    "mark",
    "chains",
    "anonymous-set",
    "route-chain",
    "header-more",
    "meta-more",
    "bitwise",
    "named-set",
    "concatenation",
    "map",
    "vmap",
    "dynamic-set",
    "ct",
    "ct-set",
    "notrack",
    "limit",
    "quota",
    "last",
    "objects",
    "log",
    "reject",
    "meta-set",
    "payload-set",
    "raw-payload",
    "exthdr",
    "tcp-option",
    "tcp-option-set",
    "ip-option",
    "sctp-chunk",
    "numgen",
    "hash",
    "fib",
    "rt",
    "socket",
    "inner",
    "ct-count",
];

/// Network protocol that a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Net {
    Any,
    V4,
    V6,
    /// Tells one from the other: only in tables of both, and nothing of either beside it.
    Which,
}

/// Hooks at which nft takes a row, or at which it can do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hooks {
    All,
    /// Where there is a device that the packet came by.
    In,
    /// Where there is one that it leaves by.
    Out,
    /// The first two.
    Only(&'static [&'static str]),
}

/// What a row can be used in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) feature: &'static str,
    pub(super) net: Net,
    /// The transport protocol that the row implies; [`ANY_TRANSPORT`] tells one from the other.
    pub(super) transport: Option<&'static str>,
    pub(super) hooks: Hooks,
}

/// [`Needs::transport`] of rows that a rule has nothing of a certain transport protocol beside.
pub(super) const ANY_TRANSPORT: &str = "*";

/// A value that rules compare with others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selector {
    pub(super) text: &'static str,
    pub(super) pool: &'static Pool,
    pub(super) needs: Needs,
}

/// Text that goes into rules as it is, in variants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phrases {
    pub(super) texts: &'static [&'static str],
    pub(super) needs: Needs,
}

impl Needs {
    const fn of(feature: &'static str) -> Self {
        Self {
            feature,
            net: Net::Any,
            transport: None,
            hooks: Hooks::All,
        }
    }

    const fn net(self, net: Net) -> Self {
        Self { net, ..self }
    }

    const fn transport(self, transport: &'static str) -> Self {
        Self {
            transport: Some(transport),
            ..self
        }
    }

    const fn hooks(self, hooks: Hooks) -> Self {
        Self { hooks, ..self }
    }
}

impl Hooks {
    /// Whether a chain at `hook` is among them.
    pub(super) fn contain(self, hook: &str) -> bool {
        match self {
            Hooks::All => true,
            Hooks::In => matches!(hook, "prerouting" | "input" | "forward"),
            Hooks::Out => matches!(hook, "forward" | "output" | "postrouting"),
            Hooks::Only(list) => list.contains(&hook),
        }
    }
}

impl Net {
    /// Whether a table of `family` can have it.
    pub(super) fn fits(self, family: Family) -> bool {
        match (self, family) {
            (Net::Any, _) | (_, Family::Inet) => true,
            (Net::Which, _) => false,
            (Net::V4, family) => family == Family::Ip,
            (Net::V6, family) => family == Family::Ip6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_belongs_to_a_feature_of_the_table() {
        let rows = SELECTORS.iter().map(|row| row.needs.feature);
        let rows = rows.chain(MATCHES.iter().map(|row| row.needs.feature));
        for feature in rows.chain(STATEMENTS.iter().map(|row| row.needs.feature)) {
            assert!(FEATURES.contains(&feature), "{feature}");
        }
    }
}
