// SPDX-License-Identifier: GPL-2.0
//! A second interpreter, as unlike the engine's as it can be: recursive, on raw bytes, tables searched
//! from end to end. Only the key's fields are the engine's.

use std::collections::BTreeMap;

use ferrule_engine::{Decider, Found, Key};
use ferrule_uapi::{hook::Verdict, set::ElementVerdict};

use super::{frame::Frame, oracle::Oracle};

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
    packet: &'a [u8],
    oracle: &'a Oracle,
    mark: u32,
    counted: Vec<u32>,
    /// What instructions wrote, by the field's number.
    registers: BTreeMap<u8, u128>,
    /// Something came up that this interpreter does not do.
    gave_up: bool,
}

const META_MARK: u8 = 4;

impl<'a> Reference<'a> {
    /// Runs base chain `base` of the verified program in `bytes`. `None`: it does something that this
    /// interpreter does not do (writes to the packet, options, hashes).
    pub fn run(
        bytes: &'a [u8],
        base: usize,
        key: &'a Key,
        frame: &'a Frame,
        oracle: &'a Oracle,
    ) -> Option<Effects> {
        let mut this = Reference {
            bytes,
            key,
            packet: &frame.bytes,
            oracle,
            mark: frame.mark,
            counted: Vec::new(),
            registers: BTreeMap::new(),
            gave_up: false,
        };
        let base = this.section(5) + base * 16;
        let chain = this.section(4) + this.word(base) * 40;
        let decided = this.chain(this.word(chain + 24));
        let (verdict, decider) = decided.unwrap_or_else(|| this.policy(base));
        (!this.gave_up).then_some(Effects {
            verdict,
            decider,
            counted: this.counted,
            mark: this.mark,
        })
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
            14..=18 | 20 => match self.computed(at) {
                Some(value) => {
                    let register = self.bytes[at + 1];
                    let value = if register < 56 {
                        value & 0xffff_ffff
                    } else {
                        value
                    };
                    self.registers.insert(register, value);
                    self.chain(pc + 1)
                }
                None => self.chain(target),
            },
            19 => {
                let negated = self.bytes[at + 2] == 1;
                let key = self.key_bytes(b);
                let held = key.is_some_and(|key| match self.oracle.find(a as u32, &key) {
                    None => negated,
                    Some(found) => !negated && found != Found::Refused,
                });
                self.chain(if held { pc + 1 } else { target })
            }
            21 => self.follow(pc, target),
            22 => self.chain(pc + 1),
            23 => match self.statement(a) {
                true => self.chain(pc + 1),
                false => self.chain(target),
            },
            24 => Some(self.decide(Verdict::Drop, Decider::Rule(a as u32), b)),
            25 => Some((Verdict::Drop, Decider::Rule(a as u32))),
            26 => self.chain(
                self.classified(a, pc)
                    .filter(|at| *at < target)
                    .unwrap_or(target),
            ),
            other => unreachable!("opcode {other} was verified"),
        }
    }

    /// The first instruction behind `pc` that any tree of classifier `index` leads to.
    fn classified(&self, index: usize, pc: usize) -> Option<usize> {
        let at = self.section(18) + index * 96;
        let [wide, narrow, byte, trees] =
            [24, 25, 26, 27].map(|by| usize::from(self.bytes[at + by]));
        let words = self.section(19) + self.word(at + 32) * 4;
        let entries = words + self.word(at + 40) * 4;
        let size = (2 + 2 * wide + narrow) * 4;
        let half = |at: usize| usize::from(self.bytes[at]) | usize::from(self.bytes[at + 1]) << 8;
        let range = |entry: usize, dim: usize| -> (usize, usize) {
            let ranges = entry + 8;
            if dim < wide {
                (self.word(ranges + dim * 8), self.word(ranges + dim * 8 + 4))
            } else if dim < wide + narrow {
                let at = ranges + wide * 8 + (dim - wide) * 4;
                (half(at), half(at + 2))
            } else {
                (self.bytes[entry + 6].into(), self.bytes[entry + 7].into())
            }
        };
        let mut found = Vec::new();
        for tree in 0..trees {
            let pointer = self.walk(at, words, self.word(at + 48 + tree * 4));
            if pointer == 0 {
                continue;
            }
            let mut entry = entries + (pointer & 0x7fff_ffff) * size;
            loop {
                let inside = (0..wide + narrow + byte).all(|dim| {
                    let (lo, len) = range(entry, dim);
                    let asked = half(entry + 4) >> dim & 1 != 0;
                    let value = self.dimension(at, dim).map(|value| value as usize);
                    !asked || value.is_some_and(|value| (lo..=lo + len).contains(&value))
                });
                let target = self.word(entry);
                if inside {
                    found.push(target & 0x7fff_ffff);
                }
                if target >> 31 == 1 {
                    break;
                }
                entry += size;
            }
        }
        found.into_iter().filter(|target| *target > pc).min()
    }

    /// Where the nodes of the classifier at `at` lead from `pointer`.
    fn walk(&self, at: usize, words: usize, pointer: usize) -> usize {
        if pointer == 0 || pointer >> 31 == 1 {
            return pointer;
        }
        let node = words + pointer * 4;
        let [dim, shift, bits] = [0, 1, 2].map(|by| self.bytes[node + by]);
        let next = match self.dimension(at, dim.into()) {
            None => self.word(node + 4),
            Some(value) => {
                let child = (value >> shift & ((1 << bits) - 1)) as usize;
                self.word(node + 8 + child * 4)
            }
        };
        self.walk(at, words, next)
    }

    /// The packet's value in a dimension of the classifier at `at`.
    fn dimension(&self, at: usize, dim: usize) -> Option<u64> {
        let (field, word) = (self.bytes[at + dim * 2], self.bytes[at + dim * 2 + 1]);
        let value = self.field(field)?;
        let below = if field < 56 { 0 } else { 96 - 32 * word };
        Some((value >> below) as u64 & 0xffff_ffff)
    }

    /// What instruction `at` writes to its register.
    fn computed(&mut self, at: usize) -> Option<u128> {
        let (a, b) = (self.word(at + 8), self.word(at + 12));
        let (first, second) = (self.bytes[at + 2], self.bytes[at + 3]);
        match self.bytes[at] {
            14 => self.expression(a),
            15 => Some((self.field(first)? & a as u128) ^ b as u128),
            16 => Some((self.field(first)? & self.pair(a).0) ^ self.pair(a).1),
            17 if b == 0 => Some(self.field(first)? << a),
            17 => Some(self.field(first)? >> a),
            18 => {
                let (first, second) = (self.field(first)?, self.field(second)?);
                Some([first & second, first | second, first ^ second][a])
            }
            _ => match self.oracle.find(a as u32, &self.key_bytes(b)?)? {
                Found::Data(value) => Some(u128::from(value.hi) << 64 | u128::from(value.lo)),
                _ => None,
            },
        }
    }

    /// Expression `index`, if it is payload of the network header, a fact or a constant.
    fn expression(&mut self, index: usize) -> Option<u128> {
        let at = self.section(10) + index * 32;
        let (kind, key) = (self.bytes[at], self.bytes[at + 1]);
        let bits = u16::from_ne_bytes([self.bytes[at + 4], self.bytes[at + 5]]) as usize;
        let offset = self.word(at + 8);
        match kind {
            1 if key == 1 => (offset..offset + bits).try_fold(0, |value: u128, bit| {
                let byte = *self.packet.get(bit / 8)?;
                Some(value << 1 | u128::from(byte >> (7 - bit % 8) & 1))
            }),
            13 => Some(self.word(at + 24) as u128),
            3..=8 => {
                let value = self.oracle.fact(kind, key)?;
                Some(u128::from(value.hi) << 64 | u128::from(value.lo))
            }
            _ => {
                self.gave_up = true;
                None
            }
        }
    }

    /// Runs statement `index`; whether the rule goes on.
    fn statement(&mut self, index: usize) -> bool {
        let at = self.section(14) + index * 32;
        let (kind, key, flags) = (self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]);
        let source = self.bytes[at + 3];
        let (a, b) = (self.word(at + 4), self.word(at + 8));
        let value = match source {
            0xff => 0,
            field => match self.field(field) {
                Some(value) => value as u64,
                None => return false,
            },
        };
        match kind {
            1 => self.oracle.yes(&[1, a as u64]),
            2 if flags != 0 => {
                let found = self
                    .key_bytes(b)
                    .and_then(|k| self.oracle.find(a as u32, &k));
                let counted = found == Some(Found::Object(1));
                self.counted.extend(counted.then_some(0));
                counted
            }
            2 => {
                self.counted.push(0);
                true
            }
            3 => {
                self.mark = value as u32;
                true
            }
            4 | 5 | 9 | 10 => self.oracle.yes(&[3, kind.into(), value]),
            11 => {
                let done = self.oracle.yes(&[2, a as u64]) || key == 2;
                self.key_bytes(b).is_some() && done
            }
            _ => {
                self.gave_up = true;
                true
            }
        }
    }

    /// The bytes of key `index`, if all parts are there.
    fn key_bytes(&self, index: usize) -> Option<Vec<u8>> {
        let at = self.section(11) + index * 36;
        let mut bytes = Vec::new();
        for part in 0..usize::from(self.bytes[at]) {
            let field = self.bytes[at + 4 + part * 2];
            let len = usize::from(self.bytes[at + 5 + part * 2]);
            let value = self.field(field)?.to_be_bytes();
            bytes.extend(&value[16 - len..]);
        }
        Some(bytes)
    }

    /// Does what the verdict map of the lookup at `pc` says.
    fn follow(&mut self, pc: usize, target: usize) -> Option<(Verdict, Decider)> {
        let at = self.section(0) + pc * 16;
        let (map, key) = (self.word(at + 8), self.word(at + 12));
        let found = self
            .key_bytes(key)
            .and_then(|key| self.oracle.find(map as u32, &key));
        let Some(Found::Verdict(verdict, handle)) = found else {
            return self.chain(target);
        };
        let (rule, counter) = (self.word(at + 24) as u32, self.word(at + 28));
        let entry = (0..self.word(56 + 4 * 8 + 4) / 40)
            .map(|chain| self.section(4) + chain * 40)
            .find(|at| self.word(*at) as u64 == handle)
            .map(|at| self.word(at + 24));
        match verdict {
            ElementVerdict::Drop => Some(self.decide(Verdict::Drop, Decider::Rule(rule), counter)),
            ElementVerdict::Accept => Some((Verdict::Accept, Decider::Rule(rule))),
            ElementVerdict::Continue => self.chain(pc + 2),
            ElementVerdict::Return => None,
            ElementVerdict::Jump => match self.chain(entry.unwrap()) {
                None => self.chain(pc + 2),
                decided => decided,
            },
            ElementVerdict::Goto => self.chain(entry.unwrap()),
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
            46..=55 | 60.. => self.registers.get(&field).copied(),
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
