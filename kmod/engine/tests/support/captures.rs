// SPDX-License-Identifier: GPL-2.0
//! The captures of `corpora/pcap`, as packets at a hook.
//!
//! A frame of a known link type is taken from its network header on, if that is IP. Many captures hold
//! no IP, or no whole packet, or cannot be read: their frames, or the file itself, are then taken as
//! they are, once as IPv4 and once as IPv6, so that *every* capture says something to a program.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use ferrule_uapi::hook::Family;
use pcap_parser::{create_reader, Block, Linktype, PcapBlockOwned, PcapError};

use super::{frame::Frame, headers};

/// One capture file.
pub struct Capture {
    pub name: String,
    /// Whether the packets are IP, rather than bytes taken for it.
    pub is_ip: bool,
    pub packets: Vec<Frame>,
}

/// Where the corpora are: `$FERRULE_CORPORA`, or beside the repository.
pub fn directory() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let corpora = std::env::var_os("FERRULE_CORPORA").map_or(beside, PathBuf::from);
    corpora.join("pcap")
}

/// Every capture in name's order. Where there are none, a line says so, and the tests' own packets
/// stand in for them.
pub fn all() -> Vec<Capture> {
    let directory = directory();
    let Ok(entries) = fs::read_dir(&directory) else {
        say("SKIPPED: no captures here (set FERRULE_CORPORA); own packets stand in for them");
        return vec![own()];
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let captures: Vec<Capture> = paths.iter().map(|path| read(path)).collect();
    let ip = captures.iter().filter(|capture| capture.is_ip).count();
    let packets: usize = captures.iter().map(|capture| capture.packets.len()).sum();
    let others = captures.len() - ip;
    say(&format!(
        "captures: {ip} with IP packets, {others} taken as raw bytes; {packets} packets"
    ));
    captures
}

/// Prints a line past the test harness, which hides what tests that pass print. `cargo xtask test` shows
/// lines that begin so, and counts those that say SKIPPED as skipped.
pub fn say(line: &str) {
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "note: {line}").unwrap();
}

/// Packets for where there are no captures.
fn own() -> Capture {
    let packets = vec![
        headers::ipv4(headers::TCP, 0, 1, &headers::transport()),
        headers::ipv4(headers::ICMP, 1, 0, &[8, 0, 1, 2]),
        headers::ipv6_chain(&[headers::HOP, headers::DEST], headers::UDP),
        headers::ipv6_fragment(8, headers::UDP),
    ];
    Capture {
        name: "own packets".into(),
        is_ip: true,
        packets,
    }
}

fn read(path: &Path) -> Capture {
    let frames = frames(path);
    let mut packets: Vec<Frame> = frames
        .iter()
        .filter_map(|(link, bytes)| network(*link, bytes))
        .collect();
    let is_ip = !packets.is_empty();
    if !is_ip {
        let mut raw: Vec<Vec<u8>> = frames.into_iter().map(|(_, bytes)| bytes).collect();
        if raw.is_empty() {
            raw.push(fs::read(path).unwrap());
        }
        for bytes in raw {
            packets.push(Frame::new(Family::Ip, bytes.clone()));
            packets.push(Frame::new(Family::Ip6, bytes));
        }
    }
    Capture {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        is_ip,
        packets,
    }
}

/// The frames of a file, as far as it can be read, each with its link type.
fn frames(path: &Path) -> Vec<(Linktype, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut links = Vec::new();
    let Ok(mut reader) = create_reader(1 << 20, File::open(path).unwrap()) else {
        return frames;
    };
    // A cut-off packet stays incomplete however often the buffer is refilled.
    let mut refills = 0;
    while refills < 3 {
        let used = match reader.next() {
            Ok((used, block)) => {
                take(block, &mut links, &mut frames);
                Some(used)
            }
            Err(PcapError::Incomplete(_)) => None,
            Err(_) => break,
        };
        if let Some(used) = used {
            reader.consume(used);
            refills = 0;
        } else if reader.refill().is_ok() {
            refills += 1;
        } else {
            break;
        }
    }
    frames
}

/// Notes a link type, or takes a frame.
fn take(
    block: PcapBlockOwned<'_>,
    links: &mut Vec<Linktype>,
    frames: &mut Vec<(Linktype, Vec<u8>)>,
) {
    let first = links.first().copied().unwrap_or(Linktype::ETHERNET);
    match block {
        PcapBlockOwned::LegacyHeader(header) => links.push(header.network),
        PcapBlockOwned::Legacy(packet) => frames.push((first, packet.data.to_vec())),
        PcapBlockOwned::NG(Block::InterfaceDescription(idb)) => links.push(idb.linktype),
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let link = links.get(packet.if_id as usize).copied().unwrap_or(first);
            frames.push((link, packet.data.to_vec()));
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            frames.push((first, packet.data.to_vec()));
        }
        PcapBlockOwned::NG(_) => {}
    }
}

/// The packet in a frame, if it is IP.
fn network(link: Linktype, frame: &[u8]) -> Option<Frame> {
    let (family, rest) = match link {
        Linktype::ETHERNET => ethernet(frame)?,
        Linktype::LINUX_SLL => by_type(frame.get(14..)?)?,
        Linktype::NULL | Linktype::LOOP => by_version(frame.get(4..)?)?,
        Linktype::IPV4 => (Family::Ip, frame),
        Linktype::IPV6 => (Family::Ip6, frame),
        Linktype::RAW | Linktype(12) => by_version(frame)?,
        _ => return None,
    };
    Some(Frame::new(family, rest.to_vec()))
}

/// Behind the addresses, and behind VLAN tags.
fn ethernet(frame: &[u8]) -> Option<(Family, &[u8])> {
    let mut rest = frame.get(12..)?;
    while matches!(rest, [0x81, 0x00, ..] | [0x88, 0xa8, ..]) {
        rest = rest.get(4..)?;
    }
    by_type(rest)
}

fn by_type(rest: &[u8]) -> Option<(Family, &[u8])> {
    match rest {
        [0x08, 0x00, packet @ ..] => Some((Family::Ip, packet)),
        [0x86, 0xdd, packet @ ..] => Some((Family::Ip6, packet)),
        _ => None,
    }
}

fn by_version(packet: &[u8]) -> Option<(Family, &[u8])> {
    match packet.first()? >> 4 {
        4 => Some((Family::Ip, packet)),
        6 => Some((Family::Ip6, packet)),
        _ => None,
    }
}
