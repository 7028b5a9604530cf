// SPDX-License-Identifier: GPL-2.0
//! Sets and maps: elements that packets look up, and that requests and packets change.
//!
//! # The problem
//!
//! A million elements must be changed one at a time or all together, over several sets, while packets
//! look them up on every CPU; each packet has to see all of a change or nothing of it, with no lock
//! taken. And what rules have put there (addresses with timeouts, counters, limits) must outlive the program.
//!
//! # The idea
//!
//! A set is three structures:
//!
//! - single keys in a hash table that is changed in place, where every element says from which *epoch* on it is
//!   there, and from which on it is not (`element`, `exact`);
//! - single keys that are there to stay in a *frozen* table, packed, that never changes (`frozen`);
//! - intervals in a sorted table that never changes: a change makes another (`intervals`).
//!
//! A [`Snapshot`] says which epoch it is, and which tables are in force. It is published by one store,
//! and a packet reads it once, with its ruleset: what it says of all sets belongs together.
//!
//! # Single keys, hashed or frozen
//!
//! An element of the hash table is an allocation with a count, two epochs and a pointer: 80 bytes, and it takes two
//! cache lines to find. For a blocklist of a million addresses that is too much of both. In the frozen table
//! an element is its key and a byte, and it takes one line to find. What such a table lacks is whatever makes
//! an element more than key and data: comments, timeouts, states, and packets that change it. So a set
//! *freezes* if it has neither timeouts nor states and no rule adds to it; what has a comment, and the catch-all
//! element, is in the hash table even so.
//!
//! | change of a set that freezes | done to |
//! | --- | --- |
//! | few elements | the hash table, which lies over the frozen one: what comes is an element, what goes and is frozen gets a *tombstone*, an entry that says so; both are of the epoch to come, and undone, like any other |
//! | many; all; those that came with a ruleset | a copy of the frozen table, into which the hash table is melted first; the snapshot then has the copy |
//!
//! *Many* is when the hash table would have more than a sixteenth ([`stage`]) of what is frozen. So a set that
//! grows one by one is copied each time that it has grown by a sixteenth, which comes to a constant
//! number of copied elements for each that is added, and the hash table never takes much memory. A set
//! of a few elements is copied for every change, which is cheap, and its packets find all of it in one
//! place. The alternative, a hash table whose entries are packed and changed in place, was weighed: the epochs
//! alone would be 16 bytes an element, and growing it under RCU would take twice its size as well.
//!
//! # One change, from beginning to end
//!
//! Epoch 7 is published. `bad` has the keys A and B, `nets` the interval 10.0.0.0/8. A request deletes A,
//! adds C, and adds 192.168.0.0/16:
//!
//! ```text
//!                 hash table of bad                  nets                  packets see
//! at first        A [0, ∞)  B [0, ∞)                 table 1               A B   10/8
//! stage: delete   A [0, 8)  B [0, ∞)                 table 1               A B   10/8   (7 < 8)
//! stage: add      A [0, 8)  B [0, ∞)  C [8, ∞)       table 1               A B   10/8
//! stage: add      A [0, 8)  B [0, ∞)  C [8, ∞)       table 1, table 2      A B   10/8
//! publish         Snapshot { epoch: 8, table 2 }                           B C   10/8 192.168/16
//! later           B [0, ∞)  C [8, ∞)                 table 2               B C   10/8 192.168/16
//! ```
//!
//! Whatever is refused before `publish` is undone: what was born in 8 dies at once, what was to die in 8
//! does not, table 2 is dropped. *Later* is when a grace period has passed, so that no packet is left that
//! goes by epoch 7: a worker unlinks what is dead, waits for another one, and frees it.
//!
//! Loading a ruleset is the same, but that the snapshot is published with the new program. Packets that are
//! still in the old one go on with the epoch before, in the same tables.
//!
//! # What packets change
//!
//! `add @set { … }` is there at once, for all epochs (`update`). It goes to the hash table, even of a set of
//! intervals: a single key is looked for there first.
//!
//! # Locks
//!
//! | lock | held by | order |
//! | --- | --- | --- |
//! | the namespace's writer | requests | 1 |
//! | a hash table's shape (mutex) | whoever visits all of it, unlinks or grows: requests, the worker | 2 |
//! | a hash table's links (spinlock) | whoever changes an element: requests, packets | 3 |
//! | an element's states (spinlock) | whoever asks or reads them | 4 |

mod carry;
mod dump;
mod element;
mod exact;
mod freeze;
mod frozen;
mod hash;
mod intervals;
mod sort;
mod stage;
mod update;

use ferrule_engine::Found;
use ferrule_uapi::set::{Set, SET_TIMEOUT};
use kernel::{prelude::*, sync::Arc};

use crate::{
    abstractions::{bottom_half::BottomHalvesOff, rcupdate::ReadSide, workqueue::Timer},
    clock,
    states::Templates,
};
use element::{Element, Extras, Shape, TOMBSTONE};
use exact::Exact;
use frozen::{Frozen, Kept};
use intervals::IntervalTable;

pub(crate) use stage::{Refused, Stage};

/// What a set has, beside its intervals. It outlives the program.
struct Content {
    /// Collects what is dead. Goes first: it works on what follows.
    timer: Pin<KBox<Timer<Exact>>>,
    exact: Arc<Exact>,
    templates: Arc<Templates>,
}

/// What a set is called.
struct Name {
    anonymous: bool,
    identity: u64,
    family: u8,
    table: KVec<u8>,
    name: KVec<u8>,
}

/// A set of a program.
struct SetState {
    /// What the program says of it.
    declared: Set,
    name: Name,
    shape: Shape,
    /// Nothing that the program says of it keeps its elements from being frozen.
    plain: bool,
    /// Whether elements may be frozen: no packet adds to it, by this program or the one before.
    freezes: bool,
    content: Arc<Content>,
}

impl SetState {
    /// Whether its elements may have timeouts.
    fn is_timed(&self) -> bool {
        self.declared.flags & SET_TIMEOUT != 0
    }

    /// Something in it is, or will be, to be collected.
    fn collect(&self) {
        let after = self.content.exact.adjust(self.declared.gc_interval);
        self.content.timer.schedule(after);
    }
}

/// The sets of a program, in the order of its section.
pub(crate) struct Sets {
    sets: KVVec<SetState>,
    /// Hash of the name and index, ascending: for the program that comes next.
    names: KVVec<(u64, u32)>,
    /// What rules bring for elements, by place in the states section.
    templates: Brought,
}

/// What rules bring for elements, and where in the states section it is: ascending.
type Brought = KVVec<((u32, u32), Arc<Templates>)>;

/// What packets see of sets at one time.
pub(crate) struct Snapshot {
    /// Which time it is.
    epoch: u64,
    /// What never changes, by set.
    tables: Tables,
}

/// The tables of a set that never change.
#[derive(Clone, Default)]
pub(crate) struct SetTables {
    frozen: Option<Arc<Frozen>>,
    intervals: Option<Arc<IntervalTable>>,
}

/// Tables that never change, by the index of the set.
pub(crate) type Tables = KVVec<SetTables>;

impl Snapshot {
    /// Of no sets.
    pub(crate) fn empty(epoch: u64) -> Self {
        Snapshot {
            epoch,
            tables: KVVec::new(),
        }
    }

    /// Tables as they are, to begin a change with.
    pub(crate) fn tables(&self) -> Result<Tables> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let mut tables = KVVec::with_capacity(self.tables.len(), flags)?;
        for table in &self.tables {
            tables.push(table.clone(), flags)?;
        }
        Ok(tables)
    }

    /// The epoch.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The intervals of a set.
    fn intervals(&self, set: usize) -> Option<&IntervalTable> {
        self.tables.get(set)?.intervals.as_deref()
    }

    /// The frozen elements of a set.
    fn frozen(&self, set: usize) -> Option<&Frozen> {
        self.tables.get(set)?.frozen.as_deref()
    }
}

/// What a set has for a key: an element of the hash table, a frozen one, or an interval.
#[derive(Clone, Copy)]
struct Hit<'a> {
    data: &'a [u8],
    extras: Option<&'a Extras>,
}

/// A packet's view of its ruleset's sets.
#[derive(Clone, Copy)]
pub(crate) struct SetView<'a> {
    /// The sets.
    pub(crate) sets: &'a Sets,
    /// As of when.
    pub(crate) snapshot: &'a Snapshot,
    /// What keeps elements alive.
    pub(crate) rcu: &'a ReadSide<'a>,
    /// What keeps the packet on its CPU.
    pub(crate) here: &'a BottomHalvesOff,
}

impl<'a> SetView<'a> {
    /// What set `index` has for `key`, whose statements are asked for a packet of `len` bytes.
    pub(crate) fn find(&self, index: u32, key: &[u8], len: u32) -> Option<Found> {
        let set = self.sets.sets.get(index as usize)?;
        let hit = self.hit(set, index as usize, key)?;
        let cells = hit.extras.and_then(|extras| extras.cells.as_deref());
        match cells {
            Some(cells) if !cells.ask(len, self.here) => Some(Found::Refused),
            _ => set.shape.found(hit.data),
        }
    }

    /// Whether set `index` holds `key`. Its statements are not asked.
    pub(crate) fn holds(&self, index: u32, key: &[u8]) -> bool {
        let set = self.sets.sets.get(index as usize);
        set.is_some_and(|set| self.hit(set, index as usize, key).is_some())
    }

    /// What there is for `key`: a single key before an interval, the catch-all element last.
    #[inline]
    fn hit(&self, set: &'a SetState, index: usize, key: &[u8]) -> Option<Hit<'a>> {
        if key.len() != set.shape.key {
            return None;
        }
        let now = match set.is_timed() {
            true => clock::milliseconds(clock::now()),
            false => 0,
        };
        let of = |element: &'a Element| Hit {
            data: set.shape.data(element),
            extras: element.extras(),
        };
        let (exact, epoch) = (&*set.content.exact, self.snapshot.epoch);
        let tables = self.snapshot.tables.get(index)?;
        let is_used = exact.is_used();
        if is_used || tables.frozen.is_some() {
            let hash = exact.hash(key);
            let entry = is_used.then(|| exact.find(self.rcu, (key, hash), epoch, now));
            match (entry.flatten(), &tables.frozen) {
                (Some(entry), _) if !entry.is(TOMBSTONE) => return Some(of(entry)),
                (None, Some(frozen)) => {
                    if let Some(Kept { data, .. }) = frozen.find(key, hash) {
                        return Some(Hit { data, extras: None });
                    }
                }
                _ => {}
            }
        }
        if let Some(row) = tables.intervals.as_ref().and_then(|it| it.find(key, now)) {
            let extras = row.extras.map(|extras| &**extras);
            return Some(Hit {
                data: row.data,
                extras,
            });
        }
        exact.find_catchall(self.rcu, epoch, now).map(of)
    }
}
