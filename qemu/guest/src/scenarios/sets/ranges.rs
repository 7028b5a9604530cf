// SPDX-License-Identifier: GPL-2.0
//! Large sets of intervals: changes against a model, and what an interval costs.

use std::ops::Range;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use ferrule_uapi::error::VerifyError;
use ferrule_uapi::hook::Hook;
use ferrule_uapi::set::{
    BatchHeader, SetOp, SetOpKind, SET_AUTO_MERGE, SET_INTERVAL, SET_OP_LENIENT,
};
use userctl::device::{Device, Expected, Kernel, LoadMode, Which};

use super::frozen::{each_at_most, left_by_kernel};
use super::program::{batch, identity, Change};
use super::{change, count, drops, expect_dropped, load, load_with, op_of, refusal};
use crate::differential::Random;
use crate::ferrule;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::runner::Scenario;

/// The scenarios.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "set-of-joined-intervals-is-what-a-model-of-its-changes-says",
            joined_against_a_model,
        ),
        Scenario::new(
            "set-intervals-by-the-thousand-are-merged-and-cut-in-one-pass",
            apart_by_the_thousand,
        ),
        Scenario::new(
            "set-of-a-million-prefixes-takes-few-bytes-each",
            bytes_a_prefix,
        ),
    ]
}

/// The intervals that the module lists, ascending, both ends included.
fn listed(device: &mut Device) -> Result<Vec<(u32, u32)>> {
    let read = device.elements(identity(0), Which::All, false, Expected::Any)?;
    let op = op_of(&read.value)?;
    let begin = size_of::<BatchHeader>() + size_of::<SetOp>();
    let body = read.value.get(begin..).context("too short")?;
    let elements = body.chunks_exact(op.stride as usize);
    let word =
        |element: &[u8], at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| element[at + byte]));
    Ok(elements
        .take(op.count as usize)
        .map(|element| (word(element, 0), word(element, 4)))
        .collect())
}

/// Keys, all of which are ports.
const KEYS: usize = 3000;
/// Changes at random.
const STEPS: usize = 300;
/// After how many of them packets are sent.
const SEND_EACH: usize = 20;

/// Which keys a set of joined intervals has.
struct Joined(Vec<bool>);

impl Joined {
    /// The intervals that these are.
    fn intervals(&self) -> Vec<(u32, u32)> {
        let mut intervals: Vec<(u32, u32)> = Vec::new();
        for key in (0..self.0.len()).filter(|key| self.0[*key]) {
            let key = key as u32;
            match intervals.last_mut() {
                Some((_, end)) if *end + 1 == key => *end = key,
                _ => intervals.push((key, key)),
            }
        }
        intervals
    }

    fn set(&mut self, (from, to): (u32, u32), on: bool) {
        self.0[from as usize..=to as usize].fill(on);
    }

    /// Whether it has all of an interval.
    fn has(&self, (from, to): (u32, u32)) -> bool {
        self.0[from as usize..=to as usize].iter().all(|on| *on)
    }
}

/// Intervals anywhere.
fn anywhere(random: &mut Random) -> Vec<(u32, u32)> {
    let many = *random.pick(&[1, 1, 3, 30]);
    let longest = *random.pick(&[1, 3, 200]);
    let one = |_| {
        let from = random.between(1, KEYS);
        (from as u32, (from + random.below(longest)).min(KEYS) as u32)
    };
    (0..many).map(one).collect()
}

fn joined_against_a_model(lab: &mut Lab) -> Result<()> {
    let build = drops("s", SET_INTERVAL | SET_AUTO_MERGE);
    let mut device = load(lab, &build, &[])?;
    let mut model = Joined(vec![false; KEYS + 1]);
    let mut random = Random::new(0x5e75, 2);
    for step in 0..STEPS {
        let intervals = anywhere(&mut random);
        let what = format!("step {step}: {intervals:?}");
        if random.chance(50) {
            change(
                &mut device,
                &[Change::intervals(0, SetOpKind::Add, &intervals)],
            )?;
            intervals.iter().for_each(|it| model.set(*it, true));
        } else {
            remove(&mut device, &mut model, &intervals, random.chance(50)).context(what.clone())?;
        }
        let (is, should) = (listed(&mut device)?, model.intervals());
        ensure!(is == should, "{what}: {is:?}, not {should:?}");
        if step % SEND_EACH == 0 {
            let ports = [(); 4].map(|()| random.between(1, KEYS) as u16);
            let mut dropped = ports.to_vec();
            dropped.retain(|port| model.0[usize::from(*port)]);
            expect_dropped(lab, &ports, &dropped).context(what)?;
        }
    }
    Ok(())
}

/// Removes intervals, one after another, as far as they are there: all of them must be, unless it is lenient.
fn remove(
    device: &mut Device,
    model: &mut Joined,
    intervals: &[(u32, u32)],
    lenient: bool,
) -> Result<()> {
    let flags = if lenient { SET_OP_LENIENT } else { 0 };
    let delete = Change::intervals(0, SetOpKind::Delete, intervals).flags(flags);
    let mut left = Joined(model.0.clone());
    let mut missing = None;
    for (number, interval) in (0_u32..).zip(intervals) {
        match left.has(*interval) {
            true => left.set(*interval, false),
            false => missing = missing.or(Some(number)),
        }
    }
    match missing {
        Some(_) if !lenient => {
            let (error, op, _) = refusal(change(device, &[delete]))?;
            ensure!((error, op) == (VerifyError::Missing, 0), "{error:?}");
        }
        _ => {
            change(device, &[delete])?;
            model.0 = left.0;
        }
    }
    Ok(())
}

fn apart_by_the_thousand(lab: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Clear, Delete};
    let range = |numbers: Range<u32>| -> Vec<(u32, u32)> {
        // In an order of their own.
        let mut all: Vec<_> = numbers.map(|it| (10 * it, 10 * it + 4)).collect();
        all.sort_by_key(|(from, _)| from.wrapping_mul(0x9E37_79B1));
        all
    };
    let add = |numbers| Change::intervals(0, Add, &range(numbers));
    let delete = |numbers| Change::intervals(0, Delete, &range(numbers));
    let mut device = load(lab, &drops("s", SET_INTERVAL), &[add(1..2000)])?;
    expect_dropped(
        lab,
        &[9, 10, 14, 15, 19990, 19994, 20000],
        &[10, 14, 19990, 19994],
    )?;
    // Between those that are there, at both ends, and again.
    let between = Change::intervals(0, Add, &[(15, 19), (5, 9), (20005, 20009), (15, 19)]);
    change(&mut device, &[between])?;
    for meets in [(14, 14), (14, 15), (9, 30), (0, 5), (20009, 30000)] {
        let meets = Change::intervals(0, Add, &[(40_000, 50_000), meets]);
        let overlap = refusal(change(&mut device, &[meets]))?;
        ensure!(overlap == (VerifyError::Overlap, 0, 1), "{overlap:?}");
    }
    let twice = Change::intervals(0, Delete, &[(20, 24), (30, 34), (20, 24)]);
    let missing = refusal(change(&mut device, &[twice]))?;
    ensure!(missing == (VerifyError::Missing, 0, 2), "{missing:?}");
    change(&mut device, &[delete(500..1500), add(700..800)])?;
    let mut should: Vec<_> = [1..500, 700..800, 1500..2000]
        .into_iter()
        .flat_map(range)
        .chain([(5, 9), (15, 19), (20005, 20009)])
        .collect();
    should.sort_unstable();
    ensure!(listed(&mut device)? == should, "not what should be left");
    change(&mut device, &[Change::all(0, Clear), add(3..5)])?;
    ensure!(listed(&mut device)? == [(30, 34), (40, 44)]);
    Ok(())
}

/// Intervals whose memory is measured.
const MILLION: u32 = 1_000_000;

fn bytes_a_prefix(_: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Delete};
    let ns = Netns::create("bytes")?;
    let mut device = ferrule::device(&ns)?;
    let build = drops("s", SET_INTERVAL);
    load_with(&mut device, &build.image(Hook::LocalOut), &[])?;
    let prefixes = |kind, numbers: Range<u32>| {
        let all: Vec<_> = numbers.map(|it| (it << 10, (it << 10) + 255)).collect();
        Change::intervals(0, kind, &all)
    };
    // What this program itself needs for it, it keeps.
    let all = batch(&[prefixes(Add, 0..MILLION)]);
    device.change_sets(&all, Expected::Any, LoadMode::DryRun)?;
    drop(all);
    let before = left_by_kernel()?;
    for part in 0..4 {
        let quarter = MILLION / 4;
        let begun = Instant::now();
        let numbers = part * quarter..(part + 1) * quarter;
        change(&mut device, &[prefixes(Add, numbers)])?;
        println!("# {quarter} added: {:?}", begun.elapsed());
    }
    each_at_most("prefixes", before, MILLION)?;
    let begun = Instant::now();
    change(&mut device, &[prefixes(Delete, 0..MILLION / 2)])?;
    println!("# half of them removed: {:?}", begun.elapsed());
    ensure!(count(&mut device, 0)? == MILLION / 2, "not half of them");
    each_at_most("after half are gone", before, MILLION / 2)
}
