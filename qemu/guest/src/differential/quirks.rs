// SPDX-License-Identifier: GPL-2.0
//! What is left out of random rulesets because nft, or nf_tables, does not do what it says, or does
//! not say what it does. Each by name, with the reason.
//!
//! One difference is meant, and kept out of the way by flushing before each load: the elements that rules
//! have added to a set survive in Ferrule when the next ruleset has a set of that name, even if it begins
//! with `flush ruleset`. And of elements that rules add, Ferrule does not list the statements that only the
//! rule has (`add @s { ip saddr counter }`): what they do is compared, their values are not.

use std::time::Duration;

use super::grammar::Selector;

/// A kind of rule that is not tried.
#[derive(Debug)]
pub(super) struct Quirk {
    /// A match or statement that has all of these in it is left out.
    words: &'static [&'static str],
    /// Why.
    #[allow(dead_code, reason = "for who reads the table")]
    reason: &'static str,
}

const fn quirk(words: &'static [&'static str], reason: &'static str) -> Quirk {
    Quirk { words, reason }
}

/// All of them.
pub(super) const QUIRKS: &[Quirk] = &[
    quirk(
        &["meta iiftype", "loopback"],
        "nft takes a link that is not Ethernet for one of unknown protocol (meta_expr_pctx_update()), which \
         conflicts with all network headers",
    ),
    quirk(&["meta iiftype", "@"], "the same, of each element"),
    quirk(
        &["tcp option", " kind "],
        "nft's scanner stays in the state for TCP options: a jump after it is a syntax error",
    ),
];

/// How long to wait before each packet of a run with these rules. `ct count` looks for connections that are
/// gone, and for the packet's own among those it knows, unless it has done so in the same tick
/// (`__nf_conncount_add()`: `jiffies == list->last_gc`): of packets that come at once, what it says depends on
/// when the clock ticked. With a tick between them it does not.
pub(super) fn pace(rules: &str) -> Duration {
    /// More than a tick at 250 Hz.
    const TICK: Duration = Duration::from_millis(5);
    match rules.contains("ct count ") {
        true => TICK,
        false => Duration::ZERO,
    }
}

/// Fields that nft cuts out of two bytes or more: as keys of maps, or beside others in a concatenation, it puts
/// them into elements in another way than into the register, so that elements do not match what they name.
const SPLIT_FIELDS: &[&str] = &["ip6 dscp", "ip6 flowlabel"];

/// Fields that say which network protocol the packet has: nft loses track of it when they are looked up in a
/// set (`conflicting protocols specified: unknown vs. tcp`).
const NETWORK_FIELDS: &[&str] = &["meta nfproto", "meta protocol"];

/// Whether a selector can be the key of a set or map.
pub(super) fn can_be_key(selector: &Selector) -> bool {
    let text = &selector.text;
    selector.pool.declarable && !SPLIT_FIELDS.contains(text) && !NETWORK_FIELDS.contains(text)
}

/// Fields that are part of a byte, or of more than one: with a catch-all element beside the others, nft
/// makes a set that the kernel refuses (EINVAL), or cannot list it (`binop_adjust: Assertion`).
const BIT_FIELDS: &[&str] = &[
    "ip dscp",
    "ip ecn",
    "ip version",
    "ip hdrlength",
    "ip6 dscp",
    "ip6 ecn",
    "ip6 flowlabel",
    "tcp doff",
    "dccp type",
];

/// Whether a declared set or map with this key can have intervals: of parts of bytes nft lists the last one to
/// the end of the whole byte (`ce-255`), because `interval_map_decompose()` ends it at the length that the
/// kernel's data has, which is in bytes.
pub(super) fn are_whole(key: &[&Selector]) -> bool {
    !key.iter()
        .any(|selector| BIT_FIELDS.contains(&selector.text))
}

/// Whether a set with this key can have a catch-all element: beside concatenations nft cannot list it
/// (`concat_expr_msort_value: Assertion`).
pub(super) fn can_have_catch_all(key: &[&Selector]) -> bool {
    key.len() == 1 && are_whole(key)
}

/// Tunnels that rules look into.
const TUNNELS: &[&str] = &["vxlan ", "geneve ", "gre "];

/// Leaves in a rule the matches of one tunnel only. nft has one protocol context for what is within any of them
/// (`eval_proto_ctx()`), so `vxlan udp dport 53` beside `geneve tcp dport 22` conflicts there, and of a second
/// tunnel it does not ask what the first was asked. Such a rule matches nothing in either.
pub(super) fn keep_one_tunnel(parts: &mut Vec<String>) {
    let tunnel_of = |part: &str| TUNNELS.iter().position(|tunnel| part.contains(tunnel));
    let Some(first) = parts.iter().find_map(|part| tunnel_of(part)) else {
        return;
    };
    parts.retain(|part| tunnel_of(part).is_none_or(|tunnel| tunnel == first));
}

/// Leaves out fields that only some ICMP messages have where a rule has a set of types before them. Of the set nft
/// keeps the type that was written last (`payload_expr_pctx_update()`), and refuses the field if that is another's
/// or does not ask for the type if it is the field's; Ferrule goes by all of them.
pub(super) fn drop_fields_of_types(parts: &mut Vec<String>) {
    let types = |part: &String| {
        let is_type = part.contains("icmp type ") || part.contains("icmpv6 type ");
        is_type && (part.contains('{') || part.contains('@'))
    };
    let Some(first) = parts.iter().position(types) else {
        return;
    };
    let mut place = 0;
    parts.retain(|part| {
        place += 1;
        let of_some = [
            "icmp id ",
            "icmp sequence ",
            "icmpv6 id ",
            "icmpv6 sequence ",
        ];
        place <= first + 1 || !of_some.iter().any(|field| part.contains(field))
    });
}

/// Leaves out sets of families where a rule rejects in the way of the packet's family: of the set nft keeps the last
/// one (`stmt_evaluate_reject_default()`), and answers IPv4 packets with a code of ICMPv6's.
pub(super) fn drop_families_of_reject(parts: &mut Vec<String>) {
    if parts.iter().any(|part| part == "reject") {
        let families = ["meta nfproto {", "meta protocol {"];
        parts.retain(|part| !families.iter().any(|set| part.starts_with(set)));
    }
}

/// Leaves out sets of protocols of a connection beside other matches. nft takes one of the set to be the packet's
/// transport protocol (`ct_expr_pctx_update()`, for each element), and refuses the fields of others (`conflicting
/// protocols specified: udp vs. icmpv6`); Ferrule takes them.
pub(super) fn drop_protocols_of_connections(parts: &mut Vec<String>) {
    if parts.len() > 1 {
        parts.retain(|part| !(part.starts_with("ct ") && part.contains("protocol {")));
    }
}

/// Fields that the kernel chooses at random in packets of its own (`__ip_select_ident()`, `ip6_make_flowlabel()`).
const CHOSEN: &[&str] = &["ip id ", "ip6 flowlabel "];

/// Whether what a match at `hook` says of a packet depends on the kernel's choice: the router's own packets, errors
/// above all, pass the last two hooks.
pub(super) fn is_chosen(part: &str, hook: &str) -> bool {
    let looks = |field: &&str| part.contains(*field) && !part.starts_with(&format!("{field}set "));
    matches!(hook, "output" | "postrouting") && CHOSEN.iter().any(looks)
}

/// Whether a match or statement is one of them.
pub(super) fn is_quirk(part: &str) -> bool {
    let hits = |quirk: &Quirk| quirk.words.iter().all(|word| part.contains(word));
    QUIRKS.iter().any(hits)
}
