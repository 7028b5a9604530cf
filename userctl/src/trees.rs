// SPDX-License-Identifier: GPL-2.0
//! Classifiers of a verified program, read back from their words: for listings, plans and tests.

use ferrule_engine::View;
use ferrule_uapi::classifier::{
    Classifier, ENTRY_ASKED, ENTRY_LAST, NODE, NODE_HEAD, NODE_MASK, POINTER_ENTRY, POINTER_INDEX,
};

/// A classifier and its words.
#[derive(Clone, Copy, Debug)]
pub struct Trees<'a> {
    /// The classifier.
    pub classifier: &'a Classifier,
    nodes: &'a [u32],
    entries: &'a [u32],
}

/// A node.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The word that it begins at: what pointers say.
    pub at: u32,
    /// The dimension.
    pub dim: usize,
    /// How far its value is shifted to the right.
    pub shift: u32,
    /// How many bits then remain.
    pub bits: u32,
    /// Pointer for a packet that has not the dimension.
    pub absent: u32,
    /// Pointers by those bits.
    pub children: &'a [u32],
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The instruction that it leads to.
    pub target: u32,
    /// Whether its run ends with it.
    pub last: bool,
    /// Dimension, least and greatest value of what it asks.
    pub asked: Vec<(usize, u32, u32)>,
}

impl Entry {
    /// Whether it admits a packet of these values.
    pub fn admits(&self, value: impl Fn(usize) -> Option<u32>) -> bool {
        self.asked
            .iter()
            .all(|(dim, lo, hi)| value(*dim).is_some_and(|value| (*lo..=*hi).contains(&value)))
    }
}

impl<'a> Trees<'a> {
    /// Those of `classifier`.
    pub fn of(view: &View<'a>, classifier: &'a Classifier) -> Self {
        let first = classifier.first_word as usize;
        let words = view.words();
        let words = words.get(first..first + classifier.word_count as usize);
        let words = words.unwrap_or_default();
        let middle = (classifier.node_words as usize).min(words.len());
        let (nodes, entries) = words.split_at(middle);
        Trees {
            classifier,
            nodes,
            entries,
        }
    }

    /// How many bytes they take.
    pub fn size(&self) -> usize {
        size_of_val(self.nodes) + size_of_val(self.entries) + size_of::<Classifier>()
    }

    /// The node at word `at`.
    pub fn node(&self, at: u32) -> Option<Node<'a>> {
        let words = self.nodes.get(at as usize..)?;
        let [head, absent] = *words.first_chunk::<2>()?;
        let [dim, shift, bits, _] = head.to_le_bytes();
        let from = NODE_HEAD as usize;
        (head & NODE_MASK == NODE).then_some(Node {
            at,
            dim: dim.into(),
            shift: shift.into(),
            bits: bits.into(),
            absent,
            children: words.get(from..from + (1 << bits))?,
        })
    }

    /// All nodes, in their order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let trees = *self;
        (0..trees.nodes.len() as u32).filter_map(move |at| trees.node(at))
    }

    /// Entry `index`.
    pub fn entry(&self, index: u32) -> Option<Entry> {
        let stride = self.classifier.stride() as usize;
        let words = self.entries.get(index as usize * stride..)?.get(..stride)?;
        let [target, head, ranges @ ..] = words else {
            return None;
        };
        let wide = usize::from(self.classifier.wide_dims);
        let narrow = usize::from(self.classifier.narrow_dims);
        let range = |dim: usize| {
            let (lo, len) = if dim < wide {
                (ranges[dim * 2], ranges[dim * 2 + 1])
            } else if dim < wide + narrow {
                let word = ranges[dim + wide];
                (word & 0xffff, word >> 16)
            } else {
                (head >> 16 & 0xff, head >> 24)
            };
            (dim, lo, lo.saturating_add(len))
        };
        let dims = 0..usize::from(self.classifier.dim_count());
        let is_asked = |dim: &usize| head & ENTRY_ASKED & 1 << dim != 0;
        Some(Entry {
            target: target & !ENTRY_LAST,
            last: target & ENTRY_LAST != 0,
            asked: dims.filter(is_asked).map(range).collect(),
        })
    }

    /// The entries of the run that `pointer` leads to; none if it leads elsewhere.
    pub fn run(&self, pointer: u32) -> impl Iterator<Item = Entry> + use<'_, 'a> {
        let is_run = pointer & POINTER_ENTRY != 0;
        let first = is_run.then_some(pointer & POINTER_INDEX);
        let mut next = first;
        std::iter::from_fn(move || {
            let index = next?;
            let entry = self.entry(index)?;
            next = (!entry.last).then_some(index + 1);
            Some(entry)
        })
    }
}
