// SPDX-License-Identifier: GPL-2.0
//! Programs from typed records: what the compiler's last stage does, in its plainest form.

use ferrule_engine::Storage;
use ferrule_uapi::{
    classifier::Classifier,
    expr::Expr,
    field::Field,
    hook::{ChainType, Family, Hook, Verdict},
    insn::{Insn, Opcode, FLAG_NEGATE},
    program::{
        BaseChain, Chain, Counter, Header, Initial, Origin, Range32, RangeWide, Rule, Section,
        Table, TableKind, Text, Wide, MAGIC, SECTION_ALIGN,
    },
    set::{Key, KeyPart, Set, SetKind, Target, SET_ANONYMOUS},
    statement::{Log, Object, State, Statement, StatementKind, NO_FIELD},
    ABI_VERSION, NONE,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The bytes of a program, aligned.
#[derive(Clone, Debug)]
pub struct Image {
    words: Vec<u64>,
    len: usize,
}

impl Image {
    /// A copy of the bytes at an aligned address.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        let len = bytes.len();
        Image { words, len }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.words.as_bytes()[..self.len]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.words.as_mut_bytes()[..self.len]
    }

    /// Changes the header.
    pub fn header(&mut self) -> &mut Header {
        Header::mut_from_prefix(self.bytes_mut()).unwrap().0
    }
}

impl Storage for Image {
    fn bytes(&self) -> &[u8] {
        Image::bytes(self)
    }
}

/// The records of a program, section by section.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub insns: Vec<Insn>,
    pub ranges32: Vec<Range32>,
    pub wide_pairs: Vec<RangeWide>,
    pub tables: Vec<Table>,
    pub chains: Vec<Chain>,
    pub base_chains: Vec<BaseChain>,
    pub rules: Vec<Rule>,
    pub counters: Vec<Counter>,
    pub strings: Vec<u8>,
    pub source: Vec<u8>,
    pub exprs: Vec<Expr>,
    pub keys: Vec<Key>,
    pub sets: Vec<Set>,
    pub targets: Vec<Target>,
    pub statements: Vec<Statement>,
    pub states: Vec<State>,
    pub objects: Vec<Object>,
    pub logs: Vec<Log>,
    pub classifiers: Vec<Classifier>,
    pub words: Vec<u32>,
    pub origins: Vec<Origin>,
    pub initials: Vec<Initial>,
}

impl Records {
    /// A program of these chains. The first is hooked in at input, policy accept; rule 0, 1 and 2 and
    /// counters 0, 1 and 2 exist.
    pub fn of(chains: &[&[Insn]]) -> Self {
        let mut records = Records::default();
        for insns in chains {
            records.chain(insns);
        }
        records.base(0, Verdict::Accept, NONE);
        for n in 0..3 {
            records.rules.push(Rule {
                handle: n + 1,
                ..Rule::default()
            });
            records.counters.push(Counter {
                identity: n + 1,
                ..Counter::default()
            });
        }
        records
    }

    /// Adds a chain.
    pub fn chain(&mut self, insns: &[Insn]) {
        self.chains.push(Chain {
            handle: self.chains.len() as u64 + 1,
            first_insn: self.insns.len() as u32,
            insn_count: insns.len() as u32,
            family: Family::Inet as u8,
            ..Chain::default()
        });
        self.insns.extend(insns);
    }

    /// Hooks a chain in at input.
    pub fn base(&mut self, chain: u32, policy: Verdict, counter: u32) {
        self.base_chains.push(BaseChain {
            chain,
            priority: 0,
            hook: Hook::LocalIn as u8,
            families: Family::Inet.bits(),
            policy: policy as u8,
            kind: ChainType::Filter as u8,
            counter,
        });
    }

    /// Adds a table of narrow ranges.
    pub fn table32(&mut self, ranges: &[(u32, u32)]) {
        let first = self.ranges32.len() as u32;
        let ranges = ranges.iter().map(|(lo, hi)| Range32 { lo: *lo, hi: *hi });
        self.ranges32.extend(ranges);
        let count = self.ranges32.len() as u32 - first;
        self.tables.push(table(TableKind::Ranges32, first, count));
    }

    /// Adds a table of wide ranges.
    pub fn table_wide(&mut self, ranges: &[(u128, u128)]) {
        let first = self.wide_pairs.len() as u32;
        self.wide_pairs
            .extend(ranges.iter().map(|(lo, hi)| pair(*lo, *hi)));
        let count = self.wide_pairs.len() as u32 - first;
        self.tables.push(table(TableKind::RangesWide, first, count));
    }

    /// Adds an expression; returns its index.
    pub fn expr(&mut self, expr: Expr) -> u32 {
        self.exprs.push(expr);
        self.exprs.len() as u32 - 1
    }

    /// Adds a statement; returns its index.
    pub fn statement(&mut self, statement: Statement) -> u32 {
        self.statements.push(statement);
        self.statements.len() as u32 - 1
    }

    /// Adds a key of these fields, each as long as it is; returns its index.
    pub fn key(&mut self, fields: &[Field]) -> u32 {
        let mut key = Key {
            count: fields.len() as u8,
            ..Key::default()
        };
        for (part, field) in key.parts.iter_mut().zip(fields) {
            let len = if field.is_wide() { 16 } else { 4 };
            *part = KeyPart {
                field: *field as u8,
                len,
            };
            key.len += len;
        }
        self.keys.push(key);
        self.keys.len() as u32 - 1
    }

    /// Adds an anonymous set that key `key` fits; returns its index.
    pub fn set(&mut self, kind: SetKind, key: u32) -> u32 {
        let shape = self.keys[key as usize];
        let mut set = Set {
            identity: self.sets.len() as u64 + 1,
            flags: SET_ANONYMOUS,
            family: Family::Inet as u8,
            kind: kind as u8,
            key_len: shape.len,
            parts: shape.count,
            data_len: if kind == SetKind::Map { 4 } else { 0 },
            ..Set::default()
        };
        for (len, part) in set.part_lens.iter_mut().zip(shape.parts) {
            *len = part.len;
        }
        self.sets.push(set);
        self.sets.len() as u32 - 1
    }

    /// Lets elements of the set that was added last lead to these chains, which ascend.
    pub fn lead_to(&mut self, chains: &[u32]) {
        let first_target = self.targets.len() as u32;
        for chain in chains {
            self.targets.push(Target {
                handle: self.chains[*chain as usize].handle,
                chain: *chain,
                reserved: 0,
            });
        }
        let set = self.sets.last_mut().unwrap();
        set.first_target = first_target;
        set.target_count = chains.len() as u32;
    }

    /// Lays the sections out.
    pub fn build(&self) -> Image {
        let contents = self.contents();
        let mut bytes = vec![0; size_of::<Header>()];
        let mut header = Header {
            magic: MAGIC,
            version: ABI_VERSION,
            next_handle: 1,
            ..Header::default()
        };
        for (content, section) in contents.iter().zip(&mut header.sections) {
            bytes.resize(bytes.len().next_multiple_of(SECTION_ALIGN as usize), 0);
            *section = Section {
                offset: bytes.len() as u32,
                size: content.len() as u32,
            };
            bytes.extend(content);
        }
        header.size = bytes.len() as u32;
        bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
        Image::from_bytes(&bytes)
    }

    /// The bytes of each section, in order.
    pub fn contents(&self) -> [Vec<u8>; 22] {
        fn bytes<T: IntoBytes + Immutable>(records: &[T]) -> Vec<u8> {
            records.as_bytes().to_vec()
        }
        [
            bytes(&self.insns),
            bytes(&self.ranges32),
            bytes(&self.wide_pairs),
            bytes(&self.tables),
            bytes(&self.chains),
            bytes(&self.base_chains),
            bytes(&self.rules),
            bytes(&self.counters),
            self.strings.clone(),
            self.source.clone(),
            bytes(&self.exprs),
            bytes(&self.keys),
            bytes(&self.sets),
            bytes(&self.targets),
            bytes(&self.statements),
            bytes(&self.states),
            bytes(&self.objects),
            bytes(&self.logs),
            bytes(&self.classifiers),
            bytes(&self.words),
            bytes(&self.origins),
            bytes(&self.initials),
        ]
    }
}

pub fn table(kind: TableKind, first: u32, count: u32) -> Table {
    Table {
        kind: kind as u8,
        reserved: [0; 3],
        first,
        count,
    }
}

pub fn wide(number: u128) -> Wide {
    Wide {
        hi: (number >> 64) as u64,
        lo: number as u64,
    }
}

pub fn pair(lo: u128, hi: u128) -> RangeWide {
    RangeWide {
        lo: wide(lo),
        hi: wide(hi),
    }
}

pub fn text(offset: u32, len: u32) -> Text {
    Text { offset, len }
}

/// An instruction.
pub fn insn(opcode: Opcode, field: u8, target: u32, a: u32, b: u32) -> Insn {
    Insn {
        opcode: opcode as u8,
        field,
        flags: 0,
        target,
        a,
        b,
    }
}

/// A match or lookup.
pub fn matches(opcode: Opcode, field: Field, target: u32, a: u32, b: u32) -> Insn {
    insn(opcode, field as u8, target, a, b)
}

/// The same match, negated.
pub fn not(insn: Insn) -> Insn {
    Insn {
        flags: FLAG_NEGATE,
        ..insn
    }
}

pub fn accept(rule: u32) -> Insn {
    insn(Opcode::Accept, 0, 0, rule, NONE)
}

pub fn drop(rule: u32) -> Insn {
    insn(Opcode::Drop, 0, 0, rule, NONE)
}

pub fn count(counter: u32) -> Insn {
    insn(Opcode::Count, 0, 0, counter, 0)
}

pub fn set_mark(mask: u32, xor: u32) -> Insn {
    insn(Opcode::SetMark, 0, 0, mask, xor)
}

pub fn call(target: u32) -> Insn {
    insn(Opcode::Call, 0, target, 0, 0)
}

pub fn goto(target: u32) -> Insn {
    insn(Opcode::Goto, 0, target, 0, 0)
}

/// The return at the end of a chain.
pub fn end() -> Insn {
    insn(Opcode::Return, 0, 0, NONE, 0)
}

/// A statement of this kind without a source.
pub fn statement(kind: StatementKind) -> Statement {
    Statement {
        kind: kind as u8,
        field: NO_FIELD,
        ..Statement::default()
    }
}
