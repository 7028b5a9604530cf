// SPDX-License-Identifier: GPL-2.0
//! States: limits, quotas, `last`, running numbers of rules and objects, and what elements of sets have.
//!
//! The engine knows what two numbers become when a packet comes (`ferrule_engine::state`). Here is where
//! they lie: under a spinlock each, one for all CPUs, as nftables has it. A limit that each CPU had for itself
//! would let through as many times more as there are CPUs.
//!
//! A program's states are an array of shared cells. When a program is replaced, the new one takes over the
//! cells of states that mean the same (identity and parameters), and both ask the same cell until the last
//! packet has left the old one: nothing is lost, and nothing has to be carried over afterwards.

use ferrule_engine::state::{self, Cell};
use ferrule_uapi::{
    ioctl::StateValue,
    statement::{State, StateKind, STATE_BYTES, STATE_INITIAL, STATE_INVERT, STATE_TEMPLATE},
};
use kernel::{
    alloc::Flags,
    new_spinlock,
    prelude::*,
    sync::{Arc, SpinLock},
};

use crate::{abstractions::bottom_half::BottomHalvesOff, clock};

/// For what grows with the program.
fn flags() -> Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// One state.
#[pin_data]
struct Shared {
    state: State,
    #[pin]
    cell: SpinLock<Cell>,
}

impl Shared {
    fn new(state: &State) -> Result<Arc<Self>> {
        let begin = state::begin(state, clock::now());
        let shared = pin_init!(Shared {
            state: *state,
            cell <- new_spinlock!(begin),
        });
        Arc::pin_init(shared, flags())
    }
}

/// Whether a state may go on where `old` was: it says the same of what comes.
fn goes_on(new: &State, old: &State) -> bool {
    const MEANING: u8 = STATE_INVERT | STATE_BYTES;
    let limit = new.kind == StateKind::Limit as u8;
    let bound =
        limit || new.kind == StateKind::Quota as u8 || new.kind == StateKind::Connections as u8;
    new.kind == old.kind
        && new.flags & STATE_INITIAL == 0
        && new.flags & MEANING == old.flags & MEANING
        && (!bound || new.a == old.a)
        && (!limit || (new.b, new.c) == (old.b, old.c))
}

/// The states of a program, in the order of its section. Templates have none.
pub(crate) struct States(KVVec<Option<Arc<Shared>>>);

impl States {
    /// None.
    pub(crate) const fn empty() -> Self {
        States(KVVec::new())
    }

    /// Those of a new program: `records` of which some go on where they were in `old`. Both ascend by
    /// identity.
    pub(crate) fn carry(records: &[State], old: &States) -> Result<Self> {
        let mut shared = KVVec::with_capacity(records.len(), flags())?;
        let mut before = old.0.iter().flatten().peekable();
        for record in records {
            if record.flags & STATE_TEMPLATE != 0 {
                shared.push(None, flags())?;
                continue;
            }
            let identity = record.identity;
            while before
                .next_if(|old| old.state.identity < identity)
                .is_some()
            {}
            let same = before.next_if(|old| old.state.identity == identity);
            let cell = match same {
                Some(old) if goes_on(record, &old.state) => old.clone(),
                _ => Shared::new(record)?,
            };
            shared.push(Some(cell), flags())?;
        }
        Ok(States(shared))
    }

    fn get(&self, index: u32) -> Option<&Shared> {
        self.0.get(index as usize)?.as_deref()
    }

    /// Whether the state lets a packet of `len` bytes on.
    pub(crate) fn ask(&self, index: u32, len: u32, here: &BottomHalvesOff) -> bool {
        let Some(shared) = self.get(index) else {
            return false;
        };
        let _ = here;
        let mut cell = shared.cell.lock();
        // The time is taken under the lock, so that it does not go back between two who hold it.
        let (next, yes) = state::ask(&shared.state, *cell, len, clock::now());
        *cell = next;
        yes
    }

    /// The number whose turn it is.
    pub(crate) fn number(&self, index: u32, modulus: u32, here: &BottomHalvesOff) -> u32 {
        let Some(shared) = self.get(index) else {
            return 0;
        };
        let _ = here;
        let mut cell = shared.cell.lock();
        let (next, number) = state::number(*cell, modulus);
        *cell = next;
        number
    }

    /// The values of all states, for a reader.
    pub(crate) fn read(&self) -> Result<KVVec<StateValue>> {
        let mut values = KVVec::with_capacity(self.0.len(), flags())?;
        for shared in &self.0 {
            let value = shared.as_ref().map_or(StateValue::default(), |shared| {
                let here = BottomHalvesOff::new();
                let value = state::value(&shared.state, *shared.cell.lock(), clock::now());
                drop(here);
                value
            });
            values.push(value, flags())?;
        }
        Ok(values)
    }

    /// Lets quotas, `last` and counters begin anew.
    pub(crate) fn reset(&self) {
        for shared in self.0.iter().flatten() {
            let _ = shared.reset();
        }
    }

    /// Lets one of them begin anew, and returns what it was.
    pub(crate) fn reset_one(&self, identity: u64) -> Option<StateValue> {
        let mut all = self.0.iter().flatten();
        let shared = all.find(|shared| shared.state.identity == identity)?;
        Some(shared.reset())
    }
}

impl Shared {
    fn reset(&self) -> StateValue {
        let _here = BottomHalvesOff::new();
        let mut cell = self.cell.lock();
        let value = state::value(&self.state, *cell, clock::now());
        *cell = state::reset(&self.state, *cell);
        value
    }
}

/// What each new element of a set has.
pub(crate) struct Templates(KVec<State>);

impl Templates {
    /// `count` of `records`, from `first` on.
    pub(crate) fn new(records: &[State], first: u32, count: u32) -> Result<Arc<Self>> {
        let mut templates = KVec::new();
        let records = records.get(first as usize..).unwrap_or_default();
        let records = records.get(..count as usize).ok_or(EINVAL)?;
        templates.extend_from_slice(records, GFP_KERNEL_ACCOUNT)?;
        Ok(Arc::new(Templates(templates), GFP_KERNEL_ACCOUNT)?)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an element with `other` is one with these.
    pub(crate) fn same(&self, other: &[State]) -> bool {
        let kinds = self.0.iter().map(|state| state.kind);
        kinds.eq(other.iter().map(|state| state.kind))
    }
}

/// The states of an element.
#[pin_data]
pub(crate) struct Cells {
    templates: Arc<Templates>,
    #[pin]
    cells: SpinLock<KVec<Cell>>,
}

impl Cells {
    /// Those of a new element. `value` has what it brings along.
    pub(crate) fn new(
        templates: Arc<Templates>,
        value: impl Fn(u32) -> Option<StateValue>,
        flags: Flags,
    ) -> Result<Arc<Self>> {
        let now = clock::now();
        let mut cells = KVec::with_capacity(templates.0.len(), flags)?;
        for (number, template) in (0..).zip(&templates.0) {
            let cell = match value(number) {
                Some(value) => state::restore(template, value, now),
                None => state::begin(template, now),
            };
            cells.push(cell, flags)?;
        }
        Arc::pin_init(
            pin_init!(Cells { templates, cells <- new_spinlock!(cells) }),
            flags,
        )
    }

    /// Whether they are made of `templates`.
    pub(crate) fn is_of(&self, templates: &Arc<Templates>) -> bool {
        Arc::ptr_eq(&self.templates, templates)
    }

    /// Whether all let a packet of `len` bytes on; those behind one that does not are not asked.
    pub(crate) fn ask(&self, len: u32, here: &BottomHalvesOff) -> bool {
        let _ = here;
        let mut cells = self.cells.lock();
        let now = clock::now();
        for (cell, template) in cells.iter_mut().zip(&self.templates.0) {
            let (next, yes) = state::ask(template, *cell, len, now);
            *cell = next;
            if !yes {
                return false;
            }
        }
        true
    }

    /// Their values, one after another. If `reset`, they begin anew with that.
    pub(crate) fn each(&self, reset: bool, mut show: impl FnMut(StateValue)) {
        let _here = BottomHalvesOff::new();
        let mut cells = self.cells.lock();
        let now = clock::now();
        for (cell, template) in cells.iter_mut().zip(&self.templates.0) {
            show(state::value(template, *cell, now));
            if reset {
                *cell = state::reset(template, *cell);
            }
        }
    }

    /// Lets them begin anew.
    pub(crate) fn reset(&self) {
        self.each(true, |_| ());
    }

    /// Lets them begin from the beginning, as in a new element.
    pub(crate) fn begin(&self, here: &BottomHalvesOff) {
        let _ = here;
        let mut cells = self.cells.lock();
        let now = clock::now();
        for (cell, template) in cells.iter_mut().zip(&self.templates.0) {
            *cell = state::begin(template, now);
        }
    }
}
