// SPDX-License-Identifier: GPL-2.0
//! Families, hooks, chain types and verdicts, by their names in netfilter.
//!
//! Values are those of `include/uapi/linux/netfilter.h` where it has them.

abi_enum! {
    /// A protocol family, as netfilter numbers them (`NFPROTO_*`).
    pub enum Family: u8 = "FERRULE_FAMILY_" {
        /// IPv4 and IPv6 (`NFPROTO_INET`): a table's family, never a packet's.
        Inet = 1, "INET",
        /// IPv4 (`NFPROTO_IPV4`).
        Ip = 2, "IP",
        /// IPv6 (`NFPROTO_IPV6`).
        Ip6 = 10, "IP6",
    }
}

abi_enum! {
    /// A place in the packet path (`NF_INET_*`).
    pub enum Hook: u8 = "FERRULE_HOOK_" {
        /// Before routing: everything received.
        PreRouting = 0, "PREROUTING",
        /// After routing, for packets to this host.
        LocalIn = 1, "INPUT",
        /// After routing, for packets to others.
        Forward = 2, "FORWARD",
        /// Packets from this host.
        LocalOut = 3, "OUTPUT",
        /// Everything about to be sent.
        PostRouting = 4, "POSTROUTING",
    }
}

abi_enum! {
    /// The type of a base chain. `nat` is refused by name so far.
    pub enum ChainType: u8 = "FERRULE_CHAIN_" {
        /// `type filter`.
        Filter = 0, "FILTER",
        /// `type nat`: reserved.
        Nat = 1, "NAT",
        /// `type route`, at the output hook: a packet whose addresses, mark or type of service the chain changed
        /// is routed anew.
        Route = 2, "ROUTE",
    }
}

abi_enum! {
    /// What becomes of a packet (`NF_DROP`, `NF_ACCEPT`).
    pub enum Verdict: u8 = "FERRULE_VERDICT_" {
        /// The packet ends here.
        Drop = 0, "DROP",
        /// The packet goes on to the next base chain, or on its way.
        Accept = 1, "ACCEPT",
    }
}

/// Bit of [`Family::Ip`] in a set of families.
pub const FAMILY_BIT_IP: u8 = 1;

/// Bit of [`Family::Ip6`] in a set of families.
pub const FAMILY_BIT_IP6: u8 = 2;

impl Family {
    /// The packet families that a table of this family sees, as a set of bits.
    pub const fn bits(self) -> u8 {
        match self {
            Family::Inet => FAMILY_BIT_IP | FAMILY_BIT_IP6,
            Family::Ip => FAMILY_BIT_IP,
            Family::Ip6 => FAMILY_BIT_IP6,
        }
    }

    /// The name in rules: `inet`, `ip`, `ip6`.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Inet => "inet",
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
        }
    }
}

impl Hook {
    /// The name in rules: `prerouting`, `input`, `forward`, `output`, `postrouting`.
    pub const fn name(self) -> &'static str {
        match self {
            Hook::PreRouting => "prerouting",
            Hook::LocalIn => "input",
            Hook::Forward => "forward",
            Hook::LocalOut => "output",
            Hook::PostRouting => "postrouting",
        }
    }
}

impl Verdict {
    /// The name in rules: `accept`, `drop`.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Drop => "drop",
            Verdict::Accept => "accept",
        }
    }
}
