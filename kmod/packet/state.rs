// SPDX-License-Identifier: GPL-2.0
//! What a packet asks of state that outlives programs: sets, limits and their kin, numbers.

use ferrule_engine::{Found, Update};
use ferrule_uapi::event::LogEvent;

use crate::{
    abstractions::{bottom_half::BottomHalvesOff, random, rcupdate::ReadSide, skbuff::Skb},
    ruleset::{Events, State},
    sets::{SetView, Snapshot},
    states::States,
};

/// State as one packet sees it: all of it as of one time.
pub(super) struct StateView<'a> {
    sets: SetView<'a>,
    states: &'a States,
    events: &'a Events,
    rcu: &'a ReadSide<'a>,
    here: &'a BottomHalvesOff,
}

impl<'a> StateView<'a> {
    /// `state`, with its sets as of `snapshot`.
    #[inline]
    pub(super) fn new(
        state: &'a State,
        snapshot: &'a Snapshot,
        rcu: &'a ReadSide<'a>,
        here: &'a BottomHalvesOff,
    ) -> Self {
        StateView {
            sets: SetView {
                sets: state.sets(),
                snapshot,
                rcu,
                here,
            },
            states: state.states(),
            events: state.events(),
            rcu,
            here,
        }
    }

    /// A random number.
    pub(super) fn random(&self) -> u32 {
        random::number32()
    }

    /// The number of a state, which then becomes the next.
    pub(super) fn number(&self, state: u32, modulus: u32) -> u32 {
        self.states.number(state, modulus, self.here)
    }

    /// Whether a state lets `packet` on.
    #[inline(never)]
    pub(super) fn ask(&self, state: u32, packet: &Skb<'_>) -> bool {
        self.states.ask(state, packet.len(), self.here)
    }

    /// What a set has for `key`.
    pub(super) fn find(&self, set: u32, key: &[u8], packet: &Skb<'_>) -> Option<Found> {
        self.sets.find(set, key, packet.len())
    }

    /// Whether a set holds `key`.
    pub(super) fn holds(&self, set: u32, key: &[u8]) -> bool {
        self.sets.holds(set, key)
    }

    /// Changes an element.
    #[inline(never)]
    pub(super) fn update(&self, update: &Update<'_>, packet: &Skb<'_>) -> bool {
        self.sets.update(update, packet.len())
    }

    /// Tells subscribers that a rule logged `packet`.
    #[inline(never)]
    pub(super) fn log(&self, about: LogEvent, packet: &Skb<'_>) {
        let audience = self.events.audience.read(self.rcu);
        if audience.is_empty() {
            return;
        }
        let about = LogEvent {
            iif: packet.input().index(),
            oif: packet.output().index(),
            mark: packet.mark(),
            len: packet.len(),
            ..about
        };
        audience.log(self.events.generation, about, packet, self.here);
    }
}
