// SPDX-License-Identifier: GPL-2.0
//! Programs from a seed: well-formed ones, and what mutation makes of them.

use fastrand::Rng;
use ferrule_uapi::{
    field::Field,
    insn::{Insn, Opcode},
    program::{Counter, Header, Rule, TableKind},
    NONE,
};
use zerocopy::IntoBytes;

use super::program::{insn, pair, Image, Records};

/// Numbers that packets have in their fields, so that matches hold now and then.
const LIKELY: &[u32] = &[
    0, 1, 2, 4, 6, 10, 17, 22, 53, 58, 64, 80, 179, 443, 0x0800, 0x86dd,
];

/// Bytes of a program's header.
const HEADER: usize = size_of::<Header>();

/// The bytes that `seed` stands for: noise, a good program, or a good program gone wrong.
pub fn bytes(seed: u64) -> Image {
    let rng = &mut Rng::with_seed(seed);
    match seed % 8 {
        0 => noise(rng),
        1..=4 => records(rng).build(),
        5 => {
            let mut records = records(rng);
            change_record(rng, &mut records);
            records.build()
        }
        _ => {
            let image = records(rng).build();
            mutate(rng, &image)
        }
    }
}

/// Random bytes; half of them behind a good header.
fn noise(rng: &mut Rng) -> Image {
    let mut bytes = vec![0; rng.usize(..600)];
    rng.fill(&mut bytes);
    if rng.bool() {
        let image = records(rng).build();
        let header = image.bytes()[..HEADER].to_vec();
        bytes.splice(..bytes.len().min(HEADER), header);
        let size = bytes.len() as u32;
        bytes[8..12].copy_from_slice(&size.to_ne_bytes());
    }
    Image::from_bytes(&bytes)
}

/// A well-formed program.
pub fn records(rng: &mut Rng) -> Records {
    let mut records = Records::default();
    for _ in 0..rng.u32(0..3) {
        records.table32(&ascending(rng).map(|n| (n, n.saturating_add(3))));
        let wide = ascending(rng).map(|n| (u128::from(n) << 96, u128::from(n) << 96 | 0xffff));
        records.table_wide(&wide);
    }
    let masks = [0, u128::MAX, u128::MAX << 64, 0xff << 120];
    let at = rng.u128(..);
    records.wide_pairs.extend(masks.map(|m| pair(m, at & m)));
    records.wide_pairs.push(pair(at >> 1, at));
    let lens: Vec<u32> = (0..rng.u32(1..5)).map(|_| rng.u32(1..10)).collect();
    let starts: Vec<u32> = lens
        .iter()
        .scan(0, |next, len| Some(std::mem::replace(next, *next + len)))
        .collect();
    for (chain, len) in lens.iter().enumerate() {
        let later = &starts[chain + 1..];
        let first = starts[chain];
        let code: Vec<Insn> = (first..first + len)
            .map(|pc| any_insn(rng, &records, pc, first + len, later))
            .collect();
        records.chain(&code);
    }
    add_owners(rng, &mut records);
    records
}

/// Base chains, rules, counters and names.
fn add_owners(rng: &mut Rng, records: &mut Records) {
    for chain in 0..rng.usize(1..=records.chains.len()) {
        let policy = rng.choice(ferrule_uapi::hook::Verdict::ALL).unwrap();
        let counter = rng.choice([NONE, 0, 1]).unwrap();
        records.base(chain as u32, *policy, counter);
    }
    for n in 0..4 {
        records.rules.push(Rule {
            handle: n,
            ..Rule::default()
        });
        records.counters.push(Counter {
            identity: n * 5,
            owner: n as u32,
            ..Counter::default()
        });
    }
    records.strings = vec![b'x'; rng.usize(..9)];
    records.source = vec![b'y'; rng.usize(..9)];
}

fn ascending(rng: &mut Rng) -> [u32; 4] {
    let mut next = 0_u32;
    [(); 4].map(|()| {
        next += 4 + rng.u32(..60);
        next
    })
}

/// An instruction at `pc` of a chain that ends at `end`, before the chains that begin at `later`.
fn any_insn(rng: &mut Rng, records: &Records, pc: u32, end: u32, later: &[u32]) -> Insn {
    let last = pc + 1 == end;
    let rule = rng.u32(..4);
    let counter = if rng.bool() { NONE } else { rng.u32(..4) };
    let target = if last { 0 } else { rng.u32(pc + 1..end) };
    match rng.u32(..12) {
        0 if later.is_empty() => insn(Opcode::Accept, 0, 0, rule, counter),
        0 => insn(Opcode::Goto, 0, *rng.choice(later).unwrap(), rule, 0),
        1 => insn(Opcode::Drop, 0, 0, rule, counter),
        2 => insn(Opcode::Return, 0, 0, NONE, 0),
        _ if last => insn(Opcode::Return, 0, 0, rule, 0),
        3 => insn(Opcode::Count, 0, 0, rule, 0),
        4 => insn(Opcode::SetMark, 0, 0, rng.u32(..), rng.u32(..9)),
        5 if !later.is_empty() => insn(Opcode::Call, 0, *rng.choice(later).unwrap(), rule, 0),
        _ => any_match(rng, records, target),
    }
}

fn any_match(rng: &mut Rng, records: &Records, target: u32) -> Insn {
    let field = *rng.choice(Field::ALL).unwrap();
    let value = *rng.choice(LIKELY).unwrap();
    let kind = match field.is_wide() {
        true => TableKind::RangesWide,
        false => TableKind::Ranges32,
    };
    let table = records.tables.iter().position(|t| t.kind == kind as u8);
    let table = table.filter(|_| rng.u32(..3) == 0).map(|t| t as u32);
    let pairs = records.wide_pairs.len() as u32;
    let (opcode, a, b) = match (field.is_wide(), table) {
        (false, Some(table)) => (Opcode::Lookup, table, u32::MAX >> rng.u32(..32)),
        (true, Some(table)) => (Opcode::LookupWide, table, rng.u32(..pairs)),
        (true, None) if rng.bool() => (Opcode::MatchWideRange, pairs - 1, 0),
        (true, None) => (Opcode::MatchWideMask, pairs - 1 - rng.u32(1..5), 0),
        (false, None) if rng.bool() => (Opcode::MatchRange, value, value | 0xff),
        (false, None) => (Opcode::MatchMask, value | rng.u32(..256), value),
    };
    let flags = u16::from(rng.u32(..4) == 0);
    Insn {
        flags,
        ..insn(opcode, field as u8, target, a, b)
    }
}

/// Changes one index, operand or opcode.
fn change_record(rng: &mut Rng, records: &mut Records) {
    let number = *rng
        .choice([0, 1, 2, 3, 5, 8, 13, NONE, 1 << 31])
        .as_ref()
        .unwrap();
    let at = rng.usize(..records.insns.len());
    let target = &mut records.insns[at];
    match rng.u32(..9) {
        0 => target.target = number,
        1 => target.a = number,
        2 => target.b = number,
        3 => target.opcode = rng.u8(..14),
        4 => target.field = rng.u8(..64),
        5 => target.flags = rng.u16(..4),
        6 => records.chains[0].insn_count = number,
        7 => records.base_chains[0].chain = number,
        _ => records.rules[0].first_insn = number,
    }
}

/// Flips bits, splices, swaps sections, cuts off.
fn mutate(rng: &mut Rng, image: &Image) -> Image {
    let mut bytes = image.bytes().to_vec();
    for _ in 0..rng.u32(1..4) {
        let len = bytes.len();
        if len < HEADER + 8 {
            break;
        }
        let (from, to) = (rng.usize(..len / 8) * 8, rng.usize(..len / 8) * 8);
        match rng.u32(..6) {
            0 => bytes.truncate(rng.usize(..len)),
            1 => bytes.copy_within(from..from + 8, to),
            2 => {
                let (a, b) = (56 + rng.usize(..18) * 8, 56 + rng.usize(..18) * 8);
                (0..8).for_each(|n| bytes.swap(a + n, b + n));
            }
            3 => bytes.extend(0_u64.as_bytes()),
            _ => bytes[rng.usize(..len)] ^= 1 << rng.u32(..8),
        }
    }
    Image::from_bytes(&bytes)
}
