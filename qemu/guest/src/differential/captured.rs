// SPDX-License-Identifier: GPL-2.0
//! Captured packets: what other programs sent, much of it malformed on purpose, in place of some of the
//! random packets.
//!
//! The captures are other projects' work and no part of the tree; where the guest was made without them there
//! are none, and [`Captured::read`] says so. A packet gets addresses of the twins' networks, and its sums change
//! with them: those that were right stay right, the others stay wrong. Neighbours in a capture stay neighbours,
//! and the packets of a conversation take the two ways through the router.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::Path;

use ferrule_uapi::hook::Family;
use userctl::simulate::capture::Reader;
use userctl::simulate::frame;

use crate::packet::{protocol, sink, source, LinkDestination};

use super::packets::{Shot, Way, HOSTS, SINKS};
use super::random::Random;

/// Where captures are.
const FOLDER: &str = "/usr/share/ferrule/captures";

/// The longest packet: what the devices carry, less what a tunnel may want.
const LONGEST: usize = 1400;

/// Of one capture, not more than this many packets.
const OF_ONE: usize = 40;

/// How many neighbours are taken at once.
const AT_ONCE: usize = 6;

/// Packets from the network layer on, in the order of the files' names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured {
    packets: Vec<Vec<u8>>,
    files: usize,
}

impl Captured {
    /// Reads the captures that the guest has.
    pub(super) fn read() -> Self {
        let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
        files.sort();
        let mut captured = Self::default();
        for file in files {
            let packets = of_file(&file);
            captured.files += usize::from(!packets.is_empty());
            captured.packets.extend(packets);
        }
        captured
    }

    /// What there is, for the report.
    pub(crate) fn summary(&self) -> String {
        match self.packets.len() {
            0 => "no captures in this guest: all packets are random".to_owned(),
            count => format!("{count} captured packets, of {} files", self.files),
        }
    }

    /// Puts captured packets in the place of some of `shots`: a fifth of them, or about so.
    pub(super) fn mix_into(&self, random: &mut Random, shots: &mut [Shot]) {
        let mut at = 0;
        while at < shots.len() && !self.packets.is_empty() {
            if !random.chance(7) {
                at += 1;
                continue;
            }
            let count = random.between(1, AT_ONCE).min(shots.len() - at);
            let first = random.below(self.packets.len());
            let ends = Ends::pick(random);
            let neighbours = self.packets.iter().skip(first).take(count);
            for (shot, bytes) in shots[at..].iter_mut().zip(neighbours) {
                *shot = ends.shot(bytes, &self.packets[first]);
            }
            at += count;
        }
    }
}

/// The packets of one capture that the router could forward. What stands before damage is taken.
fn of_file(file: &Path) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let reader = File::open(file).ok().and_then(|f| Reader::new(f).ok());
    let Some(mut reader) = reader else {
        return packets;
    };
    while let (Ok(Some(record)), true) = (reader.next_record(), packets.len() < OF_ONE) {
        let Some(interface) = reader.interfaces().get(record.interface) else {
            continue;
        };
        let Ok(found) = frame::find(interface.link, &record.data, record.len) else {
            continue;
        };
        let whole = found.packet.len() == found.len as usize && found.packet.len() <= LONGEST;
        if whole && !tells_the_time(found.packet) {
            packets.push(found.packet.to_vec());
        }
    }
    packets
}

/// Whether a router writes the time into it: an IPv4 header with options that may have the timestamp's in them.
fn tells_the_time(packet: &[u8]) -> bool {
    const TIMESTAMP: u8 = 68;
    let header = usize::from(packet[0] & 15) * 4;
    packet[0] >> 4 == 4 && packet[20..header].contains(&TIMESTAMP)
}

/// Who a piece of a capture is between.
#[derive(Clone, Copy, Debug)]
struct Ends {
    host: u16,
    sink: u16,
}

impl Ends {
    fn pick(random: &mut Random) -> Self {
        Self {
            host: *random.pick(&HOSTS),
            sink: *random.pick(&SINKS),
        }
    }

    /// The packet with other addresses; the other way if it goes against `first`.
    fn shot(self, packet: &[u8], first: &[u8]) -> Shot {
        let (family, at, len) = match packet[0] >> 4 {
            4 => (Family::Ip, 12, 4),
            _ => (Family::Ip6, 8, 16),
        };
        let addresses = |packet: &[u8]| {
            let both = packet.get(at..at + 2 * len).unwrap_or_default();
            (both[..len].to_vec(), both[len..].to_vec())
        };
        let mut way = Way::Forward;
        if first[0] >> 4 == packet[0] >> 4 {
            let ((saddr, daddr), before) = (addresses(packet), addresses(first));
            if saddr != daddr && (daddr, saddr) == before {
                way = Way::Return;
            }
        }
        let (near, far) = (source(family, self.host), sink(family, self.sink));
        let (saddr, daddr) = match way {
            Way::Return => (far, near),
            _ => (near, far),
        };
        Shot {
            way,
            link: LinkDestination::Host,
            bytes: readdressed(packet, at, &[octets(saddr), octets(daddr)].concat()),
        }
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The packet with these bytes at `at`, and its sums changed as they have to be.
fn readdressed(packet: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    let old = packet[at..at + new.len()].to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    let (transport, upper, later) = match packet[0] >> 4 {
        4 => {
            shift(&mut bytes[10..12], &old, new);
            let later = u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff != 0;
            (packet[9], usize::from(packet[0] & 15) * 4, later)
        }
        _ => (packet[6], 40, false),
    };
    let sum = match transport {
        protocol::TCP => 16,
        protocol::UDP | protocol::UDPLITE | protocol::DCCP => 6,
        protocol::ICMPV6 => 2,
        _ => return bytes,
    };
    let sum = bytes.get_mut(upper + sum..upper + sum + 2);
    if let Some(sum) = sum.filter(|_| !later) {
        // A UDP packet may go without.
        if transport != protocol::UDP || *sum != [0, 0] {
            shift(sum, &old, new);
        }
    }
    bytes
}

/// Changes a sum as its words have changed (RFC 1624).
fn shift(sum: &mut [u8], old: &[u8], new: &[u8]) {
    let words = |bytes: &[u8]| -> Vec<u16> {
        let pairs = bytes.chunks_exact(2);
        pairs.map(|p| u16::from_be_bytes([p[0], p[1]])).collect()
    };
    let mut total = u32::from(!u16::from_be_bytes([sum[0], sum[1]]));
    total += words(old).iter().map(|word| u32::from(!word)).sum::<u32>();
    total += words(new).iter().map(|word| u32::from(*word)).sum::<u32>();
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    sum.copy_from_slice(&(!(total as u16)).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum;
    use crate::packet::Packet;

    fn captured() -> Captured {
        let there = Packet::tcp(Family::Ip, 9, 80)
            .from(IpAddr::from([192, 0, 2, 1]))
            .to(IpAddr::from([198, 51, 100, 7]));
        let back = Packet::tcp(Family::Ip, 80, 9)
            .from(IpAddr::from([198, 51, 100, 7]))
            .to(IpAddr::from([192, 0, 2, 1]));
        Captured {
            packets: vec![there.bytes(), back.bytes()],
            files: 1,
        }
    }

    #[test]
    fn a_conversation_takes_both_ways_with_sums_that_stay_right() {
        let captured = captured();
        let ends = Ends { host: 5, sink: 9 };
        for (packet, way) in captured.packets.iter().zip([Way::Forward, Way::Return]) {
            let shot = ends.shot(packet, &captured.packets[0]);
            assert_eq!(shot.way, way);
            assert_eq!(checksum::internet(&[&shot.bytes[..20]]), 0);
            let (near, far) = (IpAddr::from([10, 0, 1, 5]), IpAddr::from([10, 0, 3, 9]));
            assert_eq!(
                checksum::transport(near, far, protocol::TCP, &shot.bytes[20..]),
                0
            );
        }
    }

    #[test]
    fn some_packets_are_captured_and_the_others_stay() {
        let mut random = Random::new(1, 1);
        let shots = super::super::packets::packets(&mut random, 200);
        let mut mixed = shots.clone();
        captured().mix_into(&mut random, &mut mixed);
        let changed = shots.iter().zip(&mixed).filter(|(a, b)| a != b).count();
        assert!((10..100).contains(&changed), "{changed}");
        let mut same = shots.clone();
        Captured::default().mix_into(&mut random, &mut same);
        assert_eq!(shots, same);
    }
}
