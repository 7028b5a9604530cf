// SPDX-License-Identifier: GPL-2.0
//! The typed, checked ruleset.

use std::sync::Arc;

use ferrule_uapi::hook::{ChainType, Family, Hook, Verdict as Policy};

use crate::diagnostic::Diagnostics;
use crate::lang::Script;
use crate::source::SourceMap;

/// What a ruleset may ask of the machine that it is for.
pub trait Environment {
    /// Index of the interface of this name.
    fn interface_index(&self, name: &str) -> Option<u32>;
    /// Name of the interface with this index.
    fn interface_name(&self, index: u32) -> Option<String>;
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
}

impl Default for Ruleset {
    fn default() -> Self {
        Self {
            tables: Vec::new(),
            next_handle: 1,
        }
    }
}

impl Ruleset {
    /// Executes the script's commands on this ruleset, as `nft -f` would on what is loaded, all or
    /// nothing.
    pub fn apply(
        &self,
        script: &Script,
        sources: &SourceMap,
        environment: &dyn Environment,
    ) -> Result<Ruleset, Diagnostics> {
        let _ = (script, sources, environment);
        todo!()
    }

    /// Rebuilds the ruleset that a program was compiled from, out of its source section and records.
    ///
    /// `sources` receives the source section, for the messages of a program made by someone else
    /// whose source is no ruleset.
    pub fn from_program(program: &[u8], sources: &mut SourceMap) -> Result<Ruleset, Diagnostics> {
        let _ = (program, sources);
        todo!()
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
    /// Its chains in the order of definition.
    pub chains: Vec<Chain>,
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

/// Where a rule came from.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Origin {
    /// Name of the file; empty if unknown.
    pub file: Arc<str>,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
}

/// A statement of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `counter`, with what it begins with.
    Counter(Counts),
    /// A verdict.
    Verdict(Verdict),
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
