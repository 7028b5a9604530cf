// SPDX-License-Identifier: GPL-2.0
//! One tree: cut after cut, until few boxes are left together.

use std::collections::HashMap;

use ferrule_uapi::{
    classifier::{MAX_HEIGHT, POINTER_ENTRY},
    field::Field,
};

use super::cut::{self, Cut};
use super::region::Region;
use super::Boxes;

/// Where a subtree is to grow.
#[derive(Clone, Copy)]
struct Plot {
    /// Elements and children that it may have, about.
    budget: usize,
    /// Nodes that a path in it may have.
    height: u8,
    /// The packets that come there.
    region: Region,
}

/// As many boxes are compared one after another without a further cut.
pub(super) const LEAF: usize = 3;

/// A node in the making. Pointers are 0 to nothing, [`POINTER_ENTRY`]` | i` to run `i`, or a node's number, from 1.
pub(super) struct Node {
    pub(super) dim: u8,
    pub(super) shift: u8,
    pub(super) bits: u8,
    pub(super) height: u8,
    pub(super) absent: u32,
    pub(super) children: Vec<u32>,
}

/// What trees are made of.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) nodes: Vec<Node>,
    /// Boxes that are compared one after another: each run once.
    pub(super) runs: Vec<Vec<u32>>,
}

/// Trees in the making.
pub(super) struct Tree<'b> {
    boxes: &'b Boxes,
    pub(super) parts: Parts,
    /// Runs that there are already.
    known: HashMap<Vec<u32>, u32>,
    /// The first box in the present tree.
    first: Option<u32>,
}

impl<'b> Tree<'b> {
    pub(super) fn new(boxes: &'b Boxes) -> Self {
        Tree {
            boxes,
            parts: Parts::default(),
            known: HashMap::new(),
            first: None,
        }
    }

    /// Grows a tree for the boxes of `part`, ascending, of about `budget` elements and children. What it has no room
    /// for goes to `spill`, if there is one. Returns root and first box, unless nothing is left.
    pub(super) fn root(
        &mut self,
        part: &[u32],
        budget: usize,
        mut spill: Option<&mut Vec<u32>>,
    ) -> Option<(u32, u32)> {
        self.first = None;
        let plot = Plot {
            budget,
            height: MAX_HEIGHT,
            region: Region::ALL,
        };
        let (pointer, _) = self.grow(part, plot, &mut spill);
        self.first.map(|first| (pointer, first))
    }

    /// Grows a subtree; returns its pointer and its height.
    fn grow(&mut self, part: &[u32], plot: Plot, spill: &mut Option<&mut Vec<u32>>) -> (u32, u8) {
        let part = &plot.region.seen(self.boxes, part);
        let Plot { budget, height, .. } = plot;
        if part.len() <= LEAF || height <= 1 {
            return (self.leaf(part), 0);
        }
        if let Some(dim) = self.two_families(part) {
            return self.by_family(part, dim, plot, spill);
        }
        match cut::choose(self.boxes, part, budget, spill.is_some()) {
            Some(cut) => self.node(part, cut, plot, spill),
            None => (self.leaf(part), 0),
        }
    }

    /// A node that cuts, and what is below it.
    fn node(
        &mut self,
        part: &[u32],
        cut: Cut,
        plot: Plot,
        spill: &mut Option<&mut Vec<u32>>,
    ) -> (u32, u8) {
        let count = 1_usize << cut.bits;
        let at = self.parts.nodes.len();
        self.parts.nodes.push(Node {
            dim: cut.dim as u8,
            shift: cut.shift,
            bits: cut.bits,
            height: 1,
            absent: 0,
            children: Vec::new(),
        });
        let mut children = Vec::with_capacity(count);
        let (kept, absent) = self.sort_out(part, &cut, spill);
        let (starts, filled) = cut.distribute(self.boxes, &kept);
        let copies = (filled.len() + absent.len()).max(1);
        let room = plot.budget.saturating_sub(count) as f64 / copies as f64;
        let mask = (count as u32 - 1) << cut.shift;
        let share = |boxes: usize, region: Region| Plot {
            budget: (room * boxes as f64) as usize,
            height: plot.height - 1,
            region,
        };
        let mut below = 0;
        let mut previous: Option<(&[u32], u32)> = None;
        for child in 0..count {
            let own = &filled[starts[child] as usize..starts[child + 1] as usize];
            let pointer = match previous {
                Some((alike, pointer)) if alike == own && self.free(own, cut.dim) => pointer,
                _ => {
                    let value = (child as u32) << cut.shift;
                    let region = plot.region.with(cut.dim, mask, value);
                    let (pointer, own_height) = self.grow(own, share(own.len(), region), spill);
                    below = below.max(own_height);
                    pointer
                }
            };
            previous = Some((own, pointer));
            children.push(pointer);
        }
        let plot = share(absent.len(), plot.region);
        let (pointer, own_height) = self.grow(&absent, plot, spill);
        below = below.max(own_height);
        let node = &mut self.parts.nodes[at];
        node.absent = pointer;
        node.children = children;
        node.height = below + 1;
        (at as u32 + 1, below + 1)
    }

    /// Whether none of the boxes says anything of the dimension.
    fn free(&self, part: &[u32], dim: usize) -> bool {
        part.iter().all(|index| {
            !self.boxes.needs(*index, dim) && self.boxes.range(*index, dim) == (0, u32::MAX)
        })
    }

    /// The boxes that stay in this tree, and those among them that do not need the dimension. The others go to
    /// `spill`.
    fn sort_out(
        &self,
        part: &[u32],
        cut: &Cut,
        spill: &mut Option<&mut Vec<u32>>,
    ) -> (Vec<u32>, Vec<u32>) {
        let mut kept = Vec::with_capacity(part.len());
        for index in part {
            match spill {
                Some(spill) if cut.copies(self.boxes, *index) > cut.most_copies => {
                    spill.push(*index);
                }
                _ => kept.push(*index),
            }
        }
        let needs = |index: &&u32| !self.boxes.needs(**index, cut.dim);
        let absent = kept.iter().filter(needs).copied().collect();
        (kept, absent)
    }

    /// A dimension of IPv4 that some boxes need, if there are others that need one of IPv6.
    fn two_families(&self, part: &[u32]) -> Option<usize> {
        let (v4, v6) = (self.needed(true), self.needed(false));
        if v4 == 0 || v6 == 0 {
            return None;
        }
        let needed = |index: &u32| self.boxes.needed[*index as usize];
        let has_v6 = part.iter().any(|index| needed(index) & v6 != 0);
        let v4 = part.iter().map(needed).find(|needed| needed & v4 != 0)? & v4;
        has_v6.then_some(v4.trailing_zeros() as usize)
    }

    /// Bits of the dimensions that only packets of a family have.
    fn needed(&self, v4: bool) -> u32 {
        let of_family = |field: u8| match Field::from_raw(field) {
            Some(Field::IpSaddr | Field::IpDaddr) => v4,
            Some(Field::Ip6Saddr | Field::Ip6Daddr) => !v4,
            _ => false,
        };
        let dims = self.boxes.dims.iter().zip(0..);
        dims.filter(|(dim, _)| of_family(dim.field))
            .fold(0, |bits, (_, at)| bits | 1 << at)
    }

    /// A node that tells packets of IPv4, which have `dim`, from others.
    fn by_family(
        &mut self,
        part: &[u32],
        dim: usize,
        plot: Plot,
        spill: &mut Option<&mut Vec<u32>>,
    ) -> (u32, u8) {
        let at = self.parts.nodes.len();
        self.parts.nodes.push(Node {
            dim: dim as u8,
            shift: 0,
            bits: 0,
            height: 1,
            absent: 0,
            children: Vec::new(),
        });
        let (v4, v6) = (self.needed(true), self.needed(false));
        let without = |bits: u32| -> Vec<u32> {
            let without = |index: &&u32| self.boxes.needed[**index as usize] & bits == 0;
            part.iter().filter(without).copied().collect()
        };
        let (of_v4, others) = (without(v6), without(v4));
        let room = plot.budget as f64 / (of_v4.len() + others.len()) as f64;
        let share = |boxes: usize| Plot {
            budget: (room * boxes as f64) as usize,
            height: plot.height - 1,
            region: plot.region,
        };
        let (pointer, one) = self.grow(&of_v4, share(of_v4.len()), spill);
        self.parts.nodes[at].children.push(pointer);
        let (pointer, other) = self.grow(&others, share(others.len()), spill);
        let below = one.max(other);
        let node = &mut self.parts.nodes[at];
        node.absent = pointer;
        node.height = below + 1;
        (at as u32 + 1, below + 1)
    }

    /// A pointer to these boxes.
    fn leaf(&mut self, part: &[u32]) -> u32 {
        let first = part.first().copied();
        self.first = self.first.into_iter().chain(first).min();
        if part.is_empty() {
            return 0;
        }
        if let Some(known) = self.known.get(part) {
            return *known;
        }
        let pointer = POINTER_ENTRY | self.parts.runs.len() as u32;
        self.parts.runs.push(part.to_vec());
        self.known.insert(part.to_vec(), pointer);
        pointer
    }
}
