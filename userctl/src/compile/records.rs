// SPDX-License-Identifier: GPL-2.0
//! Records that instructions refer to by index: each is stored once.

use std::collections::HashMap;
use std::hash::Hash;

use ferrule_uapi::{
    expr::{Expr, ExprKind},
    set::{Key, KeyPart, KEY_PARTS},
};
use zerocopy::{Immutable, IntoBytes};

/// A list in which each record stands once.
#[derive(Debug)]
pub(super) struct Interned<T> {
    list: Vec<T>,
    index: HashMap<Vec<u8>, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            index: HashMap::new(),
        }
    }
}

impl<T: IntoBytes + Immutable + Copy> Interned<T> {
    /// Where `record` is.
    pub(super) fn add(&mut self, record: T) -> u32 {
        if let Some(index) = self.index.get(record.as_bytes()) {
            return *index;
        }
        let index = self.list.len() as u32;
        self.list.push(record);
        self.index.insert(record.as_bytes().to_vec(), index);
        index
    }

    /// The records, in the order of their indices.
    pub(super) fn list(&self) -> &[T] {
        &self.list
    }

    /// The records, to be corrected where they refer to others.
    pub(super) fn list_mut(&mut self) -> &mut [T] {
        &mut self.list
    }
}

/// The expression that is a number.
pub(super) fn constant(value: u128, bits: u32) -> Expr {
    let word = |shift: u32| (value >> shift) as u32;
    Expr {
        kind: ExprKind::Constant as u8,
        bits: bits as u16,
        a: word(96),
        b: word(64),
        c: word(32),
        d: word(0),
        ..Expr::default()
    }
}

/// Bytes that a part of `bits` bits takes in a key: 4, 8, 12 or 16.
pub(super) fn part_len(bits: u32) -> u8 {
    (bits.div_ceil(32) * 4) as u8
}

/// The key of these fields, each with its length.
pub(super) fn key(parts: &[KeyPart]) -> Key {
    let mut all = [KeyPart::default(); KEY_PARTS];
    for (slot, part) in all.iter_mut().zip(parts) {
        *slot = *part;
    }
    Key {
        count: parts.len() as u8,
        len: parts.iter().map(|part| part.len).sum(),
        parts: all,
        ..Key::default()
    }
}

/// Things that are numbered as they come and sorted by identity at the end.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    list: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}

impl<T> Numbered<T> {
    /// Adds one and gives its number.
    pub(super) fn push(&mut self, item: T) -> u32 {
        self.list.push(item);
        self.list.len() as u32 - 1
    }

    /// The thing with this number.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.list.get(number as usize)
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.list.len() as u32
    }

    /// The things by identity, and for each number that was given out its place there.
    pub(super) fn finish<K: Ord + Hash>(self, identity: impl Fn(&T) -> K) -> (Vec<T>, Vec<u32>) {
        let mut numbered: Vec<(u32, T)> = (0..).zip(self.list).collect();
        numbered.sort_by_key(|(_, item)| identity(item));
        let mut places = vec![0; numbered.len()];
        for (place, (number, _)) in (0_u32..).zip(&numbered) {
            places[*number as usize] = place;
        }
        (numbered.into_iter().map(|(_, item)| item).collect(), places)
    }
}
