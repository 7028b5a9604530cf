// SPDX-License-Identifier: GPL-2.0
//! The state that a program runs with: its sets, as of the last change, and its states.

use ferrule_engine::View;
use kernel::{prelude::*, sync::Arc};

use crate::{
    abstractions::rcupdate::{Published, ReadSide, Retired},
    events::Audience,
    sets::{Sets, Snapshot, Tables},
    states::States,
};

/// State of a program. It is shared with the program before and the one after, where they mean the same.
pub(crate) struct State {
    sets: Arc<Sets>,
    states: States,
    /// What packets see of the sets.
    published: Published<Snapshot>,
    events: Events,
}

/// Where events of a ruleset go.
pub(crate) struct Events {
    /// Number of the ruleset.
    pub(crate) generation: u64,
    /// Who is told of them.
    pub(crate) audience: Arc<Published<Audience>>,
}

/// State of a program that has no snapshot yet.
pub(crate) struct Prepared {
    /// The sets.
    pub(crate) sets: Arc<Sets>,
    states: States,
}

impl Prepared {
    /// What a new program runs with, which goes on where `old` is.
    pub(crate) fn new(view: &View<'_>, old: Option<&State>) -> Result<Self> {
        let (no_sets, no_states) = (Sets::empty(), States::empty());
        let sets = Sets::carry(view, old.map_or(&no_sets, |old| &old.sets))?;
        let states = States::carry(view.states(), old.map_or(&no_states, |old| &old.states))?;
        Ok(Prepared {
            sets: Arc::new(sets, GFP_KERNEL_ACCOUNT)?,
            states,
        })
    }

    /// The interval tables that its sets begin with.
    pub(crate) fn tables(&self, old: Option<&State>, snapshot: &Snapshot) -> Result<Tables> {
        let no_sets = Sets::empty();
        self.sets
            .tables(old.map_or(&no_sets, |old| &old.sets), snapshot)
    }

    /// With what packets are to see of the sets, and where events go.
    pub(crate) fn with(self, snapshot: Arc<Snapshot>, events: Events) -> State {
        State {
            sets: self.sets,
            states: self.states,
            published: Published::new(snapshot),
            events,
        }
    }
}

impl State {
    /// The sets.
    #[inline]
    pub(crate) fn sets(&self) -> &Arc<Sets> {
        &self.sets
    }

    /// The states.
    #[inline]
    pub(crate) fn states(&self) -> &States {
        &self.states
    }

    /// Where events go.
    #[inline]
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// What packets see of the sets now.
    #[inline]
    pub(crate) fn snapshot<'a>(&'a self, rcu: &'a ReadSide<'_>) -> &'a Snapshot {
        self.published.read(rcu)
    }

    /// Lets packets see another snapshot.
    pub(crate) fn publish(&self, snapshot: Arc<Snapshot>) -> Retired<Snapshot> {
        self.published.replace(snapshot)
    }
}
