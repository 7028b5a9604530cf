// SPDX-License-Identifier: GPL-2.0
//! What happens to a packet at a hook.
//!
//! ```text
//! netfilter ─► Point::judge ┬─ count it, on this CPU
//!                           ├─ read the published ruleset (RCU)
//!                           ├─ run the base chains of this place, in order: the first drop ends it
//!                           └─ count the verdict
//! ```
//!
//! A packet that is queued comes back behind the hook function that said so. So in a ruleset that queues
//! each base chain has a hook function to itself, even where several have the same priority
//! ([`Place::ordinal`]). Netfilter runs the function first that was registered last: they are numbered that way.
//!
//! The whole packet is judged by the ruleset that was read first. A packet that is dropped is freed by
//! netfilter with the reason `NETFILTER_DROP`.

use ferrule_uapi::hook::{Family, Hook};
use kernel::{prelude::*, sync::Arc};

use crate::{
    abstractions::{
        bottom_half::BottomHalvesOff,
        netfilter::{self, HookSpec},
        percpu::PerCpuCounter,
        rcupdate::{Published, ReadSide},
        skbuff::Skb,
    },
    ruleset::Ruleset,
};

/// A place in the packet path where a hook function can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// [`Family::Ip`] or [`Family::Ip6`].
    pub(crate) family: Family,
    /// The hook.
    pub(crate) hook: Hook,
    /// The priority.
    pub(crate) priority: i32,
    /// Which of several hook functions there, counted from the one that runs last. Usually there is but one.
    pub(crate) ordinal: usize,
}

impl Place {
    /// What netfilter calls it.
    pub(crate) fn spec(self) -> Result<HookSpec> {
        HookSpec::new(self.family as u8, self.hook as u8, self.priority).ok_or(EINVAL)
    }
}

/// What is counted at a hook point: packets, their bytes, accepted, dropped.
pub(crate) type PointCounters = PerCpuCounter<4>;

/// A registered hook function.
pub(crate) struct Point {
    /// Number of the point in its namespace; rulesets go by it.
    pub(crate) slot: usize,
    /// Family of its place.
    pub(crate) family: Family,
    /// What passed.
    pub(crate) counters: PointCounters,
    /// The ruleset of the namespace.
    pub(crate) published: Arc<Published<Ruleset>>,
}

impl netfilter::Hook for Point {
    #[inline]
    fn judge<'a>(
        &'a self,
        packet: &'a mut Skb<'a>,
        rcu: &'a ReadSide<'a>,
        here: &'a BottomHalvesOff,
    ) -> netfilter::Verdict {
        let bytes = u64::from(packet.len());
        let ruleset = self.published.read(rcu);
        let verdict = ruleset.judge(self.slot, self.family, packet, rcu, here);
        let (accepted, dropped) = match verdict {
            netfilter::Verdict::Accept => (1, 0),
            netfilter::Verdict::Drop => (0, 1),
            netfilter::Verdict::Queue { .. } => (0, 0),
        };
        self.counters.add(here, [1, bytes, accepted, dropped]);
        verdict
    }
}
