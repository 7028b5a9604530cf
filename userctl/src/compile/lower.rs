// SPDX-License-Identifier: GPL-2.0
//! Rules to instructions.
//!
//! ```text
//! sets, objects ─► declared (numbers)        declare
//! chain ─► rule ─► statement ─► value        rule, statement, matching, value, assign
//! ```
//!
//! While rules are lowered, sets, objects, states and counters have the numbers that they were given as they
//! came; the program wants them by identity, and [`super::encode`] puts the places in for the numbers.

mod assign;
mod declare;
mod matching;
mod rule;
mod statement;
mod value;

use std::collections::HashMap;

use ferrule_uapi::{
    classifier::Classifier,
    expr::Expr,
    insn::{Insn, Opcode},
    program::{Range32, RangeWide, Table},
    set::Key,
    statement::{ObjectKind, State, Statement},
    NONE,
};

use super::counters::Counted;
use super::order::{Ordered, Placed};
use super::records::{Interned, Numbered};
use super::{CompileError, Options, Pass};
use crate::ruleset::statement::Log;
use crate::ruleset::Ruleset;

pub(super) use declare::{ElementsOf, ObjectEntry, SetEntry};

/// Where a chain's or a rule's instructions are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) count: u32,
}

/// The code and its records.
#[derive(Default)]
pub(super) struct Lowered<'a> {
    pub(super) insns: Vec<Insn>,
    pub(super) ranges32: Vec<Range32>,
    pub(super) wide_pairs: Vec<RangeWide>,
    pub(super) tables: Vec<Table>,
    pub(super) exprs: Interned<Expr>,
    pub(super) keys: Interned<Key>,
    pub(super) statements: Vec<Statement>,
    pub(super) logs: Vec<&'a Log>,
    pub(super) states: Numbered<State>,
    pub(super) sets: Numbered<SetEntry<'a>>,
    pub(super) objects: Numbered<ObjectEntry<'a>>,
    pub(super) counters: Numbered<Counted>,
    pub(super) classifiers: Vec<Classifier>,
    pub(super) words: Vec<u32>,
    /// By place.
    pub(super) chains: Vec<Run>,
    /// In the order of the program: chain's place, rule's index in it, its instructions.
    pub(super) rules: Vec<(usize, usize, Run)>,
    /// By base chain.
    pub(super) policy_counters: Vec<u32>,
    /// Numbers of named sets, by table's handle and name.
    set_names: HashMap<(u64, &'a str), u32>,
    /// Numbers of objects, by table's handle, kind and name.
    object_names: HashMap<(u64, ObjectKind, &'a str), u32>,
    /// How many states whatever has a handle has so far.
    states_of: HashMap<u64, u64>,
    /// What could not be lowered.
    pub(super) errors: Vec<CompileError>,
}

/// Lowers all chains.
///
/// # Errors
///
/// The first rule that asks for more than an instruction can say.
pub(super) fn lower<'a>(
    ruleset: &'a Ruleset,
    ordered: &Ordered<'a>,
    options: Options,
) -> Result<Lowered<'a>, CompileError> {
    let mut out = Lowered::default();
    out.declare(ruleset, ordered);
    for (place, chain) in ordered.chains.iter().enumerate() {
        out.chain(place, chain, options);
    }
    for insn in &mut out.insns {
        if is_call(insn) {
            insn.target = out.chains[insn.target as usize].first;
        }
    }
    for (base, place) in ordered.base_chains.iter().enumerate() {
        let chain = ordered.chains[*place].chain;
        let drops = chain
            .base
            .is_some_and(|base| base.policy == ferrule_uapi::hook::Verdict::Drop);
        let counter = match drops {
            true => out
                .counters
                .push(super::counters::policy(base as u32, chain.handle)),
            false => NONE,
        };
        out.policy_counters.push(counter);
    }
    match out.errors.is_empty() {
        true => Ok(out),
        false => Err(out.errors.swap_remove(0)),
    }
}

/// Whether the instruction leads to a chain.
pub(super) fn is_call(insn: &Insn) -> bool {
    insn.opcode == Opcode::Call as u8 || insn.opcode == Opcode::Goto as u8
}

impl<'a> Lowered<'a> {
    /// Appends a chain: its rules, and a return behind them.
    fn chain(&mut self, place: usize, placed: &Placed<'a>, options: Options) {
        let first = self.insns.len() as u32;
        let first_rule = self.rules.len();
        // About an instruction a statement.
        let statements = placed.chain.rules.iter().map(|rule| rule.statements.len());
        self.insns.reserve(statements.sum::<usize>() + 1);
        for (index, rule) in placed.chain.rules.iter().enumerate() {
            let start = self.insns.len() as u32;
            rule::lower(self, rule, placed, options);
            if !placed.reached {
                self.insns.truncate(start as usize);
            }
            let count = self.insns.len() as u32 - start;
            let run = Run {
                first: start,
                count,
            };
            self.rules.push((place, index, run));
        }
        if placed.reached && options.runs(Pass::Classify) {
            self.classify(place, first_rule);
        }
        self.insns.push(Insn {
            opcode: Opcode::Return as u8,
            a: NONE,
            ..Insn::default()
        });
        let count = self.insns.len() as u32 - first;
        self.chains.push(Run { first, count });
    }
}
