// SPDX-License-Identifier: GPL-2.0
//! A kernel for tests: keeps generations and counters as the module does, and runs the engine's
//! verifier on what it is given.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use ferrule_uapi::hook::{Family, Hook};
use ferrule_uapi::ioctl::{CounterValue, HookValue, Info, StateValue};
use userctl::device::{
    Error, Expected, Kernel, LoadMode, ModuleRefusal, Reset, Stamped, Value, Which,
};
use userctl::image::Image;

/// What the module would hold for a namespace.
#[derive(Debug)]
pub(super) struct State {
    pub(super) generation: u64,
    pub(super) program: Vec<u8>,
    /// Values by identity: they outlive the program.
    pub(super) values: HashMap<u64, CounterValue>,
    pub(super) hooks: Vec<HookValue>,
    /// Programs that another writer publishes, one just before each load.
    pub(super) rivals: VecDeque<Vec<u8>>,
    /// What the next load is refused for.
    pub(super) refusal: Option<ModuleRefusal>,
    /// What was reset.
    pub(super) resets: Vec<Reset>,
    /// Batches that came with a load or alone.
    pub(super) batches: Vec<Vec<u8>>,
    /// Elements of sets, by identity.
    pub(super) elements: HashMap<u64, Vec<u8>>,
    /// Values of the program's states.
    pub(super) states: Vec<StateValue>,
    /// Events to come.
    pub(super) events: VecDeque<Vec<u8>>,
}

/// A handle to the state, as a descriptor is one.
#[derive(Clone, Debug)]
pub(super) struct Fake(Rc<RefCell<State>>);

impl Fake {
    /// The module as it is after loading: generation 1, ten hooks, no ruleset.
    pub(super) fn new() -> Self {
        let hooks = [Family::Ip, Family::Ip6].into_iter().flat_map(|family| {
            Hook::ALL.iter().map(move |&hook| HookValue {
                family: family as u8,
                hook: hook as u8,
                ..HookValue::default()
            })
        });
        Self(Rc::new(RefCell::new(State {
            generation: 1,
            program: Vec::new(),
            values: HashMap::new(),
            hooks: hooks.collect(),
            rivals: VecDeque::new(),
            refusal: None,
            resets: Vec::new(),
            batches: Vec::new(),
            elements: HashMap::new(),
            states: Vec::new(),
            events: VecDeque::new(),
        })))
    }

    /// The state, to look at or to change.
    pub(super) fn state(&self) -> std::cell::RefMut<'_, State> {
        self.0.borrow_mut()
    }
}

impl State {
    fn publish(&mut self, program: Vec<u8>) -> u64 {
        self.program = program;
        self.generation += 1;
        self.generation
    }

    fn expect(&self, expected: Expected) -> Result<(), Error> {
        match expected {
            Expected::Generation(expected) if expected != self.generation => {
                Err(Error::Stale { expected })
            }
            _ => Ok(()),
        }
    }

    /// The identities and first values of the program's counters.
    fn identities(&self) -> Vec<(u64, CounterValue)> {
        if self.program.is_empty() {
            return Vec::new();
        }
        let program = Image::new(&self.program).verify().unwrap();
        let view = program.view();
        (0..)
            .zip(view.counters())
            .map(|(number, counter)| {
                let (packets, bytes) = view.initial_of(number);
                let first = CounterValue { packets, bytes };
                (counter.identity, first)
            })
            .collect()
    }
}

impl Kernel for Fake {
    fn info(&mut self) -> Result<Info, Error> {
        let state = self.state();
        Ok(Info {
            generation: state.generation,
            program_size: state.program.len() as u32,
            counters: state.identities().len() as u32,
            hooks: state.hooks.len() as u32,
            cpus: 2,
            ..Info::default()
        })
    }

    fn load(
        &mut self,
        program: &[u8],
        batch: &[u8],
        expected: Expected,
        mode: LoadMode,
    ) -> Result<u64, Error> {
        let mut state = self.state();
        if let Some(rival) = state.rivals.pop_front() {
            state.publish(rival);
        }
        state.expect(expected)?;
        if let Some(refusal) = state.refusal.take() {
            return Err(Error::Refused(refusal));
        }
        if let Err(refusal) = Image::new(program).verify() {
            return Err(Error::Refused(ModuleRefusal {
                code: refusal.error as u32,
                section: refusal.section,
                index: refusal.index,
                element: None,
            }));
        }
        Ok(match mode {
            LoadMode::DryRun => state.generation,
            LoadMode::Publish => {
                state.batches.push(batch.to_vec());
                state.publish(program.to_vec())
            }
        })
    }

    fn change_sets(
        &mut self,
        batch: &[u8],
        expected: Expected,
        mode: LoadMode,
    ) -> Result<u64, Error> {
        let mut state = self.state();
        state.expect(expected)?;
        if let Some(refusal) = state.refusal.take() {
            return Err(Error::Refused(refusal));
        }
        if mode == LoadMode::Publish {
            state.batches.push(batch.to_vec());
        }
        Ok(state.generation)
    }

    fn elements(
        &mut self,
        set: u64,
        _which: Which<'_>,
        _reset: bool,
        expected: Expected,
    ) -> Result<Stamped<Vec<u8>>, Error> {
        let state = self.state();
        state.expect(expected)?;
        let value = state.elements.get(&set).cloned().ok_or(Error::Gone)?;
        Ok(Stamped {
            generation: state.generation,
            value,
        })
    }

    fn states(&mut self, expected: Expected) -> Result<Stamped<Vec<StateValue>>, Error> {
        let state = self.state();
        state.expect(expected)?;
        Ok(Stamped {
            generation: state.generation,
            value: state.states.clone(),
        })
    }

    fn reset_value(
        &mut self,
        _which: Value,
        identity: u64,
        expected: Expected,
    ) -> Result<StateValue, Error> {
        let mut state = self.state();
        state.expect(expected)?;
        let value = state.values.insert(identity, CounterValue::default());
        let value = value.ok_or(Error::Gone)?;
        Ok(StateValue {
            a: value.packets,
            b: value.bytes,
        })
    }

    fn subscribe(&mut self, _events: u32, _capacity: u32, _snaplen: u32) -> Result<(), Error> {
        Ok(())
    }

    fn events(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut state = self.state();
        let Some(event) = state.events.pop_front() else {
            return Ok(0);
        };
        let Some(start) = buffer.get_mut(..event.len()) else {
            return Ok(0);
        };
        start.copy_from_slice(&event);
        Ok(event.len())
    }

    fn flush(&mut self, expected: Expected) -> Result<u64, Error> {
        let mut state = self.state();
        state.expect(expected)?;
        Ok(state.publish(Vec::new()))
    }

    fn reset(&mut self, what: Reset, expected: Expected) -> Result<u64, Error> {
        let mut state = self.state();
        state.expect(expected)?;
        state.resets.push(what);
        Ok(state.generation)
    }

    fn program(&mut self) -> Result<Stamped<Vec<u8>>, Error> {
        let state = self.state();
        Ok(Stamped {
            generation: state.generation,
            value: state.program.clone(),
        })
    }

    fn counters(&mut self, expected: Expected) -> Result<Stamped<Vec<CounterValue>>, Error> {
        let state = self.state();
        state.expect(expected)?;
        let values = state.identities().into_iter();
        let values = values.map(|(identity, first)| {
            let value = state.values.get(&identity);
            value.copied().unwrap_or(first)
        });
        Ok(Stamped {
            generation: state.generation,
            value: values.collect(),
        })
    }

    fn hooks(&mut self) -> Result<Stamped<Vec<HookValue>>, Error> {
        let state = self.state();
        Ok(Stamped {
            generation: state.generation,
            value: state.hooks.clone(),
        })
    }
}
