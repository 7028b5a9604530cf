// SPDX-License-Identifier: GPL-2.0
//! Disagreements as files: a ruleset that both tools read, the packets in comments before it.
//!
//! ```text
//! # What this is about, in a line or more.
//! # packet: forward host 4500002c...
//! table inet t0 { ... }
//! ```

use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};

use super::compare::{Outcome, Twins};
use super::packets::Shot;
use super::shrink::Case;

const PACKET: &str = "# packet: ";

/// The case as a file.
pub(super) fn write(title: &str, case: &Case) -> String {
    let mut text = format!("# {title}\n");
    for line in case.difference.text.lines() {
        text += &format!("# {line}\n");
    }
    for shot in &case.shots {
        text += &format!("{PACKET}{shot}\n");
    }
    text + &case.ruleset.to_string()
}

/// The packets that a file names.
pub(super) fn packets(text: &str) -> Result<Vec<Shot>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(PACKET));
    lines.map(str::parse).collect()
}

/// Tries a kept file again: both tools take it and agree on what it does.
pub(super) fn replay(twins: &mut Twins, file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    match twins.try_text(&text, &packets(&text)?)? {
        Outcome::Agreed => Ok(()),
        Outcome::Refused(text) => bail!("neither takes the rules:\n{text}"),
        Outcome::Differs(difference) => bail!("{difference}"),
    }
}
