// SPDX-License-Identifier: GPL-2.0
//! `userctl import`: what iptables-save saved, in the language of nftables.
//!
//! What cannot be said there is refused with line and reason, and nothing is printed. With
//! `--partial` the rest is printed. Either way the exit status is 1.

use std::io::Write;

use userctl::diagnostic::{Diagnostic, Diagnostics};
use userctl::import::{import, Family};
use userctl::source::SourceMap;

use super::rules::{read_text, rules_are_wrong};
use crate::cli::ImportArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// Reads a save and prints a ruleset.
pub(super) fn run(args: &ImportArgs, screen: &mut Screen) -> Result<(), Failure> {
    let (name, text) = read_text(&args.file)?;
    let family = match (args.ip, args.ip6) {
        (true, _) => Family::Ip,
        (_, true) => Family::Ip6,
        _ => Family::guess(&name, &text),
    };
    let mut sources = SourceMap::new();
    let imported = match sources.add(&name, text) {
        Ok(file) => import(&sources, file, family),
        Err(error) => {
            let diagnostic = Diagnostic::without_position(error.to_string());
            return Err(rules_are_wrong(&Diagnostics::one(diagnostic), &sources));
        }
    };
    let left_out = Diagnostics::from_list(imported.left_out);
    if left_out.is_none() || args.partial {
        screen.write_all(imported.text.as_bytes())?;
    }
    match left_out {
        None => Ok(()),
        Some(left_out) => {
            screen.flush()?;
            Err(rules_are_wrong(&left_out, &sources))
        }
    }
}
