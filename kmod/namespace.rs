// SPDX-License-Identifier: GPL-2.0
//! What a network namespace has: a published ruleset, hook points, and one writer at a time.
//!
//! # Publishing
//!
//! ```text
//!  1 the expected generation?          else ESTALE
//!  2 slots, points, ruleset            may fail: slots are freed again
//!    elements written down              may fail: they are undone
//!    (a dry run ends here)
//!  3 start conntrack, if it needs it     may fail
//!    register further hook functions   may fail: none is registered, slots are freed again
//!  4 exchange the pointer              from here on nothing can fail
//!  5 wait for packets in the old one
//!  6 carry its counters over; what the change removed from sets is collected
//!  7 stop conntrack, unregister hook functions, that only the old one needed
//! ```
//!
//! A packet therefore finds the old ruleset or the new one, whole. One that comes through a further hook
//! function before step 4 finds the old ruleset, which has nothing to say there.
//!
//! A change to elements alone is published in the same way, but by a snapshot of the sets (`sets`) within
//! the ruleset that is there; nobody waits for packets then: what was replaced is kept until they are gone.
//!
//! # Locking
//!
//! `writer` is held by whoever changes or reads anything but packets: it orders generations, and it keeps
//! readers of counters out between steps 4 and 6, when the new ruleset's counters are not yet what they
//! go on from. User memory is never touched under it. Packets take no lock.
//!
//! # Life
//!
//! Made by the kernel for each namespace, and let go when the namespace is, or the module. Descriptors
//! hold both the namespace and this.

mod points;

use ferrule_engine::{Batch, Storage};
use ferrule_uapi::{
    error::VerifyError,
    ioctl::{
        CounterValue, HookValue, Info, StateValue, GENERATION_ANY, RESET_COUNTERS, RESET_HOOKS,
        RESET_STATES,
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
};

use crate::{
    abstractions::{
        net_namespace::{PerNet, PerNetKey},
        netfilter::{HookTable, Tracked},
        rcupdate::{Published, Retired},
    },
    counters::{self, Counted},
    events::{Audience, Subscriber},
    hook::Point,
    ruleset::{saturating, Draft, Events, Loaded, Prepared, Refused, Ruleset, State, UserBytes},
    sets::{Snapshot as SetSnapshot, Stage},
};
use points::Points;

/// The state of a network namespace.
#[pin_data]
pub(crate) struct Namespace {
    hooks: Arc<HookTable<Point>>,
    published: Arc<Published<Ruleset>>,
    audience: Arc<Published<Audience>>,
    #[pin]
    writer: Mutex<Writer>,
}

/// What writers, and readers of counters, have to themselves.
struct Writer {
    /// What is published.
    ruleset: Arc<Ruleset>,
    points: Points,
    /// Conntrack, on for as long as the published ruleset needs it.
    tracked: Option<Tracked<Point>>,
    /// What packets see of its sets.
    sets: Arc<SetSnapshot>,
    /// What they saw before, until they are gone.
    retired: KVec<Retired<SetSnapshot>>,
    /// Who is told of events.
    listeners: Arc<Audience>,
}

/// Most snapshots that wait for packets to go.
const MOST_RETIRED: usize = 256;

impl Writer {
    /// Refuses (`ESTALE`) unless `expected` is the published generation, or any will do.
    fn ensure_generation(&self, expected: u64) -> Result {
        if is_expected(expected, self.ruleset.generation) {
            Ok(())
        } else {
            Err(ESTALE)
        }
    }

    /// The number of the ruleset to come.
    fn next_generation(&self) -> Result<u64> {
        self.ruleset.generation.checked_add(1).ok_or(EOVERFLOW)
    }

    /// State of the published ruleset.
    fn state(&self) -> Option<&State> {
        self.ruleset.loaded.as_ref().map(|loaded| loaded.state())
    }

    /// The epoch of the change to come.
    fn next_epoch(&self) -> Result<u64> {
        self.sets.epoch().checked_add(1).ok_or(EOVERFLOW)
    }

    /// Lets go of snapshots that no packet looks at, and makes room for one more.
    fn reap(&mut self) -> Result {
        // They are in the order in which their grace periods end.
        while self.retired.first().is_some_and(Retired::is_over) {
            let _ = self.retired.remove(0);
        }
        if self.retired.len() >= MOST_RETIRED {
            self.retired.clear();
        }
        Ok(self.retired.reserve(1, GFP_KERNEL_ACCOUNT)?)
    }

    /// Lets the counters of `next` go on from those of the published ruleset, which no packet looks at any
    /// more, and forgets the latter.
    fn succeed(&mut self, next: Arc<Ruleset>) {
        if let (Some(new), Some(old)) = (&next.loaded, &self.ruleset.loaded) {
            counters::carry_over(counted(new), counted(old));
        }
        self.ruleset = next;
    }
}

/// The counters of a program that is loaded.
fn counted(loaded: &Loaded) -> Counted<'_> {
    Counted {
        counters: loaded.counter_records(),
        values: loaded.counters(),
    }
}

/// What is loaded, as a reader of a snapshot sees it: values and the generation that they belong to.
pub(crate) struct Snapshot<T> {
    /// The values.
    pub(crate) values: T,
    /// Their generation.
    pub(crate) generation: u64,
}

impl Namespace {
    /// Publishes `draft`, and with it the elements of `batch`; or, if `dry_run`, only goes so far that it could
    /// be. Returns the generation that is published then.
    ///
    /// # Errors
    ///
    /// A refusal of the batch; `ESTALE`, `ENOMEM`, `ENODEV`, `E2BIG` (too many hook functions). The old ruleset is
    /// then still in force.
    pub(crate) fn load(
        &self,
        draft: Draft,
        batch: Option<&UserBytes>,
        expected: u64,
        dry_run: bool,
    ) -> Result<u64, Refused> {
        let program = draft.program().clone();
        let view = program.view();
        let batch = batch.map(|bytes| Batch::check(bytes.bytes(), view, false));
        let batch = batch.transpose().map_err(Refused::Batch)?;
        self.change(expected, |writer| {
            let entries = writer.points.claim(draft.places(), &self.published)?;
            let prepared = Prepared::new(&view, writer.state())?;
            let tables = prepared.tables(writer.state(), &writer.sets)?;
            let epoch = writer.next_epoch()?;
            let mut stage = Stage::new(prepared.sets.clone(), tables, batch, epoch)?;
            stage.replace_anonymous()?;
            stage.apply()?;
            stage.check_survivors(&view)?;
            let sets = stage.snapshot()?;
            let (generation, points) = (writer.next_generation()?, &writer.points);
            let audience = self.audience.clone();
            let state = prepared.with(
                sets.clone(),
                Events {
                    generation,
                    audience,
                },
            );
            let next = draft.dress(generation, state, |place| points.slot(place))?;
            let next = Arc::new(next, GFP_KERNEL_ACCOUNT)?;
            if !dry_run {
                let tracking = next.loaded.as_ref().and_then(Loaded::tracking);
                let tracked = tracking.map(|tracking| self.hooks.track(tracking.clone()));
                let tracked = tracked.transpose()?;
                self.hooks.register(entries)?;
                self.exchange(writer, next);
                // What the old ruleset needed is let go now that no packet is in it.
                writer.tracked = tracked;
                writer.sets = sets;
                stage.commit(&writer.sets);
                writer.listeners.ruleset(generation);
            }
            Ok(())
        })
    }

    /// Changes elements of the published sets; or, if `dry_run`, only goes so far that it could be done. Returns
    /// the generation.
    ///
    /// # Errors
    ///
    /// A refusal of the batch; `ESTALE`, `ENOMEM`. Nothing is changed then.
    pub(crate) fn change_sets(
        &self,
        bytes: &UserBytes,
        expected: u64,
        dry_run: bool,
    ) -> Result<u64, Refused> {
        self.change(expected, |writer| {
            writer.reap()?;
            let ruleset = writer.ruleset.clone();
            let Some(loaded) = &ruleset.loaded else {
                return Err(Refused::batch(VerifyError::Batch));
            };
            let view = loaded.program().view();
            let batch = Batch::check(bytes.bytes(), view, true).map_err(Refused::Batch)?;
            let (tables, epoch) = (writer.sets.tables()?, writer.next_epoch()?);
            let mut stage = Stage::new(loaded.state().sets().clone(), tables, Some(batch), epoch)?;
            stage.apply()?;
            let sets = stage.snapshot()?;
            if !dry_run {
                let retired = loaded.state().publish(sets.clone());
                if stage.leaves_much() {
                    retired.wait();
                    writer.retired.clear();
                } else {
                    // There is room: else this would only wait.
                    let _ = writer.retired.push_within_capacity(retired);
                }
                writer.sets = sets;
                stage.commit(&writer.sets);
                let generation = writer.ruleset.generation;
                writer.listeners.elements(generation, bytes.bytes());
            }
            Ok(())
        })
    }

    /// Publishes the empty ruleset. Returns its generation.
    pub(crate) fn flush(&self, expected: u64) -> Result<u64, Refused> {
        self.change(expected, |writer| {
            let next = Ruleset::empty(writer.next_generation()?);
            let next = Arc::new(next, GFP_KERNEL_ACCOUNT)?;
            let epoch = writer.next_epoch()?;
            let sets = Arc::new(SetSnapshot::empty(epoch), GFP_KERNEL_ACCOUNT)?;
            self.exchange(writer, next);
            writer.tracked = None;
            writer.sets = sets;
            writer.listeners.ruleset(writer.ruleset.generation);
            Ok(())
        })
    }

    /// Sets to zero what `which` says, by [`RESET_COUNTERS`] and its kin. Returns the generation.
    pub(crate) fn reset(&self, expected: u64, which: u32) -> Result<u64, Refused> {
        self.change(expected, |writer| {
            if which & RESET_COUNTERS != 0 {
                if let Some(loaded) = &writer.ruleset.loaded {
                    counters::reset(loaded.counters(), loaded.counter_records().len());
                }
            }
            if which & RESET_HOOKS != 0 {
                writer.points.reset();
            }
            if which & RESET_STATES != 0 {
                if let Some(state) = writer.state() {
                    state.states().reset();
                }
            }
            Ok(())
        })
    }

    /// Lets the counter or state of this identity begin anew, by [`RESET_COUNTERS`] or [`RESET_STATES`].
    /// Returns what it was.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is none; `ESTALE`.
    pub(crate) fn reset_value(
        &self,
        expected: u64,
        which: u32,
        identity: u64,
    ) -> Result<Snapshot<StateValue>> {
        let mut guard = self.writer.lock();
        let writer = &mut *guard;
        writer.ensure_generation(expected)?;
        let loaded = writer.ruleset.loaded.as_ref().ok_or(ENOENT)?;
        let value = if which == RESET_STATES {
            loaded.state().states().reset_one(identity)
        } else {
            let records = loaded.counter_records();
            let at = records.binary_search_by_key(&identity, |counter| counter.identity);
            let [a, b] = counters::reset_one(loaded.counters(), at.map_err(|_| ENOENT)?);
            Some(StateValue { a, b })
        };
        Ok(Snapshot {
            values: value.ok_or(ENOENT)?,
            generation: writer.ruleset.generation,
        })
    }

    /// Tells `subscriber` of events from now on, or no longer.
    pub(crate) fn subscribe(&self, subscriber: &Arc<Subscriber>, present: bool) -> Result {
        let mut writer = self.writer.lock();
        let audience = writer.listeners.with(subscriber, present)?;
        self.audience.replace(audience.clone()).wait();
        writer.listeners = audience;
        Ok(())
    }

    /// Makes a change, and then takes back the points that what is published now does not need: those of the
    /// ruleset that went, or of one that did not come.
    fn change(
        &self,
        expected: u64,
        make: impl FnOnce(&mut Writer) -> Result<(), Refused>,
    ) -> Result<u64, Refused> {
        let mut guard = self.writer.lock();
        let writer = &mut *guard;
        writer.ensure_generation(expected)?;
        let made = make(writer);
        writer.points.release(&writer.ruleset);
        self.hooks.remove(|point| !writer.points.holds(point.slot));
        made.map(|()| writer.ruleset.generation)
    }

    /// Lets packets see `next`, and waits until none sees what was published before. Cannot fail.
    fn exchange(&self, writer: &mut Writer, next: Arc<Ruleset>) {
        self.published.replace(next.clone()).wait();
        writer.succeed(next);
    }

    /// What is published.
    pub(crate) fn ruleset(&self) -> Arc<Ruleset> {
        self.writer.lock().ruleset.clone()
    }

    /// The values of its counters.
    pub(crate) fn counters(&self) -> Result<Snapshot<KVVec<CounterValue>>> {
        let writer = self.writer.lock();
        let values = match &writer.ruleset.loaded {
            Some(loaded) => counters::read(loaded.counters(), loaded.counter_records().len())?,
            None => KVVec::new(),
        };
        Ok(Snapshot {
            values,
            generation: writer.ruleset.generation,
        })
    }

    /// The values of its states.
    pub(crate) fn states(&self) -> Result<Snapshot<KVVec<StateValue>>> {
        let writer = self.writer.lock();
        let values = match writer.state() {
            Some(state) => state.states().read()?,
            None => KVVec::new(),
        };
        Ok(Snapshot {
            values,
            generation: writer.ruleset.generation,
        })
    }

    /// Elements of a set, as a batch: all, or the one that holds `key`. If they are to be reset, and there is
    /// that much room for them, their states begin anew.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such set, or no element for the key; `ESTALE`, `ENOMEM`.
    pub(crate) fn elements(
        &self,
        expected: u64,
        set: u64,
        key: Option<&[u8]>,
        reset: Option<u64>,
    ) -> Result<Snapshot<KVVec<u8>>> {
        let writer = self.writer.lock();
        writer.ensure_generation(expected)?;
        let sets = writer.state().ok_or(ENOENT)?.sets();
        let mut values = sets.dump(&writer.sets, set, key, false)?;
        if reset.is_some_and(|room| values.len() as u64 <= room) {
            values = sets.dump(&writer.sets, set, key, true)?;
        }
        Ok(Snapshot {
            values,
            generation: writer.ruleset.generation,
        })
    }

    /// Length of the keys of the set of this identity, in bytes.
    pub(crate) fn key_len(&self, set: u64) -> Option<usize> {
        self.writer.lock().state()?.sets().key_len(set)
    }

    /// The hook points and what passed them.
    pub(crate) fn hooks(&self) -> Result<Snapshot<KVVec<HookValue>>> {
        let writer = self.writer.lock();
        Ok(Snapshot {
            values: writer.points.read(&writer.ruleset)?,
            generation: writer.ruleset.generation,
        })
    }

    /// Fills in what is published.
    pub(crate) fn describe(&self, info: &mut Info) {
        let writer = self.writer.lock();
        info.hooks = saturating(writer.points.len());
        writer.ruleset.describe(info);
    }
}

/// Whether `generation` is the one that a caller expects, or any will do.
pub(crate) fn is_expected(expected: u64, generation: u64) -> bool {
    expected == GENERATION_ANY || expected == generation
}

static KEY: PerNetKey<Namespace> = PerNetKey::new();

impl PerNet for Namespace {
    type Hook = Point;

    fn key() -> &'static PerNetKey<Self> {
        &KEY
    }

    fn new(hooks: Arc<HookTable<Point>>) -> Result<Arc<Self>> {
        let ruleset = Arc::new(Ruleset::empty(1), GFP_KERNEL_ACCOUNT)?;
        let published = Published::new(ruleset.clone());
        let published = Arc::new(published, GFP_KERNEL_ACCOUNT)?;
        let mut points = Points::default();
        hooks.register(points.claim(Points::defaults(), &published)?)?;
        let sets = Arc::new(SetSnapshot::empty(0), GFP_KERNEL_ACCOUNT)?;
        let retired = KVec::new();
        let listeners = Arc::new(Audience::default(), GFP_KERNEL_ACCOUNT)?;
        let audience = Arc::new(Published::new(listeners.clone()), GFP_KERNEL_ACCOUNT)?;
        let namespace = pin_init!(Namespace {
            hooks,
            published,
            audience,
            writer <- new_mutex!(Writer {
                ruleset,
                points,
                tracked: None,
                sets,
                retired,
                listeners
            }),
        });
        Arc::pin_init(namespace, GFP_KERNEL_ACCOUNT)
    }
}
