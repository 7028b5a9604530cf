// SPDX-License-Identifier: GPL-2.0
//! Loading, replacing, adding, flushing; and what leaves everything as it was.

use std::fs;

use anyhow::{ensure, Context, Result};
use ferrule_uapi::hook::Family;
use serde_json::Value;

use crate::ferrule;
use crate::filter::Filter;
use crate::lab::{Lab, Path};
use crate::netns::Netns;
use crate::packet::Packet;
use crate::process::Output;
use crate::runner::Scenario;

use super::hooks::FAMILIES;

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "load-puts-rules-in-force-and-list-shows-them",
            load_and_list,
        ),
        Scenario::new("a-file-that-flushes-first-replaces-the-ruleset", replace),
        Scenario::new("a-file-that-does-not-flush-adds-to-the-ruleset", add),
        Scenario::new("flush-lets-everything-pass", flush),
        Scenario::new(
            "the-listing-loads-again-as-the-same-ruleset",
            listing_round_trip,
        ),
        Scenario::new(
            "a-file-with-an-error-leaves-the-old-ruleset-in-force",
            bad_file,
        ),
        Scenario::new("a-file-that-is-no-ruleset-changes-nothing", no_ruleset),
        Scenario::new("a-dry-run-changes-nothing", dry_run),
        Scenario::new("a-stale-generation-is-refused", stale_generation),
        Scenario::new("counters-survive-adding-a-rule", counters_survive),
        Scenario::new("reset-sets-counters-to-zero", reset),
        Scenario::new("hooks-as-json-has-every-hook-of-both-families", hooks_json),
        Scenario::new("counters-as-json-has-what-rules-counted", counters_json),
        Scenario::new("generations-only-rise", generations_rise),
    ]
}

/// A ruleset that drops UDP to one port.
pub(super) fn drop_port(table: &str, port: u16) -> String {
    format!(
        "table inet {table} {{\n chain c {{\n  type filter hook forward priority filter; policy \
         accept;\n  udp dport {port} counter drop comment \"port {port}\"\n }}\n}}\n"
    )
}

/// Whether exactly these ports are dropped, of 1, 2 and 3.
fn expect_dropped(lab: &mut Lab, dropped: &[u16]) -> Result<()> {
    for family in FAMILIES {
        for port in 1..=3 {
            let arrived = lab.send(Path::Forward, &Packet::udp(family, 9, port))?;
            let expected = !dropped.contains(&port);
            ensure!(
                arrived == expected,
                "{family:?} port {port}: arrived is {arrived}"
            );
        }
    }
    Ok(())
}

fn generation(lab: &Lab) -> Result<u64> {
    Ok(ferrule::info(lab.router())?.generation)
}

fn userctl(lab: &Lab, arguments: &[&str]) -> Result<Output> {
    ferrule::userctl(lab.router(), arguments)
}

fn load_and_list(lab: &mut Lab) -> Result<()> {
    ferrule::load_with(lab.router(), &drop_port("t", 1), &[])?.success()?;
    expect_dropped(lab, &[1])?;
    let listing = userctl(lab, &["list"])?.success()?.stdout;
    for part in ["table inet t", "chain c", "udp dport 1", "port 1"] {
        ensure!(listing.contains(part), "no {part:?} in\n{listing}");
    }
    Ok(())
}

fn replace(lab: &mut Lab) -> Result<()> {
    ferrule::load_with(lab.router(), &drop_port("t", 1), &[])?.success()?;
    let rules = format!("flush ruleset\n{}", drop_port("u", 2));
    ferrule::load_with(lab.router(), &rules, &[])?.success()?;
    expect_dropped(lab, &[2])
}

fn add(lab: &mut Lab) -> Result<()> {
    ferrule::load_with(lab.router(), &drop_port("t", 1), &[])?.success()?;
    ferrule::load_with(lab.router(), &drop_port("u", 2), &[])?.success()?;
    expect_dropped(lab, &[1, 2])?;
    ferrule::load_with(lab.router(), "add rule inet t c udp dport 3 drop\n", &[])?.success()?;
    expect_dropped(lab, &[1, 2, 3])
}

fn flush(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    userctl(lab, &["flush"])?.success()?;
    expect_dropped(lab, &[])?;
    let listing = userctl(lab, &["list"])?.success()?.stdout;
    ensure!(!listing.contains("table"), "{listing}");
    Ok(())
}

fn listing_round_trip(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let first = userctl(lab, &["list"])?.success()?.stdout;
    Filter::Ferrule.load(lab.router(), &first)?;
    let second = userctl(lab, &["list"])?.success()?.stdout;
    ensure!(first == second, "{first}\nbecame\n{second}");
    expect_dropped(lab, &[1])
}

fn bad_file(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let before = generation(lab)?;
    // The first table is all right: nothing of it may take effect.
    let rules = format!(
        "flush ruleset\n{}table inet u {{\n chain c {{ tcp dprt 1 drop; }}\n}}\n",
        drop_port("t", 2)
    );
    let output = ferrule::load_with(lab.router(), &rules, &[])?;
    ensure!(output.status == Some(1), "{output}");
    ensure!(
        output.stderr.contains("dprt"),
        "the message does not show what is wrong: {output}"
    );
    ensure!(generation(lab)? == before, "another generation");
    expect_dropped(lab, &[1])
}

fn no_ruleset(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let before = generation(lab)?;
    fs::create_dir_all("/tmp/directory")?;
    fs::write("/tmp/zeros", [0_u8; 4096])?;
    for file in [
        "/usr/bin/busybox",
        "/tmp/zeros",
        "/tmp/directory",
        "/tmp/missing",
    ] {
        let output = userctl(lab, &["load", file])?;
        let refused = matches!(output.status, Some(1 | 2)) && !output.stderr.is_empty();
        ensure!(refused, "{output}");
    }
    ensure!(generation(lab)? == before, "another generation");
    expect_dropped(lab, &[1])
}

fn dry_run(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let before = generation(lab)?;
    let rules = format!("flush ruleset\n{}", drop_port("t", 2));
    ferrule::load_with(lab.router(), &rules, &["--dry-run"])?.success()?;
    ensure!(generation(lab)? == before, "another generation");
    expect_dropped(lab, &[1])
}

fn stale_generation(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let stale = generation(lab)?;
    Filter::Ferrule.load(lab.router(), &drop_port("t", 2))?;
    let rules = format!("flush ruleset\n{}", drop_port("t", 3));
    let option = stale.to_string();
    let output = ferrule::load_with(lab.router(), &rules, &["--generation", &option])?;
    ensure!(matches!(output.status, Some(1 | 2)), "{output}");
    ensure!(output.stderr.contains("generation"), "{output}");
    expect_dropped(lab, &[2])?;
    let option = generation(lab)?.to_string();
    ferrule::load_with(lab.router(), &rules, &["--generation", &option])?.success()?;
    expect_dropped(lab, &[3])
}

fn counters_survive(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let packet = Packet::udp(Family::Ip, 9, 1);
    for _ in 0..3 {
        lab.send(Path::Forward, &packet)?;
    }
    let rules = "add rule inet t c udp dport 2 counter drop comment \"port 2\"\n";
    ferrule::load_with(lab.router(), rules, &[])?.success()?;
    lab.send(Path::Forward, &packet)?;
    lab.send(Path::Forward, &Packet::udp(Family::Ip, 9, 2))?;
    let counts = Filter::Ferrule.counts(lab.router())?;
    ensure!(counts["port 1"].packets == 4, "{counts:?}");
    ensure!(counts["port 1"].bytes == 4 * packet.len(), "{counts:?}");
    ensure!(counts["port 2"].packets == 1, "{counts:?}");
    Ok(())
}

fn reset(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    lab.send(Path::Forward, &Packet::udp(Family::Ip, 9, 1))?;
    userctl(lab, &["reset"])?.success()?;
    let counts = Filter::Ferrule.counts(lab.router())?;
    ensure!(counts["port 1"].packets == 0, "{counts:?}");
    expect_dropped(lab, &[1])?;
    let counts = Filter::Ferrule.counts(lab.router())?;
    ensure!(counts["port 1"].packets == 2, "{counts:?}");
    Ok(())
}

/// Whether some object in `value` has all of these members.
fn has_object(value: &Value, wanted: &[(&str, Value)]) -> bool {
    let matches = |object: &Value| {
        wanted
            .iter()
            .all(|(key, member)| object.get(key) == Some(member))
    };
    match value {
        Value::Array(list) => list.iter().any(|value| has_object(value, wanted)),
        Value::Object(map) => matches(value) || map.values().any(|value| has_object(value, wanted)),
        _ => false,
    }
}

fn json(ns: &Netns, arguments: &[&str]) -> Result<Value> {
    let text = ferrule::userctl(ns, arguments)?.success()?.stdout;
    serde_json::from_str(&text).with_context(|| format!("no JSON:\n{text}"))
}

fn hooks_json(lab: &mut Lab) -> Result<()> {
    for family in FAMILIES {
        lab.send(Path::Forward, &Packet::udp(family, 9, 1))?;
    }
    let value = json(lab.router(), &["hooks", "--json"])?;
    for family in FAMILIES {
        for (hook, packets) in [
            ("prerouting", 1),
            ("input", 0),
            ("forward", 1),
            ("output", 0),
            ("postrouting", 1),
        ] {
            let wanted = [
                ("family", family.name().into()),
                ("hook", hook.into()),
                ("packets", packets.into()),
            ];
            ensure!(has_object(&value, &wanted), "no {wanted:?} in {value:#}");
        }
    }
    Ok(())
}

fn counters_json(lab: &mut Lab) -> Result<()> {
    Filter::Ferrule.load(lab.router(), &drop_port("t", 1))?;
    let packet = Packet::udp(Family::Ip6, 9, 1);
    for _ in 0..2 {
        lab.send(Path::Forward, &packet)?;
    }
    let value = json(lab.router(), &["counters", "--json"])?;
    let wanted = [("packets", 2.into()), ("bytes", (2 * packet.len()).into())];
    ensure!(has_object(&value, &wanted), "no {wanted:?} in {value:#}");
    Ok(())
}

fn generations_rise(lab: &mut Lab) -> Result<()> {
    let mut last = generation(lab)?;
    for port in 1..=3 {
        Filter::Ferrule.load(lab.router(), &drop_port("t", port))?;
        let now = generation(lab)?;
        ensure!(now > last, "{now} after {last}");
        last = now;
    }
    userctl(lab, &["flush"])?.success()?;
    ensure!(generation(lab)? > last, "a flush is no new generation");
    Ok(())
}
