// SPDX-License-Identifier: GPL-2.0
//! Sets under load: changes of several at once while packets come, and a set of a million elements.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{ensure, Result};
use ferrule_uapi::hook::Hook;
use ferrule_uapi::set::{SetKind, SetOpKind, SET_INTERVAL};
use userctl::device::{Device, Expected, Kernel};

use super::program::{Build, Change, Step};
use super::{change, count, drops, load_with};
use crate::ferrule;
use crate::lab::Lab;
use crate::memory;
use crate::netns::Netns;
use crate::topology;

/// How many times the four sets are changed.
const ROUNDS: u32 = 2000;

/// A program that counts packets, and those that see a port in both sets of a pair, in none, or in sets that
/// do not go together.
pub(super) fn four_sets() -> (Build, [u32; 4]) {
    let mut build = Build::default();
    let sets = [
        build.set("a", SetKind::Set, 0),
        build.set("b", SetKind::Set, 0),
        build.set("c", SetKind::Set, SET_INTERVAL),
        build.set("d", SetKind::Set, SET_INTERVAL),
    ];
    let [a, b, c, d] = sets;
    let counters = [(); 4].map(|()| build.counter());
    let [seen, both, neither, apart] = counters;
    // The port is in a and c, or in b and d.
    build.rule(&[Step::Count(seen)]);
    build.rule(&[Step::In(a), Step::In(b), Step::Count(both)]);
    build.rule(&[Step::In(c), Step::In(d), Step::Count(both)]);
    build.rule(&[Step::NotIn(a), Step::NotIn(b), Step::Count(neither)]);
    build.rule(&[Step::NotIn(c), Step::NotIn(d), Step::Count(neither)]);
    build.rule(&[Step::In(a), Step::NotIn(c), Step::Count(apart)]);
    build.rule(&[Step::In(b), Step::NotIn(d), Step::Count(apart)]);
    (build, sets)
}

pub(super) fn whole_under_traffic(_: &mut Lab) -> Result<()> {
    let ns = topology::quiet_netns("whole")?;
    ns.run_ok(&["ip", "link", "set", "lo", "up"])?;
    let (build, sets) = four_sets();
    let [a, _, c, _] = sets;
    let image = build.image(Hook::LocalOut);
    let first = [
        Change::keys(a, SetOpKind::Add, [9]),
        Change::intervals(c, SetOpKind::Add, &[(1, 10)]),
    ];
    let mut device = ferrule::device(&ns)?;
    load_with(&mut device, &image, &first)?;
    let socket = ns.inside(|| UdpSocket::bind("127.0.0.1:0"))??;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| -> Result<()> {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = socket.send_to(b"x", "127.0.0.1:9");
            }
        });
        let done = toggle(&mut device, &image, sets);
        stop.store(true, Ordering::Relaxed);
        done
    })?;
    let values = device.counters(Expected::Any)?.value;
    let packets: Vec<u64> = values.iter().map(|value| value.packets).collect();
    ensure!(packets[0] > 100, "no traffic: {packets:?}");
    ensure!(packets[1..] == [0, 0, 0], "{packets:?}");
    Ok(())
}

/// Moves the port from one pair of sets to the other and back; sometimes with a ruleset.
fn toggle(device: &mut Device, image: &[u8], [a, b, c, d]: [u32; 4]) -> Result<()> {
    use SetOpKind::{Add, Delete};
    let pair = [(1, 10)];
    let there = [
        Change::keys(a, Delete, [9]),
        Change::keys(b, Add, [9]),
        Change::intervals(c, Delete, &pair),
        Change::intervals(d, Add, &pair),
    ];
    let back = [
        Change::intervals(d, Delete, &pair),
        Change::intervals(c, Add, &pair),
        Change::keys(b, Delete, [9]),
        Change::keys(a, Add, [9]),
    ];
    for round in 0..ROUNDS {
        let changes = if round % 2 == 0 { &there } else { &back };
        if round % 50 == 7 {
            load_with(device, image, changes)?;
        } else {
            change(device, changes)?;
        }
    }
    Ok(())
}

/// Elements of the large set, and how many of them are changed one at a time.
const MILLION: u32 = 1_000_000;
const SINGLY: u32 = 5000;

pub(super) fn million(_: &mut Lab) -> Result<()> {
    let build = drops("s", 0);
    let image = build.image(Hook::LocalOut);
    memory::must_not_grow(32 << 20, || {
        let ns = Netns::create("large")?;
        let mut device = ferrule::device(&ns)?;
        load_with(&mut device, &image, &[])?;
        let begun = Instant::now();
        change(&mut device, &[Change::keys(0, SetOpKind::Add, 0..MILLION)])?;
        println!("# {MILLION} added at once: {:?}", begun.elapsed());
        let begun = Instant::now();
        for key in 0..SINGLY {
            change(&mut device, &[Change::keys(0, SetOpKind::Delete, [key])])?;
            change(
                &mut device,
                &[Change::keys(0, SetOpKind::Add, [MILLION + key])],
            )?;
        }
        println!(
            "# {SINGLY} removed and {SINGLY} added singly: {:?}",
            begun.elapsed()
        );
        ensure!(count(&mut device, 0)? == MILLION, "elements were lost");
        let half = Change::keys(0, SetOpKind::Delete, SINGLY..MILLION / 2);
        change(&mut device, &[half])?;
        let rest = MILLION / 2 + SINGLY;
        ensure!(count(&mut device, 0)? == rest, "not what should be left");
        Ok(())
    })
}
