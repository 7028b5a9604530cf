// SPDX-License-Identifier: GPL-2.0
//! The hook points of a namespace, as its writers know them.
//!
//! A point has a *slot*, a number that stays its own as long as it is registered: rulesets say by
//! slot which base chains run where, and a packet's way from its hook to them is one array access. The
//! first ten slots are the points at priority 0 that are always there; a ruleset that asks for more gets
//! more, and they go when no published ruleset needs them.

use ferrule_uapi::{
    hook::{Family, Hook},
    ioctl::HookValue,
};
use kernel::{prelude::*, sync::Arc};

use crate::{
    abstractions::{netfilter::Entry, rcupdate::Published},
    counters::add,
    hook::{Place, Point, PointCounters},
    ruleset::{saturating, Ruleset},
};

/// The priority of the points that are always there (`NF_IP_PRI_FILTER`).
const DEFAULT_PRIORITY: i32 = 0;

/// The families that have hooks here.
const FAMILIES: [Family; 2] = [Family::Ip, Family::Ip6];

/// How many points are always there.
const DEFAULTS: usize = FAMILIES.len() * Hook::ALL.len();

/// A point.
struct Known {
    place: Place,
    counters: PointCounters,
    /// What is added to what was counted: less than nothing after a reset.
    base: [u64; 4],
}

impl Known {
    fn value(&self, base_chains: usize) -> HookValue {
        let [packets, bytes, accepted, dropped] = add(self.base, self.counters.sum());
        HookValue {
            family: self.place.family as u8,
            hook: self.place.hook as u8,
            priority: self.place.priority,
            base_chains: saturating(base_chains),
            packets,
            bytes,
            accepted,
            dropped,
            ..HookValue::default()
        }
    }
}

/// The points, by slot.
#[derive(Default)]
pub(super) struct Points(KVec<Option<Known>>);

impl Points {
    /// Where points always are, in the order of their slots.
    pub(super) fn defaults() -> impl Iterator<Item = Place> {
        FAMILIES.into_iter().flat_map(|family| {
            Hook::ALL.iter().map(move |hook| Place {
                family,
                hook: *hook,
                priority: DEFAULT_PRIORITY,
                ordinal: 0,
            })
        })
    }

    /// The slot of the point at `place`.
    pub(super) fn slot(&self, place: Place) -> Option<usize> {
        let known = |known: &Option<Known>| known.as_ref().is_some_and(|it| it.place == place);
        self.0.iter().position(known)
    }

    /// Whether there is a point in `slot`.
    pub(super) fn holds(&self, slot: usize) -> bool {
        self.0.get(slot).is_some_and(Option::is_some)
    }

    /// Gives a slot to each of `places` that has none, and returns hook functions for these, still to be
    /// registered. After a failure some may have slots: [`Points::release`] takes them back.
    pub(super) fn claim(
        &mut self,
        places: impl Iterator<Item = Place>,
        published: &Arc<Published<Ruleset>>,
    ) -> Result<KVec<KBox<Entry<Point>>>> {
        let mut entries = KVec::new();
        for place in places {
            if self.slot(place).is_none() {
                let entry = self.add(place, published)?;
                entries.push(entry, GFP_KERNEL_ACCOUNT)?;
            }
        }
        Ok(entries)
    }

    fn add(
        &mut self,
        place: Place,
        published: &Arc<Published<Ruleset>>,
    ) -> Result<KBox<Entry<Point>>> {
        let slot = self
            .0
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.0.len());
        let counters = PointCounters::new()?;
        let point = Point {
            slot,
            family: place.family,
            counters: counters.clone(),
            published: published.clone(),
        };
        let entry = Entry::new(place.spec()?, point)?;
        let known = Known {
            place,
            counters,
            base: [0; 4],
        };
        match self.0.get_mut(slot) {
            Some(free) => *free = Some(known),
            None => self.0.push(Some(known), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(entry)
    }

    /// Frees the slots that neither `ruleset` nor the defaults need. Cannot fail.
    pub(super) fn release(&mut self, ruleset: &Ruleset) {
        for (slot, known) in self.0.iter_mut().enumerate().skip(DEFAULTS) {
            if ruleset.base_chains(slot) == 0 {
                *known = None;
            }
        }
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Makes all values zero.
    pub(super) fn reset(&mut self) {
        for known in self.0.iter_mut().flatten() {
            known.base = known.counters.sum().map(u64::wrapping_neg);
        }
    }

    /// What passed each point, and how many base chains of `ruleset` run there.
    pub(super) fn read(&self, ruleset: &Ruleset) -> Result<KVVec<HookValue>> {
        let mut values = KVVec::with_capacity(self.len(), GFP_KERNEL_ACCOUNT)?;
        for (slot, known) in self.0.iter().enumerate() {
            if let Some(known) = known {
                values.push(known.value(ruleset.base_chains(slot)), GFP_KERNEL_ACCOUNT)?;
            }
        }
        Ok(values)
    }
}
