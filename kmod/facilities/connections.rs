// SPDX-License-Identifier: GPL-2.0
//! `ct count`: how many connections there are, for a rule, or for an element of a set.
//!
//! A rule's state has a list of its own. The templates that elements of a set have share a table of lists, by
//! the element's key. Both belong to the program: as in nftables, a rule that is loaded anew counts anew,
//! connections that still send are counted again with their next packet.

use ferrule_engine::View;
use ferrule_uapi::{
    program::SectionId,
    statement::{State, StateKind, STATE_INVERT, STATE_TEMPLATE},
};
use kernel::prelude::*;

use super::Place;
use crate::{
    abstractions::{
        net_namespace::Net,
        nf_conncount::{ConnectionCounter, Connections, KeyedConnections},
        skbuff::Skb,
    },
    ruleset::Refused,
};

/// Where a state counts.
enum Lists {
    /// It is another kind of state.
    None,
    /// A rule's or an object's.
    One(Connections),
    /// An element's of a set.
    ByKey(KeyedConnections),
}

/// What a limit says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// The state is no limit of connections.
    NoLimit,
    /// Whether the rule goes on.
    Within(bool),
    /// The packet's connection cannot be told.
    Impossible,
}

/// One state.
struct Limit {
    lists: Lists,
    connections: u64,
    over: bool,
}

/// The limits of connections of a program, by the indices of their states.
pub(super) struct Limits(KVVec<Limit>);

impl Limits {
    /// Those of `view`; none, and nothing is loaded, if it has none.
    pub(super) fn of(view: &View<'_>, net: &Net) -> Result<Self, Refused> {
        let is_limit = |state: &State| state.kind == StateKind::Connections as u8;
        let mut limits = KVVec::new();
        let (Some(first), Some(last)) = (
            view.states().iter().position(is_limit),
            view.states().iter().rposition(is_limit),
        ) else {
            return Ok(Limits(limits));
        };
        let counter = Place::new(SectionId::States, first).refuse(ConnectionCounter::get())?;
        for state in view.states().iter().take(last.saturating_add(1)) {
            let lists = if !is_limit(state) {
                Lists::None
            } else if state.flags & STATE_TEMPLATE != 0 {
                Lists::ByKey(KeyedConnections::new(counter.clone(), net)?)
            } else {
                Lists::One(Connections::new(counter.clone(), GFP_KERNEL_ACCOUNT)?)
            };
            let limit = Limit {
                lists,
                connections: state.a,
                over: state.flags & STATE_INVERT != 0,
            };
            limits.push(limit, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
        }
        Ok(Limits(limits))
    }

    /// Whether there is none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether state `index` lets a packet on, which it counts, for an element with `key`.
    pub(super) fn ask(&self, index: u32, packet: &Skb<'_>, key: &[u8]) -> Counted {
        let Some(limit) = self.0.get(index as usize) else {
            return Counted::NoLimit;
        };
        let count = match &limit.lists {
            Lists::None => return Counted::NoLimit,
            Lists::One(list) => list.add(packet),
            Lists::ByKey(lists) => lists.add(packet, key),
        };
        match count {
            Some(count) => Counted::Within((u64::from(count) > limit.connections) == limit.over),
            None => Counted::Impossible,
        }
    }
}
