// SPDX-License-Identifier: GPL-2.0
//! One spelling for what nft lets one write in several ways, so that rules can be compared as texts.

/// Word by word: what nft also calls it.
const SYNONYMS: &[(&str, &str)] = &[
    ("and", "&"),
    ("or", "|"),
    ("xor", "^"),
    ("eq", "=="),
    ("le", "<="),
    ("gt", ">"),
    ("rtclassid", "rt classid"),
    ("mark", "meta mark"),
    ("nftrace", "meta nftrace"),
    ("cpu", "meta cpu"),
    ("skuid", "meta skuid"),
    ("skgid", "meta skgid"),
    ("iifgroup", "meta iifgroup"),
    ("oifgroup", "meta oifgroup"),
];

/// Brings a rule to one spelling.
pub(crate) fn normal(rule: &str) -> String {
    // A meter is a set that its rule fills.
    let rule = rule.replace("meter ", "update @hashlimit-");
    let spaced: String = rule
        .chars()
        .flat_map(|c| match c {
            '{' | '}' | '(' | ')' => vec![' ', c, ' '],
            _ => vec![c],
        })
        .collect();
    let mut words: Vec<String> = Vec::new();
    for word in spaced.split_whitespace() {
        let synonym = SYNONYMS.iter().find(|(other, _)| *other == word);
        // `ct mark` and `meta mark` are two fields.
        let qualified = words
            .last()
            .is_some_and(|last| ["ct", "meta", "socket", "rt", "."].contains(&last.as_str()));
        match synonym {
            Some((_, word)) if !qualified => words.extend(word.split(' ').map(str::to_owned)),
            _ => words.push(number(word)),
        }
    }
    flags(&words.join(" "))
}

/// Writes numbers in decimal.
fn number(word: &str) -> String {
    let digits = word
        .strip_prefix("0x")
        .map(|digits| u64::from_str_radix(digits, 16));
    match digits {
        Some(Ok(number)) => number.to_string(),
        _ => word.to_owned(),
    }
}

/// `tcp flags syn / syn,rst` is `tcp flags & ( syn | rst ) == syn`.
fn flags(rule: &str) -> String {
    let Some((before, after)) = rule.split_once("tcp flags ") else {
        return rule.to_owned();
    };
    let mut words = after.splitn(4, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(set), Some("/"), Some(mask)) => {
            let mask = mask.replace(',', " | ");
            let rest = words.next().unwrap_or("");
            format!("{before}tcp flags & ( {mask} ) == {set} {rest}")
        }
        _ => rule.to_owned(),
    }
}
