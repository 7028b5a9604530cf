// SPDX-License-Identifier: GPL-2.0
//! From trees to words: where nodes and entries lie (`ferrule_uapi::classifier`).
//!
//! A run that another ends with needs no entries of its own. Few nodes straddle cache lines.

use std::collections::HashMap;

use ferrule_uapi::classifier::{
    Classifier, Dim, DIMS, ENTRY_LAST, NODE, NODE_HEAD, POINTER_ENTRY, POINTER_INDEX, TREES,
    WORDS_ALIGN,
};

use super::boxes::most;
use super::forest::Forest;
use super::tree::Node;
use super::Boxes;

/// Longest ends of runs that others are looked for among.
const MOST_SHARED: usize = 16;

/// A classifier's words, and the rest of it but for where these begin.
pub(super) fn lay_out(boxes: &Boxes, forest: &Forest, bodies: &[u32]) -> (Classifier, Vec<u32>) {
    let order = Order::of(boxes);
    let (starts, entries) = place_runs(&forest.parts.runs);
    let (offsets, node_words) = place_nodes(&forest.parts.nodes);
    let pointer = |pointer: u32| match pointer {
        0 => 0,
        POINTER_ENTRY.. => POINTER_ENTRY | starts[(pointer & POINTER_INDEX) as usize],
        node => offsets[node as usize - 1],
    };
    let mut words = vec![0; node_words];
    for (node, offset) in forest.parts.nodes.iter().zip(&offsets) {
        let dim = order.places[usize::from(node.dim)];
        write_node(&mut words[*offset as usize..], node, dim, pointer);
    }
    for (index, last) in &entries {
        let target = bodies[boxes.rules[*index as usize] as usize];
        words.push(if *last { target | ENTRY_LAST } else { target });
        order.push_ranges(boxes, *index, &mut words);
    }
    words.resize(words.len().next_multiple_of(WORDS_ALIGN as usize), 0);
    let mut classifier = Classifier {
        wide_dims: order.wide as u8,
        narrow_dims: order.narrow as u8,
        byte_dims: order.byte as u8,
        tree_count: forest.roots.len() as u8,
        word_count: words.len() as u32,
        node_words: node_words as u32,
        entry_count: entries.len() as u32,
        ..Classifier::default()
    };
    let mut dims = [Dim::default(); DIMS];
    for (dim, place) in boxes.dims.iter().zip(&order.places) {
        dims[*place] = *dim;
    }
    classifier.dims = dims;
    let (mut roots, mut least) = ([0; TREES], [0; TREES]);
    for (at, (root, first)) in forest.roots.iter().enumerate() {
        roots[at] = pointer(*root);
        least[at] = bodies[boxes.rules[*first as usize] as usize];
    }
    classifier.roots = roots;
    classifier.least = least;
    (classifier, words)
}

/// Writes a node, whose dimension is now number `dim`, to the beginning of `words`.
fn write_node(words: &mut [u32], node: &Node, dim: usize, pointer: impl Fn(u32) -> u32) {
    words[0] = NODE
        | u32::from(node.height) << 24
        | u32::from(node.bits) << 16
        | u32::from(node.shift) << 8
        | dim as u32;
    words[1] = pointer(node.absent);
    let children = words[NODE_HEAD as usize..].iter_mut();
    for (word, child) in children.zip(&node.children) {
        *word = pointer(*child);
    }
}

/// How wide each dimension is, and so in which order they come.
struct Order {
    /// Where each of the boxes' dimensions went.
    places: Vec<usize>,
    /// The boxes' dimensions, in their new order.
    dims: Vec<usize>,
    wide: usize,
    narrow: usize,
    byte: usize,
}

impl Order {
    fn of(boxes: &Boxes) -> Self {
        let greatest: Vec<u32> = boxes.dims.iter().map(|dim| most(*dim)).collect();
        let all = 0..boxes.dims.len();
        let byte = all.clone().find(|dim| greatest[*dim] <= u8::MAX.into());
        let is_wide = |dim: &usize| greatest[*dim] > u16::MAX.into();
        let is_narrow = |dim: &usize| !is_wide(dim) && Some(*dim) != byte;
        let mut dims: Vec<usize> = all.clone().filter(is_wide).collect();
        let wide = dims.len();
        dims.extend(all.filter(is_narrow));
        let narrow = dims.len() - wide;
        dims.extend(byte);
        let mut places = vec![0; dims.len()];
        for (place, dim) in dims.iter().enumerate() {
            places[*dim] = place;
        }
        Order {
            places,
            dims,
            wide,
            narrow,
            byte: byte.map_or(0, |_| 1),
        }
    }

    /// Appends what a box asks.
    fn push_ranges(&self, boxes: &Boxes, index: u32, words: &mut Vec<u32>) {
        let mut head = 0;
        let range = |place: usize| {
            let dim = self.dims[place];
            let (lo, hi) = boxes.range(index, dim);
            let asked = boxes.needs(index, dim);
            asked.then_some((lo, hi - lo))
        };
        let at = words.len();
        words.push(0);
        for place in 0..self.dims.len() {
            let asked = range(place);
            if asked.is_some() {
                head |= 1 << place;
            }
            let (lo, len) = asked.unwrap_or((0, u32::MAX));
            if place < self.wide {
                words.extend([lo, len]);
            } else if place < self.wide + self.narrow {
                words.push(len << 16 | lo);
            } else {
                head |= len << 24 | lo << 16;
            }
        }
        words[at] = head;
    }
}

/// Where each run begins, and the boxes of all entries, each with whether a run ends with it.
fn place_runs(runs: &[Vec<u32>]) -> (Vec<u32>, Vec<(u32, bool)>) {
    let mut longest_first: Vec<usize> = (0..runs.len()).collect();
    longest_first.sort_by_key(|run| std::cmp::Reverse(runs[*run].len()));
    let mut places: HashMap<&[u32], u32> = HashMap::with_capacity(runs.len());
    let mut starts = vec![0; runs.len()];
    let mut entries = Vec::new();
    for number in longest_first {
        let run = runs[number].as_slice();
        if let Some(known) = places.get(run) {
            starts[number] = *known;
            continue;
        }
        let start = entries.len() as u32;
        starts[number] = start;
        entries.extend(run.iter().map(|index| (*index, false)));
        if let Some((_, last)) = entries.last_mut() {
            *last = true;
        }
        for from in run.len().saturating_sub(MOST_SHARED)..run.len() {
            places.entry(&run[from..]).or_insert(start + from as u32);
        }
    }
    (starts, entries)
}

/// The word at which each node is, and how many words all take.
fn place_nodes(nodes: &[Node]) -> (Vec<u32>, usize) {
    let align = WORDS_ALIGN as usize;
    let mut next = 1;
    let mut offsets = Vec::with_capacity(nodes.len());
    for node in nodes {
        let size = NODE_HEAD as usize + node.children.len();
        let room = align - next % align;
        if size > room && size <= align {
            next += room;
        }
        offsets.push(next as u32);
        next += size;
    }
    (offsets, next.next_multiple_of(align))
}
