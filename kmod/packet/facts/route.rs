// SPDX-License-Identifier: GPL-2.0
//! `fib`, `rt`, `ipsec`: what the routing tables and the packet's route say.
//!
//! | expression | where it comes from |
//! | --- | --- |
//! | `fib … oif`, `oifname` | the interface of the route to the address; 0 and nothing if there is none |
//! | `fib … check` ([`EXPR_PRESENT`]) | whether there is one |
//! | `fib … type` | `RTN_*` |
//! | `rt classid` | the realm of the packet's route |
//! | `rt nexthop` | its next hop, of the packet's family |
//! | `rt mtu` (`tcpmss`) | the least of its MTU and that of the way back, without the headers |
//! | `rt ipsec` | whether it goes out through IPsec |
//! | `ipsec in`, `out` | the transformation of that number that it came through, or goes out through |

use ferrule_engine::Packet;
use ferrule_uapi::{
    expr::{Expr, DIRECTION_REPLY, EXPR_PRESENT},
    hook::Family,
    program::Wide,
};

use super::{narrow, of_address4, of_bytes, Subject};
use crate::abstractions::fib::Question;

/// `NFTA_FIB_F_*`.
mod flag {
    pub(super) const SADDR: u32 = 1;
    pub(super) const MARK: u32 = 4;
    pub(super) const IIF: u32 = 8;
    pub(super) const OIF: u32 = 16;
    pub(super) const PRESENT: u32 = 32;
}

/// `NFT_FIB_RESULT_*`.
mod result {
    pub(super) const OIF: u8 = 1;
    pub(super) const OIFNAME: u8 = 2;
    pub(super) const TYPE: u8 = 3;
}

/// `NFT_RT_*`.
mod rt_key {
    pub(super) const CLASSID: u8 = 0;
    pub(super) const NEXTHOP4: u8 = 1;
    pub(super) const NEXTHOP6: u8 = 2;
    pub(super) const TCPMSS: u8 = 3;
    pub(super) const XFRM: u8 = 4;
}

/// `NFT_XFRM_KEY_*`.
mod xfrm_key {
    pub(super) const DADDR_IP4: u8 = 1;
    pub(super) const DADDR_IP6: u8 = 2;
    pub(super) const SADDR_IP4: u8 = 3;
    pub(super) const SADDR_IP6: u8 = 4;
    pub(super) const REQID: u8 = 5;
    pub(super) const SPI: u8 = 6;
}

/// `TCP_MSS_DEFAULT`.
const MSS_DEFAULT: u32 = 536;

/// Size of a TCP header without options.
const TCP_HEADER: u32 = 20;

/// `fib`.
pub(super) fn fib(subject: &Subject<'_>, expr: &Expr) -> Option<Wide> {
    let has = |flag: u32| expr.a & flag != 0;
    let question = Question {
        source: has(flag::SADDR),
        mark: has(flag::MARK),
        input: has(flag::IIF),
        output: has(flag::OIF),
        l4proto: subject.l4proto(),
    };
    if expr.key == result::TYPE {
        return subject.skb.address_kind(question).map(narrow);
    }
    let interface = subject.skb.reached_by(question)?;
    let present = expr.flags & EXPR_PRESENT != 0 || has(flag::PRESENT);
    match expr.key {
        _ if present => Some(narrow(u8::from(interface.index() != 0))),
        result::OIF => Some(narrow(interface.index())),
        result::OIFNAME => Some(of_bytes(interface.name())),
        _ => None,
    }
}

/// `rt`.
pub(super) fn rt(subject: &Subject<'_>, expr: &Expr) -> Option<Wide> {
    let route = subject.skb.route()?;
    let v6 = subject.family == Family::Ip6;
    match expr.key {
        rt_key::CLASSID => route.classid().map(narrow),
        rt_key::NEXTHOP4 if !v6 => {
            let hop = route.next_hop(subject.bytes(16)?);
            Some(narrow(u32::from_be_bytes(hop)))
        }
        rt_key::NEXTHOP6 if v6 => Some(of_bytes(route.next_hop6(subject.bytes(24)?))),
        rt_key::TCPMSS => {
            let (mtu, header) = if v6 {
                (route.mtu(&subject.bytes::<16>(8)?), 40)
            } else {
                (route.mtu(&subject.bytes::<4>(12)?), 20)
            };
            let headers = TCP_HEADER.wrapping_add(header);
            let segment = mtu.checked_sub(headers).filter(|segment| *segment != 0);
            let segment = segment.filter(|_| mtu <= 0xffff);
            Some(narrow(segment.unwrap_or(MSS_DEFAULT)))
        }
        rt_key::XFRM => Some(narrow(u8::from(route.is_transformed()))),
        _ => None,
    }
}

/// `ipsec`.
pub(super) fn xfrm(subject: &Subject<'_>, expr: &Expr) -> Option<Wide> {
    if !cfg!(CONFIG_XFRM) {
        return None;
    }
    let route;
    let transformation = if expr.flags & DIRECTION_REPLY != 0 {
        route = subject.skb.route()?;
        route.transformation(expr.a)?
    } else {
        subject.skb.transformation(expr.a)?
    };
    let (v4, v6) = (Family::Ip as u16, Family::Ip6 as u16);
    match expr.key {
        xfrm_key::DADDR_IP4 => transformation.address(v4, false).map(of_address4),
        xfrm_key::SADDR_IP4 => transformation.address(v4, true).map(of_address4),
        xfrm_key::DADDR_IP6 => transformation.address(v6, false).map(of_bytes),
        xfrm_key::SADDR_IP6 => transformation.address(v6, true).map(of_bytes),
        xfrm_key::REQID => Some(narrow(transformation.request())),
        xfrm_key::SPI => Some(narrow(u32::from_be_bytes(transformation.spi()))),
        _ => None,
    }
}
