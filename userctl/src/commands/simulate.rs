// SPDX-License-Identifier: GPL-2.0
//! `userctl simulate`: what rules would make of the packets of a capture, with no kernel involved.
//!
//! ```text
//! RULES ─► program ─┐
//! PCAP ─► records ──┴─► run ─► report (table or JSON, sum)   annotated copy (--write)
//! ```

mod report;
mod sum;

use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ferrule_engine::FieldSet;
use ferrule_uapi::field::Field;
use ferrule_uapi::hook::Hook;
use userctl::ruleset::Ruleset;
use userctl::simulate::annotate::Writer;
use userctl::simulate::capture::{Reader, Record};
use userctl::simulate::frame;
use userctl::simulate::interfaces::Simulated;
use userctl::simulate::judge::{Circumstances, Judge};

use super::rules::Rules;
use crate::cli::SimulateArgs;
use crate::failure::Failure;
use crate::screen::Screen;
use report::{Fate, Names, Report};
use sum::Sum;

/// Tries each packet, in the order of the capture.
pub(super) fn run(args: &SimulateArgs, screen: &mut Screen) -> Result<(), Failure> {
    check_interfaces(args)?;
    let machine = Simulated::default();
    let rules = Rules::read(&args.rules, &args.source)?;
    let ruleset = rules.apply_on(&Ruleset::default(), &machine)?;
    let (program, _) = rules.compile(&ruleset)?;
    let names = Names::of(program.view(), &ruleset, &machine);
    let nic = |name: &String| machine.nic(name);
    let circumstances = Circumstances {
        input: args.iif.as_ref().map(nic),
        output: args.oif.as_ref().map(nic),
        mark: args.mark,
    };
    let mut judge = Judge::new(program.view(), program.fields(), args.hook);

    let name = args.capture.display().to_string();
    let failed = |error| Failure::Capture {
        name: name.clone(),
        error,
    };
    let mut reader = Reader::new(open(&args.capture)?).map_err(failed)?;
    let mut copy = match args.write.as_deref() {
        Some(path) => Some(Copy::create(path, &args.capture)?),
        None => None,
    };
    let mut report = Report::new(args, screen);
    let mut missing = Missing::of(args.hook, program.fields());
    let mut sum = Sum::default();
    let ended = loop {
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break Ok(()),
            Err(error) => break Err(failed(error)),
        };
        let interface = reader.interfaces().get(record.interface);
        let link = interface.map_or(u32::MAX, |interface| interface.link);
        let captured_by = interface.and_then(|interface| interface.name.as_ref());
        let found = frame::find(link, &record.data, record.len);
        let fate = match found {
            Err(skip) => Fate::Skipped(skip),
            Ok(frame) => {
                let captured_by = captured_by.filter(|_| has_input(args.hook));
                let circumstances = Circumstances {
                    input: circumstances.input.or(captured_by.map(nic)),
                    ..circumstances
                };
                missing.note(&circumstances);
                Fate::Judged(frame, judge.judge(&frame, &circumstances))
            }
        };
        sum.add(&fate, &names);
        if let Some(copy) = &mut copy {
            copy.packet(&reader, &record, &names.comment(&fate))?;
        }
        report.packet(&record, &fate, &names)?;
    };
    copy.map(Copy::finish).transpose()?;
    report.finish(&sum, missing.text())?;
    ended?;
    sum.complain(&name)
}

/// Packets come in by an interface, or go out by one, only at some hooks.
fn check_interfaces(args: &SimulateArgs) -> Result<(), Failure> {
    let wrong = |option: &str, what: &str| {
        let hook = args.hook.name();
        Err(Failure::Option(format!(
            "--{option}: there is no {what} interface at the {hook} hook"
        )))
    };
    match (&args.iif, &args.oif) {
        (Some(_), _) if !has_input(args.hook) => wrong("iif", "incoming"),
        (_, Some(_)) if !has_output(args.hook) => wrong("oif", "outgoing"),
        _ => Ok(()),
    }
}

/// Whether the kernel tells rules the incoming interface there.
fn has_input(hook: Hook) -> bool {
    hook != Hook::LocalOut
}

/// Whether the kernel tells rules the outgoing interface there.
fn has_output(hook: Hook) -> bool {
    !matches!(hook, Hook::PreRouting | Hook::LocalIn)
}

/// Opens a capture; `-` is standard input.
fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let failed = |source| Failure::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    match file.metadata().map_err(failed)?.is_dir() {
        true => Err(Failure::Directory {
            path: path.to_owned(),
        }),
        false => Ok(Box::new(file)),
    }
}

/// What rules look at and nobody said: they may have matched because of it, or not.
struct Missing {
    hook: Hook,
    fields: FieldSet,
    input: bool,
    output: bool,
}

impl Missing {
    fn of(hook: Hook, fields: FieldSet) -> Self {
        Self {
            hook,
            fields,
            input: false,
            output: false,
        }
    }

    /// Takes note of what is missing in a packet's circumstances.
    fn note(&mut self, circumstances: &Circumstances) {
        let asked = |one, other| self.fields.contains(one) || self.fields.contains(other);
        let input = asked(Field::MetaIif, Field::MetaIifname) && has_input(self.hook);
        let output = asked(Field::MetaOif, Field::MetaOifname) && has_output(self.hook);
        self.input |= input && circumstances.input.is_none();
        self.output |= output && circumstances.output.is_none();
    }

    fn text(&self) -> Option<&'static str> {
        match (self.input, self.output) {
            (true, true) => Some("rules ask for the interfaces: give them with --iif and --oif"),
            (true, false) => Some("rules ask for the incoming interface: give it with --iif"),
            (false, true) => Some("rules ask for the outgoing interface: give it with --oif"),
            (false, false) => None,
        }
    }
}

/// The annotated copy of a capture.
struct Copy<'a> {
    path: &'a Path,
    writer: Writer<BufWriter<File>>,
}

impl<'a> Copy<'a> {
    fn create(path: &'a Path, capture: &Path) -> Result<Self, Failure> {
        if is_same_file(path, capture) {
            return Err(Failure::Option(format!(
                "--write: {} is the capture itself; name another file",
                path.display()
            )));
        }
        let file = File::create(path).and_then(|file| Writer::new(BufWriter::new(file)));
        let writer = file.map_err(|source| failure_of(path, source))?;
        Ok(Self { path, writer })
    }

    fn packet(
        &mut self,
        reader: &Reader<'_>,
        record: &Record,
        comment: &str,
    ) -> Result<(), Failure> {
        let written = self.writer.packet(reader.interfaces(), record, comment);
        written.map_err(|source| failure_of(self.path, source))
    }

    fn finish(self) -> Result<(), Failure> {
        let Self { path, writer } = self;
        writer.finish().map_err(|source| failure_of(path, source))
    }
}

/// Whether both names are there and lead to one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|data| (data.dev(), data.ino()));
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

fn failure_of(path: &Path, source: io::Error) -> Failure {
    Failure::File {
        path: path.to_owned(),
        source,
    }
}
