// SPDX-License-Identifier: GPL-2.0

//! 5-tuple filter sets of ClassBench's kind (`acl`, `fw`, `ipc`), with verdicts: about half of the rules
//! drop. At 1,000 and 10,000 rules they are the corpus's own; at 100,000 they are grown from those of
//! 10,000. In IPv6 the same rules are embedded below one /32.
//!
//! ```text
//! corpus ─► tuple (rules) ─► grow (100k) ─► forms, packets (drawn from the rules; verdict by plain scan)
//! ```

mod corpus;
mod forms;
mod grow;
mod tuple;

use anyhow::Result;

use super::addresses::PACKETS;
use crate::case::{Case, Family, Form, Packets};
use crate::packet::{Header, Packet};
use crate::plan::Peer;
use crate::random::Random;
use tuple::{Point, Tuple};

const SEED: u64 = 0xc1a5;

/// How many headers are tried for one that misses every rule.
const TRIES: usize = PACKETS * 20;

/// Where growing begins.
const GROWN_FROM: u64 = 10_000;

/// The filter set of this kind and size.
pub(crate) fn case(kind: &'static str, family: Family, rules: u64) -> Result<Case> {
    let mut random = Random::new(SEED);
    let mut case = Case::new(kind, rules, family);
    let list = if rules > GROWN_FROM {
        let seed = corpus::rules(kind, GROWN_FROM)?;
        let grown = grow::grow(&seed, rules as usize);
        case.remarks.push(format!(
            "{kind} {rules}: {}",
            grow::closeness(&seed, &grown)
        ));
        grown
    } else {
        corpus::rules(kind, rules)?
    };
    case.as_written(&forms::nft(family, &list));
    let iptables = forms::iptables(family, &list);
    case.forms
        .push(Form::new(Peer::Iptables, family.iptables(), iptables));

    let verdict =
        |point: &Point| tuple::first_match(&list, point).is_some_and(|rule| list[rule].drop);
    let packet = |point: Point| {
        let header = point.header(family);
        header.filter(Header::is_forwarded).map(|header| Packet {
            header,
            dropped: verdict(&point),
        })
    };
    // Every region of the rules: a point in a rule's box, for rules chosen at random. A rule in front of
    // it may decide.
    let drawn = (0..PACKETS * 2).filter_map(|_| {
        let rule = random.pick(&list).clone();
        packet(rule.point(&mut random))
    });
    let drawn = drawn.take(PACKETS).collect();
    case.traffic.push(Packets::new("hit", drawn));
    let recorded: Vec<_> = corpus::trace(kind, rules)?
        .into_iter()
        .filter_map(packet)
        .collect();
    if !recorded.is_empty() {
        case.traffic.push(Packets::new("trace", recorded));
    }
    let missing = misses(&mut random, &list, family);
    if missing.is_empty() {
        let none = format!("{kind} {rules}: no header misses every rule");
        case.remarks.push(none);
    } else {
        case.traffic.push(Packets::new("miss", missing));
    }
    Ok(case)
}

/// Packets that no rule matches.
fn misses(random: &mut Random, list: &[Tuple], family: Family) -> Vec<Packet> {
    let everything = Tuple::everything();
    let mut packets = Vec::new();
    for _ in 0..TRIES {
        let mut point = everything.point(random);
        point.proto = crate::packet::TCP;
        let header = point.header(family).filter(Header::is_forwarded);
        if let (Some(header), None) = (header, tuple::first_match(list, &point)) {
            packets.push(Packet {
                header,
                dropped: false,
            });
        }
        if packets.len() == PACKETS {
            break;
        }
    }
    packets
}
