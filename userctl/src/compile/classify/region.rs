// SPDX-License-Identifier: GPL-2.0
//! What is known of the packets that come to a node, and which boxes they cannot get to.

use ferrule_uapi::classifier::DIMS;

use super::Boxes;

/// More boxes than these are not compared with each other.
const FEW: usize = 96;

/// Which packets come here: some bits of some dimensions are known.
#[derive(Clone, Copy)]
pub(super) struct Region {
    /// Bits that are known.
    known: [u32; DIMS],
    /// Their values.
    value: [u32; DIMS],
    /// Dimensions that the packets have.
    present: u32,
}

impl Region {
    /// All packets.
    pub(super) const ALL: Self = Region {
        known: [0; DIMS],
        value: [0; DIMS],
        present: 0,
    };

    /// Those of them that have the dimension, with these bits.
    pub(super) fn with(mut self, dim: usize, mask: u32, value: u32) -> Self {
        self.known[dim] |= mask;
        self.value[dim] = self.value[dim] & !mask | value;
        self.present |= 1 << dim;
        self
    }

    /// The boxes of `part` that a packet of the region may have to be compared with: not those that lie, here,
    /// within an earlier one behind which no packet gets.
    pub(super) fn seen(&self, boxes: &Boxes, part: &[u32]) -> Vec<u32> {
        let mut seen: Vec<u32> = Vec::with_capacity(part.len());
        let few = part.len() <= FEW;
        for index in part {
            let covers = |earlier: &u32| {
                boxes.last[*earlier as usize] && self.covers(boxes, *earlier, *index)
            };
            if !(few && seen.iter().any(covers)) {
                seen.push(*index);
            }
        }
        seen
    }

    /// Whether every packet of the region in box `inner` is in box `outer`.
    fn covers(&self, boxes: &Boxes, outer: u32, inner: u32) -> bool {
        let has = boxes.needed[inner as usize] | self.present;
        if boxes.needed[outer as usize] & !has != 0 {
            return false;
        }
        (0..boxes.dims.len()).all(|dim| {
            let (lo, hi) = boxes.range(inner, dim);
            let least = self.value[dim];
            let most = self.value[dim] | !self.known[dim];
            let (outer_lo, outer_hi) = boxes.range(outer, dim);
            // Where they do not meet, there is no such packet.
            outer_lo <= lo.max(least) && hi.min(most) <= outer_hi
        })
    }
}
