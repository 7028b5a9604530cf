// SPDX-License-Identifier: GPL-2.0

//! Large named sets that one rule asks: addresses (`set`), networks (`set-prefixes`), addresses with ports
//! (`set-pairs`).

use std::collections::HashSet;
use std::fmt::Write;
use std::net::IpAddr;

use super::addresses::{address, addresses, tcp, PACKETS};
use crate::case::{Case, Family, Form, Packets};
use crate::packet::Packet;
use crate::plan::{Peer, Tool};
use crate::random::Random;

const SEED: u64 = 0x5e75;

/// What a set's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Addresses,
    Prefixes,
    Pairs,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Addresses => "set",
            Kind::Prefixes => "set-prefixes",
            Kind::Pairs => "set-pairs",
        }
    }

    /// Type, flags and match in nft's language; type and directions in ipset's.
    fn words(self, family: Family) -> (String, &'static str, String, &'static str, &'static str) {
        let (name, address) = (family.name(), family.address_type());
        match self {
            Kind::Addresses => {
                let matching = format!("{name} saddr @blocked");
                (address.to_owned(), "", matching, "hash:ip", "src")
            }
            Kind::Prefixes => {
                let matching = format!("{name} saddr @blocked");
                let flags = "\t\tflags interval\n";
                (address.to_owned(), flags, matching, "hash:net", "src")
            }
            Kind::Pairs => {
                let matching = format!("{name} saddr . tcp dport @blocked");
                let kind = format!("{address} . inet_service");
                (kind, "", matching, "hash:ip,port", "src,dst")
            }
        }
    }
}

/// An element: an address, the length of its prefix, a port.
#[derive(Clone, Copy)]
struct Element {
    address: IpAddr,
    length: u8,
    port: u16,
}

/// Elements that come and go.
const CHANGING: usize = 1000;

/// A set of this many addresses, to which others are added and from which they are removed meanwhile.
pub(crate) fn case_with_updates(family: Family, count: u64) -> Case {
    let mut case = case(Kind::Addresses, family, count);
    case.name = "set-updates".to_owned();
    let mut random = Random::new(SEED + 1);
    let list: Vec<_> = addresses(&mut random, family, CHANGING)
        .iter()
        .map(IpAddr::to_string)
        .collect();
    for form in &mut case.forms {
        let tool = match form.peer {
            Peer::Ferrule => Tool::UserctlCommands,
            Peer::Nft => Tool::Nft,
            _ => Tool::Ipset,
        };
        let text = |word: &str| match tool {
            Tool::Ipset => list
                .iter()
                .map(|address| format!("{word} blocked {address} -exist\n"))
                .collect(),
            _ => {
                let name = family.name();
                let all = list.join(", ");
                format!("{word} element {name} bench blocked {{ {all} }}\n")
            }
        };
        let remove = if tool == Tool::Ipset { "del" } else { "delete" };
        form.updates = vec![(tool, text("add")), (tool, text(remove))];
    }
    // What is added may be among the packets that miss.
    case.traffic.retain(|kind| kind.name == "hit");
    case
}

/// A set of this many elements.
pub(crate) fn case(kind: Kind, family: Family, count: u64) -> Case {
    let mut random = Random::new(SEED);
    let elements = elements(&mut random, kind, family, count as usize);
    let mut case = Case::new(kind.name(), count, family);
    let text = nft(kind, family, &elements);
    for (peer, tool) in [(Peer::Ferrule, Tool::Userctl), (Peer::Nft, Tool::Nft)] {
        case.forms.push(Form::new(peer, tool, text.clone()));
    }
    case.forms.push(ipset(kind, family, &elements));
    let packet = |random: &mut Random, element: &Element, dropped| {
        let dst = address(random, family);
        let mut header = tcp(random, element.address, dst);
        header.dport = element.port;
        Packet { header, dropped }
    };
    let hits = (0..PACKETS).map(|_| {
        let element = *random.pick(&elements);
        packet(&mut random, &element, true)
    });
    let hits = hits.collect();
    let inside: HashSet<_> = elements.iter().map(|e| network(e.address)).collect();
    let mut misses = Vec::new();
    while misses.len() < PACKETS {
        let element = Element {
            address: address(&mut random, family),
            length: 0,
            port: 443,
        };
        if !inside.contains(&network(element.address)) {
            misses.push(packet(&mut random, &element, false));
        }
    }
    case.traffic.push(Packets::new("miss", misses));
    case.traffic.push(Packets::new("hit", hits));
    case
}

/// The address without its last byte: prefixes lie within one such network each.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & !0xff).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !0xff).into()),
    }
}

fn elements(random: &mut Random, kind: Kind, family: Family, count: usize) -> Vec<Element> {
    let list = match kind {
        Kind::Addresses | Kind::Pairs => addresses(random, family, count),
        Kind::Prefixes => {
            let mut seen = HashSet::new();
            let mut list = Vec::new();
            while list.len() < count {
                let place = network(address(random, family));
                if seen.insert(place) {
                    list.push(place);
                }
            }
            list
        }
    };
    let whole = if family == Family::Ip { 32 } else { 128 };
    list.into_iter()
        .map(|address| Element {
            address,
            length: match kind {
                Kind::Prefixes => whole - 8 + random.below(5) as u8,
                _ => whole,
            },
            port: match kind {
                Kind::Pairs => 1 + random.below(65_535) as u16,
                _ => 443,
            },
        })
        .collect()
}

fn nft(kind: Kind, family: Family, elements: &[Element]) -> String {
    let (element_type, flags, matching, ..) = kind.words(family);
    let mut text = format!("table {} bench {{\n\tset blocked {{\n", family.name());
    let _ = writeln!(text, "\t\ttype {element_type}");
    text += flags;
    text += "\t\telements = {\n";
    for Element {
        address,
        length,
        port,
    } in elements
    {
        let _ = match kind {
            Kind::Addresses => writeln!(text, "{address},"),
            Kind::Prefixes => writeln!(text, "{address}/{length},"),
            Kind::Pairs => writeln!(text, "{address} . {port},"),
        };
    }
    text += "\t\t}\n\t}\n\tchain forward {\n";
    text += "\t\ttype filter hook forward priority filter; policy accept;\n";
    let _ = writeln!(text, "\t\t{matching} drop\n\t}}\n}}");
    text
}

fn ipset(kind: Kind, family: Family, elements: &[Element]) -> Form {
    let (.., set_type, directions) = kind.words(family);
    let mut set = format!(
        "create blocked {set_type} family {} maxelem {}\n",
        family.ipset(),
        elements.len().max(65_536)
    );
    for Element {
        address,
        length,
        port,
    } in elements
    {
        let _ = match kind {
            Kind::Addresses => writeln!(set, "add blocked {address}"),
            Kind::Prefixes => writeln!(set, "add blocked {address}/{length}"),
            Kind::Pairs => writeln!(set, "add blocked {address},tcp:{port}"),
        };
    }
    let rule = format!(
        "*filter\n:FORWARD ACCEPT [0:0]\n\
         -A FORWARD -m set --match-set blocked {directions} -j DROP\nCOMMIT\n"
    );
    let mut form = Form::new(Peer::Ipset, Tool::Ipset, set);
    form.loads.push((family.iptables(), rule));
    form
}
