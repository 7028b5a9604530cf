// SPDX-License-Identifier: GPL-2.0
//! A second interpreter, as unlike the engine's as it can be: recursive, on raw bytes, tables searched
//! from end to end. Only the key's fields are the engine's.

use ferrule_engine::{Decider, Key};
use ferrule_uapi::hook::Verdict;

/// What a program did to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    pub verdict: Verdict,
    pub decider: Decider,
    pub counted: Vec<u32>,
    pub mark: u32,
}

/// An interpreter at work.
pub struct Reference<'a> {
    bytes: &'a [u8],
    key: &'a Key,
    mark: u32,
    counted: Vec<u32>,
}

const META_MARK: u8 = 4;

impl<'a> Reference<'a> {
    /// Runs base chain `base` of the verified program in `bytes`.
    pub fn run(bytes: &'a [u8], base: usize, key: &'a Key, mark: u32) -> Effects {
        let counted = Vec::new();
        let mut this = Reference {
            bytes,
            key,
            mark,
            counted,
        };
        let base = this.section(5) + base * 16;
        let chain = this.section(4) + this.word(base) * 40;
        let decided = this.chain(this.word(chain + 24));
        let (verdict, decider) = decided.unwrap_or_else(|| this.policy(base));
        Effects {
            verdict,
            decider,
            counted: this.counted,
            mark: this.mark,
        }
    }

    /// From instruction `pc` until something is decided, or (`None`) the chain returns.
    fn chain(&mut self, pc: usize) -> Option<(Verdict, Decider)> {
        let at = self.section(0) + pc * 16;
        let (target, a, b) = (self.word(at + 4), self.word(at + 8), self.word(at + 12));
        match self.bytes[at] {
            1..=6 if self.holds(at) => self.chain(pc + 1),
            1..=6 => self.chain(target),
            7 => {
                self.counted.push(a as u32);
                self.chain(pc + 1)
            }
            8 => {
                self.mark = (self.mark & a as u32) ^ b as u32;
                self.chain(pc + 1)
            }
            9 => Some(self.decide(Verdict::Accept, Decider::Rule(a as u32), b)),
            10 => Some(self.decide(Verdict::Drop, Decider::Rule(a as u32), b)),
            11 => match self.chain(target) {
                None => self.chain(pc + 1),
                decided => decided,
            },
            12 => self.chain(target),
            13 => None,
            other => unreachable!("opcode {other} was verified"),
        }
    }

    fn decide(&mut self, verdict: Verdict, by: Decider, counter: usize) -> (Verdict, Decider) {
        if counter != 0xffff_ffff {
            self.counted.push(counter as u32);
        }
        (verdict, by)
    }

    fn policy(&mut self, base: usize) -> (Verdict, Decider) {
        match self.bytes[base + 10] {
            1 => (Verdict::Accept, Decider::Policy),
            _ => self.decide(Verdict::Drop, Decider::Policy, self.word(base + 12)),
        }
    }

    /// Whether the match at byte `at` holds.
    fn holds(&self, at: usize) -> bool {
        let Some(value) = self.field(self.bytes[at + 1]) else {
            return false;
        };
        let (a, b) = (self.word(at + 8), self.word(at + 12));
        let held = match self.bytes[at] {
            1 => value & a as u128 == b as u128,
            2 => a as u128 <= value && value <= b as u128,
            3 => value & self.pair(a).0 == self.pair(a).1,
            4 => self.pair(a).0 <= value && value <= self.pair(a).1,
            5 => self.table(a).any(|n| {
                let at = self.section(1) + n * 8;
                let value = value & b as u128;
                (self.word(at) as u128..=self.word(at + 4) as u128).contains(&value)
            }),
            _ => self.table(a).any(|n| {
                let (lo, hi) = self.pair(n);
                (lo..=hi).contains(&(value & self.pair(b).0))
            }),
        };
        held != (self.bytes[at + 2] == 1)
    }

    fn field(&self, field: u8) -> Option<u128> {
        match field {
            META_MARK => Some(self.mark.into()),
            56.. => {
                let wide = self.key.get_wide(field)?;
                Some(u128::from(wide.hi) << 64 | u128::from(wide.lo))
            }
            _ => self.key.get(field).map(u128::from),
        }
    }

    /// The indices of the ranges in a table.
    fn table(&self, table: usize) -> std::ops::Range<usize> {
        let at = self.section(3) + table * 12;
        self.word(at + 4)..self.word(at + 4) + self.word(at + 8)
    }

    fn pair(&self, index: usize) -> (u128, u128) {
        let at = self.section(2) + index * 32;
        (self.number(at), self.number(at + 16))
    }

    fn number(&self, at: usize) -> u128 {
        let half = |at: usize| u64::from_ne_bytes(self.bytes[at..at + 8].try_into().unwrap());
        u128::from(half(at)) << 64 | u128::from(half(at + 8))
    }

    fn section(&self, section: usize) -> usize {
        self.word(56 + section * 8)
    }

    fn word(&self, at: usize) -> usize {
        u32::from_ne_bytes(self.bytes[at..at + 4].try_into().unwrap()) as usize
    }
}
