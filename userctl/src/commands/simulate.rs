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

use ferrule_engine::{FieldSet, View};
use ferrule_uapi::expr::{Expr, ExprKind};
use ferrule_uapi::field::Field;
use ferrule_uapi::hook::Hook;
use userctl::host::{Context, Host};
use userctl::ruleset::Ruleset;
use userctl::simulate::annotate::Writer;
use userctl::simulate::capture::{Reader, Record};
use userctl::simulate::frame;
use userctl::simulate::interfaces::Simulated;

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
    let (program, batch) = rules.compile(&ruleset)?;
    let names = Names::of(program.view(), &ruleset, &machine);
    let nic = |name: &String| machine.nic(name);
    let mut common = Context::between(args.iif.as_ref().map(nic), args.oif.as_ref().map(nic));
    common.mark = args.mark;
    if let Some(connection) = &args.ct {
        connection.tell(&mut common);
    }
    let view = program.view();

    let name = args.capture.display().to_string();
    let failed = |error| Failure::Capture {
        name: name.clone(),
        error,
    };
    let mut reader = Reader::new(open(&args.capture)?).map_err(failed)?;
    let mut next = reader.next_record();
    // The rules are loaded when the capture begins: from then on elements and limits run.
    let begin = next.as_ref().ok().and_then(|record| record.as_ref()?.time);
    let mut host = Host::at(view, program.fields(), &batch, begin.unwrap_or(0));
    let host = host.as_mut().map_err(|refusal| {
        Failure::Refused(format!("the sets do not take their elements: {refusal:?}"))
    })?;
    let mut copy = match args.write.as_deref() {
        Some(path) => Some(Copy::create(path, &args.capture)?),
        None => None,
    };
    let mut report = Report::new(args, screen);
    let mut missing = Missing::of(args, program.fields(), &view);
    let mut sum = Sum::default();
    let ended = loop {
        let record = match next {
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
                let mut context = common.clone();
                context.input = common.input.or(captured_by.map(nic));
                context.time = record.time;
                missing.note(&context);
                Fate::Judged(frame, host.judge(args.hook, &frame, &context))
            }
        };
        sum.add(&fate, &names);
        if let Some(copy) = &mut copy {
            copy.packet(&reader, &record, &names.comment(&fate))?;
        }
        report.packet(&record, &fate, &names)?;
        next = reader.next_record();
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

/// What rules ask for and nobody said: they may have matched because of it, or not.
struct Missing {
    /// Whether rules ask for the incoming interface, and there is one at the hook; the same of the outgoing.
    asked: [bool; 2],
    /// Whether one that is asked for was missing.
    missing: [bool; 2],
    connection: bool,
}

impl Missing {
    fn of(args: &SimulateArgs, fields: FieldSet, view: &View<'_>) -> Self {
        let asked = |one, other| fields.contains(one) || fields.contains(other);
        let input = asked(Field::MetaIif, Field::MetaIifname);
        let output = asked(Field::MetaOif, Field::MetaOifname);
        let of_ct = |expr: &Expr| expr.kind == ExprKind::Ct as u8;
        Self {
            asked: [
                input && has_input(args.hook),
                output && has_output(args.hook),
            ],
            missing: [false; 2],
            connection: args.ct.is_none() && view.exprs().iter().any(of_ct),
        }
    }

    /// Takes note of what is missing in a packet's context.
    fn note(&mut self, context: &Context) {
        let there = [context.input.is_some(), context.output.is_some()];
        for (at, there) in there.into_iter().enumerate() {
            self.missing[at] |= self.asked[at] && !there;
        }
    }

    /// What is missing, and the option that gives it.
    fn text(&self) -> Option<String> {
        let [input, output] = self.missing;
        let options: Vec<_> = [
            (input, "the incoming interface (--iif)"),
            (output, "the outgoing interface (--oif)"),
            (self.connection, "the connection (--ct)"),
        ]
        .into_iter()
        .filter_map(|(missing, option)| missing.then_some(option))
        .collect();
        let list = options.join(", ");
        (!list.is_empty()).then(|| format!("rules ask for what the capture does not say: {list}"))
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
