// SPDX-License-Identifier: GPL-2.0
//! One rule: its statements in order, each leading behind the rule when it fails.

use std::iter::Peekable;
use std::slice::Iter;

use ferrule_uapi::{
    field::Field,
    insn::{Insn, Opcode},
    NONE,
};

use super::super::order::Placed;
use super::super::{counters, CompileError, Options, Pass};
use super::Lowered;
use crate::ruleset::{Counts, Rule, Statement, Verdict};

/// A rule being lowered.
pub(super) struct Lowering<'l, 'a> {
    pub(super) out: &'l mut Lowered<'a>,
    pub(super) placed: &'l Placed<'a>,
    pub(super) rule: &'a Rule,
    /// Its number in the program.
    pub(super) number: u32,
    pub(super) options: Options,
    /// `counter` statements so far.
    counters: u64,
    /// The counter of what the rule drops, once it has one.
    drops: Option<u32>,
    /// Anonymous sets so far.
    sets: u64,
    /// Registers in use by the present statement, narrow and wide.
    registers: [u8; 2],
}

/// The first register of each width, and how many there are.
const REGISTERS: [(u8, u8); 2] = [(Field::Reg0 as u8, 10), (Field::Wide0 as u8, 4)];

/// Appends a rule.
pub(super) fn lower<'a>(
    out: &mut Lowered<'a>,
    rule: &'a Rule,
    placed: &Placed<'a>,
    options: Options,
) {
    let start = out.insns.len();
    let mut lowering = Lowering {
        number: out.rules.len() as u32,
        out,
        placed,
        rule,
        options,
        counters: 0,
        drops: None,
        sets: 0,
        registers: [0; 2],
    };
    let mut statements = rule.statements.iter().peekable();
    while let Some(statement) = statements.next() {
        lowering.registers = [0; 2];
        lowering.statement(statement, &mut statements);
    }
    let end = lowering.out.insns.len() as u32;
    for insn in &mut lowering.out.insns[start..] {
        if insn.target == NONE {
            insn.target = end;
        }
    }
}

impl<'a> Lowering<'_, 'a> {
    /// Whether the rule was loaded before, so that its state goes on.
    pub(super) fn is_loaded(&self) -> bool {
        self.placed.ruleset.is_loaded(self.rule.handle)
    }

    /// Appends an instruction.
    pub(super) fn push(&mut self, insn: Insn) {
        self.out.insns.push(insn);
    }

    /// Appends an instruction without field and target.
    pub(super) fn emit(&mut self, opcode: Opcode, a: u32, b: u32) {
        self.push(Insn {
            opcode: opcode as u8,
            a,
            b,
            ..Insn::default()
        });
    }

    /// A register that the present statement does not use yet.
    pub(super) fn register(&mut self, wide: bool) -> u8 {
        let used = &mut self.registers[usize::from(wide)];
        let (first, count) = REGISTERS[usize::from(wide)];
        if *used == count {
            let error = CompileError::TooComplex {
                rule: self.rule.handle,
                file: self.rule.origin.file.clone(),
                line: self.rule.origin.line,
            };
            self.out.errors.push(error);
            return first;
        }
        *used += 1;
        first + *used - 1
    }

    /// The identity of the rule's next anonymous set.
    pub(super) fn next_set(&mut self) -> u64 {
        self.sets += 1;
        super::super::identity(self.rule.handle, self.sets)
    }

    /// A `counter`; a verdict that follows it directly counts it itself.
    pub(super) fn counter(
        &mut self,
        counts: &Counts,
        statements: &mut Peekable<Iter<'a, Statement>>,
    ) {
        let initial = (counts.packets | counts.bytes != 0).then_some(*counts);
        let initial = initial.filter(|_| !self.is_loaded());
        let n = self.counters;
        self.counters += 1;
        let counter = counters::statement(self.number, self.rule.handle, n, initial);
        let counter = self.out.counters.push(counter);
        let decides = |next: &&Statement| {
            matches!(
                next,
                Statement::Verdict(Verdict::Accept | Verdict::Drop) | Statement::Reject(_)
            )
        };
        let fused = self.options.runs(Pass::FuseCounters);
        match statements.next_if(|next| fused && decides(next)) {
            Some(Statement::Verdict(verdict)) => self.verdict_counted(verdict, counter),
            Some(Statement::Reject(reject)) => self.reject(reject, counter),
            _ => self.emit(Opcode::Count, counter, 0),
        }
    }

    /// The counter of what the rule's last statement drops, unless a `counter` right before it counts it.
    pub(super) fn drop_counter(&mut self) -> u32 {
        let mut from_last = self.rule.statements.iter().rev();
        from_last.next();
        if matches!(from_last.next(), Some(Statement::Counter(_))) {
            return NONE;
        }
        self.drops()
    }

    /// The counter of what the rule drops: one for all its verdict maps and its verdict.
    pub(super) fn drops(&mut self) -> u32 {
        if let Some(counter) = self.drops {
            return counter;
        }
        let counter = counters::drops(self.number, self.rule.handle);
        let counter = self.out.counters.push(counter);
        self.drops = Some(counter);
        counter
    }

    /// Appends a verdict.
    pub(super) fn verdict(&mut self, verdict: &Verdict) {
        let counter = match verdict {
            Verdict::Drop => self.drop_counter(),
            _ => NONE,
        };
        self.verdict_counted(verdict, counter);
    }

    fn verdict_counted(&mut self, verdict: &Verdict, counter: u32) {
        let rule = self.number;
        match verdict {
            Verdict::Accept => self.emit(Opcode::Accept, rule, counter),
            Verdict::Drop => self.emit(Opcode::Drop, rule, counter),
            Verdict::Continue => {}
            Verdict::Return => self.emit(Opcode::Return, rule, 0),
            Verdict::Jump(name) => self.call(Opcode::Call, name),
            Verdict::Goto(name) => self.call(Opcode::Goto, name),
        }
    }

    /// Appends a call or a goto; its target is the chain's place until all chains have theirs.
    fn call(&mut self, opcode: Opcode, name: &str) {
        let place = self.placed.targets.get(name).copied().unwrap_or_default();
        self.push(Insn {
            opcode: opcode as u8,
            target: place as u32,
            a: self.number,
            ..Insn::default()
        });
    }
}
