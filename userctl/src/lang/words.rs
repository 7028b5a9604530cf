// SPDX-License-Identifier: GPL-2.0
//! The words of nft's language: what each may begin.
//!
//! One table decides what is reserved, what begins an expression, and what nft has and Ferrule does
//! not run yet. To support a word is to move it to another role and give the parser its syntax.

use phf::{phf_map, phf_set};

/// What a word may be at the beginning of a statement or an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A protocol, followed by one of its fields.
    Protocol,
    /// A tunnel's protocol, followed by one of its fields or by an expression within it.
    Tunnel,
    /// `meta`.
    Meta,
    /// A meta key that may stand without `meta`.
    MetaKey,
    /// Another expression with a syntax of its own: `ct`, `fib`, `numgen`, …
    Selector,
    /// A statement with a syntax of its own: `counter`, `log`, `limit`, …
    Statement,
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
    "gre" => Role::Tunnel,
    "gretap" => Role::Tunnel,
    "vxlan" => Role::Tunnel,
    "geneve" => Role::Tunnel,
    "hbh" => Role::Protocol,
    "dst" => Role::Protocol,
    "mh" => Role::Protocol,
    "frag" => Role::Protocol,
    "rt" => Role::Selector,
    "rt0" => Role::Protocol,
    "rt2" => Role::Protocol,
    "srh" => Role::Protocol,
    "exthdr" => Role::Selector,
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
    "counter" => Role::Statement,
    "accept" => Role::Verdict,
    "drop" => Role::Verdict,
    "continue" => Role::Verdict,
    "return" => Role::Verdict,
    "jump" => Role::Verdict,
    "goto" => Role::Verdict,
    "comment" => Role::Comment,
    "ct" => Role::Selector,
    "log" => Role::Statement,
    "limit" => Role::Statement,
    "quota" => Role::Statement,
    "last" => Role::Statement,
    "reject" => Role::Statement,
    "queue" => Role::Statement,
    "dup" => Role::Statement,
    "fwd" => unsupported("`fwd`"),
    "snat" => unsupported("address translation (`snat`)"),
    "dnat" => unsupported("address translation (`dnat`)"),
    "masquerade" => unsupported("address translation (`masquerade`)"),
    "redirect" => unsupported("address translation (`redirect`)"),
    "tproxy" => unsupported("`tproxy`"),
    "synproxy" => unsupported("`synproxy`"),
    "notrack" => Role::Statement,
    "flow" => unsupported("flow tables"),
    "meter" => Role::Statement,
    "numgen" => Role::Selector,
    "jhash" => Role::Selector,
    "symhash" => Role::Selector,
    "fib" => Role::Selector,
    "osf" => unsupported("OS fingerprints (`osf`)"),
    "socket" => Role::Selector,
    "ipsec" => Role::Selector,
    "xt" => unsupported("`xt`"),
    "tunnel" => unsupported("`tunnel`"),
    "secmark" => Role::Other,
    "vmap" => Role::Other,
    "map" => Role::Other,
    "set" => Role::Statement,
    "add" => Role::Statement,
    "update" => Role::Statement,
    "delete" => Role::Statement,
    "reset" => Role::Statement,
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
    "hour" => Role::MetaKey,
    "day" => Role::MetaKey,
    "random" => Role::Other,
    "type" => Role::Other,
    "typeof" => Role::Other,
    "ecn" => Role::Other,
    "time" => Role::MetaKey,
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
pub(crate) fn similar<'n>(word: &str, among: &[&'n str]) -> Option<&'n str> {
    let best = among
        .iter()
        .map(|known| (distance(word, known), *known))
        .min()?;
    (best.0 <= 1 + word.len() / 4 && best.0 < word.len()).then_some(best.1)
}

/// Whether `word` behind a protocol's name is a field of a header, so that the two are an expression.
///
/// On the right-hand side of a comparison `tcp` alone is a value; no field begins a statement, so one
/// word tells.
pub(crate) fn is_field(word: &str) -> bool {
    FIELDS.contains(word)
}

/// The fields of all headers.
static FIELDS: phf::Set<&'static str> = phf_set! {
    "saddr", "daddr", "sport", "dport", "dscp", "ecn", "ttl", "hoplimit", "length", "id", "frag-off",
    "protocol", "checksum", "version", "hdrlength", "nexthdr", "flowlabel", "type", "code",
    "sequence", "ackseq", "doff", "reserved", "reserved2", "flags", "window", "urgptr", "gateway",
    "mtu", "option", "chunk", "vtag", "htype", "ptype", "hlen", "plen", "operation", "cfi", "dei",
    "pcp", "mrt", "group", "parameter-problem", "param-problem", "max-delay", "taddr", "spi", "cpi",
    "csumcov", "more-fragments", "vni",
};

/// Words that begin a statement, for suggestions.
pub(crate) const STATEMENTS: &[&str] = &[
    "ip", "ip6", "tcp", "udp", "th", "icmp", "icmpv6", "meta", "mark", "iif", "iifname", "oif",
    "oifname", "pkttype", "ct", "fib", "socket", "rt", "frag", "exthdr", "counter", "limit",
    "quota", "log", "reject", "queue", "dup", "notrack", "set", "add", "update", "delete",
    "accept", "drop", "continue", "return", "jump", "goto", "comment",
];

/// Words that begin a command, for suggestions.
pub(crate) const COMMANDS: &[&str] = &[
    "table", "chain", "rule", "set", "map", "element", "counter", "quota", "limit", "add",
    "create", "insert", "replace", "delete", "destroy", "flush", "list", "reset", "rename", "get",
    "describe", "define", "redefine", "undefine", "include",
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
