// SPDX-License-Identifier: GPL-2.0
//! Classifiers at work: from a packet's key to the first rule body that it may run.
//!
//! `ferrule_uapi::classifier` has the form. What was weighed for it:
//!
//! - *Cutting trees with leaf lists* it is. A node is one shift and mask of one field and two loads; what is left is
//!   compared whole, without a branch for each field. Trees that choose any bits of an address act as a hash
//!   for plain lists of addresses and as HyperCuts-like cuts for prefixes.
//! - *Several trees* (as in CutSplit and ByteCuts) keep rules that say nothing of an address out of trees that
//!   cut by it, where they would be in every child. All are walked in step, so that their cache misses overlap.
//! - *Entries lie in the leaves*, and those that several leaves have are there several times: one miss then brings
//!   what is compared next, where indices of entries would cost two for each.
//! - *Tuple spaces* probe as many tables as there are combinations of prefix lengths: some hundred for the
//!   filter sets in the corpora. *Bit vectors* read a bit a rule: too many at a hundred thousand.
//!
//! A [`Cursor`] remembers what the trees led to, so that a chain that goes on behind a rule reads on where it was.
//! Whatever may change the key makes it forget.

use ferrule_uapi::{
    classifier::{
        Classifier, DIMS, ENTRY_ASKED, ENTRY_LAST, MAX_HEIGHT, NODE_HEAD, POINTER_ENTRY,
        POINTER_INDEX, TREES,
    },
    insn::Insn,
    NONE,
};

use crate::{key::Key, program::View};

/// No entry of a tree's run is left.
const NOTHING: u32 = u32::MAX;

/// Where a packet is in a classifier.
///
/// # Invariants
///
/// Only if `classifier` is not [`NONE`] has the rest a meaning.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Cursor {
    /// Which classifier; [`NONE`] if none.
    classifier: u32,
    /// The instruction that asked last. One pass through a chain asks further and further on: who asks there again,
    /// or further up, begins anew.
    asked: u32,
    /// Bits of the dimensions that the packet has.
    pub(crate) present: u32,
    /// The values of the dimensions; those that the packet has not are of no meaning.
    pub(crate) values: [u32; DIMS],
    /// The entry that each tree has come to, or [`NOTHING`].
    entries: [u32; TREES],
}

impl Cursor {
    /// Nowhere.
    pub(crate) const NOWHERE: Self = Cursor {
        classifier: NONE,
        asked: 0,
        present: 0,
        values: [0; DIMS],
        entries: [NOTHING; TREES],
    };

    /// The key may have changed.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.classifier = NONE;
    }
}

impl View<'_> {
    /// The instruction that `insn`, at `pc`, leads to. `None` if an access failed.
    pub(crate) fn classify(&self, insn: &Insn, pc: u32, key: &mut Key) -> Option<u32> {
        let classifier = self.classifiers().get(insn.a as usize)?;
        let first = classifier.first_word as usize;
        let words = self.words().get(first..)?;
        let trees = Trees { classifier, words };
        if key.cursor.classifier != insn.a || pc <= key.cursor.asked {
            trees.enter(key)?;
            key.cursor.classifier = insn.a;
        }
        key.cursor.asked = pc;
        trees.first(&mut key.cursor, pc, insn.target)
    }
}

/// A classifier and its words.
struct Trees<'a> {
    classifier: &'a Classifier,
    /// Its own, and those of all behind it.
    words: &'a [u32],
}

impl Trees<'_> {
    /// Notes the packet's values, and what each tree leads to.
    #[inline]
    fn enter(&self, key: &mut Key) -> Option<()> {
        key.note(self.classifier.dims.get(..self.dims())?);
        let Cursor {
            present,
            values,
            entries,
            ..
        } = &mut key.cursor;
        let count = usize::from(self.classifier.tree_count);
        let roots = self.classifier.roots.get(..count)?;
        for (entry, root) in entries.iter_mut().zip(roots) {
            *entry = match self.walk(*root, values, *present)? {
                0 => NOTHING,
                pointer => pointer & POINTER_INDEX,
            };
        }
        Some(())
    }

    /// Follows nodes from `pointer` to an entry or to nothing. Apart, or else it would be there once for each tree.
    #[inline(never)]
    fn walk(&self, mut pointer: u32, values: &[u32; DIMS], present: u32) -> Option<u32> {
        let mut left = MAX_HEIGHT;
        while pointer.wrapping_sub(1) < POINTER_ENTRY.wrapping_sub(1) && left != 0 {
            pointer = self.child(pointer, values, present)?;
            left = left.wrapping_sub(1);
        }
        Some(pointer)
    }

    /// Where the node at word `at` leads.
    #[inline(always)]
    fn child(&self, at: u32, values: &[u32; DIMS], present: u32) -> Option<u32> {
        let [head, absent] = *self.words.get(at as usize..)?.first_chunk::<2>()?;
        let dim = head & 0xff;
        let value = *values.get(dim as usize)?;
        let (shift, bits) = (head.wrapping_shr(8), head.wrapping_shr(16) & 0xff);
        let mask = 1_u32.wrapping_shl(bits).wrapping_sub(1);
        let child = at
            .wrapping_add(NODE_HEAD)
            .wrapping_add(value.wrapping_shr(shift) & mask);
        let pointer = *self.words.get(child as usize)?;
        let there = present.wrapping_shr(dim) & 1 != 0;
        Some(if there { pointer } else { absent })
    }

    /// The first instruction behind `pc`, but before `target`, that an entry leads to which admits the packet; or
    /// else `target`. Entries of the most frequent forms are compared by code that knows how long they are.
    #[inline]
    fn first(&self, cursor: &mut Cursor, pc: u32, target: u32) -> Option<u32> {
        let Classifier {
            wide_dims,
            narrow_dims,
            byte_dims,
            ..
        } = *self.classifier;
        match (wide_dims, narrow_dims, byte_dims) {
            (2, 2, 1) => self.next::<FiveTuple>(cursor, pc, target),
            (1, 0, 0) => self.next::<Address>(cursor, pc, target),
            _ => self.next::<AnyForm>(cursor, pc, target),
        }
    }

    /// The same, for entries of one form.
    #[inline(always)]
    fn next<F: Form>(&self, cursor: &mut Cursor, pc: u32, target: u32) -> Option<u32> {
        let stride = F::stride(self.classifier);
        let entries = self.words.get(self.classifier.node_words as usize..)?;
        let count = usize::from(self.classifier.tree_count);
        let Cursor {
            present,
            values,
            entries: places,
            ..
        } = cursor;
        let places = places.get_mut(..count)?;
        let mut best = target;
        for (place, least) in places.iter_mut().zip(&self.classifier.least) {
            if *least >= best {
                break;
            }
            let mut at = *place;
            if at == NOTHING {
                continue;
            }
            // One branch for all reasons to stop: each would be mispredicted now and then.
            loop {
                let start = (at as usize).wrapping_mul(stride);
                let entry = entries.get(start..start.checked_add(stride)?)?;
                let (word, rest) = entry.split_first()?;
                let (leads_to, last) = (word & !ENTRY_LAST, word & ENTRY_LAST != 0);
                let (head, inside) = F::inside(self.classifier, rest, values)?;
                let whole = head & ENTRY_ASKED & !*present == 0;
                let (behind, before) = (leads_to > pc, leads_to < best);
                let found = inside & whole & behind & before;
                best = if found { leads_to } else { best };
                let stays = found || !before;
                if stays || last {
                    *place = if stays { at } else { NOTHING };
                    break;
                }
                at = at.wrapping_add(1);
            }
        }
        Some(best)
    }

    /// How many dimensions.
    #[inline]
    fn dims(&self) -> usize {
        self.classifier.dim_count().into()
    }
}

/// How entries are made up.
trait Form {
    /// Words of an entry.
    fn stride(classifier: &Classifier) -> usize;

    /// The second word of an entry, of which `entry` is all but the first; and whether each value is in its range.
    /// All are compared, since a branch that is mispredicted costs more than a compare.
    fn inside(classifier: &Classifier, entry: &[u32], values: &[u32; DIMS]) -> Option<(u32, bool)>;
}

/// Two wide dimensions, two narrow ones, and a byte: addresses, ports and protocol.
struct FiveTuple;

impl Form for FiveTuple {
    #[inline(always)]
    fn stride(_: &Classifier) -> usize {
        8
    }

    #[inline(always)]
    fn inside(_: &Classifier, entry: &[u32], values: &[u32; DIMS]) -> Option<(u32, bool)> {
        let [head, lo, len, lo1, len1, range2, range3] = *entry.first_chunk()?;
        let [value, value1, value2, value3, value4, ..] = *values;
        let inside = wide(value, lo, len)
            & wide(value1, lo1, len1)
            & narrow(value2, range2)
            & narrow(value3, range3)
            & byte(value4, head);
        Some((head, inside))
    }
}

/// One wide dimension: an address.
struct Address;

impl Form for Address {
    #[inline(always)]
    fn stride(_: &Classifier) -> usize {
        4
    }

    #[inline(always)]
    fn inside(_: &Classifier, entry: &[u32], values: &[u32; DIMS]) -> Option<(u32, bool)> {
        let [head, lo, len] = *entry.first_chunk()?;
        let [value, ..] = *values;
        Some((head, wide(value, lo, len)))
    }
}

/// Any other.
struct AnyForm;

impl Form for AnyForm {
    #[inline(always)]
    fn stride(classifier: &Classifier) -> usize {
        classifier.stride() as usize
    }

    #[inline(always)]
    fn inside(classifier: &Classifier, entry: &[u32], values: &[u32; DIMS]) -> Option<(u32, bool)> {
        let (head, ranges) = entry.split_first()?;
        let count = usize::from(classifier.wide_dims);
        let (wides, narrows) = ranges.split_at_checked(count.wrapping_mul(2))?;
        let mut values = values.iter();
        let mut inside = true;
        for (range, value) in wides.chunks_exact(2).zip(values.by_ref()) {
            inside &= match range {
                [lo, len] => wide(*value, *lo, *len),
                _ => false,
            };
        }
        for (range, value) in narrows.iter().zip(values.by_ref()) {
            inside &= narrow(*value, *range);
        }
        if classifier.byte_dims != 0 {
            inside &= byte(*values.next()?, *head);
        }
        Some((*head, inside))
    }
}

/// Whether the value is in a range of 32-bit numbers.
#[inline(always)]
fn wide(value: u32, lo: u32, len: u32) -> bool {
    value.wrapping_sub(lo) <= len
}

/// Whether it is in one of 16-bit numbers.
#[inline(always)]
fn narrow(value: u32, range: u32) -> bool {
    wide(value, range & 0xffff, range.wrapping_shr(16))
}

/// Whether it is in that of a byte, in an entry's second word.
#[inline(always)]
fn byte(value: u32, head: u32) -> bool {
    wide(value, head.wrapping_shr(16) & 0xff, head.wrapping_shr(24))
}
