// SPDX-License-Identifier: GPL-2.0
//! Sets as the module keeps them: changed live, over reloads, by packets, under traffic, by the million.

mod churn;
mod frozen;
mod program;
mod ranges;
mod traffic;

use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use ferrule_uapi::{
    error::VerifyError,
    event::{Event, EventKind},
    hook::{Family, Hook},
    ioctl::StateValue,
    set::{
        BatchHeader, ElementVerdict, SetKind, SetOp, SetOpKind, CARRIES_FLAGS, CARRIES_TIMEOUT,
        CARRIES_VERDICT, ELEMENT_CATCHALL, ELEMENT_STATIC, SET_ANONYMOUS, SET_AUTO_MERGE,
        SET_DYNAMIC, SET_INTERVAL, SET_TIMEOUT,
    },
    statement::{Log, SetUpdate, State, StateKind, Statement, StatementKind, LOG_KERNEL, NO_FIELD},
};
use userctl::device::{Device, Error, Expected, Kernel, LoadMode, Which};
use zerocopy::FromBytes;

use crate::ferrule;
use crate::lab::{Lab, Path};
use crate::packet::Packet;
use crate::runner::Scenario;
use program::{batch, identity, Build, Change, Step, ELSEWHERE};

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        Scenario::new("set-elements-changed-live-decide-at-once", live),
        Scenario::new("set-intervals-are-joined-split-and-refused", intervals),
        Scenario::new("set-concatenations-have-intervals-in-each-part", boxes),
        Scenario::new("set-catch-all-is-for-what-nothing-else-holds", catchall),
        Scenario::new("set-elements-are-read-and-reset-at-once", read_and_reset),
        Scenario::new("set-changes-that-are-refused-change-nothing", refused),
        Scenario::new(
            "set-elements-and-their-counters-survive-a-reload-by-name",
            survive,
        ),
        Scenario::new(
            "set-without-a-name-has-only-what-came-with-its-rule",
            anonymous,
        ),
        Scenario::new("set-elements-time-out", time_out),
        Scenario::new("set-elements-are-added-by-rules", added_by_rules),
        Scenario::new("set-verdict-maps-lead-where-elements-say", verdict_map),
        Scenario::new("set-changes-and-logs-are-told-to-subscribers", events),
        Scenario::new("set-limits-go-on-after-a-reload", limits),
        Scenario::new(
            "set-changes-over-four-sets-are-seen-whole-under-traffic",
            traffic::whole_under_traffic,
        ),
        Scenario::new(
            "set-of-a-million-elements-is-changed-live-and-freed",
            traffic::million,
        ),
        Scenario::new(
            "set-changes-by-the-million-are-seen-whole-at-full-rate",
            churn::million_changes,
        ),
    ];
    scenarios.extend(frozen::scenarios());
    scenarios.extend(ranges::scenarios());
    scenarios
}

/// A program that drops what is in one set.
fn drops(name: &str, flags: u32) -> Build {
    let mut build = Build::default();
    let set = build.set(name, SetKind::Set, flags);
    build.rule(&[Step::In(set), Step::Drop]);
    build
}

/// Opens the router's device and loads a program with a batch.
fn load(lab: &Lab, build: &Build, changes: &[Change]) -> Result<Device> {
    let mut device = ferrule::device(lab.router())?;
    load_with(&mut device, &build.image(Hook::Forward), changes)?;
    Ok(device)
}

fn load_with(device: &mut Device, image: &[u8], changes: &[Change]) -> Result<u64, Error> {
    let batch = match changes {
        [] => Vec::new(),
        changes => batch(changes),
    };
    device.load(image, &batch, Expected::Any, LoadMode::Publish)
}

fn change(device: &mut Device, changes: &[Change]) -> Result<(), Error> {
    let changed = device.change_sets(&batch(changes), Expected::Any, LoadMode::Publish);
    changed.map(|_| ())
}

/// Why, where and at which element a batch was refused.
fn refusal(result: Result<(), Error>) -> Result<(VerifyError, u32, u32)> {
    match result {
        Err(Error::Refused(refusal)) => {
            let error = VerifyError::from_raw(refusal.code).context("an unknown refusal")?;
            let element = refusal.element.context("not of the batch")?;
            Ok((error, refusal.index, element))
        }
        other => bail!("not refused: {other:?}"),
    }
}

/// Whether exactly these UDP ports of `all` are dropped.
fn expect_dropped(lab: &mut Lab, all: &[u16], dropped: &[u16]) -> Result<()> {
    for port in all {
        let arrived = lab.send(Path::Forward, &Packet::udp(Family::Ip, 9, *port))?;
        ensure!(
            arrived != dropped.contains(port),
            "port {port}: arrived is {arrived}"
        );
    }
    Ok(())
}

/// The op in the answer of a read.
fn op_of(bytes: &[u8]) -> Result<SetOp> {
    let rest = bytes.get(size_of::<BatchHeader>()..).context("too short")?;
    let (op, _) = SetOp::read_from_prefix(rest).ok().context("no op")?;
    Ok(op)
}

/// How many elements a set has.
fn count(device: &mut Device, set: u32) -> Result<u32> {
    let read = device.elements(identity(set), Which::All, false, Expected::Any)?;
    Ok(op_of(&read.value)?.count)
}

/// The value of the only state of the element with this key.
fn state_of(device: &mut Device, set: u32, key: u32) -> Result<StateValue> {
    let key = key.to_be_bytes();
    let read = device.elements(identity(set), Which::Key(&key), false, Expected::Any)?;
    let op = op_of(&read.value)?;
    let end = size_of::<BatchHeader>() + size_of::<SetOp>() + op.stride as usize;
    let state = end - size_of::<StateValue>();
    let bytes = read.value.get(state..end).context("too short")?;
    StateValue::read_from_bytes(bytes).ok().context("no state")
}

fn live(lab: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Clear, Delete};
    let all = [1, 2, 3];
    let mut device = load(lab, &drops("s", 0), &[Change::keys(0, Add, [1])])?;
    expect_dropped(lab, &all, &[1])?;
    change(&mut device, &[Change::keys(0, Add, [2, 3])])?;
    expect_dropped(lab, &all, &all)?;
    change(&mut device, &[Change::keys(0, Delete, [1, 3])])?;
    expect_dropped(lab, &all, &[2])?;
    ensure!(count(&mut device, 0)? == 1, "not one element");
    change(
        &mut device,
        &[Change::all(0, Clear), Change::keys(0, Add, [3])],
    )?;
    expect_dropped(lab, &all, &[3])?;
    let missing = device.elements(identity(0), Which::Key(&[0, 0, 0, 2]), false, Expected::Any);
    ensure!(matches!(missing, Err(Error::Gone)), "{missing:?}");
    ensure!(ferrule::info(lab.router())?.generation == device.info()?.generation);
    Ok(())
}

fn intervals(lab: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Delete};
    let all = [9, 10, 15, 20, 21, 30];
    let mut device = load(
        lab,
        &drops("s", SET_INTERVAL),
        &[Change::intervals(0, Add, &[(10, 20), (30, 30)])],
    )?;
    expect_dropped(lab, &all, &[10, 15, 20, 30])?;
    let overlap = change(
        &mut device,
        &[Change::intervals(0, Add, &[(40, 50), (20, 25)])],
    );
    let overlap = refusal(overlap)?;
    ensure!(overlap == (VerifyError::Overlap, 0, 1), "{overlap:?}");
    let part = change(&mut device, &[Change::intervals(0, Delete, &[(15, 15)])]);
    let part = refusal(part)?;
    ensure!(part == (VerifyError::Missing, 0, 0), "{part:?}");
    change(&mut device, &[Change::intervals(0, Delete, &[(10, 20)])])?;
    expect_dropped(lab, &all, &[30])?;

    let build = drops("m", SET_INTERVAL | SET_AUTO_MERGE);
    let parts = [(10, 14), (21, 25), (13, 20)];
    let mut device = load(lab, &build, &[Change::intervals(0, Add, &parts)])?;
    ensure!(count(&mut device, 0)? == 1, "not joined");
    expect_dropped(lab, &all, &[10, 15, 20, 21])?;
    change(&mut device, &[Change::intervals(0, Delete, &[(15, 15)])])?;
    ensure!(count(&mut device, 0)? == 2, "not split");
    expect_dropped(lab, &all, &[10, 20, 21])
}

fn boxes(lab: &mut Lab) -> Result<()> {
    let mut build = drops("s", SET_INTERVAL);
    build.concatenate();
    let add = |boxes: &[[u32; 4]]| {
        let bytes = |numbers: &[u32; 4]| numbers.map(u32::to_be_bytes).concat();
        let carries = ferrule_uapi::set::CARRIES_END;
        Change::all(0, SetOpKind::Add).with(carries, 16, boxes.iter().map(bytes))
    };
    // Destination ports from, source ports from; destination to, source to.
    let first = [
        [10, 1, 20, 5],
        [1, 7, 1000, 7],
        [15, 9, 30, 9],
        [40, 3, 40, 3],
    ];
    let mut device = load(lab, &build, &[add(&first)])?;
    let held = |d: u16, s: u16| {
        let holds = |part: u16, from: u32, to: u32| (from..=to).contains(&u32::from(part));
        let mut boxes = first.iter();
        boxes.any(|b| holds(d, b[0], b[2]) && holds(s, b[1], b[3]))
    };
    for destination in [1, 9, 10, 15, 20, 21, 30, 31, 40, 41, 1000, 1001] {
        for source in [1, 3, 5, 7, 9, 10] {
            let packet = Packet::udp(Family::Ip, source, destination);
            let arrived = lab.send(Path::Forward, &packet)?;
            ensure!(
                arrived != held(destination, source),
                "{destination} . {source}"
            );
        }
    }
    let corner = refusal(change(&mut device, &[add(&[[20, 5, 25, 6]])]))?;
    ensure!(corner == (VerifyError::Overlap, 0, 0), "{corner:?}");
    Ok(())
}

fn catchall(lab: &mut Lab) -> Result<()> {
    let mut build = Build::default();
    let map = build.set("m", SetKind::Verdict, SET_INTERVAL);
    build.rule(&[Step::Follow(map)]);
    let element = |key: u32, flags: u32, verdict: ElementVerdict| {
        let mut bytes = key.to_be_bytes().to_vec();
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&(verdict as u32).to_ne_bytes());
        bytes.extend_from_slice(&0_u64.to_ne_bytes());
        bytes
    };
    let carries = CARRIES_FLAGS | CARRIES_VERDICT;
    let elements = [
        element(2, 0, ElementVerdict::Accept),
        element(0, ELEMENT_CATCHALL, ElementVerdict::Drop),
    ];
    let add = Change::all(0, SetOpKind::Add).with(carries, 20, elements);
    let mut device = load(lab, &build, &[add])?;
    expect_dropped(lab, &[1, 2, 3], &[1, 3])?;
    let flagged = [0_u32.to_be_bytes(), ELEMENT_CATCHALL.to_ne_bytes()].concat();
    let delete = Change::all(0, SetOpKind::Delete).with(CARRIES_FLAGS, 8, [flagged]);
    change(&mut device, &[delete])?;
    expect_dropped(lab, &[1, 2, 3], &[])
}

fn read_and_reset(lab: &mut Lab) -> Result<()> {
    let mut build = Build::default();
    let set = build.set("s", SetKind::Set, 0);
    build.template(counter());
    build.rule(&[Step::In(set), Step::Drop]);
    let mut device = load(lab, &build, &[Change::keys(0, SetOpKind::Add, [1, 2])])?;
    expect_dropped(lab, &[1, 1, 2, 3], &[1, 2])?;
    let last = |bytes: &[u8]| {
        let state = bytes.get(bytes.len().saturating_sub(size_of::<StateValue>())..);
        state.and_then(|state| StateValue::read_from_bytes(state).ok())
    };
    let key = 1_u32.to_be_bytes();
    // The library asks with no room first: that must not reset.
    let read = device.elements(identity(0), Which::Key(&key), true, Expected::Any)?;
    let op = op_of(&read.value)?;
    ensure!(op.count == 1 && read.value.len() % 8 == 0, "{op:?}");
    let end = size_of::<BatchHeader>() + size_of::<SetOp>() + op.stride as usize;
    let value = read.value.get(..end).and_then(last);
    ensure!(value.is_some_and(|value| value.a == 2), "{value:?}");
    ensure!(state_of(&mut device, 0, 1)?.a == 0, "not reset");
    ensure!(state_of(&mut device, 0, 2)?.a == 1, "another was reset");
    Ok(())
}

fn refused(lab: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Clear, Delete};
    let all = [1, 2, 5, 6, 10];
    let mut build = drops("s", 0);
    let other = build.set("i", SetKind::Set, SET_INTERVAL);
    build.rule(&[Step::In(other), Step::Drop]);
    let first = [
        Change::keys(0, Add, [1, 2]),
        Change::intervals(1, Add, &[(10, 12)]),
    ];
    let mut device = load(lab, &build, &first)?;
    let changes = [
        Change::keys(0, Add, [5, 6]),
        Change::all(0, Clear),
        Change::intervals(1, Delete, &[(10, 12)]),
        Change::keys(0, Delete, [77]),
    ];
    let missing = refusal(change(&mut device, &changes))?;
    ensure!(missing == (VerifyError::Missing, 3, 0), "{missing:?}");
    expect_dropped(lab, &all, &[1, 2, 10])?;
    ensure!(count(&mut device, 0)? == 2, "elements of a refused change");
    // With a program it is the same.
    let image = build.image(Hook::Forward);
    let batch = batch(&changes);
    let loaded = device.load(&image, &batch, Expected::Any, LoadMode::Publish);
    ensure!(matches!(loaded, Err(Error::Refused(_))), "{loaded:?}");
    let dry = program::batch(&[Change::all(0, Clear)]);
    device.change_sets(&dry, Expected::Any, LoadMode::DryRun)?;
    expect_dropped(lab, &all, &[1, 2, 10])
}

/// A template of a counter.
fn counter() -> State {
    State {
        kind: StateKind::Counter as u8,
        ..State::default()
    }
}

fn survive(lab: &mut Lab) -> Result<()> {
    use SetOpKind::{Add, Replace};
    let mut build = Build::default();
    let set = build.set("s", SetKind::Set, 0);
    build.template(counter());
    build.rule(&[Step::In(set), Step::Drop]);
    let fixed = |keys: &[u32]| {
        let elements = keys
            .iter()
            .map(|key| [key.to_be_bytes(), ELEMENT_STATIC.to_ne_bytes()].concat());
        Change::all(0, Add).with(CARRIES_FLAGS, 8, elements)
    };
    let mut device = load(lab, &build, &[fixed(&[1, 2])])?;
    change(&mut device, &[Change::keys(0, Add, [3])])?;
    expect_dropped(lab, &[1, 1, 3], &[1, 3])?;
    // The same set further back, without 2 and with 4.
    let mut build = Build::default();
    build.set("before", SetKind::Set, 0);
    let set = build.set("s", SetKind::Set, 0);
    build.template(counter());
    build.rule(&[Step::In(set), Step::Drop]);
    let mut changes = [Change::all(1, Replace), fixed(&[1, 4])];
    changes[1] = {
        let elements =
            [1_u32, 4].map(|key| [key.to_be_bytes(), ELEMENT_STATIC.to_ne_bytes()].concat());
        Change::all(1, Add).with(CARRIES_FLAGS, 8, elements)
    };
    load_with(&mut device, &build.image(Hook::Forward), &changes)?;
    expect_dropped(lab, &[1, 2, 3, 4], &[1, 3, 4])?;
    for (key, packets) in [(1, 3), (3, 2), (4, 1)] {
        let value = state_of(&mut device, 1, key)?;
        ensure!(value.a == packets, "{key}: {value:?}");
    }
    ensure!(count(&mut device, 1)? == 3, "not three elements");
    Ok(())
}

fn anonymous(lab: &mut Lab) -> Result<()> {
    for flags in [SET_ANONYMOUS, SET_ANONYMOUS | SET_INTERVAL] {
        for counted in [false, true] {
            let mut build = Build::default();
            let set = build.set("", SetKind::Set, flags);
            if counted {
                build.template(counter());
            }
            build.rule(&[Step::In(set), Step::Drop]);
            let holds = |keys: &[u32]| {
                let elements = keys
                    .iter()
                    .map(|key| [key.to_be_bytes(), ELEMENT_STATIC.to_ne_bytes()].concat());
                Change::all(0, SetOpKind::Add).with(CARRIES_FLAGS, 8, elements)
            };
            let mut device = load(lab, &build, &[holds(&[1, 2])])?;
            expect_dropped(lab, &[1, 2, 3], &[1, 2])?;
            load_with(&mut device, &build.image(Hook::Forward), &[holds(&[2, 3])])?;
            expect_dropped(lab, &[1, 2, 3], &[2, 3])?;
            if counted {
                ensure!(
                    state_of(&mut device, 0, 2)?.a == 2,
                    "a counter did not go on"
                );
            }
            device.flush(Expected::Any)?;
        }
    }
    Ok(())
}

fn time_out(lab: &mut Lab) -> Result<()> {
    let mut build = drops("s", SET_TIMEOUT);
    build.sets[0].timeout = 60_000;
    build.sets[0].gc_interval = 100;
    let mut device = load(lab, &build, &[Change::keys(0, SetOpKind::Add, [1])])?;
    let brief = [2_u32.to_be_bytes().to_vec(), 700_u64.to_ne_bytes().to_vec()].concat();
    let brief = Change::all(0, SetOpKind::Add).with(CARRIES_TIMEOUT, 12, [brief]);
    change(&mut device, &[brief])?;
    expect_dropped(lab, &[1, 2, 3], &[1, 2])?;
    std::thread::sleep(Duration::from_millis(800));
    expect_dropped(lab, &[1, 2, 3], &[1])?;
    ensure!(count(&mut device, 0)? == 1, "an element beyond its time");
    // Its place is free again.
    change(&mut device, &[Change::keys(0, SetOpKind::Add, [2])])?;
    expect_dropped(lab, &[1, 2, 3], &[1, 2])
}

/// A program that drops what it has seen, up to three, within 700 ms.
fn adds() -> Build {
    let mut build = Build::default();
    let set = build.set("seen", SetKind::Set, SET_DYNAMIC | SET_TIMEOUT);
    build.sets[0].size = 3;
    let statement = |kind: SetUpdate, milliseconds| Statement {
        kind: StatementKind::UpdateSet as u8,
        key: kind as u8,
        field: NO_FIELD,
        a: set,
        b: 0,
        c: milliseconds,
        ..Statement::default()
    };
    let add = build.statement(statement(SetUpdate::Add, 700));
    build.rule(&[Step::In(set), Step::Drop]);
    build.rule(&[Step::Do(add)]);
    build
}

fn added_by_rules(lab: &mut Lab) -> Result<()> {
    let build = adds();
    let mut device = load(lab, &build, &[])?;
    expect_dropped(lab, &[1, 2, 3, 4], &[])?;
    expect_dropped(lab, &[1, 2, 3, 4], &[1, 2, 3])?;
    ensure!(count(&mut device, 0)? == 3, "not three elements");
    std::thread::sleep(Duration::from_millis(1900));
    ensure!(count(&mut device, 0)? == 0, "elements beyond their time");
    expect_dropped(lab, &[4], &[])?;
    expect_dropped(lab, &[4, 1], &[4])?;
    change(&mut device, &[Change::all(0, SetOpKind::Clear)])?;
    expect_dropped(lab, &[4], &[])
}

/// A program that does what a map says.
fn follows() -> Build {
    let mut build = Build::default();
    let map = build.set("m", SetKind::Verdict, 0);
    build.rule(&[Step::Follow(map)]);
    build
}

fn verdict_map(lab: &mut Lab) -> Result<()> {
    let build = follows();
    let element = |key: u32, verdict: ElementVerdict, handle: u64| {
        let mut bytes = key.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(verdict as u32).to_ne_bytes());
        bytes.extend_from_slice(&handle.to_ne_bytes());
        bytes
    };
    let add =
        |elements: Vec<Vec<u8>>| Change::all(0, SetOpKind::Add).with(CARRIES_VERDICT, 16, elements);
    let first = [
        element(1, ElementVerdict::Drop, 0),
        element(2, ElementVerdict::Jump, ELSEWHERE),
        element(3, ElementVerdict::Accept, 0),
    ];
    let mut device = load(lab, &build, &[add(first.to_vec())])?;
    expect_dropped(lab, &[1, 2, 3, 4], &[1, 2])?;
    let nowhere = change(
        &mut device,
        &[add(vec![element(4, ElementVerdict::Goto, 5)])],
    );
    let nowhere = refusal(nowhere)?;
    ensure!(nowhere == (VerifyError::Element, 0, 0), "{nowhere:?}");
    let other = refusal(change(
        &mut device,
        &[add(vec![element(3, ElementVerdict::Drop, 0)])],
    ))?;
    ensure!(other == (VerifyError::Exists, 0, 0), "{other:?}");
    change(
        &mut device,
        &[add(vec![element(4, ElementVerdict::Goto, ELSEWHERE)])],
    )?;
    expect_dropped(lab, &[1, 2, 3, 4], &[1, 2, 4])
}

/// A program that drops what is in a set, and logs the rest.
fn logs() -> Build {
    let mut build = drops("s", 0);
    build.logs.push(Log {
        group: LOG_KERNEL,
        level: 7,
        ..Log::default()
    });
    let log = build.statement(Statement {
        kind: StatementKind::Log as u8,
        field: NO_FIELD,
        ..Statement::default()
    });
    build.rule(&[Step::Do(log)]);
    build
}

fn events(lab: &mut Lab) -> Result<()> {
    let build = logs();
    let mut listener = ferrule::device(lab.router())?;
    let all = 1 << EventKind::Log as u32
        | 1 << EventKind::Ruleset as u32
        | 1 << EventKind::Elements as u32;
    listener.subscribe(all, 0, 0)?;
    let mut device = load(lab, &build, &[])?;
    change(&mut device, &[Change::keys(0, SetOpKind::Add, [1])])?;
    expect_dropped(lab, &[2], &[])?;
    let mut buffer = vec![0; 1 << 16];
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let len = listener.events(&mut buffer)?;
        let mut rest = buffer.get(..len).context("a length beyond the buffer")?;
        while let Ok((event, _)) = Event::read_from_prefix(rest) {
            ensure!(event.lost == 0, "{event:?}");
            kinds.push(event.kind);
            let size = (event.size as usize).next_multiple_of(8);
            rest = rest.get(size..).context("an event beyond the buffer")?;
        }
    }
    let expected =
        [EventKind::Ruleset, EventKind::Elements, EventKind::Log].map(|kind| kind as u32);
    ensure!(kinds == expected, "{kinds:?}");
    Ok(())
}

/// A program that drops two packets, and no more within an hour.
fn limited() -> Build {
    let mut build = Build::default();
    build.states.push(State {
        identity: 7,
        kind: StateKind::Limit as u8,
        a: 1,
        b: 3_600_000_000_000,
        c: 2,
        ..State::default()
    });
    let ask = build.statement(Statement {
        kind: StatementKind::State as u8,
        field: NO_FIELD,
        ..Statement::default()
    });
    build.rule(&[Step::Do(ask), Step::Drop]);
    build
}

fn limits(lab: &mut Lab) -> Result<()> {
    let mut build = limited();
    let mut device = load(lab, &build, &[])?;
    expect_dropped(lab, &[1], &[1])?;
    load_with(&mut device, &build.image(Hook::Forward), &[])?;
    expect_dropped(lab, &[1], &[1])?;
    expect_dropped(lab, &[1, 1], &[])?;
    // Another rate is another limit.
    build.states[0].c = 1;
    load_with(&mut device, &build.image(Hook::Forward), &[])?;
    expect_dropped(lab, &[1], &[1])?;
    expect_dropped(lab, &[1], &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_of_the_scenarios_verify() {
        let builds = [
            drops("s", 0),
            drops("m", SET_INTERVAL | SET_AUTO_MERGE),
            adds(),
            follows(),
            logs(),
            limited(),
            traffic::four_sets().0,
        ];
        for (number, build) in builds.iter().enumerate() {
            let image = build.image(Hook::Forward);
            let verified = userctl::image::Image::new(&image).verify();
            assert!(verified.is_ok(), "{number}: {:?}", verified.err());
        }
    }
}
