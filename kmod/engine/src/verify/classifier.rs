// SPDX-License-Identifier: GPL-2.0
//! Second pass: classifiers. Each owns a run of words, one after another, so that everything is looked at once and
//! this pass stays linear.

use ferrule_uapi::{
    classifier::{
        Classifier, Dim, DIMS, ENTRY_ASKED, ENTRY_LAST, MAX_HEIGHT, MAX_NODE_BITS, NODE, NODE_HEAD,
        NODE_MASK, POINTER_ENTRY, POINTER_INDEX, TREES, WORDS_ALIGN,
    },
    error::VerifyError,
    field::Field,
    program::SectionId,
};

use super::{each, ensure, Refusal};
use crate::program::View;

/// The parts of one classifier.
struct Parts<'a> {
    classifier: &'a Classifier,
    nodes: &'a [u32],
    entries: &'a [u32],
    /// How many dimensions.
    dims: u8,
    /// Words of an entry.
    stride: u32,
}

/// Checks all classifiers; together they cover the words.
pub(super) fn check(view: &View<'_>) -> Result<(), Refusal> {
    let mut end = 0;
    each(SectionId::Classifiers, view.classifiers(), |classifier| {
        let dims = check_head(classifier)?;
        let parts = Parts::of(view, classifier, dims, &mut end)?;
        parts.check_entries(view)?;
        parts.check_nodes()?;
        parts.check_roots()
    })?;
    if view.words().len() != end as usize {
        let section = SectionId::Words;
        return Err(Refusal::at(VerifyError::Classifier, section, end as usize));
    }
    Ok(())
}

/// Dimensions and trees, and what must be zero. Returns how many dimensions there are.
fn check_head(classifier: &Classifier) -> Result<u8, VerifyError> {
    let wrong = VerifyError::Classifier;
    let trees = usize::from(classifier.tree_count);
    let Classifier {
        wide_dims,
        narrow_dims,
        byte_dims,
        ..
    } = *classifier;
    ensure(byte_dims <= 1, wrong)?;
    let count = wide_dims
        .checked_add(narrow_dims)
        .and_then(|count| count.checked_add(byte_dims))
        .ok_or(wrong)?;
    let dims = usize::from(count);
    ensure((1..=DIMS).contains(&dims), wrong)?;
    ensure((1..=TREES).contains(&trees), wrong)?;
    let narrow_from = usize::from(wide_dims);
    let byte_from = dims.saturating_sub(byte_dims.into());
    for (at, dim) in classifier.dims.iter().take(dims).enumerate() {
        let field = Field::from_raw(dim.field).ok_or(VerifyError::Field)?;
        let words = if field.is_wide() { 4 } else { 1 };
        ensure(!field.is_register() && dim.word < words, VerifyError::Field)?;
        let room = match at {
            _ if at >= byte_from => u8::MAX.into(),
            _ if at >= narrow_from => u16::MAX.into(),
            _ => u32::MAX,
        };
        ensure(field.most() <= room, VerifyError::Field)?;
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
    Ok(count)
}

impl<'a> Parts<'a> {
    /// The parts, which begin at `end`, where those of the classifier before end, and which moves behind them.
    fn of(
        view: &View<'a>,
        classifier: &'a Classifier,
        dims: u8,
        end: &mut u32,
    ) -> Result<Self, VerifyError> {
        let wrong = VerifyError::Classifier;
        let Classifier {
            first_word,
            word_count,
            node_words,
            entry_count,
            ..
        } = *classifier;
        ensure(first_word == *end && entry_count > 0, wrong)?;
        let aligned = |count: u32| count.checked_rem(WORDS_ALIGN) == Some(0);
        ensure(aligned(word_count) && aligned(node_words), wrong)?;
        let stride = classifier.stride();
        let entries = entry_count.checked_mul(stride).ok_or(wrong)?;
        let whole = entries
            .checked_add(node_words)
            .and_then(|used| used.checked_next_multiple_of(WORDS_ALIGN));
        ensure(whole == Some(word_count), wrong)?;
        *end = end.checked_add(word_count).ok_or(wrong)?;
        let words = view.words().get(first_word as usize..*end as usize);
        let (nodes, rest) = words
            .and_then(|words| words.split_at_checked(node_words as usize))
            .ok_or(wrong)?;
        let (entries, gap) = rest.split_at_checked(entries as usize).ok_or(wrong)?;
        ensure(gap.iter().all(|word| *word == 0), VerifyError::Reserved)?;
        Ok(Parts {
            classifier,
            nodes,
            entries,
            dims,
            stride,
        })
    }

    /// Entries lead into the chain and ascend in each run, the last of which ends; their ranges are none that wrap
    /// around.
    fn check_entries(&self, view: &View<'_>) -> Result<(), VerifyError> {
        let wrong = VerifyError::Classifier;
        let chain = view.chains().get(self.classifier.chain as usize);
        let chain = chain.ok_or(VerifyError::Index)?;
        let end = chain.first_insn.saturating_add(chain.insn_count);
        let mut previous = chain.first_insn;
        let mut ended = false;
        for entry in self.entries.chunks_exact(self.stride.max(1) as usize) {
            let [target, rest @ ..] = entry else {
                return Err(wrong);
            };
            let leads_to = target & !ENTRY_LAST;
            ensure((previous..end).contains(&leads_to), wrong)?;
            ended = target & ENTRY_LAST != 0;
            previous = if ended { chain.first_insn } else { leads_to };
            self.check_ranges(rest)?;
        }
        ensure(ended, wrong)
    }

    /// What an entry asks of dimensions: ranges that do not wrap around, and of those that are not asked that of all
    /// numbers.
    fn check_ranges(&self, entry: &[u32]) -> Result<(), VerifyError> {
        let wrong = VerifyError::Classifier;
        let (head, ranges) = entry.split_first().ok_or(wrong)?;
        let known = 1_u32.wrapping_shl(self.dims.into()).wrapping_sub(1);
        ensure(head & ENTRY_ASKED & !known == 0, wrong)?;
        let mut asked = *head;
        let mut check = |lo: u32, len: u32, most: u32| {
            let whole = lo.checked_add(len).is_some_and(|hi| hi <= most);
            let is_asked = asked & 1 != 0;
            asked = asked.wrapping_shr(1);
            ensure(whole && (is_asked || len == most), wrong)
        };
        let wide = usize::from(self.classifier.wide_dims).wrapping_mul(2); // At most 24.
        let (wide, narrow) = ranges.split_at_checked(wide).ok_or(wrong)?;
        for range in wide.chunks_exact(2) {
            let [lo, len] = *range.first_chunk().ok_or(wrong)?;
            check(lo, len, u32::MAX)?;
        }
        for range in narrow {
            check(range & 0xffff, range.wrapping_shr(16), u16::MAX.into())?;
        }
        let (lo, len) = (head.wrapping_shr(16) & 0xff, head.wrapping_shr(24));
        match self.classifier.byte_dims {
            0 => ensure((lo, len) == (0, 0), wrong),
            _ => check(lo, len, u8::MAX.into()),
        }
    }

    /// Nodes follow one another, with zeros between them; pointers lead to later, lower nodes. As no pointer and no
    /// zero looks like a node's head, what looks like one is one.
    fn check_nodes(&self) -> Result<(), VerifyError> {
        let wrong = VerifyError::Classifier;
        let mut at = 0_u32;
        while let Some(head) = self.nodes.get(at as usize) {
            if *head == 0 {
                at = at.wrapping_add(1); // At most as many as there are words.
                continue;
            }
            let [dim, shift, bits, _] = head.to_le_bytes();
            let height = height(*head);
            let sound = head & NODE_MASK == NODE
                && dim < self.dims
                && bits <= MAX_NODE_BITS
                && shift < 32
                && u32::from(shift).wrapping_add(bits.into()) <= 32
                && (1..=MAX_HEIGHT).contains(&height);
            ensure(sound, wrong)?;
            let begin = at.wrapping_add(1);
            let children = 1_u32.wrapping_shl(bits.into());
            let end = at.wrapping_add(NODE_HEAD).wrapping_add(children);
            let pointers = self.nodes.get(begin as usize..end as usize);
            for pointer in pointers.ok_or(wrong)? {
                self.check_pointer(*pointer, at, height)?;
            }
            at = end;
        }
        Ok(())
    }

    fn check_roots(&self) -> Result<(), VerifyError> {
        let above = MAX_HEIGHT.saturating_add(1);
        for root in &self.classifier.roots {
            self.check_pointer(*root, 0, above)?;
        }
        Ok(())
    }

    /// The pointer, in the node of this height at word `at`, leads to something that is there, and down.
    fn check_pointer(&self, pointer: u32, at: u32, above: u8) -> Result<(), VerifyError> {
        let there = match pointer {
            0 => true,
            POINTER_ENTRY.. => pointer & POINTER_INDEX < self.classifier.entry_count,
            _ => {
                let head = self.nodes.get(pointer as usize);
                let is_node = head.is_some_and(|head| head & NODE_MASK == NODE);
                pointer > at && is_node && head.is_some_and(|head| height(*head) < above)
            }
        };
        ensure(
            there && pointer & NODE_MASK != NODE,
            VerifyError::Classifier,
        )
    }
}

/// The height in a node's head.
fn height(head: u32) -> u8 {
    ((head & !NODE_MASK) >> 24) as u8
}
