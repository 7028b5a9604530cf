// SPDX-License-Identifier: GPL-2.0
//! `--echo`: what commands added, as commands that would add it, with handles.

use std::fmt::Write;

use userctl::interfaces::Interfaces;
use userctl::listing::{self, elements_to_text, rule_to_text};
use userctl::ruleset::set::Change as SetChange;
use userctl::ruleset::Table;

use super::script::Change;
use crate::cli::ShowArgs;

/// The commands, one a line.
pub(super) fn added(change: &Change, show: &ShowArgs) -> String {
    let first = change.before.next_handle();
    let options = super::listing_options(show);
    let mut out = String::new();
    for table in change.after.tables() {
        let path = format!("{} {}", table.family.name(), table.name);
        if table.handle >= first {
            line(&mut out, &format!("add table {path}"), table.handle, show);
        }
        sets(&mut out, table, &path, first, show);
        for chain in &table.chains {
            if chain.handle >= first {
                let text = format!("add chain {path} {}", chain.name);
                line(&mut out, &text, chain.handle, show);
            }
            for rule in chain.rules.iter().filter(|rule| rule.handle >= first) {
                let options = listing::Options {
                    environment: Some(&Interfaces),
                    ..options
                };
                let rule_text = rule_to_text(rule, &options);
                let text = format!("add rule {path} {} {rule_text}", chain.name);
                line(&mut out, &text, rule.handle, show);
            }
        }
    }
    out
}

/// Sets, objects and elements that are new.
fn sets(out: &mut String, table: &Table, path: &str, first: u64, show: &ShowArgs) {
    let options = super::listing_options(show);
    for object in table.objects.iter().filter(|object| object.handle >= first) {
        let kind = format!("{:?}", object.spec.kind()).to_lowercase();
        let text = format!("add {kind} {path} {}", object.name);
        line(out, &text, object.handle, show);
    }
    for set in &table.sets {
        if set.handle >= first {
            line(
                out,
                &format!("add set {path} {}", set.name),
                set.handle,
                show,
            );
        }
        for change in &set.changes {
            if let SetChange::Add { elements, .. } = change {
                let elements = elements_to_text(set, elements, &options);
                // Formatting into a string does not fail.
                let _ = writeln!(out, "add element {path} {} {{ {elements} }}", set.name);
            }
        }
    }
}

fn line(out: &mut String, text: &str, handle: u64, show: &ShowArgs) {
    out.push_str(text);
    if show.handles {
        // As above.
        let _ = write!(out, " # handle {handle}");
    }
    out.push('\n');
}
