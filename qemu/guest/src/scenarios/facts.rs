// SPDX-License-Identifier: GPL-2.0
//! What only the kernel knows of a packet: conntrack, sockets, routes, owners, time. Ferrule says what
//! nftables says.
//!
//! One scenario a key. Its rules do nothing but count; the same file is loaded into both filters, the same
//! packets are sent, and all counters agree. So that this proves anything, the table says of each rule whether
//! it counts at all.

use std::net::UdpSocket;

use anyhow::{ensure, Context, Result};
use ferrule_uapi::hook::{Family, Hook};

use crate::filter::{Count, Filter};
use crate::lab::Lab;
use crate::packet::{tcp_flag, Packet};
use crate::runner::Scenario;

use super::hooks::{path_to, send, FAMILIES};

/// A key, where it is tried, and rules that count there.
struct Key {
    name: &'static str,
    hook: Hook,
    /// Each counts some packets.
    hits: &'static [&'static str],
    /// Each counts none.
    misses: &'static [&'static str],
    /// Whether these count, who knows: both filters agree.
    either: &'static [&'static str],
}

const fn key(
    name: &'static str,
    hook: Hook,
    hits: &'static [&'static str],
    misses: &'static [&'static str],
) -> Key {
    Key {
        name,
        hook,
        hits,
        misses,
        either: &[],
    }
}

impl Key {
    const fn or(self, either: &'static [&'static str]) -> Self {
        Key { either, ..self }
    }

    fn rules(&self) -> impl Iterator<Item = &'static str> {
        let sure = self.hits.iter().chain(self.misses);
        sure.chain(self.either).copied()
    }
}

const KEYS: &[Key] = &[
    key(
        "meta-priority",
        Hook::PreRouting,
        &[
            "meta priority none",
            "meta priority set 1:2 meta priority 1:2",
        ],
        &["meta priority 7:7"],
    ),
    key(
        "iiftype",
        Hook::Forward,
        &["iiftype ether", "iiftype != loopback"],
        &["iiftype loopback"],
    ),
    key(
        "oiftype",
        Hook::PostRouting,
        &["oiftype ether"],
        &["oiftype loopback"],
    ),
    key(
        "oiftype-before-routing",
        Hook::PreRouting,
        &[],
        &["oiftype ether", "oiftype != ether"],
    ),
    key("iifgroup", Hook::Forward, &["iifgroup 0"], &["iifgroup 5"]),
    key(
        "oifgroup",
        Hook::Forward,
        &["oifgroup 0"],
        &["oifgroup != 0"],
    ),
    key(
        "iifkind",
        Hook::Forward,
        &["meta iifkind \"veth\"", "meta iifkind != \"vlan\""],
        &["meta iifkind \"vlan\""],
    ),
    key(
        "oifkind",
        Hook::Forward,
        &["meta oifkind \"veth\""],
        &["meta oifkind \"dummy\""],
    ),
    key(
        "skuid",
        Hook::LocalOut,
        &["meta skuid 0", "meta skuid < 5"],
        &["meta skuid 5", "meta skuid != 0"],
    ),
    key(
        "skgid",
        Hook::LocalOut,
        &["meta skgid 0"],
        &["meta skgid 1-100"],
    ),
    key(
        "skuid-without-a-socket",
        Hook::Forward,
        &[],
        &["meta skuid 0", "meta skuid != 0"],
    ),
    key(
        "meta-cgroup",
        Hook::LocalOut,
        &["meta cgroup 0"],
        &["meta cgroup 7"],
    ),
    key(
        "rtclassid",
        Hook::Forward,
        &["rtclassid 0"],
        &["rtclassid 9"],
    ),
    key(
        "meta-cpu",
        Hook::Forward,
        &["meta cpu 0"],
        &["meta cpu > 0"],
    ),
    key("meta-random", Hook::Forward, &["meta random >= 0"], &[]),
    key(
        "meta-ipsec",
        Hook::Forward,
        &["meta ipsec missing"],
        &["meta ipsec exists"],
    ),
    key(
        "meta-time",
        Hook::Forward,
        &["meta time > \"2000-01-01 00:00:00\""],
        &["meta time < \"2000-01-01 00:00:00\""],
    ),
    key(
        "meta-hour",
        Hook::Forward,
        &["meta hour \"00:00\"-\"23:59:59\""],
        &[],
    ),
    key(
        "meta-sdif",
        Hook::Forward,
        &["meta sdif 0"],
        &["meta sdif != 0"],
    ),
    key(
        "socket-transparent",
        Hook::LocalIn,
        &["socket transparent 0"],
        &["socket transparent 1"],
    ),
    key(
        "socket-mark",
        Hook::LocalIn,
        &["socket mark 0"],
        &["socket mark != 0"],
    ),
    key(
        "socket-wildcard",
        Hook::LocalIn,
        &["socket wildcard 1"],
        &["socket wildcard 0"],
    ),
    key(
        "fib-saddr-oif",
        Hook::PreRouting,
        &[
            "fib saddr oif \"lan0\"",
            "fib saddr . iif oif \"lan0\"",
            "fib saddr . mark . iif oif exists",
            "fib daddr oif \"wan0\"",
            "fib daddr oifname \"wan0\"",
            "fib daddr oifname != \"lan0\"",
        ],
        &[
            "fib saddr . iif oif missing",
            "fib saddr oif \"wan0\"",
            "fib daddr . iif oif exists",
        ],
    ),
    key(
        "fib-type",
        Hook::PreRouting,
        &[
            "fib daddr type unicast",
            "fib saddr type unicast",
            "fib daddr . iif type unicast",
        ],
        &[
            "fib daddr type local",
            "fib saddr type { broadcast, multicast, anycast }",
        ],
    ),
    key(
        "fib-type-at-input",
        Hook::LocalIn,
        &["fib daddr type local", "fib daddr . iif type local"],
        &["fib daddr type != local"],
    ),
    key(
        "fib-type-of-the-sending-device",
        Hook::LocalOut,
        &["fib saddr . oif type local", "fib daddr . oif type unicast"],
        &["fib saddr . oif type unicast"],
    ),
    key(
        "rt-nexthop",
        Hook::Forward,
        &["rt ip nexthop 10.0.2.99", "rt ip6 nexthop fd00:2::99"],
        &["rt ip nexthop 10.0.2.2", "rt ip6 nexthop fd00:2::2"],
    ),
    key(
        "rt-mtu",
        Hook::Forward,
        &["rt mtu 1460", "rt mtu 1440"],
        &["rt mtu 1500", "rt mtu 536"],
    ),
    key(
        "rt-ipsec",
        Hook::Forward,
        &["rt ipsec missing"],
        &["rt ipsec exists"],
    ),
    key(
        "rt-classid",
        Hook::Forward,
        &["rt classid 0"],
        &["rt classid 3"],
    ),
    key(
        "ipsec-in",
        Hook::Forward,
        &[],
        &["ipsec in reqid 1", "ipsec in ip saddr 10.0.0.1"],
    ),
    key(
        "ipsec-out",
        Hook::Forward,
        &[],
        &["ipsec out spi 0x100", "ipsec out reqid != 0"],
    ),
    key(
        "symhash",
        Hook::Forward,
        &["symhash mod 2 { 0, 1 }", "symhash mod 10 offset 7 7-16"],
        &["symhash mod 10 offset 7 0-6"],
    )
    .or(&[
        "symhash mod 4 0",
        "symhash mod 4 1",
        "symhash mod 4 2",
        "symhash mod 4 3",
    ]),
    key(
        "ct-state",
        Hook::Forward,
        &[
            "ct state new",
            "ct state { new, established }",
            "ct state != invalid",
        ],
        &[
            "ct state established",
            "ct state untracked",
            "ct state related",
        ],
    ),
    key(
        "ct-direction",
        Hook::Forward,
        &["ct direction original"],
        &["ct direction reply"],
    ),
    key(
        "ct-status",
        Hook::Forward,
        &["ct status ! assured"],
        &["ct status seen-reply"],
    ),
    key(
        "ct-mark",
        Hook::Forward,
        &["ct mark 0", "ct mark set 5 ct mark 5", "ct mark 5"],
        &["ct mark 6"],
    ),
    key(
        "ct-expiration",
        Hook::Forward,
        &["ct expiration > 1s"],
        &["ct expiration > 30d"],
    ),
    key(
        "ct-helper",
        Hook::Forward,
        &[],
        &["ct helper \"ftp\"", "ct helper != \"ftp\""],
    ),
    key(
        "ct-l3proto",
        Hook::Forward,
        &["ct l3proto ipv4", "ct l3proto ipv6"],
        &[],
    ),
    key(
        "ct-protocol",
        Hook::Forward,
        &["ct protocol udp", "ct protocol tcp"],
        &["ct protocol 99"],
    ),
    key(
        "ct-addresses",
        Hook::Forward,
        &[
            "ct original ip saddr 10.0.1.2",
            "ct original ip daddr 10.0.3.0/24",
            "ct reply ip daddr 10.0.1.2",
            "ct original ip6 saddr fd00:1::2",
            "ct reply ip6 daddr fd00:1::2",
        ],
        &["ct reply ip saddr 10.0.1.2", "ct reply ip6 saddr fd00:1::2"],
    ),
    key(
        "ct-ports",
        Hook::Forward,
        &["ct original proto-src 4000", "ct reply proto-src 7001"],
        &["ct original proto-src 7001", "ct reply proto-dst 7001"],
    ),
    key(
        "ct-counts",
        Hook::Forward,
        &[
            "ct original packets > 0",
            "ct packets > 1",
            "ct original bytes > 50",
            "ct original avgpkt > 20",
        ],
        &["ct reply packets > 0", "ct bytes > 100000"],
    ),
    key(
        "ct-zone",
        Hook::Forward,
        &["ct zone 0", "ct original zone 0"],
        &["ct zone 7"],
    ),
    key("ct-id", Hook::Forward, &["ct id != 0"], &["ct id 0"]),
    key(
        "ct-label",
        Hook::Forward,
        &["ct label set 3 ct label 3"],
        &["ct label 9"],
    ),
];

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let keys = KEYS.iter().map(|key| {
        let name = format!("{}-is-what-nftables-says", key.name);
        Scenario::new(name, move |lab| compare(lab, key))
    });
    keys.collect()
}

/// Counts the key's rules in both filters.
fn compare(lab: &mut Lab, key: &Key) -> Result<()> {
    let theirs = count(lab, Filter::Nftables, key)?;
    let ours = count(lab, Filter::Ferrule, key)?;
    let (hits, sure) = (key.hits.len(), key.hits.len() + key.misses.len());
    for (index, ((rule, theirs), ours)) in key.rules().zip(theirs).zip(ours).enumerate() {
        ensure!(
            index >= sure || (index < hits) == (theirs.packets > 0),
            "`{rule}` counts {theirs:?} in nftables: the table is wrong"
        );
        ensure!(
            ours == theirs,
            "`{rule}` counts {ours:?}, in nftables {theirs:?}"
        );
    }
    Ok(())
}

/// What the key's rules count in one filter.
fn count(lab: &mut Lab, filter: Filter, key: &Key) -> Result<Vec<Count>> {
    forget_connections(lab)?;
    filter.load(lab.router(), &rules(key))?;
    let listener = (key.hook == Hook::LocalIn)
        .then(|| lab.router().inside(|| UdpSocket::bind("[::]:7001")))
        .transpose()?
        .transpose()
        .context("cannot listen")?;
    for packet in packets(key.hook) {
        send(lab, path_to(key.hook), &packet)?;
    }
    drop(listener);
    let counts = filter.counts(lab.router())?;
    filter.flush(lab.router())?;
    (0..key.rules().count())
        .map(|index| {
            let count = counts.get(&comment(index)).copied();
            count.with_context(|| format!("{filter:?} does not list rule {index}"))
        })
        .collect()
}

/// One rule a line, each with a counter and a comment.
fn rules(key: &Key) -> String {
    let mut lines = String::new();
    for (index, rule) in key.rules().enumerate() {
        lines += &format!("  {rule} counter comment \"{}\"\n", comment(index));
    }
    format!(
        "table inet t {{\n chain c {{\n  type filter hook {} priority filter; policy accept;\n{lines} }}\n}}\n",
        key.hook.name()
    )
}

fn comment(index: usize) -> String {
    format!("rule {index}")
}

/// The same flow twice: the second packet finds what the first left behind. Nothing that is answered.
fn packets(hook: Hook) -> Vec<Packet> {
    let of = |family: Family| {
        let udp = Packet::udp(family, 4000, 7001);
        let tcp = Packet::tcp(family, 4000, 7001).flags(tcp_flag::SYN);
        match hook {
            Hook::LocalIn => vec![udp.clone(), udp],
            _ => vec![udp.clone(), udp, tcp],
        }
    };
    FAMILIES.into_iter().flat_map(of).collect()
}

/// Empties the router's table of connections.
pub(super) fn forget_connections(lab: &Lab) -> Result<()> {
    lab.router().run_ok(&["conntrack", "-F"])?;
    Ok(())
}
