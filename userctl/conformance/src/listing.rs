// SPDX-License-Identifier: GPL-2.0
//! The rule in a listing, and whether two listings of a rule say the same.
//!
//! As in nftables' own test program, the elements of a set may come in any order.

/// The rules of a chain in the listing of a ruleset, joined to one line.
pub(crate) fn rule_in(listing: &str, table: &str, chain: &str) -> String {
    let head = |line: &&str, indent: &str, word: &str, name: &str| {
        let rest = line.strip_prefix(indent).and_then(|l| l.strip_prefix(word));
        rest.is_some_and(|rest| rest.trim_start().starts_with(&format!("{name} {{")))
    };
    let mut lines = listing.lines();
    let _ = lines.find(|line| head(line, "", "table", table));
    let _ = lines.find(|line| head(line, "\t", "chain", chain));
    let rules: Vec<_> = lines
        .take_while(|line| *line != "\t}")
        .filter(|line| !line.trim_start().starts_with("type "))
        .collect();
    rules.join("\n").replace(['\t', '\n'], "")
}

/// Whether they are the same but for the order of sets' elements and blanks in sets.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.trim_end() == other.trim_end() || normal(one) == normal(other)
}

/// The text with the elements of each set in alphabetical order, without blanks.
fn normal(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.trim_end();
    while let Some((before, after)) = rest.split_once('{') {
        let (set, behind) = after.split_once('}').unwrap_or((after, ""));
        let set = set.replace(' ', "");
        let mut elements: Vec<_> = set.split(',').filter(|e| !e.is_empty()).collect();
        elements.sort_unstable();
        out.push_str(before);
        out.push('{');
        out.push_str(&elements.join(","));
        out.push('}');
        rest = behind;
    }
    out.push_str(rest);
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

    #[test]
    fn the_order_of_elements_does_not_count_and_all_else_does() {
        assert!(same("a { 1, 2 } b", "a {2,1} b"));
        assert!(same("a { 1 : x, 2 : y }", "a { 2 : y, 1 : x }"));
        assert!(!same("a { 1, 2 } b", "a { 1, 3 } b"));
        assert!(!same("a { 1, 2 } b", "a { 1, 2 } c"));
        assert!(!same("a b", "a  b"));
    }
}
