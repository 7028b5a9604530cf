// SPDX-License-Identifier: GPL-2.0
//! Classifiers mean what the rules mean: filter sets of the corpora, and chains made to be awkward, are run
//! optimised, unoptimised, and read from top to bottom by a few lines here that know nothing of either.
//!
//! The corpora are in `$FERRULE_CORPORA`, or beside the repository; a test that has none says so.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Instant;

use ferrule_engine::{Decider, Key, Packet, Program};
use ferrule_uapi::{
    classifier::POINTER_ENTRY,
    field::Field,
    hook::{Family, Verdict},
    program::COUNTER_POLICY,
};
use userctl::compile::{compile, Options};
use userctl::image::Image;
use userctl::lang::{self, Entry};
use userctl::ruleset::{NoEnvironment, Ruleset};
use userctl::source::SourceMap;
use userctl::trees::Trees;

/// A 5-tuple filter of ClassBench.
#[derive(Clone, Copy, Debug)]
struct Filter {
    saddr: (u32, u32),
    daddr: (u32, u32),
    sport: (u32, u32),
    dport: (u32, u32),
    protocol: Option<u32>,
}

/// A packet's header.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    saddr: u32,
    daddr: u32,
    sport: u16,
    dport: u16,
    protocol: u8,
}

impl Filter {
    fn of(line: &str) -> Self {
        let mut columns = line.trim_start_matches('@').split('\t');
        let mut column = || columns.next().expect("a column");
        let (saddr, daddr) = (prefix(column()), prefix(column()));
        let (sport, dport) = (ports(column()), ports(column()));
        let (value, mask) = column().split_once('/').expect("a mask");
        let hex = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16);
        let masked = hex(mask).expect("a mask") != 0;
        Filter {
            saddr,
            daddr,
            sport,
            dport,
            protocol: masked.then(|| hex(value).expect("a protocol")),
        }
    }

    fn admits(&self, header: &Header) -> bool {
        let within = |(lo, hi): (u32, u32), value: u32| lo <= value && value <= hi;
        within(self.saddr, header.saddr)
            && within(self.daddr, header.daddr)
            && within(self.sport, header.sport.into())
            && within(self.dport, header.dport.into())
            && self
                .protocol
                .is_none_or(|protocol| protocol == u32::from(header.protocol))
    }

    /// The rule as text, without its verdict.
    fn text(&self, rule: &mut String) {
        let mut address = |side: &str, (lo, hi): (u32, u32)| {
            let len = 32 - (hi - lo + u32::from(hi - lo != u32::MAX)).max(1).ilog2();
            let len = if hi - lo == u32::MAX { 0 } else { len };
            if len > 0 {
                let _ = write!(rule, "ip {side} {}/{len} ", Ipv4Addr::from(lo));
            }
        };
        address("saddr", self.saddr);
        address("daddr", self.daddr);
        let layer = match self.protocol {
            Some(6) => "tcp",
            Some(17) => "udp",
            Some(other) => {
                let _ = write!(rule, "meta l4proto {other} ");
                "th"
            }
            None => "th",
        };
        let mut said = false;
        for (side, (lo, hi)) in [("sport", self.sport), ("dport", self.dport)] {
            said |= (lo, hi) != (0, 65535);
            match (lo, hi) {
                (0, 65535) => {}
                (lo, hi) if lo == hi => {
                    let _ = write!(rule, "{layer} {side} {lo} ");
                }
                (lo, hi) => {
                    let _ = write!(rule, "{layer} {side} {lo}-{hi} ");
                }
            }
        }
        if !said && layer != "th" {
            let _ = write!(rule, "meta l4proto {layer} ");
        }
    }
}

fn prefix(text: &str) -> (u32, u32) {
    let (address, len) = text.split_once('/').expect("a prefix");
    let address = u32::from(address.parse::<Ipv4Addr>().expect("an address"));
    let len: u32 = len.parse().expect("a length");
    let free = u32::MAX.checked_shr(len).unwrap_or(0);
    (address & !free, address | free)
}

fn ports(text: &str) -> (u32, u32) {
    let (lo, hi) = text.split_once(" : ").expect("a range");
    (lo.parse().expect("a port"), hi.parse().expect("a port"))
}

/// A packet with that header, and what was counted of it.
struct Frame {
    bytes: [u8; 40],
    mark: u32,
    counted: Vec<u32>,
}

impl Frame {
    fn of(header: &Header) -> Self {
        let mut bytes = [0; 40];
        bytes[0] = 0x45;
        bytes[9] = header.protocol;
        bytes[12..16].copy_from_slice(&header.saddr.to_be_bytes());
        bytes[16..20].copy_from_slice(&header.daddr.to_be_bytes());
        bytes[20..22].copy_from_slice(&header.sport.to_be_bytes());
        bytes[22..24].copy_from_slice(&header.dport.to_be_bytes());
        Frame {
            bytes,
            mark: 0,
            counted: Vec::new(),
        }
    }
}

impl Packet for Frame {
    fn family(&self) -> Family {
        Family::Ip
    }
    fn len(&self) -> u32 {
        self.bytes.len() as u32
    }
    fn head(&self) -> &[u8] {
        &self.bytes
    }
    fn copy(&self, offset: u32, to: &mut [u8]) -> bool {
        let from = self.bytes.get(offset as usize..);
        let from = from.and_then(|rest| rest.get(..to.len()));
        from.map(|from| to.copy_from_slice(from)).is_some()
    }
    fn protocol(&self) -> u16 {
        0x0800
    }
    fn pkttype(&self) -> u8 {
        0
    }
    fn iif(&self) -> u32 {
        1
    }
    fn oif(&self) -> u32 {
        0
    }
    fn iifname(&self) -> [u8; 16] {
        *b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"
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
        self.counted.push(counter);
    }
}

/// The program of a ruleset.
fn program(text: &str, optimise: bool) -> Program<Image> {
    let begun = Instant::now();
    let mut sources = SourceMap::new();
    let entry = Entry::Text { name: "test", text };
    let script = lang::parse(&mut sources, entry).expect("it parses");
    let ruleset = Ruleset::default()
        .apply(&script, &sources, &NoEnvironment)
        .expect("it is a ruleset");
    let read = begun.elapsed();
    let compiled = compile(&ruleset, &Options::optimising(optimise)).expect("it compiles");
    let built = begun.elapsed() - read;
    let program = Image::new(compiled.bytes()).verify().expect("it verifies");
    let verified = begun.elapsed() - read - built;
    eprintln!("  read {read:?}, compiled {built:?} (optimise: {optimise}), verified {verified:?}");
    program
}

/// What a program makes of a packet: verdict, who decided, and what was counted, in order.
fn judge(program: &Program<Image>, header: &Header) -> (Verdict, Decider, Vec<u32>, u32) {
    let view = program.view();
    let mut frame = Frame::of(header);
    let mut key = Key::parse(&frame, program.fields());
    let base = view.base_chains().first().expect("a base chain");
    let outcome = view.run(base, &mut key, &mut frame);
    (outcome.verdict, outcome.decider, frame.counted, frame.mark)
}

/// Random numbers that are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }
}

/// Headers at the edges of filters and beside them, each part of one or another.
fn headers(filters: &[Filter], random: &mut Random, count: usize) -> Vec<Header> {
    let edge = |random: &mut Random, (lo, hi): (u32, u32)| match random.below(6) {
        0 => lo,
        1 => hi,
        2 => lo.wrapping_sub(1),
        3 => hi.wrapping_add(1),
        _ if hi - lo == u32::MAX => random.next(),
        _ => lo + random.next() % (hi - lo + 1),
    };
    let mut header = |_| {
        let own = filters[random.below(filters.len())];
        let mut other = || match random.below(8) {
            0 => filters[random.below(filters.len())],
            _ => own,
        };
        let (a, b, c, d, e) = (other(), other(), other(), other(), other());
        Header {
            saddr: edge(random, a.saddr),
            daddr: edge(random, b.daddr),
            sport: edge(random, c.sport) as u16,
            dport: edge(random, d.dport) as u16,
            protocol: e.protocol.unwrap_or(random.next() & 0xff) as u8,
        }
    };
    (0..count).map(&mut header).collect()
}

fn corpora() -> Option<PathBuf> {
    let folder = match std::env::var_os("FERRULE_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"),
    };
    let folder = folder.join("classbench");
    if !folder.is_dir() {
        eprintln!("note: SKIPPED: no corpora; set FERRULE_CORPORA to their folder");
        return None;
    }
    Some(folder)
}

/// The filters as a ruleset: each third accepts, each third drops, each third only counts.
fn ruleset(filters: &[Filter]) -> String {
    let mut text = String::from(
        "table ip t {\nchain c {\ntype filter hook forward priority 0; policy drop;\n",
    );
    for (index, filter) in filters.iter().enumerate() {
        filter.text(&mut text);
        text.push_str(["counter accept\n", "counter drop\n", "counter\n"][index % 3]);
    }
    text.push_str("}\n}\n");
    text
}

/// Verdict and deciding rule, read from top to bottom; and which rules counted.
fn linear(filters: &[Filter], header: &Header) -> (Verdict, Option<u32>, Vec<usize>) {
    let mut counted = Vec::new();
    for (index, filter) in filters.iter().enumerate() {
        if !filter.admits(header) {
            continue;
        }
        counted.push(index);
        match index % 3 {
            0 => return (Verdict::Accept, Some(index as u32), counted),
            1 => return (Verdict::Drop, Some(index as u32), counted),
            _ => {}
        }
    }
    (Verdict::Drop, None, counted)
}

/// A filter set, compiled both ways.
struct Trial {
    filters: Vec<Filter>,
    fast: Program<Image>,
    slow: Program<Image>,
}

impl Trial {
    fn of(filters: Vec<Filter>) -> Self {
        let text = ruleset(&filters);
        let trial = Trial {
            filters,
            fast: program(&text, true),
            slow: program(&text, false),
        };
        let classifiers = trial.fast.view().classifiers().len();
        assert_eq!(classifiers, 1, "there is one chain, and it is classified");
        trial
    }

    /// What becomes of each header, in all three ways; the slow one only for each `step`th.
    fn agree(&self, headers: &[Header], step: usize) {
        let view = self.fast.view();
        for (at, header) in headers.iter().enumerate() {
            let judged = judge(&self.fast, header);
            let (verdict, rule, counted) = linear(&self.filters, header);
            let decider = rule.map_or(Decider::Policy, Decider::Rule);
            assert_eq!((judged.0, judged.1), (verdict, decider), "{header:?}");
            let owners = judged.2.iter();
            let owners = owners.map(|counter| view.counters()[*counter as usize]);
            let of_rules = owners.filter(|counter| counter.flags & COUNTER_POLICY == 0);
            let own: Vec<_> = of_rules.map(|counter| counter.owner as usize).collect();
            assert_eq!(own, counted, "{header:?}");
            if at % step == 0 {
                assert_eq!(judged, judge(&self.slow, header), "{header:?}");
            }
        }
    }
}

/// Headers that each filter set is tried on, in pieces of [`PIECE`], and how many of them go the slow way, too: one
/// in so many. With `FERRULE_LONG` set, ten million, all of them.
fn measure() -> (usize, usize) {
    match std::env::var_os("FERRULE_LONG") {
        Some(_) => (10_000_000, 1),
        None => (100_000, 256),
    }
}

/// Headers that are made at a time.
const PIECE: usize = 20_000;

#[test]
fn filter_sets_of_the_corpora_are_judged_as_read_from_top_to_bottom() {
    let Some(folder) = corpora() else { return };
    let (count, step) = measure();
    for name in ["acl_1k", "fw_1k", "ipc_1k", "acl_10k", "fw_10k", "ipc_10k"] {
        let lines = fs::read_to_string(folder.join(name)).expect("filters");
        let trial = Trial::of(lines.lines().map(Filter::of).collect());
        trial.agree(&trace(&folder, name), 1);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let begun = Instant::now();
        let next = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| loop {
                    let piece = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if piece * PIECE >= count {
                        break;
                    }
                    let mut random = Random(0x5eed_0000_0001 + piece as u64 * 0x9e37_79b9);
                    trial.agree(&headers(&trial.filters, &mut random, PIECE), step);
                });
            }
        });
        let took = begun.elapsed();
        eprintln!("note: {name}: the trace and {count} headers agree, {took:.1?}");
    }
}

/// The headers of a trace.
fn trace(folder: &std::path::Path, name: &str) -> Vec<Header> {
    let lines = fs::read_to_string(folder.join(format!("{name}_trace"))).unwrap_or_default();
    let header = |line: &str| {
        let numbers: Vec<u32> = line
            .split_whitespace()
            .map(|number| number.parse().expect("a number"))
            .collect();
        Header {
            saddr: numbers[0],
            daddr: numbers[1],
            sport: numbers[2] as u16,
            dport: numbers[3] as u16,
            protocol: numbers[4] as u8,
        }
    };
    lines.lines().map(header).collect()
}

#[test]
fn a_lookup_in_a_filter_set_compares_few_entries_however_many_there_are() {
    let Some(folder) = corpora() else { return };
    let mut random = Random(0x5eed_0000_0002);
    for name in ["acl_1k", "fw_1k", "ipc_1k", "acl_10k", "fw_10k", "ipc_10k"] {
        let lines = fs::read_to_string(folder.join(name)).expect("filters");
        let filters: Vec<Filter> = lines.lines().map(Filter::of).collect();
        let program = program(&ruleset(&filters), true);
        let effort = effort(&program, &headers(&filters, &mut random, 20_000));
        eprintln!("note: {name}: on the average {effort:.2?}");
        assert!(effort.trees <= 4.0, "{name}: {effort:?}");
        assert!(effort.nodes <= 9.0, "{name}: {effort:?}");
        assert!(effort.entries <= 9.0, "{name}: {effort:?}");
    }
}

#[test]
fn a_rule_like_one_before_it_is_met_by_a_packet_that_was_changed_between_them() {
    let mut text = String::from(
        "table ip t {\nchain c {\ntype filter hook forward priority 0; policy drop;\nmeta mark 1 drop\n\
         meta mark 0 meta mark set 1\nmeta mark 1 accept\n",
    );
    for host in 1..8 {
        let _ = writeln!(text, "ip saddr 10.0.0.{host} drop");
    }
    text.push_str("}\n}\n");
    for optimise in [true, false] {
        let (verdict, decider, _, mark) = judge(&program(&text, optimise), &Header::default());
        assert_eq!(
            (verdict, mark),
            (Verdict::Accept, 1),
            "optimise: {optimise}"
        );
        assert_eq!(decider, Decider::Rule(2));
    }
}

#[test]
fn a_chain_that_is_called_twice_is_asked_twice() {
    let mut text = String::from("table ip t {\nchain a {\n");
    for host in 1..8 {
        let _ = writeln!(text, "ip saddr 10.0.0.{host} counter");
    }
    text.push_str("ip saddr 10.0.0.0/8 counter\n}\n");
    text.push_str(
        "chain c {\ntype filter hook forward priority 0; policy accept;\njump a\njump a\njump a\n}\n}\n",
    );
    let header = Header {
        saddr: u32::from(Ipv4Addr::new(10, 0, 0, 3)),
        ..Header::default()
    };
    for optimise in [true, false] {
        let (verdict, _, counted, _) = judge(&program(&text, optimise), &header);
        assert_eq!(verdict, Verdict::Accept, "optimise: {optimise}");
        assert_eq!(counted.len(), 6, "optimise: {optimise}: {counted:?}");
    }
}

/// What a lookup costs on the average.
#[derive(Debug)]
struct Effort {
    trees: f64,
    nodes: f64,
    entries: f64,
}

/// Looks headers up as the engine does, and counts.
fn effort(program: &Program<Image>, headers: &[Header]) -> Effort {
    let view = program.view();
    let classifier = &view.classifiers()[0];
    let of = Trees::of(&view, classifier);
    let (mut trees, mut nodes, mut compared) = (0, 0, 0);
    for header in headers {
        let value = |dim: usize| match Field::from_raw(classifier.dims[dim].field) {
            Some(Field::IpSaddr) => header.saddr,
            Some(Field::IpDaddr) => header.daddr,
            Some(Field::ThSport) => header.sport.into(),
            Some(Field::ThDport) => header.dport.into(),
            _ => header.protocol.into(),
        };
        let mut best = u32::MAX;
        for (root, least) in classifier.roots.iter().zip(&classifier.least) {
            if *root == 0 || *least >= best {
                break;
            }
            trees += 1;
            let mut pointer = *root;
            while let Some(node) = Some(pointer)
                .filter(|pointer| *pointer < POINTER_ENTRY)
                .and_then(|pointer| of.node(pointer))
            {
                nodes += 1;
                let child = value(node.dim) >> node.shift & ((1 << node.bits) - 1);
                pointer = node.children[child as usize];
            }
            for entry in of.run(pointer) {
                if entry.target >= best {
                    break;
                }
                compared += 1;
                if entry.admits(|dim| Some(value(dim))) {
                    best = entry.target;
                    break;
                }
            }
        }
    }
    let each = |sum: usize| sum as f64 / headers.len() as f64;
    Effort {
        trees: each(trees),
        nodes: each(nodes),
        entries: each(compared),
    }
}
