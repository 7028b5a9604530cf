// SPDX-License-Identifier: GPL-2.0
//! Sending one packet and learning its fate, without waiting for a time to pass.
//!
//! Every packet is followed by a *marker*, a frame of a protocol that nobody handles. The main thread
//! stays on one CPU, whose backlog is a queue: when the marker is seen on the router's device, all that
//! was sent before it has passed the router's hooks, and when a second marker, sent by the router after
//! that, is seen by the server, all that the router let pass has arrived. What has not arrived by then
//! never will.

use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use ferrule_uapi::hook::Family;
use nix::sched::{sched_setaffinity, CpuSet};
use nix::unistd::Pid;

use crate::netns::Netns;
use crate::packet::{LinkDestination, Packet};
use crate::topology::{self, Topology};
use crate::wire::{LocalSockets, PacketSocket};

/// The way that a packet takes through the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Client to a sink behind the server: prerouting, forward, postrouting.
    Forward,
    /// Client to router: prerouting, input.
    LocalIn,
    /// Router to a sink behind the server: output, postrouting.
    LocalOut,
}

/// The topology, with sockets at every end of it.
#[derive(Debug)]
pub(crate) struct Lab {
    topology: Topology,
    client: PacketSocket,
    lan: PacketSocket,
    wan: PacketSocket,
    server: PacketSocket,
    local: LocalSockets,
    markers: u64,
    /// What was sent since the scenario began, and what became of it.
    history: Vec<String>,
}

/// EtherType for local experiments (IEEE 802).
const MARKER: [u8; 2] = [0x88, 0xb5];

/// Length of an Ethernet header.
const ETHERNET: usize = 14;

/// How long a marker may take: long enough for a host that runs other things.
const PATIENCE: Duration = Duration::from_secs(20);

impl Lab {
    /// Makes the topology and opens the sockets.
    pub(crate) fn create() -> Result<Self> {
        stay_on_one_cpu().context("cannot bind the main thread to one CPU")?;
        let topology = Topology::create()?;
        Ok(Self {
            client: PacketSocket::open(&topology.client, "eth0")?,
            lan: PacketSocket::open(&topology.router, "lan0")?,
            wan: PacketSocket::open(&topology.router, "wan0")?,
            server: PacketSocket::open(&topology.server, "eth0")?,
            local: LocalSockets::open(&topology.router)?,
            topology,
            markers: 0,
            history: Vec::new(),
        })
    }

    /// The client's namespace.
    pub(crate) fn client(&self) -> &Netns {
        &self.topology.client
    }

    /// The router's namespace, where the rules are.
    pub(crate) fn router(&self) -> &Netns {
        &self.topology.router
    }

    /// The server's namespace.
    pub(crate) fn server(&self) -> &Netns {
        &self.topology.server
    }

    /// Sends a packet. Says whether it arrived, which is: at a sink behind the server or, for
    /// [`Path::LocalIn`], at the router's own sockets.
    pub(crate) fn send(&mut self, path: Path, packet: &Packet) -> Result<bool> {
        let arrived = match path {
            Path::Forward => {
                self.client.send(&ethernet(packet))?;
                self.settle_router(Some(packet))?;
                self.settle_server(packet)?
            }
            Path::LocalOut => {
                self.local.send(packet)?;
                self.settle_server(packet)?
            }
            Path::LocalIn => {
                self.local.delivered()?;
                self.client.send(&ethernet(packet))?;
                self.settle_router(Some(packet))?;
                self.local.delivered()? > 0
            }
        };
        let fate = if arrived { "arrived" } else { "did not arrive" };
        self.history.push(format!("{fate}: {path:?} {packet:?}"));
        Ok(arrived)
    }

    /// Waits until everything that the client has sent has passed the router's hooks.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.settle_router(None)
    }

    /// Throws away everything that waits in the sockets, after traffic that nobody looked at.
    pub(crate) fn drain(&mut self) -> Result<()> {
        // What another CPU still has in its backlog comes within this time, or meets empty sockets.
        std::thread::sleep(Duration::from_millis(100));
        for socket in [&self.client, &self.lan, &self.wan, &self.server] {
            while socket.receive(Instant::now())?.is_some() {}
        }
        self.settle()
    }

    /// What was sent since [`Lab::forget`], and what became of it.
    pub(crate) fn history(&self) -> &[String] {
        &self.history
    }

    /// Begins a new history.
    pub(crate) fn forget(&mut self) {
        self.history.clear();
    }

    /// Waits for the router to be done with what the client sent, and makes sure that `packet` did come
    /// to it: a packet that got lost on the way there must not pass for one that a rule dropped.
    fn settle_router(&mut self, packet: Option<&Packet>) -> Result<()> {
        let marker = self.marker(topology::LAN_MAC, topology::CLIENT_MAC);
        self.client.send(&marker)?;
        let sent = packet.map(Packet::bytes);
        let seen = collect(&self.lan, &marker, |bytes| sent.as_deref() == Some(bytes))
            .context("at the router")?;
        if packet.is_some() && !seen {
            bail!("the packet did not come to the router: {packet:?}");
        }
        Ok(())
    }

    /// Waits until the server has got what the router sent; says whether `packet` was among it.
    fn settle_server(&mut self, packet: &Packet) -> Result<bool> {
        let marker = self.marker([0xff; 6], topology::WAN_MAC);
        self.wan.send(&marker)?;
        let sent = packet.bytes();
        collect(&self.server, &marker, |bytes| same_packet(&sent, bytes)).context("at the server")
    }

    fn marker(&mut self, to: [u8; 6], from: [u8; 6]) -> Vec<u8> {
        self.markers += 1;
        let mut frame = to.to_vec();
        frame.extend_from_slice(&from);
        frame.extend_from_slice(&MARKER);
        frame.extend_from_slice(&self.markers.to_be_bytes());
        frame
    }
}

/// Reads frames up to `marker`; says whether `wanted` held for what one of them carried.
fn collect(socket: &PacketSocket, marker: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    let mut found = false;
    loop {
        let Some(frame) = socket.receive(deadline)? else {
            bail!("a marker frame did not arrive within {PATIENCE:?}");
        };
        if frame.outgoing {
            continue;
        }
        if frame.bytes == marker {
            return Ok(found);
        }
        found |= frame.bytes.get(ETHERNET..).is_some_and(&wanted);
    }
}

/// Whether `got` is `sent` after one hop: the time to live, and with it IPv4's checksum, may differ.
fn same_packet(sent: &[u8], got: &[u8]) -> bool {
    let changes: &[usize] = match sent.first().map(|byte| byte >> 4) {
        Some(4) => &[8, 10, 11],
        _ => &[7],
    };
    sent.len() == got.len()
        && sent
            .iter()
            .zip(got)
            .enumerate()
            .all(|(index, (a, b))| a == b || changes.contains(&index))
}

/// The frame that takes a packet from the client to the router.
pub(crate) fn ethernet(packet: &Packet) -> Vec<u8> {
    let (to, ethertype): (_, [u8; 2]) = match (packet.link, packet.family()) {
        (LinkDestination::Host, Family::Ip6) => (topology::LAN_MAC, [0x86, 0xdd]),
        (LinkDestination::Host, _) => (topology::LAN_MAC, [0x08, 0x00]),
        (LinkDestination::Broadcast, Family::Ip6) => ([0xff; 6], [0x86, 0xdd]),
        (LinkDestination::Broadcast, _) => ([0xff; 6], [0x08, 0x00]),
        (LinkDestination::Multicast, Family::Ip6) => ([0x33, 0x33, 0, 0, 0, 9], [0x86, 0xdd]),
        (LinkDestination::Multicast, _) => ([1, 0, 0x5e, 0, 0, 9], [0x08, 0x00]),
    };
    let mut frame = to.to_vec();
    frame.extend_from_slice(&topology::CLIENT_MAC);
    frame.extend_from_slice(&ethertype);
    frame.extend_from_slice(&packet.bytes());
    frame
}

/// Softirqs run on the CPU that raised them: one sender on one CPU makes one queue.
fn stay_on_one_cpu() -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &cpus)?;
    Ok(())
}
