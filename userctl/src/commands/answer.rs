// SPDX-License-Identifier: GPL-2.0
//! Answers to `list`, `reset`, `get` and `describe`, from what is loaded.

use std::io::Write;

use ferrule_uapi::program::COUNTER_POLICY;
use ferrule_uapi::statement::STATE_TEMPLATE;
use userctl::contents::Contents;
use userctl::device::{Expected, Kernel, Value, Which};
use userctl::interfaces::Interfaces;
use userctl::listing::{self, CounterValues, StateValues};
use userctl::ruleset::{Ask, Counts, Request, Ruleset, Subject, What};
use userctl::{compile, json, request};

use super::loaded::Loaded;
use crate::cli::ShowArgs;
use crate::failure::Failure;
use crate::screen::Screen;

/// What is loaded, with all values that an answer shows.
struct Answer {
    loaded: Loaded,
    /// What of it is asked about.
    part: Ruleset,
    counters: CounterValues,
    states: StateValues,
    contents: Contents,
}

/// Answers a request.
pub(super) fn answer(
    request: &Request,
    mut show: ShowArgs,
    kernel: &mut dyn Kernel,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if let Subject::Text(text) = &request.subject {
        write!(screen, "{text}")?;
        return Ok(());
    }
    let loaded = Loaded::read(kernel)?;
    let ruleset = loaded.ruleset()?;
    let mut answer = Answer {
        counters: loaded.values(),
        states: loaded.state_values(),
        contents: Contents::new(),
        part: request::part(&ruleset, &request.subject),
        loaded,
    };
    if let Subject::All(What::Sets | What::Maps | What::Meters, ..) = request.subject {
        show.terse = true;
    }
    answer.fill(request, &show, kernel)?;
    if request.ask == Ask::Reset {
        answer.reset(kernel)?;
    }
    answer.print(request, &show, screen)
}

impl Answer {
    /// Reads the elements that the answer shows.
    fn fill(
        &mut self,
        request: &Request,
        show: &ShowArgs,
        kernel: &mut dyn Kernel,
    ) -> Result<(), Failure> {
        let reset = request.ask == Ask::Reset;
        if show.terse && !reset {
            return Ok(());
        }
        for table in self.part.tables() {
            for set in &table.sets {
                let elements = match &request.subject {
                    Subject::Elements(_, _, named) => {
                        let mut found = Vec::new();
                        for element in named {
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
        let counters = view.counters.iter();
        let counters = counters.filter(|counter| counter.flags & COUNTER_POLICY == 0);
        for counter in counters.filter(|counter| is_wanted(counter.identity)) {
            let was = kernel.reset_value(Value::Counter, counter.identity, expected)?;
            let counts = Counts {
                packets: was.a,
                bytes: was.b,
            };
            self.counters.insert(counter.identity, counts);
        }
        let states = view.states.iter();
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
        } else if let Subject::All(What::Tables, ..) = request.subject {
            for table in self.part.tables() {
                writeln!(screen, "table {} {}", table.family.name(), table.name)?;
            }
        } else {
            write!(screen, "{}", listing::to_text(&self.part, &options))?;
        }
        Ok(())
    }
}
