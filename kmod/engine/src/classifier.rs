// SPDX-License-Identifier: GPL-2.0
//! Classifiers at work: from a packet's key to the first rule body that it may run.
//!
//! `ferrule_uapi::classifier` has the form. What was weighed for it:
//!
//! - *Cutting trees with leaf lists* it is. A node is one shift and mask of one field and two loads; leaves
//!   are compared whole, without a branch for each field. Trees that choose any bits of an address act as a hash
//!   for plain lists of addresses and as HyperCuts-like cuts for prefixes.
//! - *Several trees* (as in CutSplit and ByteCuts) keep rules that say nothing of an address out of trees that
//!   cut by it, where they would be in every child.
//! - *Tuple spaces* probe as many tables as there are combinations of prefix lengths: some hundred for the
//!   filter sets in the corpora. *Bit vectors* read a bit a rule: too many at a hundred thousand.
//!
//! A [`Cursor`] remembers the leaves that a packet fell into, so that a chain that goes on behind a rule
//! reads on where it was. Whatever may change the key makes it forget.

use ferrule_uapi::{
    classifier::{
        Classifier, Dim, Node, DIMS, ENTRY_HEAD, MAX_HEIGHT, POINTER_ENTRY, POINTER_INDEX,
        POINTER_LEAF, TREES,
    },
    field::FIRST_WIDE,
    insn::Insn,
    program::Wide,
    NONE,
};

use crate::{key::Key, program::View};

/// A pointer that no verified tree has: the tree was not walked yet.
const NOT_WALKED: u32 = u32::MAX;

/// How many elements of a leaf are read one by one rather than searched.
const SHORT: usize = 8;

/// Where a packet is in a classifier.
pub(crate) struct Cursor {
    /// Which classifier; [`NONE`] if none.
    classifier: u32,
    /// Bits of the dimensions that the packet has.
    present: u32,
    /// Whether `present` and `values` are filled in.
    filled: bool,
    /// The values of the dimensions, 0 for those that the packet has not.
    values: [u32; DIMS],
    /// What each tree led to.
    leaves: [u32; TREES],
}

impl Cursor {
    /// Nowhere.
    pub(crate) const NOWHERE: Self = Cursor {
        classifier: NONE,
        present: 0,
        filled: false,
        values: [0; DIMS],
        leaves: [NOT_WALKED; TREES],
    };

    /// The key may have changed.
    pub(crate) fn forget(&mut self) {
        self.classifier = NONE;
    }

    /// Begins with classifier `index`.
    fn enter(&mut self, index: u32) {
        self.classifier = index;
        self.filled = false;
        self.leaves = [NOT_WALKED; TREES];
    }

    /// Fills in the packet's values.
    fn fill(&mut self, classifier: &Classifier, key: &Key) {
        self.present = 0;
        let mut bit = 1_u32;
        let dims = classifier.dims.iter().take(classifier.dim_count.into());
        for (dim, slot) in dims.zip(&mut self.values) {
            let value = value(*dim, key);
            *slot = value.unwrap_or(0);
            if value.is_some() {
                self.present |= bit;
            }
            bit = bit.wrapping_shl(1);
        }
        self.filled = true;
    }
}

/// A packet's value in a dimension, if it has the field.
#[inline]
fn value(dim: Dim, key: &Key) -> Option<u32> {
    if dim.field < FIRST_WIDE {
        return key.get(dim.field);
    }
    key.get_wide(dim.field)
        .map(|Wide { hi, lo }| match dim.word {
            0 => hi.wrapping_shr(32) as u32,
            1 => hi as u32,
            2 => lo.wrapping_shr(32) as u32,
            _ => lo as u32,
        })
}

impl<'a> View<'a> {
    /// The instruction that `insn`, at `pc`, leads to. `None` if an access failed.
    pub(crate) fn classify(
        &self,
        insn: &Insn,
        pc: u32,
        key: &Key,
        cursor: &mut Cursor,
    ) -> Option<u32> {
        let classifier = self.classifiers().get(insn.a as usize)?;
        let trees = Trees {
            classifier,
            nodes: self.nodes(),
            words: self.words().get(classifier.first_word as usize..)?,
        };
        if cursor.classifier != insn.a {
            cursor.enter(insn.a);
        }
        let mut best = insn.target;
        for tree in 0..usize::from(classifier.tree_count) {
            if *classifier.least.get(tree)? >= best {
                break;
            }
            let mut leaf = *cursor.leaves.get(tree)?;
            if leaf == NOT_WALKED {
                leaf = trees.walk(*classifier.roots.get(tree)?, key)?;
                *cursor.leaves.get_mut(tree)? = leaf;
            }
            if leaf == 0 {
                continue;
            }
            if !cursor.filled {
                cursor.fill(classifier, key);
            }
            let found = if leaf >= POINTER_ENTRY {
                trees.single(leaf & POINTER_INDEX, pc, best, cursor)?
            } else {
                let elements = self.elements(&trees, leaf & POINTER_INDEX)?;
                trees.first_of(elements, pc, best, cursor)?
            };
            if let Some(found) = found {
                best = found;
            }
        }
        Some(best)
    }

    /// The elements of leaf `index`.
    #[inline]
    fn elements(&self, trees: &Trees<'a>, index: u32) -> Option<&'a [u32]> {
        let index = trees.classifier.first_leaf.wrapping_add(index);
        let leaf = self.leaves().get(index as usize)?;
        let entries = trees.classifier.entry_count.wrapping_mul(trees.stride());
        let start = entries.wrapping_add(leaf.first) as usize;
        trees
            .words
            .get(start..start.checked_add(leaf.count as usize)?)
    }
}

/// A classifier and its parts.
struct Trees<'a> {
    classifier: &'a Classifier,
    /// Those of all classifiers.
    nodes: &'a [Node],
    /// Its own, and those of all behind it.
    words: &'a [u32],
}

impl<'a> Trees<'a> {
    /// Follows nodes from `pointer` on to an entry, a leaf or nothing.
    #[inline]
    fn walk(&self, mut pointer: u32, key: &Key) -> Option<u32> {
        for _ in 0..=MAX_HEIGHT {
            if pointer == 0 || pointer >= POINTER_LEAF {
                return Some(pointer);
            }
            let index = self
                .classifier
                .first_node
                .wrapping_add(pointer)
                .wrapping_sub(1);
            pointer = self.child(self.nodes.get(index as usize)?, key)?;
        }
        None
    }

    /// The child of `node` that the packet falls into.
    #[inline]
    fn child(&self, node: &Node, key: &Key) -> Option<u32> {
        let dim = self.classifier.dims.get(usize::from(node.dim))?;
        let Some(value) = value(*dim, key) else {
            return Some(node.absent);
        };
        let mask = 1_u32.wrapping_shl(node.bits.into()).wrapping_sub(1);
        let child = value.wrapping_shr(node.shift.into()) & mask;
        let word = node.first.wrapping_add(child);
        self.words.get(word as usize).copied()
    }

    /// Where entry `index` leads to, if it admits the packet and that is behind `after`, but before `before`.
    #[inline]
    fn single(&self, index: u32, after: u32, before: u32, cursor: &Cursor) -> Option<Option<u32>> {
        let (leads_to, entry) = self.entry(index)?;
        let fits = leads_to > after && leads_to < before && admits(entry, cursor);
        Some(fits.then_some(leads_to))
    }

    /// The same for the first of these entries that does.
    #[inline]
    fn first_of(
        &self,
        mut elements: &[u32],
        after: u32,
        before: u32,
        cursor: &Cursor,
    ) -> Option<Option<u32>> {
        if elements.len() > SHORT {
            let behind = elements.partition_point(|element| {
                self.entry(*element)
                    .is_some_and(|(leads_to, _)| leads_to <= after)
            });
            elements = elements.get(behind..)?;
        }
        for element in elements {
            let (leads_to, entry) = self.entry(*element)?;
            if leads_to >= before {
                break;
            }
            if leads_to > after && admits(entry, cursor) {
                return Some(Some(leads_to));
            }
        }
        Some(None)
    }

    /// Entry `index`: the instruction that it leads to, and the rest of its words.
    #[inline]
    fn entry(&self, index: u32) -> Option<(u32, &'a [u32])> {
        let stride = self.stride();
        let start = index.wrapping_mul(stride) as usize;
        let words = self.words.get(start..start.checked_add(stride as usize)?)?;
        let (leads_to, rest) = words.split_first()?;
        Some((*leads_to, rest))
    }

    /// Words of an entry.
    #[inline]
    fn stride(&self) -> u32 {
        u32::from(self.classifier.dim_count)
            .wrapping_mul(2)
            .wrapping_add(ENTRY_HEAD)
    }
}

/// Whether the packet lies in the box: it has what is needed, and each value is in its range. All are compared,
/// since a branch that is mispredicted costs more than a compare.
#[inline]
fn admits(entry: &[u32], cursor: &Cursor) -> bool {
    let Some((needed, ranges)) = entry.split_first() else {
        return false;
    };
    let inside = ranges
        .chunks_exact(2)
        .zip(&cursor.values)
        .fold(true, |inside, (range, value)| match range {
            [lo, len] => inside & (value.wrapping_sub(*lo) <= *len),
            _ => false,
        });
    inside & (needed & !cursor.present == 0)
}
