// SPDX-License-Identifier: GPL-2.0
//! Which boxes go into which tree.
//!
//! A tree that cuts by an address would have to hold a box that says nothing of that address in every child. What
//! a tree has no room for it leaves to the next (as ByteCuts does), which may cut by something else; the last takes
//! what there is.

use ferrule_uapi::classifier::TREES;

use super::tree::{Parts, Tree};
use super::Boxes;

/// Copies of boxes and children of nodes that all trees together may have: so many for each box; but so many are no
/// matter, unless there are very few boxes. (A child takes a word, a copy an entry; few copies are kept, as runs that
/// are alike are there once.)
const ROOM_PER_BOX: usize = 5;
const ROOM: usize = 1 << 17;
const MOST_ROOM_PER_BOX: usize = 64;

/// The trees of a classifier.
pub(super) struct Forest {
    /// What they are made of.
    pub(super) parts: Parts,
    /// Root and first box of each, ascending by that box.
    pub(super) roots: Vec<(u32, u32)>,
}

impl Forest {
    /// Grows trees for all boxes.
    pub(super) fn grow(boxes: &Boxes) -> Self {
        let room = ROOM.min(MOST_ROOM_PER_BOX * boxes.len());
        let budget = room.max(ROOM_PER_BOX * boxes.len());
        let mut tree = Tree::new(boxes);
        let mut roots = Vec::new();
        let mut rest: Vec<u32> = (0..boxes.len() as u32).collect();
        while !rest.is_empty() {
            // One box may have been left out in several places.
            rest.sort_unstable();
            rest.dedup();
            let part = std::mem::take(&mut rest);
            let last = roots.len() + 1 >= TREES;
            let spill = if last { None } else { Some(&mut rest) };
            roots.extend(tree.root(&part, budget, spill));
        }
        roots.sort_by_key(|(_, first)| *first);
        Forest {
            parts: tree.parts,
            roots,
        }
    }
}
