// SPDX-License-Identifier: GPL-2.0
//! One of the twin worlds: a network whose router filters with nftables or with Ferrule, and what is
//! seen of a run in it.
//!
//! All packets of a run are sent at once, but for rules that ask what time it is ([`pace`](super::quirks::pace)). They are told apart by nothing but their order: the main
//! thread stays on one CPU, so both worlds handle them one after the other, and what is seen at each
//! place is a sequence. A marker frame at each place says that there is no more to come.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use crate::ferrule;
use crate::filter::Filter;
use crate::kernel_log::KernelLog;
use crate::netns::Netns;
use crate::packet::LinkDestination;
use crate::process;
use crate::topology::{self, Topology};
use crate::wire::{LocalSockets, PacketSocket};

use super::normal;
use super::packets::{Shot, Way};
use super::state::{self, State};

/// A network, its filter, and sockets at every end.
pub(super) struct World {
    pub(super) filter: Filter,
    topology: Topology,
    client: PacketSocket,
    server: PacketSocket,
    lan: PacketSocket,
    wan: PacketSocket,
    local: LocalSockets,
    markers: u64,
}

/// What is seen of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Observation {
    /// By place, the frames or packets that came there, or errors of sending, in order.
    pub(super) seen: BTreeMap<&'static str, Vec<String>>,
    /// Counters, sets and objects afterwards.
    pub(super) state: State,
}

/// Link address of the server's device.
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 2, 2];

/// EtherType for local experiments (IEEE 802).
const MARKER: [u8; 2] = [0x88, 0xb5];

/// How long a marker may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the router knows hosts besides those of every topology: it must not ask for any.
const NEIGHBOURS: &str = "\
neighbour replace 10.0.1.{} lladdr 02:00:00:00:01:02 dev lan0 nud permanent
neighbour replace fd00:1::{x} lladdr 02:00:00:00:01:02 dev lan0 nud permanent
";

/// Errors are sent as often as they happen; fragments wait for others longer than any run takes, for
/// the end of the waiting makes a packet too.
const SYSCTLS: &[(&str, &str)] = &[
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_msgs_per_sec", "1000000"),
    ("ipv4/icmp_msgs_burst", "1000000"),
    ("ipv6/icmp/ratelimit", "0"),
    ("ipv4/ipfrag_time", "36000"),
    ("ipv4/ipfrag_high_thresh", "67108864"),
    ("ipv6/ip6frag_time", "36000"),
    ("ipv6/ip6frag_high_thresh", "67108864"),
    ("netfilter/nf_conntrack_frag6_timeout", "36000"),
    ("netfilter/nf_conntrack_frag6_high_thresh", "67108864"),
];

impl World {
    pub(super) fn create(filter: Filter) -> Result<Self> {
        let prefix = match filter {
            Filter::Ferrule => "f-",
            Filter::Nftables => "n-",
        };
        // What it can be told is there only when it is.
        process::run_ok(&["modprobe", "nf_conntrack"])?;
        let topology = Topology::create_named(prefix)?;
        let router = &topology.router;
        let mut commands = String::new();
        for host in [5, 9, 66, 77, 200] {
            let lines = NEIGHBOURS.replace("{}", &host.to_string());
            commands += &lines.replace("{x}", &format!("{host:x}"));
        }
        topology::batch(&["ip", "-n", router.name(), "-batch", "-"], &commands)?;
        // Nobody but the router answers anything.
        for ns in [&topology.client, &topology.server] {
            ns.run_ok(&["ip", "address", "flush", "dev", "eth0"])?;
        }
        for (key, value) in SYSCTLS {
            router.sysctl(key, value)?;
        }
        Ok(Self {
            client: PacketSocket::open(&topology.client, "eth0")?,
            server: PacketSocket::open(&topology.server, "eth0")?,
            lan: PacketSocket::open(router, "lan0")?,
            wan: PacketSocket::open(router, "wan0")?,
            local: LocalSockets::open(router)?,
            filter,
            topology,
            markers: 0,
        })
    }

    /// The namespace with the rules.
    pub(super) fn router(&self) -> &Netns {
        &self.topology.router
    }

    /// Replaces what is loaded; the inner error is what the tool says.
    pub(super) fn load(&self, rules: &str) -> Result<std::result::Result<(), String>> {
        if self.filter == Filter::Ferrule {
            // What rules have put into sets would stay there.
            ferrule::reset(self.router())?;
        }
        self.filter.try_load(self.router(), rules)
    }

    /// Sends all packets, each so long after the one before; says what is seen.
    pub(super) fn run(
        &mut self,
        shots: &[Shot],
        run: u16,
        pace: Duration,
        log: &mut KernelLog,
    ) -> Result<Observation> {
        state::forget_connections(self.router())?;
        self.collect()?;
        log.new_lines()?;
        let mut errors = Vec::new();
        for (number, shot) in shots.iter().enumerate() {
            let bytes = shot.bytes(run);
            if !pace.is_zero() {
                thread::sleep(pace);
            }
            match shot.way {
                Way::Forward | Way::LocalIn => self.client.send(&frame(shot, &bytes))?,
                Way::Return => self.server.send(&frame(shot, &bytes))?,
                Way::LocalOut => {
                    if let Err(errno) = self.local.try_send(shot.destination()?, &bytes) {
                        errors.push(format!("packet {number}: {errno:?}"));
                    }
                }
            }
        }
        let mut seen = self.collect()?;
        seen.insert("errors of sending", errors);
        let lines = log.new_lines()?;
        seen.insert("the kernel's log", normal::log(&lines));
        let state = state::read(self.filter, self.router())?;
        Ok(Observation { seen, state })
    }

    /// Takes everything that has come to any place.
    fn collect(&mut self) -> Result<BTreeMap<&'static str, Vec<String>>> {
        let mut seen = BTreeMap::new();
        let client = self.marker(topology::LAN_MAC);
        self.client.send(&client)?;
        until(&self.lan, &client).context("at lan0")?;
        let server = self.marker(topology::WAN_MAC);
        self.server.send(&server)?;
        until(&self.wan, &server).context("at wan0")?;
        let lan = self.marker(topology::CLIENT_MAC);
        self.lan.send(&lan)?;
        seen.insert("frames at the client", until(&self.client, &lan)?);
        let wan = self.marker(SERVER_MAC);
        self.wan.send(&wan)?;
        seen.insert("frames at the server", until(&self.server, &wan)?);
        const LOCAL: [&str; 6] = [
            "IPv4 UDP at the router",
            "IPv4 TCP at the router",
            "ICMP at the router",
            "IPv6 UDP at the router",
            "IPv6 TCP at the router",
            "ICMPv6 at the router",
        ];
        self.local.each_delivered(|socket, bytes| {
            let place = LOCAL.get(socket).copied().unwrap_or("elsewhere");
            if place == "ICMPv6 at the router" && normal::is_late_news(bytes) {
                return;
            }
            seen.entry(place)
                .or_default()
                .push(normal::delivered(bytes));
        })?;
        Ok(seen)
    }

    fn marker(&mut self, to: [u8; 6]) -> Vec<u8> {
        self.markers += 1;
        let mut frame = to.to_vec();
        frame.extend_from_slice(&[2, 0, 0, 0, 0xff, 0xff]);
        frame.extend_from_slice(&MARKER);
        frame.extend_from_slice(&self.markers.to_be_bytes());
        frame
    }
}

/// Reads frames up to `marker`.
fn until(socket: &PacketSocket, marker: &[u8]) -> Result<Vec<String>> {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        let Some(frame) = socket.receive(deadline)? else {
            bail!("a marker frame did not arrive within {PATIENCE:?}");
        };
        if frame.outgoing {
            continue;
        }
        if frame.bytes == marker {
            return Ok(seen);
        }
        seen.extend(normal::frame(&frame.bytes));
    }
}

/// The frame that takes a packet to the router.
fn frame(shot: &Shot, bytes: &[u8]) -> Vec<u8> {
    let is_v6 = bytes.first().is_some_and(|byte| byte >> 4 == 6);
    let (there, from) = match shot.way {
        Way::Return => (topology::WAN_MAC, SERVER_MAC),
        _ => (topology::LAN_MAC, topology::CLIENT_MAC),
    };
    let to = match shot.link {
        LinkDestination::Host => there,
        LinkDestination::Broadcast => [0xff; 6],
        LinkDestination::Multicast if is_v6 => [0x33, 0x33, 0, 0, 0, 9],
        LinkDestination::Multicast => [1, 0, 0x5e, 0, 0, 9],
    };
    let ethertype: [u8; 2] = if is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    [&to[..], &from, &ethertype, bytes].concat()
}
