// SPDX-License-Identifier: GPL-2.0
//! The environment that the engine runs in on the host: what `ferrule.ko` is in the kernel.
//!
//! ```text
//! program, batch ─► Host ──┬─ sets (elements, timeouts)      judge(hook, frame, context)
//!                          ├─ counters, limits, quotas, …        │
//!                          └─ clock, random numbers              ▼
//!                                  ▲                         Subject (a packet) ◄─► engine
//!                                  └───────────────────────────┘     │
//!                                                                    ▼
//!                                                                Judgement
//! ```
//!
//! The engine is the one that the module runs; state is kept as the module keeps it. What only a kernel
//! knows of a packet (its connection, its route, its socket) a [`Context`] says, or it is absent. The
//! clock is that of the capture: it goes on with the packets and stands still between them.

pub mod context;
pub mod log;
pub mod set;
mod subject;

use ferrule_engine::{
    state::{self, Cell},
    Batch, BatchRefusal, Decider, FieldSet, Key, Queue, View,
};
use ferrule_uapi::{
    hook::{Hook, Verdict},
    ioctl::{CounterValue, StateValue},
    program::{BaseChain, Wide},
    statement::{RejectKind, Statement},
};

pub use context::{Context, Frame, Nic};
use log::Line;
use set::Elements;
use subject::Subject;

/// A program with its state.
pub struct Host<'a> {
    view: View<'a>,
    fields: FieldSet,
    sets: Vec<Elements>,
    states: Vec<Cell>,
    counters: Vec<CounterValue>,
    /// Nanoseconds since 1970, by the last packet that had a time.
    now: u64,
    /// Where random numbers come from.
    random: u64,
}

/// What a base chain made of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Index of the base chain in the program.
    pub base: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// What decided.
    pub decider: Decider,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict: drop for a packet that user space is to judge, too.
    pub verdict: Verdict,
    /// The queues that it is handed to.
    pub queue: Option<Queue>,
    /// How it was answered.
    pub rejected: Option<(RejectKind, u8)>,
    /// Every base chain that it came through, in order.
    pub decisions: Vec<Decision>,
    /// Its mark at the end.
    pub mark: u32,
    /// The program's counters that counted it, in order.
    pub counted: Vec<u32>,
    /// What was logged.
    pub lines: Vec<Line>,
    /// Statements that only a kernel could carry out, with their value and the index of the rule.
    pub acts: Vec<(Statement, Wide, u32)>,
    /// The packet at the end, from the network header on.
    pub packet: Vec<u8>,
    /// Its link header.
    pub link: Vec<u8>,
}

impl Judgement {
    /// The decision that counts: the drop; else the last one by a rule; else the last policy.
    pub fn decisive(&self) -> Option<&Decision> {
        let by_rule = |decision: &&Decision| matches!(decision.decider, Decider::Rule(_));
        let last = self.decisions.last();
        match self.verdict {
            Verdict::Drop => last,
            _ => self.decisions.iter().rev().find(by_rule).or(last),
        }
    }
}

impl<'a> Host<'a> {
    /// A program that looks at `fields`, with the elements that `batch` brings; it may be empty. The clock
    /// begins at 0.
    ///
    /// # Errors
    ///
    /// The batch does not fit the program, or its elements do not go together.
    pub fn new(view: View<'a>, fields: FieldSet, batch: &[u8]) -> Result<Self, BatchRefusal> {
        Self::at(view, fields, batch, 0)
    }

    /// The same, loaded at `now`, in nanoseconds since 1970: timeouts and limits count from there.
    ///
    /// # Errors
    ///
    /// As for [`Host::new`].
    pub fn at(
        view: View<'a>,
        fields: FieldSet,
        batch: &[u8],
        now: u64,
    ) -> Result<Self, BatchRefusal> {
        let counter = |counter| {
            let (packets, bytes) = view.initial_of(counter);
            CounterValue { packets, bytes }
        };
        let mut host = Host {
            view,
            fields,
            sets: view.sets().iter().map(Elements::new).collect(),
            states: view.states().iter().map(|s| state::begin(s, now)).collect(),
            counters: (0..view.counters().len() as u32).map(counter).collect(),
            now,
            random: 0x9e37_79b9_7f4a_7c15,
        };
        if !batch.is_empty() {
            host.apply(batch, false)?;
        }
        Ok(host)
    }

    /// Changes elements, as a batch that comes alone does.
    ///
    /// # Errors
    ///
    /// The batch does not fit the program or what is in its sets; then nothing is changed.
    pub fn change(&mut self, batch: &[u8]) -> Result<(), BatchRefusal> {
        self.apply(batch, true)
    }

    /// All of a batch, or nothing.
    fn apply(&mut self, bytes: &[u8], live: bool) -> Result<(), BatchRefusal> {
        // Storage of a batch need not be aligned.
        let batch = Batch::check(bytes, self.view, live)?;
        let mut sets = self.sets.clone();
        for (number, op) in (0..).zip(batch.ops()) {
            let Some(elements) = sets.get_mut(op.index as usize) else {
                continue;
            };
            let place = set::Place {
                view: &self.view,
                now: self.now,
            };
            elements
                .apply(&op, &batch, &place)
                .map_err(|(error, element)| BatchRefusal {
                    error,
                    op: number,
                    element,
                })?;
        }
        self.sets = sets;
        Ok(())
    }

    /// The elements of set `index`.
    pub fn elements(&self, index: usize) -> Option<&Elements> {
        self.sets.get(index)
    }

    /// The counters' values, in the order of the program.
    pub fn counters(&self) -> &[CounterValue] {
        &self.counters
    }

    /// The states' values, in the order of the program.
    pub fn states(&self) -> Vec<StateValue> {
        let states = self.view.states().iter().zip(&self.states);
        let value = |(state, cell)| state::value(state, cell, self.now);
        states.map(|(s, c)| value((s, *c))).collect()
    }

    /// Lets random numbers begin anew from `seed`.
    pub fn seed(&mut self, seed: u64) {
        self.random = seed | 1;
    }

    /// The base chains at a hook, in the order in which they run, with their indices.
    fn bases(&self, hook: Hook) -> Vec<(usize, &'a BaseChain)> {
        let mut bases: Vec<_> = self.view.base_chains().iter().enumerate().collect();
        bases.retain(|(_, base)| base.hook == hook as u8);
        // Stable: those of one priority stay in the order of definition.
        bases.sort_by_key(|(_, base)| base.priority);
        bases
    }

    /// Runs the base chains of `hook` on a packet: each may accept, the first to drop ends it.
    pub fn judge(&mut self, hook: Hook, frame: &Frame<'_>, context: &Context) -> Judgement {
        if let Some(time) = context.time {
            self.now = self.now.max(time);
        }
        let bases = self.bases(hook);
        let (view, fields) = (self.view, self.fields);
        let mut subject = Subject::new(self, hook, frame, context);
        let mut judgement = Judgement {
            verdict: Verdict::Accept,
            queue: None,
            rejected: None,
            decisions: Vec::new(),
            mark: 0,
            counted: Vec::new(),
            lines: Vec::new(),
            acts: Vec::new(),
            packet: Vec::new(),
            link: Vec::new(),
        };
        // As in the module: those of one priority share a key, and each priority is a hook function of its
        // own, which parses anew.
        let mut parsed: Option<(i32, Key)> = None;
        for (index, base) in bases {
            if base.families & frame.family.bits() == 0 {
                continue;
            }
            let key = match &mut parsed {
                Some((priority, key)) if *priority == base.priority => key,
                parsed => {
                    let key = Key::parse(&subject, fields);
                    &mut parsed.insert((base.priority, key)).1
                }
            };
            let outcome = view.run(base, key, &mut subject);
            judgement.decisions.push(Decision {
                base: index,
                verdict: outcome.verdict,
                decider: outcome.decider,
            });
            judgement.verdict = outcome.verdict;
            judgement.queue = outcome.queue;
            if outcome.verdict == Verdict::Drop {
                break;
            }
        }
        subject.finish(&mut judgement);
        judgement
    }

    /// A number that follows from the ones before (Marsaglia's xorshift).
    fn next_random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 32) as u32
    }
}
