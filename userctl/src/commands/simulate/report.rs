// SPDX-License-Identifier: GPL-2.0
//! What became of each packet: as a row, as an object, as a comment.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use ferrule_engine::{Decider, View};
use ferrule_uapi::hook::Family;
use ferrule_uapi::program::Chain;
use serde_json::{json, Value};
use userctl::host::{Decision, Frame, Judgement};
use userctl::ruleset::{Environment, Ruleset};
use userctl::simulate::capture::Record;
use userctl::simulate::frame::Skip;
use userctl::simulate::headline::{protocol_name, Headline};
use userctl::simulate::ruling::Ruling;

use super::super::tally::{text, texts};
use super::sum::Sum;
use crate::cli::SimulateArgs;
use crate::screen::{Column, Screen};

/// What became of a packet.
pub(super) enum Fate<'a> {
    /// It comes to no hook.
    Skipped(Skip),
    /// It was judged.
    Judged(Frame<'a>, Judgement),
}

/// What the program's rules and chains are called.
pub(super) struct Names<'a> {
    view: View<'a>,
    /// Rules as they are listed, by handle.
    texts: HashMap<u64, String>,
}

/// What decided over a packet, with its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// No base chain is there.
    Nobody,
    /// A chain's policy.
    Policy { chain: String },
    /// A rule.
    Rule {
        chain: String,
        file: String,
        line: u32,
        rule: String,
        handle: u64,
    },
    /// The program did what the verifier rules out.
    Fault,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Nobody => write!(f, "no chain here"),
            By::Policy { chain } => write!(f, "policy of {chain}"),
            By::Rule {
                file, line, rule, ..
            } => write!(f, "{file}:{line}: {rule}"),
            By::Fault => write!(f, "a mistake in the program"),
        }
    }
}

impl By {
    fn json(&self) -> Value {
        match self {
            By::Nobody => Value::Null,
            By::Policy { chain } => json!({ "policy": chain }),
            By::Rule {
                chain,
                file,
                line,
                rule,
                handle,
            } => json!({
                "chain": chain,
                "file": file,
                "line": line,
                "rule": rule,
                "handle": handle,
            }),
            By::Fault => json!({ "fault": true }),
        }
    }
}

impl<'a> Names<'a> {
    pub(super) fn of(view: View<'a>, ruleset: &Ruleset, machine: &dyn Environment) -> Self {
        Self {
            view,
            texts: texts(ruleset, machine),
        }
    }

    /// What decided in the end.
    pub(super) fn decider(&self, judgement: &Judgement) -> By {
        judgement
            .decisive()
            .map_or(By::Nobody, |decision| self.by(decision))
    }

    fn by(&self, decision: &Decision) -> By {
        match decision.decider {
            Decider::Rule(index) => self.rule(index).unwrap_or(By::Fault),
            Decider::Policy => {
                let base = self.view.base_chains().get(decision.base);
                let chain = base.and_then(|base| self.view.chains().get(base.chain as usize));
                chain.map_or(By::Fault, |chain| By::Policy {
                    chain: self.chain(chain),
                })
            }
            Decider::Fault => By::Fault,
        }
    }

    fn rule(&self, index: u32) -> Option<By> {
        let rule = self.view.rules().get(index as usize)?;
        let chain = self.view.chain_of(rule.first_insn)?;
        let chain = self.view.chains().get(chain)?;
        Some(By::Rule {
            chain: self.chain(chain),
            file: text(self.view.file_of(index)),
            line: rule.line,
            rule: self.texts.get(&rule.handle).cloned().unwrap_or_default(),
            handle: rule.handle,
        })
    }

    /// `inet filter forward`.
    fn chain(&self, chain: &Chain) -> String {
        let family = Family::from_raw(chain.family).map_or("?", Family::name);
        let table = text(self.view.string(chain.table));
        format!("{family} {table} {}", text(self.view.string(chain.name)))
    }

    /// What is written beside a packet in an annotated copy.
    pub(super) fn comment(&self, fate: &Fate<'_>) -> String {
        match fate {
            Fate::Skipped(skip) => format!("skipped: {}", skip.text()),
            Fate::Judged(_, judgement) => {
                format!(
                    "{}: {}",
                    Ruling::from(judgement).name(),
                    self.decider(judgement)
                )
            }
        }
    }
}

/// How packets are reported.
enum Form {
    /// As a table, at the end: its rows so far.
    Table(Vec<Vec<String>>),
    /// As objects.
    Json,
    /// Only in the sum.
    Sum,
}

/// Reports packets.
pub(super) struct Report<'a> {
    screen: &'a mut Screen,
    form: Form,
    /// The time of the first packet that has one.
    begin: Option<u64>,
}

const COLUMNS: [Column; 7] = [
    Column::number("N"),
    Column::number("TIME"),
    Column::text("FROM"),
    Column::text("TO"),
    Column::text("PROTO"),
    Column::text("VERDICT"),
    Column::text("BY"),
];

const SUM_COLUMNS: [Column; 3] = [
    Column::number("PACKETS"),
    Column::text("VERDICT"),
    Column::text("BY"),
];

impl<'a> Report<'a> {
    pub(super) fn new(args: &SimulateArgs, screen: &'a mut Screen) -> Self {
        let form = match (&args.write, args.json) {
            (_, true) => Form::Json,
            (Some(_), false) => Form::Sum,
            (None, false) => Form::Table(Vec::new()),
        };
        Self {
            screen,
            form,
            begin: None,
        }
    }

    /// Reports a packet.
    pub(super) fn packet(
        &mut self,
        record: &Record,
        fate: &Fate<'_>,
        names: &Names<'_>,
    ) -> io::Result<()> {
        let begin = *self.begin.get_or_insert(record.time.unwrap_or(0));
        match &mut self.form {
            Form::Table(rows) => rows.push(row(record, fate, names, begin)),
            Form::Json => writeln!(self.screen, "{}", object(record, fate, names))?,
            Form::Sum => {}
        }
        Ok(())
    }

    /// Reports the sum, and for people what to keep in mind.
    pub(super) fn finish(self, sum: &Sum, note: Option<String>) -> io::Result<()> {
        let rows = match self.form {
            Form::Json => return writeln!(self.screen, "{}", sum.json()),
            Form::Table(rows) => rows,
            Form::Sum => Vec::new(),
        };
        if !rows.is_empty() {
            self.screen.table(&COLUMNS, rows)?;
            writeln!(self.screen)?;
        }
        writeln!(self.screen, "{}", sum.line())?;
        let deciders = sum.deciders();
        let row = |(count, verdict, by): &(usize, &str, &str)| {
            vec![count.to_string(), (*verdict).to_owned(), (*by).to_owned()]
        };
        if !deciders.is_empty() {
            let rows = deciders.iter().map(row).collect();
            self.screen.table(&SUM_COLUMNS, rows)?;
        }
        note.map_or(Ok(()), |note| writeln!(self.screen, "\nnote: {note}"))
    }
}

fn row(record: &Record, fate: &Fate<'_>, names: &Names<'_>, begin: u64) -> Vec<String> {
    let seconds = |time: u64| format!("{:.6}", time.saturating_sub(begin) as f64 / 1e9);
    let time = record.time.map_or_else(String::new, seconds);
    let (headline, verdict, by) = match fate {
        Fate::Skipped(skip) => (None, "skipped", skip.text()),
        Fate::Judged(frame, judgement) => (
            Headline::of(frame.packet),
            Ruling::from(judgement).name(),
            names.decider(judgement).to_string(),
        ),
    };
    let (from, to, protocol) = headline.map_or_else(Default::default, |line| {
        let protocol = protocol_name(line.protocol);
        (line.from.to_string(), line.to.to_string(), protocol)
    });
    let number = record.number.to_string();
    vec![number, time, from, to, protocol, verdict.to_owned(), by]
}

fn object(record: &Record, fate: &Fate<'_>, names: &Names<'_>) -> Value {
    let time = record.time.map(|time| {
        let time = UNIX_EPOCH + Duration::from_nanos(time);
        humantime::format_rfc3339_nanos(time).to_string()
    });
    let (frame, judgement) = match fate {
        Fate::Skipped(skip) => {
            let why = skip.text();
            return json!({ "packet": record.number, "time": time, "skipped": why });
        }
        Fate::Judged(frame, judgement) => (frame, judgement),
    };
    let line = Headline::of(frame.packet);
    let line = line.as_ref();
    let decision = |decision: &Decision| json!({ "verdict": decision.verdict.name(), "by": names.by(decision).json() });
    let chains: Vec<_> = judgement.decisions.iter().map(decision).collect();
    json!({
        "packet": record.number,
        "time": time,
        "family": frame.family.name(),
        "length": frame.len,
        "from": line.map(|line| line.from.address.to_string()),
        "sport": line.and_then(|line| line.from.port),
        "to": line.map(|line| line.to.address.to_string()),
        "dport": line.and_then(|line| line.to.port),
        "protocol": line.map(|line| protocol_name(line.protocol)),
        "verdict": Ruling::from(judgement).name(),
        "by": names.decider(judgement).json(),
        "mark": judgement.mark,
        "log": judgement.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
        "rewritten": judgement.packet != frame.packet,
        "chains": chains,
    })
}
