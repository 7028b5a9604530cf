// SPDX-License-Identifier: GPL-2.0
//! A million changes of elements of loaded sets, while packets come at full rate on the other CPU.
//!
//! Ports are moved from set to set in the same requests that change what else is in the sets: the first op of a
//! request takes them out of one set, the last one puts them into another. A packet for such a port that saw
//! a part of a request would find the port in no set, in two, or in two that do not go together.
//!
//! ```text
//! ports      in one of a, b      in one of c, d       moved by
//! HASHED     a or b              c                    requests that change a and b
//! PAIRED     a with c, or b with d                    requests that change all four
//! ```

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use ferrule_uapi::hook::Hook;
use ferrule_uapi::set::{SetKind, SetOpKind, SET_INTERVAL};
use nix::sched::{sched_setaffinity, CpuSet};
use nix::unistd::Pid;
use userctl::device::{Device, Expected, Kernel};

use super::program::{Build, Change, Step};
use super::{change, count, load_with};
use crate::ferrule;
use crate::lab::Lab;
use crate::topology;

/// Elements of each set beside the ports.
const LOADED: u32 = 100_000;
/// Changes to be made, and requests to make them in at least.
const CHANGES: u64 = 1_000_000;
const REQUESTS: u64 = 5000;

/// Elements that a request with many replaces in a set of single keys, and in one of intervals.
const MANY: u32 = 160;
const MANY_INTERVALS: u32 = 40;
/// Each how many requests are the one that changes intervals, and the one that loads the ruleset anew.
const INTERVALS_EACH: u64 = 16;
const RELOAD_EACH: u64 = 1000;

/// How often to say how far it is.
const TELL_EACH: u64 = 500;

const PORTS: usize = 16;
const HASHED: u16 = 2000;
const PAIRED: u16 = 1000;

/// Sets a and b of single keys, c and d of intervals.
const SETS: [u32; 4] = [0, 1, 2, 3];

/// A program that counts packets; those that see their port in both sets of a pair, or in none; and those whose
/// port is of [`PAIRED`] and in sets that do not go together. It drops them all, so that nothing is done for
/// them that would slow them down.
fn judge() -> (Build, u32) {
    let mut build = Build::default();
    let [a, b] = ["a", "b"].map(|name| build.set(name, SetKind::Set, 0));
    let [c, d] = ["c", "d"].map(|name| build.set(name, SetKind::Set, SET_INTERVAL));
    let paired = build.set("paired", SetKind::Set, SET_INTERVAL);
    let [seen, both, neither, apart] = [(); 4].map(|()| build.counter());
    build.rule(&[Step::Count(seen)]);
    for (one, other) in [(a, b), (c, d)] {
        build.rule(&[Step::In(one), Step::In(other), Step::Count(both)]);
        build.rule(&[Step::NotIn(one), Step::NotIn(other), Step::Count(neither)]);
    }
    for (one, its) in [(a, c), (b, d)] {
        let together = [Step::In(paired), Step::In(one), Step::NotIn(its)];
        build.rule(&[&together[..], &[Step::Count(apart)]].concat());
    }
    build.rule(&[Step::Drop]);
    (build, paired)
}

/// The single key, and the beginning of the interval, that fills up a set as its `number`th element: above all
/// ports, and scattered, so that requests change the sets everywhere.
fn key(number: u32) -> u32 {
    0x1_0000 + (number.wrapping_mul(0x9E37_79B1) & 0x7fff_ffff)
}

fn interval(number: u32) -> (u32, u32) {
    let begin = 0x1_0000 + ((number.wrapping_mul(0x9E37_79B1) & 0x0fff_ffff) << 2);
    (begin, begin + 2)
}

fn ports(first: u16) -> impl Iterator<Item = u32> {
    (0..PORTS as u32).map(move |offset| u32::from(first) + offset)
}

/// The ports as one interval.
fn range(first: u16) -> [(u32, u32); 1] {
    [(first.into(), u32::from(first) + PORTS as u32 - 1)]
}

/// What is in the sets, and what was done to them.
struct Churn {
    device: Device,
    image: Vec<u8>,
    /// Numbers of the elements that fill up each set: from here on, [`LOADED`] of them.
    first: [u32; 4],
    /// Whether the ports are in a rather than in b; those of [`PAIRED`] are in c then.
    hashed_in_a: bool,
    paired_in_a: bool,
    requests: u64,
    changes: u64,
}

impl Churn {
    /// Loads the program and fills the sets.
    fn begin(device: Device, build: &Build, paired: u32) -> Result<Self> {
        use SetOpKind::Add;
        let mut churn = Churn {
            device,
            image: build.image(Hook::LocalOut),
            first: [0; 4],
            hashed_in_a: true,
            paired_in_a: true,
            requests: 0,
            changes: 0,
        };
        let mut first = vec![
            Change::keys(SETS[0], Add, ports(HASHED).chain(ports(PAIRED))),
            Change::intervals(SETS[2], Add, &range(HASHED)),
            Change::intervals(SETS[2], Add, &range(PAIRED)),
            Change::intervals(paired, Add, &range(PAIRED)),
        ];
        first.extend(SETS.map(|set| fill(set, Add, 0, LOADED)));
        load_with(&mut churn.device, &churn.image, &first)?;
        Ok(churn)
    }

    /// Replaces `many` elements of a set: what removes the oldest of them, and what adds as many.
    fn replace(&mut self, set: u32, many: u32) -> [Change; 2] {
        let first = &mut self.first[set as usize];
        let changes = [
            fill(set, SetOpKind::Delete, *first, many),
            fill(set, SetOpKind::Add, *first + LOADED, many),
        ];
        *first += many;
        self.changes += 2 * u64::from(many);
        changes
    }

    /// A request: few elements, or many, of some of the sets.
    fn request(&mut self) -> Result<()> {
        self.requests += 1;
        if self.requests % INTERVALS_EACH == 0 {
            return self.all_sets();
        }
        match self.requests % 4 {
            0 => self.hash_tables(0),
            1 => self.single(),
            _ => self.hash_tables(MANY),
        }
    }

    /// One element goes, and in the next request one comes.
    fn single(&mut self) -> Result<()> {
        let set = SETS[(self.requests / 4 % 2) as usize];
        let [gone, come] = self.replace(set, 1);
        change(&mut self.device, &[gone])?;
        self.requests += 1;
        change(&mut self.device, &[come])?;
        Ok(())
    }

    /// Moves the ports of [`HASHED`] between a and b, of which each gets `many` new elements.
    fn hash_tables(&mut self, many: u32) -> Result<()> {
        let [a, b, ..] = SETS;
        let (from, to) = if self.hashed_in_a { (a, b) } else { (b, a) };
        self.hashed_in_a = !self.hashed_in_a;
        self.changes += 2 * PORTS as u64;
        let mut changes = vec![Change::keys(from, SetOpKind::Delete, ports(HASHED))];
        if many != 0 {
            changes.extend(self.replace(to, many));
            changes.extend(self.replace(from, many));
        }
        changes.push(Change::keys(to, SetOpKind::Add, ports(HASHED)));
        self.apply(&changes)
    }

    /// Moves the ports of [`PAIRED`] from a and c to b and d, or back.
    fn all_sets(&mut self) -> Result<()> {
        use SetOpKind::{Add, Delete};
        let [a, b, c, d] = SETS;
        let there = ([a, c], [b, d]);
        let (from, to) = if self.paired_in_a {
            there
        } else {
            (there.1, there.0)
        };
        self.paired_in_a = !self.paired_in_a;
        self.changes += 2 * (PORTS as u64 + 1);
        let mut changes = vec![
            Change::keys(from[0], Delete, ports(PAIRED)),
            Change::intervals(to[1], Add, &range(PAIRED)),
        ];
        for set in [a, b] {
            changes.extend(self.replace(set, MANY));
        }
        for set in [c, d] {
            changes.extend(self.replace(set, MANY_INTERVALS));
        }
        changes.push(Change::intervals(from[1], Delete, &range(PAIRED)));
        changes.push(Change::keys(to[0], Add, ports(PAIRED)));
        self.apply(&changes)
    }

    /// Makes the changes, now and then with a ruleset.
    fn apply(&mut self, changes: &[Change]) -> Result<()> {
        if self.requests % RELOAD_EACH == 0 {
            load_with(&mut self.device, &self.image, changes)?;
        } else {
            change(&mut self.device, changes)?;
        }
        Ok(())
    }

    /// Each set has what it should have, in number.
    fn is_complete(&mut self) -> Result<()> {
        let total: u32 = SETS
            .iter()
            .map(|set| count(&mut self.device, *set))
            .sum::<Result<u32>>()?;
        // The ports singly in a or b; as two intervals in c or d.
        let expected = 4 * LOADED + 2 * PORTS as u32 + 2;
        ensure!(total == expected, "{total} elements, not {expected}");
        Ok(())
    }
}

/// Changes `many` of the elements that fill up a set.
fn fill(set: u32, kind: SetOpKind, first: u32, many: u32) -> Change {
    let numbers = first..first + many;
    match set {
        0 | 1 => Change::keys(set, kind, numbers.map(key)),
        _ => Change::intervals(set, kind, &numbers.map(interval).collect::<Vec<_>>()),
    }
}

/// Stays on this CPU.
fn stay_on(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &cpus).context("cannot choose a CPU")
}

/// Sends to each of the ports in turn; the rules drop the packets, which is an error here.
fn send(socket: &UdpSocket, stop: &AtomicBool) -> Result<()> {
    stay_on(1)?;
    let ports = ports(HASHED).chain(ports(PAIRED));
    let to: Vec<_> = ports.map(|port| ([127, 0, 0, 1], port as u16)).collect();
    while !stop.load(Ordering::Relaxed) {
        for to in &to {
            let _ = socket.send_to(b"x", std::net::SocketAddr::from(*to));
        }
    }
    Ok(())
}

pub(super) fn million_changes(_: &mut Lab) -> Result<()> {
    let ns = topology::quiet_netns("churn")?;
    ns.run_ok(&["ip", "link", "set", "lo", "up"])?;
    let (build, paired) = judge();
    let begun = Instant::now();
    let mut churn = Churn::begin(ferrule::device(&ns)?, &build, paired)?;
    let socket = ns.inside(|| UdpSocket::bind("127.0.0.1:0"))??;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| -> Result<()> {
        let sender = scope.spawn(|| send(&socket, &stop));
        let changer = scope.spawn(|| -> Result<()> {
            stay_on(0)?;
            println!("# loaded: {:?}", begun.elapsed());
            let mut told = 0;
            while churn.changes < CHANGES || churn.requests < REQUESTS {
                churn.request()?;
                // Whoever waits for the guest wants to hear from it.
                if churn.requests >= told + TELL_EACH {
                    told = churn.requests;
                    println!("# {} changes: {:?}", churn.changes, begun.elapsed());
                }
            }
            Ok(())
        });
        let changed = changer.join().expect("the changer does not panic");
        stop.store(true, Ordering::Relaxed);
        sender.join().expect("the sender does not panic")?;
        changed
    })?;
    let values = churn.device.counters(Expected::Any)?.value;
    let packets: Vec<u64> = values.iter().map(|value| value.packets).collect();
    println!(
        "# {} changes in {} requests, {} packets judged: {:?}",
        churn.changes,
        churn.requests,
        packets[0],
        begun.elapsed()
    );
    ensure!(packets[1..] == [0, 0, 0], "half a change: {packets:?}");
    ensure!(
        packets[0] > 10 * churn.requests,
        "no traffic to speak of: {packets:?}"
    );
    churn.is_complete()
}
