// SPDX-License-Identifier: GPL-2.0
//! A packet as the engine sees it: an `sk_buff` in a hook, and the counters of the program that
//! judges it.

use ferrule_engine::Packet;
use ferrule_uapi::hook::Family;

use crate::{abstractions::skbuff::Skb, counters::RuleLane};

/// A packet that is being judged.
pub(crate) struct Subject<'a> {
    /// The bytes and what the kernel knows of them.
    pub(crate) skb: Skb<'a>,
    /// The family of the hook.
    pub(crate) family: Family,
    /// Where the program counts.
    pub(crate) counters: RuleLane<'a>,
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
        self.counters
            .add(counter as usize, [1, u64::from(self.skb.len())]);
    }
}
