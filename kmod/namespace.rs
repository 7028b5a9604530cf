// SPDX-License-Identifier: GPL-2.0
//! What a network namespace has: a published ruleset, hook points, and one writer at a time.
//!
//! # Publishing
//!
//! ```text
//!  1 the expected generation?          else ESTALE
//!  2 slots, points, ruleset            may fail: slots are freed again
//!    (a dry run ends here)
//!  3 start conntrack, if it needs it     may fail
//!    register further hook functions   may fail: none is registered, slots are freed again
//!  4 exchange the pointer              from here on nothing can fail
//!  5 wait for packets in the old one
//!  6 carry its counters over
//!  7 stop conntrack, unregister hook functions, that only the old one needed
//! ```
//!
//! A packet therefore finds the old ruleset or the new one, whole. One that comes through a further hook
//! function before step 4 finds the old ruleset, which has nothing to say there.
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

use ferrule_uapi::ioctl::{
    CounterValue, HookValue, Info, GENERATION_ANY, RESET_COUNTERS, RESET_HOOKS,
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
        rcupdate::Published,
    },
    counters::{Bases, Final},
    hook::Point,
    ruleset::{saturating, Draft, Loaded, Ruleset},
};
use points::Points;

/// The state of a network namespace.
#[pin_data]
pub(crate) struct Namespace {
    hooks: Arc<HookTable<Point>>,
    published: Arc<Published<Ruleset>>,
    #[pin]
    writer: Mutex<Writer>,
}

/// What writers, and readers of counters, have to themselves.
struct Writer {
    /// What is published.
    ruleset: Arc<Ruleset>,
    /// What its counters go on from.
    bases: Bases,
    points: Points,
    /// Conntrack, on for as long as the published ruleset needs it.
    tracked: Option<Tracked<Point>>,
}

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

    /// Lets the counters of `next` go on from those of the published ruleset, which no packet looks at any
    /// more, and forgets the latter.
    fn succeed(&mut self, next: Arc<Ruleset>, mut bases: Bases) {
        if let (Some(new), Some(old)) = (&next.loaded, &self.ruleset.loaded) {
            let values = Final {
                bases: &self.bases,
                sums: old.counters(),
            };
            let (old, new) = (old.program().view(), new.program().view());
            bases.carry_over(new.counters, old.counters, values);
        }
        self.ruleset = next;
        self.bases = bases;
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
    /// Publishes `draft`; or, if `dry_run`, only goes so far that it could be. Returns the generation that is
    /// published then.
    ///
    /// # Errors
    ///
    /// `ESTALE`, `ENOMEM`, `ENODEV`, `E2BIG` (too many hook functions). The old ruleset is then still in force.
    pub(crate) fn load(&self, draft: Draft, expected: u64, dry_run: bool) -> Result<u64> {
        self.change(expected, |writer| {
            let entries = writer.points.claim(draft.places(), &self.published)?;
            let points = &writer.points;
            let (next, bases) =
                draft.dress(writer.next_generation()?, |place| points.slot(place))?;
            let next = Arc::new(next, GFP_KERNEL_ACCOUNT)?;
            if !dry_run {
                let tracking = next.loaded.as_ref().and_then(Loaded::tracking);
                let tracked = tracking.map(|tracking| self.hooks.track(tracking.clone()));
                let tracked = tracked.transpose()?;
                self.hooks.register(entries)?;
                self.exchange(writer, next, bases);
                // What the old ruleset needed is let go now that no packet is in it.
                writer.tracked = tracked;
            }
            Ok(())
        })
    }

    /// Publishes the empty ruleset. Returns its generation.
    pub(crate) fn flush(&self, expected: u64) -> Result<u64> {
        self.change(expected, |writer| {
            let next = Ruleset::empty(writer.next_generation()?);
            let next = Arc::new(next, GFP_KERNEL_ACCOUNT)?;
            self.exchange(writer, next, Bases::new(0)?);
            writer.tracked = None;
            Ok(())
        })
    }

    /// Sets counters to zero, by [`RESET_COUNTERS`] and [`RESET_HOOKS`]. Returns the generation.
    pub(crate) fn reset(&self, expected: u64, which: u32) -> Result<u64> {
        self.change(expected, |writer| {
            if which & RESET_COUNTERS != 0 {
                if let Some(loaded) = &writer.ruleset.loaded {
                    writer.bases.reset(loaded.counters());
                }
            }
            if which & RESET_HOOKS != 0 {
                writer.points.reset();
            }
            Ok(())
        })
    }

    /// Makes a change, and then takes back the points that what is published now does not need: those of the
    /// ruleset that went, or of one that did not come.
    fn change(&self, expected: u64, make: impl FnOnce(&mut Writer) -> Result) -> Result<u64> {
        let mut guard = self.writer.lock();
        let writer = &mut *guard;
        writer.ensure_generation(expected)?;
        let made = make(writer);
        writer.points.release(&writer.ruleset);
        self.hooks.remove(|point| !writer.points.holds(point.slot));
        made.map(|()| writer.ruleset.generation)
    }

    /// Lets packets see `next`, and waits until none sees what was published before. Cannot fail.
    fn exchange(&self, writer: &mut Writer, next: Arc<Ruleset>, bases: Bases) {
        self.published.replace(next.clone()).wait();
        writer.succeed(next, bases);
    }

    /// What is published.
    pub(crate) fn ruleset(&self) -> Arc<Ruleset> {
        self.writer.lock().ruleset.clone()
    }

    /// The values of its counters.
    pub(crate) fn counters(&self) -> Result<Snapshot<KVVec<CounterValue>>> {
        let writer = self.writer.lock();
        let values = match &writer.ruleset.loaded {
            Some(loaded) => writer.bases.read(loaded.counters())?,
            None => KVVec::new(),
        };
        Ok(Snapshot {
            values,
            generation: writer.ruleset.generation,
        })
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
        let bases = Bases::new(0)?;
        let namespace = pin_init!(Namespace {
            hooks,
            published,
            writer <- new_mutex!(Writer { ruleset, bases, points, tracked: None }),
        });
        Arc::pin_init(namespace, GFP_KERNEL_ACCOUNT)
    }
}
