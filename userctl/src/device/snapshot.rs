// SPDX-License-Identifier: GPL-2.0
//! The published program together with its counters, of one generation.

use ferrule_uapi::ioctl::CounterValue;

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
}

/// Reads the published program and its counters.
pub fn snapshot(kernel: &mut dyn Kernel) -> Result<Snapshot, Error> {
    for _ in 0..ATTEMPTS {
        let program = kernel.program()?;
        match kernel.counters(Expected::Generation(program.generation)) {
            Ok(counters) => {
                return Ok(Snapshot {
                    generation: program.generation,
                    program: program.value,
                    counters: counters.value,
                })
            }
            Err(Error::Stale { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Unsteady)
}
