// SPDX-License-Identifier: GPL-2.0
//! Choosing a node's cut: which bits of which dimension part the boxes best.
//!
//! A cut takes some bits of a value, anywhere in it: `value >> shift & mask`. The bits above need not be the same for
//! all boxes; what falls into a child by chance is compared whole in the leaf. Cuts are judged by a sample, in
//! nanoseconds as they were measured: what a packet that falls among these boxes will still cost behind the cut, and
//! another tree where some boxes are left to it. Copies cost room, not time: there is a budget.

use ferrule_uapi::classifier::MAX_NODE_BITS;

use super::tree::LEAF;
use super::Boxes;

/// How many boxes a cut is judged by.
const SAMPLE: usize = 512;

/// Parts of fewer boxes are not parted between trees any more: a copy or two is cheaper than a tree.
const SPILL_FROM: usize = 48;

/// Nanoseconds: a node, an entry that is compared, a doubling of entries that are yet to be parted, a tree, and a
/// doubling of the room taken.
const NODE: f64 = 5.0;
const ENTRY: f64 = 4.0;
const DOUBLING: f64 = 6.0;
const TREE: f64 = 15.0;
const ROOM: f64 = 1.0;

/// What share of the room a cut may take: if there is room for so many times the boxes, as many times as this power of
/// that; but as many as these if there is room for them.
const SHARE: f64 = 0.6;
const SHARE_LEAST: f64 = 2.5;

/// A cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) dim: usize,
    pub(super) shift: u8,
    pub(super) bits: u8,
    /// Boxes that would be copied more often go to another tree, where there is one.
    pub(super) most_copies: u32,
}

impl Cut {
    /// The first child that the box falls into, and into how many one after another; behind the last comes the
    /// first.
    fn span(&self, boxes: &Boxes, index: u32) -> (u32, u32) {
        let (lo, hi) = boxes.range(index, self.dim);
        let mask = (1_u32 << self.bits) - 1;
        let (from, to) = (lo >> self.shift, hi >> self.shift);
        let many = (to - from).min(mask) + 1;
        (from & mask, many)
    }

    /// Into how many children the box falls.
    pub(super) fn copies(&self, boxes: &Boxes, index: u32) -> u32 {
        self.span(boxes, index).1
    }

    /// The boxes of each child: where each begins, and where the last ends; and the boxes.
    pub(super) fn distribute(&self, boxes: &Boxes, part: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let count = 1_usize << self.bits;
        let mut starts = vec![0_u32; count + 1];
        let children = |index: u32| {
            let (first, many) = self.span(boxes, index);
            (first..first + many).map(move |child| child as usize & (count - 1))
        };
        for index in part {
            children(*index).for_each(|child| starts[child + 1] += 1);
        }
        for child in 0..count {
            starts[child + 1] += starts[child];
        }
        let mut next = starts.clone();
        let mut filled = vec![0; starts[count] as usize];
        for index in part {
            children(*index).for_each(|child| {
                filled[next[child] as usize] = *index;
                next[child] += 1;
            });
        }
        (starts, filled)
    }
}

/// The best cut of `part`, or none that is worth it, with room for `budget` copies and children. Whether boxes may
/// be left to another tree is `may_spill`.
pub(super) fn choose(boxes: &Boxes, part: &[u32], budget: usize, may_spill: bool) -> Option<Cut> {
    let sample: Vec<u32> = part
        .iter()
        .step_by(part.len().div_ceil(SAMPLE))
        .copied()
        .collect();
    // Cuts further down want room, too.
    let plenty = budget as f64 / part.len() as f64;
    let share = part.len() as f64 * plenty.powf(SHARE).max(plenty.min(SHARE_LEAST));
    let mut judge = Judge {
        boxes,
        sample: &sample,
        all: part.len(),
        budget: share as usize,
        may_spill: may_spill && part.len() >= SPILL_FROM,
        counts: Vec::new(),
    };
    let mut best: Option<(f64, Cut)> = None;
    for dim in 0..boxes.dims.len() {
        let Some(top) = highest_difference(boxes, part, dim) else {
            continue;
        };
        for bits in sizes(part.len(), top + 1) {
            for shift in 0..=top + 1 - bits {
                let mut cut = Cut {
                    dim,
                    shift,
                    bits,
                    most_copies: u32::MAX,
                };
                let Some(cost) = judge.cost(&mut cut) else {
                    continue;
                };
                if best.is_none_or(|(best, _)| cost < best) {
                    best = Some((cost, cut));
                }
            }
        }
    }
    let (cost, cut) = best?;
    (cost < ENTRY * part.len() as f64).then_some(cut)
}

/// The highest bit in which the boxes' ranges of a dimension differ; `None` if they do not.
fn highest_difference(boxes: &Boxes, part: &[u32], dim: usize) -> Option<u8> {
    let mut definite = part
        .iter()
        .map(|index| boxes.range(*index, dim))
        .filter(|range| *range != (0, u32::MAX));
    let (first, _) = definite.next()?;
    let ends = part
        .iter()
        .map(|index| boxes.range(*index, dim))
        .filter(|range| *range != (0, u32::MAX));
    let differing = ends.fold(0, |bits, (lo, hi)| bits | (lo ^ first) | (hi ^ first));
    match differing {
        // All say the same, but some may say nothing.
        0 => part
            .iter()
            .any(|index| boxes.range(*index, dim) == (0, u32::MAX))
            .then_some(0),
        bits => Some(bits.ilog2() as u8),
    }
}

/// How many bits to try for so many boxes, of a value whose lowest `width` bits matter.
fn sizes(boxes: usize, width: u8) -> impl Iterator<Item = u8> {
    let full = (boxes.max(2) - 1).ilog2() as u8 + 2;
    let mut sizes = vec![full, full.div_ceil(2), full * 3 / 4, 1];
    sizes
        .iter_mut()
        .for_each(|size| *size = (*size).clamp(1, width.min(MAX_NODE_BITS)));
    sizes.sort_unstable();
    sizes.dedup();
    sizes.into_iter()
}

/// Judges cuts of one part.
struct Judge<'b> {
    boxes: &'b Boxes,
    sample: &'b [u32],
    /// How many boxes the sample stands for.
    all: usize,
    budget: usize,
    may_spill: bool,
    counts: Vec<u32>,
}

impl Judge<'_> {
    /// What a packet costs behind the cut, in nanoseconds; `None` if there is no room for it. Sets how many copies
    /// there may be of a box.
    fn cost(&mut self, cut: &mut Cut) -> Option<f64> {
        let scale = self.all as f64 / self.sample.len() as f64;
        let children = 1_usize << cut.bits;
        let room = self.budget.checked_sub(children)? as f64 / scale;
        let spilt = self.fit(cut, room)?;
        self.counts.clear();
        self.counts.resize(children, 0);
        let mut copies = 0_u32;
        for index in self.sample {
            let (first, many) = cut.span(self.boxes, *index);
            if many > cut.most_copies {
                continue;
            }
            copies += many;
            for child in first..first + many {
                self.counts[child as usize & (children - 1)] += 1;
            }
        }
        let pairs: f64 = self
            .counts
            .iter()
            .map(|count| f64::from(*count) * f64::from(count.saturating_sub(1)))
            .sum();
        let together = 1.0 + pairs / f64::from(copies.max(1)) * scale;
        let left = f64::from(spilt) / self.sample.len() as f64;
        let other = if spilt > 0 {
            TREE + left * 2.0 * TREE
        } else {
            0.0
        };
        let taken = (children as f64 + f64::from(copies) * scale) / self.all as f64;
        Some(NODE + rest(together) + other + ROOM * taken.log2())
    }

    /// Sets how many copies there may be of a box so that all that are kept find room. Returns how many of the
    /// sample are not kept; `None` if that is most of them, or any where none may be.
    fn fit(&self, cut: &mut Cut, room: f64) -> Option<u32> {
        let mut by_size = [(0_u32, 0_u64); 18];
        for index in self.sample {
            let many = cut.copies(self.boxes, *index);
            let (boxes, copies) = &mut by_size[many.ilog2() as usize];
            *boxes += 1;
            *copies += u64::from(many);
        }
        let (mut kept, mut taken) = (0, 0);
        for (size, (boxes, copies)) in by_size.iter().enumerate() {
            if *boxes > 0 && (taken + copies) as f64 > room {
                cut.most_copies = (1 << size) - 1;
                break;
            }
            kept += boxes;
            taken += copies;
        }
        let spilt = self.sample.len() as u32 - kept;
        let allowed = spilt == 0 || self.may_spill && spilt < kept * 4;
        allowed.then_some(spilt)
    }
}

/// What so many boxes cost, which may be parted further.
fn rest(together: f64) -> f64 {
    const FEW: f64 = LEAF as f64;
    if together <= FEW {
        return ENTRY * together;
    }
    ENTRY * FEW + DOUBLING * (together / FEW).log2()
}
