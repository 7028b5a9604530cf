// SPDX-License-Identifier: GPL-2.0
//! Sets and maps of a checked ruleset.
//!
//! A named set is declared in its table; what it holds is the kernel's. A script that adds elements leaves
//! [`Change`]s here, which go to the kernel as a batch with the program, or alone. Anonymous sets are part of
//! their rule and hold their elements themselves.

use std::sync::Arc;

use smallvec::SmallVec;

use super::datatype::Datatype;
use super::expr::{Expr, Named};
use super::statement::StateSpec;
use super::Verdict;
use crate::rare::{Rare, Usual};

/// Type and width of one part of a key, or of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The type.
    pub datatype: Datatype,
    /// Width in bits.
    pub bits: u32,
}

/// A set or map that a rule refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetRef {
    /// `@name`, of the same table.
    Named(Named),
    /// `{ … }`.
    Anonymous(Arc<Anonymous>),
}

/// A set or map without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anonymous {
    /// Type of its keys.
    pub key: Vec<Part>,
    /// What it gives.
    pub data: Data,
    /// Whether any element is an interval.
    pub interval: bool,
    /// Ascending by key, the catch-all last; disjoint. At least one.
    pub elements: Vec<Element>,
}

/// What a set or map gives for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// That it is there: a set.
    None,
    /// A number, or a concatenation of numbers that is 128 bits at most.
    Value(Vec<Part>),
    /// A verdict.
    Verdict,
    /// An object of this kind.
    Object(super::object::ObjectKind),
}

/// A named set or map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: Named,
    /// Its handle.
    pub handle: u64,
    /// Its comment.
    pub comment: Option<Arc<str>>,
    /// Type of its keys.
    pub key: Vec<Part>,
    /// The expression of `typeof`, if it was declared so (for the listing).
    pub key_typeof: Option<Expr>,
    /// What it gives.
    pub data: Data,
    /// The expression of `typeof` of the data.
    pub data_typeof: Option<Expr>,
    /// `flags constant`.
    pub constant: bool,
    /// `flags interval`.
    pub interval: bool,
    /// `flags timeout`, or a timeout.
    pub has_timeout: bool,
    /// `flags dynamic`.
    pub dynamic: bool,
    /// `auto-merge`.
    pub auto_merge: bool,
    /// `: interval` data.
    pub interval_data: bool,
    /// `timeout`, in milliseconds.
    pub timeout: Option<u64>,
    /// `gc-interval`, in milliseconds.
    pub gc_interval: Option<u64>,
    /// `size`.
    pub size: Option<u32>,
    /// `policy memory`.
    pub memory: bool,
    /// What each element has.
    pub states: Vec<StateSpec>,
    /// Chains that elements of a verdict map lead to, as far as a program knows of them (from
    /// [`super::Ruleset::from_program`]); what `changes` add is not repeated here.
    pub leads_to: Vec<Named>,
    /// What the script does to its elements, in order. Empty after [`super::Ruleset::from_program`]. A set that the
    /// script declares begins with [`Change::Replace`].
    pub changes: Vec<Change>,
}

impl Set {
    /// What it is, without what is to be done to its elements.
    pub(super) fn declaration(&self) -> Self {
        Set {
            name: self.name.clone(),
            handle: self.handle,
            comment: self.comment.clone(),
            key: self.key.clone(),
            key_typeof: self.key_typeof.clone(),
            data: self.data.clone(),
            data_typeof: self.data_typeof.clone(),
            constant: self.constant,
            interval: self.interval,
            has_timeout: self.has_timeout,
            dynamic: self.dynamic,
            auto_merge: self.auto_merge,
            interval_data: self.interval_data,
            timeout: self.timeout,
            gc_interval: self.gc_interval,
            size: self.size,
            memory: self.memory,
            states: self.states.clone(),
            leads_to: self.leads_to.clone(),
            changes: Vec::new(),
        }
    }

    /// An empty set that rules add to.
    pub(super) fn updated_by_rules(name: Named, key: Vec<Part>) -> Self {
        Set {
            name,
            handle: 0,
            comment: None,
            key,
            key_typeof: None,
            data: Data::None,
            data_typeof: None,
            constant: false,
            interval: false,
            has_timeout: false,
            dynamic: true,
            auto_merge: false,
            interval_data: false,
            timeout: None,
            gc_interval: None,
            size: None,
            memory: false,
            states: Vec::new(),
            leads_to: Vec::new(),
            changes: Vec::new(),
        }
    }
}

/// A change to the elements of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only elements that a ruleset brought are replaced by the adds that follow.
    Replace,
    /// All elements go (`flush set`).
    Clear,
    /// Adds; `exclusive` refuses those that are there (`create`).
    Add {
        /// Whether an element that is there is refused.
        exclusive: bool,
        /// What.
        elements: Vec<Element>,
    },
    /// Removes; `lenient` does not mind those that are not there (`destroy`).
    Delete {
        /// Whether an element that is not there is no error.
        lenient: bool,
        /// What.
        elements: Vec<Element>,
    },
}

/// Least and greatest, part by part; of most sets there is one part.
pub type ElementKey = SmallVec<[(u128, u128); 1]>;

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// For each part the least and the greatest; empty: the catch-all.
    pub key: ElementKey,
    /// What a map gives for it.
    pub data: ElementData,
    /// What else it has.
    pub more: Rare<More>,
}

/// What an element may have beside key and data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// In milliseconds.
    pub timeout: Option<u64>,
    /// What remains of it, in milliseconds.
    pub expires: Option<u64>,
    /// Its comment.
    pub comment: Option<Arc<str>>,
    /// What it has of the set's statements, with their values.
    pub states: Vec<StateSpec>,
}

impl Usual for More {
    const USUAL: &'static Self = &More {
        timeout: None,
        expires: None,
        comment: None,
        states: Vec::new(),
    };
}

/// What a map gives for an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElementData {
    /// Nothing: a set's.
    None,
    /// A number, or the numbers of a concatenation.
    Value(Vec<u128>),
    /// A verdict.
    Verdict(Verdict),
    /// The name of an object.
    Object(Named),
}

impl Element {
    /// Whether it stands for all keys that no other element has.
    pub fn is_catchall(&self) -> bool {
        self.key.is_empty()
    }

    /// Whether any part is more than one value.
    pub fn is_interval(&self) -> bool {
        self.key.iter().any(|(lo, hi)| lo != hi)
    }
}
