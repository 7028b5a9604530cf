// SPDX-License-Identifier: GPL-2.0
//! A rule file, from its name to a verified program.
//!
//! The file is read here and not by the parser, so that what is wrong with the file (exit status 2)
//! is told from what is wrong with the rules in it (1).

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ferrule_engine::Program;
use userctl::compat;
use userctl::compile::{self, compile};
use userctl::diagnostic::{Diagnostic, Diagnostics, Label};
use userctl::image::Image;
use userctl::interfaces::Interfaces;
use userctl::json;
use userctl::lang::{self, Script};
use userctl::request::{self, Request};
use userctl::ruleset::set::Element;
use userctl::ruleset::{Environment, Ruleset};
use userctl::source::{SourceMap, Span};

use super::blame;
use super::progress::{self, Step};
use crate::cli::{Define, SourceArgs};
use crate::failure::Failure;

/// Largest file that is read as rules, in bytes: what says "no rules" to `/dev/zero`.
const MAX_FILE_SIZE: u64 = 256 << 20;

/// A rule file, parsed.
pub(super) struct Rules {
    parsed: RefCell<Parsed>,
    options: compile::Options,
    /// Whether it can be parsed again.
    again: bool,
}

/// What came of it.
struct Parsed {
    sources: SourceMap,
    script: Script,
    /// Whether the commands that change something are gone.
    spent: bool,
}

impl Rules {
    /// Reads and parses a file and what it includes.
    pub(super) fn read(path: &Path, args: &SourceArgs) -> Result<Self, Failure> {
        let (name, text) = read_text(path)?;
        progress::step(Step::Parse);
        Self::parse(&name, with_definitions(&args.define, text), args)
    }

    /// As [`Rules::read`]; what looks like JSON is read as libnftables' commands if `json`.
    pub(super) fn read_or_json(
        path: &Path,
        args: &SourceArgs,
        json: bool,
    ) -> Result<Self, Failure> {
        let (name, text) = read_text(path)?;
        progress::step(Step::Parse);
        match json && text.trim_start().starts_with('{') {
            true => Self::parse_json(&name, &text),
            false => Self::parse(&name, with_definitions(&args.define, text), args),
        }
    }

    /// Executes the file's commands on a ruleset.
    pub(super) fn apply(&self, ruleset: &Ruleset) -> Result<Ruleset, Failure> {
        self.apply_on(ruleset, &Interfaces)
    }

    /// Executes them for another machine than this one.
    pub(super) fn apply_on(
        &self,
        ruleset: &Ruleset,
        machine: &dyn Environment,
    ) -> Result<Ruleset, Failure> {
        self.restore()?;
        let Parsed {
            sources, script, ..
        } = &*self.parsed.borrow();
        ruleset
            .apply(script, sources, machine)
            .map_err(|diagnostics| rules_are_wrong(&diagnostics, sources))
    }

    /// Lets go of what has been executed: of a large file it is as much as all that comes after it.
    pub(super) fn release(&self) {
        if self.again {
            let mut parsed = self.parsed.borrow_mut();
            parsed.script.release(request::changes_something);
            parsed.spent = true;
        }
    }

    /// Undoes [`Rules::release`].
    fn restore(&self) -> Result<(), Failure> {
        let mut parsed = self.parsed.borrow_mut();
        if parsed.spent {
            let (sources, script) = lang::parse_again(&parsed.sources);
            let script = script.map_err(|wrong| rules_are_wrong(&wrong, &sources))?;
            *parsed = Parsed {
                sources,
                script,
                spent: false,
            };
        }
        Ok(())
    }

    /// Commands that were typed, on the command line or at the prompt.
    pub(super) fn typed(name: &str, text: &str, args: &SourceArgs) -> Result<Self, Failure> {
        let text = with_definitions(&args.define, text.to_owned());
        Self::parse(name, text, args)
    }

    /// As [`Rules::typed`]; what looks like JSON is read as libnftables' commands if `json`.
    pub(super) fn typed_or_json(
        name: &str,
        text: &str,
        args: &SourceArgs,
        json: bool,
    ) -> Result<Self, Failure> {
        match json && text.trim_start().starts_with('{') {
            true => Self::parse_json(name, text),
            false => Self::typed(name, text, args),
        }
    }

    fn parse_json(name: &str, text: &str) -> Result<Self, Failure> {
        let mut sources = SourceMap::new();
        match json::parse(&mut sources, name, text) {
            Ok(script) => Ok(Self {
                parsed: RefCell::new(Parsed {
                    sources,
                    script,
                    spent: false,
                }),
                options: compile::Options::default(),
                again: false,
            }),
            Err(diagnostics) => Err(rules_are_wrong(&diagnostics, &sources)),
        }
    }

    fn parse(name: &str, text: String, args: &SourceArgs) -> Result<Self, Failure> {
        let mut sources = SourceMap::new();
        for directory in &args.include_path {
            sources.add_include_dir(directory);
        }
        match lang::parse_text(&mut sources, name, text) {
            Ok(script) => Ok(Self {
                parsed: RefCell::new(Parsed {
                    sources,
                    script,
                    spent: false,
                }),
                again: true,
                options: args
                    .without_pass
                    .iter()
                    .fold(compile::Options::default(), |options, pass| {
                        options.without(*pass)
                    }),
            }),
            Err(diagnostics) => Err(rules_are_wrong(&diagnostics, &sources)),
        }
    }

    /// How the rules are compiled.
    pub(super) fn options(&self) -> compile::Options {
        self.options
    }

    /// What the commands ask.
    pub(super) fn requests(&self) -> Vec<Request> {
        request::requests(&self.parsed.borrow().script)
    }

    /// Whether they change anything.
    pub(super) fn changes(&self) -> bool {
        request::changes(&self.parsed.borrow().script)
    }

    /// The elements that command number `command` names.
    pub(super) fn elements(
        &self,
        ruleset: &Ruleset,
        command: usize,
    ) -> Result<Vec<Element>, Failure> {
        let Parsed {
            sources, script, ..
        } = &*self.parsed.borrow();
        ruleset
            .elements_of(script, command, sources, &Interfaces)
            .map_err(|diagnostics| rules_are_wrong(&diagnostics, sources))
    }

    /// What command number `command` describes.
    pub(super) fn describe(&self, command: usize) -> Result<String, Failure> {
        let Parsed {
            sources, script, ..
        } = &*self.parsed.borrow();
        Ruleset::describe(script, command, sources, &Interfaces)
            .map_err(|diagnostics| rules_are_wrong(&diagnostics, sources))
    }

    /// A refusal of something that the commands name.
    pub(super) fn refuse(&self, span: Span, message: String) -> Failure {
        let diagnostic = Diagnostic {
            message,
            primary: Some(Label {
                span,
                text: String::new(),
            }),
            secondary: Vec::new(),
            hint: None,
        };
        rules_are_wrong(&Diagnostics::one(diagnostic), &self.parsed.borrow().sources)
    }

    /// Fails if nft itself would refuse something in the file, which came to this ruleset.
    pub(super) fn check_compatibility(&self, ruleset: &Ruleset) -> Result<(), Failure> {
        self.restore()?;
        let Parsed {
            sources, script, ..
        } = &*self.parsed.borrow();
        match Diagnostics::from_list(compat::refused_by_nft(script, ruleset)) {
            None => Ok(()),
            Some(diagnostics) => Err(rules_are_wrong(&diagnostics, sources)),
        }
    }

    /// Compiles a ruleset that came of this file, and verifies the program as the module will. Gives the
    /// elements that go with it, too.
    pub(super) fn compile(&self, ruleset: &Ruleset) -> Result<(Program<Image>, Vec<u8>), Failure> {
        let compiled = || {
            compile(ruleset, &self.options).map_err(|error| {
                rules_are_wrong(&Diagnostics::from(error), &self.parsed.borrow().sources)
            })
        };
        progress::step(Step::Compile);
        let (image, batch) = compiled()?.into_parts();
        progress::step(Step::Verify);
        match image.verify() {
            Ok(program) => Ok((program, batch)),
            Err(refusal) => {
                // The verifier took the bytes, but they are made in the same way again.
                let rule = blame::describe(compiled()?.bytes(), refusal.section, refusal.index);
                let reason = refusal.error.message();
                let message = blame::message("the verifier refused", reason, rule);
                Err(Failure::Refused(message))
            }
        }
    }
}

/// The messages of a stage, ready to print.
pub(super) fn rules_are_wrong(diagnostics: &Diagnostics, sources: &SourceMap) -> Failure {
    Failure::Rules {
        plain: diagnostics.render(sources, false),
        coloured: diagnostics.render(sources, true),
    }
}

/// Reads a file, or standard input for `-`. Gives what to call it, and its text.
pub(super) fn read_text(path: &Path) -> Result<(String, String), Failure> {
    if path == Path::new("-") {
        let name = "<stdin>".to_owned();
        let text = read_all(path, &name, 0, &mut io::stdin().lock())?;
        return Ok((name, text));
    }
    let failed = |source| Failure::File {
        path: path.to_owned(),
        source,
    };
    let name = path.display().to_string();
    let mut file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        let path = path.to_owned();
        return Err(Failure::Directory { path });
    }
    let size = file.metadata().map_err(failed)?.len();
    let text = read_all(path, &name, size, &mut file)?;
    Ok((name, text))
}

/// Reads everything, if it is a text of a sensible size. `size` is what it probably has.
fn read_all(path: &Path, name: &str, size: u64, from: &mut dyn Read) -> Result<String, Failure> {
    let no_ruleset = |reason| Failure::NoRuleset {
        name: name.to_owned(),
        reason,
    };
    let mut bytes = Vec::with_capacity(size.min(MAX_FILE_SIZE) as usize + 1);
    let size = from.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes);
    if size.map_err(|source| Failure::File {
        path: path.to_owned(),
        source,
    })? as u64
        > MAX_FILE_SIZE
    {
        return Err(no_ruleset("no ruleset: larger than 256 MiB"));
    }
    if bytes.contains(&0) {
        return Err(no_ruleset("no ruleset: a binary file"));
    }
    String::from_utf8(bytes).map_err(|_| no_ruleset("no ruleset: not a text in UTF-8"))
}

/// The text behind the definitions of the command line, which share its first line: the lines keep
/// their numbers.
fn with_definitions(definitions: &[Define], text: String) -> String {
    if definitions.is_empty() {
        return text;
    }
    let mut all = String::new();
    for Define { name, value } in definitions {
        all.push_str(&format!("define {name} = {value}; "));
    }
    all + &text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_do_not_move_lines() {
        let define = Define {
            name: "a".into(),
            value: "1".into(),
        };
        let text = with_definitions(&[define.clone(), define], "first\nsecond\n".into());
        assert_eq!(text, "define a = 1; define a = 1; first\nsecond\n");
    }

    #[test]
    fn what_is_no_text_is_refused_by_what_it_is() {
        for (bytes, reason) in [
            (&b"\x7fELF\0\0"[..], "x: no ruleset: a binary file"),
            (b"table \xff {}\n", "x: no ruleset: not a text in UTF-8"),
        ] {
            let failure = read_all(Path::new("x"), "x", 0, &mut &*bytes).unwrap_err();
            assert_eq!(failure.to_string(), reason);
            assert_eq!(failure.status(), 1);
        }
    }
}
