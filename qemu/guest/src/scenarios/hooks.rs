// SPDX-License-Identifier: GPL-2.0
//! A rule at a hook drops exactly the packets it names, and every counter says so.

use anyhow::{ensure, Result};
use ferrule_uapi::hook::{Family, Hook};

use crate::ferrule::{self, HookCount};
use crate::filter::{Count, Filter};
use crate::lab::{Lab, Path};
use crate::packet::{source, Packet};
use crate::runner::Scenario;

/// Packet families.
pub(super) const FAMILIES: [Family; 2] = [Family::Ip, Family::Ip6];

/// A flow of the mixed traffic, and how many packets of it are sent.
struct Flow {
    packet: Packet,
    packets: u64,
    /// The rule names it.
    named: bool,
}

/// One rule, one packet family, one hook; or both families in a table `inet`.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list = Vec::new();
    for &hook in Hook::ALL {
        for family in FAMILIES {
            let name = format!(
                "{}-{}-rule-drops-exactly-what-it-names",
                family.name(),
                hook.name()
            );
            list.push(Scenario::new(name, move |lab| {
                one_family(lab, family, hook)
            }));
        }
        let name = format!("inet-{}-rule-sees-both-families", hook.name());
        list.push(Scenario::new(name, move |lab| both_families(lab, hook)));
    }
    for family in FAMILIES {
        let name = format!("{}-table-does-not-see-the-other-family", family.name());
        list.push(Scenario::new(name, move |lab| other_family(lab, family)));
    }
    list
}

/// A way on which packets meet a hook.
pub(super) fn path_to(hook: Hook) -> Path {
    match hook {
        Hook::PreRouting | Hook::Forward | Hook::PostRouting => Path::Forward,
        Hook::LocalIn => Path::LocalIn,
        Hook::LocalOut => Path::LocalOut,
    }
}

/// Sends a packet to where its path ends.
pub(super) fn send(lab: &mut Lab, path: Path, packet: &Packet) -> Result<bool> {
    let packet = packet.clone();
    let packet = match (path, packet.family()) {
        (Path::LocalIn, family) => packet.to(source(family, 1)),
        (Path::LocalOut, Family::Ip6) => packet.from("fd00:2::1".parse()?),
        (Path::LocalOut, _) => packet.from("10.0.2.1".parse()?),
        (Path::Forward, _) => packet,
    };
    lab.send(path, &packet)
}

/// A table with one base chain with one rule.
fn rules(table: &str, hook: Hook) -> String {
    format!(
        "table {table} t {{\n chain c {{\n  type filter hook {} priority filter; policy accept;\n  \
         udp dport 7001 counter drop comment \"named\"\n }}\n}}\n",
        hook.name()
    )
}

/// Several flows, some of them nearly what the rule names.
fn mixed_traffic(family: Family) -> Vec<Flow> {
    let flow = |packet, packets, named| Flow {
        packet,
        packets,
        named,
    };
    vec![
        flow(Packet::udp(family, 4000, 7001), 5, true),
        flow(Packet::udp(family, 4000, 7002), 4, false),
        flow(Packet::udp(family, 7001, 4000), 2, false),
        flow(Packet::tcp(family, 4000, 7001), 3, false),
        flow(Packet::tcp(family, 4000, 80), 2, false),
        flow(Packet::echo_reply(family), 3, false),
        flow(Packet::udp(family, 4001, 7001).payload(64), 2, true),
    ]
}

/// Sends the flows packet by packet in turn; says what was sent and what the rule named.
fn send_all(lab: &mut Lab, path: Path, flows: &[Flow]) -> Result<(Count, Count)> {
    let (mut total, mut named) = (Count::default(), Count::default());
    for round in 0..flows.iter().map(|flow| flow.packets).max().unwrap_or(0) {
        for flow in flows.iter().filter(|flow| round < flow.packets) {
            let arrived = send(lab, path, &flow.packet)?;
            ensure!(
                arrived != flow.named,
                "arrived is {arrived}: {:?}",
                flow.packet
            );
            let counts = [Some(&mut total), flow.named.then_some(&mut named)];
            for count in counts.into_iter().flatten() {
                count.packets += 1;
                count.bytes += flow.packet.len();
            }
        }
    }
    Ok((total, named))
}

/// Compares the hook's counter with what was sent.
fn check_hook(lab: &Lab, family: Family, hook: Hook, total: Count, dropped: Count) -> Result<()> {
    let got = ferrule::hook_count(lab.router(), (family, hook))?;
    let expected = HookCount {
        packets: total.packets,
        bytes: total.bytes,
        accepted: total.packets - dropped.packets,
        dropped: dropped.packets,
    };
    ensure!(
        got == expected,
        "{} {}: {got:?}, expected {expected:?}",
        family.name(),
        hook.name()
    );
    Ok(())
}

fn one_family(lab: &mut Lab, family: Family, hook: Hook) -> Result<()> {
    let rules = rules(family.name(), hook);
    for filter in Filter::ALL {
        filter.load(lab.router(), &rules)?;
        let (total, named) = send_all(lab, path_to(hook), &mixed_traffic(family))?;
        let counts = filter.counts(lab.router())?;
        ensure!(
            counts["named"] == named,
            "{filter:?}: {counts:?}, expected {named:?}"
        );
        if filter == Filter::Ferrule {
            check_hook(lab, family, hook, total, named)?;
        }
        filter.flush(lab.router())?;
    }
    Ok(())
}

fn both_families(lab: &mut Lab, hook: Hook) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &rules("inet", hook))?;
    let mut sum = Count::default();
    for family in FAMILIES {
        let (total, named) = send_all(lab, path_to(hook), &mixed_traffic(family))?;
        check_hook(lab, family, hook, total, named)?;
        sum.packets += named.packets;
        sum.bytes += named.bytes;
    }
    let counts = Filter::Ferrule.counts(lab.router())?;
    ensure!(counts["named"] == sum, "{counts:?}, expected {sum:?}");
    Ok(())
}

fn other_family(lab: &mut Lab, family: Family) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &rules(family.name(), Hook::Forward))?;
    for other in FAMILIES.into_iter().filter(|other| *other != family) {
        ensure!(
            lab.send(Path::Forward, &Packet::udp(other, 4000, 7001))?,
            "dropped"
        );
        let counts = Filter::Ferrule.counts(lab.router())?;
        ensure!(counts["named"] == Count::default(), "{counts:?}");
    }
    Ok(())
}
