// SPDX-License-Identifier: GPL-2.0
//! The route that a packet has, and the IPsec transformations on it and behind it.
//!
//! C headers: [`include/net/dst.h`](srctree/include/net/dst.h),
//! [`include/net/xfrm.h`](srctree/include/net/xfrm.h)

use core::ptr::{self, NonNull};

use kernel::bindings::{dst_entry, xfrm_state};

use super::{
    bindings,
    member::{Member, Room},
    skbuff::Skb,
};

const CLASSID: Member<u32> = Member::at(bindings::FERRULE_DST_CLASSID);
const XFRM: Member<*mut xfrm_state> = Member::at(bindings::FERRULE_DST_XFRM);
const CHILD: Member<*mut dst_entry> = Member::at(bindings::FERRULE_XFRM_DST_CHILD);
const PATH_LEN: Member<i32> = Member::at(bindings::FERRULE_SEC_PATH_LEN);
const PATH: Member<[*mut xfrm_state; 0]> = Member::at(bindings::FERRULE_SEC_PATH_XVEC);
const REQID: Member<u32> = Member::at(bindings::FERRULE_XFRM_STATE_REQID);
const SPI: Member<[u8; 4]> = Member::at(bindings::FERRULE_XFRM_STATE_SPI);
const SOURCE: Member<[u8; 16]> = Member::at(bindings::FERRULE_XFRM_STATE_SADDR);
const DESTINATION: Member<[u8; 16]> = Member::at(bindings::FERRULE_XFRM_STATE_DADDR);
const FAMILY: Member<u16> = Member::at(bindings::FERRULE_XFRM_STATE_FAMILY);
const MODE: Member<u8> = Member::at(bindings::FERRULE_XFRM_STATE_MODE);

/// Room for a `struct flowi`.
pub(super) const FLOW_WORDS: usize = (bindings::FERRULE_FLOWI_SIZE as usize).div_ceil(8);

/// A packet's route.
///
/// # Invariants
///
/// `dst` is valid for `'a`: the packet holds it.
pub(crate) struct Route<'a> {
    dst: NonNull<dst_entry>,
    packet: &'a Skb<'a>,
}

impl<'p> Skb<'p> {
    /// The route that it has; none before it is routed.
    pub(crate) fn route<'a>(&'a self) -> Option<Route<'a>> {
        let skb = self.raw().as_ptr();
        // SAFETY: `skb` is valid.
        if !unsafe { bindings::ferrule_skb_valid_dst(skb) } {
            return None;
        }
        // SAFETY: As above.
        let dst = NonNull::new(unsafe { bindings::ferrule_skb_dst(skb) })?;
        // INVARIANT: `skb` holds it, and keeps it while it is borrowed.
        Some(Route { dst, packet: self })
    }

    /// The transformation that it came through, number `index` of them.
    pub(crate) fn transformation(&self, index: u32) -> Option<Transformation<'_>> {
        // SAFETY: `skb` is valid.
        let path = unsafe { bindings::ferrule_skb_sec_path(self.raw().as_ptr()) };
        let path = NonNull::new(path)?;
        // SAFETY: `skb` holds its security path.
        let len = unsafe { PATH_LEN.read(path) };
        if index >= u32::try_from(len).unwrap_or(0) {
            return None;
        }
        let states: *mut *mut xfrm_state = PATH.of(path).cast();
        // SAFETY: The path has `len` states, and `index` is less.
        let state = NonNull::new(unsafe { *states.wrapping_add(index as usize) })?;
        // INVARIANT: The path holds its states.
        Some(Transformation {
            state,
            _packet: core::marker::PhantomData,
        })
    }
}

impl<'a> Route<'a> {
    /// The realm (`dst->tclassid`), if this kernel has realms.
    pub(crate) fn classid(&self) -> Option<u32> {
        // SAFETY: By the type invariants.
        unsafe { CLASSID.get(self.dst) }
    }

    /// The next hop of an IPv4 route to `daddr`.
    pub(crate) fn next_hop(&self, daddr: [u8; 4]) -> [u8; 4] {
        let daddr = u32::from_ne_bytes(daddr);
        // SAFETY: By the type invariants; the caller's packet is IPv4, and so is its route.
        unsafe { bindings::ferrule_rt_nexthop(self.dst.as_ptr(), daddr) }.to_ne_bytes()
    }

    /// The next hop of an IPv6 route to `daddr`.
    pub(crate) fn next_hop6(&self, daddr: [u8; 16]) -> [u8; 16] {
        let daddr = Address6(daddr);
        // SAFETY: By the type invariants; the caller's packet is IPv6, and so is its route. What is
        // returned lies in the route or is `daddr`.
        unsafe {
            let address = bindings::ferrule_rt6_nexthop(self.dst.as_ptr(), daddr.pointer());
            address.cast::<[u8; 16]>().read()
        }
    }

    /// Whether it goes out through IPsec.
    pub(crate) fn is_transformed(&self) -> bool {
        // SAFETY: By the type invariants.
        cfg!(CONFIG_XFRM) && !unsafe { XFRM.read(self.dst) }.is_null()
    }

    /// The transformation that it goes out through, number `index` of them.
    pub(crate) fn transformation(&self, index: u32) -> Option<Transformation<'a>> {
        let mut dst = Some(self.dst);
        let mut number = 0_u32;
        while let Some(here) = dst {
            // SAFETY: `here` is valid: the packet's, or one that such a route holds.
            let state = NonNull::new(unsafe { XFRM.read(here) })?;
            if number == index {
                // INVARIANT: The route holds its state.
                return Some(Transformation {
                    state,
                    _packet: core::marker::PhantomData,
                });
            }
            // SAFETY: A route with a transformation is a `struct xfrm_dst`.
            dst = NonNull::new(unsafe { CHILD.read(here) });
            number = number.wrapping_add(1);
        }
        None
    }

    /// The greatest packet that fits, there and back to `saddr` (`get_tcpmss()`).
    pub(crate) fn mtu(&self, saddr: &[u8]) -> u32 {
        // SAFETY: By the type invariants.
        let there = unsafe { bindings::ferrule_dst_mtu(self.dst.as_ptr()) };
        self.mtu_back(saddr).map_or(there, |back| back.min(there))
    }

    /// The greatest packet on the way to where the packet came from.
    fn mtu_back(&self, saddr: &[u8]) -> Option<u32> {
        let mut flow = Room::<FLOW_WORDS>::zeroed();
        match (<[u8; 4]>::try_from(saddr), <[u8; 16]>::try_from(saddr)) {
            (Ok(address), _) => flow.set(Member::at(bindings::FERRULE_FLOWI4_DADDR), address),
            (_, Ok(address)) => flow.set(Member::at(bindings::FERRULE_FLOWI6_DADDR), address),
            _ => return None,
        }
        let mut dst = ptr::null_mut();
        // SAFETY: The room is a zeroed `struct flowi` with a destination; `dst` is written to.
        unsafe {
            bindings::nf_route(
                self.packet.net(),
                &mut dst,
                flow.pointer().as_ptr().cast(),
                false,
                u16::from(self.packet.family()),
            )
        };
        let dst = NonNull::new(dst)?;
        // SAFETY: `nf_route` returned a reference.
        let mtu = unsafe { bindings::ferrule_dst_mtu(dst.as_ptr()) };
        // SAFETY: As above; it is given up here.
        unsafe { bindings::dst_release(dst.as_ptr()) };
        Some(mtu)
    }
}

/// An IPv6 address that C is given a pointer to.
#[repr(C, align(4))]
pub(super) struct Address6(pub(super) [u8; 16]);

impl Address6 {
    /// The pointer.
    pub(super) fn pointer(&self) -> *const kernel::bindings::in6_addr {
        ptr::from_ref(self).cast()
    }
}

/// An IPsec transformation.
///
/// # Invariants
///
/// `state` is valid for `'a`.
pub(crate) struct Transformation<'a> {
    state: NonNull<xfrm_state>,
    _packet: core::marker::PhantomData<&'a ()>,
}

impl Transformation<'_> {
    /// The request's number.
    pub(crate) fn request(&self) -> u32 {
        // SAFETY: By the type invariants.
        unsafe { REQID.read(self.state) }
    }

    /// The security parameters' index.
    pub(crate) fn spi(&self) -> [u8; 4] {
        // SAFETY: By the type invariants.
        unsafe { SPI.read(self.state) }
    }

    /// The tunnel's address, of `family`: its source, or its destination. `None` if it is no tunnel of
    /// that family (`xfrm_state_addr_ok()`). Of an IPv4 address the first four bytes count.
    pub(crate) fn address(&self, family: u16, source: bool) -> Option<[u8; 16]> {
        // `XFRM_MODE_TUNNEL`, `XFRM_MODE_BEET`, `XFRM_MODE_IPTFS`.
        const WITH_ADDRESSES: [u8; 3] = [1, 4, 5];
        // SAFETY: By the type invariants.
        let (own, mode) = unsafe { (FAMILY.read(self.state), MODE.read(self.state)) };
        let member = if source { SOURCE } else { DESTINATION };
        (own == family && WITH_ADDRESSES.contains(&mode))
            // SAFETY: By the type invariants.
            .then(|| unsafe { member.read(self.state) })
    }
}
