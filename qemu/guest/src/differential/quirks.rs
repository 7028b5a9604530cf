// SPDX-License-Identifier: GPL-2.0
//! What is left out of random rulesets because nft, or nf_tables, does not do what it says, or does
//! not say what it does. Each by name, with the reason.

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
        &["ip6 dscp", " map ", "*"],
        "nft makes an anonymous map with a catch-all element that the kernel refuses (EINVAL)",
    ),
    quirk(
        &["tcp option", " kind "],
        "nft's scanner stays in the state for TCP options: a jump after it is a syntax error",
    ),
];

/// Whether a match or statement is one of them.
pub(super) fn is_quirk(part: &str) -> bool {
    let hits = |quirk: &Quirk| quirk.words.iter().all(|word| part.contains(word));
    QUIRKS.iter().any(hits)
}
