// SPDX-License-Identifier: GPL-2.0
//! Large sets of single keys, which the module keeps in frozen tables with a hash table over them: changes,
//! few and many, against a model; what a refused change leaves; and what an element costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use ferrule_uapi::error::VerifyError;
use ferrule_uapi::hook::Hook;
use ferrule_uapi::set::{
    BatchHeader, SetKind, SetOp, SetOpKind, CARRIES_COMMENT, CARRIES_DATA, CARRIES_FLAGS,
    ELEMENT_STATIC, SET_OP_EXCLUSIVE,
};
use ferrule_uapi::statement::{SetUpdate, Statement, StatementKind, NO_FIELD};
use userctl::device::{Device, Error, Expected, Kernel, LoadMode, Which};

use super::program::{batch, identity, Build, Change, Step};
use super::{change, count, drops, expect_dropped, load, load_with, op_of, refusal};
use crate::differential::Random;
use crate::ferrule;
use crate::lab::Lab;
use crate::memory;
use crate::netns::Netns;
use crate::runner::Scenario;

/// The scenarios.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "set-of-many-keys-is-what-a-model-of-its-changes-says",
            changes_against_a_model,
        ),
        Scenario::new(
            "set-keys-that-are-deleted-stay-so-when-the-rest-is-frozen-anew",
            stay_deleted,
        ),
        Scenario::new("set-maps-of-many-keys-keep-their-data", maps_and_their_data),
        Scenario::new(
            "set-of-many-keys-goes-on-when-rules-begin-and-cease-to-add-to-it",
            added_to_by_rules,
        ),
        Scenario::new(
            "set-of-a-million-addresses-takes-few-bytes-each",
            bytes_an_address,
        ),
    ]
}

/// What there is to know of an element, beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// It came with a ruleset.
    is_static: bool,
    /// It has a comment, so that it is in no frozen table.
    commented: bool,
}

/// The elements of a set.
type Model = BTreeMap<u32, Known>;

/// An op that adds elements that are all alike.
fn add(keys: &[u32], known: Known) -> Change {
    let flags = if known.is_static { ELEMENT_STATIC } else { 0 };
    let comment: &[u8] = if known.commented { b"note" } else { b"" };
    let elements = keys.iter().map(|key| {
        let words = [key.to_be(), flags, 0, comment.len() as u32];
        words.map(u32::to_ne_bytes).concat()
    });
    let carries = CARRIES_FLAGS | CARRIES_COMMENT;
    Change::all(0, SetOpKind::Add)
        .with(carries, 16, elements)
        .strings(comment)
}

/// What the module lists.
fn listed(device: &mut Device) -> Result<Model> {
    let read = device.elements(identity(0), Which::All, false, Expected::Any)?;
    let op = op_of(&read.value)?;
    let begin = size_of::<BatchHeader>() + size_of::<SetOp>();
    let body = read.value.get(begin..).context("too short")?;
    let mut model = Model::new();
    let elements = body.chunks_exact(op.stride as usize);
    for element in elements.take(op.count as usize) {
        let word = |at: usize| [0, 1, 2, 3].map(|byte| element[at + byte]);
        let known = Known {
            is_static: u32::from_ne_bytes(word(4)) & ELEMENT_STATIC != 0,
            commented: u32::from_ne_bytes(word(12)) != 0,
        };
        let key = u32::from_be_bytes(word(0));
        ensure!(model.insert(key, known).is_none(), "{key} is listed twice");
    }
    Ok(model)
}

/// The module lists what the model has.
fn expect(device: &mut Device, model: &Model, what: &str) -> Result<()> {
    let listed = listed(device)?;
    if listed == *model {
        return Ok(());
    }
    let odd = listed
        .iter()
        .find(|(key, known)| model.get(*key) != Some(known));
    let lacking = model
        .iter()
        .find(|(key, known)| listed.get(*key) != Some(known));
    bail!("{what}: listed, but not so in the model: {odd:?}; not so listed: {lacking:?}");
}

/// Whether there is an element for a key.
fn holds(device: &mut Device, key: u32) -> Result<bool> {
    let key = key.to_be_bytes();
    match device.elements(identity(0), Which::Key(&key), false, Expected::Any) {
        Ok(_) => Ok(true),
        Err(Error::Gone) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Keys, all of which are ports.
const KEYS: u32 = 4000;
/// Changes at random.
const STEPS: usize = 400;
/// After how many of them packets are sent.
const SEND_EACH: usize = 20;

const PLAIN: Known = Known {
    is_static: false,
    commented: false,
};

fn changes_against_a_model(lab: &mut Lab) -> Result<()> {
    let build = drops("s", 0);
    let first: Vec<u32> = (1..=KEYS).filter(|key| key % 2 == 0).collect();
    let mut device = load(lab, &build, &[add(&first, PLAIN)])?;
    let mut model: Model = first.iter().map(|key| (*key, PLAIN)).collect();
    expect(&mut device, &model, "at first")?;
    let image = build.image(Hook::Forward);
    let mut random = Random::new(0x5e75, 1);
    for step in 0..STEPS {
        let what = turn(&mut device, &image, &mut model, &mut random)?;
        let what = format!("step {step}: {what}");
        expect(&mut device, &model, &what)?;
        ensure!(count(&mut device, 0)? == model.len() as u32, "{what}");
        let key = random.between(1, KEYS as usize) as u32;
        let there = holds(&mut device, key)?;
        ensure!(there == model.contains_key(&key), "{what}: {key}: {there}");
        if step % SEND_EACH == 0 {
            let ports = [(); 4].map(|()| random.between(1, KEYS as usize) as u16);
            let dropped = ports.map(|port| model.contains_key(&port.into()));
            let dropped = ports.iter().zip(dropped).filter(|(_, dropped)| *dropped);
            let dropped: Vec<u16> = dropped.map(|(port, _)| *port).collect();
            expect_dropped(lab, &ports, &dropped).context(what)?;
        }
    }
    Ok(())
}

/// One change, of the module and of the model.
fn turn(
    device: &mut Device,
    image: &[u8],
    model: &mut Model,
    random: &mut Random,
) -> Result<String> {
    let many = *random.pick(&[1, 1, 1, 3, 40, 700]);
    let keys: Vec<u32> = (0..many)
        .map(|_| random.between(1, KEYS as usize) as u32)
        .collect();
    let there: Vec<u32> = model.keys().copied().collect();
    let known = Known {
        is_static: random.chance(30),
        commented: random.chance(20),
    };
    match random.below(20) {
        0..=7 => {
            change(device, &[add(&keys, known)])?;
            insert(model, &keys, known);
        }
        8..=14 if !there.is_empty() => {
            let mut gone: Vec<u32> = (0..many).map(|_| *random.pick(&there)).collect();
            gone.sort_unstable();
            gone.dedup();
            change(device, &[Change::keys(0, SetOpKind::Delete, gone.clone())])?;
            model.retain(|key, _| gone.binary_search(key).is_err());
        }
        15 | 16 if !there.is_empty() => refuse(device, &keys, *random.pick(&there))?,
        17 => {
            // As a ruleset that says what its elements are, and keeps what commands have added.
            let all = Known {
                is_static: true,
                ..known
            };
            let changes = [Change::all(0, SetOpKind::Replace), add(&keys, all)];
            load_with(device, image, &changes)?;
            model.retain(|_, known| !known.is_static);
            insert(model, &keys, all);
        }
        18 => {
            load_with(device, image, &[])?;
        }
        _ => {
            let some = [Change::all(0, SetOpKind::Clear), add(&there, PLAIN)];
            change(device, &some)?;
            model.values_mut().for_each(|known| *known = PLAIN);
        }
    }
    Ok(format!("{many} keys, {known:?}, {} before", there.len()))
}

/// Adds to the model.
fn insert(model: &mut Model, keys: &[u32], known: Known) {
    for key in keys {
        let there = model.entry(*key).or_insert(known);
        there.is_static |= known.is_static;
    }
}

/// A change of which the last op is refused: adds and removes, and then removes what is not there any more.
fn refuse(device: &mut Device, keys: &[u32], there: u32) -> Result<()> {
    use SetOpKind::{Add, Delete};
    let twice = Change::keys(0, Delete, [there]);
    let changes = [
        Change::keys(0, Add, keys.iter().copied()),
        twice.clone(),
        Change::keys(0, Add, (1..=KEYS).filter(|key| *key != there)),
        twice,
    ];
    let missing = refusal(change(device, &changes))?;
    ensure!(missing == (VerifyError::Missing, 3, 0), "{missing:?}");
    let create = Change::keys(0, Add, [there]).flags(SET_OP_EXCLUSIVE);
    let exists = refusal(change(device, &[create]))?;
    ensure!(exists == (VerifyError::Exists, 0, 0), "{exists:?}");
    Ok(())
}

fn stay_deleted(lab: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Delete};
    let mut build = drops("s", 0);
    build.size(0, 2001);
    let mut device = load(lab, &build, &[Change::keys(0, Add, 1..=2000)])?;
    change(&mut device, &[Change::keys(0, Delete, [7, 8])])?;
    expect_dropped(lab, &[6, 7, 8, 9], &[6, 9])?;
    let create = |key| Change::keys(0, Add, [key]).flags(SET_OP_EXCLUSIVE);
    change(&mut device, &[create(8)])?;
    change(&mut device, &[create(2001)])?;
    let full = Change::keys(0, Add, [2002, 2003]);
    let full = refusal(change(&mut device, &[full]))?;
    ensure!(full == (VerifyError::Full, 0, 1), "{full:?}");
    // More changes than what is frozen bears: it is made anew, without the key that is gone.
    for keys in [(100..400), (500..1700)] {
        change(&mut device, &[Change::keys(0, Delete, keys.clone())])?;
        expect_dropped(lab, &[6, 7, 8, 99, 100, 1699, 1700, 2001], &{
            let mut dropped = vec![6, 8, 99, 1700, 2001];
            dropped.extend((keys.start == 100).then_some(1699));
            dropped
        })?;
        ensure!(!holds(&mut device, 7)?, "what was deleted has come back");
    }
    ensure!(count(&mut device, 0)? == 2001 - 1 - 1500);
    Ok(())
}

fn maps_and_their_data(lab: &mut Lab) -> Result<()> {
    let mut build = drops("s", 0);
    let map = build.map("m", 4);
    let pairs = |keys: std::ops::Range<u32>, data: u32| {
        let elements = keys.map(move |key| [key, data].map(u32::to_be_bytes).concat());
        Change::all(map, SetOpKind::Add).with(CARRIES_DATA, 8, elements)
    };
    let mut device = load(lab, &build, &[pairs(0..1000, 3)])?;
    change(&mut device, &[pairs(500..501, 3)])?;
    let differs = refusal(change(&mut device, &[pairs(500..501, 4)]))?;
    ensure!(differs == (VerifyError::Exists, 0, 0), "{differs:?}");
    let differs = refusal(change(&mut device, &[pairs(900..1900, 4)]))?;
    ensure!(differs == (VerifyError::Exists, 0, 0), "{differs:?}");
    let delete = Change::keys(map, SetOpKind::Delete, [500]);
    change(&mut device, &[delete, pairs(500..501, 4)])?;
    change(&mut device, &[pairs(1000..2000, 5)])?;
    for (key, data) in [(499, 3_u32), (500, 4), (999, 3), (1000, 5)] {
        let key: u32 = key;
        let which = Which::Key(&key.to_be_bytes());
        let read = device.elements(identity(map), which, false, Expected::Any)?;
        let at = size_of::<BatchHeader>() + size_of::<SetOp>() + 8;
        let is = read.value.get(at..at + 4).context("too short")?;
        ensure!(is == data.to_be_bytes(), "{key}: {is:?}");
    }
    Ok(())
}

fn added_to_by_rules(lab: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Delete};
    let asks = drops("s", 0);
    let mut adds = Build::default();
    let set = adds.set("s", SetKind::Set, 0);
    let statement = adds.statement(Statement {
        kind: StatementKind::UpdateSet as u8,
        key: SetUpdate::Add as u8,
        field: NO_FIELD,
        ..Statement::default()
    });
    adds.rule(&[Step::In(set), Step::Drop]);
    adds.rule(&[Step::Do(statement)]);
    let first: Vec<u32> = (1..=2000).collect();
    let mut device = load(lab, &asks, &[add(&first, PLAIN)])?;
    let mut model: Model = first.iter().map(|key| (*key, PLAIN)).collect();
    change(&mut device, &[Change::keys(0, Delete, [7, 8])])?;
    change(&mut device, &[Change::keys(0, Add, [8, 3000])])?;
    model.remove(&7);
    model.insert(3000, PLAIN);
    load_with(&mut device, &adds.image(Hook::Forward), &[])?;
    expect(&mut device, &model, "when rules begin to add")?;
    // The first of each comes through, and is added.
    expect_dropped(lab, &[7, 4000, 6], &[6])?;
    expect_dropped(lab, &[7, 4000, 6], &[7, 4000, 6])?;
    model.insert(7, PLAIN);
    model.insert(4000, PLAIN);
    expect(&mut device, &model, "what rules added")?;
    // Packets of the program before may still come in the first load: from the second on it is frozen again.
    for _ in 0..2 {
        load_with(&mut device, &asks.image(Hook::Forward), &[])?;
        change(&mut device, &[Change::keys(0, Delete, [8])])?;
        change(&mut device, &[Change::keys(0, Add, [8])])?;
        expect(&mut device, &model, "when rules cease to add")?;
    }
    let more: Vec<u32> = (5000..6000).collect();
    change(&mut device, &[add(&more, PLAIN)])?;
    insert(&mut model, &more, PLAIN);
    expect(&mut device, &model, "frozen again")?;
    expect_dropped(lab, &[6, 7, 8, 2001, 4000, 5000], &[6, 7, 8, 4000, 5000])
}

/// Elements whose memory is measured, and what each may take in bytes.
const MILLION: u32 = 1_000_000;
const LIMIT: usize = 24;
/// How long memory may take to come back.
const PATIENCE: Duration = Duration::from_secs(10);

fn bytes_an_address(_: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Delete};
    let ns = Netns::create("bytes")?;
    let mut device = ferrule::device(&ns)?;
    let mut build = Build::default();
    let set = build.set("s", SetKind::Set, 0);
    build.rule(&[Step::In(set), Step::Drop]);
    load_with(&mut device, &build.image(Hook::LocalOut), &[])?;
    // Addresses are scattered.
    let key = |number: u32| number.wrapping_mul(0x9E37_79B1);
    let keys = |kind, numbers: std::ops::Range<u32>| Change::keys(set, kind, numbers.map(key));
    // What this program itself needs for it, it keeps.
    let all = batch(&[keys(Add, 0..MILLION)]);
    device.change_sets(&all, Expected::Any, LoadMode::DryRun)?;
    drop(all);
    let before = left_by_kernel()?;
    let begun = Instant::now();
    change(&mut device, &[keys(Add, 0..MILLION)])?;
    println!("# {MILLION} added: {:?}", begun.elapsed());
    each_at_most("at first", before, MILLION)?;
    // As many as the hash table may have: what is over the frozen table counts as well.
    change(&mut device, &[keys(Add, MILLION..MILLION + 30_000)])?;
    change(&mut device, &[keys(Delete, 0..30_000)])?;
    each_at_most("with changes", before, MILLION)?;
    change(&mut device, &[keys(Delete, 30_000..MILLION)])?;
    ensure!(
        count(&mut device, set)? == 30_000,
        "not what should be left"
    );
    each_at_most("after most are gone", before, 200_000)
}

/// Bytes that could be had, if this program had none.
pub(super) fn left_by_kernel() -> Result<usize> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find(|line| line.starts_with("RssAnon:"));
    let own = line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse::<usize>().ok());
    Ok(memory::available()? + (own.context("no RssAnon")? << 10))
}

/// So much memory less than `before` is there that it comes to no more than the limit for each of `count`.
pub(super) fn each_at_most(what: &str, before: usize, count: u32) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let each = before.saturating_sub(left_by_kernel()?) as f64 / f64::from(count);
        if each <= LIMIT as f64 {
            println!("# {what}: {each:.1} bytes each");
            return Ok(());
        }
        let late = Instant::now() >= deadline;
        ensure!(!late, "{what}: {each:.1} bytes each, limit {LIMIT}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
