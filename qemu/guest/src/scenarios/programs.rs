// SPDX-License-Identifier: GPL-2.0
//! Programs that people run, behind rules that people write: what the programs see is what nftables
//! makes them see.
//!
//! Each scenario runs once behind nftables and once behind Ferrule, so a scenario that is wrong about
//! the rules fails whatever Ferrule does.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};

use crate::filter::Filter;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::runner::Scenario;

/// How long an answer may take that will come, and how long to wait for one that must not.
const PATIENCE: Duration = Duration::from_secs(10);
const IMPATIENCE: Duration = Duration::from_millis(300);

/// A scenario's name and what it does behind one filter.
type Row = (&'static str, fn(&Lab, Filter) -> Result<()>);

const ROWS: &[Row] = &[
    ("http-passes-a-stateful-ruleset-and-nothing-else-does", http),
    ("ping-is-answered-as-often-as-the-limit-says", limited_ping),
    ("a-port-scan-ends-in-a-dynamic-set", port_scan),
    ("a-rejected-connection-fails-as-the-reject-says", rejected),
    (
        "a-rejected-datagram-is-reported-to-its-socket",
        rejected_datagram,
    ),
    ("a-reset-ends-a-connection-that-was-open", reset),
];

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    let rows = ROWS.iter().map(|&(name, run)| {
        Scenario::new(format!("programs-{name}"), move |lab: &mut Lab| {
            for filter in [Filter::Nftables, Filter::Ferrule] {
                run(lab, filter).with_context(|| format!("behind {filter:?}"))?;
                filter.flush(lab.router())?;
            }
            Ok(())
        })
    });
    rows.collect()
}

/// A program that ends when this is dropped.
struct Daemon(Child);

impl Daemon {
    fn start(ns: &Netns, command: &[&str]) -> Result<Self> {
        let (program, arguments) = command.split_first().context("no program named")?;
        let child = ns.inside(|| {
            Command::new(program)
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        })?;
        Ok(Self(
            child.with_context(|| format!("cannot start {program}"))?,
        ))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until somebody listens.
fn wait_for(ns: &Netns, at: &str) -> Result<()> {
    let begun = Instant::now();
    while connect(ns, at, PATIENCE).is_err() {
        ensure!(begun.elapsed() < PATIENCE, "nobody listens at {at}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn connect(ns: &Netns, to: &str, patience: Duration) -> Result<TcpStream> {
    let to: SocketAddr = to.parse()?;
    Ok(ns.inside(|| TcpStream::connect_timeout(&to, patience))??)
}

fn listen(ns: &Netns, at: &str) -> Result<TcpListener> {
    let at: SocketAddr = at.parse()?;
    ns.inside(|| TcpListener::bind(at))?
        .context("cannot listen")
}

/// What connecting ends with.
fn fate(ns: &Netns, to: &str) -> Result<Option<i32>> {
    let to: SocketAddr = to.parse()?;
    match ns.inside(|| TcpStream::connect_timeout(&to, PATIENCE))? {
        Ok(_) => Ok(None),
        Err(error) => Ok(Some(
            error.raw_os_error().with_context(|| error.to_string())?,
        )),
    }
}

const STATEFUL: &str = "\
table inet t {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname \"lan0\" tcp dport 80 ct state new counter accept comment \"new\"
		counter comment \"refused\"
	}
}
";

fn http(lab: &Lab, filter: Filter) -> Result<()> {
    let folder = "/usr/share/ferrule/examples";
    let _server = Daemon::start(
        lab.server(),
        &["busybox", "httpd", "-f", "-p", "80", "-h", folder],
    )?;
    wait_for(lab.server(), "10.0.2.2:80")?;
    let _other = listen(lab.client(), "10.0.1.2:80")?;
    filter.load(lab.router(), STATEFUL)?;
    for url in ["http://10.0.2.2/demo.nft", "http://[fd00:2::2]/demo.nft"] {
        let command = ["busybox", "wget", "-q", "-T", "10", "-O", "-", url];
        let page = lab.client().run_ok(&command)?.stdout;
        let file = std::fs::read_to_string(format!("{folder}/demo.nft"))?;
        ensure!(page == file, "{url}: another page than the file");
    }
    // The other way no connection begins.
    let back = connect(lab.server(), "10.0.1.2:80", IMPATIENCE);
    ensure!(back.is_err(), "the server connects to the client");
    let counts = filter.counts(lab.router())?;
    ensure!(counts["new"].packets == 2, "{counts:?}");
    ensure!(counts["refused"].packets >= 1, "{counts:?}");
    Ok(())
}

fn limited_ping(lab: &Lab, filter: Filter) -> Result<()> {
    let rules = "\
table inet t {
	chain forward {
		type filter hook forward priority filter; policy accept;
		icmp type echo-request limit rate 1/day burst 3 packets counter accept comment \"v4\"
		icmpv6 type echo-request limit rate 1/day burst 2 packets counter accept comment \"v6\"
		icmp type echo-request drop
		icmpv6 type echo-request drop
	}
}
";
    filter.load(lab.router(), rules)?;
    for (host, answers) in [("10.0.2.2", 3), ("fd00:2::2", 2)] {
        let command = ["ping", "-n", "-c", "6", "-i", "0.02", "-W", "1", host];
        let text = lab.client().run(&command)?.stdout;
        ensure!(text.contains(&format!(" {answers} received")), "{text}");
    }
    let counts = filter.counts(lab.router())?;
    ensure!(
        (counts["v4"].packets, counts["v6"].packets) == (3, 2),
        "{counts:?}"
    );
    Ok(())
}

fn port_scan(lab: &Lab, filter: Filter) -> Result<()> {
    let rules = "\
table inet t {
	set tries {
		type ipv4_addr
		size 128
		flags dynamic,timeout
		timeout 1h
	}
	set scanners {
		type ipv4_addr
		size 128
		flags dynamic,timeout
		timeout 1h
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr @scanners counter drop comment \"scanner\"
		tcp dport 8080 accept
		tcp flags & (syn | ack) == syn add @tries { ip saddr limit rate over 1/day burst 4 packets } add @scanners { ip saddr timeout 2h } counter drop comment \"caught\"
	}
}
";
    let listener = listen(lab.router(), "10.0.1.1:8080")?;
    filter.load(lab.router(), rules)?;
    ensure!(
        connect(lab.client(), "10.0.1.1:8080", PATIENCE).is_ok(),
        "no service"
    );
    for port in 1..=4 {
        let refused = fate(lab.client(), &format!("10.0.1.1:{port}"))?;
        ensure!(
            refused == Some(nix::libc::ECONNREFUSED),
            "port {port}: {refused:?}"
        );
    }
    let listed = filter.command(lab.router(), &["list", "set", "inet", "t", "scanners"])?;
    ensure!(!listed.contains("10.0.1.2"), "caught too early:\n{listed}");
    let to = "10.0.1.1:5";
    ensure!(
        connect(lab.client(), to, IMPATIENCE).is_err(),
        "port 5 is open"
    );
    let listed = filter.command(lab.router(), &["list", "set", "inet", "t", "scanners"])?;
    ensure!(
        listed.contains("10.0.1.2 timeout 2h"),
        "not caught:\n{listed}"
    );
    let service = connect(lab.client(), "10.0.1.1:8080", IMPATIENCE);
    ensure!(service.is_err(), "the scanner is served");
    let element = ["delete", "element", "inet", "t", "scanners", "{ 10.0.1.2 }"];
    filter.command(lab.router(), &element)?;
    ensure!(
        connect(lab.client(), "10.0.1.1:8080", PATIENCE).is_ok(),
        "not forgiven"
    );
    drop(listener);
    Ok(())
}

fn rejected(lab: &Lab, filter: Filter) -> Result<()> {
    use nix::libc::{EACCES, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH};
    /// How it is rejected, in which family, and what the client sees.
    const FATES: &[(&str, &str, i32)] = &[
        ("tcp reset", "10.0.2.2", ECONNREFUSED),
        ("tcp reset", "[fd00:2::2]", ECONNREFUSED),
        ("icmp port-unreachable", "10.0.2.2", ECONNREFUSED),
        ("icmp host-unreachable", "10.0.2.2", EHOSTUNREACH),
        ("icmp net-unreachable", "10.0.2.2", ENETUNREACH),
        ("icmp admin-prohibited", "10.0.2.2", EHOSTUNREACH),
        ("icmpx port-unreachable", "10.0.2.2", ECONNREFUSED),
        ("icmpx port-unreachable", "[fd00:2::2]", ECONNREFUSED),
        ("icmpv6 addr-unreachable", "[fd00:2::2]", EHOSTUNREACH),
        ("icmpv6 no-route", "[fd00:2::2]", ENETUNREACH),
        ("icmpv6 admin-prohibited", "[fd00:2::2]", EACCES),
    ];
    let mut rules =
        "table inet t {\n\tchain forward {\n\t\ttype filter hook forward priority 0;\n".to_owned();
    for (number, (how, _, _)) in FATES.iter().enumerate() {
        rules += &format!("\t\ttcp dport {} reject with {how}\n", 7000 + number);
    }
    filter.load(lab.router(), &(rules + "\t}\n}\n"))?;
    for (number, (how, host, expected)) in FATES.iter().enumerate() {
        let got = fate(lab.client(), &format!("{host}:{}", 7000 + number))?;
        ensure!(
            got == Some(*expected),
            "{how} at {host}: {got:?}, expected {expected}"
        );
    }
    Ok(())
}

fn rejected_datagram(lab: &Lab, filter: Filter) -> Result<()> {
    let rules = "table inet t {\n\tchain forward {\n\t\ttype filter hook forward priority 0;\n\
                 \t\tudp dport 7000 reject\n\t}\n}\n";
    filter.load(lab.router(), rules)?;
    for (from, to) in [
        ("0.0.0.0:0", "10.0.2.2:7000"),
        ("[::]:0", "[fd00:2::2]:7000"),
    ] {
        let (from, to): (SocketAddr, SocketAddr) = (from.parse()?, to.parse()?);
        let socket = lab.client().inside(|| UdpSocket::bind(from))??;
        socket.connect(to)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send(b"anybody?")?;
        let got = socket.recv(&mut [0; 9]).map_err(|error| error.kind());
        ensure!(got == Err(ErrorKind::ConnectionRefused), "{to}: {got:?}");
    }
    Ok(())
}

fn reset(lab: &Lab, filter: Filter) -> Result<()> {
    let listener = listen(lab.server(), "10.0.2.2:8080")?;
    let mut client = connect(lab.client(), "10.0.2.2:8080", PATIENCE)?;
    let (mut server, _) = listener.accept()?;
    server.write_all(b"x")?;
    client.read_exact(&mut [0])?;
    let rules = "table inet t {\n\tchain forward {\n\t\ttype filter hook forward priority 0;\n\
                 \t\ttcp dport 8080 reject with tcp reset\n\t}\n}\n";
    filter.load(lab.router(), rules)?;
    client.write_all(b"y")?;
    client.set_read_timeout(Some(PATIENCE))?;
    match client.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        other => bail!("the client reads {other:?}"),
    }
}
