// SPDX-License-Identifier: GPL-2.0
//! Rules to instructions.

mod matching;

use ferrule_uapi::{
    insn::{Insn, Opcode},
    program::{Range32, RangeWide, Table},
    NONE,
};

use super::counters::Counters;
use super::order::{Ordered, Placed};
use super::Options;
use crate::ruleset::{Rule, Statement, Verdict};

/// Where a chain's or a rule's instructions are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) count: u32,
}

/// The code and its constants. Verdicts and counts name counters by the numbers that [`Counters`] gave
/// out; calls name chains by their place.
#[derive(Default)]
pub(super) struct Lowered {
    pub(super) insns: Vec<Insn>,
    pub(super) ranges32: Vec<Range32>,
    pub(super) wide_pairs: Vec<RangeWide>,
    pub(super) tables: Vec<Table>,
    pub(super) counters: Counters,
    /// By place.
    pub(super) chains: Vec<Run>,
    /// In the order of the program: chain's place, rule's index in it, its instructions.
    pub(super) rules: Vec<(usize, usize, Run)>,
    /// By base chain.
    pub(super) policy_counters: Vec<u32>,
}

/// Lowers all chains.
pub(super) fn lower(ordered: &Ordered<'_>, options: Options) -> Lowered {
    let mut out = Lowered::default();
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
            true => out.counters.policy(base as u32, chain.handle),
            false => NONE,
        };
        out.policy_counters.push(counter);
    }
    out
}

/// Whether the instruction leads to a chain.
fn is_call(insn: &Insn) -> bool {
    insn.opcode == Opcode::Call as u8 || insn.opcode == Opcode::Goto as u8
}

impl Lowered {
    /// Appends a chain: its rules, and a return behind them.
    fn chain(&mut self, place: usize, placed: &Placed<'_>, options: Options) {
        let first = self.insns.len() as u32;
        for (index, rule) in placed.chain.rules.iter().enumerate() {
            let start = self.insns.len() as u32;
            self.rule(rule, placed, options);
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
        self.emit(Opcode::Return, NONE, 0);
        let count = self.insns.len() as u32 - first;
        self.chains.push(Run { first, count });
    }

    /// Appends a rule. Matches that fail lead behind it.
    fn rule(&mut self, rule: &Rule, placed: &Placed<'_>, options: Options) {
        let start = self.insns.len();
        let number = self.rules.len() as u32;
        let mut counters = 0;
        let mut statements = rule.statements.iter().peekable();
        while let Some(statement) = statements.next() {
            match statement {
                Statement::Match(comparison) => self.comparison(comparison, options),
                Statement::SetMark(mark) => self.emit(Opcode::SetMark, mark.and, mark.xor),
                Statement::Verdict(verdict) => {
                    let counted = counters > 0 && follows_counter(rule);
                    let drops = *verdict == Verdict::Drop && !counted;
                    let counter = drops.then(|| self.counters.drops(number, rule.handle));
                    self.verdict(verdict, number, counter.unwrap_or(NONE), placed);
                }
                Statement::Counter(counts) => {
                    let initial = (counts.packets | counts.bytes != 0).then_some(*counts);
                    let initial = initial.filter(|_| !placed.ruleset.is_loaded(rule.handle));
                    let n = counters;
                    counters += 1;
                    let counter = self.counters.statement(number, rule.handle, n, initial);
                    let decides = |next: &&Statement| {
                        matches!(next, Statement::Verdict(Verdict::Accept | Verdict::Drop))
                    };
                    match statements.next_if(|next| options.optimise && decides(next)) {
                        Some(Statement::Verdict(verdict)) => {
                            self.verdict(verdict, number, counter, placed);
                        }
                        _ => self.emit(Opcode::Count, counter, 0),
                    }
                }
            }
        }
        let end = self.insns.len() as u32;
        for insn in &mut self.insns[start..] {
            if insn.target == NONE {
                insn.target = end;
            }
        }
    }

    /// Appends a verdict.
    fn verdict(&mut self, verdict: &Verdict, rule: u32, counter: u32, placed: &Placed<'_>) {
        match verdict {
            Verdict::Accept => self.emit(Opcode::Accept, rule, counter),
            Verdict::Drop => self.emit(Opcode::Drop, rule, counter),
            Verdict::Continue => {}
            Verdict::Return => self.emit(Opcode::Return, rule, 0),
            Verdict::Jump(name) => self.call(Opcode::Call, rule, name, placed),
            Verdict::Goto(name) => self.call(Opcode::Goto, rule, name, placed),
        }
    }

    /// Appends a call or a goto; its target is the chain's place until all chains have theirs.
    fn call(&mut self, opcode: Opcode, rule: u32, name: &str, placed: &Placed<'_>) {
        let place = placed.targets.get(name).copied().unwrap_or_default();
        self.emit(opcode, rule, 0);
        if let Some(insn) = self.insns.last_mut() {
            insn.target = place as u32;
        }
    }

    /// Appends an instruction without field and target.
    fn emit(&mut self, opcode: Opcode, a: u32, b: u32) {
        self.insns.push(Insn {
            opcode: opcode as u8,
            a,
            b,
            ..Insn::default()
        });
    }
}

/// Whether the statement before the rule's last is a counter, which then counts what the last drops.
fn follows_counter(rule: &Rule) -> bool {
    let mut from_last = rule.statements.iter().rev();
    from_last.next();
    matches!(from_last.next(), Some(Statement::Counter(_)))
}
