// SPDX-License-Identifier: GPL-2.0
//! Values for registers: loads, what is reckoned from fields, and what maps say.

use ferrule_uapi::{
    insn::{Insn, Opcode},
    program::Wide,
};

use crate::{
    key::Key,
    number::{number, wide, widen},
    packet::Packet,
    program::View,
};

impl View<'_> {
    /// What the instruction writes to its register; `None` if something that it needs is absent.
    #[inline(never)]
    pub(super) fn compute<P: Packet>(
        &self,
        opcode: Opcode,
        insn: &Insn,
        key: &Key,
        packet: &mut P,
    ) -> Option<Wide> {
        match opcode {
            Opcode::Load => self.evaluate(insn.a, key, packet),
            Opcode::LookupMap => self.mapped(insn, key, packet),
            Opcode::Bitwise => {
                let source = key.value(first(insn))?.lo as u32;
                Some(widen(source & insn.a ^ insn.b))
            }
            Opcode::BitwiseWide => {
                let source = key.value(first(insn))?;
                let pair = self.wide_pairs().get(insn.a as usize)?;
                Some(Wide {
                    hi: source.hi & pair.lo.hi ^ pair.hi.hi,
                    lo: source.lo & pair.lo.lo ^ pair.hi.lo,
                })
            }
            Opcode::Shift => {
                let source = number(key.value(first(insn))?);
                let shifted = match insn.b {
                    0 => source.wrapping_shl(insn.a),
                    _ => source.wrapping_shr(insn.a),
                };
                Some(wide(shifted))
            }
            _ => {
                let second = insn.flags.wrapping_shr(8) as u8;
                combine(insn.a, key.value(first(insn))?, key.value(second)?)
            }
        }
    }
}

/// The field that an instruction calculates from.
fn first(insn: &Insn) -> u8 {
    insn.flags as u8
}

/// `first op second`.
fn combine(op: u32, first: Wide, second: Wide) -> Option<Wide> {
    let each = |apply: fn(u64, u64) -> u64| Wide {
        hi: apply(first.hi, second.hi),
        lo: apply(first.lo, second.lo),
    };
    match op {
        0 => Some(each(|a, b| a & b)),
        1 => Some(each(|a, b| a | b)),
        2 => Some(each(|a, b| a ^ b)),
        _ => None,
    }
}
