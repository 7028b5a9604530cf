// SPDX-License-Identifier: GPL-2.0
//! Rulesets belong to network namespaces, and go with them.

use anyhow::{ensure, Result};
use ferrule_uapi::hook::{Family, Hook};
use userctl::device::{Expected, Kernel, LoadMode};

use crate::ferrule;
use crate::filter::Filter;
use crate::lab::{Lab, Path};
use crate::memory;
use crate::netns::Netns;
use crate::packet::Packet;
use crate::runner::Scenario;
use crate::topology;

use super::hooks::FAMILIES;
use super::lifecycle::drop_port;

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("two-namespaces-have-different-rulesets", two_rulesets),
        Scenario::new("a-new-namespace-has-ten-hooks-and-no-rules", new_namespace),
        Scenario::new("a-new-namespace-filters-its-own-traffic", own_traffic),
        Scenario::new(
            "a-descriptor-stays-with-the-namespace-it-was-opened-in",
            bound_descriptor,
        ),
        Scenario::new(
            "a-namespace-deleted-while-loaded-frees-its-ruleset",
            deleted_while_loaded,
        ),
    ]
}

fn two_rulesets(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let server = "table inet t {\n chain c {\n  type filter hook prerouting priority filter;\n  \
                  udp dport 2 counter drop comment \"server\"\n }\n}\n";
    Filter::Ferrule.load(lab.server(), server)?;
    for family in FAMILIES {
        ensure!(
            !lab.send(Path::Forward, &Packet::udp(family, 9, 1))?,
            "the router's rule"
        );
        // The server's own filter comes after what a capture there sees, and only for what is its own.
        let server = match family {
            Family::Ip6 => "fd00:2::2".parse()?,
            _ => "10.0.2.2".parse()?,
        };
        ensure!(
            lab.send(Path::Forward, &Packet::udp(family, 9, 2).to(server))?,
            "not the router's"
        );
    }
    let router = Filter::Ferrule.counts(lab.router())?;
    ensure!(router["port 1"].packets == 2, "{router:?}");
    let server = Filter::Ferrule.counts(lab.server())?;
    ensure!(server["server"].packets == 2, "{server:?}");
    ensure!(
        Filter::Ferrule.counts(lab.client())?.is_empty(),
        "the client has rules"
    );
    Ok(())
}

fn new_namespace(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let ns = Netns::create("new")?;
    let info = ferrule::info(&ns)?;
    ensure!((info.program_size, info.generation) == (0, 1), "{info:?}");
    let hooks = ferrule::hook_counts(&ns)?;
    ensure!(hooks.len() == 10 && info.hooks == 10, "{hooks:?}");
    for (point, priority, count) in hooks {
        ensure!(
            (priority, count.packets) == (0, 0),
            "{point:?}: {priority} {count:?}"
        );
    }
    Ok(())
}

fn own_traffic(_: &mut Lab) -> Result<()> {
    let ns = topology::quiet_netns("new")?;
    ns.run_ok(&["ip", "link", "set", "lo", "up"])?;
    let rules = "table inet t {\n chain c {\n  type filter hook output priority filter;\n  \
                 udp dport 1 counter drop comment \"one\"\n }\n}\n";
    Filter::Ferrule.load(&ns, rules)?;
    let sent = ns.inside(|| -> std::io::Result<_> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        Ok((
            socket.send_to(b"x", "127.0.0.1:1").is_ok(),
            socket.send_to(b"x", "127.0.0.1:2").is_ok(),
        ))
    })??;
    ensure!(sent == (false, true), "{sent:?}");
    ensure!(
        Filter::Ferrule.counts(&ns)?["one"].packets == 1,
        "not counted"
    );
    Ok(())
}

fn bound_descriptor(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let mut device = ferrule::device(lab.router())?;
    // Used by the main thread, which is in none of the three.
    device.flush(Expected::Any)?;
    ensure!(
        lab.send(Path::Forward, &Packet::udp(Family::Ip, 9, 1))?,
        "still in force"
    );
    Ok(())
}

/// How often, and how much memory each ruleset holds at least.
const ROUNDS: usize = 24;
const RULESET: usize = 1 << 20;

/// Bytes that a rule holds at least: an instruction, its name, its counter and what that has on a CPU.
const RULE: usize = 64;

fn deleted_while_loaded(lab: &mut Lab) -> Result<()> {
    let mut rules =
        String::from("table inet t {\n chain c {\n  type filter hook input priority -7;\n");
    // Text does not make a program large: it is kept packed.
    for _ in 0..RULESET / RULE {
        rules += "  udp dport 1 counter drop\n";
    }
    rules += " }\n}\n";
    Filter::Ferrule.load(lab.router(), &rules)?;
    let program = ferrule::device(lab.router())?.program()?.value;
    ensure!(
        program.len() > RULESET / 2,
        "a program of {} bytes",
        program.len()
    );
    let round = || -> Result<()> {
        let ns = Netns::create("doomed")?;
        ferrule::device(&ns)?.load(&program, &[], Expected::Any, LoadMode::Publish)?;
        ensure!(
            ferrule::hook_count(&ns, (Family::Ip, Hook::LocalIn))?.packets == 0,
            "traffic"
        );
        Ok(())
    };
    round()?;
    memory::must_not_grow(ROUNDS * program.len() / 2, || {
        (0..ROUNDS).try_for_each(|_| round())
    })
}
