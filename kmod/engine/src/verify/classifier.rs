// SPDX-License-Identifier: GPL-2.0
//! Second pass: classifiers. Each owns a run of nodes, leaves and words, one after another, so that everything is
//! looked at once and this pass stays linear.

use ferrule_uapi::{
    classifier::{
        Classifier, Dim, Leaf, Node, DIMS, ENTRY_HEAD, MAX_HEIGHT, MAX_NODE_BITS, POINTER_ENTRY,
        POINTER_INDEX, POINTER_LEAF, TREES,
    },
    error::VerifyError,
    field::Field,
    program::SectionId,
};

use super::{each, ensure, Refusal};
use crate::program::View;

/// Where the next classifier's parts begin.
#[derive(Default)]
struct Ends {
    nodes: u32,
    leaves: u32,
    words: u32,
}

/// The parts of one classifier.
struct Parts<'a> {
    classifier: &'a Classifier,
    nodes: &'a [Node],
    leaves: &'a [Leaf],
    entries: &'a [u32],
    elements: &'a [u32],
    children: &'a [u32],
    /// Words of an entry.
    stride: u32,
}

/// Checks all classifiers; together they cover nodes, leaves and words.
pub(super) fn check(view: &View<'_>) -> Result<(), Refusal> {
    let mut ends = Ends::default();
    each(SectionId::Classifiers, view.classifiers(), |classifier| {
        check_head(classifier)?;
        let parts = Parts::of(view, classifier, &mut ends)?;
        parts.check_entries(view)?;
        parts.check_leaves()?;
        parts.check_nodes()?;
        parts.check_roots()
    })?;
    let covered = [
        (SectionId::Nodes, view.nodes().len(), ends.nodes),
        (SectionId::Leaves, view.leaves().len(), ends.leaves),
        (SectionId::Words, view.words().len(), ends.words),
    ];
    for (section, there, end) in covered {
        if there != end as usize {
            return Err(Refusal::at(VerifyError::Classifier, section, end as usize));
        }
    }
    Ok(())
}

/// Dimensions and trees, and what must be zero.
fn check_head(classifier: &Classifier) -> Result<(), VerifyError> {
    let wrong = VerifyError::Classifier;
    ensure(classifier.reserved == 0, VerifyError::Reserved)?;
    let (dims, trees) = (
        usize::from(classifier.dim_count),
        usize::from(classifier.tree_count),
    );
    ensure((1..=DIMS).contains(&dims), wrong)?;
    ensure((1..=TREES).contains(&trees), wrong)?;
    for dim in classifier.dims.iter().take(dims) {
        let field = Field::from_raw(dim.field).ok_or(VerifyError::Field)?;
        let words = if field.is_wide() { 4 } else { 1 };
        ensure(!field.is_register() && dim.word < words, VerifyError::Field)?;
    }
    let mut unused = classifier.dims.iter().skip(dims);
    ensure(
        unused.all(|dim| *dim == Dim::default()),
        VerifyError::Reserved,
    )?;
    let mut unused = classifier.roots.iter().skip(trees);
    ensure(unused.all(|root| *root == 0), VerifyError::Reserved)?;
    let mut unused = classifier.least.iter().skip(trees);
    ensure(unused.all(|least| *least == 0), VerifyError::Reserved)?;
    let mut previous = 0;
    for least in classifier.least.iter().take(trees) {
        ensure(*least >= previous, wrong)?;
        previous = *least;
    }
    Ok(())
}

impl<'a> Parts<'a> {
    /// The parts, which begin where those of the classifier before end.
    fn of(
        view: &'a View<'_>,
        classifier: &'a Classifier,
        ends: &mut Ends,
    ) -> Result<Self, VerifyError> {
        let wrong = VerifyError::Classifier;
        let begins = classifier.first_node == ends.nodes
            && classifier.first_leaf == ends.leaves
            && classifier.first_word == ends.words;
        ensure(begins && classifier.entry_count > 0, wrong)?;
        let nodes = run(view.nodes(), &mut ends.nodes, classifier.node_count)?;
        let leaves = run(view.leaves(), &mut ends.leaves, classifier.leaf_count)?;
        let words = run(view.words(), &mut ends.words, classifier.word_count)?;
        let stride = u32::from(classifier.dim_count)
            .wrapping_mul(2)
            .wrapping_add(ENTRY_HEAD);
        let entries = classifier.entry_count.checked_mul(stride).ok_or(wrong)?;
        let (entries, rest) = words.split_at_checked(entries as usize).ok_or(wrong)?;
        let (elements, children) = rest
            .split_at_checked(classifier.element_count as usize)
            .ok_or(wrong)?;
        Ok(Parts {
            classifier,
            nodes,
            leaves,
            entries,
            elements,
            children,
            stride,
        })
    }

    /// Entries ascend, lead into the chain, and their ranges are none that wrap around.
    fn check_entries(&self, view: &View<'_>) -> Result<(), VerifyError> {
        let wrong = VerifyError::Classifier;
        let chain = view.chains().get(self.classifier.chain as usize);
        let chain = chain.ok_or(VerifyError::Index)?;
        let end = chain.first_insn.saturating_add(chain.insn_count);
        let known = 1_u32
            .wrapping_shl(self.classifier.dim_count.into())
            .wrapping_sub(1);
        let mut previous = chain.first_insn;
        for entry in self.entries.chunks_exact(self.stride.max(1) as usize) {
            let [leads_to, needed, ranges @ ..] = entry else {
                return Err(wrong);
            };
            ensure((previous..end).contains(leads_to), wrong)?;
            ensure(needed & !known == 0, wrong)?;
            previous = *leads_to;
            let mut whole = ranges.chunks_exact(2).map(|range| match range {
                [lo, len] => lo.checked_add(*len).is_some(),
                _ => false,
            });
            ensure(whole.all(|whole| whole), wrong)?;
        }
        Ok(())
    }

    /// Leaves follow one another, cover all elements, and theirs ascend.
    fn check_leaves(&self) -> Result<(), VerifyError> {
        let wrong = VerifyError::Classifier;
        let mut end = 0;
        for leaf in self.leaves {
            ensure(leaf.first == end && leaf.count > 0, wrong)?;
            let elements = run(self.elements, &mut end, leaf.count)?;
            let mut previous = None;
            for element in elements {
                let ascends = previous < Some(*element);
                ensure(ascends && *element < self.classifier.entry_count, wrong)?;
                previous = Some(*element);
            }
        }
        ensure(end as usize == self.elements.len(), wrong)
    }

    /// Nodes' children follow one another and cover the rest of the words; pointers lead to later, lower nodes.
    fn check_nodes(&self) -> Result<(), VerifyError> {
        let wrong = VerifyError::Classifier;
        let before = self.entries.len().saturating_add(self.elements.len());
        let mut end = 0_u32;
        for (number, node) in (1_u32..).zip(self.nodes) {
            let sound = node.dim < self.classifier.dim_count
                && node.bits <= MAX_NODE_BITS
                && node.shift < 32
                && u32::from(node.shift).wrapping_add(node.bits.into()) <= 32
                && (1..=MAX_HEIGHT).contains(&node.height)
                && node.first as usize == before.saturating_add(end as usize);
            ensure(sound, wrong)?;
            let count = 1_u32.wrapping_shl(node.bits.into());
            for child in run(self.children, &mut end, count)? {
                self.check_pointer(*child, number, node.height)?;
            }
            self.check_pointer(node.absent, number, node.height)?;
        }
        ensure(end as usize == self.children.len(), wrong)
    }

    fn check_roots(&self) -> Result<(), VerifyError> {
        let above = MAX_HEIGHT.saturating_add(1);
        for root in &self.classifier.roots {
            self.check_pointer(*root, 0, above)?;
        }
        Ok(())
    }

    /// The pointer, in the node of this number and height, leads to something that is there, and down.
    fn check_pointer(&self, pointer: u32, number: u32, height: u8) -> Result<(), VerifyError> {
        let index = pointer & POINTER_INDEX;
        let there = match pointer {
            0 => true,
            POINTER_ENTRY.. => index < self.classifier.entry_count,
            POINTER_LEAF.. => (index as usize) < self.leaves.len(),
            _ => {
                let node = self.nodes.get(pointer.wrapping_sub(1) as usize);
                pointer > number && node.is_some_and(|node| node.height < height)
            }
        };
        ensure(there, VerifyError::Classifier)
    }
}

/// The next `count` elements, from `end` on, which moves behind them.
fn run<'a, T>(elements: &'a [T], end: &mut u32, count: u32) -> Result<&'a [T], VerifyError> {
    let start = *end as usize;
    *end = end.checked_add(count).ok_or(VerifyError::Classifier)?;
    elements
        .get(start..*end as usize)
        .ok_or(VerifyError::Classifier)
}
