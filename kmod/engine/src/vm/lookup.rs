// SPDX-License-Identifier: GPL-2.0
//! Sets, maps and verdict maps.

use ferrule_uapi::{
    hook::Verdict,
    insn::{Insn, FLAG_NEGATE},
    program::{BaseChain, Wide},
    set::ElementVerdict,
};

use crate::{
    key::Key,
    packet::{Found, Packet},
    program::View,
};

use super::{by_policy, decided, Decider, Turn};

impl View<'_> {
    /// What a set or map has for the packet's key; `None` if it has none, or a part of the key is absent.
    #[inline(never)]
    fn find<P: Packet>(&self, insn: &Insn, key: &Key, packet: &mut P) -> Option<Found> {
        let bytes = self.key_bytes(insn.b, key)?;
        packet.find(insn.a, bytes.as_bytes())
    }

    /// Whether a lookup in a set holds.
    #[inline(never)]
    pub(super) fn is_in_set<P: Packet>(&self, insn: &Insn, key: &Key, packet: &mut P) -> bool {
        let Some(bytes) = self.key_bytes(insn.b, key) else {
            return false;
        };
        if insn.flags & FLAG_NEGATE != 0 {
            return !packet.holds(insn.a, bytes.as_bytes());
        }
        let found = packet.find(insn.a, bytes.as_bytes());
        found.is_some_and(|found| found != Found::Refused)
    }

    /// The number that a map has for the packet's key.
    pub(super) fn mapped<P: Packet>(&self, insn: &Insn, key: &Key, packet: &mut P) -> Option<Wide> {
        match self.find(insn, key, packet)? {
            Found::Data(value) => Some(value),
            _ => None,
        }
    }

    /// Does what a verdict map says. The instruction behind, at `pc + 1`, names the rule.
    pub(super) fn follow<P: Packet>(
        &self,
        insn: &Insn,
        pc: u32,
        base: &BaseChain,
        key: &mut Key,
        packet: &mut P,
    ) -> Turn {
        let Some(Found::Verdict(verdict, handle)) = self.find(insn, key, packet) else {
            return Turn::Go(insn.target);
        };
        let next = pc.wrapping_add(1);
        let behind = pc.wrapping_add(2);
        let Some(named) = self.insns().get(next as usize) else {
            return Turn::Fault;
        };
        match verdict {
            ElementVerdict::Accept => Turn::Decided(Verdict::Accept, Decider::Rule(named.a)),
            ElementVerdict::Drop => decided(packet, Verdict::Drop, named.b, Decider::Rule(named.a)),
            ElementVerdict::Continue => Turn::Go(behind),
            ElementVerdict::Return => match key.stack.pop() {
                Some(pc) => Turn::Go(pc),
                None => by_policy(packet, base),
            },
            ElementVerdict::Jump => match self.chain_of_target(insn, handle) {
                Some(target) if key.stack.push(behind) => Turn::Go(target),
                _ => Turn::Fault,
            },
            ElementVerdict::Goto => match self.chain_of_target(insn, handle) {
                Some(target) => Turn::Go(target),
                None => Turn::Fault,
            },
        }
    }

    /// Where the chain of this handle begins, if the map of the instruction may lead there.
    fn chain_of_target(&self, insn: &Insn, handle: u64) -> Option<u32> {
        let set = self.sets().get(insn.a as usize)?;
        self.target(set, handle)
    }
}
