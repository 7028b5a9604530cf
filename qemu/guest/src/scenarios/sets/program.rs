// SPDX-License-Identifier: GPL-2.0
//! Programs and batches put together by hand: what these scenarios prove is the module's alone, and needs no
//! compiler.
//!
//! A program has one base chain, at one hook, of the rules that are added, and sets whose keys are UDP
//! destination ports.

use ferrule_uapi::{
    field::Field,
    hook::{ChainType, Family, Hook, Verdict},
    insn::{Insn, Opcode, FLAG_NEGATE},
    program::{
        BaseChain, Chain, Counter, Header, Rule, Section, SectionId, Text, MAGIC, SECTION_ALIGN,
    },
    set::{BatchHeader, Key, KeyPart, Set, SetKind, SetOp, SetOpKind, Target, BATCH_MAGIC},
    statement::{Log, State, Statement, STATE_TEMPLATE},
    ABI_VERSION, NONE,
};
use zerocopy::{Immutable, IntoBytes};

/// What a rule is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The port is in this set.
    In(u32),
    /// The port is not in this set.
    NotIn(u32),
    /// Runs this statement.
    Do(u32),
    /// Counts.
    Count(u32),
    /// Does what a verdict map says.
    Follow(u32),
    /// Drops.
    Drop,
}

/// The handle of the chain that verdict maps may lead to, which drops.
pub(super) const ELSEWHERE: u64 = 99;

/// A program that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Build {
    insns: Vec<Insn>,
    two_parts: bool,
    rules: Vec<Rule>,
    counters: Vec<Counter>,
    strings: Vec<u8>,
    pub(super) sets: Vec<Set>,
    pub(super) statements: Vec<Statement>,
    pub(super) states: Vec<State>,
    pub(super) logs: Vec<Log>,
}

impl Build {
    /// Adds a set; its index. Its identity is the index and 1, `<< 8`.
    pub(super) fn set(&mut self, name: &str, kind: SetKind, flags: u32) -> u32 {
        let index = self.sets.len() as u32;
        let mut set = Set {
            identity: identity(index),
            table: self.text("t"),
            name: self.text(name),
            flags,
            family: Family::Inet as u8,
            kind: kind as u8,
            key_len: 4,
            parts: 1,
            shape: 1,
            ..Set::default()
        };
        set.part_lens[0] = 4;
        if kind == SetKind::Verdict {
            set.target_count = 1;
        }
        self.sets.push(set);
        index
    }

    /// A map to data of this many bytes; gives its index.
    pub(super) fn map(&mut self, name: &str, data_len: u8) -> u32 {
        let index = self.set(name, SetKind::Map, 0);
        self.sets[index as usize].data_len = data_len;
        index
    }

    /// Lets a set have so many elements at most.
    pub(super) fn size(&mut self, set: u32, size: u32) {
        self.sets[set as usize].size = size;
    }

    /// Makes the keys of all sets two parts: the destination port, and then the source port.
    pub(super) fn concatenate(&mut self) {
        self.two_parts = true;
        for set in &mut self.sets {
            (set.key_len, set.parts) = (8, 2);
            set.part_lens[1] = 4;
        }
    }

    /// Gives each element of the last set a state.
    pub(super) fn template(&mut self, state: State) {
        let owner = self.sets.len() as u32 - 1;
        let index = self.states.len() as u32;
        self.states.push(State {
            identity: u64::from(index) + 1,
            flags: state.flags | STATE_TEMPLATE,
            owner,
            ..state
        });
        if let Some(set) = self.sets.last_mut() {
            (set.first_state, set.state_count) = (index, 1);
        }
    }

    /// Adds a statement; its index.
    pub(super) fn statement(&mut self, statement: Statement) -> u32 {
        self.statements.push(statement);
        self.statements.len() as u32 - 1
    }

    /// Adds a counter; its index.
    pub(super) fn counter(&mut self) -> u32 {
        let index = self.counters.len() as u32;
        self.counters.push(Counter {
            identity: u64::from(index) + 1,
            ..Counter::default()
        });
        index
    }

    fn text(&mut self, text: &str) -> Text {
        let offset = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        let len = text.len() as u32;
        Text { offset, len }
    }

    /// Adds a rule.
    pub(super) fn rule(&mut self, steps: &[Step]) {
        let rule = self.rules.len() as u32;
        let extra = steps.iter().filter(|step| matches!(step, Step::Follow(_)));
        let end = (self.insns.len() + steps.len() + extra.count()) as u32;
        for step in steps {
            let (opcode, flags, target, a, b) = match *step {
                Step::In(set) => (Opcode::LookupSet, 0, end, set, 0),
                Step::NotIn(set) => (Opcode::LookupSet, FLAG_NEGATE, end, set, 0),
                Step::Do(statement) => (Opcode::Do, 0, end, statement, rule),
                Step::Count(counter) => (Opcode::Count, 0, 0, counter, 0),
                Step::Follow(map) => (Opcode::LookupVerdict, 0, end, map, 0),
                Step::Drop => (Opcode::Drop, 0, 0, rule, NONE),
            };
            self.insns.push(insn(opcode, flags, target, a, b));
            if matches!(step, Step::Follow(_)) {
                self.insns.push(insn(Opcode::Verdict, 0, 0, rule, NONE));
            }
        }
        self.rules.push(Rule {
            handle: u64::from(rule) + 1,
            ..Rule::default()
        });
    }

    /// The program, hooked in at `hook`.
    pub(super) fn image(&self, hook: Hook) -> Vec<u8> {
        let mut build = self.clone();
        let (table, name, other) = (build.text("t"), build.text("c"), build.text("d"));
        build.insns.push(insn(Opcode::Return, 0, 0, NONE, 0));
        let len = build.insns.len() as u32;
        let chain = |handle, name, first_insn, insn_count| Chain {
            handle,
            table,
            name,
            first_insn,
            insn_count,
            family: Family::Inet as u8,
            ..Chain::default()
        };
        let mut chains = vec![chain(98, name, 0, len)];
        let mut targets = Vec::new();
        if build.sets.iter().any(|set| set.target_count != 0) {
            chains.push(chain(ELSEWHERE, other, len, 1));
            let rule = build.rules.len() as u32;
            build.insns.push(insn(Opcode::Drop, 0, 0, rule, NONE));
            build.rules.push(Rule {
                handle: u64::from(rule) + 1,
                first_insn: len,
                ..Rule::default()
            });
            targets.push(Target {
                handle: ELSEWHERE,
                chain: 1,
                reserved: 0,
            });
        }
        let base = BaseChain {
            chain: 0,
            priority: 0,
            hook: hook as u8,
            families: Family::Inet.bits(),
            policy: Verdict::Accept as u8,
            kind: ChainType::Filter as u8,
            counter: NONE,
        };
        let mut key = Key {
            count: 1,
            len: 4,
            ..Key::default()
        };
        key.parts[0] = KeyPart {
            field: Field::UdpDport as u8,
            len: 4,
        };
        if build.two_parts {
            (key.count, key.len) = (2, 8);
            key.parts[1] = KeyPart {
                field: Field::UdpSport as u8,
                len: 4,
            };
        }
        lay_out(&[
            (SectionId::Insns, bytes(&build.insns)),
            (SectionId::Chains, bytes(&chains)),
            (SectionId::BaseChains, bytes(&[base])),
            (SectionId::Rules, bytes(&build.rules)),
            (SectionId::Counters, bytes(&build.counters)),
            (SectionId::Strings, build.strings.clone()),
            (SectionId::Keys, bytes(&[key])),
            (SectionId::Sets, bytes(&build.sets)),
            (SectionId::Targets, bytes(&targets)),
            (SectionId::Statements, bytes(&build.statements)),
            (SectionId::States, bytes(&build.states)),
            (SectionId::Logs, bytes(&build.logs)),
        ])
    }
}

/// Identity of the set with this index.
pub(super) fn identity(index: u32) -> u64 {
    u64::from(index + 1) << 8
}

fn insn(opcode: Opcode, flags: u16, target: u32, a: u32, b: u32) -> Insn {
    Insn {
        opcode: opcode as u8,
        field: 0,
        flags,
        target,
        a,
        b,
    }
}

fn bytes<T: IntoBytes + Immutable>(records: &[T]) -> Vec<u8> {
    records.as_bytes().to_vec()
}

/// A program of these sections; the others are empty.
fn lay_out(contents: &[(SectionId, Vec<u8>)]) -> Vec<u8> {
    let mut image = vec![0; size_of::<Header>()];
    let mut header = Header {
        magic: MAGIC,
        version: ABI_VERSION,
        next_handle: 1000,
        ..Header::default()
    };
    for (index, section) in header.sections.iter_mut().enumerate() {
        if index >= SectionId::ALL.len() {
            break; // Those that are reserved.
        }
        image.resize(image.len().next_multiple_of(SECTION_ALIGN as usize), 0);
        let content = contents.iter().find(|(id, _)| *id as usize == index);
        let content = content.map_or(&[][..], |(_, content)| content);
        *section = Section {
            offset: image.len() as u32,
            size: content.len() as u32,
        };
        image.extend_from_slice(content);
    }
    header.size = image.len() as u32;
    image[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    image
}

/// One op of a batch, on the set with this index.
#[derive(Clone, Debug)]
pub(super) struct Change {
    op: SetOp,
    elements: Vec<u8>,
    strings: Vec<u8>,
}

impl Change {
    /// An op without elements.
    pub(super) fn all(set: u32, kind: SetOpKind) -> Self {
        let op = SetOp {
            set: identity(set),
            kind: kind as u8,
            ..SetOp::default()
        };
        Change {
            op,
            elements: Vec::new(),
            strings: Vec::new(),
        }
    }

    /// Single keys.
    pub(super) fn keys(set: u32, kind: SetOpKind, keys: impl IntoIterator<Item = u32>) -> Self {
        let keys = keys.into_iter().map(|key| key.to_be_bytes().to_vec());
        Change::all(set, kind).with(0, 4, keys)
    }

    /// Intervals.
    pub(super) fn intervals(set: u32, kind: SetOpKind, intervals: &[(u32, u32)]) -> Self {
        let intervals = intervals
            .iter()
            .map(|(from, to)| [from.to_be_bytes(), to.to_be_bytes()].concat());
        Change::all(set, kind).with(ferrule_uapi::set::CARRIES_END, 8, intervals)
    }

    /// Elements of `stride` bytes that carry this.
    pub(super) fn with(
        mut self,
        carries: u32,
        stride: u32,
        elements: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        for element in elements {
            self.elements.extend_from_slice(&element);
            self.op.count += 1;
        }
        (self.op.carries, self.op.stride) = (carries, stride);
        self
    }

    /// Strings, for comments.
    pub(super) fn strings(mut self, strings: &[u8]) -> Self {
        self.op.strings = strings.len() as u32;
        self.strings = strings.to_vec();
        self
    }

    /// Flags of the op.
    pub(super) fn flags(mut self, flags: u8) -> Self {
        self.op.flags = flags;
        self
    }
}

/// A batch of these ops.
pub(super) fn batch(changes: &[Change]) -> Vec<u8> {
    let mut body = Vec::new();
    for change in changes {
        body.resize(body.len().next_multiple_of(8), 0);
        body.extend_from_slice(change.op.as_bytes());
        body.extend_from_slice(&change.elements);
        body.extend_from_slice(&change.strings);
    }
    let header = BatchHeader {
        magic: BATCH_MAGIC,
        version: ABI_VERSION,
        size: (size_of::<BatchHeader>() + body.len()) as u64,
        ops: changes.len() as u32,
        reserved: 0,
    };
    [header.as_bytes(), &body].concat()
}
