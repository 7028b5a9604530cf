// SPDX-License-Identifier: GPL-2.0
//! An environment that says anything at all, but always the same of the same thing: sets, states and facts as
//! hashes of what is asked. The machine and the reference interpreter ask it alike.

use ferrule_engine::{Found, View};
use ferrule_uapi::{
    program::Wide,
    set::{ElementVerdict, SetKind},
};

/// What there is to know of the sets of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oracle {
    /// Kind of each set, and the handles of its targets.
    sets: Vec<(u8, Vec<u64>)>,
}

/// FNV-1a over words.
fn hash(words: &[u64]) -> u64 {
    let step = |hash: u64, word: &u64| {
        let mixed = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        mixed ^ mixed >> 29
    };
    words.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

impl Oracle {
    pub fn of(view: &View<'_>) -> Self {
        let targets = |first: u32, count: u32| {
            let run = &view.targets()[first as usize..(first + count) as usize];
            run.iter().map(|target| target.handle).collect()
        };
        let set =
            |set: &ferrule_uapi::set::Set| (set.kind, targets(set.first_target, set.target_count));
        Oracle {
            sets: view.sets().iter().map(set).collect(),
        }
    }

    /// What set `index` has for a key: half of all keys something.
    pub fn find(&self, index: u32, key: &[u8]) -> Option<Found> {
        let words: Vec<u64> = key.iter().map(|byte| u64::from(*byte)).collect();
        let number = hash(&[&[index.into()], words.as_slice()].concat());
        if number & 1 == 0 {
            return None;
        }
        if number & 0xf0 == 0 {
            return Some(Found::Refused);
        }
        let (kind, targets) = &self.sets[index as usize];
        Some(match SetKind::from_raw(*kind).unwrap() {
            SetKind::Set => Found::Member,
            SetKind::Map => Found::Data(Wide {
                hi: number.rotate_left(7),
                lo: number >> 8 & 0xff,
            }),
            SetKind::Object => Found::Object(number >> 8 & 7),
            SetKind::Verdict => {
                let count = if targets.is_empty() { 4 } else { 6 };
                let verdict = ElementVerdict::ALL[(number >> 8) as usize % count];
                let leads = matches!(verdict, ElementVerdict::Jump | ElementVerdict::Goto);
                let handle = match leads {
                    true => targets[(number >> 16) as usize % targets.len()],
                    false => 0,
                };
                Found::Verdict(verdict, handle)
            }
        })
    }

    /// Whether something numbered is so.
    pub fn yes(&self, what: &[u64]) -> bool {
        hash(what) & 4 != 0
    }

    /// The value of a fact.
    pub fn fact(&self, kind: u8, key: u8) -> Option<Wide> {
        let number = hash(&[kind.into(), key.into()]);
        (number & 1 == 0).then_some(Wide {
            hi: number,
            lo: number >> 8 & 0x1ff,
        })
    }
}
