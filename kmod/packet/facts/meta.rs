// SPDX-License-Identifier: GPL-2.0
//! `meta`: what `nft_meta_get_eval()` says.
//!
//! | key | where it comes from |
//! | --- | --- |
//! | `priority`, `secmark`, `nftrace` | the packet |
//! | `iiftype`, `iifgroup`, `iifkind` and the same of `oif` | the interface; absent if there is none |
//! | `skuid`, `skgid` | the file of the socket that sent it; absent if there is none, or it is another namespace's |
//! | `cgroup` | the network classifier's number of that socket's cgroup |
//! | `rtclassid` | the realm of the route |
//! | `cpu`, `random` | this CPU, a random number |
//! | `ipsec` | whether it came through IPsec |
//! | `time` | nanoseconds since the epoch |
//! | `day` | day of the week where the kernel was told that it is (`sys_tz`) |
//! | `hour` | seconds since midnight, UTC |
//! | `sdif`, `sdifname` | the interface that is a slave of the VRF which it came in by; 0 and nothing if there is none |

use ferrule_engine::Packet;
use ferrule_uapi::{
    expr::{Expr, MetaKey},
    program::Wide,
};
use kernel::time::{ClockSource, RealTime};

use super::{narrow, of_bytes, Subject};
use crate::abstractions::{clock, random};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What the key says.
pub(super) fn value(subject: &Subject<'_>, expr: &Expr) -> Option<Wide> {
    let skb = &subject.skb;
    match MetaKey::from_raw(expr.key)? {
        MetaKey::Len => Some(narrow(skb.len())),
        MetaKey::Protocol => Some(narrow(skb.protocol())),
        MetaKey::Priority => Some(narrow(skb.priority())),
        MetaKey::Mark => Some(narrow(skb.mark())),
        MetaKey::Iif => Some(narrow(skb.input().index())),
        MetaKey::Oif => Some(narrow(skb.output().index())),
        MetaKey::Iifname => Some(of_bytes(skb.input().name())),
        MetaKey::Oifname => Some(of_bytes(skb.output().name())),
        MetaKey::Iiftype => skb.input().hardware().map(narrow),
        MetaKey::Oiftype => skb.output().hardware().map(narrow),
        MetaKey::Iifgroup => skb.input().group().map(narrow),
        MetaKey::Oifgroup => skb.output().group().map(narrow),
        MetaKey::Iifkind => skb.input().kind().map(of_bytes),
        MetaKey::Oifkind => skb.output().kind().map(of_bytes),
        MetaKey::Skuid => skb.owner().map(|owner| narrow(owner.uid)),
        MetaKey::Skgid => skb.owner().map(|owner| narrow(owner.gid)),
        MetaKey::Cgroup => skb.classid().map(narrow),
        MetaKey::Nftrace => Some(narrow(u8::from(skb.is_traced()))),
        MetaKey::Rtclassid => skb.route()?.classid().map(narrow),
        MetaKey::Secmark => skb.secmark().map(narrow),
        MetaKey::Nfproto => Some(narrow(skb.family())),
        MetaKey::Pkttype => Some(narrow(subject.pkttype())),
        MetaKey::Cpu => Some(narrow(clock::cpu())),
        MetaKey::Random => Some(narrow(random::number32())),
        MetaKey::Secpath => Some(narrow(u8::from(skb.has_security_path()))),
        MetaKey::TimeNs => Some(narrow(RealTime::ktime_get().unsigned_abs())),
        MetaKey::TimeDay => Some(narrow(weekday(clock::seconds(), clock::minutes_west()))),
        MetaKey::TimeHour => Some(narrow(clock::seconds().rem_euclid(DAY).unsigned_abs())),
        MetaKey::Sdif => Some(narrow(skb.slave())),
        MetaKey::Sdifname => {
            let name = match skb.slave() {
                0 => [0; 16],
                index => skb.interface(index).name(),
            };
            Some(of_bytes(name))
        }
        // Fields of the key.
        MetaKey::L4proto => None,
    }
}

/// `nft_meta_weekday()`: the first day of the epoch was a Thursday.
fn weekday(seconds: i64, minutes_west: i32) -> u8 {
    const THURSDAY: i64 = 4;
    let west = i64::from(minutes_west).wrapping_mul(60);
    let days = seconds.wrapping_sub(west).div_euclid(DAY);
    let weekday = THURSDAY.wrapping_add(days).rem_euclid(7);
    weekday as u8
}
