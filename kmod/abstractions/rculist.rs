// SPDX-License-Identifier: GPL-2.0
//! A hash table that readers search under RCU while writers change it.
//!
//! C headers: [`include/linux/rculist.h`](srctree/include/linux/rculist.h); the method of growing is that of
//! [`lib/rhashtable.c`](srctree/lib/rhashtable.c), whose interface is inlines and macros of its users' types.
//!
//! ```text
//! Arrays ─► now  ─► heads ─► Entry ─► Entry ─► (end)
//!        └► next ─► heads       while the table grows
//! ```
//!
//! | who | may | holds |
//! | --- | --- | --- |
//! | [`Table::find`] | search | RCU |
//! | [`Locked`] | search, insert | the spinlock `links`; also in a softirq |
//! | [`Walk`] | visit all, unlink, grow | the mutex `shape`, and `links` for each single change |
//!
//! Only a `Walk` unlinks, so whoever holds `shape` may look at entries without RCU and may sleep. What is
//! unlinked is let go of after a grace period ([`Swept`]).
//!
//! # Growing
//!
//! A larger array is published beside the present one; after a grace period every reader looks in both, the
//! old one first. Then each chain of the old array is moved, its last entry first: the entry is linked
//! into the new array and then cut off the old chain. A reader that stands on it strays into a chain of
//! the new array, having seen all of the old one; a reader that comes too late for it finds it in the new.

use core::{
    alloc::Layout,
    ptr::{self, NonNull},
    slice,
};

use kernel::{
    alloc::{allocator::Kmalloc, Allocator, Flags, NumaNode},
    prelude::*,
    sync::{
        aref::{ARef, AlwaysRefCounted},
        atomic::{Atomic, Release},
        barrier::{smp_mb, Read},
        new_mutex, new_spinlock, rcu, Arc, Mutex, MutexGuard, Refcount, SpinLock, SpinLockGuard,
    },
};

use super::{
    bottom_half::BottomHalvesOff,
    rcupdate::{GracePeriod, Published, ReadSide, Retired},
};

/// What a table holds: a value, and bytes of a length of its own right behind it.
///
/// # Invariants
///
/// - The instance was allocated by [`Kmalloc`] with the layout that [`layout`] says, and `len` initialised
///   bytes follow it. They never change.
/// - `next` is null or an entry that is valid as long as a reader can come to it.
#[repr(C)]
pub(crate) struct Entry<X> {
    refs: Refcount,
    hash: u32,
    next: Atomic<*mut Entry<X>>,
    len: u32,
    value: X,
}

/// The layout of an entry with `len` bytes.
fn layout<X>(len: usize) -> Result<Layout> {
    let size = size_of::<Entry<X>>().checked_add(len).ok_or(EINVAL)?;
    Layout::from_size_align(size, align_of::<Entry<X>>()).map_err(|_| EINVAL)
}

impl<X> Entry<X> {
    /// An entry with the bytes of `tail`, piece after piece.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(hash: u32, value: X, tail: &[&[u8]], flags: Flags) -> Result<ARef<Self>> {
        let len = tail
            .iter()
            .fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
        let layout = layout::<X>(len)?;
        let memory = Kmalloc::alloc(layout, flags, NumaNode::NO_NODE)?;
        let entry = memory.cast::<Self>();
        let filled = Entry {
            refs: Refcount::new(1),
            hash,
            next: Atomic::new(ptr::null_mut()),
            len: u32::try_from(len).map_err(|_| EINVAL)?,
            value,
        };
        // SAFETY: The memory was just allocated for an entry.
        unsafe { entry.write(filled) };
        let mut to = entry.cast::<u8>().as_ptr().wrapping_add(size_of::<Self>());
        for piece in tail {
            // SAFETY: The layout has room for all pieces; the memory is not a piece's.
            unsafe { ptr::copy_nonoverlapping(piece.as_ptr(), to, piece.len()) };
            to = to.wrapping_add(piece.len());
        }
        // INVARIANT: Allocated and filled as the type says.
        // SAFETY: The count is one, and that reference is given to the result.
        Ok(unsafe { ARef::from_raw(entry) })
    }

    /// What it was hashed to, or any number for what is in no table.
    #[inline]
    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    /// The value.
    #[inline]
    pub(crate) fn value(&self) -> &X {
        &self.value
    }

    /// The bytes.
    #[inline]
    pub(crate) fn tail(&self) -> &[u8] {
        let tail = ptr::from_ref(self).wrapping_add(1).cast::<u8>();
        // SAFETY: By the type invariants.
        unsafe { slice::from_raw_parts(tail, self.len as usize) }
    }
}

// SAFETY: `refs` counts references; the memory is freed with the last one.
unsafe impl<X> AlwaysRefCounted for Entry<X> {
    fn inc_ref(&self) {
        self.refs.inc();
    }

    unsafe fn dec_ref(entry: NonNull<Self>) {
        // SAFETY: The caller owns a reference.
        let (last, len) = unsafe { (entry.as_ref().refs.dec_and_test(), entry.as_ref().len) };
        if !last {
            return;
        }
        // SAFETY: That was the last reference: nobody else looks at it.
        unsafe { ptr::drop_in_place(entry.as_ptr()) };
        if let Ok(layout) = layout::<X>(len as usize) {
            // SAFETY: By the type invariants it was allocated with this layout.
            unsafe { Kmalloc::free(entry.cast(), layout) };
        }
    }
}

// SAFETY: What is in it may be sent and shared; the bytes do not change.
unsafe impl<X: Send + Sync> Send for Entry<X> {}
// SAFETY: As above.
unsafe impl<X: Send + Sync> Sync for Entry<X> {}

/// The beginning of a chain.
#[repr(transparent)]
struct Head<X>(Atomic<*mut Entry<X>>);

// SAFETY: All bytes zero are a null pointer.
unsafe impl<X> Zeroable for Head<X> {}

/// `READ_ONCE` of a link, which orders what is read through it.
#[inline]
fn follow<'a, X>(link: &Atomic<*mut Entry<X>>) -> Option<&'a Entry<X>> {
    // SAFETY: A valid, aligned pointer; all accesses to it are marked.
    let entry = unsafe { link.as_ptr().read_volatile() };
    // SAFETY: By the invariants of `Entry` and `Heads`; callers hold what keeps it alive for `'a`.
    unsafe { entry.as_ref() }
}

/// `rcu_assign_pointer` of a link.
fn set<X>(link: &Atomic<*mut Entry<X>>, entry: *mut Entry<X>) {
    link.store(entry, Release);
}

/// An array of chains.
///
/// # Invariants
///
/// There are `mask + 1` heads. Each is null or an entry of which the array owns a reference, as it does of
/// those that follow it.
struct Heads<X: Send + Sync + 'static> {
    heads: KVVec<Head<X>>,
    mask: u32,
}

// SAFETY: Entries may be sent and shared.
unsafe impl<X: Send + Sync> Send for Heads<X> {}
// SAFETY: As above; links are changed under the table's lock.
unsafe impl<X: Send + Sync> Sync for Heads<X> {}

impl<X: Send + Sync + 'static> Heads<X> {
    /// `2^bits` empty chains.
    fn new(bits: u32, flags: Flags) -> Result<Arc<Self>> {
        let len = 1_u32.checked_shl(bits.min(MAX_BITS)).unwrap_or(1);
        let heads = KVVec::zeroed(len as usize, flags)?;
        let mask = len.wrapping_sub(1);
        Ok(Arc::new(Heads { heads, mask }, flags)?)
    }

    /// The chain of a hash.
    #[inline]
    fn head(&self, hash: u32) -> Option<&Atomic<*mut Entry<X>>> {
        self.heads
            .get((hash & self.mask) as usize)
            .map(|head| &head.0)
    }

    /// The first entry of that hash that `is` holds of. The caller has what keeps entries alive for `'a`.
    #[inline]
    fn find<'a>(&self, hash: u32, is: &mut impl FnMut(&Entry<X>) -> bool) -> Option<&'a Entry<X>> {
        let mut at = follow(self.head(hash)?);
        while let Some(entry) = at {
            if entry.hash == hash && is(entry) {
                return Some(entry);
            }
            at = follow(&entry.next);
        }
        None
    }

    /// Moves the last entry of a chain to `to`; `false` if the chain is empty. Under `links`.
    fn move_last(&self, head: &Head<X>, to: &Heads<X>) -> bool {
        let mut link = &head.0;
        let Some(mut last) = follow(link) else {
            return false;
        };
        while let Some(after) = follow(&last.next) {
            link = &last.next;
            last = after;
        }
        let Some(target) = to.head(last.hash) else {
            return false;
        };
        // INVARIANT: The reference passes from one array to the other.
        let head = follow(target).map_or(ptr::null_mut(), |head| ptr::from_ref(head).cast_mut());
        set(&last.next, head);
        set(target, ptr::from_ref(last).cast_mut());
        set(link, ptr::null_mut());
        true
    }
}

impl<X: Send + Sync + 'static> Drop for Heads<X> {
    fn drop(&mut self) {
        for head in &self.heads {
            let mut at = follow(&head.0);
            while let Some(entry) = at {
                at = follow(&entry.next);
                // SAFETY: By the type invariant the reference is ours, and no reader is left: the array
                // is dropped a grace period after it was published last.
                drop(unsafe { ARef::from_raw(NonNull::from(entry)) });
            }
        }
    }
}

/// Where entries are.
struct Arrays<X: Send + Sync + 'static> {
    now: Arc<Heads<X>>,
    next: Option<Arc<Heads<X>>>,
}

impl<X: Send + Sync + 'static> Arrays<X> {
    #[inline]
    fn find<'a>(&self, hash: u32, is: &mut impl FnMut(&Entry<X>) -> bool) -> Option<&'a Entry<X>> {
        let found = self.now.find(hash, is);
        match &self.next {
            Some(next) if found.is_none() => {
                // What was missing in the old array has been linked into the new one before.
                smp_mb(Read);
                next.find(hash, is)
            }
            _ => found,
        }
    }
}

/// Most chains, as a power of two.
const MAX_BITS: u32 = 20;

/// A hash table.
#[pin_data]
pub(crate) struct Table<X: Send + Sync + 'static> {
    arrays: Published<Arrays<X>>,
    #[pin]
    links: SpinLock<()>,
    #[pin]
    shape: Mutex<()>,
}

impl<X: Send + Sync + 'static> Table<X> {
    /// An empty table with room for about `2^bits` entries.
    pub(crate) fn new(bits: u32, flags: Flags) -> Result<impl PinInit<Self>> {
        let now = Heads::new(bits, flags)?;
        let arrays = Arc::new(Arrays { now, next: None }, flags)?;
        let arrays = Published::new(arrays);
        Ok(pin_init!(Table {
            arrays,
            links <- new_spinlock!(()),
            shape <- new_mutex!(()),
        }))
    }

    /// The first entry of that hash that `is` holds of.
    #[inline]
    pub(crate) fn find<'a>(
        &'a self,
        rcu: &'a ReadSide<'_>,
        hash: u32,
        mut is: impl FnMut(&Entry<X>) -> bool,
    ) -> Option<&'a Entry<X>> {
        self.arrays.read(rcu).find(hash, &mut is)
    }

    /// Keeps other writers away.
    pub(crate) fn lock<'a>(&'a self, here: &'a BottomHalvesOff) -> Locked<'a, X> {
        Locked {
            table: self,
            _guard: self.links.lock(),
            _rcu: rcu::read_lock(),
            _here: here,
        }
    }

    /// Keeps whoever unlinks away. Sleeps.
    pub(crate) fn walk(&self) -> Walk<'_, X> {
        Walk {
            table: self,
            _guard: self.shape.lock(),
        }
    }

    /// What is published, for whoever holds RCU or `shape` for `'a`.
    fn arrays<'a>(&'a self) -> &'a Arrays<X> {
        // SAFETY: The callers hold RCU, or `shape`, without which nothing is replaced.
        let rcu: ReadSide<'a> = unsafe { ReadSide::assume_held() };
        // SAFETY: The reference is valid for `'a` by the same reason; the evidence itself is not needed.
        unsafe { &*ptr::from_ref(self.arrays.read(&rcu)) }
    }
}

/// A table without other writers.
pub(crate) struct Locked<'a, X: Send + Sync + 'static> {
    table: &'a Table<X>,
    _guard: SpinLockGuard<'a, ()>,
    _rcu: rcu::Guard,
    _here: &'a BottomHalvesOff,
}

impl<X: Send + Sync + 'static> Locked<'_, X> {
    /// The first entry of that hash that `is` holds of.
    pub(crate) fn find(
        &self,
        hash: u32,
        mut is: impl FnMut(&Entry<X>) -> bool,
    ) -> Option<&Entry<X>> {
        self.table.arrays().find(hash, &mut is)
    }

    /// Adds an entry.
    pub(crate) fn insert(&self, entry: ARef<Entry<X>>) {
        let arrays = self.table.arrays();
        let heads = arrays.next.as_ref().unwrap_or(&arrays.now);
        let Some(link) = heads.head(entry.hash) else {
            return;
        };
        let head = follow(link).map_or(ptr::null_mut(), |head| ptr::from_ref(head).cast_mut());
        set(&entry.next, head);
        // INVARIANT: The reference now belongs to the array.
        set(link, ARef::into_raw(entry).as_ptr());
    }
}

/// Entries that were unlinked, to be let go of when no reader is left: when this is dropped, which sleeps.
pub(crate) struct Swept<X: 'static> {
    entries: KVVec<ARef<Entry<X>>>,
    grace: GracePeriod,
}

impl<X> Swept<X> {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<X> Drop for Swept<X> {
    fn drop(&mut self) {
        if !self.entries.is_empty() {
            self.grace.wait();
        }
    }
}

/// A table from which nobody else unlinks.
pub(crate) struct Walk<'a, X: Send + Sync + 'static> {
    table: &'a Table<X>,
    _guard: MutexGuard<'a, ()>,
}

impl<X: Send + Sync + 'static> Walk<'_, X> {
    /// The first entry of that hash that `is` holds of.
    pub(crate) fn find(
        &self,
        hash: u32,
        mut is: impl FnMut(&Entry<X>) -> bool,
    ) -> Option<&Entry<X>> {
        self.table.arrays().find(hash, &mut is)
    }

    /// All entries; those that are inserted meanwhile may be among them.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry<X>> + '_ {
        let heads = self.table.arrays().now.heads.iter();
        heads.flat_map(|head| {
            let mut at = follow(&head.0);
            core::iter::from_fn(move || {
                let entry = at?;
                at = follow(&entry.next);
                Some(entry)
            })
        })
    }

    /// Unlinks at most `most` entries that `take` holds of, which is asked with the table locked, after
    /// `maybe` has said yes without.
    pub(crate) fn sweep(
        &self,
        most: usize,
        maybe: impl Fn(&Entry<X>) -> bool,
        mut take: impl FnMut(&Entry<X>) -> bool,
    ) -> Result<Swept<X>> {
        let mut entries = KVVec::with_capacity(most, GFP_KERNEL | __GFP_NOWARN)?;
        for head in &self.table.arrays().now.heads {
            let mut at = follow(&head.0);
            while let Some(entry) = at {
                if maybe(entry) {
                    break;
                }
                at = follow(&entry.next);
            }
            if at.is_some() && !self.sweep_chain(head, &mut entries, &mut take) {
                break;
            }
        }
        // INVARIANT: The grace period begins after the last was unlinked.
        Ok(Swept {
            entries,
            grace: GracePeriod::begin(),
        })
    }

    /// Unlinks from one chain; `false` if there is no more room for what is unlinked.
    fn sweep_chain(
        &self,
        head: &Head<X>,
        entries: &mut KVVec<ARef<Entry<X>>>,
        take: &mut impl FnMut(&Entry<X>) -> bool,
    ) -> bool {
        let here = BottomHalvesOff::new();
        let _locked = self.table.lock(&here);
        let mut link = &head.0;
        while let Some(entry) = follow(link) {
            if entries.len() == entries.capacity() {
                return false;
            }
            if !take(entry) {
                link = &entry.next;
                continue;
            }
            let next = follow(&entry.next);
            set(
                link,
                next.map_or(ptr::null_mut(), |next| ptr::from_ref(next).cast_mut()),
            );
            // SAFETY: By the invariant of `Heads` the chain's reference is ours now that it is unlinked.
            let entry = unsafe { ARef::from_raw(NonNull::from(entry)) };
            let _ = entries.push_within_capacity(entry);
        }
        true
    }

    /// Makes room for about `len` entries, if there is not. Sleeps.
    pub(crate) fn grow(&self, len: usize) -> Result {
        let arrays = self.table.arrays();
        let now = arrays.now.clone();
        let bits = usize::BITS.wrapping_sub(len.saturating_sub(1).leading_zeros());
        if bits.min(MAX_BITS) <= now.mask.count_ones() {
            return Ok(());
        }
        let next = Heads::new(bits, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
        let both = Arrays {
            now: now.clone(),
            next: Some(next.clone()),
        };
        let both = Arc::new(both, GFP_KERNEL_ACCOUNT)?;
        let last = Arrays {
            now: next.clone(),
            next: None,
        };
        let last = Arc::new(last, GFP_KERNEL_ACCOUNT)?;
        self.publish(both).wait();
        for head in &now.heads {
            let here = BottomHalvesOff::new();
            let _locked = self.table.lock(&here);
            while now.move_last(head, &next) {}
        }
        self.publish(last).wait();
        Ok(())
    }

    /// Replaces the arrays while nobody inserts.
    fn publish(&self, arrays: Arc<Arrays<X>>) -> Retired<Arrays<X>> {
        let here = BottomHalvesOff::new();
        let _locked = self.table.lock(&here);
        self.table.arrays.replace(arrays)
    }
}
