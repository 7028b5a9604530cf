// SPDX-License-Identifier: GPL-2.0
//! A packet over a vector of bytes, of which only the first lie together.

use std::{collections::BTreeMap, sync::Arc};

use ferrule_engine::{Found, Packet, Update};
use ferrule_uapi::{
    expr::Expr,
    hook::Family,
    program::Wide,
    statement::{RejectKind, Statement},
};

use super::oracle::Oracle;

/// A packet at a hook. Everything beside the bytes can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub family: Family,
    pub bytes: Vec<u8>,
    /// How many of the bytes `head()` shows; the others must be copied.
    pub split: usize,
    pub pkttype: u8,
    pub iif: u32,
    pub oif: u32,
    pub iifname: [u8; 16],
    pub oifname: [u8; 16],
    pub mark: u32,
    /// The counters that were told of it, in order.
    pub counted: Vec<u32>,
    /// The link header.
    pub link: Vec<u8>,
    /// A VLAN tag that the device took out.
    pub vlan: Option<[u8; 4]>,
    /// What sets have: set and key.
    pub sets: BTreeMap<(u32, Vec<u8>), Found>,
    /// Values of expressions: kind and key.
    pub facts: BTreeMap<(u8, u8), Wide>,
    /// What states and statements say.
    pub says: bool,
    /// No state can take note of the packet.
    pub uncountable: bool,
    /// Statements that were left to the environment, with their value and rule.
    pub acted: Vec<(Statement, Wide, u32)>,
    /// Changes of sets: set, key, data, timeout.
    pub updated: Vec<(u32, Vec<u8>, Option<Wide>, u64)>,
    /// Answers.
    pub rejected: Vec<(RejectKind, u8)>,
    /// Answers in the place of all of the above.
    pub oracle: Option<Arc<Oracle>>,
}

impl Frame {
    /// A packet that lies together.
    pub fn new(family: Family, bytes: Vec<u8>) -> Self {
        let split = bytes.len();
        Frame {
            family,
            bytes,
            split,
            pkttype: 0,
            iif: 3,
            oif: 4,
            iifname: *b"eth0\0\0\0\0\0\0\0\0\0\0\0\0",
            oifname: *b"wlan1\0\0\0\0\0\0\0\0\0\0\0",
            mark: 7,
            counted: Vec::new(),
            link: Vec::new(),
            vlan: None,
            sets: BTreeMap::new(),
            facts: BTreeMap::new(),
            says: true,
            uncountable: false,
            acted: Vec::new(),
            updated: Vec::new(),
            rejected: Vec::new(),
            oracle: None,
        }
    }

    /// The same packet, of which only the first bytes lie together.
    pub fn split_at(&self, split: usize) -> Self {
        Frame {
            split,
            ..self.clone()
        }
    }

    /// The same packet, cut off.
    pub fn cut_to(&self, len: usize) -> Self {
        let mut cut = self.clone();
        cut.bytes.truncate(len);
        cut.split = cut.split.min(len);
        cut
    }
}

impl Packet for Frame {
    fn family(&self) -> Family {
        self.family
    }

    fn len(&self) -> u32 {
        self.bytes.len() as u32
    }

    fn head(&self) -> &[u8] {
        &self.bytes[..self.split]
    }

    fn copy(&self, offset: u32, to: &mut [u8]) -> bool {
        let start = offset as usize;
        let from = self.bytes.get(start..start + to.len());
        from.map(|from| to.copy_from_slice(from)).is_some()
    }

    fn protocol(&self) -> u16 {
        match self.family {
            Family::Ip6 => 0x86dd,
            _ => 0x0800,
        }
    }

    fn pkttype(&self) -> u8 {
        self.pkttype
    }

    fn iif(&self) -> u32 {
        self.iif
    }

    fn oif(&self) -> u32 {
        self.oif
    }

    fn iifname(&self) -> [u8; 16] {
        self.iifname
    }

    fn oifname(&self) -> [u8; 16] {
        self.oifname
    }

    fn mark(&self) -> u32 {
        self.mark
    }

    fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }

    fn count(&mut self, counter: u32) {
        self.counted.push(counter);
    }

    fn link(&self) -> &[u8] {
        &self.link
    }

    fn vlan(&self) -> Option<[u8; 4]> {
        self.vlan
    }

    fn write_link(&mut self, offset: u32, bytes: &[u8]) -> bool {
        overwrite(&mut self.link, offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        overwrite(&mut self.bytes, offset, bytes)
    }

    fn fix_checksum(&mut self, at: u32, from: &[u8], to: &[u8], _pseudo: bool) -> bool {
        let sum = u16::from_be_bytes(self.bytes(at).unwrap());
        let sum = ferrule_engine::checksum::replaced(sum, from, to);
        self.write(at, &sum.to_be_bytes())
    }

    fn fact(&mut self, expr: &Expr) -> Option<Wide> {
        match &self.oracle {
            Some(oracle) => oracle.fact(expr.kind, expr.key),
            None => self.facts.get(&(expr.kind, expr.key)).copied(),
        }
    }

    fn random(&mut self) -> u32 {
        0x8000_0000
    }

    fn number(&mut self, state: u32, modulus: u32) -> u32 {
        state % modulus
    }

    fn ask(&mut self, state: u32) -> Option<bool> {
        match &self.oracle {
            Some(oracle) => Some(oracle.yes(&[1, state.into()])),
            None => (!self.uncountable).then_some(self.says),
        }
    }

    fn find(&mut self, set: u32, key: &[u8]) -> Option<Found> {
        match &self.oracle {
            Some(oracle) => oracle.find(set, key),
            None => self.sets.get(&(set, key.to_vec())).copied(),
        }
    }

    fn update(&mut self, update: &Update<'_>) -> bool {
        let key = update.key.to_vec();
        let change = (update.set, key, update.data, update.timeout);
        self.updated.push(change);
        match &self.oracle {
            Some(oracle) => oracle.yes(&[2, update.set.into()]),
            None => self.says,
        }
    }

    fn act(&mut self, statement: &Statement, value: Wide, rule: u32) -> bool {
        self.acted.push((*statement, value, rule));
        match &self.oracle {
            Some(oracle) => oracle.yes(&[3, statement.kind.into(), value.lo]),
            None => self.says,
        }
    }

    fn reject(&mut self, kind: RejectKind, code: u8) {
        self.rejected.push((kind, code));
    }
}

/// Overwrites bytes that are there.
fn overwrite(bytes: &mut [u8], offset: u32, with: &[u8]) -> bool {
    let start = offset as usize;
    let to = bytes.get_mut(start..start + with.len());
    to.map(|to| to.copy_from_slice(with)).is_some()
}
