// SPDX-License-Identifier: GPL-2.0
//! Where tcpdump sees a packet that a rule drops: always on the device that received it, never on the
//! device that would have sent it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use ferrule_uapi::hook::Hook;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;

use crate::filter::Filter;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::packet::Packet;
use crate::runner::Scenario;

use super::hooks::{path_to, send, FAMILIES};

/// The port that is dropped, and one that is not.
const DROPPED: u16 = 4001;
const PASSES: u16 = 4002;

/// How long tcpdump may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list = Vec::new();
    for (hook, name) in [
        (
            Hook::PreRouting,
            "tcpdump-sees-on-the-receiving-device-what-prerouting-drops",
        ),
        (
            Hook::LocalIn,
            "tcpdump-sees-on-the-receiving-device-what-input-drops",
        ),
        (
            Hook::Forward,
            "tcpdump-sees-on-the-receiving-device-what-forward-drops",
        ),
    ] {
        list.push(Scenario::new(name, move |lab| {
            try_hook(lab, hook, "lan0", true)
        }));
    }
    for (hook, name) in [
        (
            Hook::PreRouting,
            "tcpdump-never-sees-on-the-sending-device-what-prerouting-drops",
        ),
        (
            Hook::Forward,
            "tcpdump-never-sees-on-the-sending-device-what-forward-drops",
        ),
        (
            Hook::LocalOut,
            "tcpdump-never-sees-on-the-sending-device-what-output-drops",
        ),
        (
            Hook::PostRouting,
            "tcpdump-never-sees-on-the-sending-device-what-postrouting-drops",
        ),
    ] {
        list.push(Scenario::new(name, move |lab| {
            try_hook(lab, hook, "wan0", false)
        }));
    }
    list
}

fn try_hook(lab: &mut Lab, hook: Hook, device: &str, seen: bool) -> Result<()> {
    let rules = format!(
        "table inet t {{\n chain c {{\n  type filter hook {} priority filter; policy accept;\n  \
         udp dport {DROPPED} counter drop comment \"dropped\"\n }}\n}}\n",
        hook.name()
    );
    Filter::Ferrule.load(lab.router(), &rules)?;
    let mut dump = Tcpdump::start(lab.router(), device)?;
    let path = path_to(hook);
    for family in FAMILIES {
        ensure!(
            !send(lab, path, &Packet::udp(family, 9, DROPPED))?,
            "not dropped"
        );
    }
    for family in FAMILIES {
        ensure!(send(lab, path, &Packet::udp(family, 9, PASSES))?, "dropped");
    }
    let ports = dump.ports_until(PASSES, FAMILIES.len())?;
    let dropped = ports.iter().filter(|port| **port == DROPPED).count();
    let expected = if seen { FAMILIES.len() } else { 0 };
    ensure!(
        dropped == expected,
        "{path:?}: tcpdump on {device} saw {ports:?}"
    );
    let counts = Filter::Ferrule.counts(lab.router())?;
    ensure!(counts["dropped"].packets == 2, "{counts:?}");
    Ok(())
}

/// A tcpdump that runs.
struct Tcpdump {
    child: Child,
    lines: Receiver<String>,
}

impl Tcpdump {
    /// Starts it and waits until it captures.
    fn start(ns: &Netns, device: &str) -> Result<Self> {
        let mut child = ns
            .inside(|| {
                Command::new("tcpdump")
                    .args([
                        "-i",
                        device,
                        "-nn",
                        "-l",
                        "--immediate-mode",
                        "-Z",
                        "root",
                        "udp",
                    ])
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
            })?
            .context("cannot run tcpdump")?;
        let notices = lines_of(child.stderr.take().context("no stderr")?);
        let lines = lines_of(child.stdout.take().context("no stdout")?);
        let dump = Self { child, lines };
        loop {
            match notices.recv_timeout(PATIENCE) {
                Ok(line) if line.contains("listening on") => return Ok(dump),
                Ok(_) => {}
                Err(_) => bail!("tcpdump does not begin to listen"),
            }
        }
    }

    /// The destination ports seen, in order, up to `count` packets to port `last`.
    fn ports_until(&mut self, last: u16, count: usize) -> Result<Vec<u16>> {
        let deadline = Instant::now() + PATIENCE;
        let mut ports = Vec::new();
        while ports.iter().filter(|port| **port == last).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                bail!("tcpdump saw only {ports:?}");
            };
            ports.extend(destination_port(&line));
        }
        Ok(ports)
    }
}

impl Drop for Tcpdump {
    fn drop(&mut self) {
        // It may have ended by itself; its end is waited for in either case.
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// What a process writes, line by line.
fn lines_of(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// From a line like `... IP 10.0.1.2.9 > 10.0.3.2.4001: UDP, length 16`.
fn destination_port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once(" > ")?;
    let (destination, _) = rest.split_once(": ")?;
    destination.rsplit_once('.')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_both_families() {
        let v4 = "12:00:00.1 IP 10.0.1.2.9 > 10.0.3.2.4001: UDP, length 16";
        let v6 = "12:00:00.1 IP6 fd00:1::2.9 > fd00:3::2.4002: UDP, length 16";
        assert_eq!(destination_port(v4), Some(4001));
        assert_eq!(destination_port(v6), Some(4002));
        assert_eq!(destination_port("listening"), None);
    }
}
