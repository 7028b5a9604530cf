// SPDX-License-Identifier: GPL-2.0

//! Makes a large filter set of a small one, with the same structure.
//!
//! A set is copied several times, each copy with its addresses passed through a map of its own that keeps
//! prefixes: two addresses that share `n` bits share `n` bits afterwards. So prefix lengths, ports,
//! protocols and the nesting within a copy stay what they are; rules that come out alike in two copies
//! (wildcards) are kept once. Copies take turns, rule by rule, so that what was in front stays in front.

use std::collections::{BTreeMap, HashSet};

use super::tuple::{Prefix, Tuple};
use crate::random::Random;

/// Bits that all copies share: they stay in the networks that the set is about.
const SHARED: u8 = 8;

/// A field's value, and one of a rule's prefixes.
type Field = fn(&Tuple) -> u64;
type Side = fn(&Tuple) -> Prefix;

/// Grows `seed` to `count` rules.
pub(super) fn grow(seed: &[Tuple], count: usize) -> Vec<Tuple> {
    let mut seen = HashSet::new();
    let mut grown = Vec::with_capacity(count);
    // A few copies more than needed: some rules are alike.
    let copies = (count / seed.len().max(1) + 2) * 2;
    for copy in 0..copies as u64 {
        for (place, rule) in seed.iter().enumerate() {
            let mut rule = rule.clone();
            rule.src = moved(rule.src, copy);
            rule.dst = moved(rule.dst, copy.wrapping_add(1 << 32));
            let mut key = rule.clone();
            key.drop = false;
            if seen.insert(key) {
                grown.push((place, copy, rule));
            }
        }
        if grown.len() >= count {
            break;
        }
    }
    grown.truncate(count);
    grown.sort_by_key(|(place, copy, _)| (*place, *copy));
    grown.into_iter().map(|(_, _, rule)| rule).collect()
}

/// A prefix, moved; copy 0 is where it was.
fn moved(prefix: Prefix, copy: u64) -> Prefix {
    if copy & 0xffff_ffff == 0 {
        return prefix;
    }
    let mut address = prefix.address;
    for bit in SHARED..prefix.length {
        let above = if bit == 0 {
            0
        } else {
            prefix.address >> (32 - u32::from(bit))
        };
        let number = u64::from(above) << 8 | u64::from(bit);
        let flip =
            Random::new(copy.wrapping_mul(0x1_0000_0001).wrapping_add(number << 20)).number() & 1;
        address ^= (flip as u32) << (31 - u32::from(bit));
    }
    Prefix { address, ..prefix }
}

/// How close the grown set is to what it was grown from, in words: for each field, the share of rules that
/// would have to change for its distribution to be the same; and for nesting, the mean number of other
/// prefixes that contain a rule's, of those of a sample.
pub(super) fn closeness(seed: &[Tuple], grown: &[Tuple]) -> String {
    let fields: [(&str, Field); 5] = [
        ("source lengths", |rule| rule.src.length.into()),
        ("destination lengths", |rule| rule.dst.length.into()),
        ("source ports", |rule| ports(rule.sport)),
        ("destination ports", |rule| ports(rule.dport)),
        ("protocols", |rule| rule.proto.map_or(256, u64::from)),
    ];
    let mut text = format!(
        "grown from {} rules to {}; differences:",
        seed.len(),
        grown.len()
    );
    for (name, field) in fields {
        let difference = difference(&shares(seed, field), &shares(grown, field));
        text += &format!(" {name} {:.1} %,", difference * 100.0);
    }
    let sides: [(&str, Side); 2] = [
        ("sources", |rule| rule.src),
        ("destinations", |rule| rule.dst),
    ];
    for (name, side) in sides {
        let (before, after) = (nesting(seed, side), nesting(grown, side));
        text += &format!(" nesting of {name} {before:.2} and {after:.2},");
    }
    text.trim_end_matches(',').to_owned()
}

fn ports((low, high): (u16, u16)) -> u64 {
    u64::from(low) << 16 | u64::from(high)
}

fn shares(list: &[Tuple], field: Field) -> BTreeMap<u64, f64> {
    let mut shares = BTreeMap::new();
    for rule in list {
        *shares.entry(field(rule)).or_insert(0.0) += 1.0 / list.len() as f64;
    }
    shares
}

/// Half the sum of all differences (total variation).
fn difference(a: &BTreeMap<u64, f64>, b: &BTreeMap<u64, f64>) -> f64 {
    let keys: HashSet<_> = a.keys().chain(b.keys()).collect();
    let of = |shares: &BTreeMap<u64, f64>, key: &u64| shares.get(key).copied().unwrap_or(0.0);
    keys.iter()
        .map(|key| (of(a, key) - of(b, key)).abs())
        .sum::<f64>()
        / 2.0
}

/// How many different, shorter prefixes of the set contain a rule's, on average.
fn nesting(list: &[Tuple], side: Side) -> f64 {
    let all: HashSet<Prefix> = list.iter().map(side).collect();
    let above = |prefix: Prefix| {
        let shorter = (0..prefix.length).map(move |length| {
            let mut shorter = Prefix { length, ..prefix };
            shorter.address &= shorter.mask();
            shorter
        });
        shorter.filter(|prefix| all.contains(prefix)).count()
    };
    list.iter().map(|rule| above(side(rule))).sum::<usize>() as f64 / list.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: u32, length: u8) -> Prefix {
        Prefix { address, length }
    }

    #[test]
    fn what_contains_another_contains_it_after_the_move() {
        let (outer, inner) = (prefix(0x0a01_0000, 16), prefix(0x0a01_0280, 25));
        for copy in 1..50 {
            let (outer, inner) = (moved(outer, copy), moved(inner, copy));
            assert_eq!(inner.address & outer.mask(), outer.address, "copy {copy}");
            assert_eq!(inner.address >> 24, 0x0a);
        }
    }

    #[test]
    fn a_grown_set_has_the_lengths_of_its_seed() {
        let rule = |address, length| Tuple {
            src: prefix(address, length),
            ..Tuple::everything()
        };
        let seed: Vec<_> = (1..200u32).map(|n| rule(n << 8, 24)).collect();
        let grown = grow(&seed, 1000);
        assert_eq!(grown.len(), 1000);
        let lengths: Field = |rule| rule.src.length.into();
        assert!(difference(&shares(&seed, lengths), &shares(&grown, lengths)) < 1e-9);
    }
}
