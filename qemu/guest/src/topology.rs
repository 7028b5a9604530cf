// SPDX-License-Identifier: GPL-2.0
//! The network that every scenario and the demonstration use.
//!
//! ```text
//!  client                        router                          server
//!  eth0 ───────────────── lan0          wan0 ─────────────────── eth0
//!  10.0.1.2/24      10.0.1.1/24        10.0.2.1/24        10.0.2.2/24
//!  fd00:1::2/64    fd00:1::1/64        fd00:2::1/64      fd00:2::2/64
//! ```
//!
//! Rules go into the router. Behind the server, at `10.0.3.0/24` and `fd00:3::/64`, are *sinks*: the
//! router sends what is for them to a link address that nobody has, so a capture on the server sees
//! every packet and nothing answers. Neighbours are permanent and the kernel's own IPv6 chatter is
//! off: no packet passes a hook but those that somebody sends.

use anyhow::{Context, Result};

use crate::netns::Netns;
use crate::process;

/// Link address of the client's device.
pub(crate) const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 1, 2];
/// Link address of the router's device towards the client.
pub(crate) const LAN_MAC: [u8; 6] = [2, 0, 0, 0, 1, 1];
/// Link address of the router's device towards the server.
pub(crate) const WAN_MAC: [u8; 6] = [2, 0, 0, 0, 2, 1];

/// The three namespaces.
#[derive(Debug)]
pub(crate) struct Topology {
    /// Where traffic comes from.
    pub(crate) client: Netns,
    /// Where the rules are.
    pub(crate) router: Netns,
    /// Where traffic goes.
    pub(crate) server: Netns,
}

/// What `ip -batch` makes of the three namespaces.
const LINKS: &str = "\
link add lan0 netns router address 02:00:00:00:01:01 type veth peer name eth0 netns client address 02:00:00:00:01:02
link add wan0 netns router address 02:00:00:00:02:01 type veth peer name eth0 netns server address 02:00:00:00:02:02
";

const CLIENT: &str = "\
link set lo up
link set eth0 up
address add 10.0.1.2/24 dev eth0
address add fd00:1::2/64 dev eth0 nodad
neighbour replace 10.0.1.1 lladdr 02:00:00:00:01:01 dev eth0 nud permanent
neighbour replace fd00:1::1 lladdr 02:00:00:00:01:01 dev eth0 nud permanent
route add default via 10.0.1.1
route add default via fd00:1::1
";

const ROUTER: &str = "\
link set lo up
link set lan0 up
link set wan0 up
address add 10.0.1.1/24 dev lan0
address add fd00:1::1/64 dev lan0 nodad
address add 10.0.2.1/24 dev wan0
address add fd00:2::1/64 dev wan0 nodad
neighbour replace 10.0.1.2 lladdr 02:00:00:00:01:02 dev lan0 nud permanent
neighbour replace fd00:1::2 lladdr 02:00:00:00:01:02 dev lan0 nud permanent
neighbour replace 10.0.2.2 lladdr 02:00:00:00:02:02 dev wan0 nud permanent
neighbour replace fd00:2::2 lladdr 02:00:00:00:02:02 dev wan0 nud permanent
neighbour replace 10.0.2.99 lladdr 02:00:00:00:02:63 dev wan0 nud permanent
neighbour replace fd00:2::99 lladdr 02:00:00:00:02:63 dev wan0 nud permanent
route add 10.0.3.0/24 via 10.0.2.99
route add fd00:3::/64 via fd00:2::99
";

const SERVER: &str = "\
link set lo up
link set eth0 up
address add 10.0.2.2/24 dev eth0
address add fd00:2::2/64 dev eth0 nodad
neighbour replace 10.0.2.1 lladdr 02:00:00:00:02:01 dev eth0 nud permanent
neighbour replace fd00:2::1 lladdr 02:00:00:00:02:01 dev eth0 nud permanent
route add default via 10.0.2.1
route add default via fd00:2::1
";

/// Set in every namespace before it has devices: IPv6 says nothing unless asked to.
const QUIET: &[(&str, &str)] = &[
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/autoconf", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv6/conf/default/addr_gen_mode", "1"),
    ("ipv6/conf/default/mldv2_unsolicited_report_interval", "1"),
];

/// Set in the router.
const FORWARDING: &[(&str, &str)] = &[("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")];

impl Topology {
    /// Makes the three namespaces and what connects them.
    pub(crate) fn create() -> Result<Self> {
        Self::create_named("")
    }

    /// The same, with something before the names of the namespaces.
    pub(crate) fn create_named(prefix: &str) -> Result<Self> {
        // One report of multicast groups is enough. This one is the same for all namespaces.
        std::fs::write("/proc/sys/net/ipv6/mld_qrv", "1").context("cannot set mld_qrv")?;
        let topology = Self {
            client: quiet_netns(&format!("{prefix}client"))?,
            router: quiet_netns(&format!("{prefix}router"))?,
            server: quiet_netns(&format!("{prefix}server"))?,
        };
        let links = LINKS.replace("netns ", &format!("netns {prefix}"));
        batch(&["ip", "-batch", "-"], &links).context("cannot make the links")?;
        for (ns, commands) in [
            (&topology.client, CLIENT),
            (&topology.router, ROUTER),
            (&topology.server, SERVER),
        ] {
            batch(&["ip", "-n", ns.name(), "-batch", "-"], commands)
                .with_context(|| format!("cannot set up {}", ns.name()))?;
        }
        for (key, value) in FORWARDING {
            topology.router.sysctl(key, value)?;
        }
        Ok(topology)
    }
}

/// A new namespace in which the kernel is silent.
pub(crate) fn quiet_netns(name: &str) -> Result<Netns> {
    let ns = Netns::create(name)?;
    for (key, value) in QUIET {
        ns.sysctl(key, value)?;
    }
    Ok(ns)
}

/// Runs commands of `ip -batch`.
pub(crate) fn batch(command: &[&str], commands: &str) -> Result<()> {
    process::run_with_input(command, commands)?.success()?;
    Ok(())
}
