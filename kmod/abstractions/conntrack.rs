// SPDX-License-Identifier: GPL-2.0
//! Connection tracking.
//!
//! C headers: [`include/net/netfilter/nf_conntrack.h`](srctree/include/net/netfilter/nf_conntrack.h) and
//! those beside it.
//!
//! Conntrack is a module of its own, which need not be loaded, and does nothing in a network namespace until
//! somebody there wants it ([`Tracking`]). What a packet's connection is ([`Skb::connection`]) can be read
//! without it: where it is not, packets have none.

mod change;
mod expectation;
mod helper;
mod tracking;

use core::{marker::PhantomData, ptr::NonNull};

use kernel::prelude::*;

pub(crate) use expectation::{Expectation, Plan};
pub(crate) use helper::Helper;
pub(crate) use tracking::{Tracking, Wants};

use super::{
    bindings::{self, nf_conn, nf_conntrack_zone},
    member::Member,
    skbuff::Skb,
};

const NFCT: Member<usize> = Member::at(bindings::FERRULE_SKB_NFCT);
const STATUS: Member<usize> = Member::at(bindings::FERRULE_CT_STATUS);
const MARK: Member<u32> = Member::at(bindings::FERRULE_CT_MARK);
const SECMARK: Member<u32> = Member::at(bindings::FERRULE_CT_SECMARK);
const ZONE: Member<nf_conntrack_zone> = Member::at(bindings::FERRULE_CT_ZONE);
const ZONE_ID: Member<u16> = Member::at(bindings::FERRULE_CT_ZONE);
const MASTER: Member<*mut nf_conn> = Member::at(bindings::FERRULE_CT_MASTER);
const LABELS: Member<[u64; 2]> = Member::at(0);

/// `NFCT_INFOMASK`: what a packet's `_nfct` has beside the connection's address.
const INFO: usize = bindings::FERRULE_NFCT_PTRMASK_INVERSE as usize;

/// `IP_CT_IS_REPLY`: how the packet is related to the connection, from here on in the other direction.
const IS_REPLY: usize = 3;

/// `IP_CT_UNTRACKED`.
const UNTRACKED: usize = 7;

/// `NF_CT_STATE_INVALID_BIT`, `NF_CT_STATE_UNTRACKED_BIT`.
const INVALID_BIT: u32 = 1;
const UNTRACKED_BIT: u32 = 1 << 6;

/// `IPS_*_BIT`.
const CONFIRMED: usize = 1 << 3;
const NAT: usize = 3 << 4;
const TEMPLATE: usize = 1 << 11;
const HELPER: usize = 1 << 13;

/// A direction of a connection, or neither.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// That of the first packet.
    Original,
    /// The other.
    Reply,
}

/// One end of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Where packets of the direction come from.
    Source,
    /// Where they go to.
    Destination,
}

/// The connection that a packet belongs to.
///
/// # Invariants
///
/// `ct` is valid for `'a`, and no template: the packet holds it.
pub(crate) struct Connection<'a> {
    ct: NonNull<nf_conn>,
    info: usize,
    _packet: PhantomData<&'a ()>,
}

impl Skb<'_> {
    /// `skb->_nfct`.
    #[inline]
    fn nfct(&self) -> usize {
        // SAFETY: `skb` is valid.
        unsafe { NFCT.read(self.raw()) }
    }

    /// How the packet is related to its connection: bits of `NF_CT_STATE_BIT()`.
    #[inline]
    pub(crate) fn ct_state(&self) -> u32 {
        let nfct = self.nfct();
        match (nfct & !INFO, nfct & INFO) {
            (0, UNTRACKED) => UNTRACKED_BIT,
            (0, _) => INVALID_BIT,
            // `NF_CT_STATE_BIT()`: established, related and new are 0 to 2, replies 3 to 5.
            (_, info @ 0..IS_REPLY) => 1 << info.wrapping_add(1),
            (_, info) => 1 << info.wrapping_sub(IS_REPLY).wrapping_add(1),
        }
    }

    /// Whether it has a connection, or never will have one.
    fn is_seen(&self) -> bool {
        let nfct = self.nfct();
        nfct & !INFO != 0 || nfct & INFO == UNTRACKED
    }

    /// Its connection, if it has one (`nf_ct_get()`).
    #[inline]
    pub(crate) fn connection(&self) -> Option<Connection<'_>> {
        let nfct = self.nfct();
        let ct = NonNull::new((nfct & !INFO) as *mut nf_conn)?;
        // SAFETY: The packet holds its connection.
        let status = unsafe { STATUS.read(ct) };
        // INVARIANT: It is no template; the packet holds it as long as it is borrowed.
        (status & TEMPLATE == 0).then_some(Connection {
            ct,
            info: nfct & INFO,
            _packet: PhantomData,
        })
    }

    /// Keeps conntrack from looking at the packet, unless it has already (`notrack`).
    pub(crate) fn leave_untracked(&mut self) {
        if !self.is_seen() {
            // SAFETY: `skb` is valid and ours; it holds no connection that would be forgotten.
            unsafe { NFCT.write(self.raw(), UNTRACKED) }
        }
    }
}

impl Connection<'_> {
    /// The direction of the packet.
    pub(crate) fn direction(&self) -> Direction {
        if self.info >= IS_REPLY {
            Direction::Reply
        } else {
            Direction::Original
        }
    }

    fn status_bits(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { STATUS.read(self.ct) }
    }

    /// `IPS_*`.
    pub(crate) fn status(&self) -> u32 {
        self.status_bits() as u32
    }

    /// Whether it is, or was, in the table.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.status_bits() & CONFIRMED != 0
    }

    /// The mark, if this kernel has it.
    pub(crate) fn mark(&self) -> Option<u32> {
        // SAFETY: By the type invariants.
        unsafe { MARK.get(self.ct) }
    }

    /// The security mark, if this kernel has it.
    pub(crate) fn secmark(&self) -> Option<u32> {
        // SAFETY: By the type invariants.
        unsafe { SECMARK.get(self.ct) }
    }

    /// Milliseconds until it is forgotten.
    pub(crate) fn expires(&self) -> u32 {
        // SAFETY: By the type invariants.
        unsafe { bindings::ferrule_nf_ct_expires(self.ct.as_ptr().cast()) }
    }

    /// The zone's number, as it counts in `direction`.
    pub(crate) fn zone(&self, direction: Option<Direction>) -> Option<u16> {
        // SAFETY: By the type invariants; the number is the first member of a zone, the directions are the
        // last byte.
        let (id, zone) = unsafe { (ZONE_ID.get(self.ct)?, ZONE.get(self.ct)?) };
        let [_, flags] = zone._bindgen_opaque_blob;
        let [_, directions] = flags.to_ne_bytes();
        let counts = direction.is_none_or(|direction| directions & bit(direction) != 0);
        Some(if counts { id } else { 0 })
    }

    /// An extension's data.
    fn extension(&self, id: u32) -> Option<NonNull<c_void>> {
        let id = u8::try_from(id).ok()?;
        // SAFETY: By the type invariants.
        NonNull::new(unsafe { bindings::ferrule_nf_ct_ext_find(self.ct.as_ptr().cast(), id) })
    }

    /// The labels, a bit each; none of them if it has no room for labels.
    pub(crate) fn labels(&self) -> u128 {
        let labels = self.extension(bindings::FERRULE_EXT_LABELS);
        // SAFETY: The extension is 128 bits.
        let bits = labels.map(|labels| unsafe { LABELS.read(labels) });
        bits.map_or(0, |[low, high]| u128::from(high) << 64 | u128::from(low))
    }

    /// Packets and bytes, of one direction or of both; zeros if they are not counted.
    pub(crate) fn counts(&self, direction: Option<Direction>) -> (u64, u64) {
        match direction {
            Some(direction) => self.counts_of(direction),
            None => {
                let (packets, bytes) = self.counts_of(Direction::Original);
                let (back, bytes_back) = self.counts_of(Direction::Reply);
                (packets.wrapping_add(back), bytes.wrapping_add(bytes_back))
            }
        }
    }

    fn counts_of(&self, direction: Direction) -> (u64, u64) {
        let Some(counters) = self.extension(bindings::FERRULE_EXT_ACCT) else {
            return (0, 0);
        };
        let start = match direction {
            Direction::Original => 0,
            Direction::Reply => bindings::FERRULE_CT_COUNTER_STRIDE,
        };
        let member = |offset: u32| Member::<u64>::at(start.wrapping_add(offset));
        // SAFETY: The extension is two counters of two 64-bit numbers.
        unsafe {
            (
                member(bindings::FERRULE_CT_COUNTER_PACKETS).read(counters),
                member(bindings::FERRULE_CT_COUNTER_BYTES).read(counters),
            )
        }
    }

    /// A member of the tuple of `direction`.
    fn tuple<T: Copy>(&self, direction: Direction, offset: u32) -> T {
        let start = match direction {
            Direction::Original => bindings::FERRULE_CT_TUPLE,
            Direction::Reply => {
                bindings::FERRULE_CT_TUPLE.wrapping_add(bindings::FERRULE_CT_TUPLE_STRIDE)
            }
        };
        // SAFETY: By the type invariants; callers pass a member's own type.
        unsafe { Member::at(start.wrapping_add(offset)).read(self.ct) }
    }

    /// The network protocol (`NFPROTO_*`).
    pub(crate) fn l3proto(&self) -> u16 {
        self.tuple(Direction::Original, bindings::FERRULE_TUPLE_L3NUM)
    }

    /// The transport protocol.
    pub(crate) fn l4proto(&self) -> u8 {
        self.tuple(Direction::Original, bindings::FERRULE_TUPLE_PROTONUM)
    }

    /// The address of an end. Of an IPv4 address the first four bytes count.
    pub(crate) fn address(&self, direction: Direction, end: End) -> [u8; 16] {
        self.tuple(
            direction,
            match end {
                End::Source => bindings::FERRULE_TUPLE_SRC,
                End::Destination => bindings::FERRULE_TUPLE_DST,
            },
        )
    }

    /// The port, or what is like it, of an end.
    pub(crate) fn port(&self, direction: Direction, end: End) -> u16 {
        let port: u16 = self.tuple(
            direction,
            match end {
                End::Source => bindings::FERRULE_TUPLE_SRC_PORT,
                End::Destination => bindings::FERRULE_TUPLE_DST_PORT,
            },
        );
        u16::from_be(port)
    }

    /// A number that is its own.
    pub(crate) fn id(&self, tracking: &Tracking) -> u32 {
        // SAFETY: By the type invariants; the function is there while `tracking` is.
        unsafe { (tracking.functions().nf_ct_get_id)(self.ct.as_ptr()) }
    }

    /// The name of the helper that expected it, padded with zeros.
    pub(crate) fn helper(&self) -> Option<[u8; 16]> {
        // SAFETY: By the type invariants; the connection holds its master.
        let ct = NonNull::new(unsafe { MASTER.read(self.ct) })?;
        // INVARIANT: As above.
        let master = Connection {
            ct,
            info: 0,
            _packet: PhantomData,
        };
        let help = master.extension(bindings::FERRULE_EXT_HELPER)?;
        let helper = Member::<*mut c_void>::at(bindings::FERRULE_HELP_HELPER);
        // SAFETY: The extension is a `struct nf_conn_help`.
        let helper = NonNull::new(unsafe { helper.read(help) })?;
        let name = Member::<[u8; 16]>::at(bindings::FERRULE_HELPER_NAME);
        // SAFETY: A helper is freed a grace period after it was let go.
        let mut name = unsafe { name.read(helper) };
        let mut ended = false;
        for byte in &mut name {
            ended |= *byte == 0;
            if ended {
                *byte = 0;
            }
        }
        Some(name)
    }
}

/// `1 << IP_CT_DIR_*`.
fn bit(direction: Direction) -> u8 {
    match direction {
        Direction::Original => 1,
        Direction::Reply => 2,
    }
}
