// SPDX-License-Identifier: GPL-2.0
//! Packets that are likely to tell two forms of a rule apart.
//!
//! A random packet matches hardly any rule. So the values that stand in the rules (addresses, numbers,
//! names of interfaces) are collected first, and most fields of a packet get one of them, or one beside
//! it; the protocol is one of a few.

use std::net::{Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use ferrule_uapi::hook::Family;
use userctl::simulate::connection::Connection;

/// What stands in rules.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    v4: Vec<u32>,
    v6: Vec<u128>,
    numbers: Vec<u64>,
    names: Vec<String>,
}

/// A packet and what the machine knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) packet: Vec<u8>,
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) mark: u32,
    pub(crate) connection: Option<Connection>,
    /// Numbers that the machine knows of it.
    pub(crate) facts: [u32; FACTS],
}

/// How many numbers the machine knows of a packet.
pub(crate) const FACTS: usize = 8;

/// Protocols whose headers are made; the others have random bytes behind the IP header.
const PROTOCOLS: &[u8] = &[
    6, 6, 6, 17, 17, 1, 58, 132, 33, 51, 50, 136, 135, 47, 4, 60, 253,
];

const STATES: &[&str] = &["new", "established", "related", "invalid", "untracked"];
const DIRECTIONS: &[&str] = &["original", "reply"];
const STATUS: &[&str] = &[
    "expected",
    "seen-reply",
    "assured",
    "confirmed",
    "snat",
    "dnat",
];
const HELPERS: &[&str] = &["ftp", "sip", "tftp"];

impl Values {
    /// Those of these texts.
    pub(crate) fn of(texts: &[&str]) -> Self {
        let mut values = Self {
            v4: vec![0xc000_0201],
            v6: vec![0x2001_0db8 << 96 | 1],
            numbers: vec![0, 1, 80, 255],
            names: vec!["eth0".to_owned()],
        };
        for text in texts {
            let separators = |c: char| !(c.is_alphanumeric() || ".:_+*".contains(c));
            for word in text.split(separators).filter(|word| !word.is_empty()) {
                values.word(word);
            }
        }
        values
    }

    fn word(&mut self, word: &str) {
        if let Ok(address) = word.parse::<Ipv4Addr>() {
            self.v4.push(address.into());
        }
        if let Ok(address) = word.parse::<Ipv6Addr>() {
            self.v6.push(address.into());
        }
        for part in word.split(':') {
            let number = match part.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16),
                None => part.parse(),
            };
            self.numbers.extend(number);
        }
        if word.len() <= 15 && word.starts_with(|c: char| c.is_alphabetic() || "*+".contains(c)) {
            // Either mark may mean itself, or whatever follows.
            let stem = word.strip_suffix(['+', '*']).unwrap_or(word);
            let names = [word.to_owned(), stem.to_owned(), format!("{stem}1")];
            self.names
                .extend(names.into_iter().filter(|name| !name.is_empty()));
        }
    }

    /// A packet, different each time.
    pub(crate) fn sample(&self, family: Family, rng: &mut Rng) -> Sample {
        let protocol = match self.number(rng) {
            number @ 0..=255 if rng.u8(..) < 60 => number as u8,
            _ => *rng.choice(PROTOCOLS).unwrap_or(&6),
        };
        let transport = self.transport(protocol, rng);
        let packet = match family {
            Family::Ip6 => self.ipv6(protocol, &transport, rng),
            _ => self.ipv4(protocol, &transport, rng),
        };
        let name = |rng: &mut Rng| rng.choice(&self.names).cloned();
        Sample {
            packet,
            input: name(rng),
            output: name(rng),
            mark: self.number(rng) as u32,
            connection: self.connection(rng),
            facts: [(); FACTS].map(|()| self.number(rng) as u32),
        }
    }

    fn connection(&self, rng: &mut Rng) -> Option<Connection> {
        let state = *rng.choice(STATES)?;
        let mut text = state.to_owned();
        if !["invalid", "untracked"].contains(&state) {
            for words in [DIRECTIONS, STATUS] {
                text += &format!(",{}", rng.choice(words)?);
            }
            text += &format!(",mark={}", self.number(rng) as u32);
            text += &format!(",helper={}", rng.choice(HELPERS)?);
        }
        text.parse().ok()
    }

    /// One of the numbers, or beside one, or any.
    fn number(&self, rng: &mut Rng) -> u64 {
        let known = rng.choice(&self.numbers).copied().unwrap_or_default();
        match rng.u8(..8) {
            0 => known.wrapping_add(1),
            1 => known.wrapping_sub(1),
            2 => rng.u64(..),
            _ => known,
        }
    }

    fn address4(&self, rng: &mut Rng) -> [u8; 4] {
        let known = rng.choice(&self.v4).copied().unwrap_or_default();
        let address = match rng.u8(..8) {
            0 => known ^ 1 << rng.u32(..32),
            1 => rng.u32(..),
            2 => known.wrapping_add(1),
            3 => known.wrapping_sub(1),
            _ => known,
        };
        address.to_be_bytes()
    }

    fn address6(&self, rng: &mut Rng) -> [u8; 16] {
        let known = rng.choice(&self.v6).copied().unwrap_or_default();
        let address = match rng.u8(..8) {
            0 => known ^ 1 << rng.u32(..128),
            1 => rng.u128(..),
            2 => known.wrapping_add(1),
            3 => known.wrapping_sub(1),
            _ => known,
        };
        address.to_be_bytes()
    }

    /// A header that begins with ports, or with type and code, and goes on with numbers.
    fn transport(&self, protocol: u8, rng: &mut Rng) -> Vec<u8> {
        let mut bytes = Vec::new();
        match protocol {
            1 | 58 => bytes.extend([self.number(rng) as u8, self.number(rng) as u8]),
            // Next header, length.
            51 | 60 | 135 => bytes.extend([*rng.choice(&[6, 17, 59]).unwrap_or(&6), 1]),
            _ => bytes.extend((self.number(rng) as u16).to_be_bytes()),
        }
        bytes.extend((self.number(rng) as u16).to_be_bytes());
        while bytes.len() < 40 {
            bytes.extend((self.number(rng) as u32).to_be_bytes());
        }
        if protocol == 6 {
            // 20 or 24 bytes of header: with a maximum segment size.
            let words = if rng.bool() { 6 } else { 5 };
            let flags = *rng.choice(&[2, 0x12, 0x10, 4, 1, 0x3f, 0]).unwrap_or(&2);
            if let Some(rest) = bytes.get_mut(12..14) {
                rest.copy_from_slice(&[words << 4, flags]);
            }
            let size = (self.number(rng) as u16).to_be_bytes();
            if let Some(rest) = bytes.get_mut(20..24) {
                rest.copy_from_slice(&[2, 4, size[0], size[1]]);
            }
        }
        // Lengths are asked for with and without the IP header.
        let header = *rng.choice(&[0, 20, 40]).unwrap_or(&0);
        let wanted = (self.number(rng) as usize).min(1400).saturating_sub(header);
        if wanted > bytes.len() || (wanted >= 8 && rng.u8(..4) == 0) {
            bytes.resize(wanted, 0);
        }
        bytes
    }

    fn ipv4(&self, protocol: u8, transport: &[u8], rng: &mut Rng) -> Vec<u8> {
        let total = 20 + transport.len() as u16;
        let fragment: u16 = *rng.choice(&[0, 0, 0, 0, 0x4000, 0x2000, 5]).unwrap_or(&0);
        let mut packet = vec![0x45, self.byte(rng)];
        packet.extend(total.to_be_bytes());
        packet.extend(rng.u16(..).to_be_bytes());
        packet.extend(fragment.to_be_bytes());
        packet.extend([self.byte(rng), protocol, 0, 0]);
        packet.extend(self.address4(rng));
        packet.extend(self.address4(rng));
        packet.extend(transport);
        packet
    }

    fn ipv6(&self, protocol: u8, transport: &[u8], rng: &mut Rng) -> Vec<u8> {
        // Extension headers of eight bytes: hop-by-hop, routing, fragment, destination.
        let chain: &[u8] = match rng.u8(..8) {
            0 => &[0],
            1 => &[43],
            2 => &[44],
            3 => &[0, 60],
            _ => &[],
        };
        let len = (chain.len() * 8 + transport.len()) as u16;
        let mut packet = (6 << 28 | u32::from(self.byte(rng)) << 20)
            .to_be_bytes()
            .to_vec();
        packet.extend(len.to_be_bytes());
        packet.extend([*chain.first().unwrap_or(&protocol), self.byte(rng)]);
        packet.extend(self.address6(rng));
        packet.extend(self.address6(rng));
        for at in 0..chain.len() {
            let next = *chain.get(at + 1).unwrap_or(&protocol);
            packet.extend([next, 0, self.byte(rng), 0]);
            packet.extend((self.number(rng) as u32).to_be_bytes());
        }
        packet.extend(transport);
        packet
    }

    fn byte(&self, rng: &mut Rng) -> u8 {
        let number = self.number(rng) as u8;
        // A value of six bits may be one of DSCP, which is the upper part of its byte.
        if rng.bool() && number < 64 {
            number << 2
        } else {
            number
        }
    }
}
