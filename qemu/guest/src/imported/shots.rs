// SPDX-License-Identifier: GPL-2.0
//! Packets for a saved ruleset: aimed at each of its rules, neighbours of those, and answers to them.
//!
//! The ways between devices are tried one after the other: a batch is what passes between two of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrule_uapi::hook::Family;

use crate::checksum;
use crate::differential::Random;
use crate::packet::{protocol, tcp_flag, LinkDestination, Packet, MORE_FRAGMENTS};

use super::aim::{inside, Aim};
use super::save::Save;
use super::world;

/// Who sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Somebody at the first device of the pair.
    Near,
    /// Somebody at the second.
    Far,
    /// The router.
    Router,
}

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shot {
    pub(super) sender: Sender,
    pub(super) link: LinkDestination,
    pub(super) destination: IpAddr,
    /// The network layer on.
    pub(super) bytes: Vec<u8>,
}

/// Packets between two devices, by their numbers.
pub(super) type Batches = BTreeMap<(usize, usize), Vec<Shot>>;

/// Packets aimed at each rule.
const AIMED: usize = 2;

/// Packets aimed at rules of one save, at least.
const LEAST: usize = 240;

/// Makes the packets.
pub(super) fn batches(random: &mut Random, save: &Save) -> Batches {
    let mut maker = Maker {
        save,
        devices: save.devices(),
        friends: friends(random, save),
        addresses: addresses(random, save),
        batches: Batches::new(),
        number: 0,
    };
    let rounds = AIMED.max(LEAST.div_ceil(save.rules.len().max(1)));
    for _ in 0..rounds {
        for rule in &save.rules {
            if let Some(aim) = Aim::at(random, save, rule) {
                maker.aimed(random, &aim);
            }
        }
    }
    maker.batches
}

/// By device, sources that rules let pass: packets that come from there get to further rules.
fn friends(random: &mut Random, save: &Save) -> BTreeMap<String, Vec<(u128, u128)>> {
    let mut friends = BTreeMap::<_, Vec<_>>::new();
    let passing = save
        .rules
        .iter()
        .filter(|rule| matches!(rule.target.as_str(), "ACCEPT" | "RETURN"));
    for rule in passing {
        let aim = Aim::at(random, save, rule).unwrap_or_default();
        if let (Some((false, device)), Some(saddr)) = (aim.iif, aim.saddr) {
            friends.entry(device).or_default().extend(saddr.ranges());
        }
    }
    friends
}

/// Every address that a rule names, wanted or not.
fn addresses(random: &mut Random, save: &Save) -> Vec<(u128, u128)> {
    let mut list = Vec::new();
    for rule in &save.rules {
        let aim = Aim::at(random, save, rule).unwrap_or_default();
        for want in [aim.saddr, aim.daddr].into_iter().flatten() {
            list.extend(want.ranges());
        }
    }
    list
}

/// The way of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Through,
    In,
    Out,
}

/// What a packet says, but for its family.
#[derive(Clone, Debug)]
struct Flow {
    way: Way,
    sender: Sender,
    saddr: IpAddr,
    daddr: IpAddr,
    protocol: u8,
    sport: u16,
    dport: u16,
    flags: u8,
    /// Type and code.
    icmp: (u8, u8),
    broadcast: bool,
}

struct Maker<'a> {
    save: &'a Save,
    devices: Vec<String>,
    friends: BTreeMap<String, Vec<(u128, u128)>>,
    addresses: Vec<(u128, u128)>,
    batches: Batches,
    number: u16,
}

impl Maker<'_> {
    /// Adds a packet for a rule, and what belongs to it.
    fn aimed(&mut self, random: &mut Random, aim: &Aim) {
        let way = way(random, aim);
        let near = self.device(random, aim.iif.as_ref());
        let far = self.device(random, aim.oif.as_ref());
        let pair = match way {
            Way::Through => (near, far),
            Way::In => (near, near),
            Way::Out => (far, far),
        };
        let flow = self.flow(random, aim, way, pair);
        if aim.answer || random.chance(10) {
            // The connection has to be there first.
            let mut opening = flow.answered();
            opening.flags = tcp_flag::SYN;
            let mut flow = flow;
            if flow.protocol != protocol::TCP && aim.icmp.is_none() {
                opening.icmp = (self.echo(), 0);
                flow.icmp = (opening.answered().icmp.0, 0);
            }
            flow.flags = tcp_flag::SYN | tcp_flag::ACK;
            self.add(random, pair, &opening);
            self.add(random, pair, &flow);
            return;
        }
        self.add(random, pair, &flow);
        if random.chance(30) {
            let mut answer = flow.answered();
            answer.flags = tcp_flag::SYN | tcp_flag::ACK;
            self.add(random, pair, &answer);
            let mut next = flow.clone();
            next.flags = tcp_flag::ACK;
            self.add(random, pair, &next);
        }
        if flow.way == Way::Through && random.chance(15) {
            self.add_error(random, pair, &flow);
        }
    }

    fn echo(&self) -> u8 {
        match self.save.family {
            Family::Ip6 => 128,
            _ => 8,
        }
    }

    /// The number of a device that is wanted, most of the time.
    fn device(&self, random: &mut Random, want: Option<&(bool, String)>) -> usize {
        let fits = |device: &str| match want {
            None => true,
            Some((negated, name)) => {
                let same = match name.strip_suffix('+') {
                    Some(stem) => device.starts_with(stem),
                    None => device == name,
                };
                same != *negated
            }
        };
        let fitting: Vec<usize> = (0..self.devices.len())
            .filter(|number| fits(&self.devices[*number]))
            .collect();
        if fitting.is_empty() || random.chance(4) {
            return random.below(self.devices.len());
        }
        *random.pick(&fitting)
    }

    fn flow(&self, random: &mut Random, aim: &Aim, way: Way, pair: (usize, usize)) -> Flow {
        let protocol = self.protocol(random, aim);
        let loops = [&aim.iif, &aim.oif]
            .into_iter()
            .flatten()
            .any(|(negated, name)| !negated && name == "lo");
        let here = |number| world::local(self.save.family, number);
        let saddr = match (way, &aim.saddr) {
            (_, Some(want)) => self.address(want.value(random, self.most())),
            (Way::Out, None) => here(pair.1),
            (_, None) => self.source(random, &self.devices[pair.0]),
        };
        let daddr = match (way, &aim.daddr) {
            _ if loops => here(random.below(self.devices.len())),
            (_, Some(want)) => self.address(want.value(random, self.most())),
            (Way::In, None) => here(pair.0),
            (_, None) => self.anywhere(random),
        };
        let daddr = match self.save.family {
            Family::Ip if aim.broadcast && random.chance(85) => {
                *random.pick(&[world::broadcast(pair.0), Ipv4Addr::BROADCAST.into()])
            }
            _ => daddr,
        };
        let port = |random: &mut Random, want: &Option<super::aim::Want>| match want {
            Some(want) => want.value(random, 65535) as u16,
            None => *random.pick(&[22, 53, 80, 443, 1023, 1024, 33000, 65535]),
        };
        let icmp = match &aim.icmp {
            Some(want) => want.value(random, 255) as u8,
            None => *random.pick(&[self.echo(), self.echo(), 0, 3, 11, 129]),
        };
        Flow {
            way,
            sender: if way == Way::Out {
                Sender::Router
            } else {
                Sender::Near
            },
            saddr,
            daddr,
            protocol,
            sport: port(random, &aim.sport),
            dport: port(random, &aim.dport),
            flags: flags(random, aim.flags),
            icmp: (icmp, *random.pick(&[0, 0, 1, 3])),
            broadcast: aim.broadcast,
        }
    }

    fn protocol(&self, random: &mut Random, aim: &Aim) -> u8 {
        let icmp = match self.save.family {
            Family::Ip6 => protocol::ICMPV6,
            _ => protocol::ICMP,
        };
        match &aim.protocol {
            Some(want) => want.value(random, 255) as u8,
            None if aim.flags.is_some() => protocol::TCP,
            None if aim.icmp.is_some() => icmp,
            None => {
                let (tcp, udp) = (protocol::TCP, protocol::UDP);
                *random.pick(&[tcp, tcp, tcp, udp, udp, icmp, protocol::EXPERIMENT])
            }
        }
    }

    fn most(&self) -> u128 {
        match self.save.family {
            Family::Ip6 => u128::MAX,
            _ => u32::MAX.into(),
        }
    }

    fn address(&self, bits: u128) -> IpAddr {
        match self.save.family {
            Family::Ip6 => Ipv6Addr::from(bits).into(),
            _ => Ipv4Addr::from(bits as u32).into(),
        }
    }

    fn source(&self, random: &mut Random, device: &str) -> IpAddr {
        match self.friends.get(device).filter(|list| !list.is_empty()) {
            Some(list) if random.chance(85) => {
                let range = *random.pick(list);
                self.address(inside(random, range))
            }
            _ => self.anywhere(random),
        }
    }

    /// An address that some rule names, or one that none does.
    fn anywhere(&self, random: &mut Random) -> IpAddr {
        if !self.addresses.is_empty() && random.chance(45) {
            let range = *random.pick(&self.addresses);
            return self.address(inside(random, range));
        }
        let host = random.between(1, 200) as u16;
        match self.save.family {
            Family::Ip6 => Ipv6Addr::new(0x2a02, 0x1000, 0, 0, 0, 0, 7, host).into(),
            _ => Ipv4Addr::from(0x5020_0700 + u32::from(host)).into(),
        }
    }

    fn add(&mut self, random: &mut Random, pair: (usize, usize), flow: &Flow) {
        self.number = self.number.wrapping_add(1);
        let mut packet = flow.packet(random, self.save.family);
        packet = match self.save.family {
            Family::Ip6 => packet.flow_label(self.number.into()),
            _ => packet.id(self.number),
        };
        if random.chance(3) {
            packet = packet.ttl(1);
        }
        // A later fragment, when no first one waits for it.
        if self.save.family == Family::Ip && random.chance(2) {
            packet = packet.frag_off(MORE_FRAGMENTS | 7);
        }
        self.push(pair, flow, &packet);
    }

    /// Adds an error about a packet, from the one that it was for.
    fn add_error(&mut self, random: &mut Random, pair: (usize, usize), flow: &Flow) {
        let inner = flow.packet(random, self.save.family).bytes();
        let kind = match self.save.family {
            Family::Ip6 => 1,
            _ => 3,
        };
        let mut body = vec![kind, 1, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(&inner);
        let error = Flow {
            protocol: match self.save.family {
                Family::Ip6 => protocol::ICMPV6,
                _ => protocol::ICMP,
            },
            ..flow.answered()
        };
        let sum = checksum::transport(error.saddr, error.daddr, error.protocol, &body);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
        let packet = Packet::raw(self.save.family, error.protocol, &body)
            .from(error.saddr)
            .to(error.daddr);
        self.push(pair, &error, &packet);
    }

    fn push(&mut self, pair: (usize, usize), flow: &Flow, packet: &Packet) {
        let shot = Shot {
            sender: flow.sender,
            link: match flow.broadcast {
                true => LinkDestination::Broadcast,
                false => LinkDestination::Host,
            },
            destination: flow.daddr,
            bytes: packet.bytes(),
        };
        self.batches.entry(pair).or_default().push(shot);
    }
}

fn way(random: &mut Random, aim: &Aim) -> Way {
    let is_loop =
        |device: &Option<(bool, String)>| matches!(device, Some((false, name)) if name == "lo");
    match aim.chain.as_str() {
        _ if is_loop(&aim.iif) || is_loop(&aim.oif) => Way::Out,
        "INPUT" => Way::In,
        "OUTPUT" => Way::Out,
        "PREROUTING" if random.chance(30) => Way::In,
        "POSTROUTING" if random.chance(30) => Way::Out,
        _ => Way::Through,
    }
}

fn flags(random: &mut Random, want: Option<(u8, u8)>) -> u8 {
    let any = random.byte() & 0x3f;
    match want {
        Some((mask, set)) if random.chance(80) => set | any & !mask & tcp_flag::PSH,
        Some(_) => any,
        None if random.chance(70) => tcp_flag::SYN,
        None => *random.pick(&[
            tcp_flag::ACK,
            tcp_flag::RST,
            tcp_flag::FIN | tcp_flag::ACK,
            any,
        ]),
    }
}

impl Flow {
    /// The packet that would come back.
    fn answered(&self) -> Self {
        let (way, sender) = match (self.way, self.sender) {
            (Way::Through, Sender::Near) => (Way::Through, Sender::Far),
            (Way::Through, _) => (Way::Through, Sender::Near),
            (Way::In, _) => (Way::Out, Sender::Router),
            (Way::Out, _) => (Way::In, Sender::Near),
        };
        let kind = match self.icmp.0 {
            8 => 0,
            0 => 8,
            128 => 129,
            129 => 128,
            other => other,
        };
        Self {
            way,
            sender,
            saddr: self.daddr,
            daddr: self.saddr,
            sport: self.dport,
            dport: self.sport,
            icmp: (kind, self.icmp.1),
            ..self.clone()
        }
    }

    fn packet(&self, random: &mut Random, family: Family) -> Packet {
        let packet = match self.protocol {
            protocol::TCP if self.flags & (tcp_flag::SYN | tcp_flag::RST) == tcp_flag::SYN => {
                Packet::raw(family, protocol::TCP, &self.syn(random))
            }
            protocol::TCP => Packet::tcp(family, self.sport, self.dport).flags(self.flags),
            protocol::UDP => Packet::udp(family, self.sport, self.dport),
            protocol::ICMP | protocol::ICMPV6 => Packet::icmp(family, self.icmp.0, self.icmp.1),
            other => Packet::raw(family, other, &[7; 12]),
        };
        packet.from(self.saddr).to(self.daddr)
    }

    /// A TCP header with a maximum segment size. One without gets the option added by iptables and not
    /// by nftables, which the importer's documentation says.
    fn syn(&self, random: &mut Random) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&self.sport.to_be_bytes());
        body.extend_from_slice(&self.dport.to_be_bytes());
        body.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 6 << 4, self.flags, 0xff, 0xff]);
        body.extend_from_slice(&[0, 0, 0, 0, 2, 4]);
        let size: u16 = *random.pick(&[536, 1460, 8960]);
        body.extend_from_slice(&size.to_be_bytes());
        let sum = checksum::transport(self.saddr, self.daddr, protocol::TCP, &body);
        body[16..18].copy_from_slice(&sum.to_be_bytes());
        body
    }
}
