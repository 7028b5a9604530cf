// SPDX-License-Identifier: GPL-2.0
//! A packet as the engine sees it: an `sk_buff` in a hook, and what the program that judges it runs with.
//!
//! - `facts`: what the kernel knows of it beside its bytes
//! - `acts`: what only the kernel can do to it, or about it
//! - `state`: sets, limits and their kin, events

mod acts;
mod facts;
mod state;

use ferrule_engine::{Found, Packet, Update};
use ferrule_uapi::{
    event::LogEvent,
    expr::Expr,
    hook::Family,
    program::Wide,
    statement::{RejectKind, SetUpdate, Statement, StatementKind},
};

use crate::{
    abstractions::{bottom_half::BottomHalvesOff, rcupdate::ReadSide, skbuff::Skb},
    facilities::Counted,
    ruleset::Loaded,
    sets::Snapshot,
};

use state::StateView;

/// A packet that is being judged.
pub(crate) struct Subject<'a> {
    /// The bytes and what the kernel knows of them.
    pub(crate) skb: &'a mut Skb<'a>,
    /// The family of the hook.
    pub(crate) family: Family,
    /// The program, and what it runs with.
    pub(crate) loaded: &'a Loaded,
    /// Its sets as of one time.
    pub(crate) snapshot: &'a Snapshot,
    /// What keeps all of that alive.
    pub(crate) rcu: &'a ReadSide<'a>,
    /// The CPU.
    pub(crate) here: &'a BottomHalvesOff,
}

/// Next headers that are followed by others (`ipv6_ext_hdr()`): hop-by-hop, routing, destination.
const EXTENSIONS: [u8; 3] = [0, 43, 60];

/// The fragment header, and the authentication header.
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

impl<'a> Subject<'a> {
    /// Sets and states.
    #[inline]
    fn state(&self) -> StateView<'a> {
        StateView::new(self.loaded.state(), self.snapshot, self.rcu, self.here)
    }

    /// The protocol behind the network header, and what may follow that; 0 if it is cut off.
    fn l4proto(&self) -> u8 {
        match self.family {
            Family::Ip6 => self.l4proto_ipv6().unwrap_or(0),
            _ => self.bytes(9).map_or(0, |[protocol]| protocol),
        }
    }

    /// Whether the limits of connections that an element with `key` of a set has, its own or those that a rule
    /// brings, let the packet on, which they count.
    #[inline]
    fn may_connect(&self, of: (u32, (u32, u32)), key: &[u8]) -> bool {
        !self.loaded.facilities().counts_connections() || self.count_connections(of, key)
    }

    #[inline(never)]
    fn count_connections(&self, (set, brought): (u32, (u32, u32)), key: &[u8]) -> bool {
        let (first, count) = match brought {
            (_, 0) => {
                let set = self.loaded.program().view().sets().get(set as usize);
                set.map_or((0, 0), |set| (set.first_state, set.state_count))
            }
            brought => brought,
        };
        (first..first.saturating_add(count)).all(|state| {
            let counted = self
                .loaded
                .facilities()
                .count_connection(state, self.skb, key);
            matches!(counted, Counted::NoLimit | Counted::Within(true))
        })
    }

    fn l4proto_ipv6(&self) -> Option<u8> {
        let [mut next] = self.bytes(6)?;
        let mut at = 40_u32;
        loop {
            let len = match next {
                FRAGMENT => 8,
                AUTHENTICATION => {
                    let [_, len] = self.bytes(at)?;
                    u32::from(len).wrapping_add(2).wrapping_mul(4)
                }
                next if EXTENSIONS.contains(&next) => {
                    let [_, len] = self.bytes(at)?;
                    u32::from(len).wrapping_add(1).wrapping_mul(8)
                }
                _ => return Some(next),
            };
            [next] = self.bytes(at)?;
            at = at.checked_add(len)?;
        }
    }
}

impl Packet for Subject<'_> {
    fn family(&self) -> Family {
        self.family
    }

    fn len(&self) -> u32 {
        self.skb.len()
    }

    fn head(&self) -> &[u8] {
        self.skb.head()
    }

    fn copy(&self, offset: u32, to: &mut [u8]) -> bool {
        self.skb.copy(offset, to)
    }

    fn protocol(&self) -> u16 {
        self.skb.protocol()
    }

    fn pkttype(&self) -> u8 {
        self.skb.pkttype()
    }

    fn iif(&self) -> u32 {
        self.skb.input().index()
    }

    fn oif(&self) -> u32 {
        self.skb.output().index()
    }

    fn iifname(&self) -> [u8; 16] {
        self.skb.input().name()
    }

    fn oifname(&self) -> [u8; 16] {
        self.skb.output().name()
    }

    fn mark(&self) -> u32 {
        self.skb.mark()
    }

    fn set_mark(&mut self, mark: u32) {
        self.skb.set_mark(mark);
    }

    fn count(&mut self, counter: u32) {
        self.loaded
            .counters()
            .here(self.here)
            .add(counter as usize, [1, u64::from(self.skb.len())]);
    }
    fn link(&self) -> &[u8] {
        self.skb.link()
    }

    fn vlan(&self) -> Option<[u8; 4]> {
        self.skb.vlan()
    }

    fn write_link(&mut self, offset: u32, bytes: &[u8]) -> bool {
        self.skb.write_link(offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        self.skb.write(offset, bytes)
    }

    fn fix_checksum(&mut self, at: u32, from: &[u8], to: &[u8], pseudo: bool) -> bool {
        self.skb.fix_checksum(at, from, to, pseudo)
    }

    fn fact(&mut self, expr: &Expr) -> Option<Wide> {
        self.fact_of(expr)
    }

    fn act(&mut self, statement: &Statement, value: Wide, rule: u32) -> bool {
        if statement.kind == StatementKind::Log as u8 {
            let about = LogEvent {
                rule,
                log: statement.a,
                family: self.family as u8,
                hook: self.skb.hook(),
                ..LogEvent::default()
            };
            self.state().log(about, self.skb);
        }
        self.perform(statement, value)
    }

    fn reject(&mut self, kind: RejectKind, code: u8) {
        self.answer(kind, code);
    }

    fn random(&mut self) -> u32 {
        self.state().random()
    }

    fn number(&mut self, state: u32, modulus: u32) -> u32 {
        self.state().number(state, modulus)
    }

    fn ask(&mut self, state: u32) -> Option<bool> {
        match self
            .loaded
            .facilities()
            .count_connection(state, self.skb, &[])
        {
            Counted::NoLimit => Some(self.state().ask(state, self.skb)),
            Counted::Within(within) => Some(within),
            Counted::Impossible => None,
        }
    }

    fn find(&mut self, set: u32, key: &[u8]) -> Option<Found> {
        let found = self.state().find(set, key, self.skb)?;
        if self.may_connect((set, (0, 0)), key) {
            Some(found)
        } else {
            Some(Found::Refused)
        }
    }

    fn holds(&mut self, set: u32, key: &[u8]) -> bool {
        self.state().holds(set, key)
    }

    fn update(&mut self, update: &Update<'_>) -> bool {
        self.state().update(update, self.skb)
            && (update.kind == SetUpdate::Delete
                || self.may_connect((update.set, update.states), update.key))
    }
}
