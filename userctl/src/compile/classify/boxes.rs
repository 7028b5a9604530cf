// SPDX-License-Identifier: GPL-2.0
//! From instructions to boxes: what the matches at the beginning of a rule say about fields.

use std::collections::HashMap;
use std::ops::Range;

use ferrule_uapi::{
    classifier::{Dim, DIMS},
    field::Field,
    insn::{Insn, Opcode, FLAG_NEGATE},
    program::{Range32, RangeWide, Table, Wide},
};

use super::super::lower::is_call;
use super::Boxes;

/// Most alternatives that a match may have, and boxes that a rule may become.
const MOST_ALTERNATIVES: usize = 32;

/// Boxes that all rules together may become: as many for each, and some.
const BOXES_PER_RULE: usize = 3;
const BOXES_BESIDE: usize = 1024;

/// The constants that matches refer to.
pub(super) struct Constants<'a> {
    pub(super) ranges32: &'a [Range32],
    pub(super) wide_pairs: &'a [RangeWide],
    pub(super) tables: &'a [Table],
}

/// Ranges that must all hold.
type Conjunction = Vec<(Dim, (u32, u32))>;

/// What a match says: one of these holds.
#[derive(Clone)]
struct Alternatives {
    of: Vec<Conjunction>,
    /// Whether that is all it says.
    exact: bool,
}

/// What the matches at the beginning of a rule say, one after another; `None` for one that boxes cannot
/// say.
pub(super) struct RuleBoxes {
    matches: Vec<Option<Alternatives>>,
    /// Whether no packet for which they hold gets behind the rule.
    ends: bool,
    /// Whether there is nothing behind them: the rule does nothing.
    idle: bool,
}

impl RuleBoxes {
    /// Reads a rule, which ends at `end`.
    pub(super) fn of(insns: &[Insn], end: u32, constants: &Constants<'_>) -> Self {
        let leading = insns.iter().take_while(|insn| {
            (1..=Opcode::LookupWide as u8).contains(&insn.opcode) && insn.target == end
        });
        let matches: Vec<_> = leading.map(|insn| constants.alternatives(insn)).collect();
        let rest = insns.get(matches.len()..).unwrap_or_default();
        let stays = rest.last().is_some_and(super::ends);
        let ends = stays && rest.iter().all(|insn| insn.target != end || is_call(insn));
        let idle = rest.is_empty();
        RuleBoxes {
            matches,
            ends,
            idle,
        }
    }

    /// Whether it asks for anything that boxes can say, and does something then.
    pub(super) fn asks(&self) -> bool {
        !self.idle && self.matches.iter().any(Option::is_some)
    }
}

/// The boxes of `rules[range]`, and for each of these rules which of the matches it begins with the boxes
/// say exactly.
pub(super) fn combine(rules: &[RuleBoxes], range: Range<usize>) -> (Boxes, Vec<Vec<bool>>) {
    let dims = choose_dims(&rules[range.clone()]);
    let mut boxes = Boxes {
        dims,
        ..Boxes::default()
    };
    let budget = BOXES_PER_RULE * range.len() + BOXES_BESIDE;
    let mut said = Vec::with_capacity(range.len());
    for index in range {
        let spent = boxes.len() > budget;
        let most = if spent { 1 } else { MOST_ALTERNATIVES };
        said.push(add_rule(&mut boxes, &rules[index], index as u32, most));
    }
    (boxes, said)
}

/// The dimensions that most rules speak of.
fn choose_dims(rules: &[RuleBoxes]) -> Vec<Dim> {
    let mut uses: HashMap<(u8, u8), u32> = HashMap::new();
    for rule in rules {
        for alternatives in rule.matches.iter().flatten() {
            for (dim, _) in alternatives.of.first().into_iter().flatten() {
                *uses.entry((dim.field, dim.word)).or_default() += 1;
            }
        }
    }
    let mut dims: Vec<_> = uses.into_iter().collect();
    dims.sort_by_key(|(dim, uses)| (std::cmp::Reverse(*uses), *dim));
    dims.truncate(DIMS);
    dims.sort_by_key(|(dim, _)| *dim);
    let dim = |((field, word), _)| Dim { field, word };
    dims.into_iter().map(dim).collect()
}

/// Appends the boxes of a rule, at most `most`. Returns which of its matches they say exactly.
fn add_rule(boxes: &mut Boxes, rule: &RuleBoxes, index: u32, most: usize) -> Vec<bool> {
    let mut parts: Vec<Option<Alternatives>> = rule
        .matches
        .iter()
        .map(|alternatives| restrict(alternatives.as_ref()?, &boxes.dims))
        .collect();
    let count = |parts: &[Option<Alternatives>]| {
        let counts = parts.iter().flatten().map(|part| part.of.len());
        counts.fold(1_usize, usize::saturating_mul)
    };
    while count(&parts) > most {
        let widest = parts.iter_mut().flatten().max_by_key(|part| part.of.len());
        let Some(widest) = widest.filter(|part| part.of.len() > 1) else {
            break;
        };
        *widest = hull(widest);
    }
    let mut rows = vec![Row::all(boxes.dims.len())];
    for part in parts.iter().flatten() {
        rows = rows
            .iter()
            .flat_map(|row| part.of.iter().filter_map(|of| row.with(of, &boxes.dims)))
            .collect();
    }
    let exact = |part: &Option<Alternatives>| part.as_ref().is_some_and(|part| part.exact);
    let said: Vec<bool> = parts.iter().map(exact).collect();
    let last = rule.ends && said.iter().all(|said| *said);
    if rule.idle && said.iter().all(|said| *said) {
        return said;
    }
    for row in rows {
        boxes.ranges.extend(&row.ranges);
        boxes.needed.push(row.needed);
        boxes.rules.push(index);
        boxes.last.push(last);
    }
    said
}

/// What remains if only `dims` may be spoken of; `None` if nothing does.
fn restrict(alternatives: &Alternatives, dims: &[Dim]) -> Option<Alternatives> {
    let mut exact = alternatives.exact;
    let mut of = Vec::with_capacity(alternatives.of.len());
    for conjunction in &alternatives.of {
        let known = |(dim, _): &&(Dim, (u32, u32))| dims.contains(dim);
        let kept: Conjunction = conjunction.iter().filter(known).copied().collect();
        exact &= kept.len() == conjunction.len();
        if kept.is_empty() {
            return None;
        }
        of.push(kept);
    }
    Some(Alternatives { of, exact })
}

/// The smallest conjunction around all alternatives.
fn hull(alternatives: &Alternatives) -> Alternatives {
    let mut around: Conjunction = alternatives.of.first().cloned().unwrap_or_default();
    for conjunction in &alternatives.of {
        around.retain(|(dim, _)| conjunction.iter().any(|(other, _)| other == dim));
        for (dim, (lo, hi)) in &mut around {
            let others = conjunction.iter().filter(|(other, _)| other == dim);
            for (_, (other_lo, other_hi)) in others {
                *lo = (*lo).min(*other_lo);
                *hi = (*hi).max(*other_hi);
            }
        }
    }
    Alternatives {
        of: vec![around],
        exact: false,
    }
}

/// A box in the making.
#[derive(Clone)]
struct Row {
    ranges: Vec<(u32, u32)>,
    needed: u32,
}

impl Row {
    /// Every packet.
    fn all(dims: usize) -> Self {
        Row {
            ranges: vec![(0, u32::MAX); dims],
            needed: 0,
        }
    }

    /// The part of it where `conjunction` holds, if there is any.
    fn with(&self, conjunction: &Conjunction, dims: &[Dim]) -> Option<Self> {
        let mut row = self.clone();
        for (dim, (lo, hi)) in conjunction {
            let at = dims.iter().position(|known| known == dim)?;
            let range = &mut row.ranges[at];
            *range = (range.0.max(*lo), range.1.min(*hi).min(most(*dim)));
            if range.0 > range.1 {
                return None;
            }
            row.needed |= 1 << at;
        }
        Some(row)
    }
}

impl Constants<'_> {
    /// What one match says.
    fn alternatives(&self, insn: &Insn) -> Option<Alternatives> {
        let negate = insn.flags & FLAG_NEGATE != 0;
        let ranges = match Opcode::from_raw(insn.opcode)? {
            Opcode::MatchMask => vec![prefix32(insn.a, insn.b)?],
            Opcode::MatchRange => vec![(insn.a, insn.b)],
            Opcode::Lookup if insn.b == u32::MAX => {
                let table = self.tables.get(insn.a as usize)?;
                let run = table.first as usize..(table.first + table.count) as usize;
                let ranges = self.ranges32.get(run)?;
                ranges.iter().map(|range| (range.lo, range.hi)).collect()
            }
            Opcode::MatchWideMask | Opcode::MatchWideRange | Opcode::LookupWide if !negate => {
                return self.wide_alternatives(insn);
            }
            _ => return None,
        };
        let ranges = if negate { complement(&ranges) } else { ranges };
        let of = ranges.iter().map(|range| narrow(insn.field, *range));
        bounded(Alternatives {
            of: of.collect(),
            exact: true,
        })
    }

    fn wide_alternatives(&self, insn: &Insn) -> Option<Alternatives> {
        let pair = |index: u32| self.wide_pairs.get(index as usize);
        match Opcode::from_raw(insn.opcode)? {
            Opcode::MatchWideMask => {
                let pair = pair(insn.a)?;
                let (lo, hi) = prefix128(number(pair.lo), number(pair.hi))?;
                let (conjunction, exact) = words(insn.field, lo, hi);
                Some(Alternatives {
                    of: vec![conjunction],
                    exact,
                })
            }
            Opcode::MatchWideRange => {
                let pair = pair(insn.a)?;
                let (conjunction, exact) = words(insn.field, number(pair.lo), number(pair.hi));
                Some(Alternatives {
                    of: vec![conjunction],
                    exact,
                })
            }
            _ => {
                let mask = pair(insn.b)?;
                let table = self.tables.get(insn.a as usize)?;
                let run = table.first as usize..(table.first + table.count) as usize;
                let ranges = self.wide_pairs.get(run)?;
                if number(mask.lo) != u128::MAX || ranges.len() > MOST_ALTERNATIVES {
                    return None;
                }
                let each = ranges
                    .iter()
                    .map(|range| words(insn.field, number(range.lo), number(range.hi)));
                let (of, exact): (Vec<_>, Vec<bool>) = each.unzip();
                Some(Alternatives {
                    of,
                    exact: exact.iter().all(|exact| *exact),
                })
            }
        }
    }
}

/// The alternatives, or what is around them if they are many.
fn bounded(alternatives: Alternatives) -> Option<Alternatives> {
    let many = alternatives.of.len() > MOST_ALTERNATIVES;
    Some(if many {
        hull(&alternatives)
    } else {
        alternatives
    })
}

/// The values that are `value` under `mask`, if they are one range.
fn prefix32(mask: u32, value: u32) -> Option<(u32, u32)> {
    let free = !mask;
    (free & free.wrapping_add(1) == 0).then_some((value, value | free))
}

fn prefix128(mask: u128, value: u128) -> Option<(u128, u128)> {
    let free = !mask;
    (free & free.wrapping_add(1) == 0).then_some((value, value | free))
}

/// What lies between and around ascending ranges.
fn complement(ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut between = Vec::with_capacity(ranges.len() + 1);
    let mut next = Some(0_u32);
    for (lo, hi) in ranges {
        if let Some(start) = next.filter(|start| start < lo) {
            between.push((start, lo - 1));
        }
        next = hi.checked_add(1);
    }
    between.extend(next.map(|start| (start, u32::MAX)));
    between
}

/// A range of a narrow field. The ports of a protocol are those of any, and the protocol: there are fewer
/// dimensions so, and the tree can choose by the protocol.
fn narrow(field: u8, range: (u32, u32)) -> Conjunction {
    const TCP: u32 = 6;
    const UDP: u32 = 17;
    let of = |protocol: u32, port: Field| {
        vec![
            (dim(Field::MetaL4proto as u8, 0), (protocol, protocol)),
            (dim(port as u8, 0), range),
        ]
    };
    match Field::from_raw(field) {
        Some(Field::TcpSport) => of(TCP, Field::ThSport),
        Some(Field::TcpDport) => of(TCP, Field::ThDport),
        Some(Field::UdpSport) => of(UDP, Field::ThSport),
        Some(Field::UdpDport) => of(UDP, Field::ThDport),
        _ => vec![(dim(field, 0), range)],
    }
}

/// A range of a wide field, word by word, and whether that is exact: it is if all words but one are whole or
/// free.
fn words(field: u8, lo: u128, hi: u128) -> (Conjunction, bool) {
    let word = |value: u128, index: u32| (value >> (96 - 32 * index)) as u32;
    let mut conjunction = Conjunction::new();
    for index in 0..4 {
        let (from, to) = (word(lo, index), word(hi, index));
        conjunction.push((dim(field, index as u8), (from, to)));
        if from == to {
            continue;
        }
        let below = u128::MAX.checked_shr(32 * (index + 1)).unwrap_or(0);
        let exact = lo & below == 0 && hi & below == below;
        let free = (from, to) == (0, u32::MAX) && index > 0;
        if free {
            conjunction.pop();
        }
        return (conjunction, exact);
    }
    (conjunction, true)
}

/// The greatest value that a packet may have in a dimension.
pub(super) fn most(dim: Dim) -> u32 {
    Field::from_raw(dim.field).map_or(u32::MAX, Field::most)
}

fn dim(field: u8, word: u8) -> Dim {
    Dim { field, word }
}

fn number(wide: Wide) -> u128 {
    u128::from(wide.hi) << 64 | u128::from(wide.lo)
}
