// SPDX-License-Identifier: GPL-2.0
//! Programs: `bpf --bytecode`, where the program is a tree of loads, comparisons and returns.
//!
//! A load at a fixed place is a test of the same bytes in nft (`@nh,BITS,LENGTH`), and both give up where
//! the packet ends before. Each way through the program that ends in a value other than 0 becomes
//! a rule; a packet takes one way only.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;

pub(super) const ALL: &[Extension] = &[Extension::new(
    "bpf",
    &[
        Opt::value("bytecode").required().group(1),
        Opt::value("object-pinned").group(1),
    ],
    bpf,
)];

/// Instructions of classic BPF, as in `linux/bpf_common.h`.
mod code {
    pub(super) const LOAD_WORD: u16 = 0x20;
    pub(super) const LOAD_HALF: u16 = 0x28;
    pub(super) const LOAD_BYTE: u16 = 0x30;
    pub(super) const AND: u16 = 0x54;
    pub(super) const JUMP: u16 = 0x05;
    pub(super) const EQUAL: u16 = 0x15;
    pub(super) const GREATER: u16 = 0x25;
    pub(super) const GREATER_OR_EQUAL: u16 = 0x35;
    pub(super) const ANY_SET: u16 = 0x45;
    pub(super) const RETURN: u16 = 0x06;
}

/// Longest program that is read, and most ways through it.
const MOST: usize = 64;

/// An instruction: what it does, how many are skipped if it holds and if not, its constant.
type Insn = (u16, usize, usize, u32);

/// What the accumulator holds: bits of the packet.
#[derive(Clone, Copy, Debug)]
struct Field {
    /// Bytes from the network header.
    offset: u32,
    bits: u32,
    mask: u32,
}

fn bpf(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("bytecode") else {
        let message = "a program that the kernel holds cannot be read";
        return Err(Refusal::new(used.span, message).hint("write out what it tests"));
    };
    let program = parse(given.text()).ok_or_else(|| refusal(given))?;
    let mut ways = Vec::new();
    walk(&program, 0, None, &mut Vec::new(), &mut ways).ok_or_else(|| refusal(given))?;
    match ways.as_slice() {
        [] => rule.never(),
        [way] => way.iter().for_each(|test| rule.test(test)),
        _ => rule.decide(ways.iter().map(|way| way.join(" ")).collect())?,
    }
    Ok(())
}

fn refusal(given: &Given) -> Refusal {
    let message =
        "nft can say no program but one of loads at fixed places, comparisons and returns";
    Refusal::new(given.span, message).hint("write out what the program tests")
}

/// Reads `N,CODE JT JF K,…`.
fn parse(text: &str) -> Option<Vec<Insn>> {
    let (count, list) = text.split_once(',')?;
    let program: Option<Vec<Insn>> = list
        .split(',')
        .filter(|insn| !insn.trim().is_empty())
        .map(|insn| match *insn.split_whitespace().collect::<Vec<_>>() {
            [code, yes, no, k] => Some((
                code.parse().ok()?,
                yes.parse::<u8>().ok()?.into(),
                no.parse::<u8>().ok()?.into(),
                k.parse().ok()?,
            )),
            _ => None,
        })
        .collect();
    let program = program?;
    let fits = count.trim().parse() == Ok(program.len()) && program.len() <= MOST;
    fits.then_some(program)
}

/// Follows every way from an instruction on; `None` if there is one that nft cannot say.
fn walk(
    program: &[Insn],
    at: usize,
    field: Option<Field>,
    tests: &mut Vec<String>,
    ways: &mut Vec<Vec<String>>,
) -> Option<()> {
    let (insn, yes, no, k) = *program.get(at)?;
    let next = at + 1;
    match insn {
        code::RETURN => {
            if k != 0 {
                ways.push(tests.clone());
            }
            (ways.len() <= MOST).then_some(())
        }
        code::JUMP => walk(program, next.checked_add(k as usize)?, field, tests, ways),
        code::LOAD_BYTE | code::LOAD_HALF | code::LOAD_WORD => {
            let loaded = Field::load(insn, k)?;
            // Where the packet ends before, the program ends too, and does not match.
            tests.push(loaded.is_there());
            walk(program, next, Some(loaded), tests, ways)?;
            tests.pop();
            Some(())
        }
        code::AND => {
            let field = field?;
            let mask = field.mask & k;
            walk(program, next, Some(Field { mask, ..field }), tests, ways)
        }
        _ => {
            for (holds, skip) in [(true, yes), (false, no)] {
                let to = next + skip;
                match field?.test(insn, k, holds)? {
                    Test::Never => {}
                    Test::Always => walk(program, to, field, tests, ways)?,
                    Test::Says(text) => {
                        tests.push(text);
                        walk(program, to, field, tests, ways)?;
                        tests.pop();
                    }
                }
            }
            Some(())
        }
    }
}

/// What a comparison comes to.
enum Test {
    Always,
    Never,
    Says(String),
}

impl Field {
    fn load(insn: u16, k: u32) -> Option<Self> {
        let bits = match insn {
            code::LOAD_BYTE => 8,
            code::LOAD_HALF => 16,
            _ => 32,
        };
        // Beyond are the kernel's own values, at negative places.
        (k < 4096).then_some(Self {
            offset: k,
            bits,
            mask: u32::MAX >> (32 - bits),
        })
    }

    /// The greatest value without a mask.
    fn most(self) -> u32 {
        u32::MAX >> (32 - self.bits)
    }

    fn place(self) -> String {
        format!("@nh,{},{}", self.offset * 8, self.bits)
    }

    fn is_there(self) -> String {
        format!("{} 0-{}", self.place(), self.most())
    }

    /// The comparison with a constant, or its contrary; `None` if nft cannot say it.
    fn test(self, insn: u16, k: u32, holds: bool) -> Option<Test> {
        let decided = |always: bool| match always == holds {
            true => Test::Always,
            false => Test::Never,
        };
        let place = self.place();
        let whole = self.mask == self.most();
        Some(match insn {
            code::EQUAL if k & !self.mask != 0 => decided(false),
            code::EQUAL if self.mask == 0 => decided(true),
            code::EQUAL => {
                let operator = if holds { "==" } else { "!=" };
                Test::Says(match whole {
                    true => format!("{place} {operator} {k}"),
                    false => format!("{place} & {:#x} {operator} {k:#x}", self.mask),
                })
            }
            code::ANY_SET if self.mask & k == 0 => decided(false),
            code::ANY_SET => {
                let operator = if holds { "!=" } else { "==" };
                Test::Says(format!("{place} & {:#x} {operator} 0", self.mask & k))
            }
            code::GREATER | code::GREATER_OR_EQUAL if !whole => return None,
            code::GREATER if k >= self.most() => decided(false),
            code::GREATER => {
                let operator = if holds { ">" } else { "<=" };
                Test::Says(format!("{place} {operator} {k}"))
            }
            code::GREATER_OR_EQUAL if k > self.most() => decided(false),
            code::GREATER_OR_EQUAL if k == 0 => decided(true),
            code::GREATER_OR_EQUAL => {
                let operator = if holds { ">=" } else { "<" };
                Test::Says(format!("{place} {operator} {k}"))
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ways through a program, as tests.
    fn ways(text: &str) -> Option<Vec<String>> {
        let mut ways = Vec::new();
        walk(&parse(text)?, 0, None, &mut Vec::new(), &mut ways)?;
        Some(ways.iter().map(|way| way.join(" ")).collect())
    }

    #[test]
    fn a_way_that_ends_in_another_value_than_0_is_a_list_of_tests() {
        let program = "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0";
        assert_eq!(ways(program).unwrap(), ["@nh,72,8 0-255 @nh,72,8 == 6"]);
    }

    #[test]
    fn each_side_of_a_comparison_is_a_way() {
        let program = "6,48 0 0 9,21 2 0 6,40 0 0 2,37 0 1 99,6 0 0 1,6 0 0 0";
        assert_eq!(
            ways(program).unwrap(),
            [
                "@nh,72,8 0-255 @nh,72,8 == 6",
                "@nh,72,8 0-255 @nh,72,8 != 6 @nh,16,16 0-65535 @nh,16,16 > 99",
            ]
        );
    }

    #[test]
    fn a_comparison_that_is_decided_already_is_no_test() {
        // A byte is not 256, and its bits above are not set.
        let program = "5,48 0 0 9,21 0 1 256,6 0 0 1,69 0 1 65280,6 0 0 1";
        assert_eq!(ways(program), None, "it runs off its end");
        let program = "4,48 0 0 9,21 0 1 256,6 0 0 0,6 0 0 1";
        assert_eq!(ways(program).unwrap(), ["@nh,72,8 0-255"]);
    }

    #[test]
    fn what_is_more_than_loads_and_comparisons_is_refused() {
        for program in [
            "2,177 0 0 0,6 0 0 1",         // ldx 4*([0]&0xf)
            "2,32 0 0 4294963200,6 0 0 1", // ld #ancillary
            "3,48 0 0 9,6 0 0 1",          // a wrong count
        ] {
            assert_eq!(ways(program), None, "{program}");
        }
    }
}
