// SPDX-License-Identifier: GPL-2.0
//! Network namespaces, and what a module keeps for each of them.
//!
//! C headers: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h),
//! [`include/net/netns/generic.h`](srctree/include/net/netns/generic.h)
//!
//! ```text
//! module loaded      ┐                        ┌ module removed
//! namespace made     ┴─► init ─► ... pre_exit ┴─► grace period ─► exit
//!                        │           │                            │
//!                   PerNet::new   hooks unregistered         state let go
//! ```

use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};

use kernel::{
    bindings::{net, pernet_operations},
    error::{from_result, to_result},
    prelude::*,
    sync::{
        aref::{ARef, AlwaysRefCounted},
        atomic::{Acquire, Atomic, Full, Release},
        rcu, Arc,
    },
    types::Opaque,
};

use super::{
    bindings,
    netfilter::{Hook, HookTable},
};

/// Wraps the kernel's `struct net`.
///
/// A reference to it (`get_net()`) keeps the namespace alive, as an open socket does.
#[repr(transparent)]
pub(crate) struct Net(Opaque<net>);

// SAFETY: `struct net` is reference-counted, and what is used of it here does not depend on the thread.
unsafe impl Send for Net {}
// SAFETY: As above.
unsafe impl Sync for Net {}

impl Net {
    /// The network namespace of the current process; `None` if it has none any more.
    pub(crate) fn current() -> Option<ARef<Self>> {
        let task = kernel::task::Task::current_raw();
        // SAFETY: `task` is the current task; its `nsproxy` is only changed by itself.
        let proxy = NonNull::new(unsafe { (*task).nsproxy })?;
        // SAFETY: The task holds its `nsproxy`, and that the namespace. They stay while it runs this.
        let net = NonNull::new(unsafe { (*proxy.as_ptr()).net_ns })?;
        // SAFETY: `net` is valid and its count not zero, as it is in use.
        unsafe { bindings::ferrule_get_net(net.as_ptr()) };
        // SAFETY: `Net` is transparent; the reference was just taken.
        Some(unsafe { ARef::from_raw(net.cast()) })
    }

    /// The namespace itself.
    pub(super) fn raw(&self) -> *mut net {
        self.0.get()
    }

    /// Whether the current process has `CAP_NET_ADMIN` in the user namespace that owns this namespace.
    pub(crate) fn may_administer(&self) -> bool {
        // SAFETY: `self` is a valid `net`, whose owner never changes and stays as long as it does.
        unsafe {
            kernel::bindings::ns_capable(
                (*self.0.get()).user_ns,
                kernel::bindings::CAP_NET_ADMIN as c_int,
            )
        }
    }
}

// SAFETY: `get_net()` and `put_net()` count references.
unsafe impl AlwaysRefCounted for Net {
    fn inc_ref(&self) {
        // SAFETY: A shared reference means that the count is not zero.
        unsafe { bindings::ferrule_get_net(self.0.get()) };
    }

    unsafe fn dec_ref(net: NonNull<Self>) {
        // SAFETY: The caller gives up a reference.
        unsafe { bindings::ferrule_put_net(net.cast().as_ptr()) };
    }
}

/// What a module keeps for a network namespace.
pub(crate) trait PerNet: Send + Sync + Sized + 'static {
    /// Its hook functions.
    type Hook: Hook;

    /// Where the kernel keeps it: a `static`, one for each type.
    fn key() -> &'static PerNetKey<Self>;

    /// Makes the state of a namespace that comes into being, or is there when the module is loaded.
    /// `hooks` are closed when either goes.
    fn new(hooks: Arc<HookTable<Self::Hook>>) -> Result<Arc<Self>>;
}

/// How the state of a namespace is found.
///
/// # Invariants
///
/// - `number` is written to by `register_pernet_subsys()` alone, while `stage` is [`BUSY`].
/// - While `stage` is [`OPEN`], and until a grace period after, a pernet subsystem of that number is
///   registered, whose memory in each namespace is a [`Slot<T>`].
pub(crate) struct PerNetKey<T> {
    number: Opaque<c_uint>,
    stage: Atomic<i32>,
    _type: PhantomData<fn() -> T>,
}

/// [`PerNetKey::stage`]: there is no subsystem.
const NONE: i32 = 0;

/// [`PerNetKey::stage`]: the subsystem is being registered, or unregistered.
const BUSY: i32 = 1;

/// [`PerNetKey::stage`]: the subsystem is registered.
const OPEN: i32 = 2;

// SAFETY: By the invariants `number` is written while nobody but its writer reads it.
unsafe impl<T> Sync for PerNetKey<T> {}

impl<T> PerNetKey<T> {
    /// A key for a `static`.
    pub(crate) const fn new() -> Self {
        PerNetKey {
            number: Opaque::zeroed(),
            stage: Atomic::new(NONE),
            _type: PhantomData,
        }
    }
}

/// What lies in the memory that the kernel has for us in each namespace.
///
/// # Invariants
///
/// Both are null, or both are from [`Arc::into_raw`] and own their references.
#[repr(C)]
struct Slot<T: PerNet> {
    state: *const T,
    hooks: *const HookTable<T::Hook>,
}

impl<T: PerNet> Slot<T> {
    /// The slot in `net`.
    ///
    /// # Safety
    ///
    /// `net` must be valid, `T`'s subsystem have its number, and the slot be initialised or zeroed.
    unsafe fn of(net: NonNull<net>) -> NonNull<Self> {
        // SAFETY: The number is not written to any more, by the safety requirement.
        let number = unsafe { *T::key().number.get() };
        // SAFETY: The kernel allocated the memory, zeroed, before it first called `init`.
        let slot = unsafe { bindings::ferrule_net_generic(net.as_ptr(), number) };
        // SAFETY: As above: it is not null.
        unsafe { NonNull::new_unchecked(slot.cast()) }
    }
}

/// The state of `net`; `None` if the subsystem is not registered.
pub(crate) fn state<T: PerNet>(net: &Net) -> Option<Arc<T>> {
    let _rcu = rcu::read_lock();
    if T::key().stage.load(Acquire) != OPEN {
        return None;
    }
    let net = NonNull::new(net.0.get())?;
    // SAFETY: By the invariants of `PerNetKey` the subsystem stays registered until this read-side
    // critical section has ended; `net` is alive, so `exit` has not been called for it, and `init` has:
    // it is before `OPEN`, or before the namespace can be seen.
    let state = unsafe { (*Slot::<T>::of(net).as_ptr()).state };
    // SAFETY: By the invariants of `Slot`; the reference that it owns is left to it.
    let state = (!state.is_null()).then(|| ManuallyDrop::new(unsafe { Arc::from_raw(state) }))?;
    Some(Arc::clone(&state))
}

/// A registered pernet subsystem: every network namespace, present and future, has a `T`.
///
/// # Invariants
///
/// `operations` are registered from initialisation to `Drop`.
#[pin_data(PinnedDrop)]
pub(crate) struct Subsystem<T: PerNet> {
    #[pin]
    operations: Opaque<pernet_operations>,
    _type: PhantomData<fn() -> T>,
}

// SAFETY: The operations are not touched between registering and unregistering, which may be done
// on any thread.
unsafe impl<T: PerNet> Send for Subsystem<T> {}
// SAFETY: As above; there are no methods that take a shared reference.
unsafe impl<T: PerNet> Sync for Subsystem<T> {}

impl<T: PerNet> Subsystem<T> {
    /// Makes a `T` for every network namespace.
    ///
    /// # Errors
    ///
    /// `EBUSY` if there is such a subsystem; whatever [`PerNet::new`] fails with.
    pub(crate) fn register() -> impl PinInit<Self, Error> {
        try_pin_init!(Subsystem {
            operations <- Opaque::try_ffi_init(Self::start),
            _type: PhantomData,
        })
    }

    fn start(operations: *mut pernet_operations) -> Result {
        let key = T::key();
        if key.stage.cmpxchg(NONE, BUSY, Full).is_err() {
            return Err(EBUSY);
        }
        let ops = pernet_operations {
            init: Some(init::<T>),
            pre_exit: Some(pre_exit::<T>),
            exit: Some(exit::<T>),
            id: key.number.get(),
            size: size_of::<Slot<T>>(),
            ..pin_init::zeroed()
        };
        // SAFETY: The caller's place is valid for writes.
        unsafe { operations.write(ops) };
        // SAFETY: The operations are initialised, and stay where they are until they are unregistered.
        let status = unsafe { kernel::bindings::register_pernet_subsys(operations) };
        let registered = to_result(status);
        // INVARIANT: `OPEN` only if the subsystem is registered.
        let stage = if registered.is_ok() { OPEN } else { NONE };
        key.stage.store(stage, Release);
        registered
    }
}

#[pinned_drop]
impl<T: PerNet> PinnedDrop for Subsystem<T> {
    fn drop(self: Pin<&mut Self>) {
        let key = T::key();
        // INVARIANT: Not `OPEN` any more, for a grace period before it is unregistered.
        key.stage.store(BUSY, Release);
        rcu::synchronize_rcu();
        // SAFETY: By the type invariant it is registered.
        unsafe { kernel::bindings::unregister_pernet_subsys(self.operations.get()) };
        key.stage.store(NONE, Release);
    }
}

/// Makes the state of a namespace.
///
/// # Safety
///
/// To be called by the kernel alone, through the operations of `T`.
unsafe extern "C" fn init<T: PerNet>(net: *mut net) -> c_int {
    from_result(|| {
        let net = NonNull::new(net).ok_or(EINVAL)?;
        // SAFETY: `net` stays valid until `pre_exit` has returned, which closes the table; if there is
        // no state it is closed before this returns.
        let hooks = Arc::pin_init(unsafe { HookTable::new(net) }, GFP_KERNEL_ACCOUNT)?;
        let state = T::new(hooks.clone()).inspect_err(|_| hooks.close())?;
        // SAFETY: The kernel calls this between setting the number and using the slot; nobody else looks
        // at it yet.
        let slot = unsafe { Slot::<T>::of(net) };
        // INVARIANT: Both are from `Arc::into_raw`.
        let filled = Slot {
            state: state.into_raw(),
            hooks: hooks.into_raw(),
        };
        // SAFETY: As above.
        unsafe { slot.write(filled) };
        Ok(0)
    })
}

/// Unregisters the hook functions. The kernel waits for a grace period between this and [`exit`].
///
/// # Safety
///
/// As for [`init`].
unsafe extern "C" fn pre_exit<T: PerNet>(net: *mut net) {
    let Some(net) = NonNull::new(net) else {
        return;
    };
    // SAFETY: `net` is valid, and `init` has returned.
    let hooks = unsafe { (*Slot::<T>::of(net).as_ptr()).hooks };
    // SAFETY: By the invariants of `Slot` it is null or owned by it.
    if let Some(hooks) = unsafe { hooks.as_ref() } {
        hooks.close();
    }
}

/// Lets go of the state.
///
/// # Safety
///
/// As for [`init`].
unsafe extern "C" fn exit<T: PerNet>(net: *mut net) {
    let Some(net) = NonNull::new(net) else {
        return;
    };
    // INVARIANT: Both are null from now on.
    let empty = Slot {
        state: ptr::null(),
        hooks: ptr::null(),
    };
    // SAFETY: `net` is valid, `init` has returned, and nobody looks at the slot any more: the namespace has
    // no users, or the subsystem has not been `OPEN` for a grace period.
    let Slot { state, hooks } = unsafe { Slot::<T>::of(net).replace(empty) };
    if !state.is_null() {
        // SAFETY: By the invariants of `Slot`, both came from `Arc::into_raw`, and are now ours.
        unsafe { (drop(Arc::from_raw(state)), drop(Arc::from_raw(hooks))) };
    }
}
