// SPDX-License-Identifier: GPL-2.0
//! What is judged: a packet, and what is known of it beside its bytes.

use std::collections::BTreeMap;

use ferrule_uapi::{
    expr::{CtKey, Expr, ExprKind, MetaKey},
    hook::Family,
    program::Wide,
};

/// An interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Its index.
    pub index: u32,
    /// Its name, padded with zeros.
    pub name: [u8; 16],
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Ip or Ip6.
    pub family: Family,
    /// The link header; may be empty.
    pub link: &'a [u8],
    /// The packet from the network header on, as far as it was captured.
    pub packet: &'a [u8],
    /// The length of the whole packet, from the network header on.
    pub len: u32,
    /// `PACKET_*` of `linux/if_packet.h`.
    pub pkttype: u8,
}

/// What bytes do not say of a packet.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The receiving interface.
    pub input: Option<Nic>,
    /// The sending interface.
    pub output: Option<Nic>,
    /// The mark.
    pub mark: u32,
    /// Nanoseconds since 1970; the clock stands still without.
    pub time: Option<u64>,
    /// Values of expressions: kind, key, direction.
    pub facts: BTreeMap<(u8, u8, u8), Wide>,
}

impl Context {
    /// Of a packet that comes in and goes out by these interfaces, and of which no more is known.
    pub fn between(input: Option<Nic>, output: Option<Nic>) -> Self {
        Self {
            input,
            output,
            ..Self::default()
        }
    }

    /// Says what an expression gives: its kind, its key, and its direction or 0.
    pub fn set(&mut self, kind: ExprKind, key: u8, direction: u8, value: u128) {
        let value = Wide {
            hi: (value >> 64) as u64,
            lo: value as u64,
        };
        self.facts.insert((kind as u8, key, direction), value);
    }

    /// Says the state of the packet's connection: bits of `NF_CT_STATE_BIT`.
    pub fn set_ct_state(&mut self, bits: u32) {
        self.set(ExprKind::Ct, CtKey::State as u8, 0, bits.into());
    }

    /// What was said of an expression, or follows from the time.
    pub(super) fn fact(&self, expr: &Expr, now: u64) -> Option<Wide> {
        let said = self.facts.get(&(expr.kind, expr.key, expr.flags));
        said.copied().or_else(|| by_clock(expr, now))
    }
}

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// `meta time`, `meta day`, `meta hour`.
fn by_clock(expr: &Expr, now: u64) -> Option<Wide> {
    if expr.kind != ExprKind::Meta as u8 {
        return None;
    }
    let seconds = now / SECOND;
    let value = match MetaKey::from_raw(expr.key)? {
        MetaKey::TimeNs => now,
        // The first of January 1970 was a Thursday.
        MetaKey::TimeDay => (seconds / 86_400 + 4) % 7,
        MetaKey::TimeHour => seconds % 86_400,
        _ => return None,
    };
    Some(Wide { hi: 0, lo: value })
}
