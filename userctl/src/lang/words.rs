// SPDX-License-Identifier: GPL-2.0
//! The words of nft's language: what each may begin.
//!
//! One table decides what is reserved, what begins an expression, and what nft has and Ferrule does
//! not run yet. To support a word is to move it to another role and give the parser its syntax.

use phf::phf_map;

/// What a word may be at the beginning of a statement or an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A protocol, followed by one of its fields.
    Protocol,
    /// `meta`.
    Meta,
    /// A meta key that may stand without `meta`.
    MetaKey,
    /// `counter`.
    Counter,
    /// A verdict: `accept`, `drop`, `continue`, `return`, `jump`, `goto`.
    Verdict,
    /// `comment`.
    Comment,
    /// A statement or an expression that is not supported yet; what nft calls it.
    Unsupported(&'static str),
    /// Reserved for something else.
    Other,
}

const fn unsupported(name: &'static str) -> Role {
    Role::Unsupported(name)
}

/// Every reserved word.
static WORDS: phf::Map<&'static str, Role> = phf_map! {
    "ip" => Role::Protocol,
    "ip6" => Role::Protocol,
    "tcp" => Role::Protocol,
    "udp" => Role::Protocol,
    "th" => Role::Protocol,
    "icmp" => Role::Protocol,
    "icmpv6" => Role::Protocol,
    "ether" => Role::Protocol,
    "vlan" => Role::Protocol,
    "arp" => Role::Protocol,
    "udplite" => Role::Protocol,
    "sctp" => Role::Protocol,
    "dccp" => Role::Protocol,
    "igmp" => Role::Protocol,
    "ah" => Role::Protocol,
    "esp" => Role::Protocol,
    "comp" => Role::Protocol,
    "gre" => unsupported("matching on `gre`"),
    "gretap" => unsupported("matching on `gretap`"),
    "vxlan" => unsupported("matching on `vxlan`"),
    "geneve" => unsupported("matching on `geneve`"),
    "hbh" => unsupported("matching on the hop-by-hop header"),
    "dst" => unsupported("matching on the destination options header"),
    "mh" => unsupported("matching on the mobility header"),
    "frag" => unsupported("matching on the fragment header"),
    "rt" => unsupported("`rt`"),
    "rt0" => unsupported("`rt0`"),
    "rt2" => unsupported("`rt2`"),
    "srh" => unsupported("`srh`"),
    "exthdr" => unsupported("`exthdr`"),
    "meta" => Role::Meta,
    "mark" => Role::MetaKey,
    "iif" => Role::MetaKey,
    "iifname" => Role::MetaKey,
    "iiftype" => Role::MetaKey,
    "iifgroup" => Role::MetaKey,
    "oif" => Role::MetaKey,
    "oifname" => Role::MetaKey,
    "oiftype" => Role::MetaKey,
    "oifgroup" => Role::MetaKey,
    "skuid" => Role::MetaKey,
    "skgid" => Role::MetaKey,
    "nftrace" => Role::MetaKey,
    "rtclassid" => Role::MetaKey,
    "ibriport" => Role::MetaKey,
    "ibrname" => Role::MetaKey,
    "obriport" => Role::MetaKey,
    "obrname" => Role::MetaKey,
    "pkttype" => Role::MetaKey,
    "cpu" => Role::MetaKey,
    "cgroup" => Role::MetaKey,
    "counter" => Role::Counter,
    "accept" => Role::Verdict,
    "drop" => Role::Verdict,
    "continue" => Role::Verdict,
    "return" => Role::Verdict,
    "jump" => Role::Verdict,
    "goto" => Role::Verdict,
    "comment" => Role::Comment,
    "ct" => unsupported("connection tracking (`ct`)"),
    "log" => unsupported("`log`"),
    "limit" => unsupported("`limit`"),
    "quota" => unsupported("`quota`"),
    "last" => unsupported("`last`"),
    "reject" => unsupported("`reject`"),
    "queue" => unsupported("`queue`"),
    "dup" => unsupported("`dup`"),
    "fwd" => unsupported("`fwd`"),
    "snat" => unsupported("address translation (`snat`)"),
    "dnat" => unsupported("address translation (`dnat`)"),
    "masquerade" => unsupported("address translation (`masquerade`)"),
    "redirect" => unsupported("address translation (`redirect`)"),
    "tproxy" => unsupported("`tproxy`"),
    "synproxy" => unsupported("`synproxy`"),
    "notrack" => unsupported("`notrack`"),
    "flow" => unsupported("flow tables"),
    "meter" => unsupported("`meter`"),
    "numgen" => unsupported("`numgen`"),
    "jhash" => unsupported("`jhash`"),
    "symhash" => unsupported("`symhash`"),
    "fib" => unsupported("`fib`"),
    "osf" => unsupported("`osf`"),
    "socket" => unsupported("`socket`"),
    "ipsec" => unsupported("`ipsec`"),
    "xt" => unsupported("`xt`"),
    "tunnel" => unsupported("`tunnel`"),
    "secmark" => unsupported("`secmark`"),
    "vmap" => unsupported("verdict maps (`vmap`)"),
    "map" => unsupported("maps"),
    "set" => unsupported("changing named sets"),
    "add" => unsupported("changing named sets"),
    "update" => unsupported("changing named sets"),
    "delete" => unsupported("changing named sets"),
    "reset" => unsupported("`reset tcp option`"),
    "include" => Role::Other,
    "define" => Role::Other,
    "redefine" => Role::Other,
    "undefine" => Role::Other,
    "describe" => Role::Other,
    "hook" => Role::Other,
    "device" => Role::Other,
    "devices" => Role::Other,
    "table" => Role::Other,
    "chain" => Role::Other,
    "rule" => Role::Other,
    "element" => Role::Other,
    "flowtable" => Role::Other,
    "handle" => Role::Other,
    "ruleset" => Role::Other,
    "inet" => Role::Other,
    "netdev" => Role::Other,
    "bridge" => Role::Other,
    "replace" => Role::Other,
    "create" => Role::Other,
    "insert" => Role::Other,
    "get" => Role::Other,
    "list" => Role::Other,
    "flush" => Role::Other,
    "rename" => Role::Other,
    "import" => Role::Other,
    "export" => Role::Other,
    "monitor" => Role::Other,
    "destroy" => Role::Other,
    "position" => Role::Other,
    "index" => Role::Other,
    "constant" => Role::Other,
    "interval" => Role::Other,
    "dynamic" => Role::Other,
    "auto-merge" => Role::Other,
    "timeout" => Role::Other,
    "gc-interval" => Role::Other,
    "elements" => Role::Other,
    "expires" => Role::Other,
    "policy" => Role::Other,
    "size" => Role::Other,
    "offload" => Role::Other,
    "hour" => Role::Other,
    "day" => Role::Other,
    "random" => Role::Other,
    "type" => Role::Other,
    "typeof" => Role::Other,
    "ecn" => Role::Other,
    "time" => Role::Other,
    "priority" => Role::Other,
    "flags" => Role::Other,
    "vni" => Role::Other,
    "all" => Role::Other,
    "exists" => Role::Other,
    "missing" => Role::Other,
};

/// What `word` begins, or `None` if it is not reserved.
pub(crate) fn role(word: &str) -> Option<Role> {
    WORDS.get(word).copied()
}

/// Reserved words that nft takes for a name on the right-hand side of a comparison: protocols, and a
/// few more.
pub(crate) fn is_symbol(word: &str) -> bool {
    match role(word) {
        None => true,
        Some(_) => matches!(
            word,
            "tcp"
                | "udp"
                | "udplite"
                | "esp"
                | "ah"
                | "icmp"
                | "igmp"
                | "icmpv6"
                | "gre"
                | "comp"
                | "dccp"
                | "sctp"
                | "redirect"
                | "ether"
                | "ip"
                | "ip6"
                | "vlan"
                | "arp"
                | "dnat"
                | "snat"
                | "ecn"
                | "reset"
                | "destroy"
                | "exists"
                | "missing"
                | "last"
        ),
    }
}

/// The known word that is most like `word`, if one is like it at all.
pub(crate) fn similar(word: &str, among: &[&'static str]) -> Option<&'static str> {
    let best = among
        .iter()
        .map(|known| (distance(word, known), *known))
        .min()?;
    (best.0 <= 1 + word.len() / 4 && best.0 < word.len()).then_some(best.1)
}

/// Words that begin a statement, for suggestions.
pub(crate) const STATEMENTS: &[&str] = &[
    "ip", "ip6", "tcp", "udp", "th", "icmp", "icmpv6", "meta", "mark", "iif", "iifname", "oif",
    "oifname", "pkttype", "counter", "accept", "drop", "continue", "return", "jump", "goto",
    "comment",
];

/// Words that begin a command, for suggestions.
pub(crate) const COMMANDS: &[&str] = &[
    "table", "chain", "rule", "add", "create", "insert", "delete", "destroy", "flush", "define",
    "redefine", "undefine", "include",
];

/// How many letters must be inserted, removed, changed or swapped (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
