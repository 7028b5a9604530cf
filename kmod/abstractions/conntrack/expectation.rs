// SPDX-License-Identifier: GPL-2.0
//! `ct expectation`: a connection that makes another one related.
//!
//! C header: [`include/net/netfilter/nf_conntrack_expect.h`](srctree/include/net/netfilter/nf_conntrack_expect.h)
//!
//! As in nftables, it is a helper that is registered nowhere. A rule gives it to a new connection; when that is
//! confirmed, conntrack calls the helper, and it expects a connection from the other end, once.

use core::{
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};

use kernel::{
    bindings::{nf_inet_addr, sk_buff},
    prelude::*,
    sync::rcu,
    time::msecs_to_jiffies,
};

use super::{Connection, Direction, End, Skb, CONFIRMED, IS_REPLY, STATUS};
use crate::abstractions::{
    bindings::{self, nf_conn, nf_conn_help, nf_conntrack_expect, nf_conntrack_helper},
    member::Member,
    optional::optional,
};

/// What conntrack calls of a helper.
type Help = unsafe extern "C" fn(*mut sk_buff, c_uint, *mut nf_conn, c_uint) -> c_int;

optional! {
    /// What expects connections.
    pub(super) struct Functions from "nf_conntrack" {
        nf_ct_expect_alloc: unsafe extern "C" fn(*mut nf_conn) -> *mut nf_conntrack_expect,
        nf_ct_expect_init: unsafe extern "C" fn(*mut nf_conntrack_expect, c_uint, u8, *const nf_inet_addr, *const nf_inet_addr, u8, *const u16, *const u16),
        nf_ct_expect_related_report: unsafe extern "C" fn(*mut nf_conntrack_expect, u32, c_int, c_uint) -> c_int,
        nf_ct_expect_put: unsafe extern "C" fn(*mut nf_conntrack_expect),
        nf_ct_helper_ext_add: unsafe extern "C" fn(*mut nf_conn, u32) -> *mut nf_conn_help,
        nf_conntrack_helper_release: unsafe extern "C" fn(*mut nf_conntrack_helper),
    }
}

const NAME: Member<[u8; 16]> = Member::at(bindings::FERRULE_HELPER_NAME);
const ME: Member<*mut kernel::bindings::module> = Member::at(bindings::FERRULE_HELPER_ME);
const MAX_EXPECTED: Member<u32> = Member::at(bindings::FERRULE_HELPER_MAX_EXPECTED);
const USERS: Member<i32> = Member::at(bindings::FERRULE_HELPER_USE);
const HELP: Member<Option<Help>> = Member::at(bindings::FERRULE_HELPER_HELP);
const HELPER: Member<*mut Block> = Member::at(bindings::FERRULE_HELP_HELPER);
/// The direction of the packet whose rule gave the helper, in the helper's data for the connection.
const WAY: Member<usize> = Member::at(bindings::FERRULE_HELP_DATA);
const TIMEOUT: Member<u32> = Member::at(bindings::FERRULE_EXPECT_TIMEOUT);

/// What is expected.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// The network protocol (`NFPROTO_*`).
    pub(crate) l3proto: u8,
    /// The transport protocol.
    pub(crate) l4proto: u8,
    /// The port that it goes to.
    pub(crate) port: u16,
    /// For how long, in milliseconds.
    pub(crate) timeout: u32,
    /// How many at a time; 0: as many as there may be.
    pub(crate) size: u8,
}

/// The helper, and what it needs. The kernel frees it as one (`kfree_rcu()`), when no connection has it
/// any more: that may be after our module is gone, by when nothing calls it.
#[repr(C)]
struct Block {
    helper: nf_conntrack_helper,
    plan: Plan,
    functions: ManuallyDrop<Functions>,
}

/// An expectation.
///
/// # Invariants
///
/// `block` is valid, its helper initialised, and a reference to it ours; `functions` are there as long as its
/// `help` is not null.
pub(crate) struct Expectation {
    block: NonNull<Block>,
}

// SAFETY: The block is not changed but for its count, which is atomic, and `help`, which is published.
unsafe impl Send for Expectation {}
// SAFETY: As above.
unsafe impl Sync for Expectation {}

impl Expectation {
    /// Makes the helper. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOENT` if this kernel has no conntrack; `ENOMEM`.
    pub(crate) fn new(plan: Plan) -> Result<Self> {
        let block = Block {
            helper: nf_conntrack_helper {
                _bindgen_opaque_blob: [0; size_of::<nf_conntrack_helper>() / 8],
            },
            plan,
            functions: ManuallyDrop::new(Functions::get()?),
        };
        let block = NonNull::from(Box::leak(KBox::new(block, GFP_KERNEL_ACCOUNT)?));
        let size = match plan.size {
            0 => bindings::FERRULE_EXPECT_MAX,
            size => u32::from(size),
        };
        // SAFETY: The block is ours, and its helper is its first member.
        unsafe {
            NAME.write(block, *b"ferrule_expect\0\0");
            ME.write(block, bindings::ferrule_this_module());
            MAX_EXPECTED.write(block, size);
            USERS.write(block, 1);
            HELP.write(block, Some(expect));
        }
        // INVARIANT: The count is 1, ours.
        Ok(Expectation { block })
    }

    fn functions(&self) -> &Functions {
        // SAFETY: By the type invariants.
        unsafe { &self.block.as_ref().functions }
    }

    /// Lets the packet's connection make another related. `false` if it has a helper, or cannot have one.
    pub(crate) fn assign(&self, packet: &Skb<'_>) -> bool {
        let Some(ct) = packet.connection().filter(|ct| !ct.is_confirmed()) else {
            return false;
        };
        if ct.extension(bindings::FERRULE_EXT_HELPER).is_some() {
            return false;
        }
        let add = self.functions().nf_ct_helper_ext_add;
        // SAFETY: The connection is not in the table yet, so it is ours.
        let help = unsafe { add(ct.ct.as_ptr(), kernel::bindings::GFP_ATOMIC) };
        let Some(help) = NonNull::new(help) else {
            return false;
        };
        // SAFETY: `help` is a `struct nf_conn_help` that nobody else sees yet; the block is valid.
        unsafe {
            WAY.write(help, usize::from(ct.direction() == Direction::Reply));
            if bindings::ferrule_refcount_inc_not_zero(USERS.of(self.block).cast()) {
                HELPER.write(help, self.block.as_ptr());
            }
        }
        true
    }
}

impl Drop for Expectation {
    fn drop(&mut self) {
        // SAFETY: By the type invariants; whoever reads it meanwhile is waited for below.
        unsafe { HELP.write(self.block, None) };
        rcu::synchronize_rcu();
        let release = self.functions().nf_conntrack_helper_release;
        // SAFETY: Nobody calls the helper any more, so nobody uses the functions but this.
        let functions = unsafe { ptr::read(&raw const (*self.block.as_ptr()).functions) };
        // SAFETY: By the type invariants the reference is ours, and given up here.
        unsafe { release(self.block.as_ptr().cast()) };
        drop(ManuallyDrop::into_inner(functions));
    }
}

/// Expects a connection from the other end.
///
/// # Safety
///
/// To be called by conntrack alone, for a connection whose helper is that of an [`Expectation`].
unsafe extern "C" fn expect(
    _skb: *mut sk_buff,
    _offset: c_uint,
    ct: *mut nf_conn,
    info: c_uint,
) -> c_int {
    const ACCEPT: c_int = kernel::bindings::NF_ACCEPT as c_int;
    const DROP: c_int = kernel::bindings::NF_DROP as c_int;
    let Some(ct) = NonNull::new(ct) else {
        return ACCEPT;
    };
    // INVARIANT: Conntrack hands over the packet's own.
    let connection = Connection {
        ct,
        info: info as usize,
        _packet: core::marker::PhantomData,
    };
    let reply = info as usize >= IS_REPLY;
    // SAFETY: The connection is valid.
    let confirmed = unsafe { STATUS.read(ct) } & CONFIRMED != 0;
    let help = connection.extension(bindings::FERRULE_EXT_HELPER);
    let Some(help) = help.filter(|_| !confirmed) else {
        return ACCEPT;
    };
    // SAFETY: The extension is a `struct nf_conn_help`; its helper is that which is called.
    let (block, way) = unsafe { (HELPER.read(help), WAY.read(help)) };
    let Some(block) = NonNull::new(block).filter(|_| way == usize::from(reply)) else {
        return ACCEPT;
    };
    // SAFETY: The helper is an expectation's, whose `help` is not null: it is in use.
    let block = unsafe { block.as_ref() };
    let Block {
        plan, functions, ..
    } = block;
    let other = if reply {
        Direction::Original
    } else {
        Direction::Reply
    };
    let from = Inet(connection.address(other, End::Source));
    let to = Inet(connection.address(other, End::Destination));
    let port = plan.port.to_be();
    // SAFETY: The connection is valid, the pointers are to addresses and a port, which are copied. The
    // expectation is ours until it is put.
    unsafe {
        let Some(expected) = NonNull::new((functions.nf_ct_expect_alloc)(ct.as_ptr())) else {
            return DROP;
        };
        (functions.nf_ct_expect_init)(
            expected.as_ptr(),
            0,
            plan.l3proto,
            from.pointer(),
            to.pointer(),
            plan.l4proto,
            ptr::null(),
            &port,
        );
        let more = msecs_to_jiffies(plan.timeout) as u32;
        TIMEOUT.write(expected, TIMEOUT.read(expected).wrapping_add(more));
        (functions.nf_ct_expect_related_report)(expected.as_ptr(), 0, 0, 0);
        (functions.nf_ct_expect_put)(expected.as_ptr());
    }
    ACCEPT
}

/// An address that C is given a pointer to.
#[repr(C, align(8))]
struct Inet([u8; 16]);

impl Inet {
    fn pointer(&self) -> *const nf_inet_addr {
        ptr::from_ref(self).cast()
    }
}
