// SPDX-License-Identifier: GPL-2.0
//! The module comes and goes: on an unmodified kernel, under traffic, again and again.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{bail, ensure, Context, Result};
use ferrule_uapi::hook::Family;
use ferrule_uapi::DEVICE_PATH;
use nix::errno::Errno;
use nix::sched::{sched_setaffinity, CpuSet};
use nix::unistd::Pid;
use userctl::device::{Expected, Kernel, LoadMode};

use crate::ferrule;
use crate::filter::Filter;
use crate::kernel_log;
use crate::lab::{self, Lab, Path as Way};
use crate::memory;
use crate::packet::Packet;
use crate::process;
use crate::runner::Scenario;
use crate::wire::PacketSocket;

use super::lifecycle::drop_port;

/// Taints of an out-of-tree and of an unsigned module (`TAINT_OOT_MODULE`, `TAINT_UNSIGNED_MODULE`).
const EXPECTED_TAINT: u64 = 1 << 12 | 1 << 13;

/// How often the module is loaded and removed in a row.
const ROUNDS: usize = 50;

/// The group that begins a run: what the guest is.
pub(super) fn first() -> Vec<Scenario> {
    vec![
        Scenario::new("the-kernel-is-debians-own", debians_kernel),
        Scenario::new("modinfo-knows-the-module", modinfo),
        Scenario::new("insmod-and-rmmod-are-all-it-takes", insmod_and_rmmod),
    ]
}

/// The group that ends a run.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("without-the-module-the-tool-says-so", missing_device),
        Scenario::new("rmmod-with-an-open-descriptor-says-busy", busy),
        Scenario::new(
            "rmmod-with-rules-loaded-lets-everything-pass",
            rmmod_while_loaded,
        ),
        Scenario::new("rmmod-while-traffic-flows-is-clean", under_traffic),
        Scenario::new(
            "rulesets-replaced-while-traffic-flows-lose-no-packet",
            replace_under_traffic,
        ),
        Scenario::new(
            "fifty-rounds-of-loading-and-unloading-keep-no-memory",
            many_rounds,
        ),
        Scenario::new("the-kernels-taint-is-that-of-any-module-of-ones-own", taint),
    ]
}

fn debians_kernel(_: &mut Lab) -> Result<()> {
    let version = fs::read_to_string("/proc/version")?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    // What Debian's build writes there; a kernel of one's own has another builder and version.
    for part in ["debian-kernel@lists.debian.org", "Debian 7."] {
        ensure!(version.contains(part), "no {part:?} in {version}");
    }
    ensure!(release.contains("+deb"), "release {release}");
    Ok(())
}

fn modinfo(_: &mut Lab) -> Result<()> {
    let text = process::run_ok(&["modinfo", ferrule::MODULE])?.stdout;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    for part in [
        "license:",
        "GPL",
        "description:",
        "name:           ferrule",
        release.trim(),
    ] {
        ensure!(text.contains(part), "no {part:?} in\n{text}");
    }
    Ok(())
}

fn insmod_and_rmmod(_: &mut Lab) -> Result<()> {
    process::run_ok(&["rmmod", "ferrule"])?;
    ensure!(
        !ferrule::is_loaded() && !Path::new(DEVICE_PATH).exists(),
        "still there"
    );
    process::run_ok(&["insmod", ferrule::MODULE])?;
    ensure!(
        ferrule::is_loaded() && Path::new(DEVICE_PATH).exists(),
        "not there"
    );
    Ok(())
}

fn missing_device(lab: &mut Lab) -> Result<()> {
    remove()?;
    fs::write("/tmp/rules.nft", drop_port("t", 1))?;
    let commands: [&[&str]; 5] = [
        &["list"],
        &["flush"],
        &["counters"],
        &["hooks"],
        &["load", "/tmp/rules.nft"],
    ];
    for command in commands {
        let output = ferrule::userctl(lab.router(), command)?;
        ensure!(output.status == Some(2), "{output}");
        ensure!(output.stderr.contains(DEVICE_PATH), "{output}");
    }
    // Checking a file needs no device.
    process::run_ok(&["userctl", "check", "/tmp/rules.nft"])?;
    Ok(())
}

fn busy(lab: &mut Lab) -> Result<()> {
    let device = lab.router().inside(|| File::open(DEVICE_PATH))??;
    ensure!(
        ferrule::remove() == Err(Errno::EWOULDBLOCK),
        "rmmod is not refused"
    );
    let output = process::run(&["rmmod", "ferrule"])?;
    ensure!(output.status != Some(0), "{output}");
    ensure!(output.text().contains("in use"), "{output}");
    ensure!(ferrule::info(lab.router())?.hooks == 10, "not as before");
    drop(device);
    remove()
}

fn rmmod_while_loaded(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let packet = Packet::udp(Family::Ip, 9, 1);
    ensure!(!lab.send(Way::Forward, &packet)?, "not dropped");
    remove()?;
    ensure!(
        lab.send(Way::Forward, &packet)?,
        "dropped without the module"
    );
    ferrule::insert()?;
    ensure!(
        lab.send(Way::Forward, &packet)?,
        "dropped by a ruleset of before"
    );
    Ok(())
}

/// Floods the router from another CPU while `work` runs; says how many frames were sent.
fn flooded(lab: &mut Lab, work: impl FnOnce(&mut Lab) -> Result<()>) -> Result<u64> {
    let socket = PacketSocket::open(lab.client(), "eth0")?;
    let frames = [Family::Ip, Family::Ip6]
        .map(|family| [1, 2].map(|port| lab::ethernet(&Packet::udp(family, 9, port))));
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| -> Result<()> {
            let mut cpus = CpuSet::new();
            cpus.set(1)?;
            sched_setaffinity(Pid::from_raw(0), &cpus)?;
            while !stop.load(Ordering::Relaxed) {
                for frame in frames.iter().flatten() {
                    socket.send(frame)?;
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        });
        let result = work(lab);
        stop.store(true, Ordering::Relaxed);
        match flood.join() {
            Ok(flooded) => flooded.context("the flood")?,
            Err(_) => bail!("the flood's thread panicked"),
        }
        result
    })?;
    lab.drain()?;
    Ok(sent.into_inner())
}

fn under_traffic(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let program = ferrule::device(lab.router())?.program()?.value;
    let sent = flooded(lab, |lab| {
        for _ in 0..10 {
            remove()?;
            ferrule::insert()?;
            ferrule::device(lab.router())?.load(&program, &[], Expected::Any, LoadMode::Publish)?;
        }
        Ok(())
    })?;
    ensure!(
        sent > 100,
        "only {sent} frames while the module came and went"
    );
    Ok(())
}

/// Both rulesets drop the same packets: one that passes has met neither, or a mixture.
fn replace_under_traffic(lab: &mut Lab) -> Result<()> {
    let rules = |spare| {
        format!(
            "table inet t {{\n chain c {{\n  type filter hook forward priority filter;\n  \
             udp dport {spare} accept\n  udp dport 1-2 counter drop comment \"all\"\n }}\n}}\n"
        )
    };
    let mut programs = Vec::new();
    for spare in [4000, 5000] {
        Filter::Ferrule.load(lab.router(), &rules(spare))?;
        programs.push(ferrule::device(lab.router())?.program()?.value);
    }
    ferrule::reset_counters(lab.router())?;
    let sent = flooded(lab, |lab| {
        let mut device = ferrule::device(lab.router())?;
        for round in 0..100 {
            let program = &programs[round % programs.len()];
            device.load(program, &[], Expected::Any, LoadMode::Publish)?;
        }
        Ok(())
    })?;
    let (mut came, mut dropped) = (0, 0);
    for (point, _, count) in ferrule::hook_counts(lab.router())? {
        if point.1 == ferrule_uapi::hook::Hook::Forward {
            came += count.packets;
            dropped += count.dropped;
        }
    }
    ensure!(
        came > 0 && came == dropped,
        "{came} came, {dropped} dropped, {sent} sent"
    );
    Ok(())
}

fn many_rounds(lab: &mut Lab) -> Result<()> {
    // Large enough that one leaked ruleset a round would show.
    let comment = "x".repeat(100);
    let rule = format!("  udp dport 1 counter drop comment \"{comment}\"\n");
    let rules = format!(
        "table inet t {{\n chain c {{\n  type filter hook forward priority -3;\n{} }}\n}}\n",
        rule.repeat(2000)
    );
    Filter::Ferrule.load(lab.router(), &rules)?;
    let program = ferrule::device(lab.router())?.program()?.value;
    let packet = Packet::udp(Family::Ip6, 9, 1);
    let mut round = || -> Result<()> {
        ferrule::device(lab.router())?.load(&program, &[], Expected::Any, LoadMode::Publish)?;
        ensure!(!lab.send(Way::Forward, &packet)?, "not dropped");
        remove()?;
        ferrule::insert()
    };
    round()?;
    let limit = ROUNDS * program.len() / 2;
    memory::must_not_grow(limit, || (0..ROUNDS).try_for_each(|_| round()))
}

fn taint(_: &mut Lab) -> Result<()> {
    let taint = kernel_log::taint()?;
    ensure!(
        taint == EXPECTED_TAINT,
        "taint {taint}, expected {EXPECTED_TAINT}"
    );
    Ok(())
}

fn remove() -> Result<()> {
    ferrule::remove().context("cannot remove the module")
}
