// SPDX-License-Identifier: GPL-2.0
//! Random programs against the verifier, and what it accepts against every capture.
//!
//! Each program has a number, and its number is its seed. `FERRULE_SEED=n` tries only program `n`;
//! `FERRULE_LONG=1` tries ten million. An accepted program runs each of its base chains on one packet
//! of *every* capture; which one it is goes round with the number, so that a run as a whole uses every
//! packet that differs from the others of its capture in some field.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::HashSet,
    panic::{catch_unwind, resume_unwind, AssertUnwindSafe},
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::Instant,
};

use ferrule_engine::{Decider, FieldSet, Key};
use ferrule_uapi::field::Field;
use support::frame::Frame;
use support::{
    captures, generate,
    oracle::Oracle,
    reference::{Effects, Reference},
    try_verify, value,
};

const PROGRAMS: u64 = 200_000;
const LONG_PROGRAMS: u64 = 10_000_000;

/// Packets of a capture and their fields, no two with the same fields.
type Keys = Vec<(Key, Frame)>;

/// What came of a run.
#[derive(Default)]
struct Tally {
    accepted: AtomicU64,
    runs: AtomicU64,
}

#[test]
fn every_accepted_program_decides_over_every_capture_within_its_bound() {
    let captures = captures::all();
    let captures: Vec<Keys> = captures.iter().map(|c| distinct_keys(&c.packets)).collect();
    assert!(captures.iter().all(|keys| !keys.is_empty()));
    let tally = Tally::default();
    let start = Instant::now();
    let programs = try_all(|seed| try_program(seed, &captures, &tally));
    let accepted = tally.accepted.into_inner();
    let distinct: usize = captures.iter().map(Vec::len).sum();
    captures::say(&format!(
        "{programs} programs, {accepted} accepted, {} runs over {} captures ({distinct} distinct \
        packets), {:.1} s",
        tally.runs.into_inner(),
        captures.len(),
        start.elapsed().as_secs_f64()
    ));
    assert!(programs == 1 || accepted > programs / 3, "too few accepted");
}

/// Verifies program `seed`, and runs it if it is accepted.
fn try_program(seed: u64, captures: &[Keys], tally: &Tally) {
    let image = generate::bytes(seed);
    let Ok(program) = try_verify(image.bytes()) else {
        return;
    };
    tally.accepted.fetch_add(1, Ordering::Relaxed);
    let view = program.view();
    let mut runs = 0;
    let oracle = Arc::new(Oracle::of(&view));
    for packets in captures {
        let (key, frame) = &packets[(seed / 8) as usize % packets.len()];
        let mut packet = frame.clone();
        packet.oracle = Some(oracle.clone());
        for base in view.base_chains() {
            let outcome = view.run(base, &mut key.clone(), &mut packet);
            assert!(outcome.decider != Decider::Fault, "{outcome:?}");
            assert!(outcome.steps <= program.max_steps(), "{outcome:?}");
            runs += 1;
        }
    }
    tally.runs.fetch_add(runs, Ordering::Relaxed);
}

#[test]
fn the_machine_does_what_the_reference_interpreter_does() {
    let frames = [
        support::headers::ipv4(support::headers::TCP, 0, 1, &support::headers::transport()),
        support::headers::ipv4(support::headers::ICMP, 0, 0, &[8, 0, 1, 2]),
        support::headers::ipv6_chain(&[0, 60], support::headers::UDP),
        support::headers::ipv6_fragment(8, support::headers::UDP),
    ];
    let mut decided = 0;
    for seed in 0..80_000 {
        decided += compare(seed, &frames);
    }
    assert!(decided > 80_000, "too few comparisons: {decided}");
}

/// Runs program `seed` on both machines; returns how many packets were compared.
fn compare(seed: u64, frames: &[Frame]) -> usize {
    let image = generate::bytes(seed);
    let Ok(program) = try_verify(image.bytes()) else {
        return 0;
    };
    let view = program.view();
    let oracle = Arc::new(Oracle::of(&view));
    let mut compared = 0;
    for (number, base) in view.base_chains().iter().enumerate() {
        for frame in frames {
            let mut packet = frame.clone();
            let mut key = Key::parse(&packet, program.fields());
            let expected = Reference::run(image.bytes(), number, &key.clone(), &packet, &oracle);
            let Some(expected) = expected else {
                continue;
            };
            packet.oracle = Some(oracle.clone());
            let outcome = view.run(base, &mut key, &mut packet);
            let found = Effects {
                verdict: outcome.verdict,
                decider: outcome.decider,
                counted: packet.counted,
                mark: packet.mark,
            };
            assert_eq!(expected, found, "program {seed}, {view:?}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn a_packet_has_the_same_fields_wherever_its_bytes_lie() {
    let captures = captures::all();
    for capture in &captures {
        for frame in &capture.packets {
            let whole = fields(&Key::parse(frame, FieldSet::ALL));
            for split in [0, 1, 19, 41, 43] {
                let split = frame.split_at(split.min(frame.bytes.len()));
                let key = Key::parse(&split, FieldSet::ALL);
                assert_eq!(whole, fields(&key), "{} {split:?}", capture.name);
            }
        }
    }
}

/// Every field of a key.
fn fields(key: &Key) -> Vec<Option<u128>> {
    Field::ALL.iter().map(|field| value(key, *field)).collect()
}

/// The keys of the packets, each combination of fields once.
fn distinct_keys(packets: &[Frame]) -> Keys {
    let mut seen = HashSet::new();
    let parse = |frame: &Frame| (Key::parse(frame, FieldSet::ALL), frame.clone());
    let keys = packets.iter().map(parse);
    keys.filter(|(key, _)| seen.insert(fields(key))).collect()
}

/// Calls `body` with every seed, on every CPU. A seed that panics is named. Returns how many.
fn try_all(body: impl Fn(u64) + Sync) -> u64 {
    if let Ok(seed) = std::env::var("FERRULE_SEED") {
        body(seed.parse().expect("FERRULE_SEED is a number"));
        return 1;
    }
    let long = std::env::var_os("FERRULE_LONG").is_some();
    let programs = if long { LONG_PROGRAMS } else { PROGRAMS };
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get()) as u64;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let body = &body;
            scope.spawn(move || {
                for seed in (worker * programs / workers)..((worker + 1) * programs / workers) {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(seed))) {
                        eprintln!("program {seed} failed: again with FERRULE_SEED={seed}");
                        resume_unwind(panic);
                    }
                }
            });
        }
    });
    programs
}
