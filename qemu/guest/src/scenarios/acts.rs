// SPDX-License-Identifier: GPL-2.0
//! What rules do beside deciding: rejects that a client sees, lines in the kernel's log, marks at connections.
//! And that conntrack is on only while a ruleset needs it.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use ferrule_uapi::hook::Family;

use crate::ferrule;
use crate::filter::Filter;
use crate::kernel_log::KernelLog;
use crate::lab::{Lab, Path};
use crate::packet::{tcp_flag, Packet};
use crate::runner::Scenario;
use crate::wire::PacketSocket;

use super::facts::forget_connections;
use super::hooks::{send, FAMILIES};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// `net.netfilter`: lines of other namespaces than the first are logged too.
const LOG_ALL: &str = "/proc/sys/net/netfilter/nf_log_all_netns";

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list = vec![
        Scenario::new("conntrack-is-on-only-while-a-ruleset-needs-it", tracking),
        Scenario::new(
            "conntrack-goes-off-with-the-module",
            tracking_ends_with_the_module,
        ),
        Scenario::new("ct-state-lets-answers-through", stateful),
        Scenario::new("notrack-leaves-packets-untracked", notrack),
        Scenario::new("ct-zone-set-puts-connections-into-zones", zones),
        Scenario::new("ct-helper-object-is-assigned", helper),
        Scenario::new("ct-expectation-object-expects", expectation),
        Scenario::new("ct-count-counts-connections", count),
        Scenario::new("log-lines-are-nftables-lines", log_lines),
        Scenario::new("queue-without-a-listener-drops-or-lets-pass", queue),
        Scenario::new(
            "queue-bypass-comes-back-to-the-next-base-chain",
            queue_order,
        ),
        Scenario::new("dup-sends-a-copy", dup),
        Scenario::new("payload-set-writes-what-nftables-writes", payload),
    ];
    for reject in REJECTS {
        let name = format!("{}-is-seen-by-the-client", reject.0.replace(' ', "-"));
        list.push(Scenario::new(name, move |lab| rejected(lab, reject)));
    }
    list
}

/// A base chain of table `inet t`.
fn chain(name: &str, hook: &str, priority: &str, rule: &str) -> String {
    format!(
        "table inet t {{\n chain {name} {{\n  type filter hook {hook} priority {priority}; policy accept;\n  \
         {rule}\n }}\n}}\n"
    )
}

/// How many connections the router knows.
fn connections(lab: &Lab) -> Result<u64> {
    let text = lab.router().run_ok(&["conntrack", "-C"])?.stdout;
    text.trim().parse().context("conntrack -C")
}

/// Sends a packet through the router; whether it made a connection.
fn tracks(lab: &mut Lab) -> Result<bool> {
    forget_connections(lab)?;
    send(lab, Path::Forward, &Packet::udp(Family::Ip, 4000, 7001))?;
    Ok(connections(lab)? > 0)
}

fn tracking(lab: &mut Lab) -> Result<()> {
    let with = chain("c", "forward", "filter", "ct state new counter");
    let without = chain("c", "forward", "filter", "udp dport 7001 counter");
    ensure!(!tracks(lab)?, "conntrack is on before anything is loaded");
    ferrule::load(lab.router(), &without)?;
    ensure!(
        !tracks(lab)?,
        "conntrack is on for rules that do not need it"
    );
    ferrule::load(lab.router(), &with)?;
    ensure!(tracks(lab)?, "conntrack is off for a rule with ct state");
    ferrule::load(lab.router(), &with)?;
    ensure!(
        tracks(lab)?,
        "conntrack went off when the ruleset was replaced"
    );
    ferrule::load_with(
        lab.router(),
        "table inet t { chain c { ct nonsense 1 } }",
        &[],
    )?;
    ensure!(tracks(lab)?, "conntrack went off by a load that failed");
    ferrule::load(lab.router(), &without)?;
    ensure!(
        !tracks(lab)?,
        "conntrack stayed on after the last rule that needed it"
    );
    ferrule::load(lab.router(), &with)?;
    Filter::Ferrule.flush(lab.router())?;
    ensure!(
        !tracks(lab)?,
        "conntrack stayed on after the ruleset was flushed"
    );
    Ok(())
}

fn tracking_ends_with_the_module(lab: &mut Lab) -> Result<()> {
    ferrule::load(
        lab.router(),
        &chain("c", "forward", "filter", "ct state new ct zone 0 counter"),
    )?;
    ensure!(tracks(lab)?, "conntrack is off for a rule with ct state");
    ferrule::remove().context("rmmod")?;
    ensure!(!tracks(lab)?, "conntrack stayed on after rmmod");
    Ok(())
}

fn stateful(lab: &mut Lab) -> Result<()> {
    let rules = chain(
        "c",
        "forward",
        "filter",
        "ct state established,related counter accept\n  iifname \"lan0\" ct state new accept\n  counter drop",
    );
    for filter in Filter::ALL {
        forget_connections(lab)?;
        filter.load(lab.router(), &rules)?;
        lab.client()
            .run_ok(&["ping", "-c", "1", "-W", "5", "10.0.2.2"])?;
        let back = lab
            .server()
            .run(&["ping", "-c", "1", "-W", "1", "10.0.1.2"])?;
        ensure!(back.status != Some(0), "{filter:?} let a new connection in");
        filter.flush(lab.router())?;
    }
    lab.drain()
}

fn notrack(lab: &mut Lab) -> Result<()> {
    let rules = chain("raw", "prerouting", "raw", "udp dport 7001 notrack")
        + &chain(
            "c",
            "forward",
            "filter",
            "ct state untracked counter comment \"untracked\"",
        );
    for filter in Filter::ALL {
        filter.load(lab.router(), &rules)?;
        send(lab, Path::Forward, &Packet::udp(Family::Ip, 4000, 7001))?;
        send(lab, Path::Forward, &Packet::udp(Family::Ip, 4000, 7002))?;
        let count = filter.counts(lab.router())?["untracked"];
        ensure!(count.packets == 1, "{filter:?} counted {count:?}");
        filter.flush(lab.router())?;
    }
    Ok(())
}

fn zones(lab: &mut Lab) -> Result<()> {
    let rules = chain("raw", "prerouting", "raw", "ct zone set 7")
        + &chain(
            "c",
            "forward",
            "filter",
            "ct zone 7 counter comment \"zone\"",
        );
    for filter in Filter::ALL {
        forget_connections(lab)?;
        filter.load(lab.router(), &rules)?;
        for _ in 0..3 {
            send(lab, Path::Forward, &Packet::udp(Family::Ip, 4000, 7001))?;
        }
        let count = filter.counts(lab.router())?["zone"];
        ensure!(count.packets == 3, "{filter:?} counted {count:?}");
        let list = lab.router().run_ok(&["conntrack", "-L"])?.stdout;
        ensure!(list.contains("zone=7"), "{filter:?}: {list}");
        filter.flush(lab.router())?;
    }
    Ok(())
}

fn helper(lab: &mut Lab) -> Result<()> {
    let rules = "table inet t {\n ct helper ftp {\n  type \"ftp\" protocol tcp\n }\n chain c {\n  \
                 type filter hook forward priority filter; policy accept;\n  \
                 tcp dport 21 ct helper set \"ftp\" counter\n }\n}\n";
    for filter in Filter::ALL {
        forget_connections(lab)?;
        filter.load(lab.router(), rules)?;
        send(
            lab,
            Path::Forward,
            &Packet::tcp(Family::Ip, 4000, 21).flags(tcp_flag::SYN),
        )?;
        let list = lab.router().run_ok(&["conntrack", "-L"])?.stdout;
        ensure!(list.contains("helper=ftp"), "{filter:?}: {list}");
        filter.flush(lab.router())?;
    }
    Ok(())
}

fn expectation(lab: &mut Lab) -> Result<()> {
    let rules = "table inet t {\n ct expectation e {\n  protocol udp\n  dport 9999\n  timeout 2m\n  size 12\n  \
                 l3proto ip\n }\n chain c {\n  type filter hook forward priority filter; policy accept;\n  \
                 udp dport 7001 ct expectation set \"e\" counter\n }\n}\n";
    for filter in Filter::ALL {
        forget_connections(lab)?;
        filter.load(lab.router(), rules)?;
        send(lab, Path::Forward, &Packet::udp(Family::Ip, 4000, 7001))?;
        let list = lab.router().run_ok(&["conntrack", "-L", "expect"])?.stdout;
        ensure!(list.contains("dport=9999"), "{filter:?}: {list}");
        filter.flush(lab.router())?;
    }
    Ok(())
}

fn count(lab: &mut Lab) -> Result<()> {
    let rules = "table inet t {\n set s {\n  type ipv4_addr\n  size 100\n  flags dynamic\n }\n chain c {\n  \
                 type filter hook forward priority filter; policy accept;\n  \
                 ct count over 2 counter comment \"over\"\n  ct count 3 counter comment \"under\"\n  \
                 add @s { ip saddr ct count over 1 } counter comment \"element\"\n }\n}\n";
    let mut seen = Vec::new();
    for filter in Filter::ALL {
        forget_connections(lab)?;
        filter.load(lab.router(), rules)?;
        for port in [4000, 4001, 4000, 4002, 4003, 4004, 4001] {
            send(lab, Path::Forward, &Packet::udp(Family::Ip, port, 7001))?;
        }
        seen.push(filter.counts(lab.router())?);
        filter.flush(lab.router())?;
    }
    ensure!(seen.first() == seen.last(), "counted {seen:#?}");
    let counted = |rule: &str| seen.iter().all(|counts| counts[rule].packets > 0);
    ensure!(
        counted("over") && counted("under") && counted("element"),
        "counted {seen:#?}"
    );
    Ok(())
}

/// Lines that netfilter logged, of a ruleset and packets of both families.
fn logged(lab: &mut Lab, filter: Filter, rules: &str) -> Result<Vec<String>> {
    let mut log = KernelLog::open()?;
    log.new_lines()?;
    filter.load(lab.router(), rules)?;
    for family in FAMILIES {
        send(lab, Path::Forward, &Packet::udp(family, 4000, 7001))?;
        send(lab, Path::Forward, &Packet::tcp(family, 4000, 7001))?;
    }
    filter.flush(lab.router())?;
    let lines = log.new_lines()?;
    Ok(lines
        .into_iter()
        .filter(|line| line.contains("IN=lan0"))
        .collect())
}

fn log_lines(lab: &mut Lab) -> Result<()> {
    let rules = chain(
        "c",
        "forward",
        "filter",
        "udp dport 7001 log\n  udp dport 7001 log prefix \"a b: \" level info\n  \
         tcp dport 7001 log prefix \"t\" flags tcp sequence,options flags ip options flags skuid flags ether\n  \
         tcp dport 7001 log flags all",
    );
    Filter::Nftables.load(lab.router(), &rules)?;
    std::fs::write(LOG_ALL, "1").with_context(|| format!("cannot set {LOG_ALL}"))?;
    let theirs = logged(lab, Filter::Nftables, &rules)?;
    let ours = logged(lab, Filter::Ferrule, &rules)?;
    ensure!(theirs.len() == 8, "nftables logged {theirs:#?}");
    ensure!(ours == theirs, "logged\n{ours:#?}\nnftables\n{theirs:#?}");
    Ok(())
}

fn queue(lab: &mut Lab) -> Result<()> {
    let packet = Packet::udp(Family::Ip, 4000, 7001);
    for (rule, passes) in [
        ("udp dport 7001 queue num 5", false),
        ("udp dport 7001 queue flags bypass to 5", true),
        ("udp dport 7001 queue flags bypass,fanout to 5-8", true),
        ("udp dport 7001 queue to 5-8", false),
    ] {
        for filter in Filter::ALL {
            filter.load(lab.router(), &chain("c", "forward", "filter", rule))?;
            let passed = send(lab, Path::Forward, &packet)?;
            ensure!(passed == passes, "{filter:?}: `{rule}`: passed: {passed}");
            filter.flush(lab.router())?;
        }
    }
    Ok(())
}

fn queue_order(lab: &mut Lab) -> Result<()> {
    let rules = chain("a", "forward", "filter", "queue flags bypass to 5")
        + &chain("b", "forward", "filter", "counter drop comment \"behind\"");
    for filter in Filter::ALL {
        filter.load(lab.router(), &rules)?;
        let passed = send(lab, Path::Forward, &Packet::udp(Family::Ip, 4000, 7001))?;
        let count = filter.counts(lab.router())?["behind"];
        ensure!(
            !passed && count.packets == 1,
            "{filter:?}: {passed}, {count:?}"
        );
        filter.flush(lab.router())?;
    }
    Ok(())
}

fn dup(lab: &mut Lab) -> Result<()> {
    for (family, table, gateway) in [
        (Family::Ip, "ip", "10.0.2.2"),
        (Family::Ip6, "ip6", "fd00:2::2"),
    ] {
        let copies = format!(
            "table {table} t {{\n chain c {{\n  type filter hook prerouting priority filter; policy accept;\n  \
             udp dport 7001 dup to {gateway} device \"wan0\"\n }}\n}}\n"
        );
        let seen = format!(
            "table {table} s {{\n chain c {{\n  type filter hook postrouting priority filter; policy accept;\n  \
             udp dport 7001 counter comment \"sent\"\n }}\n}}\n"
        );
        for filter in Filter::ALL {
            filter.load(lab.router(), &(copies.clone() + &seen))?;
            send(lab, Path::Forward, &Packet::udp(family, 4000, 7001))?;
            let count = filter.counts(lab.router())?["sent"];
            ensure!(count.packets == 2, "{filter:?} {table}: {count:?}");
            filter.flush(lab.router())?;
        }
    }
    lab.drain()
}

/// What arrives is the same, byte by byte: the fields, and the checksums over them.
fn payload(lab: &mut Lab) -> Result<()> {
    for rule in [
        "ip ttl set 9",
        "ip dscp set 5",
        "ip ecn set ce",
        "udp dport 7001 udp dport set 7002",
        "ip daddr 10.0.3.0/24 ip daddr set 10.0.3.10",
        "ip saddr set 10.0.1.77",
        "ip6 hoplimit set 9",
        "ip6 dscp set 5",
        "ip6 daddr fd00:3::/64 ip6 daddr set fd00:3::10",
        "tcp sport 4000 tcp sport set 4001",
        "tcp flags set fin",
    ] {
        let theirs = rewritten(lab, Filter::Nftables, rule)?;
        let ours = rewritten(lab, Filter::Ferrule, rule)?;
        ensure!(
            theirs.len() == 4,
            "`{rule}`: nftables let {theirs:02x?} through"
        );
        ensure!(
            ours == theirs,
            "`{rule}`:\n{ours:02x?}\nnftables\n{theirs:02x?}"
        );
    }
    Ok(())
}

/// The frames that come to the server of packets that a rule changes.
fn rewritten(lab: &mut Lab, filter: Filter, rule: &str) -> Result<Vec<Vec<u8>>> {
    let rules = chain("c", "forward", "filter", &format!("{rule} counter"));
    filter.load(lab.router(), &rules)?;
    let socket = PacketSocket::open(lab.server(), "eth0")?;
    for family in FAMILIES {
        send(lab, Path::Forward, &Packet::udp(family, 4000, 7001))?;
        send(lab, Path::Forward, &Packet::tcp(family, 4000, 7001))?;
    }
    let mut frames = Vec::new();
    while let Some(frame) = socket.receive(Instant::now())? {
        let ip = matches!(frame.bytes.get(12..14), Some([0x08, 0x00] | [0x86, 0xdd]));
        if !frame.outgoing && ip {
            frames.push(frame.bytes);
        }
    }
    filter.flush(lab.router())?;
    Ok(frames)
}

/// A way to reject, and the errors that a TCP client gets by IPv4 and IPv6.
type Reject = (&'static str, ErrorKind, ErrorKind);

const REJECTS: &[Reject] = &[
    (
        "reject",
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionRefused,
    ),
    (
        "reject with tcp reset",
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionRefused,
    ),
    (
        "reject with icmpx host-unreachable",
        ErrorKind::HostUnreachable,
        ErrorKind::HostUnreachable,
    ),
    (
        "reject with icmpx admin-prohibited",
        ErrorKind::HostUnreachable,
        ErrorKind::PermissionDenied,
    ),
    (
        "reject with icmpx no-route",
        ErrorKind::NetworkUnreachable,
        ErrorKind::NetworkUnreachable,
    ),
];

/// What a client is told that connects to the server.
fn told(lab: &Lab, address: &str) -> Result<ErrorKind> {
    let address: SocketAddr = address.parse()?;
    let connected = lab
        .client()
        .inside(|| TcpStream::connect_timeout(&address, PATIENCE))?;
    let error = connected.err().context("it connected")?;
    Ok(error.kind())
}

fn rejected(lab: &mut Lab, (reject, v4, v6): &Reject) -> Result<()> {
    for hook in ["forward", "prerouting"] {
        let rule = format!("tcp dport 7001 counter {reject}");
        for filter in Filter::ALL {
            filter.load(lab.router(), &chain("c", hook, "filter", &rule))?;
            for (address, expected) in [("10.0.2.2:7001", v4), ("[fd00:2::2]:7001", v6)] {
                let error = told(lab, address)?;
                ensure!(
                    error == *expected,
                    "{filter:?} at {hook}, {address}: {error:?}, expected {expected:?}"
                );
            }
            filter.flush(lab.router())?;
        }
    }
    lab.drain()
}
