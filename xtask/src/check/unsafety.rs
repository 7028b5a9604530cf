// SPDX-License-Identifier: GPL-2.0

//! Where `unsafe` may be, and what must be said there.
//!
//! The keyword is looked for among tokens, so that comments, strings and names do not count, and what
//! is in a macro does.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::sources::{Source, Sources};
use super::Finding;

/// Where it is allowed.
const ALLOWED: &[&str] = &["kmod/abstractions/", "userctl/src/device/ioctl.rs"];

/// An `unsafe`, with what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Use {
    line: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// A block or an `impl`: somebody promises something.
    Promise,
    /// A function, a trait, a type: somebody asks for a promise.
    Demand,
}

/// `unsafe` elsewhere than where it is allowed.
pub(super) fn placement(sources: &Sources) -> Vec<Finding> {
    let allowed = |file: &&Source| !ALLOWED.iter().any(|place| file.path.starts_with(place));
    let finding = |file: &Source, line| {
        let what = format!("`unsafe` is allowed only in {}", ALLOWED.join(" and "));
        Finding::at(&file.path, line, what)
    };
    each(sources.rust().filter(allowed), |file, found| {
        Some(finding(file, found.line))
    })
}

/// Promises without a SAFETY comment.
pub(super) fn reasons(sources: &Sources) -> Vec<Finding> {
    each(sources.rust(), |file, found| {
        let lines: Vec<&str> = file.text.lines().collect();
        let reasoned = found.what == What::Demand || has_reason(&lines, found.line);
        (!reasoned).then(|| {
            let what = "no `// SAFETY:` comment above it says which invariant it relies on";
            Finding::at(&file.path, found.line, what)
        })
    })
}

fn each<'a>(
    files: impl Iterator<Item = &'a Source>,
    judge: impl Fn(&Source, Use) -> Option<Finding>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        match uses(&file.text) {
            Ok(uses) => findings.extend(uses.into_iter().filter_map(|found| judge(file, found))),
            Err(error) => {
                findings.push(Finding::of(&file.path, format!("cannot be read: {error}")))
            }
        }
    }
    findings
}

fn uses(text: &str) -> Result<Vec<Use>, proc_macro2::LexError> {
    let mut uses = Vec::new();
    collect(text.parse()?, &mut uses);
    Ok(uses)
}

fn collect(tokens: TokenStream, uses: &mut Vec<Use>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), uses),
            TokenTree::Ident(word) if word == "unsafe" => {
                let what = match tokens.peek() {
                    Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                        What::Promise
                    }
                    Some(TokenTree::Ident(next)) if next == "impl" => What::Promise,
                    _ => What::Demand,
                };
                uses.push(Use {
                    line: word.span().start().line,
                    what,
                });
            }
            _ => {}
        }
    }
}

/// Is there a SAFETY comment in the line (counted from 1), or above the statement that it is in?
fn has_reason(lines: &[&str], line: usize) -> bool {
    let (above, rest) = lines.split_at(line.saturating_sub(1).min(lines.len()));
    if rest.first().is_some_and(|own| reason(own)) {
        return true;
    }
    let mut lines = above.iter().rev().map(|line| line.trim()).peekable();
    // The rest of the statement that the block is in.
    while let Some(line) = lines.next_if(|line| !line.starts_with("//")) {
        if line.is_empty() || [';', '{', '}'].iter().any(|end| line.ends_with(*end)) {
            return false;
        }
    }
    lines
        .take_while(|line| line.starts_with("//") || line.starts_with("#["))
        .any(reason)
}

/// Does the comment give a reason, rather than the word alone?
fn reason(line: &str) -> bool {
    line.split_once("// SAFETY:")
        .is_some_and(|(_, reason)| !reason.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(rule: fn(&Sources) -> Vec<Finding>, path: &str, text: &str) -> Vec<String> {
        rule(&Sources::of(&[(path, text)]))
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn only_the_keyword_counts() {
        let text =
            "// unsafe\n#![forbid(unsafe_code)]\nconst A: &str = \"unsafe {}\";\n/* unsafe */\n";
        assert!(findings(placement, "kmod/hook.rs", text).is_empty());
    }

    #[test]
    fn it_is_found_in_macros_and_attributes_outside_its_place() {
        let text = "m! { fn f() { unsafe { g() } } }\n#[unsafe(no_mangle)]\nfn h() {}\n";
        let found = findings(placement, "kmod/hook.rs", text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("kmod/hook.rs:1: `unsafe` is allowed only in"),
            "{found:?}"
        );
        assert!(findings(placement, "kmod/abstractions/a.rs", text).is_empty());
        assert!(findings(placement, "userctl/src/device/ioctl.rs", text).is_empty());
    }

    #[test]
    fn a_block_needs_a_reason() {
        let good = [
            "// SAFETY: the lock is held.\nunsafe { f() }",
            "// SAFETY: `p` is valid\n// as long as self.\nlet x =\n    unsafe { f() };",
            "let x = unsafe { f() }; // SAFETY: it is ours.",
            "// SAFETY: all fields are Send.\n#[cfg(x)]\nunsafe impl Send for A {}",
            "/// # Safety\n/// Be careful.\nunsafe fn f() {}",
        ];
        for text in good {
            assert!(findings(reasons, "a.rs", text).is_empty(), "{text}");
        }
        let bad = [
            "unsafe { f() }",
            "// SAFETY:\nunsafe { f() }",
            "// SAFETY: it is.\nlet x = 1;\nunsafe { f() }",
            "unsafe impl Send for A {}",
        ];
        for text in bad {
            assert_eq!(findings(reasons, "a.rs", text).len(), 1, "{text}");
        }
    }
}
