// SPDX-License-Identifier: GPL-2.0
//! A connection that another one announces, as of FTP: it passes as `related`, if a helper reads the first.
//!
//! Only what a helper looks at is spoken. It reads lines that begin where the line before ended, so that each
//! side has to say something first.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use ferrule_uapi::hook::Family;

use crate::filter::Filter;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::runner::Scenario;

/// How long a connection may take that will come, and how long to wait for one that must not.
const PATIENCE: Duration = Duration::from_secs(20);
const IMPATIENCE: Duration = Duration::from_millis(300);

const CONTROL: u16 = 21;

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list = Vec::new();
    for (family, hosts) in HOSTS {
        for (name, mode) in [("passive", Mode::Passive), ("active", Mode::Active)] {
            let name = format!(
                "{}-ftp-{name}-data-passes-only-with-its-helper",
                family.name()
            );
            list.push(Scenario::new(name, move |lab| {
                only_with_helper(lab, hosts, mode)
            }));
        }
    }
    list
}

/// Who opens the connection for data: the client, or the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Passive,
    Active,
}

/// Addresses of the client and of the server.
type Hosts = [&'static str; 2];

const HOSTS: [(Family, Hosts); 2] = [
    (Family::Ip, ["10.0.1.2", "10.0.2.2"]),
    (Family::Ip6, ["fd00:1::2", "fd00:2::2"]),
];

/// Rules of a router that lets connections to FTP servers pass, and what belongs to them.
fn rules(assigned: bool) -> String {
    let assignment = if assigned {
        "tcp dport 21 ct helper set \"standard\""
    } else {
        ""
    };
    format!(
        "table inet t {{\n ct helper standard {{\n  type \"ftp\" protocol tcp\n }}\n chain first {{\n  \
         type filter hook prerouting priority filter; policy accept;\n  {assignment}\n }}\n chain c {{\n  \
         type filter hook forward priority filter; policy drop;\n  ct state established accept\n  \
         ct state related counter accept comment \"related\"\n  tcp dport 21 ct state new accept\n  \
         counter comment \"rest\"\n }}\n}}\n"
    )
}

fn only_with_helper(lab: &mut Lab, hosts: Hosts, mode: Mode) -> Result<()> {
    for filter in Filter::ALL {
        for assigned in [true, false] {
            lab.router().run_ok(&["conntrack", "-F"])?;
            filter.load(lab.router(), &rules(assigned))?;
            let patience = if assigned { PATIENCE } else { IMPATIENCE };
            let passed = session(lab, hosts, mode, patience)?;
            let counts = filter.counts(lab.router())?;
            let (related, rest) = (counts["related"].packets, counts["rest"].packets);
            ensure!(
                passed == assigned && (related > 0) == assigned && (rest > 0) != assigned,
                "{filter:?}, helper assigned: {assigned}, passed: {passed}, {counts:?}"
            );
            filter.flush(lab.router())?;
        }
    }
    Ok(())
}

/// One end of the control connection.
struct Speaker(BufReader<TcpStream>);

impl Speaker {
    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Says a line, which the other one hears.
    fn say(&mut self, line: &str, other: &mut Speaker) -> Result<()> {
        self.0
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())?;
        let mut heard = String::new();
        other.0.read_line(&mut heard)?;
        ensure!(heard.trim_end() == line, "{heard:?} instead of {line:?}");
        Ok(())
    }
}

fn listen(ns: &Netns, host: &str, port: u16) -> Result<TcpListener> {
    let at = SocketAddr::new(host.parse()?, port);
    ns.inside(|| TcpListener::bind(at))?
        .context("cannot listen")
}

/// Connects, unless that takes too long.
fn connect(ns: &Netns, to: SocketAddr, patience: Duration) -> Result<Option<TcpStream>> {
    match ns.inside(|| TcpStream::connect_timeout(&to, patience))? {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(None),
        Err(error) => Err(error).context("connecting"),
    }
}

/// Logs in and opens a connection for data; whether data came over it.
fn session(lab: &Lab, [client, server]: Hosts, mode: Mode, patience: Duration) -> Result<bool> {
    let listener = listen(lab.server(), server, CONTROL)?;
    let control = connect(lab.client(), listener.local_addr()?, PATIENCE)?;
    let mut user = Speaker::new(control.context("no control connection")?)?;
    let mut host = Speaker::new(listener.accept()?.0)?;
    host.say("220 ready", &mut user)?;
    user.say("USER anonymous", &mut host)?;
    host.say("230 logged in", &mut user)?;
    let (data, opener) = match mode {
        Mode::Passive => (listen(lab.server(), server, 0)?, lab.client()),
        Mode::Active => (listen(lab.client(), client, 0)?, lab.server()),
    };
    let to = data.local_addr()?;
    let [request, answer] = announcement(mode, to);
    user.say(&request, &mut host)?;
    host.say(&answer, &mut user)?;
    let Some(mut sender) = connect(opener, to, patience)? else {
        return Ok(false);
    };
    let mut receiver = data.accept()?.0;
    receiver.set_read_timeout(Some(PATIENCE))?;
    sender.write_all(b"listing")?;
    let mut got = [0; 7];
    receiver.read_exact(&mut got)?;
    Ok(&got == b"listing")
}

/// What client and server say about where the connection for data will lead (RFC 959, RFC 2428).
fn announcement(mode: Mode, to: SocketAddr) -> [String; 2] {
    let port = to.port();
    let commas = format!("{},{},{}", to.ip(), port >> 8, port & 255).replace('.', ",");
    match (mode, to.is_ipv4()) {
        (Mode::Passive, true) => [
            "PASV".to_owned(),
            format!("227 Entering Passive Mode ({commas})"),
        ],
        (Mode::Passive, false) => [
            "EPSV".to_owned(),
            format!("229 Entering Extended Passive Mode (|||{port}|)"),
        ],
        (Mode::Active, true) => [format!("PORT {commas}"), "200 PORT".to_owned()],
        (Mode::Active, false) => [
            format!("EPRT |2|{}|{port}|", to.ip()),
            "200 EPRT".to_owned(),
        ],
    }
}
