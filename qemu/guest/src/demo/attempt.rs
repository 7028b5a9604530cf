// SPDX-License-Identifier: GPL-2.0
//! One thing that a user would try: a ping, a TCP connection, a UDP question and its answer.

use std::fmt;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};
use ferrule_uapi::hook::Family;
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use crate::netns::Netns;
use crate::topology::Topology;

/// How long to wait for an answer: short of TCP's first retransmission, so that one attempt is one
/// packet; a translated guest needs a tenth of it.
const PATIENCE: Duration = Duration::from_millis(600);

/// Ports that are tried whatever the rules say, and how many at most.
const TCP_PORTS: [u16; 2] = [22, 80];
const UDP_PORTS: [u16; 1] = [53];
const MOST_PORTS: usize = 3;

/// Who talks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    ClientToServer,
    ClientToRouter,
    RouterToServer,
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ping,
    Tcp(u16),
    Udp(u16),
}

/// A pair, a family, and what is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pair: Pair,
    family: Family,
    kind: Kind,
}

impl Pair {
    pub(super) const ALL: [Pair; 3] = [
        Pair::ClientToServer,
        Pair::ClientToRouter,
        Pair::RouterToServer,
    ];

    /// As a heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Pair::ClientToServer => "client to server: forwarded by the router",
            Pair::ClientToRouter => "client to router: for the router itself",
            Pair::RouterToServer => "router to server: the router's own",
        }
    }

    pub(super) fn ends(self, topology: &Topology) -> (&Netns, &Netns) {
        match self {
            Pair::ClientToServer => (&topology.client, &topology.server),
            Pair::ClientToRouter => (&topology.client, &topology.router),
            Pair::RouterToServer => (&topology.router, &topology.server),
        }
    }

    /// Where the receiver is.
    pub(super) fn address(self, family: Family) -> Result<IpAddr> {
        let text = match (self, family) {
            (Pair::ClientToRouter, Family::Ip6) => "fd00:1::1",
            (Pair::ClientToRouter, _) => "10.0.1.1",
            (_, Family::Ip6) => "fd00:2::2",
            (_, _) => "10.0.2.2",
        };
        text.parse().context("an address")
    }
}

impl Attempt {
    /// Everything that is tried between two hosts: the usual ports, and those that the rules name.
    pub(super) fn all(pair: Pair, rules: &str) -> Vec<Attempt> {
        let mut kinds = vec![Kind::Ping];
        kinds.extend(
            ports(&TCP_PORTS, rules, "tcp dport")
                .into_iter()
                .map(Kind::Tcp),
        );
        kinds.extend(
            ports(&UDP_PORTS, rules, "udp dport")
                .into_iter()
                .map(Kind::Udp),
        );
        let families = [Family::Ip, Family::Ip6];
        let of_family = |family| {
            kinds
                .iter()
                .map(move |&kind| Attempt { pair, family, kind })
        };
        families.into_iter().flat_map(of_family).collect()
    }

    /// Tries it; says in words what arrived.
    pub(super) fn run(&self, topology: &Topology) -> Result<&'static str> {
        let (from, to) = self.pair.ends(topology);
        let host = self.pair.address(self.family)?;
        match self.kind {
            Kind::Ping => ping(from, host),
            Kind::Tcp(port) => tcp(from, to, SocketAddr::new(host, port)),
            Kind::Udp(port) => udp(from, to, SocketAddr::new(host, port)),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = self.family.name();
        match self.kind {
            Kind::Ping => write!(f, "{family:<4} ping"),
            Kind::Tcp(port) => write!(f, "{family:<4} tcp {port}"),
            Kind::Udp(port) => write!(f, "{family:<4} udp {port}"),
        }
    }
}

/// `usual`, and the first numbers that stand behind `words` in the rules.
fn ports(usual: &[u16], rules: &str, words: &str) -> Vec<u16> {
    let mut list = usual.to_vec();
    for (at, _) in rules.match_indices(words) {
        let rest = &rules[at + words.len()..];
        let number: String = rest
            .trim_start_matches(|c: char| !c.is_ascii_digit() && c != '\n')
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        if let Ok(port) = number.parse() {
            if !list.contains(&port) && list.len() < MOST_PORTS {
                list.push(port);
            }
        }
    }
    list
}

fn ping(from: &Netns, host: IpAddr) -> Result<&'static str> {
    let host = host.to_string();
    let output = from.run(&["ping", "-n", "-c", "1", "-W", "0.6", &host])?;
    Ok(if output.stdout.contains("1 received") {
        "answered"
    } else {
        "no answer"
    })
}

fn tcp(from: &Netns, to: &Netns, at: SocketAddr) -> Result<&'static str> {
    let listener = to
        .inside(|| TcpListener::bind(at))?
        .context("cannot listen")?;
    let connected = from.inside(|| TcpStream::connect_timeout(&at, PATIENCE))?;
    let Ok(mut stream) = connected else {
        return Ok("no connection");
    };
    let (mut peer, _) = listener.accept()?;
    // Closing resets the connection: no packet of it comes late, into somebody else's counters.
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    for socket in [&stream, &peer] {
        setsockopt(socket, sockopt::Linger, &at_once)?;
    }
    let mut buffer = [0; 5];
    peer.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"hello")?;
    Ok(match peer.read_exact(&mut buffer) {
        Ok(()) => "connected, data arrived",
        Err(_) => "connected, but no data arrived",
    })
}

fn udp(from: &Netns, to: &Netns, at: SocketAddr) -> Result<&'static str> {
    let server = to.inside(|| UdpSocket::bind(at))?.context("cannot bind")?;
    let any: SocketAddr = if at.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse()?;
    let client = from.inside(|| UdpSocket::bind(any))??;
    for socket in [&server, &client] {
        socket.set_read_timeout(Some(PATIENCE))?;
    }
    if client.send_to(b"hello", at).is_err() {
        return Ok("not sent: operation not permitted");
    }
    let mut buffer = [0; 16];
    let Ok((_, sender)) = server.recv_from(&mut buffer) else {
        return Ok("did not arrive");
    };
    let answered = server.send_to(b"hello", sender).is_ok() && client.recv(&mut buffer).is_ok();
    Ok(if answered {
        "arrived and was answered"
    } else {
        "arrived, but the answer did not"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_the_rules_name_are_tried_too() {
        let rules = "tcp dport { 22, 80 } accept\ntcp dport 23 drop\ntcp dport 99 drop\n";
        assert_eq!(ports(&TCP_PORTS, rules, "tcp dport"), [22, 80, 23]);
        assert_eq!(ports(&UDP_PORTS, rules, "udp dport"), [53]);
    }
}
