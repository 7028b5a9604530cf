// SPDX-License-Identifier: GPL-2.0
//! Programs from a seed: well-formed ones, and what mutation makes of them.

use std::ops::Range;

use fastrand::Rng;
use ferrule_uapi::{
    classifier::{Classifier, Dim, ENTRY_LAST, NODE, POINTER_ENTRY, WORDS_ALIGN},
    expr::{CtKey, Expr, ExprKind, MetaKey},
    field::Field,
    insn::{Insn, Opcode},
    program::{Counter, Header, Rule, TableKind},
    set::{SetKind, Target},
    statement::{
        Log, Object, ObjectKind, State, StateKind, Statement, StatementKind, NO_FIELD,
        STATEMENT_BY_MAP,
    },
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
    add_records(rng, &mut records, lens.len() as u32);
    let starts: Vec<u32> = lens
        .iter()
        .scan(0, |next, len| Some(std::mem::replace(next, *next + len)))
        .collect();
    for (chain, len) in lens.iter().enumerate() {
        let later = &starts[chain + 1..];
        let first = starts[chain];
        let verdicts = 3 + chain as u32;
        let mut code: Vec<Insn> = Vec::new();
        for pc in first..first + len {
            let after_lookup = code.last().map(|insn| insn.opcode);
            let insn = match after_lookup == Some(Opcode::LookupVerdict as u8) {
                true => insn(Opcode::Verdict, 0, 0, rng.u32(..4), NONE),
                false => any_insn(rng, &records, pc, first + len, later, verdicts),
            };
            code.push(insn);
        }
        let pair = code.get(1).map(|insn| insn.opcode) == Some(Opcode::Verdict as u8);
        if *len > 2 && !pair && rng.bool() {
            let number = records.classifiers.len() as u32;
            code[0] = insn(Opcode::Classify, 0, first + len - 1, number, 0);
            add_classifier(rng, &mut records, chain as u32, first..first + len);
        }
        records.chain(&code);
    }
    add_owners(rng, &mut records);
    records
}

/// A classifier of a chain whose instructions are `insns`: two trees, one of them a run.
fn add_classifier(rng: &mut Rng, records: &mut Records, chain: u32, insns: Range<u32>) {
    const WIDE: [(Field, u8); 3] = [
        (Field::IpSaddr, 0),
        (Field::Ip6Daddr, 3),
        (Field::MetaMark, 0),
    ];
    const NARROW: [(Field, u8); 2] = [(Field::ThDport, 0), (Field::ThSport, 0)];
    const BYTE: [(Field, u8); 1] = [(Field::MetaL4proto, 0)];
    let (wide, narrow) = (rng.usize(..=WIDE.len()), rng.usize(..=NARROW.len()));
    let byte = if wide + narrow == 0 {
        1
    } else {
        rng.usize(..=1)
    };
    let dims = [&WIDE[..wide], &NARROW[..narrow], &BYTE[..byte]].concat();
    let bits = rng.u8(..4);
    let entry_count = rng.u32(1..6);
    let align = |count: usize| count.next_multiple_of(WORDS_ALIGN as usize);
    let first_word = records.words.len();
    let pointer = |rng: &mut Rng| match rng.bool() {
        true => POINTER_ENTRY | rng.u32(..entry_count),
        false => 0,
    };
    let dim = rng.u32(..dims.len() as u32);
    let shift = rng.u32(..=32 - u32::from(bits.max(1)));
    records.words.push(0);
    let head = NODE | 1 << 24 | u32::from(bits) << 16 | shift << 8 | dim;
    records.words.push(head);
    for _ in 0..=1 << bits {
        records.words.push(pointer(rng));
    }
    let node_words = align(records.words.len() - first_word);
    records.words.resize(first_word + node_words, 0);
    let mut leads_to: Vec<u32> = (0..entry_count).map(|_| rng.u32(insns.clone())).collect();
    leads_to.sort_unstable();
    for (at, pc) in (1..).zip(leads_to) {
        let last = at == entry_count || rng.u8(..4) == 0;
        records.words.push(if last { pc | ENTRY_LAST } else { pc });
        let asked = rng.u32(..1 << dims.len());
        let mut range = |dim: usize, most: u32| {
            let lo = rng.choice(LIKELY).copied().unwrap_or(0).min(most - 8);
            match asked >> dim & 1 {
                0 => [0, most],
                _ => [lo, 8],
            }
        };
        let [lo, len] = range(wide + narrow, 0xff);
        let of_byte = if byte == 1 { len << 24 | lo << 16 } else { 0 };
        records.words.push(asked | of_byte);
        for dim in 0..wide {
            records.words.extend(range(dim, u32::MAX));
        }
        for dim in wide..wide + narrow {
            let [lo, len] = range(dim, 0xffff);
            records.words.push(len << 16 | lo);
        }
    }
    let word_count = align(records.words.len() - first_word);
    records.words.resize(first_word + word_count, 0);
    let mut classifier = Classifier {
        wide_dims: wide as u8,
        narrow_dims: narrow as u8,
        byte_dims: byte as u8,
        tree_count: 2,
        chain,
        first_word: first_word as u32,
        word_count: word_count as u32,
        node_words: node_words as u32,
        entry_count,
        ..Classifier::default()
    };
    for (slot, (field, word)) in classifier.dims.iter_mut().zip(dims) {
        *slot = Dim {
            field: field as u8,
            word,
        };
    }
    classifier.roots[..2].copy_from_slice(&[1, POINTER_ENTRY]);
    classifier.least[..2].copy_from_slice(&[insns.start, insns.start]);
    records.classifiers.push(classifier);
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
/// `verdicts` is the verdict map of this chain.
fn any_insn(
    rng: &mut Rng,
    records: &Records,
    pc: u32,
    end: u32,
    later: &[u32],
    verdicts: u32,
) -> Insn {
    let last = pc + 1 == end;
    let rule = rng.u32(..4);
    let counter = if rng.bool() { NONE } else { rng.u32(..4) };
    let target = if last { 0 } else { rng.u32(pc + 1..end) };
    match rng.u32(..18) {
        0 if later.is_empty() => insn(Opcode::Accept, 0, 0, rule, counter),
        0 => insn(Opcode::Goto, 0, *rng.choice(later).unwrap(), rule, 0),
        1 => insn(Opcode::Drop, 0, 0, rule, counter),
        2 => insn(Opcode::Return, 0, 0, NONE, 0),
        _ if last => insn(Opcode::Return, 0, 0, rule, 0),
        3 => insn(Opcode::Count, 0, 0, rule, 0),
        4 => insn(Opcode::SetMark, 0, 0, rng.u32(..), rng.u32(..9)),
        5 if !later.is_empty() => insn(Opcode::Call, 0, *rng.choice(later).unwrap(), rule, 0),
        6 if pc + 2 < end => {
            let key = rng.u32(..2);
            insn(Opcode::LookupVerdict, 0, target, verdicts, key)
        }
        7 => insn(Opcode::Reject, 3, 0, rule, counter),
        8 if rng.bool() => insn(Opcode::Queue, Field::Reg2 as u8, 0, rule, 0),
        8 => insn(Opcode::Queue, 0, 0, rule, 3 << 16 | rng.u32(..9)),
        9 => insn(
            Opcode::Do,
            0,
            target,
            rng.u32(..records.statements.len() as u32),
            rule,
        ),
        10..=13 => any_calculation(rng, records, target),
        _ => any_match(rng, records, target),
    }
}

/// Narrow and wide registers that are used.
const NARROW: [Field; 3] = [Field::Reg0, Field::Reg1, Field::Reg2];
const WIDE: [Field; 2] = [Field::Wide0, Field::Wide1];

/// Loads, calculations and lookups in sets.
fn any_calculation(rng: &mut Rng, records: &Records, target: u32) -> Insn {
    let pairs = records.wide_pairs.len() as u32;
    let narrow = *rng.choice(NARROW).as_ref().unwrap() as u8;
    let wide = *rng.choice(WIDE).as_ref().unwrap() as u8;
    let source = *rng.choice(Field::ALL).unwrap();
    let other = loop {
        let other = *rng.choice(Field::ALL).unwrap();
        if other.is_wide() == source.is_wide() {
            break other;
        }
    };
    let same = if source.is_wide() { wide } else { narrow };
    let first = u16::from(source as u8);
    let (opcode, register, flags, a, b) = match rng.u32(..7) {
        0 => {
            let index = rng.u32(..records.exprs.len() as u32);
            let is_wide = records.exprs[index as usize].bits > 32;
            let register = if is_wide { wide } else { narrow };
            (Opcode::Load, register, 0, index, 0)
        }
        1 => (Opcode::Bitwise, narrow, first, rng.u32(..), rng.u32(..4)),
        2 => (Opcode::BitwiseWide, wide, first, rng.u32(..pairs), 0),
        3 => (Opcode::Shift, same, first, rng.u32(..128), rng.u32(..2)),
        4 => {
            let flags = first | u16::from(other as u8) << 8;
            (Opcode::Combine, same, flags, rng.u32(..3), 0)
        }
        5 => (Opcode::LookupMap, narrow, 0, 1, rng.u32(..2)),
        _ => (Opcode::LookupSet, 0, rng.u16(..2), 0, rng.u32(..2)),
    };
    Insn {
        flags,
        ..insn(opcode, register, target, a, b)
    }
}

/// Expressions, keys, sets, statements and states. Sets 0 to 2 are a set, a map and an object map; each
/// chain has a verdict map that leads to the chains behind it.
fn add_records(rng: &mut Rng, records: &mut Records, chains: u32) {
    for _ in 0..2 {
        let field = loop {
            let field = *rng.choice(Field::ALL).unwrap();
            if !field.is_wide() {
                break field;
            }
        };
        records.key(&[field, Field::IpSaddr]);
    }
    for kind in [SetKind::Set, SetKind::Map, SetKind::Object] {
        records.set(kind, 0);
    }
    records.sets[2].object = ObjectKind::Counter as u8;
    for chain in 0..chains {
        records.set(SetKind::Verdict, 0);
        let set = records.sets.last_mut().unwrap();
        let later = chain + 1..chains;
        if !later.is_empty() {
            set.first_target = records.targets.len() as u32;
            set.target_count = later.len() as u32;
        }
        records.targets.extend(later.map(|chain| Target {
            handle: u64::from(chain) + 1,
            chain,
            reserved: 0,
        }));
    }
    records.states.push(State {
        identity: 1,
        kind: StateKind::Last as u8,
        ..State::default()
    });
    records.objects.push(Object {
        identity: 1,
        kind: ObjectKind::Counter as u8,
        family: 1,
        ..Object::default()
    });
    records.logs.push(Log::default());
    for _ in 0..6 {
        let expr = any_expr(rng);
        records.expr(expr);
        let statement = any_statement(rng);
        records.statement(statement);
    }
}

/// An expression of any kind.
fn any_expr(rng: &mut Rng) -> Expr {
    let bits = rng.u16(1..=128);
    let plain = Expr {
        bits,
        ..Expr::default()
    };
    let kind = *rng.choice(ExprKind::ALL).unwrap();
    let expr = match kind {
        ExprKind::Payload => Expr {
            key: rng.u8(..4),
            offset: rng.u32(..300),
            ..plain
        },
        ExprKind::Exthdr => {
            let (key, op) = *rng
                .choice([
                    (0, 0),
                    (0, 44),
                    (1, 2),
                    (1, 8),
                    (2, 148),
                    (2, 7),
                    (3, 1),
                    (4, 40),
                ])
                .as_ref()
                .unwrap();
            let presence = u8::from(key == 4 || rng.bool());
            Expr {
                key,
                op,
                flags: presence,
                offset: rng.u32(..64),
                ..plain
            }
        }
        ExprKind::Inner => Expr {
            key: rng.u8(1..5),
            op: ExprKind::Payload as u8,
            a: *rng.choice([0, 1, 2, 4]).as_ref().unwrap(),
            offset: rng.u32(..200),
            ..plain
        },
        ExprKind::Numgen => Expr {
            key: 1,
            a: rng.u32(1..9),
            bits: 32,
            ..plain
        },
        ExprKind::Jhash => Expr {
            a: rng.u32(..9),
            c: rng.u32(..),
            bits: 32,
            ..plain
        },
        ExprKind::Symhash => Expr {
            a: rng.u32(1..9),
            bits: 32,
            ..plain
        },
        ExprKind::Constant => Expr {
            d: rng.u32(..2),
            ..plain
        },
        ExprKind::Meta => Expr {
            key: MetaKey::Skuid as u8,
            ..plain
        },
        ExprKind::Fib => Expr {
            key: 1,
            a: 1,
            ..plain
        },
        ExprKind::Xfrm => Expr {
            key: 1,
            flags: 2,
            ..plain
        },
        ExprKind::Ct | ExprKind::Socket | ExprKind::Rt => plain,
    };
    Expr {
        kind: kind as u8,
        ..expr
    }
}

/// A statement of any kind.
fn any_statement(rng: &mut Rng) -> Statement {
    let kind = *rng.choice(StatementKind::ALL).unwrap();
    let none = Statement {
        kind: kind as u8,
        field: NO_FIELD,
        ..Statement::default()
    };
    let field = *rng
        .choice([Field::Reg0, Field::MetaMark, Field::IpTtl])
        .as_ref()
        .unwrap() as u8;
    match kind {
        StatementKind::Object if rng.bool() => Statement {
            flags: STATEMENT_BY_MAP,
            a: 2,
            b: rng.u32(..2),
            ..none
        },
        StatementKind::State
        | StatementKind::Object
        | StatementKind::Notrack
        | StatementKind::Log => none,
        StatementKind::SetMeta => Statement {
            key: MetaKey::Mark as u8,
            field,
            ..none
        },
        StatementKind::SetCt => Statement {
            key: CtKey::Mark as u8,
            field,
            ..none
        },
        StatementKind::SetPayload => Statement {
            key: rng.u8(..4),
            flags: rng.u8(..4) & 2,
            a: rng.u32(..300),
            b: rng.u32(1..=128),
            field,
            ..none
        },
        StatementKind::SetTcpOption => Statement {
            key: 2,
            a: 16,
            b: 16,
            field,
            ..none
        },
        StatementKind::ResetTcpOption => Statement {
            key: rng.u8(..9),
            ..none
        },
        StatementKind::Dup => Statement {
            key: 2,
            b: NO_FIELD.into(),
            field,
            ..none
        },
        StatementKind::UpdateSet => Statement {
            key: rng.u8(..3),
            b: rng.u32(..2),
            ..none
        },
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
    let at = rng.usize(..records.words.len().max(1));
    match rng.u32(..12) {
        9 | 10 if records.words.is_empty() => {}
        9 => records.words[at] = number,
        10 => records.words[at] ^= 1 << rng.u32(..32),
        11 => {
            if let Some(classifier) = records.classifiers.first_mut() {
                classifier.roots[0] = number;
                classifier.node_words = rng.u32(..4) * 8;
            }
        }
        0 => target.target = number,
        1 => target.a = number,
        2 => target.b = number,
        3 => target.opcode = rng.u8(..28),
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
                let (a, b) = (56 + rng.usize(..22) * 8, 56 + rng.usize(..22) * 8);
                (0..8).for_each(|n| bytes.swap(a + n, b + n));
            }
            3 => bytes.extend(0_u64.as_bytes()),
            _ => bytes[rng.usize(..len)] ^= 1 << rng.u32(..8),
        }
    }
    Image::from_bytes(&bytes)
}
