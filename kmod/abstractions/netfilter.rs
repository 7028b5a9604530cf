// SPDX-License-Identifier: GPL-2.0
//! Netfilter hooks.
//!
//! C header: [`include/linux/netfilter.h`](srctree/include/linux/netfilter.h)
//!
//! A [`HookTable`] holds the hook functions that one network namespace has registered. Each is an
//! `nf_hook_ops` with a value of the driver's beside it, which netfilter hands back with every packet
//! (`priv`):
//!
//! ```text
//! HookTable ─► Entry ┬ ops ◄── netfilter's list, until unregistered
//!                    └ hook ◄── every packet there, until a grace period later
//! ```

use core::ptr::NonNull;

use kernel::{
    bindings::{net, sk_buff},
    error::to_result,
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
    types::Opaque,
};

use super::{
    bindings::{self, nf_hook_ops, nf_hook_state},
    bottom_half::BottomHalvesOff,
    conntrack::Tracking,
    rcupdate::{GracePeriod, ReadSide},
    skbuff::Skb,
};

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on to the next hook function.
    Accept,
    /// It is freed. Netfilter itself (`nf_hook_slow`) gives `SKB_DROP_REASON_NETFILTER_DROP` as the reason,
    /// which dropwatch and the tracepoint `skb:kfree_skb` show.
    Drop,
    /// It is handed to user space, by way of this queue (`nfnetlink_queue`); if nobody listens there it is
    /// dropped, or, with `bypass`, goes on.
    Queue {
        /// Number of the queue.
        number: u16,
        /// Let it go on if nobody listens.
        bypass: bool,
    },
}

impl Verdict {
    /// What netfilter calls it.
    #[inline]
    fn to_raw(self) -> u32 {
        match self {
            Verdict::Accept => kernel::bindings::NF_ACCEPT,
            Verdict::Drop => kernel::bindings::NF_DROP,
            Verdict::Queue { number, bypass } => {
                let bypass = if bypass { QUEUE_BYPASS } else { 0 };
                u32::from(number) << QUEUE_BITS | bypass | kernel::bindings::NF_QUEUE
            }
        }
    }
}

/// `NF_VERDICT_QBITS`.
const QUEUE_BITS: u32 = 16;

/// `NF_VERDICT_FLAG_QUEUE_BYPASS`.
const QUEUE_BYPASS: u32 = 0x8000;

/// A hook function.
pub(crate) trait Hook: Send + Sync + 'static {
    /// Judges a packet. Runs in a softirq or in a process, must not sleep.
    fn judge<'a>(
        &'a self,
        packet: &'a mut Skb<'a>,
        rcu: &'a ReadSide<'a>,
        here: &'a BottomHalvesOff,
    ) -> Verdict;
}

/// Where a hook function is registered.
///
/// # Invariants
///
/// `pf` is `NFPROTO_IPV4` or `NFPROTO_IPV6`, `hooknum` is less than `NF_INET_NUMHOOKS`.
#[derive(Clone, Copy)]
pub(crate) struct HookSpec {
    pf: u8,
    hooknum: u8,
    priority: i32,
}

impl HookSpec {
    /// The hook numbered `hooknum` (`NF_INET_*`) of protocol `pf` (`NFPROTO_*`); `None` if it is not one
    /// of IPv4's and IPv6's five.
    pub(crate) fn new(pf: u8, hooknum: u8, priority: i32) -> Option<Self> {
        let known = u32::from(pf) == kernel::bindings::NFPROTO_IPV4
            || u32::from(pf) == kernel::bindings::NFPROTO_IPV6;
        let within = u32::from(hooknum) <= kernel::bindings::nf_inet_hooks_NF_INET_POST_ROUTING;
        // INVARIANT: Both were just checked.
        (known && within).then_some(HookSpec {
            pf,
            hooknum,
            priority,
        })
    }
}

/// What netfilter knows of an [`Entry`].
#[derive(Clone, Copy)]
enum Stage {
    /// Nothing yet.
    New,
    /// Packets go through it.
    Registered,
    /// It was unregistered when this grace period began; until it ends packets may still be in it.
    Unregistered(GracePeriod),
}

/// A hook function that may be registered in a [`HookTable`].
///
/// # Invariants
///
/// `stage` says what netfilter knows of it. It is not dropped while it is registered.
pub(crate) struct Entry<H> {
    ops: Opaque<nf_hook_ops>,
    hook: H,
    stage: Stage,
}

// SAFETY: `ops` is written before the entry is registered, and then only read, by netfilter under its
// own lock.
unsafe impl<H: Send> Send for Entry<H> {}
// SAFETY: As above.
unsafe impl<H: Sync> Sync for Entry<H> {}

impl<H: Hook> Entry<H> {
    /// Allocates a hook function at `spec`.
    pub(crate) fn new(spec: HookSpec, hook: H) -> Result<KBox<Self>> {
        let entry = KBox::new(
            Entry {
                ops: Opaque::zeroed(),
                hook,
                stage: Stage::New,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let ops = entry.ops.get();
        // SAFETY: `ops` is valid for writes, zeroed, which is a valid `nf_hook_ops`, and nobody else's yet.
        unsafe {
            (*ops).hook = Some(callback::<H>);
            (*ops).priv_ = (&raw const entry.hook).cast_mut().cast();
            (*ops).pf = spec.pf;
            (*ops).hooknum = u32::from(spec.hooknum);
            (*ops).priority = spec.priority;
        }
        Ok(entry)
    }
}

impl<H> Drop for Entry<H> {
    fn drop(&mut self) {
        if let Stage::Unregistered(grace) = self.stage {
            grace.wait();
        }
    }
}

/// Calls the driver's [`Hook::judge`].
///
/// # Safety
///
/// To be called by netfilter alone, with the `priv` of an [`Entry<H>`].
unsafe extern "C" fn callback<H: Hook>(
    data: *mut c_void,
    skb: *mut sk_buff,
    state: *const nf_hook_state,
) -> c_uint {
    // SAFETY: `Entry::new` set `priv` to its hook, which outlives its registration by a grace period.
    let hook = unsafe { &*data.cast::<H>() };
    // SAFETY: Netfilter calls hook functions with the RCU read-side lock held (`nf_hook()`).
    let rcu = unsafe { ReadSide::assume_held() };
    // SAFETY: Netfilter hands a packet and a state over.
    let (skb, state) = unsafe {
        (
            NonNull::new_unchecked(skb),
            NonNull::new_unchecked(state.cast_mut()),
        )
    };
    // SAFETY: Netfilter hands a valid packet and state over for the length of the call. IP has made sure
    // that the packet is not shared (`skb_share_check()`), and has set its network header.
    let mut packet = unsafe { Skb::from_raw(skb, state) };
    // SAFETY: If the caller has turned bottom halves off, it is not before this returns that it turns them on. No
    // `BottomHalvesOff` that was made before this call can be dropped within: it is not `Sync`, so that none
    // can be reached by way of `hook`.
    let here = unsafe { BottomHalvesOff::within() };
    hook.judge(&mut packet, &rcu, &here).to_raw()
}

/// The hook functions that a network namespace has registered.
///
/// # Invariants
///
/// While `open` is set, `net` is valid, and exactly the entries that are [`Stage::Registered`] are
/// registered there. When it is not, none is.
#[pin_data(PinnedDrop)]
pub(crate) struct HookTable<H: Hook> {
    net: NonNull<net>,
    #[pin]
    registered: Mutex<Registered<H>>,
}

struct Registered<H> {
    open: bool,
    entries: KVec<KBox<Entry<H>>>,
    /// What conntrack was started for, and is to be stopped for before the table is closed.
    tracked: KVec<Arc<Tracking>>,
}

// SAFETY: `net` is only used for calls that lock by themselves, and while it is valid.
unsafe impl<H: Hook> Send for HookTable<H> {}
// SAFETY: As above.
unsafe impl<H: Hook> Sync for HookTable<H> {}

impl<H: Hook> HookTable<H> {
    /// An empty table for `net`.
    ///
    /// # Safety
    ///
    /// [`HookTable::close`] must be called before `net` becomes invalid.
    pub(super) unsafe fn new(net: NonNull<net>) -> impl PinInit<Self> {
        // INVARIANT: `net` is valid until `close`; there are no entries.
        pin_init!(HookTable {
            net,
            registered <- new_mutex!(Registered {
                open: true,
                entries: KVec::new(),
                tracked: KVec::new(),
            }),
        })
    }

    /// Registers all of `batch`, or none.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the namespace is going away, `ENOMEM`, `E2BIG` if there are too many hook functions.
    pub(crate) fn register(&self, batch: KVec<KBox<Entry<H>>>) -> Result {
        let mut registered = self.registered.lock();
        if !registered.open {
            return Err(ENODEV);
        }
        let before = registered.entries.len();
        for entry in batch {
            if let Err(error) = self.add(&mut registered.entries, entry) {
                for entry in registered.entries.iter_mut().skip(before) {
                    self.unregister(entry);
                }
                registered.entries.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Registers `entry`, and puts it among `entries`. The table must be open.
    fn add(&self, entries: &mut KVec<KBox<Entry<H>>>, entry: KBox<Entry<H>>) -> Result {
        entries.push(entry, GFP_KERNEL_ACCOUNT)?;
        let Some(entry) = entries.last_mut() else {
            return Err(ENOMEM);
        };
        // SAFETY: By the type invariants `net` is valid. `ops` is initialised, and stays where it is, in
        // its box, until it is unregistered and a grace period has passed.
        to_result(unsafe { bindings::nf_register_net_hook(self.net.as_ptr(), entry.ops.get()) })?;
        // INVARIANT: Now it is registered.
        entry.stage = Stage::Registered;
        Ok(())
    }

    /// Unregisters `entry` if it is registered. The table must be open.
    fn unregister(&self, entry: &mut Entry<H>) {
        if let Stage::Registered = entry.stage {
            // SAFETY: By the type invariants `net` is valid and the entry registered there.
            unsafe { bindings::nf_unregister_net_hook(self.net.as_ptr(), entry.ops.get()) };
            // INVARIANT: It is no longer registered, since just before.
            entry.stage = Stage::Unregistered(GracePeriod::begin());
        }
    }

    /// Unregisters the hook functions that `unwanted` says, waits until no packet is in them, and
    /// drops them. Cannot fail. Sleeps.
    pub(crate) fn remove(&self, unwanted: impl Fn(&H) -> bool) {
        let mut registered = self.registered.lock();
        if !registered.open {
            return;
        }
        for entry in &mut registered.entries {
            if unwanted(&entry.hook) {
                self.unregister(entry);
            }
        }
        // The first entry that is dropped waits for a grace period; it is the others' too.
        let gone = |entry: &KBox<Entry<H>>| matches!(entry.stage, Stage::Unregistered(_));
        while let Some(index) = registered.entries.iter().position(gone) {
            drop(registered.entries.remove(index));
        }
    }

    /// Starts conntrack in the namespace, until the result is dropped or the table closed. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the namespace is going away, `ENOMEM`, or what conntrack says.
    pub(crate) fn track(self: &Arc<Self>, tracking: Arc<Tracking>) -> Result<Tracked<H>> {
        let mut registered = self.registered.lock();
        if !registered.open {
            return Err(ENODEV);
        }
        registered.tracked.reserve(1, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: By the type invariants `net` is valid; it is stopped by `close` at the latest.
        unsafe { tracking.start(self.net.as_ptr()) }?;
        registered
            .tracked
            .push_within_capacity(tracking.clone())
            .map_err(|_| ENOMEM)?;
        drop(registered);
        Ok(Tracked {
            table: self.clone(),
            tracking,
        })
    }

    /// Stops conntrack for `tracking`, unless the table was closed, which did it.
    fn untrack(&self, tracking: &Arc<Tracking>) {
        let mut registered = self.registered.lock();
        if !registered.open {
            return;
        }
        // SAFETY: By the type invariants `net` is valid, and it is what it was started for.
        unsafe { tracking.stop(self.net.as_ptr()) };
        let is_it = |it: &Arc<Tracking>| Arc::ptr_eq(it, tracking);
        while let Some(index) = registered.tracked.iter().position(is_it) {
            drop(registered.tracked.remove(index));
        }
    }

    /// Unregisters all hook functions, and lets no more be registered. Packets may still be in them:
    /// they are freed with the table.
    pub(super) fn close(&self) {
        let mut registered = self.registered.lock();
        if registered.open {
            for entry in &mut registered.entries {
                self.unregister(entry);
            }
            for tracking in &registered.tracked {
                // SAFETY: By the type invariants `net` is valid, and it is what it was started for.
                unsafe { tracking.stop(self.net.as_ptr()) };
            }
            registered.tracked.clear();
            // INVARIANT: None is registered.
            registered.open = false;
        }
    }
}

/// Conntrack in a namespace: on while this is there, or the namespace.
pub(crate) struct Tracked<H: Hook> {
    table: Arc<HookTable<H>>,
    tracking: Arc<Tracking>,
}

impl<H: Hook> Drop for Tracked<H> {
    fn drop(&mut self) {
        self.table.untrack(&self.tracking);
    }
}

#[pinned_drop]
impl<H: Hook> PinnedDrop for HookTable<H> {
    fn drop(self: Pin<&mut Self>) {
        self.close();
    }
}
