// SPDX-License-Identifier: GPL-2.0
//! The typed, checked ruleset.
//!
//! ```text
//! Script ─► apply (commands) ─► rule ─► matching, statements, elements ─► expression ─► value
//!                │                                                            │          datatype (table)
//!                └─► graph (jumps, hooks)                          select, selector (tables)
//!                                                                             └─► context (protocols)
//! ```
//!
//! Checking a script is executing its commands on a copy of the ruleset that is there: what comes
//! out is a [`Ruleset`], and there is no other way to one. What the types do not say, these
//! invariants do, and the compiler relies on them:
//!
//! - every jump leads to a regular chain of the same table that exists;
//! - jumps do not go round in a circle, and nest at most [`MAX_DEPTH`] deep from a base chain;
//! - values and masks fit their fields; ranges ascend; sets are disjoint and not empty;
//! - nothing follows a terminal verdict in a rule, and a rule has at most [`MAX_RULE_COUNTERS`]
//!   counters;
//! - handles are unique and below `next_handle`.

mod apply;
mod context;
mod datatype;
mod elements;
mod error;
pub mod expr;
mod expression;
mod graph;
mod hooks;
mod matching;
pub mod object;
pub(crate) mod refs;
mod restore;
mod rule;
mod select;
mod selector;
mod services;
pub mod set;
pub mod statement;
mod statements;
mod value;

use std::sync::Arc;

use ferrule_engine::View;
use ferrule_uapi::hook::{ChainType, Family, Hook, Verdict as Policy};

pub(crate) use apply::{ct_timeout_state, PRIORITIES};
pub(crate) use datatype::write_name;
pub use datatype::Datatype;
pub use error::{CheckError, CheckErrorKind};
pub use expr::Expr;
pub use object::Object;
pub(crate) use selector::max;
pub use selector::{Layer, Selector, Settable, Tells, SELECTORS};
pub(crate) use services::service_name;
pub use set::{Set, SetRef};
pub use statement::Statement;

use crate::diagnostic::Diagnostics;
use crate::lang::Script;
use crate::source::SourceMap;

/// How deep jumps may nest. The kernel refuses a chain at level 16 below a base chain
/// (`NFT_JUMP_STACK_SIZE`), and counts `goto` too.
pub const MAX_DEPTH: u32 = 15;

/// How many counters a rule may have: their identities end in a byte, of which two values are taken.
pub const MAX_RULE_COUNTERS: usize = 254;

/// What a ruleset may ask of the machine that it is for.
pub trait Environment {
    /// Index of the interface of this name.
    fn interface_index(&self, name: &str) -> Option<u32>;
    /// Name of the interface with this index.
    fn interface_name(&self, index: u32) -> Option<String>;
    /// Number of the user of this name.
    fn user(&self, _name: &str) -> Option<u32> {
        None
    }
    /// Number of the group of this name.
    fn group(&self, _name: &str) -> Option<u32> {
        None
    }
    /// Identity of the control group (version 2) at this path, below the root of the hierarchy.
    fn cgroup(&self, _path: &str) -> Option<u64> {
        None
    }
    /// The number that one of the machine's files gives a name.
    fn number(&self, _list: NameList, _name: &str) -> Option<u32> {
        None
    }
}

/// Files that give numbers names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameList {
    /// `rt_marks` of iproute2.
    Marks,
    /// `rt_realms` of iproute2.
    Realms,
    /// `group` of iproute2.
    DeviceGroups,
    /// `connlabel.conf`.
    ConnectionLabels,
}

/// A machine without interfaces: `iif "eth0"` is refused, numbers are listed as numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEnvironment;

impl Environment for NoEnvironment {
    fn interface_index(&self, _: &str) -> Option<u32> {
        None
    }

    fn interface_name(&self, _: u32) -> Option<String> {
        None
    }
}

/// A checked ruleset. [`Ruleset::default`] is the empty one; others come from [`Ruleset::apply`]
/// and [`Ruleset::from_program`], which check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    tables: Vec<Table>,
    next_handle: u64,
    /// Rules with smaller handles came from a program.
    loaded_below: u64,
}

impl Default for Ruleset {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            next_handle: 1,
            loaded_below: 0,
        }
    }
}

impl Ruleset {
    /// Executes the script's commands on this ruleset, as `nft -f` would on what is loaded, all or
    /// nothing. Commands that only ask (`list`, `get`, `reset`, `describe`) are passed over: see
    /// [`crate::request`].
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the script's commands and rules, in the order of the text.
    pub fn apply(
        &self,
        script: &Script,
        sources: &SourceMap,
        environment: &dyn Environment,
    ) -> Result<Ruleset, Diagnostics> {
        apply::apply(self, script, sources, environment)
    }

    /// The elements that the script's command of this number names (`get element`, `reset element`).
    ///
    /// # Errors
    ///
    /// There is no such set, or its keys are of another type.
    pub fn elements_of(
        &self,
        script: &Script,
        command: usize,
        sources: &SourceMap,
        environment: &dyn Environment,
    ) -> Result<Vec<set::Element>, Diagnostics> {
        apply::request::elements_of(self, script, command, sources, environment)
    }

    /// What the script's command of this number describes (`describe`), as nft says it.
    ///
    /// # Errors
    ///
    /// It is no type and no expression.
    pub fn describe(
        script: &Script,
        command: usize,
        sources: &SourceMap,
        environment: &dyn Environment,
    ) -> Result<String, Diagnostics> {
        apply::request::describe(script, command, sources, environment)
    }

    /// Rebuilds the ruleset that a program was compiled from, out of its source section (which holds
    /// the listing with handles, and says everything but where rules came from) and its rule records
    /// (which say that).
    ///
    /// `sources` receives the source section, for the messages of a program made by someone else
    /// whose source is no ruleset.
    ///
    /// # Errors
    ///
    /// The source section is not a listing that userctl wrote.
    pub fn from_program(view: &View<'_>, sources: &mut SourceMap) -> Result<Ruleset, Diagnostics> {
        restore::from_program(view, sources)
    }

    /// Whether the rule with this handle is loaded already, so that its counters go on from their
    /// present values and not from those in the text.
    pub fn is_loaded(&self, handle: u64) -> bool {
        handle < self.loaded_below
    }

    /// Whether it is `before` but for what is to be done to the elements of sets, which must lead nowhere that they
    /// do not lead yet.
    pub fn is_but_for_changes(&self, before: &Self) -> bool {
        let same_sets = |table: &Table, other: &Table| {
            table.sets.len() == other.sets.len()
                && table
                    .sets
                    .iter()
                    .zip(&other.sets)
                    .all(|(set, other)| set.declaration() == *other)
        };
        let same_table = |(table, other): (&Table, &Table)| {
            same_sets(table, other) && table.is_but_for_sets(other)
        };
        self.next_handle == before.next_handle
            && self.loaded_below == before.loaded_below
            && self.tables.len() == before.tables.len()
            && self.tables.iter().zip(&before.tables).all(same_table)
    }

    /// A ruleset with these tables, to be listed.
    pub(crate) fn with_tables(&self, tables: Vec<Table>) -> Self {
        Self {
            tables,
            ..self.clone_empty()
        }
    }

    fn clone_empty(&self) -> Self {
        Self {
            tables: Vec::new(),
            next_handle: self.next_handle,
            loaded_below: self.loaded_below,
        }
    }

    /// Tables in the order of definition.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The handle that the next new thing will get. At least 1.
    pub fn next_handle(&self) -> u64 {
        self.next_handle
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: Arc<str>,
    /// Its handle.
    pub handle: u64,
    /// Its comment.
    pub comment: Option<Arc<str>>,
    /// `flags dormant`: its base chains are not hooked in.
    pub dormant: bool,
    /// Its chains in the order of definition.
    pub chains: Vec<Chain>,
    /// Its sets and maps in the order of definition.
    pub sets: Vec<Set>,
    /// Its objects in the order of definition.
    pub objects: Vec<Object>,
}

impl Table {
    /// Whether it is `other` but for its sets.
    fn is_but_for_sets(&self, other: &Self) -> bool {
        let Table {
            family,
            name,
            handle,
            comment,
            dormant,
            chains,
            sets: _,
            objects,
        } = self;
        (family, name, handle, comment, dormant)
            == (
                &other.family,
                &other.name,
                &other.handle,
                &other.comment,
                &other.dormant,
            )
            && *chains == other.chains
            && *objects == other.objects
    }

    /// A table that is part of no ruleset.
    fn nowhere() -> Self {
        Table {
            family: Family::Inet,
            name: Arc::from(""),
            handle: 0,
            comment: None,
            dormant: false,
            chains: Vec::new(),
            sets: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// The set or map of this name.
    pub fn set(&self, name: &str) -> Option<&Set> {
        self.sets.iter().find(|set| &*set.name == name)
    }

    /// The object of this kind and name.
    pub fn object(&self, kind: object::ObjectKind, name: &str) -> Option<&Object> {
        let mut objects = self.objects.iter();
        objects.find(|object| object.spec.kind() == kind && &*object.name == name)
    }
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: Arc<str>,
    /// Its handle.
    pub handle: u64,
    /// Its comment.
    pub comment: Option<Arc<str>>,
    /// Where it is hooked in, if it is a base chain.
    pub base: Option<Base>,
    /// Its rules in order.
    pub rules: Vec<Rule>,
}

/// What makes a chain a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its type.
    pub kind: ChainType,
    /// Its hook.
    pub hook: Hook,
    /// Its priority.
    pub priority: i32,
    /// What becomes of packets that no rule decides.
    pub policy: Policy,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its handle.
    pub handle: u64,
    /// Its statements in order.
    pub statements: Vec<Statement>,
    /// Its comment.
    pub comment: Option<Arc<str>>,
    /// Where it came from.
    pub origin: Origin,
}

impl Rule {
    /// The identity of the rule's `n`th counter, from 0 (see [`crate::compile`]).
    pub fn counter_identity(&self, n: u64) -> u64 {
        self.handle << 8 | n
    }
}

/// Where a rule came from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Origin {
    /// Name of the file; empty if unknown.
    pub file: Arc<str>,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
}

/// A comparison: the rule goes on if it holds. It does not hold, whatever it says, for a packet
/// that has no such field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What is compared.
    pub left: Expr,
    /// What it is compared with.
    pub test: Test,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `left & mask op value`.
    Compare {
        /// All bits of the value if nothing was masked.
        mask: u128,
        /// The operator.
        op: Op,
        /// The value.
        value: u128,
        /// How it is written, if that is not told by the rest.
        form: Form,
    },
    /// `left & mask` from `lo` to `hi`, or not.
    Range {
        /// All bits of the value if nothing was masked.
        mask: u128,
        /// `!=`.
        negate: bool,
        /// The least.
        lo: u128,
        /// The greatest.
        hi: u128,
    },
    /// `left & mask` in one of the ranges, or not: an anonymous set of plain numbers.
    Set {
        /// All bits of the value if nothing was masked.
        mask: u128,
        /// `!=`.
        negate: bool,
        /// Ascending and disjoint. At least one.
        ranges: Vec<(u128, u128)>,
    },
    /// In a named set, or in an anonymous one of concatenations or of elements with statements, or not.
    Lookup {
        /// `!=`.
        negate: bool,
        /// The set.
        set: SetRef,
    },
    /// A concatenation, part by part: each from the first to the second number, or (negated) not all.
    Concat {
        /// `!=`.
        negate: bool,
        /// As many as the concatenation has parts.
        ranges: Vec<(u128, u128)>,
    },
    /// `left op right`, where the right side is no constant. Equality only.
    Dynamic {
        /// [`Op::Eq`] or [`Op::Ne`].
        op: Op,
        /// The right side.
        right: Box<Expr>,
    },
}

/// How a comparison of bits is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Form {
    /// As its operator and mask say.
    #[default]
    Plain,
    /// `tcp flags syn,ack`, `ct state new,established`: any of these bits (`left & mask != 0`).
    Any,
    /// `tcp flags ! syn`: none of these bits (`left & mask == 0`).
    NoneOf,
    /// `exthdr hbh exists`, `tcp option sack-perm missing`: 1 or 0.
    Exists,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
}

impl Op {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Op::Eq => "==",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        }
    }
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the network header on.
    pub bytes: u64,
}

/// A verdict in a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `accept`.
    Accept,
    /// `drop`.
    Drop,
    /// `continue`.
    Continue,
    /// `return`.
    Return,
    /// `jump` to a chain of the same table.
    Jump(Arc<str>),
    /// `goto` a chain of the same table.
    Goto(Arc<str>),
}
