// SPDX-License-Identifier: GPL-2.0
//! A packet over a vector of bytes, of which only the first lie together.

use ferrule_engine::Packet;
use ferrule_uapi::hook::Family;

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
}
