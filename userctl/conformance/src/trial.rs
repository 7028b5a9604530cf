// SPDX-License-Identifier: GPL-2.0
//! A script's way through userctl: parse, check, compile, verify, list, and list again.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use ferrule_engine::Program;
use userctl::compile::{self, compile};
use userctl::diagnostic::Diagnostics;
use userctl::host::Host;
use userctl::image::Image;
use userctl::lang::{self, Entry};
use userctl::listing;
use userctl::ruleset::{Environment, Ruleset};
use userctl::source::SourceMap;

use crate::machine::Machine;

/// How far a script came.
#[derive(Clone, Debug)]
pub(crate) enum Trial {
    /// All the way.
    Accepted(Listings),
    /// Not into the typed ruleset.
    Refused(Refusal),
    /// It was accepted, and a later stage went wrong: ours is the mistake.
    Broken(String),
}

/// Listings of a script.
#[derive(Clone, Debug)]
pub(crate) struct Listings {
    /// As users get it.
    pub(crate) plain: String,
    /// In each of the forms that nft's may be compared with.
    pub(crate) forms: Vec<String>,
}

/// Why a script is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The first message that does not say that something is not supported; else the first one.
    pub(crate) message: String,
    /// Whether every message says that something is not supported.
    pub(crate) unsupported: bool,
    /// Lines that the messages point at, from 1; `None` for one that points nowhere.
    pub(crate) lines: Vec<Option<u32>>,
}

impl Trial {
    /// Why it did not come all the way.
    pub(crate) fn reason(&self) -> String {
        match self {
            Trial::Accepted(_) => "accepted".to_owned(),
            Trial::Refused(refusal) => format!("refused: {}", refusal.message),
            Trial::Broken(why) => why.clone(),
        }
    }
}

/// A program that came of a script.
pub(crate) struct Compiled {
    /// It.
    pub(crate) program: Program<Image>,
    /// What is in its sets at first.
    pub(crate) batch: Vec<u8>,
}

/// Compiles the script for a machine.
///
/// # Errors
///
/// How far it came instead.
pub(crate) fn compiled(text: &str, machine: &dyn Environment) -> Result<Compiled, Trial> {
    let made = quietly(|| {
        let ruleset = check(text, machine).map_err(Trial::Refused)?;
        program(&ruleset).map_err(Trial::Broken)
    });
    match made {
        Ok(made) => made,
        Err(panic) => Err(Trial::Broken(format!("userctl panics: {panic}"))),
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Tries the script.
pub(crate) fn run(text: &str) -> Trial {
    match quietly(|| stages(text)) {
        Ok(trial) => trial,
        Err(panic) => Trial::Broken(format!("userctl panics: {panic}")),
    }
}

fn stages(text: &str) -> Trial {
    let ruleset = match check(text, &Machine) {
        Ok(ruleset) => ruleset,
        Err(refusal) => return Trial::Refused(refusal),
    };
    match later_stages(&ruleset) {
        Ok(listings) => Trial::Accepted(listings),
        Err(what) => Trial::Broken(what),
    }
}

/// Parses and checks.
fn check(text: &str, machine: &dyn Environment) -> Result<Ruleset, Refusal> {
    let mut sources = SourceMap::new();
    let entry = Entry::Text { name: "rule", text };
    lang::parse(&mut sources, entry)
        .and_then(|script| Ruleset::default().apply(&script, &sources, machine))
        .map_err(|diagnostics| refusal(&diagnostics, &sources))
}

fn refusal(diagnostics: &Diagnostics, sources: &SourceMap) -> Refusal {
    let unsupported = |message: &str| message.contains("supported");
    let messages: Vec<_> = diagnostics.iter().map(|d| d.message.as_str()).collect();
    let plain = messages.iter().find(|message| !unsupported(message));
    let line = |diagnostic: &userctl::diagnostic::Diagnostic| {
        let label = diagnostic.primary.as_ref();
        label.map(|label| sources.line(label.span))
    };
    Refusal {
        message: (*plain.or(messages.first()).unwrap_or(&"")).to_owned(),
        unsupported: plain.is_none(),
        lines: diagnostics.iter().map(line).collect(),
    }
}

/// Compiles and verifies.
fn program(ruleset: &Ruleset) -> Result<Compiled, String> {
    let compiled = compile(ruleset, &compile::Options::default())
        .map_err(|error| format!("it does not compile: {error}"))?;
    let program = Image::new(compiled.bytes())
        .verify()
        .map_err(|refusal| format!("the verifier refuses it: {refusal:?}"))?;
    let batch = compiled.batch().to_vec();
    let view = program.view();
    // A batch has no types to say that it fits: a host takes it as the module would.
    Host::new(view, program.fields(), &batch)
        .map_err(|refusal| format!("its elements are refused: {refusal:?}"))?;
    Ok(Compiled { program, batch })
}

/// Compiles, verifies and lists; what is listed is checked again.
fn later_stages(ruleset: &Ruleset) -> Result<Listings, String> {
    program(ruleset)?;
    let plain = listing::Options {
        environment: Some(&Machine),
        ..listing::Options::default()
    };
    let listed = listing::to_text(ruleset, &plain);
    let again = check(&listed, &Machine)
        .map_err(|why| format!("its listing is refused: {}", why.message))?;
    let relisted = listing::to_text(&again, &plain);
    if relisted != listed {
        let (first, second) = first_difference(&listed, &relisted);
        return Err(format!("its listing `{first}` is listed `{second}`"));
    }
    let forms = [false, true].map(|numeric| listing::Options {
        stateless: true,
        numeric,
        ..plain
    });
    let lists = forms.iter().map(|form| listing::to_text(ruleset, form));
    Ok(Listings {
        plain: listed,
        forms: lists.collect(),
    })
}

fn first_difference<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let mut lines = one.lines().zip(other.lines());
    let (one, other) = lines.find(|(a, b)| a != b).unwrap_or(("", ""));
    (one.trim(), other.trim())
}

/// Runs `work`; its panic is a value, and prints nothing.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence_panics();
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("without a word").to_owned()
    })
}

/// Has panics print nothing in threads that are [`quietly`] at work.
fn silence_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
}
