// SPDX-License-Identifier: GPL-2.0
//! Packets with packets within, for rules that look into them.
//!
//! nf_tables keeps what it has found of a tunnel for each CPU, and does not replace it if it is of a packet whose
//! `sk_buff` had the same address (`nft_inner_save_tun_ctx()`): the second match of a rule, or of a chain, then
//! reads where the packet before had its headers, and takes that one's protocol. It cannot be told when; so only
//! tunnels that are alike come to such rules.

use crate::packet::protocol;

use super::packets::Shot;

/// Headers that are looked into.
const WORDS: [&str; 3] = ["vxlan ", "geneve ", "gre "];

const GRE: u8 = 47;

/// UDP ports of VXLAN and GENEVE.
const PORTS: [[u8; 2]; 2] = [4789_u16.to_be_bytes(), 6081_u16.to_be_bytes()];

/// What of tunnels has to be alike: the IP version, where the transport header is, and the protocol within.
type Layout = (u8, usize, Option<u8>);

/// Leaves out tunnels that are not like the first, if the rules look into any.
pub(super) fn keep_alike(rules: &str, shots: &mut Vec<Shot>) {
    if WORDS.iter().any(|word| rules.contains(word)) {
        let first = shots.iter().find_map(|shot| layout(&shot.bytes));
        shots.retain(|shot| match layout(&shot.bytes) {
            Some(layout) => Some(layout) == first && layout.2.is_some(),
            None => true,
        });
    }
}

/// The layout of a tunnel; of one that is not like those that are made, or behind extension headers, without the
/// protocol within.
fn layout(packet: &[u8]) -> Option<Layout> {
    let version = packet[0] >> 4;
    let (transport, upper) = match version {
        4 => (packet[9], usize::from(packet[0] & 15) * 4),
        _ => (packet[6], 40),
    };
    let inside = match transport {
        GRE => (packet.get(upper..upper + 4)? == [0, 0, 8, 0]).then_some(upper + 4),
        protocol::UDP => {
            let port = packet.get(upper + 2..upper + 4)?;
            PORTS.iter().find(|known| *known == port)?;
            let made = packet.get(upper + 8..upper + 10) != Some(&[0, 0][..])
                || packet.get(upper + 10..upper + 12) == Some(&[0x65, 0x58][..]);
            made.then_some(upper + 8 + 8 + 14)
        }
        protocol::HOP_BY_HOP | protocol::ROUTING | protocol::FRAGMENT | protocol::DESTINATION
            if version == 6 =>
        {
            None
        }
        _ => return None,
    };
    let inner = inside.and_then(|at| {
        let plain = packet.get(at) == Some(&0x45);
        packet.get(at + 9).copied().filter(|_| plain)
    });
    Some((version, upper, inner))
}

#[cfg(test)]
mod tests {
    use super::super::packets::packets;
    use super::super::random::Random;
    use super::*;

    #[test]
    fn rules_that_look_into_tunnels_get_tunnels_that_are_alike() {
        let mut random = Random::new(1, 1);
        let shots = packets(&mut random, 2000);
        let layouts = |shots: &[Shot]| {
            let all = shots.iter().filter_map(|shot| layout(&shot.bytes));
            let mut all: Vec<_> = all.collect();
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        let mut kept = shots.clone();
        keep_alike("tcp dport 22", &mut kept);
        assert_eq!(kept, shots);
        keep_alike("udp dport 4789 vxlan vni 7", &mut kept);
        assert!(layouts(&shots) > 3);
        assert!(layouts(&kept) <= 1);
    }
}
