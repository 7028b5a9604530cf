// SPDX-License-Identifier: GPL-2.0
//! The published program together with its counters and states, of one generation.

use ferrule_uapi::ioctl::{CounterValue, StateValue};

use super::{Error, Expected, Kernel};

/// How often a program is read again because it was replaced before its counters were read.
const ATTEMPTS: usize = 8;

/// A ruleset as it was at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its generation.
    pub generation: u64,
    /// The program; empty if the ruleset is.
    pub program: Vec<u8>,
    /// Values of the program's counters, in the order of its counters section.
    pub counters: Vec<CounterValue>,
    /// Values of the program's states, in the order of its states section.
    pub states: Vec<StateValue>,
}

/// Reads the published program, its counters and its states.
pub fn snapshot(kernel: &mut dyn Kernel) -> Result<Snapshot, Error> {
    for _ in 0..ATTEMPTS {
        let program = kernel.program()?;
        let expected = Expected::Generation(program.generation);
        let values = kernel
            .counters(expected)
            .and_then(|counters| Ok((counters.value, kernel.states(expected)?.value)));
        match values {
            Ok((counters, states)) => {
                return Ok(Snapshot {
                    generation: program.generation,
                    program: program.value,
                    counters,
                    states,
                })
            }
            Err(Error::Stale { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unsteady)
}
