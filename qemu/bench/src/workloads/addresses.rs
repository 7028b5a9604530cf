// SPDX-License-Identifier: GPL-2.0

//! Addresses and ordinary packets that workloads share.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::case::Family;
use crate::packet::{Header, Packet, ACK, TCP};
use crate::random::Random;

/// How many different packets a kind of traffic has. Small enough for the caches that a router has for
/// headers, large enough that no branch predictor learns it.
pub(crate) const PACKETS: usize = 8192;

/// An address that a router forwards.
pub(crate) fn address(random: &mut Random, family: Family) -> IpAddr {
    match family {
        Family::Ip => loop {
            let octets = (random.number() as u32).to_be_bytes();
            // 10.0.0.0/8 and 198.18.0.0/15 are left to the guest and to workloads' own use.
            if !matches!(octets[0], 0 | 10 | 127 | 198 | 224..=255) {
                return IpAddr::V4(Ipv4Addr::from(octets));
            }
        },
        Family::Ip6 => {
            let mut octets = [0; 16];
            octets[..8].copy_from_slice(&random.number().to_be_bytes());
            octets[8..].copy_from_slice(&random.number().to_be_bytes());
            octets[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
    }
}

/// Different addresses.
pub(crate) fn addresses(random: &mut Random, family: Family, count: usize) -> Vec<IpAddr> {
    let mut seen = HashSet::with_capacity(count);
    let mut list = Vec::with_capacity(count);
    while list.len() < count {
        let address = address(random, family);
        if seen.insert(address) {
            list.push(address);
        }
    }
    list
}

/// A TCP packet to some server's port 443.
pub(crate) fn tcp(random: &mut Random, src: IpAddr, dst: IpAddr) -> Header {
    Header {
        src,
        dst,
        proto: TCP,
        sport: 1024 + random.below(60_000) as u16,
        dport: 443,
        flags: ACK,
    }
}

/// Packets whose sources `source` chooses.
pub(crate) fn packets(
    random: &mut Random,
    family: Family,
    dropped: bool,
    mut source: impl FnMut(&mut Random) -> IpAddr,
) -> Vec<Packet> {
    (0..PACKETS)
        .map(|_| {
            let (src, dst) = (source(random), address(random, family));
            Packet {
                header: tcp(random, src, dst),
                dropped,
            }
        })
        .collect()
}

/// Packets from addresses that are not in `list`.
pub(crate) fn misses(random: &mut Random, family: Family, list: &[IpAddr]) -> Vec<Packet> {
    let set: HashSet<_> = list.iter().collect();
    packets(random, family, false, |random| loop {
        let source = address(random, family);
        if !set.contains(&source) {
            return source;
        }
    })
}

/// The first packet only: one flow.
pub(crate) fn flow(packets: &[Packet]) -> Vec<Packet> {
    packets.iter().take(1).copied().collect()
}
