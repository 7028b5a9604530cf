// SPDX-License-Identifier: GPL-2.0
//! `ct`: what `nft_ct_get_eval()` says.
//!
//! All but the state are absent without a connection (or with a template, which only says a zone).
//!
//! | key | where it comes from |
//! | --- | --- |
//! | `state` | how the packet is related to its connection; invalid if it has none, untracked if it never will |
//! | `direction` | the packet's |
//! | `status`, `mark`, `secmark`, `id` | the connection |
//! | `expiration` | milliseconds until it is forgotten |
//! | `helper` | name of the helper that expected it |
//! | `l3proto`, `protocol` | its original tuple |
//! | `saddr`, `daddr`, `proto-src`, `proto-dst` | its tuple of the direction |
//! | `label` | its labels; none if it has no room for them |
//! | `packets`, `bytes`, `avgpkt` | what it counted, of the direction or both; 0 if it does not count |
//! | `zone` | its zone, as far as it counts in the direction |

use ferrule_uapi::{
    expr::{CtKey, Expr, DIRECTION_ORIGINAL, DIRECTION_REPLY},
    hook::Family,
    program::Wide,
};

use super::{narrow, of_address4, of_bytes, wide, Subject};
use crate::abstractions::conntrack::{Connection, Direction, End};

/// The direction that an expression's or a statement's flags name.
pub(in crate::packet) fn direction(flags: u8) -> Option<Direction> {
    match flags & (DIRECTION_ORIGINAL | DIRECTION_REPLY) {
        DIRECTION_ORIGINAL => Some(Direction::Original),
        DIRECTION_REPLY => Some(Direction::Reply),
        _ => None,
    }
}

/// What the key says.
pub(super) fn value(subject: &Subject<'_>, expr: &Expr) -> Option<Wide> {
    let key = CtKey::from_raw(expr.key)?;
    if key == CtKey::State {
        return Some(narrow(subject.skb.ct_state()));
    }
    let ct = subject.skb.connection()?;
    let way = direction(expr.flags);
    match key {
        CtKey::State | CtKey::Eventmask => None,
        CtKey::Direction => Some(narrow(u8::from(ct.direction() == Direction::Reply))),
        CtKey::Status => Some(narrow(ct.status())),
        CtKey::Mark => ct.mark().map(narrow),
        CtKey::Secmark => ct.secmark().map(narrow),
        CtKey::Expiration => Some(narrow(ct.expires())),
        CtKey::Helper => ct.helper().map(of_bytes),
        CtKey::L3proto => Some(narrow(ct.l3proto())),
        CtKey::Protocol => Some(narrow(ct.l4proto())),
        CtKey::Labels => Some(wide(ct.labels())),
        CtKey::Pkts => Some(narrow(ct.counts(way).0)),
        CtKey::Bytes => Some(narrow(ct.counts(way).1)),
        CtKey::Avgpkt => {
            let (packets, bytes) = ct.counts(way);
            Some(narrow(bytes.checked_div(packets).unwrap_or(0)))
        }
        CtKey::Zone => ct.zone(way).map(narrow),
        CtKey::Id => Some(narrow(ct.id(subject.loaded.facilities().tracking()?))),
        _ => of_tuple(&ct, key, way.unwrap_or(Direction::Original), expr.bits),
    }
}

/// What the key says of the tuple of a direction.
fn of_tuple(ct: &Connection<'_>, key: CtKey, way: Direction, bits: u16) -> Option<Wide> {
    let is = |family: Family| ct.l3proto() == u16::from(family as u8);
    let end = match key {
        CtKey::Src | CtKey::SrcIp | CtKey::SrcIp6 | CtKey::ProtoSrc => End::Source,
        _ => End::Destination,
    };
    match key {
        CtKey::ProtoSrc | CtKey::ProtoDst => Some(narrow(ct.port(way, end))),
        CtKey::SrcIp | CtKey::DstIp => is(Family::Ip).then(|| of_address4(ct.address(way, end))),
        CtKey::SrcIp6 | CtKey::DstIp6 => is(Family::Ip6).then(|| of_bytes(ct.address(way, end))),
        CtKey::Src | CtKey::Dst if bits <= 32 => Some(of_address4(ct.address(way, end))),
        CtKey::Src | CtKey::Dst => Some(of_bytes(ct.address(way, end))),
        _ => None,
    }
}
