// SPDX-License-Identifier: GPL-2.0
//! Programs and sockets as users have them, in place of packets made by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use ferrule_uapi::hook::{Family, Hook};

use crate::ferrule;
use crate::filter::Filter;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::runner::Scenario;

use super::hooks::FAMILIES;

/// How long an answer may take that will come, and how long to wait for one that must not.
const PATIENCE: Duration = Duration::from_secs(10);
const IMPATIENCE: Duration = Duration::from_millis(300);

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list = Vec::new();
    for family in FAMILIES {
        let mut add = |name: &str, run: fn(&mut Lab, Family) -> Result<()>| {
            let name = format!("{}-{name}", family.name());
            list.push(Scenario::new(name, move |lab| run(lab, family)));
        };
        add(
            "ping-through-the-router-is-counted-at-three-hooks",
            ping_through,
        );
        add(
            "ping-to-the-router-is-counted-at-the-other-hooks",
            ping_router,
        );
        add("tcp-connections-pass-or-not-by-port", tcp);
        add("udp-round-trips-pass-or-not-by-port", udp);
        add("a-sender-whose-packet-is-dropped-at-output-is-told", told);
    }
    list
}

fn server(family: Family) -> &'static str {
    if family == Family::Ip6 {
        "fd00:2::2"
    } else {
        "10.0.2.2"
    }
}

fn router(family: Family) -> &'static str {
    if family == Family::Ip6 {
        "fd00:1::1"
    } else {
        "10.0.1.1"
    }
}

fn address(host: &str, port: u16) -> Result<SocketAddr> {
    Ok(SocketAddr::new(host.parse()?, port))
}

fn chain(hook: &str, rule: &str) -> String {
    format!(
        "table inet t {{\n chain c {{\n  type filter hook {hook} priority filter; policy accept;\n  \
         {rule}\n }}\n}}\n"
    )
}

/// Packets at the router's five hooks, in their order.
fn at_hooks(lab: &Lab, family: Family) -> Result<Vec<u64>> {
    Hook::ALL
        .iter()
        .map(|&hook| Ok(ferrule::hook_count(lab.router(), (family, hook))?.packets))
        .collect()
}

fn ping(lab: &Lab, host: &str) -> Result<()> {
    let command = ["ping", "-n", "-c", "2", "-i", "0.05", "-W", "10", host];
    let text = lab.client().run_ok(&command)?.stdout;
    ensure!(text.contains("2 received"), "{text}");
    Ok(())
}

fn ping_through(lab: &mut Lab, family: Family) -> Result<()> {
    ping(lab, server(family))?;
    // Two requests and two replies.
    let counts = at_hooks(lab, family)?;
    ensure!(counts == [4, 0, 4, 0, 4], "{counts:?}");
    Ok(())
}

fn ping_router(lab: &mut Lab, family: Family) -> Result<()> {
    ping(lab, router(family))?;
    // Two requests in, two replies out.
    let counts = at_hooks(lab, family)?;
    ensure!(counts == [2, 2, 0, 2, 2], "{counts:?}");
    Ok(())
}

/// Connects from the client and says whether "hello" came back.
fn tcp_echo(lab: &Lab, to: SocketAddr, listener: &TcpListener, patience: Duration) -> Result<bool> {
    let mut stream = match lab
        .client()
        .inside(|| TcpStream::connect_timeout(&to, patience))?
    {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(false),
        Err(error) => return Err(error).context("connecting"),
    };
    let (mut peer, _) = listener.accept()?;
    for socket in [&stream, &peer] {
        socket.set_read_timeout(Some(PATIENCE))?;
    }
    let mut buffer = [0; 5];
    stream.write_all(b"hello")?;
    peer.read_exact(&mut buffer)?;
    peer.write_all(&buffer)?;
    stream.read_exact(&mut buffer)?;
    Ok(&buffer == b"hello")
}

fn listen(ns: &Netns, at: SocketAddr) -> Result<TcpListener> {
    ns.inside(|| TcpListener::bind(at))?
        .context("cannot listen")
}

fn tcp(lab: &mut Lab, family: Family) -> Result<()> {
    let (open, closed) = (
        address(server(family), 8080)?,
        address(server(family), 2323)?,
    );
    let (listener, other) = (listen(lab.server(), open)?, listen(lab.server(), closed)?);
    Filter::Ferrule.load(
        lab.router(),
        &chain("forward", "tcp dport 2323 counter drop comment \"closed\""),
    )?;
    ensure!(tcp_echo(lab, open, &listener, PATIENCE)?, "no echo");
    ensure!(
        !tcp_echo(lab, closed, &other, IMPATIENCE)?,
        "an echo from a port that is dropped"
    );
    let dropped = Filter::Ferrule.counts(lab.router())?["closed"].packets;
    ensure!(dropped > 0, "not counted");
    Filter::Ferrule.flush(lab.router())?;
    ensure!(
        tcp_echo(lab, closed, &other, PATIENCE)?,
        "no echo after the flush"
    );
    Ok(())
}

fn udp(lab: &mut Lab, family: Family) -> Result<()> {
    let any = address(
        if family == Family::Ip6 {
            "::"
        } else {
            "0.0.0.0"
        },
        0,
    )?;
    let client = lab.client().inside(|| UdpSocket::bind(any))??;
    let mut buffer = [0; 16];
    Filter::Ferrule.load(lab.router(), &chain("input", "udp dport 5353 drop"))?;
    for (port, passes) in [(5300, true), (5353, false)] {
        let to = address(router(family), port)?;
        let socket = lab.router().inside(|| UdpSocket::bind(to))??;
        client.send_to(b"ping", to)?;
        socket.set_read_timeout(Some(if passes { PATIENCE } else { IMPATIENCE }))?;
        let got = socket.recv_from(&mut buffer);
        ensure!(got.is_ok() == passes, "port {port}: {got:?}");
        if let Ok((len, from)) = got {
            socket.send_to(&buffer[..len], from)?;
            client.set_read_timeout(Some(PATIENCE))?;
            ensure!(client.recv(&mut buffer)? == 4, "no answer");
        }
    }
    Ok(())
}

fn told(lab: &mut Lab, family: Family) -> Result<()> {
    let any = address(
        if family == Family::Ip6 {
            "::"
        } else {
            "0.0.0.0"
        },
        0,
    )?;
    let to = address(server(family), 9999)?;
    let socket = lab.router().inside(|| UdpSocket::bind(any))??;
    socket.send_to(b"x", to)?;
    for filter in Filter::ALL {
        filter.load(lab.router(), &chain("output", "udp dport 9999 drop"))?;
        let got = socket.send_to(b"x", to).map_err(|error| error.kind());
        ensure!(
            got == Err(ErrorKind::PermissionDenied),
            "{filter:?}: {got:?}"
        );
        filter.flush(lab.router())?;
    }
    Ok(())
}
