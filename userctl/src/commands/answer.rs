// SPDX-License-Identifier: GPL-2.0
//! Answers to `list`, `reset`, `get` and `describe`, from what is loaded.

use std::io::Write;

use ferrule_uapi::program::COUNTER_POLICY;
use ferrule_uapi::statement::STATE_TEMPLATE;
use userctl::contents::Contents;
use userctl::device::{Expected, Kernel, Value, Which};
use userctl::interfaces::Interfaces;
use userctl::listing::{self, CounterValues, StateValues};
use userctl::request::{self, Action, Class, Request, Subject, TableName};
use userctl::ruleset::{Counts, Ruleset, Table};
use userctl::{compile, json};

use super::loaded::Loaded;
use super::rules::Rules;
use crate::cli::ShowArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// What is loaded, with all values that an answer shows.
struct Answer {
    loaded: Loaded,
    ruleset: Ruleset,
    /// What of it is asked about.
    part: Ruleset,
    counters: CounterValues,
    states: StateValues,
    contents: Contents,
}

/// Answers a request.
pub(super) fn answer(
    request: &Request,
    rules: &Rules,
    mut show: ShowArgs,
    kernel: &mut dyn FnMut() -> Result<Box<dyn Kernel>, Failure>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if request.action == Action::Describe {
        write!(screen, "{}", rules.describe(request.command)?)?;
        return Ok(());
    }
    let kernel = &mut *kernel()?;
    let loaded = Loaded::read(kernel)?;
    let ruleset = loaded.ruleset()?;
    let mut all = Answer {
        counters: loaded.values(),
        states: loaded.state_values(),
        contents: Contents::new(),
        part: request::part(&ruleset, &request.subject),
        loaded,
        ruleset,
    };
    all.ensure(request, rules)?;
    if let Subject::All(Class::Sets | Class::Maps | Class::Meters, ..) = request.subject {
        show.terse = true;
    }
    all.fill(request, rules, &show, kernel)?;
    if request.action == Action::Reset {
        all.reset(kernel)?;
    }
    all.print(request, &show, screen)
}

impl Answer {
    /// The table of this name.
    fn table(&self, name: &TableName) -> Option<&Table> {
        let mut tables = self.ruleset.tables().iter();
        tables.find(|table| table.family == name.family && *table.name == *name.name)
    }

    /// Refuses what is not there.
    fn ensure(&self, request: &Request, rules: &Rules) -> Result<(), Failure> {
        let missing = |what: String| Err(rules.refuse(request.span, format!("there is no {what}")));
        let Some(name) = request::table_of(&request.subject) else {
            return Ok(());
        };
        let path = format!("{} {}", name.family.name(), name.name);
        let Some(table) = self.table(name) else {
            return missing(format!("table `{path}`"));
        };
        match &request.subject {
            Subject::Chain(_, chain)
            | Subject::Rule(_, chain, _)
            | Subject::All(_, _, _, Some(chain))
                if !table.chains.iter().any(|one| one.name == *chain) =>
            {
                missing(format!("chain `{chain}` in table `{path}`"))
            }
            Subject::Set(_, set) | Subject::Elements(_, set)
                if !table.sets.iter().any(|one| one.name == *set) =>
            {
                missing(format!("set `{set}` in table `{path}`"))
            }
            Subject::Object(class, _, object) => {
                let kind = request::object_kind(*class);
                let found = |one: &userctl::ruleset::Object| {
                    one.name == *object && Some(one.spec.kind()) == kind
                };
                match table.objects.iter().any(found) {
                    true => Ok(()),
                    false => missing(format!("such object as `{object}` in table `{path}`")),
                }
            }
            _ => Ok(()),
        }
    }

    /// Reads the elements that the answer shows.
    fn fill(
        &mut self,
        request: &Request,
        rules: &Rules,
        show: &ShowArgs,
        kernel: &mut dyn Kernel,
    ) -> Result<(), Failure> {
        let reset = request.action == Action::Reset;
        if show.terse && !reset {
            return Ok(());
        }
        for table in self.part.tables() {
            for set in &table.sets {
                let elements = match &request.subject {
                    Subject::Elements(..) => {
                        let named = rules.elements(&self.ruleset, request.command)?;
                        let mut found = Vec::new();
                        for element in &named {
                            let key = compile::key_bytes(set, element);
                            let which = Which::Key(&key);
                            found.extend(self.loaded.elements(kernel, table, set, which, reset)?);
                        }
                        found
                    }
                    _ => self
                        .loaded
                        .elements(kernel, table, set, Which::All, reset)?,
                };
                let key = (table.family, table.name.clone(), set.name.clone());
                self.contents.insert(key, elements);
            }
        }
        Ok(())
    }

    /// Begins counters, quotas and `last` anew, and notes what they were.
    fn reset(&mut self, kernel: &mut dyn Kernel) -> Result<(), Failure> {
        let Some(program) = &self.loaded.program else {
            return Ok(());
        };
        let view = program.view();
        let expected = Expected::Generation(self.loaded.generation);
        let handles = request::counted(&self.part);
        let is_wanted = |identity: u64| handles.contains(&(identity >> 8));
        let counters = view.counters().iter();
        let counters = counters.filter(|counter| counter.flags & COUNTER_POLICY == 0);
        for counter in counters.filter(|counter| is_wanted(counter.identity)) {
            let was = kernel.reset_value(Value::Counter, counter.identity, expected)?;
            let counts = Counts {
                packets: was.a,
                bytes: was.b,
            };
            self.counters.insert(counter.identity, counts);
        }
        let states = view.states().iter();
        let states = states.filter(|state| state.flags & STATE_TEMPLATE == 0);
        for state in states.filter(|state| is_wanted(state.identity)) {
            let was = kernel.reset_value(Value::State, state.identity, expected)?;
            self.states.insert(state.identity, was);
        }
        Ok(())
    }

    /// Prints the answer.
    fn print(
        &self,
        request: &Request,
        show: &ShowArgs,
        screen: &mut Screen,
    ) -> Result<(), Failure> {
        let options = listing::Options {
            counters: Some(&self.counters),
            states: Some(&self.states),
            contents: Some(&self.contents),
            environment: Some(&Interfaces),
            ..super::listing_options(show)
        };
        if show.json {
            let json = json::to_json(&self.part, &options).map_err(|_| Failure::Listing)?;
            writeln!(screen, "{json}")?;
        } else if let Subject::All(Class::Tables, ..) = request.subject {
            for table in self.part.tables() {
                writeln!(screen, "table {} {}", table.family.name(), table.name)?;
            }
        } else {
            write!(screen, "{}", listing::to_text(&self.part, &options))?;
        }
        Ok(())
    }
}
