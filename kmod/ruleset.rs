// SPDX-License-Identifier: GPL-2.0
//! Rulesets: what is published, and what packets are judged by.
//!
//! ```text
//! user bytes ─ copy, verify ─► Draft ─ dress ─► Ruleset ─ publish ─► packets ─ retire ─► freed
//!              (no lock held)         (points are known)          (RCU)      (grace period)
//! ```
//!
//! A [`Ruleset`] never changes once it is published, but for what its program counts. It is held by an
//! [`kernel::sync::Arc`], so that one that was replaced can be kept, and published again, without an
//! allocation.

mod draft;
mod state;

use ferrule_engine::{Key, Outcome, Packet, Program, View};
use ferrule_uapi::{
    hook::{ChainType, Family, Verdict},
    ioctl::Info,
    program::{BaseChain, Counter},
};
use kernel::{
    prelude::*,
    sync::Arc,
    task::Kuid,
    time::{ClockSource, RealTime},
};

use crate::{
    abstractions::{
        bottom_half::BottomHalvesOff, conntrack::Tracking, netfilter, percpu::Lending,
        rcupdate::ReadSide, skbuff::Skb,
    },
    counters::RuleCounters,
    facilities::Facilities,
    packet::Subject,
};

pub(crate) use draft::{Draft, Refused, UserBytes};
pub(crate) use state::{Events, Prepared, State};

/// The base chains of a point: a run in [`Loaded::bases`].
#[derive(Clone, Copy, Default)]
pub(crate) struct Run {
    first: u32,
    /// Behind the last; where the run begins if there is none that does anything.
    end: u32,
    /// How many there are.
    declared: u32,
}

/// A base chain, and the instruction that it begins with.
#[derive(Clone, Copy)]
struct Base {
    entry: u32,
    base: BaseChain,
}

/// Who published a ruleset, and when.
pub(crate) struct Stamp {
    /// Nanoseconds since the epoch.
    pub(crate) at: u64,
    /// Effective user.
    pub(crate) uid: Kuid,
    /// Process (thread group), as in the initial PID namespace.
    pub(crate) pid: u32,
}

impl Stamp {
    /// The current process, now.
    pub(crate) fn now() -> Self {
        Stamp {
            at: RealTime::ktime_get().unsigned_abs(),
            uid: Kuid::current_euid(),
            pid: current!().tgid().unsigned_abs(),
        }
    }
}

/// How many points have their base chains in the ruleset's first cache line.
const NEAR: usize = 16;

/// The base chains of a point that are run: a run in [`Loaded::bases`], of which there are at most
/// [`ferrule_uapi::limit::MAX_BASE_CHAINS`].
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    first: u16,
    end: u16,
}

impl Span {
    /// None.
    const EMPTY: Self = Span { first: 0, end: 0 };

    fn of(run: Run) -> Self {
        let short = |index| u16::try_from(index).unwrap_or(0);
        match (short(run.first), short(run.end)) {
            (first, end) if first < end => Span { first, end },
            _ => Self::EMPTY,
        }
    }
}

/// A ruleset of a namespace.
///
/// In this order: a packet at a point without base chains touches one cache line, and no memory besides.
#[repr(C, align(64))]
pub(crate) struct Ruleset {
    /// What runs at the first points.
    near: [Span; NEAR],
    /// The program; the empty ruleset has none.
    pub(crate) loaded: Option<Loaded>,
    /// Which base chains there are at each point, by its slot.
    runs: KVec<Run>,
    /// Its number: the first is 1.
    pub(crate) generation: u64,
    /// Where it came from.
    pub(crate) stamp: Stamp,
}

/// A program with what it needs to run here.
///
/// In this order: what every packet needs lies together.
#[repr(C)]
pub(crate) struct Loaded {
    program: Arc<Program<UserBytes>>,
    /// Base chains: those of one place together, in the order of definition.
    bases: KVec<Base>,
    /// What packets are parsed into.
    keys: Lending<Key>,
    counters: RuleCounters,
    state: State,
    facilities: Facilities,
}

impl Ruleset {
    /// The empty ruleset.
    pub(crate) fn empty(generation: u64) -> Self {
        Self::new(generation, KVec::new(), None)
    }

    /// A ruleset that runs base chains at points as `runs` says, by slot.
    fn new(generation: u64, runs: KVec<Run>, loaded: Option<Loaded>) -> Self {
        let mut near = [Span::EMPTY; NEAR];
        for (span, run) in near.iter_mut().zip(&runs) {
            *span = Span::of(*run);
        }
        Ruleset {
            near,
            loaded,
            runs,
            generation,
            stamp: Stamp::now(),
        }
    }

    /// How many base chains run at the point `slot`.
    pub(crate) fn base_chains(&self, slot: usize) -> usize {
        self.run_of(slot).declared as usize
    }

    /// Fills in what there is to say of it.
    pub(crate) fn describe(&self, info: &mut Info) {
        info.generation = self.generation;
        info.published_at = self.stamp.at;
        info.published_uid = self.stamp.uid.into_uid_in_current_ns();
        info.published_pid = self.stamp.pid;
        if let Some(loaded) = &self.loaded {
            loaded.describe(info);
        }
    }

    /// Judges a packet at the point `slot`.
    #[inline]
    pub(crate) fn judge<'a>(
        &'a self,
        slot: usize,
        family: Family,
        skb: &'a mut Skb<'a>,
        rcu: &'a ReadSide<'a>,
        here: &'a BottomHalvesOff,
    ) -> netfilter::Verdict {
        let span = match self.near.get(slot) {
            Some(span) => *span,
            None => self.far(slot),
        };
        if span == Span::EMPTY {
            return netfilter::Verdict::Accept;
        }
        match &self.loaded {
            Some(loaded) => loaded.judge(span, family, skb, rcu, here),
            None => netfilter::Verdict::Accept,
        }
    }

    /// What runs at a point that is none of the first.
    #[cold]
    fn far(&self, slot: usize) -> Span {
        Span::of(self.run_of(slot))
    }

    /// The run of the point `slot`.
    fn run_of(&self, slot: usize) -> Run {
        self.runs.get(slot).copied().unwrap_or_default()
    }
}

impl Loaded {
    /// The program.
    #[inline]
    pub(crate) fn program(&self) -> &Program<UserBytes> {
        &self.program
    }

    /// Conntrack, if the program needs it.
    pub(crate) fn tracking(&self) -> Option<&Arc<Tracking>> {
        self.facilities.tracking()
    }

    /// What the program asked of the kernel.
    #[inline]
    pub(crate) fn facilities(&self) -> &Facilities {
        &self.facilities
    }

    /// What the program has counted.
    pub(crate) fn counters(&self) -> &RuleCounters {
        &self.counters
    }

    /// What they are, in their order.
    pub(crate) fn counter_records(&self) -> &[Counter] {
        self.program.view().counters()
    }

    /// The state that it runs with.
    #[inline]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    fn describe(&self, info: &mut Info) {
        let view = self.program.view();
        info.program_size = saturating(self.program.bytes().len());
        info.source_size = saturating(view.source().len());
        info.insns = saturating(view.insns().len());
        info.chains = saturating(view.chains().len());
        info.base_chains = saturating(view.base_chains().len());
        info.rules = saturating(view.rules().len());
        info.counters = saturating(view.counters().len());
        info.max_steps = self.program.max_steps();
    }

    /// Parses the packet and runs base chains: each may accept, the first to drop ends it. Apart, so that
    /// places without any pay for nothing of this.
    #[inline(never)]
    fn judge<'a>(
        &'a self,
        span: Span,
        family: Family,
        skb: &'a mut Skb<'a>,
        rcu: &'a ReadSide<'a>,
        here: &'a BottomHalvesOff,
    ) -> netfilter::Verdict {
        let bases = self.bases.get(span.first.into()..span.end.into());
        let bases = bases.unwrap_or_default();
        let mut packet = Subject {
            skb,
            family,
            loaded: self,
            snapshot: self.state.snapshot(rcu),
            rcu,
            here,
        };
        match self.keys.lend(here) {
            Some(mut key) => self.run(bases, &mut key, &mut packet),
            None => self.run_within(bases, &mut packet),
        }
    }

    /// Runs `bases` within a hook that has the CPU's key: on one of its own.
    #[cold]
    #[inline(never)]
    fn run_within(&self, bases: &[Base], packet: &mut Subject<'_>) -> netfilter::Verdict {
        let mut key = Key::EMPTY;
        self.run_apart(bases, &mut key, packet)
    }

    /// As `run`, whose frame is not to lie in that of `run_within`.
    #[inline(never)]
    fn run_apart(
        &self,
        bases: &[Base],
        key: &mut Key,
        packet: &mut Subject<'_>,
    ) -> netfilter::Verdict {
        self.run(bases, key, packet)
    }

    /// Parses the packet and runs `bases`.
    #[inline(always)]
    fn run(&self, bases: &[Base], key: &mut Key, packet: &mut Subject<'_>) -> netfilter::Verdict {
        let view = self.program.view();
        key.read(packet, self.program.fields());
        for Base { entry, base } in bases {
            let outcome = if base.kind == ChainType::Route as u8 {
                run_route(&view, base, key, packet)
            } else {
                view.run_from(*entry, base, key, packet)
            };
            match (outcome.verdict, outcome.queue) {
                (Verdict::Accept, _) => {}
                (Verdict::Drop, None) => return netfilter::Verdict::Drop,
                // It is the last that runs here: it comes back behind this hook function.
                (Verdict::Drop, Some(queue)) => return packet.queue(queue),
            }
        }
        netfilter::Verdict::Accept
    }
}

/// Runs a base chain of type `route`: a packet whose route is another afterwards is routed again, or dropped if
/// it cannot be.
#[inline(never)]
fn run_route(
    view: &View<'_>,
    base: &BaseChain,
    key: &mut Key,
    packet: &mut Subject<'_>,
) -> Outcome {
    let course = Course::of(packet);
    let mut outcome = view.run(base, key, packet);
    let accepted = outcome.verdict == Verdict::Accept;
    if accepted && course != Course::of(packet) && !packet.skb.reroute() {
        outcome.verdict = Verdict::Drop;
    }
    outcome
}

/// What a packet's route depends on (`nf_route_table_hook4`, `nf_route_table_hook6`).
#[derive(PartialEq, Eq)]
struct Course {
    mark: u32,
    /// Type of service; of IPv6 the first word and the hop limit.
    service: [u8; 5],
    addresses: [u8; 32],
}

impl Course {
    fn of(packet: &Subject<'_>) -> Self {
        let mut course = Course {
            mark: packet.skb.mark(),
            service: [0; 5],
            addresses: [0; 32],
        };
        if packet.family == Family::Ip6 {
            if let (Some([a, b, c, d]), Some([hops])) = (packet.bytes(0), packet.bytes(7)) {
                course.service = [a, b, c, d, hops];
            }
            course.addresses = packet.bytes(8).unwrap_or(course.addresses);
        } else {
            let [service] = packet.bytes(1).unwrap_or_default();
            course.service = [service, 0, 0, 0, 0];
            let addresses: [u8; 8] = packet.bytes(12).unwrap_or_default();
            for (to, from) in course.addresses.iter_mut().zip(addresses) {
                *to = from;
            }
        }
        course
    }
}

/// A length as the ABI has it; none comes near the limit.
pub(crate) fn saturating(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
