// SPDX-License-Identifier: GPL-2.0
//! Whole rule files, in nftables and in Ferrule: the same packets meet the same fate and the same
//! counters count them.
//!
//! The files are the examples that come with `userctl` and those in `qemu/scenarios`; the packets are
//! a broad sample that knows none of them.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use anyhow::{ensure, Context, Result};

use crate::ferrule;
use crate::filter::{Counts, Filter};
use crate::lab::{Lab, Path};
use crate::packet::{protocol, source, tcp_flag, Packet, MORE_FRAGMENTS};
use crate::runner::Scenario;

use super::hooks::{send, FAMILIES};

/// Where rule files are, and which of their names begin a scenario's.
const FOLDERS: [(&str, &str); 2] = [
    ("example", "/usr/share/ferrule/examples"),
    ("scenario", "/usr/share/ferrule/scenarios"),
];

/// The group: one scenario a file.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut list = vec![Scenario::new("there-are-rule-files-to-compare", |_| {
        ensure!(
            files(FOLDERS[0].1)
                .iter()
                .any(|file| file.ends_with("demo.nft")),
            "no demo.nft"
        );
        ensure!(!files(FOLDERS[1].1).is_empty(), "no scenario files");
        Ok(())
    })];
    for (kind, folder) in FOLDERS {
        for file in files(folder) {
            let stem = file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let name = format!("{kind}-{stem}-means-the-same-to-nftables");
            list.push(Scenario::new(name, move |lab| compare(lab, &file)));
        }
    }
    list
}

/// The rule files of a folder, sorted.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "nft"))
        .collect();
    files.sort();
    files
}

fn compare(lab: &mut Lab, file: &FilePath) -> Result<()> {
    let path = file.to_str().context("a path that is no UTF-8")?;
    let sample = sample();
    ferrule::userctl(lab.router(), &["load", path])?.success()?;
    let ours = observe(lab, Filter::Ferrule, &sample)?;
    goes_round(lab)?;
    Filter::Ferrule.flush(lab.router())?;
    lab.router().run_ok(&["nft", "-f", path])?;
    let theirs = observe(lab, Filter::Nftables, &sample)?;
    Filter::Nftables.flush(lab.router())?;
    for (((way, packet), ours), theirs) in sample.iter().zip(&ours.0).zip(&theirs.0) {
        ensure!(
            ours == theirs,
            "arrived: {ours}, in nftables {theirs}: {way:?} {packet:?}"
        );
    }
    ensure!(
        ours.1 == theirs.1,
        "counted:\n{:?}\nin nftables\n{:?}",
        ours.1,
        theirs.1
    );
    Ok(())
}

/// What is listed is read again, by both, and listed as it was.
fn goes_round(lab: &mut Lab) -> Result<()> {
    let list = |lab: &mut Lab| -> Result<String> {
        let output = ferrule::userctl(lab.router(), &["-s", "list", "ruleset"])?;
        Ok(output.success()?.stdout)
    };
    let first = list(lab)?;
    let path = ferrule::rules_file(&format!("flush ruleset\n{first}"))?;
    lab.router().run_ok(&["nft", "-c", "-f", path])?;
    ferrule::userctl(lab.router(), &["-f", path])?.success()?;
    let second = list(lab)?;
    ensure!(first == second, "listed as\n{first}\nand then as\n{second}");
    Ok(())
}

/// The fate of every packet, and the counters after all of them.
fn observe(
    lab: &mut Lab,
    filter: Filter,
    sample: &[(Path, Packet)],
) -> Result<(Vec<bool>, Counts)> {
    let fates = sample
        .iter()
        .map(|(way, packet)| send(lab, *way, packet))
        .collect::<Result<Vec<_>>>()?;
    Ok((fates, filter.counts_in_order(lab.router())?))
}

/// Packets of many kinds on all ways. None is answered: answers come at times of their own.
fn sample() -> Vec<(Path, Packet)> {
    let mut list = Vec::new();
    for family in FAMILIES {
        for port in [22, 23, 53, 80, 123, 443, 8080, 33000] {
            let tcp = Packet::tcp(family, 40000, port);
            list.push((Path::Forward, tcp.clone()));
            list.push((Path::LocalIn, tcp.clone()));
            list.push((Path::LocalOut, tcp));
            list.push((Path::Forward, Packet::udp(family, 40000, port)));
            list.push((Path::LocalOut, Packet::udp(family, 40000, port)));
        }
        for flags in [
            tcp_flag::SYN,
            tcp_flag::SYN | tcp_flag::ACK,
            tcp_flag::FIN,
            0,
            0x3f,
        ] {
            list.push((Path::Forward, Packet::tcp(family, 1024, 80).flags(flags)));
        }
        for kind in [0, 3, 8, 11, 13, 128, 129] {
            list.push((Path::Forward, Packet::icmp(family, kind, 0)));
        }
        list.push((Path::LocalIn, Packet::echo_reply(family)));
        list.push((Path::LocalOut, Packet::echo_reply(family)));
        for host in [5, 77, 200] {
            list.push((
                Path::Forward,
                Packet::udp(family, 9, 53).from(source(family, host)),
            ));
        }
        for packet in [
            Packet::udp(family, 9, 53).ttl(2),
            Packet::udp(family, 9, 53).dscp(46),
            Packet::udp(family, 9, 53).payload(1200),
            Packet::ports(family, protocol::SCTP, 9, 80),
            Packet::raw(family, protocol::EXPERIMENT, &[0; 24]),
            Packet::tcp(family, 9, 22).cut(8),
        ] {
            list.push((Path::Forward, packet));
        }
    }
    use ferrule_uapi::hook::Family::{Ip, Ip6};
    for packet in [
        Packet::udp(Ip, 9, 53).frag_off(MORE_FRAGMENTS),
        Packet::udp(Ip, 9, 53).frag_off(7),
        Packet::tcp(Ip, 9, 22).options(&[1, 1, 1, 0]),
        Packet::udp(Ip6, 9, 53).fragment(0, true),
        Packet::udp(Ip6, 9, 53).fragment(7, false),
        Packet::tcp(Ip6, 9, 22).empty_extension(protocol::HOP_BY_HOP),
        Packet::tcp(Ip6, 9, 22).empty_extension(protocol::ROUTING),
    ] {
        list.push((Path::Forward, packet));
    }
    list
}
