// SPDX-License-Identifier: GPL-2.0
//! A network namespace in which frames come in at one device and are forwarded out of another. Neither
//! leads anywhere: what is sent is gone, at the least cost.

use anyhow::{Context, Result};

use crate::netns::Netns;
use crate::process;

/// Where frames come in.
pub(super) const IN: &str = "dummy0";
/// Where they go out.
pub(super) const OUT: &str = "dummy1";

/// Devices, addresses and the neighbour that everything is forwarded to.
const LINKS: &str = "\
link set lo up
link add dummy0 address 02:00:00:00:00:01 type dummy
link add dummy1 address 02:00:00:00:00:02 type dummy
link set dummy0 up
link set dummy1 up
addr add 198.18.0.1/24 dev dummy1
addr add fd00:18::1/64 dev dummy1 nodad
neigh add 198.18.0.2 lladdr 02:00:00:00:00:03 dev dummy1 nud permanent
neigh add fd00:18::2 lladdr 02:00:00:00:00:03 dev dummy1 nud permanent
route add default via 198.18.0.2 dev dummy1
route add default via fd00:18::2 dev dummy1
";

/// Settings of a router; conntrack believes every checksum and every window, since the frames are
/// replayed.
const SETTINGS: &[(&str, &str)] = &[
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv4/ip_forward", "1"),
    ("ipv4/ip_early_demux", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv6/conf/all/forwarding", "1"),
    ("netfilter/nf_conntrack_checksum", "0"),
    ("netfilter/nf_conntrack_tcp_be_liberal", "1"),
];

/// The namespace.
#[derive(Debug)]
pub(super) struct Arena {
    pub(super) ns: Netns,
}

impl Arena {
    /// Makes one.
    pub(super) fn create(name: &str) -> Result<Self> {
        let ns = Netns::create(name)?;
        for (key, value) in SETTINGS {
            ns.sysctl(key, value)?;
        }
        ns.inside(|| process::run_with_input(&["ip", "-batch", "-"], LINKS))??
            .success()
            .with_context(|| format!("cannot set up the namespace {name}"))?;
        Ok(Self { ns })
    }
}
