// SPDX-License-Identifier: GPL-2.0
//! Verified programs and views of them.
//!
//! A [`Program`] owns its bytes, whatever owns them for it, and remembers where the sections are. It
//! can only be had from [`crate::verify`]. A [`View`] lends the sections as typed slices, for as long
//! as a packet needs them.

use core::ops::Range;

use ferrule_uapi::{
    classifier::Classifier,
    expr::Expr,
    insn::Insn,
    limit,
    program::{
        BaseChain, Chain, Counter, Header, Initial, Origin, Range32, RangeWide, Rule, SectionId,
        Table, Text, PROGRAM_SOURCE_LZ4,
    },
    set::{Key, Set, Target},
    statement::{Log, Object, State, Statement},
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    key::FieldSet,
    verify::{Extent, Layout},
};

/// What holds a program's bytes: a buffer of the kernel, a vector, a borrowed slice.
///
/// The bytes must begin at an address that is a multiple of eight and be the same on each call.
/// Nothing unsafe follows if they are not: views are then empty, and packets dropped.
pub trait Storage {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

impl Storage for &[u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Storage for &[u64] {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// A program that the verifier accepted.
///
/// # Invariants
///
/// `layout`, `fields` and `max_steps` are what the verifier found in `storage`'s bytes.
///
/// In this order: what every packet needs lies in one cache line, and the code is the first section.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Program<S> {
    fields: FieldSet,
    max_steps: u32,
    storage: S,
    layout: Layout,
}

impl<S: Storage> Program<S> {
    /// For the verifier alone.
    pub(crate) fn new(storage: S, layout: Layout, fields: FieldSet, max_steps: u32) -> Self {
        Program {
            storage,
            layout,
            fields,
            max_steps,
        }
    }

    /// The bytes that were verified.
    pub fn bytes(&self) -> &[u8] {
        self.storage.bytes()
    }

    /// The fields that the program looks at.
    pub fn fields(&self) -> FieldSet {
        self.fields
    }

    /// Most instructions that a packet may cost at one base chain.
    pub fn max_steps(&self) -> u32 {
        self.max_steps
    }

    /// The sections.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View::new(self.storage.bytes(), &self.layout, self.max_steps)
    }
}

/// The sections of a verified program, each made a slice when it is asked for: a packet that needs three of
/// them pays for three.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    bytes: &'a [u8],
    layout: &'a Layout,
    pub(crate) max_steps: u32,
}

/// A method of [`View`] for each section: its name, its element, its place.
macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: [$element:ty] = $id:ident;)*) => {
        impl<'a> View<'a> {
            $(
                $(#[$doc])*
                #[inline]
                pub fn $name(&self) -> &'a [$element] {
                    elements(self.bytes, self.layout.extent(SectionId::$id))
                }
            )*
        }
    };
}

sections! {
    /// The code.
    insns: [Insn] = Insns;
    /// What narrow tables are made of.
    ranges32: [Range32] = Ranges32;
    /// What wide tables are made of, and operands.
    wide_pairs: [RangeWide] = WidePairs;
    /// Lookup structures.
    tables: [Table] = Tables;
    /// Chains.
    chains: [Chain] = Chains;
    /// Base chains, in the order of definition.
    base_chains: [BaseChain] = BaseChains;
    /// Rules.
    rules: [Rule] = Rules;
    /// Counters.
    counters: [Counter] = Counters;
    /// Names.
    strings: [u8] = Strings;
    /// The ruleset as text.
    source: [u8] = Source;
    /// Values to load.
    exprs: [Expr] = Exprs;
    /// What is looked up in sets.
    keys: [Key] = Keys;
    /// Sets and maps.
    sets: [Set] = Sets;
    /// Where verdict maps may lead.
    targets: [Target] = Targets;
    /// What rules do.
    statements: [Statement] = Statements;
    /// Limits, quotas and their kin.
    states: [State] = States;
    /// What has a name.
    objects: [Object] = Objects;
    /// How to log.
    logs: [Log] = Logs;
    /// Which rules can match.
    classifiers: [Classifier] = Classifiers;
    /// Their nodes and entries.
    words: [u32] = Words;
    /// Which files rules were read from.
    origins: [Origin] = Origins;
    /// What counters begin with.
    initials: [Initial] = Initials;
}

impl<'a> View<'a> {
    /// A view of `bytes`, whose sections are where `layout` says.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], layout: &'a Layout, max_steps: u32) -> Self {
        View {
            bytes,
            layout,
            max_steps,
        }
    }

    /// The next handle to give out.
    pub fn next_handle(&self) -> u64 {
        let header = Header::ref_from_prefix(self.bytes);
        header.map_or(1, |(header, _)| header.next_handle)
    }

    /// A name.
    pub fn string(&self, text: Text) -> &'a [u8] {
        piece(self.strings(), text)
    }

    /// Whether the source section is compressed.
    pub fn source_is_packed(&self) -> bool {
        let header = Header::ref_from_prefix(self.bytes);
        header.is_ok_and(|(header, _)| header.flags & PROGRAM_SOURCE_LZ4 != 0)
    }

    /// What counter number `counter` begins with: packets and bytes.
    pub fn initial_of(&self, counter: u32) -> (u64, u64) {
        let initials = self.initials();
        let at = initials.binary_search_by_key(&counter, |initial| initial.counter);
        let initial = at.ok().and_then(|at| initials.get(at));
        initial.map_or((0, 0), |initial| (initial.packets, initial.bytes))
    }

    /// The name of the file that rule number `rule` was read from; may be empty.
    pub fn file_of(&self, rule: u32) -> &'a [u8] {
        let after = self
            .origins()
            .partition_point(|origin| origin.first_rule <= rule);
        let origin = after.checked_sub(1).and_then(|at| self.origins().get(at));
        origin.map_or(&[], |origin| self.string(origin.file))
    }

    /// The instructions of rule number `rule`, from the first to before the last: up to the next rule's, or to the
    /// end of its chain.
    pub fn insns_of(&self, rule: u32) -> Range<u32> {
        let rules = self.rules();
        let Some(first) = rules.get(rule as usize).map(|rule| rule.first_insn) else {
            return 0..0;
        };
        let next = rule
            .checked_add(1)
            .and_then(|next| rules.get(next as usize));
        let chain = self.chain_of(first).and_then(|at| self.chains().get(at));
        let end = chain.map_or(first, |chain| {
            // The last instruction ends the chain.
            let len = chain.insn_count.saturating_sub(1);
            chain.first_insn.saturating_add(len).max(first)
        });
        first..next.map_or(end, |next| next.first_insn.min(end))
    }

    /// The instruction that chain `handle` begins with, if an element of `set` may lead there.
    pub fn target(&self, set: &Set, handle: u64) -> Option<u32> {
        let start = set.first_target as usize;
        let end = start.checked_add(set.target_count as usize)?;
        let targets = self.targets().get(start..end)?;
        let at = targets.binary_search_by_key(&handle, |target| target.handle);
        let target = targets.get(at.ok()?)?;
        let chain = self.chains().get(target.chain as usize)?;
        Some(chain.first_insn)
    }

    /// The index of the object whose identity this is.
    pub fn object(&self, identity: u64) -> Option<u32> {
        let at = self
            .objects()
            .binary_search_by_key(&identity, |object| object.identity);
        u32::try_from(at.ok()?).ok()
    }

    /// The chain that instruction `pc` is in: its index.
    pub fn chain_of(&self, pc: u32) -> Option<usize> {
        let after = self
            .chains()
            .partition_point(|chain| chain.first_insn <= pc);
        after.checked_sub(1)
    }
}

/// The piece of `bytes` that `text` names; empty if there is none.
fn piece(bytes: &[u8], text: Text) -> &[u8] {
    let start = text.offset as usize;
    let end = start.saturating_add(text.len as usize);
    bytes.get(start..end).unwrap_or_default()
}

/// A section as a slice of its elements; empty if the bytes are not aligned.
#[inline]
fn elements<T>(bytes: &[u8], extent: Extent) -> &[T]
where
    T: FromBytes + Immutable + KnownLayout,
{
    let from = bytes.get(extent.start as usize..).unwrap_or_default();
    match <[T]>::ref_from_prefix_with_elems(from, extent.count as usize) {
        Ok((elements, _)) => elements,
        Err(_) => &[],
    }
}

/// Most elements that a section may have, and the size of one, in bytes.
pub(crate) const fn element(id: SectionId) -> (u32, u32) {
    match id {
        SectionId::Insns => (limit::MAX_INSNS, size_of::<Insn>() as u32),
        SectionId::Ranges32 => (limit::MAX_PROGRAM_SIZE, size_of::<Range32>() as u32),
        SectionId::WidePairs => (limit::MAX_PROGRAM_SIZE, size_of::<RangeWide>() as u32),
        SectionId::Tables => (limit::MAX_PROGRAM_SIZE, size_of::<Table>() as u32),
        SectionId::Chains => (limit::MAX_CHAINS, size_of::<Chain>() as u32),
        SectionId::BaseChains => (limit::MAX_BASE_CHAINS, size_of::<BaseChain>() as u32),
        SectionId::Rules => (limit::MAX_RULES, size_of::<Rule>() as u32),
        SectionId::Counters => (limit::MAX_COUNTERS, size_of::<Counter>() as u32),
        SectionId::Strings => (limit::MAX_PROGRAM_SIZE, 1),
        SectionId::Source => (limit::MAX_SOURCE_SIZE, 1),
        SectionId::Exprs => (limit::MAX_RECORDS, size_of::<Expr>() as u32),
        SectionId::Keys => (limit::MAX_RECORDS, size_of::<Key>() as u32),
        SectionId::Sets => (limit::MAX_SETS, size_of::<Set>() as u32),
        SectionId::Targets => (limit::MAX_RECORDS, size_of::<Target>() as u32),
        SectionId::Statements => (limit::MAX_RECORDS, size_of::<Statement>() as u32),
        SectionId::States => (limit::MAX_STATES, size_of::<State>() as u32),
        SectionId::Objects => (limit::MAX_RECORDS, size_of::<Object>() as u32),
        SectionId::Logs => (limit::MAX_RECORDS, size_of::<Log>() as u32),
        SectionId::Classifiers => (limit::MAX_CLASSIFIERS, size_of::<Classifier>() as u32),
        SectionId::Words => (limit::MAX_PROGRAM_SIZE, size_of::<u32>() as u32),
        SectionId::Origins => (limit::MAX_RULES, size_of::<Origin>() as u32),
        SectionId::Initials => (limit::MAX_COUNTERS, size_of::<Initial>() as u32),
    }
}
