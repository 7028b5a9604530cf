// SPDX-License-Identifier: GPL-2.0
//! A router with the devices that a saved ruleset names, and the rest of the world at their other ends.
//!
//! Nobody resolves addresses (the devices have no ARP), so any address may be at any device: a batch of packets
//! passes between two devices, and the routes of the moment lead what comes from one to the other. What
//! is seen where is a sequence, as in the differential.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use ferrule_uapi::hook::Family;

use crate::kernel_log::KernelLog;
use crate::netns::Netns;
use crate::packet::LinkDestination;
use crate::topology::{batch, quiet_netns};
use crate::wire::{LocalSockets, PacketSocket};

use super::save::Save;
use super::seen;
use super::shots::{Sender, Shot};

/// The router and what is around it.
pub(super) struct World {
    pub(super) router: Netns,
    _outside: Netns,
    family: Family,
    pause: Duration,
    devices: Vec<Device>,
    local: LocalSockets,
    markers: u64,
}

/// A device of the router.
struct Device {
    name: String,
    /// In the router.
    inside: PacketSocket,
    /// At the other end.
    outside: PacketSocket,
}

/// What is seen of packets, by place.
pub(super) type Seen = BTreeMap<String, Vec<String>>;

/// EtherType for local experiments (IEEE 802).
const MARKER: [u8; 2] = [0x88, 0xb5];

/// The number of the first device's table of routes.
const TABLES: usize = 100;

/// How long a marker may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The router takes any source and says everything that it has to say.
const SYSCTLS: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/accept_local", "1"),
    ("ipv4/conf/all/route_localnet", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_msgs_per_sec", "1000000"),
    ("ipv4/icmp_msgs_burst", "1000000"),
    ("ipv4/icmp_echo_ignore_broadcasts", "0"),
    ("ipv6/icmp/ratelimit", "0"),
];

/// The router's address at a device.
pub(super) fn local(family: Family, device: usize) -> IpAddr {
    let device = device as u16;
    match family {
        Family::Ip6 => Ipv6Addr::new(0x2a01, 0x4f8, 0, device, 0, 0, 0, 1).into(),
        _ => Ipv4Addr::new(5, 9, device.to_be_bytes()[1], 1).into(),
    }
}

/// The broadcast address of a device.
pub(super) fn broadcast(device: usize) -> IpAddr {
    Ipv4Addr::new(5, 9, device.to_le_bytes()[0], 255).into()
}

impl World {
    pub(super) fn create(prefix: &str, save: &Save) -> Result<Self> {
        let (family, names) = (save.family, save.devices());
        let router = quiet_netns(&format!("{prefix}-router"))?;
        let outside = quiet_netns(&format!("{prefix}-outside"))?;
        outside.sysctl("ipv6/conf/default/disable_ipv6", "1")?;
        for (key, value) in SYSCTLS {
            router.sysctl(key, value)?;
        }
        let mut links = String::new();
        let mut ours = "link set lo up\n".to_owned();
        let mut theirs = String::new();
        for (number, name) in names.iter().enumerate() {
            let [mac, peer] = [0, 1].map(|side| text_of(mac(number, side)));
            links += &format!(
                "link add {name} netns {} address {mac} type veth peer name p{number} netns {} address {peer}\n",
                router.name(),
                outside.name(),
            );
            let [v4, v6] = [Family::Ip, Family::Ip6].map(|family| local(family, number));
            ours += &format!(
                "link set {name} arp off up\naddress add {v4}/24 brd + dev {name}\naddress add {v6}/64 dev {name} nodad\n"
            );
            let (any, table) = (any_address(family), TABLES + number);
            ours += &format!("rule add pref 100 from {any} iif {name} lookup {table}\n");
            theirs += &format!("link set p{number} arp off up\n");
        }
        batch(&["ip", "-batch", "-"], &links).context("cannot make the devices")?;
        batch(&["ip", "-n", outside.name(), "-batch", "-"], &theirs)?;
        batch(&["ip", "-n", router.name(), "-batch", "-"], &ours)?;
        let devices = names.iter().enumerate().map(|(number, name)| {
            Ok(Device {
                name: name.clone(),
                inside: PacketSocket::open(&router, name)?,
                outside: PacketSocket::open(&outside, &format!("p{number}"))?,
            })
        });
        Ok(Self {
            devices: devices.collect::<Result<_>>()?,
            local: LocalSockets::open(&router)?,
            router,
            _outside: outside,
            family,
            pause: save.pause(),
            markers: 0,
        })
    }

    /// Sends packets between two devices, and adds what comes of them to what was seen.
    pub(super) fn run(
        &mut self,
        pair: (usize, usize),
        shots: &[Shot],
        log: &mut KernelLog,
        seen: &mut Seen,
    ) -> Result<()> {
        self.route(pair)?;
        let way = format!(
            "{} to {}",
            self.devices[pair.0].name, self.devices[pair.1].name
        );
        for (number, shot) in shots.iter().enumerate() {
            if !self.pause.is_zero() {
                std::thread::sleep(self.pause);
            }
            let from = match shot.sender {
                Sender::Near => pair.0,
                Sender::Far => pair.1,
                Sender::Router => {
                    if let Err(errno) = self.local.try_send(shot.destination, &shot.bytes) {
                        let place = format!("{way}: errors of sending");
                        let text = format!("packet {number}: {errno:?}");
                        seen.entry(place).or_default().push(text);
                    }
                    continue;
                }
            };
            self.devices[from].outside.send(&frame(from, shot))?;
        }
        self.collect(&way, pair, seen)?;
        let lines = seen::log(&log.new_lines()?);
        if !lines.is_empty() {
            seen.insert(format!("{way}: the kernel's log"), lines);
        }
        Ok(())
    }

    /// What comes from the second device goes to the first, everything else to the second.
    fn route(&self, (near, far): (usize, usize)) -> Result<()> {
        let any = any_address(self.family);
        let [towards, back] = [far, near].map(|number| &self.devices[number].name);
        let table = TABLES + far;
        let commands = format!(
            "route replace {any} dev {towards}\nroute replace {any} dev {back} table {table}\n"
        );
        batch(&["ip", "-n", self.router.name(), "-batch", "-"], &commands)
    }

    /// Takes everything that has come to any place.
    fn collect(&mut self, way: &str, (near, far): (usize, usize), seen: &mut Seen) -> Result<()> {
        for end in [near, far] {
            let marker = self.marker(mac(end, 0));
            self.devices[end].outside.send(&marker)?;
            until(&self.devices[end].inside, &marker)?;
        }
        for number in 0..self.devices.len() {
            let marker = self.marker(mac(number, 1));
            self.devices[number].inside.send(&marker)?;
            let frames = until(&self.devices[number].outside, &marker)?;
            let frames: Vec<_> = frames.iter().filter_map(|one| seen::frame(one)).collect();
            if !frames.is_empty() {
                seen.entry(format!("{way}: out at {}", self.devices[number].name))
                    .or_default()
                    .extend(frames);
            }
        }
        self.local.each_delivered(|socket, bytes| {
            let place = format!("{way}: at the router's socket {socket}");
            seen.entry(place).or_default().push(seen::delivered(bytes));
        })
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

/// All addresses of a family.
fn any_address(family: Family) -> &'static str {
    match family {
        Family::Ip6 => "::/0",
        _ => "0.0.0.0/0",
    }
}

/// The link address of a device, inside (0) or outside (1).
fn mac(device: usize, side: u8) -> [u8; 6] {
    [2, 0, 0, 0x77, device.to_le_bytes()[0], side]
}

fn text_of(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Reads frames up to `marker`.
fn until(socket: &PacketSocket, marker: &[u8]) -> Result<Vec<Vec<u8>>> {
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
        seen.push(frame.bytes);
    }
}

/// The frame that takes a packet to the router.
fn frame(device: usize, shot: &Shot) -> Vec<u8> {
    let is_v6 = shot.bytes.first().is_some_and(|byte| byte >> 4 == 6);
    let to = match shot.link {
        LinkDestination::Host => mac(device, 0),
        LinkDestination::Broadcast | LinkDestination::Multicast => [0xff; 6],
    };
    let ethertype: [u8; 2] = if is_v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    [&to[..], &mac(device, 1), &ethertype, &shot.bytes].concat()
}
