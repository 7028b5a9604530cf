// SPDX-License-Identifier: GPL-2.0
//! A table in nft's words: objects, chains, rules.

use std::fmt::Write;

use super::family::Family;
use super::objects::Objects;
use super::rule::Written;
use super::save::Counted;

/// A chain with its rules.
#[derive(Debug)]
pub(super) struct Chain {
    /// nft's name for it.
    pub(super) name: String,
    /// `type … hook … priority …; policy …;` of a base chain.
    pub(super) place: Option<String>,
    /// What the policy had counted.
    pub(super) counted: Option<Counted>,
    /// iptables' name for it, if nft does not take that.
    pub(super) was: Option<String>,
    /// Its rules.
    pub(super) rules: Vec<Written>,
}

/// Writes a table. `from` are iptables' tables that it stands for.
pub(super) fn table(family: Family, from: &[&str], objects: &Objects, chains: &[Chain]) -> String {
    let mut text = String::new();
    if from.len() > 1 {
        let list = from.join("` and `");
        line(
            &mut text,
            0,
            &format!("# iptables' tables `{list}`, which share sets"),
        );
    }
    let name = from.join("-");
    line(&mut text, 0, &format!("table {} {name} {{", family.name()));
    for object in &objects.objects {
        line(&mut text, 1, &format!("{} {} {{", object.kind, object.name));
        for part in &object.body {
            line(&mut text, 2, part);
        }
        line(&mut text, 1, "}");
        text.push('\n');
    }
    let own = objects.chains.iter().map(|chain| {
        let rules = chain.rules.iter().map(String::as_str);
        block(&chain.name, None, rules)
    });
    let saved = chains.iter().map(chain);
    let blocks: Vec<_> = own.chain(saved).collect();
    text.push_str(&blocks.join("\n"));
    text.push_str("}\n");
    text
}

/// Writes a chain that was in the save.
fn chain(chain: &Chain) -> String {
    let mut lines = Vec::new();
    if let Some(counted) = chain
        .counted
        .filter(|counted| *counted != Counted::default())
    {
        let Counted { packets, bytes } = counted;
        lines.push(format!(
            "# the policy counted packets {packets} bytes {bytes}"
        ));
    }
    if let Some(was) = &chain.was {
        lines.push(format!(
            "# iptables' chain `{}`",
            was.replace(['\n', '\r'], " ")
        ));
    }
    for rule in &chain.rules {
        lines.extend(rule.notes.iter().map(|note| format!("# {note}")));
        lines.push(rule.text.clone());
    }
    block(
        &chain.name,
        chain.place.as_deref(),
        lines.iter().map(String::as_str),
    )
}

fn block<'a>(name: &str, place: Option<&'a str>, lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    line(&mut text, 1, &format!("chain {name} {{"));
    for content in place.into_iter().chain(lines) {
        line(&mut text, 2, content);
    }
    line(&mut text, 1, "}");
    text
}

fn line(text: &mut String, depth: usize, content: &str) {
    // Writing to memory does not fail.
    let _ = writeln!(text, "{}{content}", "\t".repeat(depth));
}
