// SPDX-License-Identifier: GPL-2.0
//! The virtual machine: runs a verified program on one packet's key.
//!
//! One loop, one instruction a turn, no more turns than the verifier allowed. Every access is checked
//! even so (this is safe Rust); the verifier's work is that no check ever fails, so that each is a
//! branch never taken. Should one fail after all, the packet is dropped: a filter that does not
//! understand itself lets nothing through.
//!
//! What is not the affair of every packet is kept out of the loop, in functions of their own: values
//! (`compute`), sets and maps (`lookup`), statements ([`crate::statement`]).

mod compute;
mod lookup;

use ferrule_uapi::{
    hook::Verdict,
    insn::{Insn, Opcode, FLAG_NEGATE, QUEUE_BYPASS, QUEUE_FANOUT},
    limit,
    program::{BaseChain, RangeWide, Wide},
    statement::RejectKind,
    NONE,
};

use crate::{key::Key, packet::Packet, program::View, statement::Done, verify::run as run_of};

/// What a base chain made of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict. A packet for user space is neither accepted nor dropped: it says drop, which is what
    /// becomes of one that cannot be handed over, and `queue` says where to.
    pub verdict: Verdict,
    /// The packet is to be handed to user space.
    pub queue: Option<Queue>,
    /// The packet was answered with an error ([`Packet::reject`]), and is dropped.
    pub rejected: bool,
    /// What decided.
    pub decider: Decider,
    /// How many instructions were run.
    pub steps: u32,
}

/// The queues that a packet may be handed to. Which of several it is, the environment chooses: by the flow's
/// hash (`nfqueue_hash()`) or by CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The first.
    pub first: u16,
    /// How many: at least 1.
    pub total: u16,
    /// Let the packet pass when nobody listens.
    pub bypass: bool,
    /// Choose by CPU.
    pub fanout: bool,
}

/// What decided over a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// This rule: its index.
    Rule(u32),
    /// The base chain's policy.
    Policy,
    /// No one: the program did what the verifier rules out. Never seen; the packet is dropped.
    Fault,
}

/// What one instruction led to.
enum Turn {
    /// Go on with this instruction.
    Go(u32),
    /// It is decided.
    Decided(Verdict, Decider),
    /// A rule answered with an error.
    Rejected(Decider),
    /// A rule hands the packet to user space.
    Queued(Queue, Decider),
    /// An access failed.
    Fault,
}

/// What the loop itself does, as bytes: no instruction is decoded that does not go elsewhere.
const COUNT: u8 = Opcode::Count as u8;
const ACCEPT: u8 = Opcode::Accept as u8;
const DROP: u8 = Opcode::Drop as u8;
const CALL: u8 = Opcode::Call as u8;
const GOTO: u8 = Opcode::Goto as u8;
const RETURN: u8 = Opcode::Return as u8;

/// The last opcode that is a match; all up to it are.
const LAST_MATCH: u8 = Opcode::LookupWide as u8;

/// Opcodes that may change fields of the key that a classifier looks at.
const CHANGES_KEY: [u8; 2] = [Opcode::SetMark as u8, Opcode::Do as u8];

/// Where calls return to.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Stack {
    depth: usize,
    returns: [u32; limit::MAX_DEPTH as usize],
}

impl Stack {
    /// No call is open.
    pub(crate) const EMPTY: Self = Stack {
        returns: [0; limit::MAX_DEPTH as usize],
        depth: 0,
    };

    /// Forgets all calls.
    fn clear(&mut self) {
        self.depth = 0;
    }

    /// Remembers `pc`. `false` if there is no room.
    fn push(&mut self, pc: u32) -> bool {
        let Some(slot) = self.returns.get_mut(self.depth) else {
            return false;
        };
        *slot = pc;
        self.depth = self.depth.wrapping_add(1);
        true
    }

    /// What was remembered last.
    fn pop(&mut self) -> Option<u32> {
        let top = self.depth.checked_sub(1)?;
        self.depth = top;
        self.returns.get(top).copied()
    }
}

impl View<'_> {
    /// Runs the base chain `base` on `packet`, whose fields are in `key`.
    ///
    /// Base chains that run at one hook share the key: what one does to the packet (its mark, its
    /// headers), it does to the key too. Registers are absent at the beginning of each.
    #[inline(never)]
    pub fn run<P: Packet>(&self, base: &BaseChain, key: &mut Key, packet: &mut P) -> Outcome {
        self.run_from(self.entry(base), base, key, packet)
    }

    /// The instruction that base chain `base` begins with.
    pub fn entry(&self, base: &BaseChain) -> u32 {
        let chain = self.chains().get(base.chain as usize);
        chain.map_or(u32::MAX, |chain| chain.first_insn)
    }

    /// Runs the base chain `base`, which begins with instruction `entry`, as [`View::run`] does.
    #[inline(always)]
    pub fn run_from<P: Packet>(
        &self,
        entry: u32,
        base: &BaseChain,
        key: &mut Key,
        packet: &mut P,
    ) -> Outcome {
        key.cursor.forget();
        key.stack.clear();
        key.clear_registers();
        let insns = self.insns();
        let mut pc = entry;
        let mut outcome = Outcome {
            verdict: Verdict::Drop,
            queue: None,
            rejected: false,
            decider: Decider::Fault,
            steps: 0,
        };
        while outcome.steps < self.max_steps {
            outcome.steps = outcome.steps.wrapping_add(1);
            let Some(insn) = insns.get(pc as usize) else {
                break;
            };
            // Most instructions are matches, and choosing costs a compare each: they come first.
            if let 1..=LAST_MATCH = insn.opcode {
                pc = match self.matches(insn, key) {
                    true => pc.wrapping_add(1),
                    false => insn.target,
                };
                continue;
            }
            if insn.opcode == Opcode::Classify as u8 {
                let Some(next) = self.classify(insn, pc, key) else {
                    break;
                };
                pc = next;
                continue;
            }
            if CHANGES_KEY.contains(&insn.opcode) {
                key.cursor.forget();
            }
            match self.turn(insn, pc, base, key, packet) {
                Turn::Go(next) => {
                    pc = next;
                    continue;
                }
                Turn::Decided(verdict, decider) => {
                    outcome.verdict = verdict;
                    outcome.decider = decider;
                }
                Turn::Rejected(decider) => {
                    outcome.rejected = true;
                    outcome.decider = decider;
                }
                Turn::Queued(queue, decider) => {
                    outcome.queue = Some(queue);
                    outcome.decider = decider;
                }
                Turn::Fault => {}
            }
            break;
        }
        outcome
    }

    /// Runs one instruction that is no match, at `pc`.
    #[inline(always)]
    fn turn<P: Packet>(
        &self,
        insn: &Insn,
        pc: u32,
        base: &BaseChain,
        key: &mut Key,
        packet: &mut P,
    ) -> Turn {
        let next = pc.wrapping_add(1);
        match insn.opcode {
            COUNT => {
                packet.count(insn.a);
                Turn::Go(next)
            }
            ACCEPT => decided(packet, Verdict::Accept, insn.b, Decider::Rule(insn.a)),
            DROP => decided(packet, Verdict::Drop, insn.b, Decider::Rule(insn.a)),
            CALL if key.stack.push(next) => Turn::Go(insn.target),
            GOTO => Turn::Go(insn.target),
            RETURN => match key.stack.pop() {
                Some(pc) => Turn::Go(pc),
                None => by_policy(packet, base),
            },
            _ => self.act(insn, pc, base, key, packet),
        }
    }

    /// Runs an instruction that is neither a match nor a way on. Apart, so that the loop stays small.
    #[inline(never)]
    fn act<P: Packet>(
        &self,
        insn: &Insn,
        pc: u32,
        base: &BaseChain,
        key: &mut Key,
        packet: &mut P,
    ) -> Turn {
        let Some(opcode) = Opcode::from_raw(insn.opcode) else {
            return Turn::Fault;
        };
        let next = pc.wrapping_add(1);
        match opcode {
            Opcode::SetMark => {
                let mark = packet.mark() & insn.a ^ insn.b;
                packet.set_mark(mark);
                key.set(ferrule_uapi::field::Field::MetaMark, mark);
                Turn::Go(next)
            }
            Opcode::Load
            | Opcode::Bitwise
            | Opcode::BitwiseWide
            | Opcode::Shift
            | Opcode::Combine
            | Opcode::LookupMap => match self.compute(opcode, insn, key, packet) {
                Some(value) if key.write(insn.field, value) => Turn::Go(next),
                Some(_) => Turn::Fault,
                None => Turn::Go(insn.target),
            },
            Opcode::LookupSet => {
                let found = self.is_in_set(insn, key, packet);
                Turn::Go(if found { next } else { insn.target })
            }
            Opcode::LookupVerdict => self.follow(insn, pc, base, key, packet),
            Opcode::Verdict => Turn::Go(next),
            Opcode::Do => match self.perform(insn.a, insn.b, key, packet) {
                Done::Go => Turn::Go(next),
                Done::End => Turn::Go(insn.target),
                Done::Drop => Turn::Decided(Verdict::Drop, Decider::Rule(insn.b)),
                Done::Fault => Turn::Fault,
            },
            Opcode::Reject => reject(insn, packet),
            Opcode::Queue => queue(insn, key),
            _ => Turn::Fault,
        }
    }

    /// Whether a match or lookup holds. An absent field never does.
    #[inline(always)]
    fn matches(&self, insn: &Insn, key: &Key) -> bool {
        let held = if insn.opcode == Opcode::MatchMask as u8 {
            key.get(insn.field).map(|value| value & insn.a == insn.b)
        } else if insn.opcode == Opcode::MatchRange as u8 {
            key.get(insn.field)
                .map(|value| (insn.a..=insn.b).contains(&value))
        } else if insn.opcode == Opcode::Lookup as u8 {
            key.get(insn.field)
                .map(|value| self.in_ranges32(insn.a, value & insn.b))
        } else {
            key.get_wide(insn.field)
                .map(|value| self.matches_wide(insn, value))
        };
        held.is_some_and(|held| held != (insn.flags & FLAG_NEGATE != 0))
    }

    /// Whether the comparison of a wide field holds.
    #[inline(never)]
    fn matches_wide(&self, insn: &Insn, value: Wide) -> bool {
        let is_lookup = insn.opcode == Opcode::LookupWide as u8;
        let operand = if is_lookup { insn.b } else { insn.a };
        let Some(pair) = self.wide_pairs().get(operand as usize) else {
            return false;
        };
        if insn.opcode == Opcode::MatchWideMask as u8 {
            and(value, pair.lo) == pair.hi
        } else if is_lookup {
            self.in_ranges_wide(insn.a, and(value, pair.lo))
        } else {
            (pair.lo..=pair.hi).contains(&value)
        }
    }

    /// Whether narrow table `table` holds `value`.
    fn in_ranges32(&self, table: u32, value: u32) -> bool {
        let table = self.tables().get(table as usize);
        let ranges = table.and_then(|table| run_of(self.ranges32(), table));
        ranges.is_some_and(|ranges| {
            let at = ranges.partition_point(|range| range.hi < value);
            ranges.get(at).is_some_and(|range| range.lo <= value)
        })
    }

    /// Whether wide table `table` holds `value`.
    fn in_ranges_wide(&self, table: u32, value: Wide) -> bool {
        let table = self.tables().get(table as usize);
        let ranges: Option<&[RangeWide]> = table.and_then(|table| run_of(self.wide_pairs(), table));
        ranges.is_some_and(|ranges| {
            let at = ranges.partition_point(|range| range.hi < value);
            ranges.get(at).is_some_and(|range| range.lo <= value)
        })
    }
}

/// Answers with an error, and drops.
fn reject<P: Packet>(insn: &Insn, packet: &mut P) -> Turn {
    let Some(kind) = RejectKind::from_raw(insn.field) else {
        return Turn::Fault;
    };
    packet.reject(kind, insn.flags as u8);
    if insn.b != NONE {
        packet.count(insn.b);
    }
    Turn::Rejected(Decider::Rule(insn.a))
}

/// Hands the packet to user space. A register that has no value names queue 0, as it does in nftables, where
/// the rule would have ended before.
fn queue(insn: &Insn, key: &Key) -> Turn {
    let (first, total) = match insn.field {
        0 => (insn.b as u16, insn.b.wrapping_shr(16) as u16),
        register => (key.get(register).unwrap_or(0) as u16, 1),
    };
    let queue = Queue {
        first,
        total,
        bypass: insn.flags & QUEUE_BYPASS != 0,
        fanout: insn.flags & QUEUE_FANOUT != 0,
    };
    Turn::Queued(queue, Decider::Rule(insn.a))
}

/// `a & b`.
fn and(a: Wide, b: Wide) -> Wide {
    Wide {
        hi: a.hi & b.hi,
        lo: a.lo & b.lo,
    }
}

/// A verdict, counted by `counter` if there is one.
fn decided<P: Packet>(packet: &mut P, verdict: Verdict, counter: u32, decider: Decider) -> Turn {
    if counter != NONE {
        packet.count(counter);
    }
    Turn::Decided(verdict, decider)
}

/// The policy's verdict; what it drops is counted.
fn by_policy<P: Packet>(packet: &mut P, base: &BaseChain) -> Turn {
    match Verdict::from_raw(base.policy) {
        Some(Verdict::Accept) => Turn::Decided(Verdict::Accept, Decider::Policy),
        _ => decided(packet, Verdict::Drop, base.counter, Decider::Policy),
    }
}
