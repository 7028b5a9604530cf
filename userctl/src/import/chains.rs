// SPDX-License-Identifier: GPL-2.0
//! iptables' tables and their built-in chains, as nft's base chains; and the names of the others.

use super::family::Family;

/// A built-in chain.
#[derive(Debug)]
pub(super) struct BaseChain {
    /// Its name.
    pub(super) name: &'static str,
    /// `type … hook … priority …`.
    pub(super) place: &'static str,
}

const fn base(name: &'static str, place: &'static str) -> BaseChain {
    BaseChain { name, place }
}

/// The built-in chains of each table.
static TABLES: &[(&str, &[BaseChain])] = &[
    (
        "raw",
        &[
            base("PREROUTING", "type filter hook prerouting priority raw"),
            base("OUTPUT", "type filter hook output priority raw"),
        ],
    ),
    (
        "mangle",
        &[
            base("PREROUTING", "type filter hook prerouting priority mangle"),
            base("INPUT", "type filter hook input priority mangle"),
            base("FORWARD", "type filter hook forward priority mangle"),
            // Whoever changes a packet's mark there expects it to be routed anew.
            base("OUTPUT", "type route hook output priority mangle"),
            base(
                "POSTROUTING",
                "type filter hook postrouting priority mangle",
            ),
        ],
    ),
    (
        "nat",
        &[
            base("PREROUTING", "type nat hook prerouting priority dstnat"),
            base("INPUT", "type nat hook input priority 100"),
            base("OUTPUT", "type nat hook output priority -100"),
            base("POSTROUTING", "type nat hook postrouting priority srcnat"),
        ],
    ),
    (
        "filter",
        &[
            base("INPUT", "type filter hook input priority filter"),
            base("FORWARD", "type filter hook forward priority filter"),
            base("OUTPUT", "type filter hook output priority filter"),
        ],
    ),
    (
        "security",
        &[
            base("INPUT", "type filter hook input priority security"),
            base("FORWARD", "type filter hook forward priority security"),
            base("OUTPUT", "type filter hook output priority security"),
        ],
    ),
];

/// The built-in chains of a table, or `None` if iptables has no such table.
pub(super) fn of_table(table: &str) -> Option<&'static [BaseChain]> {
    let found = TABLES.iter().find(|(name, _)| *name == table);
    found.map(|(_, chains)| *chains)
}

/// Whether nft takes this as the name of a chain or set: a letter or underscore first, then letters,
/// digits and `_ . - /`, and no word of the language.
fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    let starts_well = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts_well
        && letters.all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c))
        && KEYWORDS.binary_search(&text).is_err()
}

/// A name that nft takes, like `text` and not among those in use.
pub(super) fn name_for(text: &str, in_use: &dyn Fn(&str) -> bool) -> String {
    if is_name(text) && !in_use(text) {
        return text.to_owned();
    }
    let mut name: String = text
        .chars()
        .map(|c| match c.is_ascii_alphanumeric() || "_.-/".contains(c) {
            true => c,
            false => '_',
        })
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    if !is_name(&name) {
        name.push('_');
    }
    while in_use(&name) {
        name.push('_');
    }
    name
}

/// The constant field that stands for "every packet of the family" where a set needs a key.
pub(super) const fn constant_key(family: Family) -> &'static str {
    match family {
        Family::Ip => "ip version",
        Family::Ip6 => "ip6 version",
    }
}

/// Words that nft 1.1 takes for something else than a chain's name, sorted.
static KEYWORDS: &[&str] = &[
    "accept",
    "add",
    "ah",
    "all",
    "and",
    "arp",
    "auto-merge",
    "bridge",
    "cgroup",
    "chain",
    "comment",
    "comp",
    "constant",
    "continue",
    "counter",
    "cpu",
    "create",
    "ct",
    "day",
    "dccp",
    "define",
    "delete",
    "describe",
    "destroy",
    "device",
    "devices",
    "dnat",
    "drop",
    "dst",
    "dup",
    "dynamic",
    "ecn",
    "element",
    "elements",
    "eq",
    "esp",
    "ether",
    "exists",
    "expires",
    "exthdr",
    "fib",
    "flags",
    "flow",
    "flowtable",
    "flush",
    "frag",
    "fwd",
    "gc-interval",
    "ge",
    "geneve",
    "get",
    "goto",
    "gretap",
    "gt",
    "handle",
    "hbh",
    "hook",
    "hour",
    "ibriport",
    "ibrname",
    "icmp",
    "icmpv6",
    "igmp",
    "iif",
    "iifgroup",
    "iifname",
    "iiftype",
    "include",
    "index",
    "inet",
    "insert",
    "interval",
    "ip",
    "ip6",
    "ipsec",
    "jhash",
    "jump",
    "le",
    "limit",
    "list",
    "log",
    "lt",
    "map",
    "mark",
    "masquerade",
    "meta",
    "meter",
    "mh",
    "missing",
    "monitor",
    "ne",
    "netdev",
    "nftrace",
    "not",
    "notrack",
    "numgen",
    "obriport",
    "obrname",
    "offload",
    "oif",
    "oifgroup",
    "oifname",
    "oiftype",
    "or",
    "osf",
    "pkttype",
    "policy",
    "position",
    "priority",
    "queue",
    "quota",
    "random",
    "redefine",
    "redirect",
    "reject",
    "rename",
    "replace",
    "reset",
    "return",
    "rt",
    "rt0",
    "rt2",
    "rtclassid",
    "rule",
    "ruleset",
    "sctp",
    "secmark",
    "set",
    "size",
    "skgid",
    "skuid",
    "snat",
    "socket",
    "srh",
    "symhash",
    "synproxy",
    "table",
    "tcp",
    "th",
    "time",
    "timeout",
    "tproxy",
    "type",
    "typeof",
    "udp",
    "udplite",
    "undefine",
    "update",
    "vlan",
    "vmap",
    "vni",
    "vxlan",
    "xor",
    "xt",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_language_and_odd_letters_are_renamed() {
        let free = |_: &str| false;
        for (name, expected) in [
            ("fw-in", "fw-in"),
            ("reject", "reject_"),
            ("1st", "_1st"),
            ("a+b", "a_b"),
            ("-x", "_-x"),
        ] {
            assert_eq!(name_for(name, &free), expected, "{name}");
        }
        assert_eq!(name_for("limit", &|name| name == "limit_"), "limit__");
    }

    #[test]
    fn the_keywords_are_sorted_for_binary_search() {
        assert!(KEYWORDS.is_sorted());
    }
}
