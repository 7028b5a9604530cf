// SPDX-License-Identifier: GPL-2.0
//! What is left out of random rulesets because nft, or nf_tables, does not do what it says, or does
//! not say what it does. Each by name, with the reason.
//!
//! One difference is meant, and kept out of the way by flushing before each load: the elements that rules
//! have added to a set survive in Ferrule when the next ruleset has a set of that name, even if it begins
//! with `flush ruleset`. And of elements that rules add, Ferrule does not list the statements that only the
//! rule has (`add @s { ip saddr counter }`): what they do is compared, their values are not.

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
        &["@ih,", " set "],
        "nf_tables changes the transport's checksum and leaves the byte as it was",
    ),
    quirk(
        &["ct count "],
        "connections that are gone are forgotten once a tick at most: the count depends on the moment",
    ),
    quirk(
        &["tcp option", " kind "],
        "nft's scanner stays in the state for TCP options: a jump after it is a syntax error",
    ),
];

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

/// Whether a set with this key can have intervals: of parts of bytes nft lists the last one to the end of the
/// whole byte (`ce-255`).
pub(super) fn are_whole(key: &[&Selector]) -> bool {
    !key.iter()
        .any(|selector| BIT_FIELDS.contains(&selector.text))
}

/// Whether a set with this key can have a catch-all element: beside concatenations nft cannot list it
/// (`concat_expr_msort_value: Assertion`).
pub(super) fn can_have_catch_all(key: &[&Selector]) -> bool {
    key.len() == 1 && are_whole(key)
}

/// Whether a match or statement is one of them.
pub(super) fn is_quirk(part: &str) -> bool {
    let hits = |quirk: &Quirk| quirk.words.iter().all(|word| part.contains(word));
    QUIRKS.iter().any(hits)
}
