// SPDX-License-Identifier: GPL-2.0
//! `userctl monitor`: what changes, and what rules log, as it happens.
//!
//! ```text
//! events ─┬─ ruleset ──► the new listing against the one before, line by line
//!         ├─ elements ─► the batch, as `add element …`, `delete element …`
//!         └─ log ──────► prefix, interfaces, addresses, ports, and the rule
//! ```
//!
//! Events that came faster than they were read are lost; how many, is said in their place.

mod packet;

use std::io::Write;

use ferrule_engine::{Batch, Op};
use ferrule_uapi::event::{Event, EventKind, LogEvent};
use ferrule_uapi::set::SetOpKind;
use serde_json::json;
use similar::{ChangeTag, TextDiff};
use userctl::contents;
use userctl::device::Kernel;
use userctl::interfaces::Interfaces;
use userctl::listing::{self, elements_to_text};
use userctl::ruleset::{Environment, Ruleset};
use zerocopy::FromBytes;

use super::loaded::Loaded;
use crate::cli::MonitorArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// Bytes of events that are read at a time.
const BUFFER: usize = 256 << 10;

/// Bytes of each packet that are wanted.
const SNAPLEN: u32 = 128;

/// What is loaded while events are followed.
struct Monitor {
    loaded: Loaded,
    ruleset: Ruleset,
    json: bool,
}

/// Follows events until there are enough, or the user ends it.
pub(super) fn run(
    args: &MonitorArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let bit = |kind: EventKind| 1_u32 << kind as u32;
    let changes = bit(EventKind::Ruleset) | bit(EventKind::Elements);
    let logs = bit(EventKind::Log);
    let events = match (args.logs, args.changes) {
        (true, _) => logs,
        (_, true) => changes,
        _ => logs | changes,
    };
    kernel.subscribe(events, 0, SNAPLEN)?;
    let loaded = Loaded::read(kernel)?;
    let mut monitor = Monitor {
        ruleset: loaded.ruleset()?,
        loaded,
        json: args.json,
    };
    let mut buffer = vec![0; BUFFER];
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let len = kernel.events(&mut buffer)?;
        let mut rest = buffer.get(..len).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        while let Ok((event, behind)) = Event::read_from_prefix(rest) {
            let size = (event.size as usize).max(size_of::<Event>());
            let body = behind.get(..size - size_of::<Event>()).unwrap_or_default();
            monitor.event(&event, body, kernel, screen)?;
            left -= 1;
            if left == 0 {
                break;
            }
            rest = rest.get(size.next_multiple_of(8)..).unwrap_or_default();
        }
        screen.flush()?;
    }
    Ok(())
}

impl Monitor {
    fn event(
        &mut self,
        event: &Event,
        body: &[u8],
        kernel: &mut dyn Kernel,
        screen: &mut Screen,
    ) -> Result<(), Failure> {
        if event.lost > 0 {
            match self.json {
                true => writeln!(screen, "{}", json!({ "lost": event.lost }))?,
                false => writeln!(screen, "# {} events lost", event.lost)?,
            }
        }
        match EventKind::from_raw(event.kind) {
            Some(EventKind::Log) => self.log(event, body, screen),
            Some(EventKind::Ruleset) => self.replaced(kernel, screen),
            Some(EventKind::Elements) => self.elements(body, screen),
            None => Ok(()),
        }
    }

    /// Another ruleset: what differs.
    fn replaced(&mut self, kernel: &mut dyn Kernel, screen: &mut Screen) -> Result<(), Failure> {
        let options = listing::Options {
            handles: true,
            stateless: true,
            terse: true,
            environment: Some(&Interfaces),
            ..listing::Options::default()
        };
        let before = listing::to_text(&self.ruleset, &options);
        self.loaded = Loaded::read(kernel)?;
        self.ruleset = self.loaded.ruleset()?;
        let after = listing::to_text(&self.ruleset, &options);
        let generation = self.loaded.generation;
        if self.json {
            writeln!(
                screen,
                "{}",
                json!({ "ruleset": { "generation": generation } })
            )?;
            return Ok(());
        }
        writeln!(screen, "# generation {generation}")?;
        for change in TextDiff::from_lines(&before, &after).iter_all_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => continue,
                ChangeTag::Delete => "delete",
                ChangeTag::Insert => "add",
            };
            let text = change.value().trim();
            if text != "}" && !text.is_empty() {
                writeln!(screen, "{sign} {text}")?;
            }
        }
        Ok(())
    }

    /// Elements came or went.
    fn elements(&self, body: &[u8], screen: &mut Screen) -> Result<(), Failure> {
        let Some(program) = &self.loaded.program else {
            return Ok(());
        };
        let Ok(batch) = Batch::check(body, program.view(), false) else {
            return Ok(());
        };
        for op in batch.ops() {
            self.op(&op, screen)?;
        }
        Ok(())
    }

    fn op(&self, op: &Op<'_>, screen: &mut Screen) -> Result<(), Failure> {
        let handle = op.set.identity >> 8;
        let mut tables = self.ruleset.tables().iter();
        let found = tables.find_map(|table| {
            let set = table.sets.iter().find(|set| set.handle == handle)?;
            Some((table, set))
        });
        let Some((table, set)) = found else {
            return Ok(());
        };
        let verb = match op.kind {
            SetOpKind::Add => "add element",
            SetOpKind::Delete => "delete element",
            SetOpKind::Reset => "reset element",
            SetOpKind::Clear | SetOpKind::Replace => "flush set",
        };
        let elements = contents::of_op(table, set, op);
        let text = elements_to_text(set, &elements, &listing::Options::default());
        let (family, name) = (table.family.name(), &table.name);
        if self.json {
            let object = json!({
                "family": family, "table": &**name, "name": &*set.name, "elem": text,
            });
            writeln!(screen, "{}", json!({ verb: object }))?;
        } else if elements.is_empty() {
            writeln!(screen, "{verb} {family} {name} {}", set.name)?;
        } else {
            writeln!(screen, "{verb} {family} {name} {} {{ {text} }}", set.name)?;
        }
        Ok(())
    }

    /// A packet that a rule logged.
    fn log(&self, event: &Event, body: &[u8], screen: &mut Screen) -> Result<(), Failure> {
        let Ok((log, bytes)) = LogEvent::read_from_prefix(body) else {
            return Ok(());
        };
        let bytes = bytes.get(..log.caplen as usize).unwrap_or(bytes);
        let view = self.loaded.program.as_ref().map(|program| program.view());
        let (mut prefix, mut rule) = (String::new(), String::new());
        if let Some(view) = view.filter(|_| event.generation == self.loaded.generation) {
            if let Some(record) = view.logs().get(log.log as usize) {
                prefix = super::tally::text(view.string(record.prefix));
            }
            if let Some(record) = view.rules().get(log.rule as usize) {
                let file = super::tally::text(view.file_of(log.rule));
                rule = match file.is_empty() {
                    true => format!("handle {}", record.handle),
                    false => format!("{file}:{}", record.line),
                };
            }
        }
        let interface = |index| Interfaces.interface_name(index).unwrap_or_default();
        let packet = packet::describe(log.family, bytes);
        if self.json {
            let object = json!({
                "prefix": prefix, "rule": rule, "in": interface(log.iif), "out": interface(log.oif),
                "mark": log.mark, "len": log.len, "packet": packet, "at": event.at,
            });
            writeln!(screen, "{}", json!({ "log": object }))?;
            return Ok(());
        }
        let (iif, oif) = (interface(log.iif), interface(log.oif));
        write!(
            screen,
            "{prefix}IN={iif} OUT={oif} {packet} LEN={}",
            log.len
        )?;
        if log.mark != 0 {
            write!(screen, " MARK={:#x}", log.mark)?;
        }
        writeln!(screen, " RULE={rule}")?;
        Ok(())
    }
}
