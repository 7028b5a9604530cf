// SPDX-License-Identifier: GPL-2.0

//! What the guest is told to do: a file of JSON, beside the files that it names.

use serde::{Deserialize, Serialize};

/// The plan's file.
pub const FILE: &str = "plan.json";

/// Who is measured.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// No filter at all; everything else is measured as a difference from it.
    Baseline,
    /// Ferrule's module without rules.
    Empty,
    /// Ferrule with the rules as written.
    Ferrule,
    /// nftables with the same rules.
    Nft,
    /// nftables after `nft -o`.
    NftOptimised,
    /// nftables as an expert would write the rules by hand.
    NftHand,
    /// iptables-legacy.
    Iptables,
    /// iptables-legacy with one rule that asks an ipset.
    Ipset,
}

impl Peer {
    /// All of them, in the order of tables.
    pub const ALL: [Peer; 8] = [
        Peer::Baseline,
        Peer::Empty,
        Peer::Ferrule,
        Peer::Nft,
        Peer::NftOptimised,
        Peer::NftHand,
        Peer::Iptables,
        Peer::Ipset,
    ];

    /// As options and files have it.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Baseline => "baseline",
            Peer::Empty => "empty",
            Peer::Ferrule => "ferrule",
            Peer::Nft => "nft",
            Peer::NftOptimised => "nft-optimised",
            Peer::NftHand => "nft-hand",
            Peer::Iptables => "iptables",
            Peer::Ipset => "ipset",
        }
    }

    /// As tables have it.
    pub fn title(self) -> &'static str {
        match self {
            Peer::Baseline => "no filter",
            Peer::Empty => "Ferrule, no rules",
            Peer::Ferrule => "Ferrule",
            Peer::Nft => "nftables as written",
            Peer::NftOptimised => "nft -o",
            Peer::NftHand => "nftables by hand",
            Peer::Iptables => "iptables-legacy",
            Peer::Ipset => "ipset",
        }
    }

    /// Reads a name; a few that come to mind are taken, too.
    pub fn parse(name: &str) -> Option<Peer> {
        match name {
            "none" | "no-module" => Some(Peer::Baseline),
            "nftables" => Some(Peer::Nft),
            "nft-o" => Some(Peer::NftOptimised),
            "hand" => Some(Peer::NftHand),
            "iptables-legacy" => Some(Peer::Iptables),
            _ => Peer::ALL.into_iter().find(|peer| peer.name() == name),
        }
    }

    /// Does Ferrule's module have to be in the kernel?
    pub fn needs_module(self) -> bool {
        matches!(self, Peer::Empty | Peer::Ferrule)
    }
}

/// A program that loads rules, and what it is given.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Load {
    /// The program.
    pub tool: Tool,
    /// The file, relative to the plan.
    pub file: String,
}

/// What loads rules.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// `userctl load FILE`
    Userctl,
    /// `userctl -f FILE`
    UserctlCommands,
    /// `nft -f FILE`
    Nft,
    /// `nft -o -f FILE`
    NftOptimise,
    /// `iptables-legacy-restore FILE`
    Iptables,
    /// `ip6tables-legacy-restore FILE`
    Ip6tables,
    /// `ipset restore -file FILE`
    Ipset,
}

/// One of those who are measured, with its rules.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Contestant {
    /// Who.
    pub peer: Peer,
    /// How its rules are loaded, in this order.
    pub loads: Vec<Load>,
    /// Commands that change elements while packets are sent; empty: none are.
    pub updates: Vec<Load>,
}

/// Packets that are sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Traffic {
    /// What kind, as in `miss`.
    pub name: String,
    /// The frames' file, as the sender takes it.
    pub frames: String,
    /// How many it has.
    pub count: u64,
    /// How many of them the rules drop.
    pub drops: u64,
    /// What is sent once before (connections that are established), if anything is.
    pub prelude: Option<String>,
    /// How many frames that has.
    pub prelude_count: u64,
}

/// A ruleset of one size, with all that is to be measured on it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Workload {
    /// Its name, as in `blocklist`.
    pub name: String,
    /// How many rules (or elements) it has.
    pub rules: u64,
    /// `ip` or `ip6`.
    pub family: String,
    /// Who is measured.
    pub contestants: Vec<Contestant>,
    /// With what.
    pub traffic: Vec<Traffic>,
}

impl Workload {
    /// What tells it from all others.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.name, self.family, self.rules)
    }
}

/// Everything.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Plan {
    /// How often each measurement is repeated.
    pub rounds: u32,
    /// How long one measurement of a cheap contestant takes, in milliseconds.
    pub budget_ms: u64,
    /// How long loading may take before it is given up, in seconds.
    pub patience_s: u64,
    /// The workloads, in order.
    pub workloads: Vec<Workload>,
}
