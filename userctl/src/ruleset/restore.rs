// SPDX-License-Identifier: GPL-2.0
//! A loaded program back to the ruleset that it was compiled from.
//!
//! The source section is the listing with handles: applied to the empty ruleset it gives the same
//! tables, objects, sets, chains and rules in the same order, with new handles. Each line that defines one of
//! them ends in `# handle N`, so the old handles are put back in order. Where rules came from is in the
//! program's rule records, and where elements of verdict maps may lead in its targets. What sets hold is the
//! kernel's: no set is changed.

use std::sync::Arc;

use ferrule_engine::View;
use rustc_hash::FxHashMap;

use super::{NoEnvironment, Origin, Ruleset};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::{self, Entry};
use crate::program_text;
use crate::source::SourceMap;

/// See [`Ruleset::from_program`].
pub(super) fn from_program(
    view: &View<'_>,
    sources: &mut SourceMap,
) -> Result<Ruleset, Diagnostics> {
    let text = program_text::of(view).map_err(|error| refuse(error.to_string()))?;
    let script = lang::parse(
        sources,
        Entry::Text {
            name: "<loaded ruleset>",
            text: &text,
        },
    )?;
    let mut ruleset = Ruleset::default().apply(&script, sources, &NoEnvironment)?;
    let handles: Vec<u64> = text.lines().filter_map(handle_of).collect();
    if !put_handles(&mut ruleset, &handles) {
        return Err(refuse(
            "the program's source is not a listing with handles".to_owned(),
        ));
    }
    put_origins(&mut ruleset, view);
    put_targets(&mut ruleset, view);
    ruleset.next_handle = view.next_handle();
    ruleset.loaded_below = view.next_handle();
    Ok(ruleset)
}

fn refuse(message: String) -> Diagnostics {
    Diagnostics::one(Diagnostic::without_position(message))
}

/// `N` of a line that ends in `# handle N`.
fn handle_of(line: &str) -> Option<u64> {
    let (_, number) = line.rsplit_once("# handle ")?;
    number.parse().ok()
}

/// Gives tables, objects, sets, chains and rules their handles, in the order of the listing. `false` if there are
/// more or fewer.
fn put_handles(ruleset: &mut Ruleset, handles: &[u64]) -> bool {
    let mut handles = handles.iter();
    let mut complete = true;
    let mut put = |handle: &mut u64| match handles.next() {
        Some(number) => *handle = *number,
        None => complete = false,
    };
    for table in &mut ruleset.tables {
        put(&mut table.handle);
        table
            .objects
            .iter_mut()
            .for_each(|object| put(&mut object.handle));
        table.sets.iter_mut().for_each(|set| put(&mut set.handle));
        for chain in &mut table.chains {
            put(&mut chain.handle);
            chain
                .rules
                .iter_mut()
                .for_each(|rule| put(&mut rule.handle));
        }
    }
    complete && handles.next().is_none()
}

fn put_origins(ruleset: &mut Ruleset, view: &View<'_>) {
    let mut files: FxHashMap<&[u8], Arc<str>> = FxHashMap::default();
    let numbered = (0_u32..).zip(view.rules());
    let records: FxHashMap<u64, _> = numbered
        .map(|(number, rule)| (rule.handle, (number, rule.line)))
        .collect();
    let chains = ruleset
        .tables
        .iter_mut()
        .flat_map(|table| &mut table.chains);
    for rule in chains.flat_map(|chain| &mut chain.rules) {
        let Some((number, line)) = records.get(&rule.handle) else {
            continue;
        };
        let name = view.file_of(*number);
        let file = files
            .entry(name)
            .or_insert_with(|| String::from_utf8_lossy(name).into());
        rule.origin = Origin {
            file: file.clone(),
            line: *line,
        };
    }
}

/// Says of each set where its elements may lead, and that nothing changes it.
fn put_targets(ruleset: &mut Ruleset, view: &View<'_>) {
    for table in &mut ruleset.tables {
        let names: FxHashMap<u64, &Arc<str>> = table
            .chains
            .iter()
            .map(|chain| (chain.handle, &chain.name))
            .collect();
        for set in &mut table.sets {
            set.changes.clear();
            let record = view
                .sets()
                .iter()
                .find(|record| record.identity == set.handle << 8);
            let targets = record.and_then(|record| {
                let first = record.first_target as usize;
                view.targets()
                    .get(first..first + record.target_count as usize)
            });
            set.leads_to = targets
                .unwrap_or(&[])
                .iter()
                .filter_map(|target| names.get(&target.handle).map(|name| (*name).clone()))
                .collect();
        }
    }
}
