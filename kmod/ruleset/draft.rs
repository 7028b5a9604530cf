// SPDX-License-Identifier: GPL-2.0
//! From user bytes to something that only has to be published.
//!
//! All that takes long or can fail for the program's own sake is done here, with no lock held: a page of
//! the user's may be slow to come (userfaultfd), and a large program takes time to verify.
//!
//! The bytes are copied once, into memory that the user cannot reach, and the copy is verified and
//! kept: what was verified is what runs.

use ferrule_engine::{scratch_len, verify, Key, Program, Scratch, Storage, View};
use ferrule_uapi::{
    hook::{Family, Hook, Verdict, FAMILY_BIT_IP, FAMILY_BIT_IP6},
    insn::{Insn, Opcode},
    program::BaseChain,
};
use kernel::{
    alloc::Flags,
    prelude::*,
    sync::Arc,
    uaccess::{UserPtr, UserSlice},
};

pub(crate) use crate::sets::Refused;

use super::{saturating, state::State, Base, Loaded, Ruleset, Run};
use crate::{
    abstractions::{net_namespace::Net, percpu::Lending},
    counters::{self, RuleCounters},
    facilities::Facilities,
    hook::Place,
};

/// For what grows with the program: charged to the caller's cgroup, and failing quietly.
fn flags() -> Flags {
    GFP_KERNEL_ACCOUNT | __GFP_NOWARN
}

/// The bytes of a program, or of a batch, in the kernel's memory.
pub(crate) struct UserBytes {
    words: KVVec<u64>,
    len: usize,
}

impl UserBytes {
    /// Copies `len` bytes from the user.
    ///
    /// # Errors
    ///
    /// `E2BIG` for more than `most`, before anything is allocated; `ENOMEM`; `EFAULT`.
    pub(crate) fn copy(address: u64, len: u64, most: u64) -> Result<Self> {
        if len > most {
            return Err(E2BIG);
        }
        let address = usize::try_from(address).map_err(|_| EFAULT)?;
        let from = UserPtr::from_addr(address);
        let len = len as usize;
        let mut words = KVVec::<u64>::zeroed(len.div_ceil(size_of::<u64>()), flags())?;
        let room = words.as_mut_bytes().get_mut(..len).ok_or(EINVAL)?;
        UserSlice::new(from, len).reader().read_slice(room)?;
        Ok(UserBytes { words, len })
    }
}

impl Storage for UserBytes {
    fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(..self.len).unwrap_or_default()
    }
}

/// A place where base chains want to run, and which.
pub(crate) struct Planned {
    place: Place,
    run: Run,
}

/// A verified program with all the memory that it needs.
pub(crate) struct Draft {
    program: Arc<Program<UserBytes>>,
    counters: RuleCounters,
    bases: KVec<Base>,
    plan: KVec<Planned>,
    keys: Lending<Key>,
    facilities: Facilities,
}

impl Draft {
    /// Verifies `bytes` and gets ready to run them in `net`.
    pub(crate) fn new(bytes: UserBytes, net: &Net) -> Result<Self, Refused> {
        let mut scratch =
            KVVec::from_elem(Scratch::default(), scratch_len(bytes.bytes()), flags())?;
        let program = verify(bytes, &mut scratch).map_err(Refused::Program)?;
        let view = program.view();
        let queues = |insn: &Insn| insn.opcode == Opcode::Queue as u8;
        let (plan, bases) = plan(&view, view.insns().iter().any(queues))?;
        let counters = RuleCounters::new(view.counters().len())?;
        counters::begin(&counters, &view);
        Ok(Draft {
            counters,
            facilities: Facilities::acquire(&view, net)?,
            program: Arc::new(program, GFP_KERNEL_ACCOUNT)?,
            bases,
            plan,
            keys: Lending::new(|| Key::EMPTY)?,
        })
    }

    /// The program.
    pub(crate) fn program(&self) -> &Arc<Program<UserBytes>> {
        &self.program
    }

    /// Where its base chains want to run.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.plan.iter().map(|planned| planned.place)
    }

    /// Makes a ruleset of it, with `state`, now that `slot_of` knows the points' slots.
    pub(crate) fn dress(
        self,
        generation: u64,
        state: State,
        slot_of: impl Fn(Place) -> Option<usize>,
    ) -> Result<Ruleset> {
        let last = self.places().filter_map(&slot_of).max();
        let slots = last.map_or(0, |last| last.saturating_add(1));
        let mut runs = KVec::from_elem(Run::default(), slots, GFP_KERNEL_ACCOUNT)?;
        for planned in &self.plan {
            let slot = slot_of(planned.place).ok_or(EINVAL)?;
            *runs.get_mut(slot).ok_or(EINVAL)? = planned.run;
        }
        let loaded = Loaded {
            program: self.program,
            bases: self.bases,
            keys: self.keys,
            counters: self.counters,
            facilities: self.facilities,
            state,
        };
        Ok(Ruleset::new(generation, runs, Some(loaded)))
    }
}

/// Groups base chains by place, keeping their order; or, if `apart`, gives each a place of its own. What a
/// base chain leaves of a packet as it is need not be run, but has its place even so.
fn plan(view: &View<'_>, apart: bool) -> Result<(KVec<Planned>, KVec<Base>)> {
    let mut plan = KVec::new();
    let mut bases = KVec::new();
    let chains = view.base_chains();
    for place in chains.iter().flat_map(places) {
        if plan.iter().any(|planned: &Planned| planned.place == place) {
            continue;
        }
        let first = saturating(bases.len());
        let mut declared = 0_u32;
        let here = chains
            .iter()
            .filter(|chain| places(chain).any(|at| at == place));
        for chain in here {
            declared = declared.saturating_add(1);
            if apart || !is_idle(view, chain) {
                let base = Base {
                    entry: view.entry(chain),
                    base: *chain,
                };
                bases.push(base, GFP_KERNEL_ACCOUNT)?;
            }
        }
        let run = Run {
            first,
            end: saturating(bases.len()),
            declared,
        };
        if apart {
            split(&mut plan, place, run)?;
        } else {
            plan.push(Planned { place, run }, GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok((plan, bases))
}

/// Whether a base chain has no rule, and accepts: no packet, counter or trace is the other for it.
fn is_idle(view: &View<'_>, base: &BaseChain) -> bool {
    let chain = view.chains().get(base.chain as usize);
    let first = chain.and_then(|chain| view.insns().get(chain.first_insn as usize));
    base.policy == Verdict::Accept as u8
        && first.is_some_and(|insn| insn.opcode == Opcode::Return as u8)
}

/// Plans each chain of a run alone: the last of them has the first ordinal.
fn split(plan: &mut KVec<Planned>, place: Place, run: Run) -> Result {
    for ordinal in 0..run.declared {
        let end = run.end.saturating_sub(ordinal);
        let planned = Planned {
            place: Place {
                ordinal: ordinal as usize,
                ..place
            },
            run: Run {
                first: end.saturating_sub(1),
                end,
                declared: 1,
            },
        };
        plan.push(planned, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// The places of a base chain: one for each packet family of its table.
fn places(chain: &BaseChain) -> impl Iterator<Item = Place> {
    let (hook, families, priority) = (chain.hook, chain.families, chain.priority);
    [(FAMILY_BIT_IP, Family::Ip), (FAMILY_BIT_IP6, Family::Ip6)]
        .into_iter()
        .filter(move |(bit, _)| families & bit != 0)
        .filter_map(move |(_, family)| {
            let hook = Hook::from_raw(hook)?;
            Some(Place {
                family,
                hook,
                priority,
                ordinal: 0,
            })
        })
}
