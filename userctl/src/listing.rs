// SPDX-License-Identifier: GPL-2.0
//! The ruleset as text, as nft lists it.
//!
//! ```text
//! table ─► objects, sets (elements) ─► chains ─► rules ─► arrange ─► statement ─► matches ─► expr ─► value
//! ```
//!
//! What is listed can be read again and gives the same ruleset; listing that gives the same text.
//! With [`Options::handles`] and numbers for interfaces, it is what a program keeps as its source.

mod arrange;
mod expr;
mod matches;
mod object;
mod set;
mod statement;
mod unit;
mod value;

use std::collections::HashMap;
use std::fmt::Write;
use std::net::IpAddr;

use ferrule_uapi::hook::{Family, Verdict as Policy};
use ferrule_uapi::ioctl::StateValue;

pub use unit::{bytes_text, time_text};

use crate::contents::Contents;
use crate::ruleset::set::{Element, Part};
use crate::ruleset::{
    Base, Chain, Counts, Environment, Object, Rule, Ruleset, Set, Statement, Table, PRIORITIES,
};

/// Values of counters by identity (see [`crate::compile`]).
pub type CounterValues = HashMap<u64, Counts>;

/// Values of quotas, limits and `last` by identity.
pub type StateValues = HashMap<u64, StateValue>;

/// What to print.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// `# handle N` behind everything that has one (nft's `-a`).
    pub handles: bool,
    /// Leave out what counters, quotas and timeouts have come to (nft's `-s`).
    pub stateless: bool,
    /// Leave out the elements of named sets (nft's `-t`).
    pub terse: bool,
    /// Numbers instead of the names of priorities, protocols, types (nft's `-n`).
    pub numeric: bool,
    /// Numbers instead of the names of hook priorities (nft's `-y`).
    pub numeric_priority: bool,
    /// Names of services instead of ports (nft's `-S`).
    pub services: bool,
    /// Gives addresses the names of their hosts (nft's `-N`); addresses that it has none for stay.
    pub hosts: Option<&'a dyn Fn(IpAddr) -> Option<String>>,
    /// Times of the day and of the calendar as numbers in UTC, which no change of time zone shifts.
    pub utc: bool,
    /// On the way to JSON: there, groups and realms go by name at the ends of ranges, too.
    pub json: bool,
    /// Live values of counters, instead of those that they began with.
    pub counters: Option<&'a CounterValues>,
    /// Live values of quotas and `last`.
    pub states: Option<&'a StateValues>,
    /// What named sets hold; without it, what the script that was read adds.
    pub contents: Option<&'a Contents>,
    /// Gives interfaces their names in `iif` and `oif`; numbers without it.
    pub environment: Option<&'a dyn Environment>,
}

/// Lists the ruleset.
pub fn to_text(ruleset: &Ruleset, options: &Options<'_>) -> String {
    let mut lister = Lister::new(options);
    for table in ruleset.tables() {
        lister.table(table);
    }
    lister.out
}

/// Lists one rule, without its handle.
pub fn rule_to_text(rule: &Rule, options: &Options<'_>) -> String {
    let mut lister = Lister::new(options);
    lister.rule(rule);
    lister.out
}

/// Lists a key.
pub fn key_to_text(parts: &[Part], key: &[(u128, u128)]) -> String {
    let options = Options::default();
    let mut lister = Lister::new(&options);
    lister.key(parts, key);
    lister.out
}

/// Lists elements, as they stand between the braces of a set.
pub fn elements_to_text(set: &Set, elements: &[Element], options: &Options<'_>) -> String {
    let mut lister = Lister::new(options);
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            lister.out.push_str(", ");
        }
        lister.element((&set.key, &set.data), element);
    }
    lister.out
}

struct Lister<'a> {
    options: &'a Options<'a>,
    /// Family of the table that is listed.
    family: Option<Family>,
    out: String,
}

impl<'a> Lister<'a> {
    fn new(options: &'a Options<'a>) -> Self {
        Lister {
            options,
            family: None,
            out: String::new(),
        }
    }

    /// Appends formatted text. Formatting into a string does not fail.
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
    }

    fn handle(&mut self, handle: u64) {
        if self.options.handles {
            self.put(format_args!(" # handle {handle}"));
        }
        self.out.push('\n');
    }

    fn comment(&mut self, indent: &str, comment: Option<&str>) {
        if let Some(comment) = comment {
            self.put(format_args!("{indent}comment \"{comment}\"\n"));
        }
    }

    fn table(&mut self, table: &Table) {
        self.family = Some(table.family);
        let family = table.family.name();
        self.put(format_args!("table {family} {} {{", table.name));
        self.handle(table.handle);
        self.comment("\t", table.comment.as_deref());
        if table.dormant {
            self.out.push_str("\tflags dormant\n");
        }
        let mut first = true;
        for object in &table.objects {
            self.gap(&mut first);
            self.object(object);
        }
        for set in &table.sets {
            self.gap(&mut first);
            self.set(table, set);
        }
        for chain in &table.chains {
            self.gap(&mut first);
            self.chain(chain);
        }
        self.out.push_str("}\n");
    }

    /// An empty line before everything but the first.
    fn gap(&mut self, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.out.push('\n');
        }
    }

    fn chain(&mut self, chain: &Chain) {
        self.put(format_args!("\tchain {} {{", chain.name));
        self.handle(chain.handle);
        self.comment("\t\t", chain.comment.as_deref());
        if let Some(base) = &chain.base {
            let kind = base.kind.c_name().to_lowercase();
            let hook = base.hook.name();
            self.put(format_args!("\t\ttype {kind} hook {hook} priority "));
            self.priority(base);
            let policy = if base.policy == Policy::Drop {
                "drop"
            } else {
                "accept"
            };
            self.put(format_args!("; policy {policy};\n"));
        }
        for rule in &chain.rules {
            self.out.push_str("\t\t");
            self.rule(rule);
            self.handle(rule.handle);
        }
        self.out.push_str("\t}\n");
    }

    /// A name if there is one within ten, as nft does.
    fn priority(&mut self, base: &Base) {
        let priority = base.priority;
        let near = PRIORITIES.iter().find(|(_, at, hooks)| {
            hooks.is_none_or(|hooks| hooks.contains(&base.hook))
                && (priority.wrapping_sub(*at)).unsigned_abs() <= 10
        });
        let numeric = self.options.numeric || self.options.numeric_priority;
        match near {
            Some((name, at, _)) if !numeric => match priority - at {
                0 => self.put(format_args!("{name}")),
                more @ 1.. => self.put(format_args!("{name} + {more}")),
                less => self.put(format_args!("{name} - {}", -less)),
            },
            _ => self.put(format_args!("{priority}")),
        }
    }

    /// A rule's statements and comment.
    fn rule(&mut self, rule: &Rule) {
        let (mut counters, mut states) = (0, 0);
        let mut between = "";
        for index in arrange::arrange(&rule.statements, self.family) {
            let statement = &rule.statements[index];
            if matches!(statement, Statement::Require(require) if !self.is_listed(require)) {
                continue;
            }
            self.out.push_str(between);
            between = " ";
            match statement {
                Statement::Counter(initial) => {
                    self.counter(rule.counter_identity(counters), *initial);
                    counters += 1;
                }
                Statement::State(spec) => {
                    states += 1;
                    let spec = self.live(rule.handle << 8 | states, spec);
                    self.state(&spec);
                }
                other => {
                    // As the compiler numbers them.
                    states += statement::states_in(other);
                    self.statement(other);
                }
            }
        }
        if let Some(comment) = &rule.comment {
            self.put(format_args!("{between}comment \"{comment}\""));
        }
    }

    fn counter(&mut self, identity: u64, initial: Counts) {
        self.out.push_str("counter");
        if self.options.stateless {
            return;
        }
        let live = self
            .options
            .counters
            .and_then(|values| values.get(&identity));
        let Counts { packets, bytes } = live.copied().unwrap_or(initial);
        self.put(format_args!(" packets {packets} bytes {bytes}"));
    }
}

/// The elements of a set: those that are known to be there, or those that a script adds.
fn elements<'a>(table: &Table, set: &'a Set, options: &Options<'a>) -> Vec<&'a Element> {
    if let Some(contents) = options.contents {
        let key = (table.family, table.name.clone(), set.name.clone());
        return contents
            .get(&key)
            .map_or_else(Vec::new, |list| list.iter().collect());
    }
    set::of_changes(set)
}

/// The identity of an object's counter or state.
fn object_identity(object: &Object) -> u64 {
    crate::compile::identity(object.handle, 0)
}
