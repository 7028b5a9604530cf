// SPDX-License-Identifier: GPL-2.0
//! `userctl simulate` as a user meets it: captures in, tables, objects and annotated captures out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use etherparse::PacketBuilder;
use pcap_parser::{LegacyPcapBlock, Linktype, PcapHeader, ToVec};
use userctl::simulate::capture::Reader;

const RULES: &str = "\
table inet filter {
\tchain early {
\t\ttype filter hook forward priority mangle; policy accept;
\t\tiifname \"eth0\" meta mark set 0x10
\t}

\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t\tmeta mark 0x10 tcp dport 22 counter drop
\t\ttcp dport { 22, 80 } accept
\t}
}

table ip6 only {
\tchain output {
\t\ttype filter hook output priority filter; policy accept;
\t\ticmpv6 type echo-request drop
\t}
}
";

/// A folder with rules and a capture in it.
struct Case {
    folder: tempfile::TempDir,
}

/// What userctl printed, and its exit status.
struct Ran {
    stdout: String,
    stderr: String,
    status: i32,
}

impl Case {
    fn new(capture: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rules.nft"), RULES).unwrap();
        fs::write(folder.path().join("in.pcap"), capture).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, args: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_userctl"))
            .args(["simulate", "rules.nft", "in.pcap"])
            .args(args)
            .current_dir(self.path())
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap(),
        }
    }

    /// What it printed; it must have succeeded.
    #[track_caller]
    fn output(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.stderr.as_str(), ran.status), ("", 0), "{args:?}");
        ran.stdout
    }
}

/// A pcap file of these frames, half a second apart.
fn pcap(link: i32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut header = PcapHeader::new();
    header.network = Linktype(link);
    let mut bytes = header.to_vec().unwrap();
    for (at, data) in (0..).zip(frames) {
        let mut block = LegacyPcapBlock {
            ts_sec: 1_700_000_000 + at / 2,
            ts_usec: at % 2 * 500_000,
            caplen: data.len() as u32,
            origlen: data.len() as u32,
            data,
        };
        bytes.extend(block.to_vec().unwrap());
    }
    bytes
}

fn tcp(dport: u16) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([192, 0, 2, 1], [198, 51, 100, 7], 64)
        .tcp(40000, dport, 1, 1024);
    let mut frame = Vec::new();
    builder.write(&mut frame, &[]).unwrap();
    frame
}

fn ping6() -> Vec<u8> {
    let here = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .single_vlan(5.try_into().unwrap())
        .ipv6(here, here, 64)
        .icmpv6_echo_request(1, 2);
    let mut frame = Vec::new();
    builder.write(&mut frame, &[]).unwrap();
    frame
}

fn arp() -> Vec<u8> {
    let mut frame = vec![0xff; 12];
    frame.extend([8, 6]);
    frame.resize(42, 0);
    frame
}

/// Two that reach a port, one that does not, one of IPv6, one that is not IP.
fn five() -> Vec<u8> {
    pcap(1, &[tcp(22), tcp(80), tcp(443), ping6(), arp()])
}

#[test]
fn a_table_says_what_became_of_each_packet_and_which_rule_decided() {
    let expected = "\
N      TIME  FROM             TO               PROTO   VERDICT  BY
1  0.000000  192.0.2.1:40000  198.51.100.7:22  tcp     accept   rules.nft:10: tcp dport { 22, 80 } accept
2  0.500000  192.0.2.1:40000  198.51.100.7:80  tcp     accept   rules.nft:10: tcp dport { 22, 80 } accept
3  1.000000  192.0.2.1:40000  198.51.100.7:443  tcp     drop     policy of inet filter forward
4  1.500000  2001:db8::1      2001:db8::1      icmpv6  drop     policy of inet filter forward
5  2.000000                                            skipped  not IP

5 packets: 2 accepted, 2 dropped, 1 skipped (not IP)
PACKETS  VERDICT  BY
      2  accept   rules.nft:10: tcp dport { 22, 80 } accept
      2  drop     policy of inet filter forward

note: rules ask for what the capture does not say: the incoming interface (--iif)
";
    // Blanks between columns depend on the widest cell.
    let squeeze = |text: &str| {
        let lines = text.lines().map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.join(" ")
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let printed = Case::new(&five()).output(&[]);
    assert_eq!(squeeze(&printed), squeeze(expected), "{printed}");
}

#[test]
fn the_incoming_interface_can_be_given() {
    let printed = Case::new(&pcap(1, &[tcp(22)])).output(&["--iif", "eth0"]);
    assert!(
        printed.contains("drop     rules.nft:9: meta mark 0x00000010 tcp dport 22 counter drop"),
        "{printed}"
    );
}

#[test]
fn the_mark_can_be_given() {
    let case = Case::new(&pcap(1, &[tcp(22)]));
    assert!(case.output(&["--mark", "0x10"]).contains("1 dropped"));
    assert!(case.output(&["--mark", "15"]).contains("1 accepted"));
}

#[test]
fn the_connection_can_be_given_and_is_asked_for() {
    let case = Case::new(&pcap(1, &[tcp(443)]));
    let rules = "table inet t {\n\tchain c {\n\t\ttype filter hook forward priority 0; policy \
                 drop;\n\t\tct state established ct direction reply ct mark 7 accept\n\t}\n}\n";
    fs::write(case.path().join("rules.nft"), rules).unwrap();
    let reply = case.output(&["--ct", "established,reply,mark=7"]);
    assert!(
        reply.contains("1 accepted") && !reply.contains("note:"),
        "{reply}"
    );
    assert!(case.output(&["--ct", "new"]).contains("1 dropped"));
    let none = case.output(&[]);
    assert!(none.contains("1 dropped"), "{none}");
    assert!(none.contains("the connection (--ct)"), "{none}");
    assert_eq!(case.run(&["--ct", "reply"]).status, 2);
}

#[test]
fn sets_limits_and_timeouts_run_by_the_captures_clock() {
    let frames: Vec<_> = (0..8).map(|_| tcp(80)).collect();
    let case = Case::new(&pcap(1, &frames));
    let rules =
        "table inet t {\n\tset few {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t\telements = \
                 { 192.0.2.1 timeout 2s }\n\t}\n\tchain c {\n\t\ttype filter hook forward priority \
                 0; policy drop;\n\t\tip saddr @few accept\n\t}\n}\n";
    fs::write(case.path().join("rules.nft"), rules).unwrap();
    // One packet every half second, for four seconds.
    let printed = case.output(&[]);
    assert!(
        printed.contains("8 packets: 4 accepted, 4 dropped"),
        "{printed}"
    );
}

#[test]
fn a_reject_is_told_from_a_drop() {
    let case = Case::new(&pcap(1, &[tcp(80), tcp(81)]));
    let rules =
        "table inet t {\n\tchain c {\n\t\ttype filter hook forward priority 0\n\t\ttcp dport \
                 80 reject\n\t\ttcp dport 81 queue to 3\n\t}\n}\n";
    fs::write(case.path().join("rules.nft"), rules).unwrap();
    let printed = case.output(&[]);
    assert!(printed.contains("tcp    reject   rules.nft:4"), "{printed}");
    assert!(
        printed.contains("0 accepted, 1 dropped, 1 queued"),
        "{printed}"
    );
}

#[test]
fn the_hook_can_be_chosen_and_a_packet_meets_only_chains_of_its_family() {
    let printed = Case::new(&five()).output(&["--hook", "output"]);
    assert!(printed.contains("icmpv6  drop     rules.nft:17: icmpv6 type echo-request drop"));
    assert!(printed.contains("3  accept   no chain here"), "{printed}");
}

#[test]
fn an_interface_that_a_hook_does_not_know_is_refused() {
    for (hook, option) in [("input", "--oif"), ("output", "--iif")] {
        let ran = Case::new(&five()).run(&["--hook", hook, option, "eth0"]);
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.contains(&format!("at the {hook} hook")));
    }
}

#[test]
fn the_capture_is_not_overwritten() {
    let case = Case::new(&five());
    let ran = case.run(&["--write", "./in.pcap"]);
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("the capture itself"), "{}", ran.stderr);
    assert_eq!(fs::read(case.path().join("in.pcap")).unwrap(), five());
}

#[test]
fn nothing_is_said_of_interfaces_that_are_given() {
    let case = Case::new(&five());
    assert!(!case.output(&["--iif", "eth0"]).contains("note:"));
    assert!(!case.output(&["--hook", "output"]).contains("note:"));
}

#[test]
fn objects_say_more_and_the_last_one_is_the_sum() {
    let printed = Case::new(&five()).output(&["--json", "--iif", "eth0"]);
    let objects: Vec<serde_json::Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 6);
    let first = &objects[0];
    assert_eq!(first["verdict"], "drop");
    assert_eq!(first["by"]["line"], 9);
    assert_eq!(first["by"]["chain"], "inet filter forward");
    assert_eq!(first["mark"], 0x10);
    assert_eq!(first["time"], "2023-11-14T22:13:20.000000000Z");
    assert_eq!(first["chains"].as_array().unwrap().len(), 2);
    assert_eq!(objects[4]["skipped"], "not IP");
    assert_eq!(objects[5]["sum"]["packets"], 5);
    assert_eq!(objects[5]["sum"]["skipped"]["not IP"], 1);
}

#[test]
fn an_annotated_copy_has_every_packet_with_its_verdict() {
    let case = Case::new(&five());
    let printed = case.output(&["--write", "out.pcapng"]);
    assert!(printed.starts_with("5 packets: 2 accepted"), "{printed}");
    let copy = fs::read(case.path().join("out.pcapng")).unwrap();
    let original = five();
    let mut copied = Reader::new(&copy[..]).unwrap();
    let mut read = Reader::new(&original[..]).unwrap();
    let mut comments = Vec::new();
    while let Some(mut record) = copied.next_record().unwrap() {
        comments.append(&mut record.comments);
        assert_eq!(read.next_record().unwrap().unwrap(), record);
    }
    assert_eq!(
        comments,
        [
            "accept: rules.nft:10: tcp dport { 22, 80 } accept",
            "accept: rules.nft:10: tcp dport { 22, 80 } accept",
            "drop: policy of inet filter forward",
            "drop: policy of inet filter forward",
            "skipped: not IP",
        ]
    );
}

#[test]
fn what_stands_before_a_cut_is_tried_and_the_cut_is_an_error() {
    let whole = pcap(1, &[tcp(22), tcp(80)]);
    let ran = Case::new(&whole[..whole.len() - 1]).run(&[]);
    assert_eq!(ran.status, 2);
    assert!(ran.stdout.contains("1 packet: 1 accepted, 0 dropped"));
    assert_eq!(
        ran.stderr,
        "error: in.pcap: the capture is cut off: it ends in the middle of a record, after 1 packet\n"
    );
}

#[test]
fn files_that_are_no_capture_are_told_by_what_they_are() {
    for (bytes, reason) in [
        (&b""[..], "no capture: the file is empty"),
        (
            b"table ip t {}\ntable ip t {}\n",
            "no capture: neither pcap nor pcapng",
        ),
        (
            &pcap(1, &[])[..10],
            "the capture is cut off: it ends in the middle of a record, after 0 packets",
        ),
    ] {
        let ran = Case::new(bytes).run(&[]);
        assert_eq!(ran.stderr, format!("error: in.pcap: {reason}\n"));
        assert_eq!(ran.status, 2);
    }
}

#[test]
fn a_link_that_is_not_known_is_an_error_with_a_hint() {
    let ran = Case::new(&pcap(127, &[tcp(22)])).run(&[]);
    assert_eq!(ran.status, 2);
    assert!(ran
        .stderr
        .starts_with("error: in.pcap: no packet to try: link type 127 not known\nhint: "));
}

#[test]
fn wrong_rules_are_shown_with_their_place() {
    let case = Case::new(&five());
    fs::write(case.path().join("rules.nft"), "table ip t {\n\tchian c {\n").unwrap();
    let ran = case.run(&[]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("rules.nft:2:2"), "{}", ran.stderr);
}

/// Prints a line past the test harness; `cargo xtask test` shows it, and counts SKIPPED as skipped.
fn note(line: &str) {
    use std::io::Write;
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "note: {line}").expect("standard error takes a line");
}

#[test]
fn every_capture_of_the_corpora_is_tried_or_refused_with_a_reason() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let folder = std::env::var_os("FERRULE_CORPORA").map(PathBuf::from);
    let folder = folder
        .into_iter()
        .chain(beside.map(|up| up.join("shared/corpora")));
    let captures = folder
        .map(|folder| folder.join("pcap"))
        .find(|folder| folder.is_dir());
    let Some(entries) = captures.and_then(|folder| fs::read_dir(folder).ok()) else {
        note("SKIPPED: no captures; set FERRULE_CORPORA to their folder");
        return;
    };
    let (mut tried, mut refused) = (0, 0);
    for entry in entries {
        let path = entry.unwrap().path();
        let case = Case::new(&fs::read(&path).unwrap());
        let ran = case.run(&["--json"]);
        match ran.status {
            0 => {
                assert!(ran.stdout.contains("{\"sum\":"), "{}", path.display());
                tried += 1;
            }
            2 => {
                assert!(ran.stderr.starts_with("error: in.pcap: "), "{}", ran.stderr);
                refused += 1;
            }
            other => panic!("{}: exit status {other}: {}", path.display(), ran.stderr),
        }
    }
    note(&format!(
        "simulate: {tried} captures tried, {refused} refused"
    ));
    assert!(tried > refused);
}
