// SPDX-License-Identifier: GPL-2.0
//! Random packets, from the values that the rules name too: conversations, single packets, odd ones.

mod bodies;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use anyhow::{bail, Context, Result};
use ferrule_uapi::hook::Family;

use crate::checksum;
use crate::packet::{
    protocol, sink, source, LinkDestination, Packet, DONT_FRAGMENT, MORE_FRAGMENTS,
};

use super::random::Random;

/// The way that a packet takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client's side through the router.
    Forward,
    /// From the server's side through the router.
    Return,
    /// From the client's side to the router.
    LocalIn,
    /// Of the router's own.
    LocalOut,
}

/// A packet to be sent in both worlds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shot {
    pub(super) way: Way,
    pub(super) link: LinkDestination,
    /// The network layer on.
    pub(super) bytes: Vec<u8>,
}

/// Hosts that packets are from and for; rules know most of them.
pub(super) const HOSTS: [u16; 5] = [2, 5, 77, 200, 66];
pub(super) const SINKS: [u16; 3] = [2, 9, 30];
const PORTS: [u16; 12] = [1, 7, 22, 53, 80, 123, 443, 1024, 8080, 33000, 65535, 4789];

/// Types of ICMP (RFC 792).
const ECHO_REQUEST: u8 = 8;
const TIMESTAMP_REQUEST: u8 = 13;

const WAYS: [(&str, Way); 4] = [
    ("forward", Way::Forward),
    ("return", Way::Return),
    ("in", Way::LocalIn),
    ("out", Way::LocalOut),
];

const LINKS: [(&str, LinkDestination); 3] = [
    ("host", LinkDestination::Host),
    ("broadcast", LinkDestination::Broadcast),
    ("multicast", LinkDestination::Multicast),
];

/// Makes `count` packets.
pub(super) fn packets(random: &mut Random, count: usize) -> Vec<Shot> {
    let mut list: Vec<Shot> = Vec::new();
    while list.len() < count {
        let shot = if !list.is_empty() && random.chance(30) {
            related(random, &list)
        } else {
            fresh(random)
        };
        list.push(shot);
    }
    list
}

/// A packet that belongs to one before: the same again, or an answer to it.
fn related(random: &mut Random, list: &[Shot]) -> Shot {
    let place = random.below(list.len().min(12));
    let shot = list[list.len() - 1 - place].clone();
    if random.chance(40) {
        return shot;
    }
    answer(&shot).unwrap_or(shot)
}

fn fresh(random: &mut Random) -> Shot {
    let family = *random.pick(&[Family::Ip, Family::Ip6]);
    let way = match random.below(100) {
        0..=64 => Way::Forward,
        65..=74 => Way::Return,
        75..=87 => Way::LocalIn,
        _ => Way::LocalOut,
    };
    let host = *random.pick(&HOSTS);
    let there = *random.pick(&SINKS);
    let (saddr, daddr) = match way {
        Way::Forward => (source(family, host), sink(family, there)),
        Way::Return => (sink(family, there), source(family, host)),
        Way::LocalIn => (source(family, host), source(family, 1)),
        Way::LocalOut => (router(family, random), sink(family, there)),
    };
    let mut packet = body(random, family, saddr, daddr).from(saddr).to(daddr);
    packet = decorate(random, packet);
    let mut link = LinkDestination::Host;
    if way == Way::Forward && random.chance(4) {
        link = *random.pick(&[LinkDestination::Broadcast, LinkDestination::Multicast]);
    }
    let bytes = packet.bytes();
    Shot { way, link, bytes }
}

/// One of the router's addresses.
fn router(family: Family, random: &mut Random) -> IpAddr {
    let near = source(family, 1);
    let far = match family {
        Family::Ip6 => IpAddr::from([0xfd00, 2, 0, 0, 0, 0, 0, 1]),
        _ => IpAddr::from([10, 0, 2, 1]),
    };
    *random.pick(&[near, far])
}

fn body(random: &mut Random, family: Family, saddr: IpAddr, daddr: IpAddr) -> Packet {
    let (sport, dport) = (*random.pick(&PORTS), *random.pick(&PORTS));
    let payload = *random.pick(&[0, 0, 4, 16, 16, 16, 60, 400]);
    let sum = |protocol, bytes: &[u8]| checksum::transport(saddr, daddr, protocol, bytes);
    match random.below(100) {
        0..=29 => Packet::udp(family, sport, dport).payload(payload),
        30..=44 => {
            let flags = *random.pick(&[0x02, 0x12, 0x10, 0x04, 0x01, 0x11, 0x14, 0x18, 0, 0x3f]);
            Packet::tcp(family, sport, dport)
                .flags(flags)
                .payload(payload)
        }
        45..=59 => bodies::tcp(random, family, sport, dport, &sum),
        60..=71 => {
            let kinds: &[u8] = match family {
                Family::Ip6 => &[1, 2, 3, 128, 128, 129, 129, 137],
                _ => &[0, 0, 3, 5, 8, 8, 11, 13],
            };
            let code = *random.pick(&[0, 0, 0, 1, 3, 4, 13]);
            let mut kind = *random.pick(kinds);
            // Nothing that the router answers with the time: it would be in the answer's checksum, where rules take
            // it for a port.
            if kind == TIMESTAMP_REQUEST && daddr == source(family, 1) {
                kind = ECHO_REQUEST;
            }
            Packet::icmp(family, kind, code).payload(payload)
        }
        72..=75 => Packet::ports(family, protocol::UDPLITE, sport, dport),
        76..=81 => bodies::sctp(random, family, sport, dport),
        82..=84 => bodies::dccp(random, family, sport, dport),
        85..=88 => bodies::tunnel(random, family, sport, &sum),
        _ => bodies::other(random, family),
    }
}

/// Makes some packets unusual.
fn decorate(random: &mut Random, packet: Packet) -> Packet {
    let mut packet = packet;
    if random.chance(25) {
        packet = packet.ttl(*random.pick(&[1, 2, 63, 64, 128, 255]));
    }
    if random.chance(25) {
        packet = packet.dscp(*random.pick(&[0, 8, 10, 34, 46, 56]));
    }
    if random.chance(3) {
        packet = packet.cut(random.below(30));
    }
    match packet.family() {
        Family::Ip6 => {
            if random.chance(15) {
                packet = packet.flow_label(*random.pick(&[1, 74565, 0xf_ffff]));
            }
            if random.chance(15) {
                let kinds = [
                    protocol::HOP_BY_HOP,
                    protocol::DESTINATION,
                    protocol::ROUTING,
                ];
                packet = packet.empty_extension(*random.pick(&kinds));
            }
            if random.chance(6) {
                packet = packet.fragment(*random.pick(&[0, 0, 7]), random.chance(60));
            }
        }
        _ => {
            if random.chance(20) {
                packet = packet.id(*random.pick(&[0, 1, 24, 512, 4660, 65535]));
            }
            match random.below(100) {
                0..=9 => packet = packet.frag_off(DONT_FRAGMENT),
                10..=12 => packet = packet.frag_off(MORE_FRAGMENTS),
                13..=15 => packet = packet.frag_off(7),
                16..=23 => {
                    let options: [&[u8]; 4] = [
                        &[1, 1, 1, 0],
                        &[7, 7, 4, 0, 0, 0, 0, 0],
                        &[148, 4, 0, 0],
                        &[148, 4, 0, 1, 7, 7, 8, 10, 0, 1, 1, 0],
                    ];
                    packet = packet.options(options[random.below(options.len())]);
                }
                _ => {}
            }
        }
    }
    packet
}

/// The packet that would come back: addresses and ports the other way round.
fn answer(shot: &Shot) -> Option<Shot> {
    let way = match shot.way {
        Way::Forward => Way::Return,
        Way::Return => Way::Forward,
        // Those are answered by the router, and the answers to its own do not come from the client.
        Way::LocalIn | Way::LocalOut => return None,
    };
    let mut bytes = shot.bytes.clone();
    let (saddr, length, upper) = match bytes.first()? >> 4 {
        4 => (12, 4, usize::from(bytes[0] & 15) * 4),
        _ => (8, 16, 40),
    };
    let transport = bytes[if length == 4 { 9 } else { 6 }];
    for index in 0..length {
        bytes.swap(saddr + index, saddr + length + index);
    }
    match (transport, bytes.len()) {
        (protocol::TCP | protocol::UDP, have) if have >= upper + 14 => {
            bytes.swap(upper, upper + 2);
            bytes.swap(upper + 1, upper + 3);
            // SYN is answered by SYN and ACK; sums do not depend on the order of words.
            if transport == protocol::TCP && bytes[upper + 13] == 2 {
                bytes[upper + 13] = 0x12;
                lower_sum(bytes.get_mut(upper + 16..upper + 18)?, 0x10);
            }
        }
        (protocol::ICMP, have) if have >= upper + 4 && bytes[upper] == 8 => {
            bytes[upper] = 0;
            lower_sum(&mut bytes[upper + 2..upper + 4], 0xf800);
        }
        (protocol::ICMPV6, have) if have >= upper + 4 && bytes[upper] == 128 => {
            bytes[upper] = 129;
            lower_sum(&mut bytes[upper + 2..upper + 4], 0x0100);
        }
        _ => return None,
    }
    let link = LinkDestination::Host;
    Some(Shot { way, link, bytes })
}

/// Puts a checksum right after a word has grown by `more`.
fn lower_sum(sum: &mut [u8], more: u16) {
    let old = !u16::from_be_bytes([sum[0], sum[1]]);
    let (new, carry) = old.overflowing_add(more);
    sum.copy_from_slice(&(!(new + u16::from(carry))).to_be_bytes());
}

impl Shot {
    /// The destination address.
    pub(super) fn destination(&self) -> Result<IpAddr> {
        let bytes = &self.bytes;
        Ok(match bytes.first().map(|byte| byte >> 4) {
            Some(4) => IpAddr::from(<[u8; 4]>::try_from(bytes.get(16..20).context("short")?)?),
            Some(6) => IpAddr::from(<[u8; 16]>::try_from(bytes.get(24..40).context("short")?)?),
            _ => bail!("a packet of no family"),
        })
    }

    /// The bytes for one run: fragments have an identification of its own, so that none is put together
    /// with one of another run.
    pub(super) fn bytes(&self, run: u16) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let is_fragment = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x3fff != 0;
        if bytes[0] >> 4 == 4 && is_fragment {
            let header = usize::from(bytes[0] & 15) * 4;
            bytes[4..6].copy_from_slice(&run.to_be_bytes());
            bytes[10..12].fill(0);
            let sum = checksum::internet(&[&bytes[..header]]);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        } else if bytes[0] >> 4 == 6 && bytes[6] == protocol::FRAGMENT && bytes.len() >= 48 {
            bytes[46..48].copy_from_slice(&run.to_be_bytes());
        }
        bytes
    }
}

impl fmt::Display for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = WAYS.iter().find(|(_, way)| *way == self.way);
        let link = LINKS.iter().find(|(_, link)| *link == self.link);
        let (way, link) = (way.map_or("", |row| row.0), link.map_or("", |row| row.0));
        write!(f, "{way} {link} ")?;
        self.bytes
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Shot {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut words = text.split_ascii_whitespace();
        let mut word = || words.next().context("a packet is WAY LINK BYTES");
        let (way, link, digits) = (word()?, word()?, word()?);
        let way = WAYS
            .iter()
            .find(|row| row.0 == way)
            .context("which way?")?
            .1;
        let link = LINKS
            .iter()
            .find(|row| row.0 == link)
            .context("which link?")?
            .1;
        let bytes = (0..digits.len() / 2)
            .map(|index| Ok(u8::from_str_radix(&digits[2 * index..2 * index + 2], 16)?))
            .collect::<Result<Vec<u8>>>()?;
        Ok(Shot { way, link, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_reads_as_it_is_written() {
        let mut random = Random::new(1, 1);
        for shot in packets(&mut random, 300) {
            assert_eq!(shot.to_string().parse::<Shot>().expect("its text"), shot);
        }
    }

    #[test]
    fn an_answer_has_good_checksums() {
        let bytes = Packet::tcp(Family::Ip, 9, 80).flags(2).bytes();
        let shot = Shot {
            way: Way::Forward,
            link: LinkDestination::Host,
            bytes,
        };
        let answer = answer(&shot).expect("TCP is answered").bytes;
        let (saddr, daddr) = (IpAddr::from([10, 0, 3, 2]), IpAddr::from([10, 0, 1, 2]));
        assert_eq!(checksum::transport(saddr, daddr, 6, &answer[20..]), 0);
        assert_eq!(answer[33], 0x12);
    }
}
