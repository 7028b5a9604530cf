// SPDX-License-Identifier: GPL-2.0
//! The rule in a listing, and whether two listings of a rule say the same.
//!
//! As in nftables' own test program, the elements of a set may come in any order.

/// The rules of a chain in the listing of a ruleset, joined to one line; `table` may be empty if there is
/// only one.
pub(crate) fn rule_in(listing: &str, table: &str, chain: &str) -> String {
    let head = |line: &&str, indent: &str, word: &str, name: &str| {
        let rest = line.strip_prefix(indent).and_then(|l| l.strip_prefix(word));
        rest.is_some_and(|rest| rest.trim_start().starts_with(&format!("{name} {{")))
    };
    let mut lines = listing.lines();
    if !table.is_empty() {
        let _ = lines.find(|line| head(line, "", "table", table));
    }
    let _ = lines.find(|line| head(line, "\t", "chain", chain));
    let rules: Vec<_> = lines
        .take_while(|line| *line != "\t}")
        .filter(|line| !line.trim_start().starts_with("type "))
        .collect();
    rules.join("\n").replace(['\t', '\n'], "")
}

/// Whether a listing says the same as the expected one, which nftables' tests print with the numbers of
/// protocols and the names of everything else: each word and each set is to be as in one of `forms` (with
/// names, with numbers).
pub(crate) fn same(forms: &[String], expected: &str) -> bool {
    let forms: Vec<_> = forms.iter().map(|form| words(form)).collect();
    let expected = words(expected);
    if forms.contains(&expected) {
        return true;
    }
    forms.iter().all(|form| form.len() == expected.len())
        && expected.iter().enumerate().all(|(at, word)| {
            let mut found = forms.iter().filter_map(|form| form.get(at));
            found.any(|found| found == word)
        })
}

/// The words of a rule. A set is one word, its elements in alphabetical order, without blanks.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim_end();
    while let Some((before, after)) = rest.split_once('{') {
        let (set, behind) = after.split_once('}').unwrap_or((after, ""));
        let set = set.replace(' ', "");
        let mut elements: Vec<_> = set.split(',').filter(|e| !e.is_empty()).collect();
        elements.sort_unstable();
        out.extend(before.split(' ').map(str::to_owned));
        out.push(format!("{{{}}}", elements.join(",")));
        rest = behind;
    }
    out.extend(rest.split(' ').map(str::to_owned));
    // nft 1.1.3 does not know `fib … check exists`, so `oif` is listed, which means the same to all.
    for at in 1..out.len() {
        if out[at - 1] == "check" && matches!(out[at].as_str(), "exists" | "missing") {
            out[at - 1] = "oif".to_owned();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_found_in_its_chain() {
        let text = "table ip t {\n\tset s {\n\t\ttype mark\n\t}\n\n\tchain a {\n\t\ttype filter hook input \
                    priority filter; policy accept;\n\t\ttcp dport 22\n\t}\n\n\tchain ab {\n\t\tudp \
                    dport { 1,\n\t\t\t     2 }\n\t}\n}\n";
        assert_eq!(rule_in(text, "ip t", "a"), "tcp dport 22");
        assert_eq!(rule_in(text, "ip t", "ab"), "udp dport { 1,     2 }");
    }

    fn one(listing: &str, expected: &str) -> bool {
        same(&[listing.to_owned()], expected)
    }

    #[test]
    fn the_order_of_elements_does_not_count_and_all_else_does() {
        assert!(one("a { 1, 2 } b", "a {2,1} b"));
        assert!(one("a { 1 : x, 2 : y }", "a { 2 : y, 1 : x }"));
        assert!(!one("a { 1, 2 } b", "a { 1, 3 } b"));
        assert!(!one("a { 1, 2 } b", "a { 1, 2 } c"));
        assert!(!one("a b", "a  b"));
    }

    #[test]
    fn protocols_may_be_numbers_where_all_else_has_names() {
        let forms = [
            "ip protocol { tcp, icmp } icmp type echo-request",
            "ip protocol { 6, 1 } icmp type 8",
        ];
        let forms = forms.map(str::to_owned);
        assert!(same(&forms, "ip protocol { 1, 6 } icmp type echo-request"));
        assert!(!same(&forms, "ip protocol { 1, 7 } icmp type echo-request"));
    }
}
