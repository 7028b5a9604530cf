// SPDX-License-Identifier: GPL-2.0
//! IPv4: what `nft_fib4_eval()` and `nft_fib4_eval_type()` do.

use core::ptr::{self, NonNull};

use super::Question;
use crate::abstractions::{
    bindings,
    dst::FLOW_WORDS,
    member::{Member, Room},
    netdevice::Interface,
    skbuff::Skb,
};

/// Room for a `struct fib_result`.
const RESULT_WORDS: usize = (bindings::FERRULE_FIB_RESULT_SIZE as usize).div_ceil(8);

const RESULT_TYPE: Member<u8> = Member::at(bindings::FERRULE_FIB_RESULT_TYPE);
const RESULT_INFO: Member<*mut bindings::fib_info> = Member::at(bindings::FERRULE_FIB_RESULT_FI);

/// `FIB_LOOKUP_IGNORE_LINKSTATE`.
const IGNORE_LINKSTATE: u32 = 2;

/// `RTN_LOCAL`.
const LOCAL: u8 = 2;

/// The header's type of service, source and destination.
struct Header {
    tos: u8,
    source: [u8; 4],
    destination: [u8; 4],
}

impl Header {
    fn of(packet: &Skb<'_>) -> Option<Self> {
        let mut bytes = [0; 20];
        if !packet.copy(0, &mut bytes) {
            return None;
        }
        let [_, tos, _, _, _, _, _, _, _, _, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = bytes;
        Some(Header {
            tos,
            source: [s0, s1, s2, s3],
            destination: [d0, d1, d2, d3],
        })
    }

    /// A packet of a host that has no address yet, to everyone: it is from where it came from.
    fn is_from_nowhere_to_all(&self) -> bool {
        let [first, second, third, _] = self.destination;
        let local_multicast = (first, second, third) == (224, 0, 0);
        is_zeronet(self.source) && (self.destination == [255; 4] || local_multicast)
    }
}

fn is_zeronet([first, ..]: [u8; 4]) -> bool {
    first == 0
}

/// The address, or none where there is no use in looking for a route from it.
fn usable(address: [u8; 4]) -> [u8; 4] {
    let [first, ..] = address;
    let multicast = first & 0xf0 == 0xe0;
    if multicast || address == [255; 4] || is_zeronet(address) {
        [0; 4]
    } else {
        address
    }
}

/// The interface that the address is reached by.
pub(super) fn interface<'a>(packet: &'a Skb<'_>, question: Question) -> Option<Interface<'a>> {
    let confined = packet.confined_to(question);
    let header = Header::of(packet)?;
    if header.is_from_nowhere_to_all() {
        return Some(packet.device());
    }
    let (to, from) = if question.source {
        (header.source, header.destination)
    } else {
        (header.destination, header.source)
    };
    let mut flow = flow(packet, question, &confined, header.tos);
    flow.set(Member::at(bindings::FERRULE_FLOWI4_DADDR), to);
    flow.set(Member::at(bindings::FERRULE_FLOWI4_SADDR), usable(from));
    let device = look_up(packet, &mut flow, &confined).unwrap_or(ptr::null_mut());
    // SAFETY: It is null or protected by RCU, as what led to it.
    Some(unsafe { Interface::from_raw(device) })
}

/// A flow but for its addresses.
fn flow(
    packet: &Skb<'_>,
    question: Question,
    confined: &Interface<'_>,
    tos: u8,
) -> Room<FLOW_WORDS> {
    let mut flow = Room::zeroed();
    // SAFETY: The namespace is valid.
    let uid = unsafe { bindings::ferrule_sock_net_uid(packet.net()) };
    let mark = if question.mark { packet.mark() } else { 0 };
    let input = packet.flow_input(question);
    flow.set(Member::at(bindings::FERRULE_FLOWI_IIF), input);
    flow.set(Member::at(bindings::FERRULE_FLOWI_PROTO), question.l4proto);
    flow.set(Member::at(bindings::FERRULE_FLOWI_UID), uid);
    flow.set(Member::at(bindings::FERRULE_FLOWI_MARK), mark);
    // `ip4h_dscp()`.
    flow.set(Member::at(bindings::FERRULE_FLOWI_DSCP), tos & 0xfc);
    let master = packet.master_of(confined);
    flow.set(Member::at(bindings::FERRULE_FLOWI_L3MDEV), master);
    flow
}

/// The device of the route that `flow` takes, or `confined` if it may; `None` if there is no route.
fn look_up(
    packet: &Skb<'_>,
    flow: &mut Room<FLOW_WORDS>,
    confined: &Interface<'_>,
) -> Option<*mut kernel::bindings::net_device> {
    let mut result = Room::<RESULT_WORDS>::zeroed();
    // SAFETY: The namespace is valid, the rooms are a `struct flowi4` and a `struct fib_result`, and the RCU
    // read-side lock is held.
    let status = unsafe {
        bindings::ferrule_fib_lookup(
            packet.net(),
            flow.pointer().as_ptr().cast(),
            result.pointer().as_ptr().cast(),
            IGNORE_LINKSTATE,
        )
    };
    if status != 0 || result.value(RESULT_TYPE)? == LOCAL {
        return None;
    }
    if confined.raw().is_null() {
        // SAFETY: The lookup filled the result in.
        return Some(unsafe { bindings::ferrule_fib_res_dev(result.pointer().as_ptr().cast()) });
    }
    let info = NonNull::new(result.value(RESULT_INFO)?)?;
    // SAFETY: As above; the interface is valid.
    let uses = unsafe { bindings::fib_info_nh_uses_dev(info.as_ptr(), confined.raw()) };
    uses.then_some(confined.raw())
}

/// What kind of address it is.
pub(super) fn kind(packet: &Skb<'_>, question: Question) -> Option<u32> {
    let confined = packet.confined_to(question);
    let header = Header::of(packet)?;
    let address = if question.source {
        header.source
    } else {
        header.destination
    };
    let address = u32::from_ne_bytes(address);
    // SAFETY: The namespace is valid, the devices are null or valid.
    Some(unsafe {
        if question.input || question.output {
            bindings::inet_dev_addr_type(packet.net(), confined.raw(), address)
        } else {
            bindings::inet_addr_type_dev_table(packet.net(), packet.device().raw(), address)
        }
    })
}
