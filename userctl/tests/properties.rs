// SPDX-License-Identifier: GPL-2.0
//! Random rulesets: listing is a fixed point, programs verify and give their ruleset back, and a
//! program does to a packet what its rules, read from top to bottom, say.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ferrule_engine::{FieldSet, Key, Packet};
use ferrule_uapi::field::{Field, FIRST_WIDE};
use ferrule_uapi::hook::{Family, Verdict as Fate};
use proptest::prelude::*;
use userctl::compile::{compile, Options};
use userctl::image::Image;
use userctl::lang::{self, Entry};
use userctl::listing;
use userctl::ruleset::expr::{BitOp, Expr, Select, Source};
use userctl::ruleset::statement::Require;
use userctl::ruleset::{
    Chain, Layer, Match, NoEnvironment, Op, Ruleset, Selector, Statement, Table, Test, Verdict,
    SELECTORS,
};
use userctl::source::SourceMap;

/// A packet out of bytes, and what was done to it.
#[derive(Clone, Debug)]
struct Frame {
    family: Family,
    bytes: Vec<u8>,
    mark: u32,
    iif: u32,
    counts: BTreeMap<u32, u32>,
}

impl Packet for Frame {
    fn family(&self) -> Family {
        self.family
    }
    fn len(&self) -> u32 {
        self.bytes.len() as u32
    }
    fn head(&self) -> &[u8] {
        &self.bytes
    }
    fn copy(&self, offset: u32, to: &mut [u8]) -> bool {
        let from = self
            .bytes
            .get(offset as usize..)
            .and_then(|rest| rest.get(..to.len()));
        from.map(|from| to.copy_from_slice(from)).is_some()
    }
    fn protocol(&self) -> u16 {
        if self.family == Family::Ip {
            0x0800
        } else {
            0x86dd
        }
    }
    fn pkttype(&self) -> u8 {
        0
    }
    fn iif(&self) -> u32 {
        self.iif
    }
    fn oif(&self) -> u32 {
        0
    }
    fn iifname(&self) -> [u8; 16] {
        let mut name = [0; 16];
        name[..4].copy_from_slice(b"eth0");
        name[3] += self.iif as u8;
        name
    }
    fn oifname(&self) -> [u8; 16] {
        [0; 16]
    }
    fn mark(&self) -> u32 {
        self.mark
    }
    fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }
    fn count(&mut self, counter: u32) {
        *self.counts.entry(counter).or_default() += 1;
    }
}

/// A small number mostly, so that rules and packets meet.
fn number() -> impl Strategy<Value = u128> {
    prop_oneof![4 => 0_u128..4, 1 => Just(6_u128), 1 => Just(17), 1 => any::<u128>()]
}

/// The text of a comparison.
fn comparison() -> impl Strategy<Value = String> {
    // What the key has: that is what is worked out here too.
    let fields: Vec<&Selector> = SELECTORS
        .iter()
        .filter(|row| matches!(row.source, Source::Field(_)))
        .collect();
    let selector = prop::sample::select(fields);
    let values = prop::collection::vec((number(), number()), 1..5);
    (selector, 0..8_u8, values).prop_map(|(selector, form, values)| {
        let text = |value: u128| {
            let mut text = String::new();
            let value = named(selector, value);
            selector.datatype.write(value, true, &mut text);
            text
        };
        let range = |&(a, b): &(u128, u128)| {
            let (a, b) = (named(selector, a), named(selector, b));
            let (lo, hi) = (text(a.min(b)), text(a.max(b)));
            if lo == hi || lo.starts_with('"') {
                lo
            } else {
                format!("{lo}-{hi}")
            }
        };
        let name = format!("{} {}", selector.protocol, selector.name);
        let (a, b) = values[0];
        let set: Vec<_> = values.iter().map(range).collect();
        match form {
            0 => format!("{name} {}", text(a)),
            1 => format!("{name} != {}", text(a)),
            2 => format!("{name} < {}", text(a)),
            3 => format!("{name} >= {}", text(a)),
            4 if selector.bits <= 64 => format!("{name} & {} == {}", text(b), text(a)),
            5 => format!("{name} != {}", range(&(a, b))),
            6 => format!("{name} != {{ {} }}", set.join(", ")),
            _ => format!("{name} {{ {} }}", set.join(", ")),
        }
    })
}

/// A value that can be written for this selector. Names of interfaces are `eth0` to `eth3`.
fn named(selector: &Selector, value: u128) -> u128 {
    match selector.bits {
        128 if matches!(selector.layer, Layer::Meta) => {
            u128::from_be_bytes(*b"eth0\0\0\0\0\0\0\0\0\0\0\0\0") + ((value % 4) << 96)
        }
        128 => value,
        bits => value % (1 << bits),
    }
}

/// A rule as text; `jump` is where it may jump to.
fn rule(jump: &'static str) -> impl Strategy<Value = String> {
    let verdicts = prop_oneof![
        3 => Just(""), 2 => Just("accept"), 2 => Just("drop"), 1 => Just("return"),
        1 => Just("continue"), 2 => Just(jump),
    ];
    let sides = prop_oneof![
        3 => Just(""), 3 => Just("counter"), 1 => Just("meta mark set 2 counter"),
        1 => Just("counter packets 3 bytes 4 meta mark set mark xor 1"),
    ];
    (prop::collection::vec(comparison(), 0..3), sides, verdicts).prop_map(|(matches, side, end)| {
        let words: Vec<_> = matches
            .iter()
            .map(String::as_str)
            .chain([side, end])
            .filter(|w| !w.is_empty())
            .collect();
        words.join(" ")
    })
}

/// A ruleset out of those of the rules that nft's checks let pass.
fn ruleset() -> impl Strategy<Value = Ruleset> {
    let family = prop_oneof![Just("ip"), Just("ip6"), Just("inet")];
    let rules = |jump| prop::collection::vec(rule(jump), 1..24);
    (family, any::<bool>(), rules("jump a"), rules("goto b"), rules("")).prop_map(
        |(family, drop, base, a, b)| {
            let policy = if drop { "drop" } else { "accept" };
            let mut text = format!(
                "add table {family} t\nadd chain {family} t c {{ type filter hook input priority 0; \
                 policy {policy}; }}\nadd chain {family} t a\nadd chain {family} t b\n"
            );
            let mut ruleset = apply(&Ruleset::default(), &text).expect("chains");
            for (chain, rules) in [("c", base), ("a", a), ("b", b)] {
                for rule in rules {
                    text.clear();
                    let _ = writeln!(text, "add rule {family} t {chain} {rule}");
                    ruleset = apply(&ruleset, &text).unwrap_or(ruleset);
                }
            }
            ruleset
        },
    )
}

fn apply(ruleset: &Ruleset, text: &str) -> Option<Ruleset> {
    let mut sources = SourceMap::new();
    let script = lang::parse(
        &mut sources,
        Entry::Text {
            name: "random",
            text,
        },
    )
    .ok()?;
    ruleset.apply(&script, &sources, &NoEnvironment).ok()
}

fn frame() -> impl Strategy<Value = Frame> {
    let bytes = prop::collection::vec(prop_oneof![3 => 0_u8..4, 1 => any::<u8>()], 20..80);
    let protocol = prop_oneof![Just(6_u8), Just(17), Just(1), Just(58), any::<u8>()];
    (any::<bool>(), bytes, protocol, 0..3_u32, 0..4_u32).prop_map(
        |(v4, mut bytes, protocol, mark, iif)| {
            bytes.resize(bytes.len().max(if v4 { 20 } else { 40 }), 0);
            if v4 {
                bytes[0] = 0x45;
                bytes[6] &= 0x40;
                bytes[7] = 0;
                bytes[9] = protocol;
            } else {
                bytes[0] = 0x60;
                bytes[6] = protocol;
            }
            let family = if v4 { Family::Ip } else { Family::Ip6 };
            Frame {
                family,
                bytes,
                mark,
                iif,
                counts: BTreeMap::new(),
            }
        },
    )
}

/// The rules read one after another: what the compiler must not change.
struct Reading<'a> {
    table: &'a Table,
    key: Key,
    mark: u32,
    counts: BTreeMap<u64, u32>,
}

impl Reading<'_> {
    fn field(&self, field: Field) -> Option<u128> {
        if field == Field::MetaMark {
            return Some(self.mark.into());
        }
        let field = field as u8;
        if field < FIRST_WIDE {
            return self.key.get(field).map(u128::from);
        }
        self.key
            .get_wide(field)
            .map(|wide| u128::from(wide.hi) << 64 | u128::from(wide.lo))
    }

    /// What the generated rules have: fields, constants and bits of them.
    fn value(&self, expr: &Expr) -> Option<u128> {
        match expr {
            Expr::Select(Select {
                source: Source::Field(field),
                ..
            }) => self.field(*field),
            Expr::Constant(constant) => Some(constant.value),
            Expr::Bitwise { op, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Some(match op {
                    BitOp::And => left & right,
                    BitOp::Or => left | right,
                    BitOp::Xor => left ^ right,
                })
            }
            other => panic!("no rule here has {other:?}"),
        }
    }

    fn asked(&self, require: &Require) -> bool {
        let Source::Field(field) = require.source else {
            panic!("no rule here loads anything");
        };
        let value = self.field(field);
        value.is_some_and(|value| require.values.contains(&(value & require.mask)))
    }

    fn holds(&self, matched: &Match) -> bool {
        let Some(value) = self.value(&matched.left) else {
            return false;
        };
        match &matched.test {
            Test::Compare {
                mask,
                op,
                value: other,
                ..
            } => {
                let order = (value & mask).cmp(other);
                match op {
                    Op::Eq => order.is_eq(),
                    Op::Ne => order.is_ne(),
                    Op::Lt => order.is_lt(),
                    Op::Le => order.is_le(),
                    Op::Gt => order.is_gt(),
                    Op::Ge => order.is_ge(),
                }
            }
            Test::Range {
                mask,
                negate,
                lo,
                hi,
            } => (*lo..=*hi).contains(&(value & mask)) != *negate,
            Test::Set {
                mask,
                negate,
                ranges,
            } => {
                ranges
                    .iter()
                    .any(|(lo, hi)| (*lo..=*hi).contains(&(value & mask)))
                    != *negate
            }
            other => panic!("no rule here has {other:?}"),
        }
    }

    fn count(&mut self, identity: u64) {
        *self.counts.entry(identity).or_default() += 1;
    }

    /// `None`: the end was reached, or `return`.
    fn chain(&mut self, chain: &Chain) -> Option<Fate> {
        'rules: for rule in &chain.rules {
            let mut counters = 0;
            // What a `counter` just before it counts, a drop need not count.
            let mut counted = false;
            for statement in &rule.statements {
                match statement {
                    Statement::Require(require) => {
                        if !self.asked(require) {
                            continue 'rules;
                        }
                    }
                    Statement::Match(matched) => {
                        if !self.holds(matched) {
                            continue 'rules;
                        }
                    }
                    Statement::Counter(_) => {
                        self.count(rule.counter_identity(counters));
                        counters += 1;
                    }
                    Statement::Set(set) => {
                        let mark = self.value(&set.value).expect("a mark is always there");
                        self.mark = mark as u32;
                    }
                    Statement::Verdict(verdict) => match verdict {
                        Verdict::Accept => return Some(Fate::Accept),
                        Verdict::Drop => {
                            if !counted {
                                self.count(rule.handle << 8 | 0xff);
                            }
                            return Some(Fate::Drop);
                        }
                        Verdict::Continue => {}
                        Verdict::Return => return None,
                        Verdict::Jump(name) => {
                            if let Some(fate) = self.chain(find(self.table, name)) {
                                return Some(fate);
                            }
                        }
                        Verdict::Goto(name) => return self.chain(find(self.table, name)),
                    },
                    other => panic!("no rule here has {other:?}"),
                }
                counted = matches!(statement, Statement::Counter(_));
            }
        }
        None
    }
}

fn find<'a>(table: &'a Table, name: &str) -> &'a Chain {
    table
        .chains
        .iter()
        .find(|chain| &*chain.name == name)
        .expect("the chain exists")
}

/// Verdict, mark, and counters that are not zero, by identity.
type Effect = (Fate, u32, BTreeMap<u64, u32>);

fn read(ruleset: &Ruleset, frame: &Frame) -> Effect {
    let table = &ruleset.tables()[0];
    let base = find(table, "c");
    let key = Key::parse(frame, FieldSet::ALL);
    let mut reading = Reading {
        table,
        key,
        mark: frame.mark,
        counts: BTreeMap::new(),
    };
    let policy = base.base.expect("a base chain").policy;
    let fate = reading.chain(base).unwrap_or_else(|| {
        if policy == Fate::Drop {
            reading.count(base.handle << 8 | 0xfe);
        }
        policy
    });
    (fate, reading.mark, reading.counts)
}

fn run(ruleset: &Ruleset, optimise: bool, frame: &Frame) -> Effect {
    let compiled = compile(ruleset, &Options::optimising(optimise)).expect("it compiles");
    let program = Image::new(compiled.bytes()).verify().expect("it verifies");
    let view = program.view();
    let mut frame = frame.clone();
    let mut key = Key::parse(&frame, program.fields());
    let outcome = view.run(&view.base_chains()[0], &mut key, &mut frame);
    let identity =
        |(index, count): (&u32, &u32)| (view.counters()[*index as usize].identity, *count);
    (
        outcome.verdict,
        frame.mark,
        frame.counts.iter().map(identity).collect(),
    )
}

/// Rule text that is almost right: an example with pieces of it moved, doubled and removed.
fn mangled() -> impl Strategy<Value = String> {
    const TEXT: &str = include_str!("../examples/router.nft");
    let edits = prop::collection::vec((any::<usize>(), any::<usize>(), 0..24_usize), 1..8);
    edits.prop_map(|edits| {
        let mut text: Vec<char> = TEXT.chars().collect();
        for (from, to, len) in edits {
            let from = from % text.len();
            let piece: Vec<char> = text[from..].iter().copied().take(len).collect();
            if from % 2 == 0 {
                text.drain(from..from + piece.len());
            }
            let to = to % (text.len() + 1);
            text.splice(to..to, piece);
        }
        text.into_iter().collect()
    })
}

fn survives(text: &str) {
    let mut sources = SourceMap::new();
    let result = lang::parse(
        &mut sources,
        Entry::Text {
            name: "random",
            text,
        },
    )
    .and_then(|script| Ruleset::default().apply(&script, &sources, &NoEnvironment));
    match result {
        Ok(ruleset) => {
            let compiled = compile(&ruleset, &Options::default()).expect("it compiles");
            Image::new(compiled.bytes()).verify().expect("it verifies");
        }
        Err(refusal) => assert!(refusal.render(&sources, false).contains("error: ")),
    }
}

/// The ruleset that its program gives back.
fn restored(ruleset: &Ruleset) -> Ruleset {
    let compiled = compile(ruleset, &Options::default()).expect("it compiles");
    let program = Image::new(compiled.bytes()).verify().expect("it verifies");
    let back = Ruleset::from_program(&program.view(), &mut SourceMap::new());
    back.expect("the source is a listing")
}

proptest! {
    #[test]
    fn any_text_is_accepted_or_refused_and_nothing_else(text in mangled(), noise in ".{0,80}") {
        survives(&text);
        survives(&noise);
        survives(&format!("table t {{\n chain c {{\n {noise}\n }}\n}}\n"));
    }
    #[test]
    fn a_listing_read_again_is_listed_the_same(ruleset in ruleset()) {
        let text = listing::to_text(&ruleset, &listing::Options::default());
        let again = apply(&Ruleset::default(), &text);
        prop_assert!(again.is_some(), "the listing is refused:\n{text}");
        let second = again.map(|again| listing::to_text(&again, &listing::Options::default()));
        prop_assert_eq!(Some(text), second);
    }

    #[test]
    fn a_program_gives_back_the_ruleset_it_was_made_of(ruleset in ruleset()) {
        // But for what nft does not list, because the rest implies it.
        let back = restored(&ruleset);
        let options = listing::Options { handles: true, ..listing::Options::default() };
        prop_assert_eq!(
            listing::to_text(&back, &options),
            listing::to_text(&ruleset, &options)
        );
        prop_assert_eq!(back.next_handle(), ruleset.next_handle());
        let again = restored(&back);
        prop_assert_eq!(again.tables(), back.tables());
    }

    #[test]
    fn a_program_does_what_its_rules_say_optimised_or_not(
        ruleset in ruleset(),
        frames in prop::collection::vec(frame(), 1..24),
    ) {
        let sees = ruleset.tables()[0].family.bits();
        for frame in frames.iter().filter(|frame| frame.family.bits() & sees != 0) {
            let expected = read(&ruleset, frame);
            let listing = listing::to_text(&ruleset, &listing::Options::default());
            prop_assert_eq!(&run(&ruleset, false, frame), &expected, "unoptimised: {}", listing);
            prop_assert_eq!(&run(&ruleset, true, frame), &expected, "optimised: {}", listing);
        }
    }
}
