// SPDX-License-Identifier: GPL-2.0
//! IPv6: what `nft_fib6_eval()` and `nft_fib6_eval_type()` do.

use core::ptr::{self, NonNull};

use kernel::{
    bindings::{fib6_info, list_head, net_device},
    prelude::*,
};

use super::Question;
use crate::abstractions::{
    bindings,
    dst::{Address6, FLOW_WORDS},
    member::{Member, Room},
    netdevice::Interface,
    skbuff::Skb,
};

/// Room for a `struct fib6_result`.
const RESULT_WORDS: usize = (bindings::FERRULE_FIB6_RESULT_SIZE as usize).div_ceil(8);

const RESULT_INFO: Member<*mut fib6_info> = Member::at(bindings::FERRULE_FIB6_RESULT_F6I);
const RESULT_FLAGS: Member<u32> = Member::at(bindings::FERRULE_FIB6_RESULT_FLAGS);
const RESULT_TYPE: Member<u8> = Member::at(bindings::FERRULE_FIB6_RESULT_TYPE);
const INFO_NEXTHOP: Member<*mut bindings::nexthop> = Member::at(bindings::FERRULE_FIB6_INFO_NH);
const INFO_SIBLINGS: Member<list_head> = Member::at(bindings::FERRULE_FIB6_INFO_SIBLINGS);
const INFO_NSIBLINGS: Member<u32> = Member::at(bindings::FERRULE_FIB6_INFO_NSIBLINGS);
const NEXTHOP_DEVICE: Member<*mut net_device> = Member::at(bindings::FERRULE_FIB6_NH_DEV);

/// `IPV6_ADDR_*` of `net/ipv6.h`.
const ADDR_UNICAST: i32 = 1;
const ADDR_MULTICAST: i32 = 2;
const ADDR_LINKLOCAL: i32 = 0x20;

/// `RT6_LOOKUP_F_*`.
const LOOKUP_IFACE: i32 = 1;
const LOOKUP_HAS_SADDR: i32 = 4;
const LOOKUP_DST_NOREF: i32 = 0x80;

/// `RTF_*`.
const REJECT: u32 = 0x0200;
const ANYCAST: u32 = 0x0010_0000;
const LOCAL: u32 = 0x8000_0000;

/// `IPPROTO_ICMPV6`.
const ICMPV6: u8 = 58;

/// The header's first four bytes, source and destination.
struct Header {
    flow: [u8; 4],
    source: [u8; 16],
    destination: [u8; 16],
}

impl Header {
    fn of(packet: &Skb<'_>) -> Option<Self> {
        let mut header = Header {
            flow: [0; 4],
            source: [0; 16],
            destination: [0; 16],
        };
        let whole = packet.copy(0, &mut header.flow)
            && packet.copy(8, &mut header.source)
            && packet.copy(24, &mut header.destination);
        whole.then_some(header)
    }

    /// Neighbour discovery of a host that has no address yet: it is from where it came from.
    fn is_from_nowhere(&self, l4proto: u8) -> bool {
        l4proto == ICMPV6
            && self.source == [0; 16]
            && kind_of(&self.destination) & ADDR_LINKLOCAL != 0
    }
}

/// `ipv6_addr_type()`.
fn kind_of(address: &[u8; 16]) -> i32 {
    let address = Address6(*address);
    // SAFETY: The pointer is to an address.
    unsafe { bindings::ferrule_ipv6_addr_type(address.pointer()) }
}

/// A question as `fib6_lookup()` takes it.
struct Lookup {
    flow: Room<FLOW_WORDS>,
    to: [u8; 16],
    output: i32,
    flags: i32,
}

impl Lookup {
    /// `nft_fib6_flowi_init()`.
    fn new(
        packet: &Skb<'_>,
        question: Question,
        confined: &Interface<'_>,
        header: &Header,
    ) -> Self {
        let (to, from) = if question.source {
            (header.source, header.destination)
        } else {
            (header.destination, header.source)
        };
        let mut flow = Room::zeroed();
        // SAFETY: The namespace is valid.
        let uid = unsafe { bindings::ferrule_sock_net_uid(packet.net()) };
        let mark = if question.mark { packet.mark() } else { 0 };
        let (mut flags, mut output) = (LOOKUP_DST_NOREF, 0);
        if kind_of(&to) & ADDR_LINKLOCAL != 0 {
            flags |= LOOKUP_IFACE;
            output = match confined.raw() {
                device if device.is_null() => packet.device().index() as i32,
                _ => confined.index() as i32,
            };
        }
        if kind_of(&from) & ADDR_UNICAST != 0 {
            flags |= LOOKUP_HAS_SADDR;
        }
        let [version, label @ ..] = header.flow;
        let [high, middle, low] = label;
        // `IPV6_FLOWINFO_MASK`: without the version.
        let label = [version & 0x0f, high, middle, low];
        let input = packet.flow_input(question);
        flow.set(Member::at(bindings::FERRULE_FLOWI_IIF), input);
        flow.set(Member::at(bindings::FERRULE_FLOWI_OIF), output);
        flow.set(Member::at(bindings::FERRULE_FLOWI_PROTO), question.l4proto);
        flow.set(Member::at(bindings::FERRULE_FLOWI_UID), uid);
        flow.set(Member::at(bindings::FERRULE_FLOWI_MARK), mark);
        let master = packet.master_of(confined);
        flow.set(Member::at(bindings::FERRULE_FLOWI_L3MDEV), master);
        flow.set(Member::at(bindings::FERRULE_FLOWI6_DADDR), to);
        flow.set(Member::at(bindings::FERRULE_FLOWI6_SADDR), from);
        flow.set(Member::at(bindings::FERRULE_FLOWI6_FLOWLABEL), label);
        Lookup {
            flow,
            to,
            output,
            flags,
        }
    }

    /// Looks it up; the errno if there is no route.
    fn run(&mut self, packet: &Skb<'_>) -> Result<Answer, i32> {
        let mut result = Room::<RESULT_WORDS>::zeroed();
        // SAFETY: The namespace is valid, the rooms are a `struct flowi6` and a `struct fib6_result`, and the
        // RCU read-side lock is held.
        let status = unsafe {
            bindings::fib6_lookup(
                packet.net(),
                self.output,
                self.flow.pointer().as_ptr().cast(),
                result.pointer().as_ptr().cast(),
                self.flags,
            )
        };
        if status != 0 {
            return Err(status);
        }
        // INVARIANT: The lookup filled it in; what it found is protected by RCU.
        Ok(Answer {
            info: result.value(RESULT_INFO).and_then(NonNull::new),
            flags: result.value(RESULT_FLAGS).unwrap_or(0),
            kind: result.value(RESULT_TYPE).unwrap_or(0),
        })
    }
}

/// A route.
///
/// # Invariants
///
/// `info` is valid in the RCU read-side critical section that the packet is judged in.
struct Answer {
    info: Option<NonNull<fib6_info>>,
    flags: u32,
    kind: u8,
}

impl Answer {
    /// The device of its first next hop.
    fn device(&self) -> *mut net_device {
        self.info.map_or(ptr::null_mut(), |info| {
            // SAFETY: By the type invariants.
            unsafe { bindings::ferrule_fib6_info_nh_dev(info.as_ptr()) }
        })
    }

    /// Whether one of its next hops is by `device` (`nft_fib6_info_nh_uses_dev()`).
    fn uses(&self, device: *mut net_device) -> bool {
        let Some(info) = self.info else {
            return false;
        };
        // SAFETY: By the type invariants.
        let nexthop = unsafe { INFO_NEXTHOP.read(info) };
        if !nexthop.is_null() {
            // SAFETY: The next hop is the route's; the callback takes what it is given here.
            let found = unsafe {
                bindings::nexthop_for_each_fib6_nh(nexthop, Some(matches), device.cast())
            };
            return found != 0;
        }
        is_by(self.device(), device) || self.siblings_use(info, device)
    }

    /// Whether a route beside it, to the same destination, is by `device`.
    fn siblings_use(&self, info: NonNull<fib6_info>, device: *mut net_device) -> bool {
        let head: *mut list_head = INFO_SIBLINGS.of(info);
        let offset = bindings::FERRULE_FIB6_INFO_SIBLINGS as usize;
        let mut at = head;
        loop {
            // SAFETY: `at` is the head or an entry of a list that is protected by RCU.
            at = unsafe { (&raw const (*at).next).read_volatile() };
            // SAFETY: By the type invariants.
            if at == head || at.is_null() || unsafe { INFO_NSIBLINGS.read(info) } == 0 {
                return false;
            }
            let sibling: *mut fib6_info = at.wrapping_byte_sub(offset).cast();
            // SAFETY: Entries of the list are members of a `struct fib6_info`.
            let own = unsafe { bindings::ferrule_fib6_info_nh_dev(sibling) };
            if is_by(own, device) {
                return true;
            }
        }
    }
}

/// Whether a next hop by `own` is one by `device`: it may be its VRF.
fn is_by(own: *mut net_device, device: *mut net_device) -> bool {
    // SAFETY: Both are null or protected by RCU.
    unsafe {
        let wanted = Interface::from_raw(device).index() as i32;
        ptr::eq(own, device) || bindings::ferrule_l3mdev_master_ifindex_rcu(own) == wanted
    }
}

/// Asks of one next hop whether it is by the device that `wanted` points at.
///
/// # Safety
///
/// To be called by `nexthop_for_each_fib6_nh` alone, as [`Answer::uses`] does.
unsafe extern "C" fn matches(nexthop: *mut bindings::fib6_nh, wanted: *mut c_void) -> c_int {
    let Some(nexthop) = NonNull::new(nexthop) else {
        return 0;
    };
    // SAFETY: The next hop is valid.
    let own = unsafe { NEXTHOP_DEVICE.read(nexthop) };
    c_int::from(is_by(own, wanted.cast()))
}

/// The interface that the address is reached by.
pub(super) fn interface<'a>(packet: &'a Skb<'_>, question: Question) -> Option<Interface<'a>> {
    let confined = packet.confined_to(question);
    let header = Header::of(packet)?;
    if header.is_from_nowhere(question.l4proto) {
        return Some(packet.input_again());
    }
    let mut lookup = Lookup::new(packet, question, &confined, &header);
    let device = match lookup.run(packet) {
        Ok(answer) if answer.flags & (REJECT | ANYCAST | LOCAL) != 0 => ptr::null_mut(),
        Ok(answer) if confined.raw().is_null() => answer.device(),
        Ok(answer) if answer.uses(confined.raw()) => confined.raw(),
        _ => ptr::null_mut(),
    };
    // SAFETY: It is null or protected by RCU.
    Some(unsafe { Interface::from_raw(device) })
}

/// `RTN_*`.
mod rtn {
    pub(super) const UNSPEC: u32 = 0;
    pub(super) const UNICAST: u32 = 1;
    pub(super) const LOCAL: u32 = 2;
    pub(super) const ANYCAST: u32 = 4;
    pub(super) const MULTICAST: u32 = 5;
    pub(super) const BLACKHOLE: u32 = 6;
    pub(super) const UNREACHABLE: u32 = 7;
    pub(super) const PROHIBIT: u32 = 8;
    pub(super) const THROW: u32 = 9;
}

/// What kind of address it is.
pub(super) fn kind(packet: &Skb<'_>, question: Question) -> Option<u32> {
    let confined = packet.confined_to(question);
    let header = Header::of(packet)?;
    let mut lookup = Lookup::new(packet, question, &confined, &header);
    let to = Address6(lookup.to);
    let any = confined.raw().is_null();
    let check = || {
        // SAFETY: The namespace and the interface are valid, the pointer is to an address.
        unsafe { bindings::ferrule_nf_ipv6_chk_addr(packet.net(), to.pointer(), confined.raw()) }
    };
    let own = !any && check() != 0;
    let answer = match lookup.run(packet) {
        Ok(answer) => answer,
        Err(errno) => return Some(refused(errno)),
    };
    if answer.flags & REJECT != 0 {
        return Some(u32::from(answer.kind));
    }
    let anycast = answer.info.is_some_and(|info| {
        let (info, flags) = (info.as_ptr(), answer.flags);
        // SAFETY: What the lookup found is protected by RCU.
        unsafe { bindings::ferrule_ipv6_anycast_destination(info, flags, to.pointer()) }
    });
    Some(if anycast {
        rtn::ANYCAST
    } else if own || any && answer.flags & LOCAL != 0 {
        rtn::LOCAL
    } else {
        match kind_of(&lookup.to) {
            kind if kind & ADDR_MULTICAST != 0 => rtn::MULTICAST,
            kind if kind & ADDR_UNICAST != 0 => rtn::UNICAST,
            _ => rtn::UNSPEC,
        }
    })
}

/// What kind of route answers with this errno.
fn refused(errno: i32) -> u32 {
    match errno {
        _ if errno == EINVAL.to_errno() => rtn::BLACKHOLE,
        _ if errno == EACCES.to_errno() => rtn::PROHIBIT,
        _ if errno == EAGAIN.to_errno() => rtn::THROW,
        _ => rtn::UNREACHABLE,
    }
}
