// SPDX-License-Identifier: GPL-2.0
//! What the module runs, as a program, a ruleset and counters.

use std::collections::HashMap;

use ferrule_engine::Program;
use ferrule_uapi::ioctl::CounterValue;
use userctl::device::{snapshot, Kernel};
use userctl::image::Image;
use userctl::listing::CounterValues;
use userctl::ruleset::{Counts, Ruleset};
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
}

impl Loaded {
    /// Reads it.
    pub(super) fn read(kernel: &mut dyn Kernel) -> Result<Self, Failure> {
        let snapshot = snapshot(kernel)?;
        Ok(Self {
            generation: snapshot.generation,
            program: verified(&snapshot.program)?,
            counters: snapshot.counters,
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
        let counters = program.view().counters.iter();
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
