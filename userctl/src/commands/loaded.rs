// SPDX-License-Identifier: GPL-2.0
//! What the module runs, as a program, a ruleset, counters and elements.

use std::collections::HashMap;

use ferrule_engine::Program;
use ferrule_uapi::ioctl::{CounterValue, StateValue};
use userctl::contents;
use userctl::device::{snapshot, Expected, Kernel, Which};
use userctl::image::Image;
use userctl::listing::{CounterValues, StateValues};
use userctl::ruleset::set::Element;
use userctl::ruleset::{Counts, Ruleset, Set, Table};
use userctl::source::SourceMap;

use crate::failure::Failure;

/// The ruleset that was loaded at one moment.
pub(super) struct Loaded {
    /// Its generation.
    pub(super) generation: u64,
    /// Its program; `None` if the ruleset is empty.
    pub(super) program: Option<Program<Image>>,
    /// Values of the program's counters, in their order.
    pub(super) counters: Vec<CounterValue>,
    /// Values of the program's states, in their order.
    pub(super) states: Vec<StateValue>,
}

impl Loaded {
    /// Reads it.
    pub(super) fn read(kernel: &mut dyn Kernel) -> Result<Self, Failure> {
        let snapshot = snapshot(kernel)?;
        Ok(Self {
            generation: snapshot.generation,
            program: verified(&snapshot.program)?,
            counters: snapshot.counters,
            states: snapshot.states,
        })
    }

    /// The typed ruleset.
    pub(super) fn ruleset(&self) -> Result<Ruleset, Failure> {
        ruleset(self.program.as_ref())
    }

    /// The counters' values by identity.
    pub(super) fn values(&self) -> CounterValues {
        let Some(program) = &self.program else {
            return HashMap::new();
        };
        let counters = program.view().counters().iter();
        counters
            .zip(&self.counters)
            .map(|(counter, value)| {
                let counts = Counts {
                    packets: value.packets,
                    bytes: value.bytes,
                };
                (counter.identity, counts)
            })
            .collect()
    }

    /// The states' values by identity.
    pub(super) fn state_values(&self) -> StateValues {
        let Some(program) = &self.program else {
            return HashMap::new();
        };
        let states = program.view().states().iter();
        let values = states.zip(&self.states);
        values
            .map(|(state, value)| (state.identity, *value))
            .collect()
    }

    /// The elements of one set.
    pub(super) fn elements(
        &self,
        kernel: &mut dyn Kernel,
        table: &Table,
        set: &Set,
        which: Which<'_>,
        reset: bool,
    ) -> Result<Vec<Element>, Failure> {
        let Some(program) = &self.program else {
            return Ok(Vec::new());
        };
        let identity = userctl::compile::identity(set.handle, 0);
        let expected = Expected::Generation(self.generation);
        let bytes = kernel.elements(identity, which, reset, expected)?;
        contents::decode(table, set, &bytes.value, program.view())
            .map_err(|refusal| Failure::Loaded(refusal.error.message().to_owned()))
    }
}

/// The program in `bytes`; none if they are none.
pub(super) fn verified(bytes: &[u8]) -> Result<Option<Program<Image>>, Failure> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let program = Image::new(bytes).verify();
    program
        .map(Some)
        .map_err(|refusal| Failure::Loaded(refusal.error.message().to_owned()))
}

/// The ruleset that a program was made of; the empty one for none.
pub(super) fn ruleset(program: Option<&Program<Image>>) -> Result<Ruleset, Failure> {
    let Some(program) = program else {
        return Ok(Ruleset::default());
    };
    let mut sources = SourceMap::new();
    Ruleset::from_program(&program.view(), &mut sources).map_err(|diagnostics| {
        let text = diagnostics.render(&sources, false);
        Failure::Loaded(format!(
            "its source section is no ruleset\n{}",
            text.trim_end()
        ))
    })
}
