// SPDX-License-Identifier: GPL-2.0
//! A rule's words, sorted by whom they belong to: the core, a match, or the target.
//!
//! What options there are is a table ([`Opt`]) in each extension, so this file knows none by name
//! but the core's. As iptables does: an option belongs to the extension that was named last and has
//! it; it may be shortened as long as that is unambiguous; and `-p tcp` brings the match `tcp` along
//! when one of its options is used.

use super::extension::{Extension, Kind};
use super::family::Family;
use super::protocol::{self, Protocol};
use super::refusal::{Refusal, Result};
use super::save::{pair, Counted};
use super::words::Word;
use crate::source::Span;

/// An option of an extension.
#[derive(Debug)]
pub(super) struct Opt {
    /// Its name, without the dashes.
    pub(super) name: &'static str,
    /// Other names for it.
    also: &'static [&'static str],
    /// How many words follow it.
    values: usize,
    /// Whether `!` may stand before it.
    negatable: bool,
    /// Whether the extension is of no use without it.
    required: bool,
    /// Of the options of one group (not 0) only one may be given.
    group: u8,
    /// Whether it may be given more than once.
    repeatable: bool,
}

impl Opt {
    /// An option without value.
    pub(super) const fn flag(name: &'static str) -> Self {
        Self {
            name,
            also: &[],
            values: 0,
            negatable: false,
            required: false,
            group: 0,
            repeatable: false,
        }
    }

    /// An option with a value.
    pub(super) const fn value(name: &'static str) -> Self {
        Self {
            values: 1,
            ..Self::flag(name)
        }
    }

    /// An option with two.
    pub(super) const fn pair(name: &'static str) -> Self {
        Self {
            values: 2,
            ..Self::flag(name)
        }
    }

    /// It has other names.
    pub(super) const fn also(mut self, names: &'static [&'static str]) -> Self {
        self.also = names;
        self
    }

    /// `!` may stand before it.
    pub(super) const fn not(mut self) -> Self {
        self.negatable = true;
        self
    }

    /// The extension needs it.
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// It excludes the others of the same group; if one of them is required, any will do.
    pub(super) const fn group(mut self, group: u8) -> Self {
        self.group = group;
        self
    }

    /// It may be given more than once.
    pub(super) const fn many(mut self) -> Self {
        self.repeatable = true;
        self
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        std::iter::once(self.name).chain(self.also.iter().copied())
    }
}

/// An option as it was given.
#[derive(Debug)]
pub(super) struct Given {
    /// Which.
    pub(super) option: &'static Opt,
    /// Whether `!` stood before it.
    pub(super) negated: bool,
    /// What followed it.
    pub(super) values: Vec<Word>,
    /// The option and its values.
    pub(super) span: Span,
}

impl Given {
    /// Its value. An option that has none says its own name.
    pub(super) fn word(&self) -> Word {
        self.values.first().cloned().unwrap_or_else(|| Word {
            text: self.option.name.to_owned(),
            span: self.span,
        })
    }

    /// The value's text.
    pub(super) fn text(&self) -> &str {
        self.values
            .first()
            .map_or(self.option.name, |word| word.text.as_str())
    }
}

/// A match or a target, with its options.
#[derive(Debug)]
pub(super) struct Use {
    /// Which.
    pub(super) extension: &'static Extension,
    /// `-m NAME` or `-j NAME`.
    pub(super) span: Span,
    /// The options, in order.
    pub(super) given: Vec<Given>,
}

impl Use {
    /// The option, if it was given.
    pub(super) fn get(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.option.name == name)
    }

    /// Whether it was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Checks what the option table demands.
    fn check(&self) -> Result<()> {
        let options = self.extension.options;
        let met = |option: &Opt| {
            self.given.iter().any(|given| {
                given.option.name == option.name
                    || (option.group != 0 && given.option.group == option.group)
            })
        };
        for option in options.iter().filter(|option| option.required) {
            if !met(option) {
                let others = options
                    .iter()
                    .filter(|other| other.group == option.group && option.group != 0);
                let mut names: Vec<_> = others.map(|other| format!("--{}", other.name)).collect();
                if names.is_empty() {
                    names.push(format!("--{}", option.name));
                }
                let message = format!("`{}` needs {}", self.extension.name, names.join(" or "));
                return Err(Refusal::new(self.span, message));
            }
        }
        Ok(())
    }

    fn add(&mut self, given: Given) -> Result<()> {
        let clash = self.given.iter().find(|earlier| {
            (earlier.option.name == given.option.name && !given.option.repeatable)
                || (given.option.group != 0 && earlier.option.group == given.option.group)
        });
        if let Some(earlier) = clash {
            let message = match earlier.option.name == given.option.name {
                true => format!("--{} is given twice", given.option.name),
                false => format!(
                    "--{} and --{} exclude each other",
                    earlier.option.name, given.option.name
                ),
            };
            return Err(Refusal::new(given.span, message));
        }
        self.given.push(given);
        Ok(())
    }
}

/// Where a rule sends packets.
#[derive(Debug)]
pub(super) enum Target {
    /// Nowhere: it only counts.
    None,
    /// `-j CHAIN`.
    Jump(Word),
    /// `-g CHAIN`.
    Goto(Word),
    /// `-j TARGET`.
    Extension(Use),
}

/// A rule, its words sorted.
#[derive(Debug)]
pub(super) struct Arguments {
    /// The options of the core, in order.
    pub(super) core: Use,
    /// What `-p` says.
    pub(super) protocol: Option<Protocol>,
    /// The matches, in order.
    pub(super) matches: Vec<Use>,
    /// The target.
    pub(super) target: Target,
    /// What `-c` says.
    pub(super) counted: Option<Counted>,
}

/// The core's options.
static CORE: Extension = Extension::new(
    "iptables",
    &[
        Opt::value("source").also(&["src", "s"]).not(),
        Opt::value("destination").also(&["dst", "d"]).not(),
        Opt::value("in-interface").also(&["i"]).not(),
        Opt::value("out-interface").also(&["o"]).not(),
        Opt::value("protocol").also(&["proto", "p"]).not(),
        Opt::flag("fragment").also(&["f"]).not(),
        Opt::value("jump").also(&["j"]).group(1),
        Opt::value("goto").also(&["g"]).group(1),
        Opt::value("match").also(&["m"]),
        Opt::value("set-counters").also(&["c"]),
        Opt::flag("ipv4").also(&["4"]),
        Opt::flag("ipv6").also(&["6"]),
    ],
    |_, _| Ok(()),
);

/// Sorts the words of a rule. `is_chain` tells a user's chain from a target.
pub(super) fn sort(
    words: &[Word],
    span: Span,
    family: Family,
    is_chain: &dyn Fn(&str) -> bool,
) -> Result<Arguments> {
    let mut sorter = Sorter {
        words,
        next: 0,
        family,
        is_chain,
        arguments: Arguments {
            core: Use {
                extension: &CORE,
                span,
                given: Vec::new(),
            },
            protocol: None,
            matches: Vec::new(),
            target: Target::None,
            counted: None,
        },
    };
    sorter.run()?;
    let arguments = sorter.arguments;
    for matching in &arguments.matches {
        matching.check()?;
    }
    if let Target::Extension(target) = &arguments.target {
        target.check()?;
    }
    Ok(arguments)
}

struct Sorter<'a> {
    words: &'a [Word],
    next: usize,
    family: Family,
    is_chain: &'a dyn Fn(&str) -> bool,
    arguments: Arguments,
}

/// Whose an option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Target,
    Match(usize),
    Core,
}

impl Sorter<'_> {
    fn run(&mut self) -> Result<()> {
        while let Some(word) = self.take() {
            let negated = word.text == "!";
            let (at, option) = match negated {
                false => (word.span, word),
                true => match self.take() {
                    Some(option) => (word.span, option),
                    None => return Err(Refusal::new(word.span, "nothing follows this `!`")),
                },
            };
            self.option(&option, at, negated)?;
        }
        Ok(())
    }

    fn take(&mut self) -> Option<Word> {
        let word = self.words.get(self.next)?.clone();
        self.next += 1;
        Some(word)
    }

    fn option(&mut self, word: &Word, start: Span, negated: bool) -> Result<()> {
        let (name, attached) = match word.text.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            },
            None => match word.text.strip_prefix('-') {
                Some(short) if short.chars().count() == 1 => (short, None),
                _ => {
                    let message = format!("`{}` is no option", word.text);
                    return Err(Refusal::new(word.span, message));
                }
            },
        };
        let (owner, option) = self.find(name, word)?;
        if negated && !option.negatable {
            let message = format!("--{} cannot be negated", option.name);
            return Err(Refusal::new(start.to(word.span), message));
        }
        let mut given = Given {
            option,
            negated,
            values: Vec::new(),
            span: start.to(word.span),
        };
        given.values.extend(attached.map(|text| Word {
            text: text.to_owned(),
            span: word.span,
        }));
        while given.values.len() < option.values {
            let Some(value) = self.take() else {
                let message = format!("--{} needs a value", option.name);
                return Err(Refusal::new(word.span, message));
            };
            given.span = given.span.to(value.span);
            given.values.push(value);
        }
        if given.values.len() > option.values {
            let message = format!("--{} takes no value", option.name);
            return Err(Refusal::new(word.span, message));
        }
        self.give(owner, given)
    }

    fn give(&mut self, owner: Owner, given: Given) -> Result<()> {
        match (owner, &mut self.arguments.target) {
            (Owner::Target, Target::Extension(target)) => return target.add(given),
            (Owner::Match(index), _) => return self.arguments.matches[index].add(given),
            _ => {}
        }
        match given.option.name {
            "match" => self.load(&given.word(), given.span),
            "jump" => self.jump(given),
            "goto" => {
                self.arguments.target = Target::Goto(given.word());
                self.arguments.core.add(given)
            }
            "protocol" => {
                let number = protocol::number(&given.word())?;
                self.arguments.protocol = Protocol::new(number, given.negated, given.span)?;
                self.arguments.core.add(given)
            }
            "set-counters" => self.counters(given),
            _ => self.arguments.core.add(given),
        }
    }

    /// Reads `-c packets,bytes`, or `-c packets bytes`.
    fn counters(&mut self, given: Given) -> Result<()> {
        let mut text = given.text().to_owned();
        if !text.contains(',') {
            let bytes = self.take().map(|word| word.text).unwrap_or_default();
            text = format!("{text},{bytes}");
        }
        let counted = pair(&text, ',');
        self.arguments.counted =
            Some(counted.ok_or_else(|| {
                Refusal::new(given.span, "counters are written `-c packets,bytes`")
            })?);
        self.arguments.core.add(given)
    }

    fn jump(&mut self, given: Given) -> Result<()> {
        let word = given.word();
        self.arguments.target = match (self.is_chain)(&word.text) {
            true => Target::Jump(word),
            false => Target::Extension(Use {
                extension: Extension::find(Kind::Target, &word, self.family)?,
                span: given.span,
                given: Vec::new(),
            }),
        };
        self.arguments.core.add(given)
    }

    fn load(&mut self, name: &Word, span: Span) -> Result<()> {
        self.arguments.matches.push(Use {
            extension: Extension::find(Kind::Match, name, self.family)?,
            span,
            given: Vec::new(),
        });
        Ok(())
    }

    /// Finds the option, in what was named last first.
    fn find(&mut self, name: &str, word: &Word) -> Result<(Owner, &'static Opt)> {
        let short = name.chars().count() == 1;
        if let Some(found) = self.look_up(name, short)? {
            return Ok(found);
        }
        // `-p tcp --dport 22` needs no `-m tcp`.
        if let Some(implied) = self.implied_match(word.span) {
            self.load(&implied, word.span)?;
            if let Some(found) = self.look_up(name, short)? {
                return Ok(found);
            }
            self.arguments.matches.pop();
        }
        let message = format!("no option `{}` here", word.text);
        Err(Refusal::new(word.span, message)
            .hint("an option follows the `-m MATCH` or `-j TARGET` that it belongs to"))
    }

    fn implied_match(&self, span: Span) -> Option<Word> {
        let protocol = self.arguments.protocol.filter(|p| !p.negated)?;
        let name = protocol::implied_match(protocol.number)?;
        let loaded = &self.arguments.matches;
        let text = name.to_owned();
        (!loaded.iter().any(|m| m.extension.name == name)).then_some(Word { text, span })
    }

    fn look_up(&self, name: &str, short: bool) -> Result<Option<(Owner, &'static Opt)>> {
        let mut owners = Vec::new();
        if let Target::Extension(target) = &self.arguments.target {
            owners.push((Owner::Target, target.extension));
        }
        for (index, matching) in self.arguments.matches.iter().enumerate().rev() {
            owners.push((Owner::Match(index), matching.extension));
        }
        owners.push((Owner::Core, &CORE));
        let exact = |(owner, extension): &(Owner, &'static Extension)| {
            let mut options = extension.options.iter();
            let option = options.find(|option| {
                let long = |given: &str| (given.chars().count() == 1) == short && given == name;
                option.names().any(long)
            })?;
            Some((*owner, option))
        };
        if let Some(found) = owners.iter().find_map(exact) {
            return Ok(Some(found));
        }
        let mut starting: Vec<(Owner, &'static Opt)> = Vec::new();
        for (owner, extension) in &owners {
            for option in extension.options {
                let fits = option.names().any(|full| full.starts_with(name));
                let known = starting.iter().any(|(_, other)| other.name == option.name);
                if !short && fits && !known {
                    starting.push((*owner, option));
                }
            }
        }
        Ok(match starting.as_slice() {
            [one] => Some(*one),
            _ => None,
        })
    }
}
