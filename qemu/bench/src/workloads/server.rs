// SPDX-License-Identifier: GPL-2.0

//! What servers and the routers before them have: connection state first, then ports, then a limit.

use std::fmt::Write;

use super::addresses::{address, PACKETS};
use crate::case::{Case, Family, Form, Packets};
use crate::packet::{Header, Packet, ACK, SYN, SYN_ACK, TCP};
use crate::plan::{Peer, Tool};
use crate::random::Random;

const SEED: u64 = 0x5e4f;

/// Connections that are established.
const CONNECTIONS: usize = 1024;

/// Ports of services lie below, those that nobody serves above.
const FIRST_PORT: u16 = 1000;
const CLOSED_PORT: u16 = 60_000;

/// This many ports are open.
pub(crate) fn case(family: Family, ports: u64) -> Case {
    let mut random = Random::new(SEED);
    let ports: Vec<u16> = (FIRST_PORT..).step_by(7).take(ports as usize).collect();
    let mut case = Case::new("server", ports.len() as u64, family);
    case.as_written(&nft(family, &ports, false));
    let by_hand = nft(family, &ports, true);
    case.forms
        .push(Form::new(Peer::NftHand, Tool::Nft, by_hand));
    case.forms.push(Form::new(
        Peer::Iptables,
        family.iptables(),
        iptables(&ports, false),
    ));
    let mut set = "create services bitmap:port range 0-65535\n".to_owned();
    for port in &ports {
        let _ = writeln!(set, "add services {port}");
    }
    let mut form = Form::new(Peer::Ipset, Tool::Ipset, set);
    form.loads.push((family.iptables(), iptables(&ports, true)));
    case.forms.push(form);
    case.traffic.push(established(&mut random, family, &ports));
    let closed = (0..PACKETS)
        .map(|_| Packet {
            header: Header {
                src: address(&mut random, family),
                dst: address(&mut random, family),
                proto: TCP,
                sport: 1024 + random.below(50_000) as u16,
                dport: CLOSED_PORT,
                flags: SYN,
            },
            dropped: true,
        })
        .collect();
    case.traffic.push(Packets::new("closed-port", closed));
    case
}

/// Both directions of connections whose handshakes were seen before.
fn established(random: &mut Random, family: Family, ports: &[u16]) -> Packets {
    let server = address(random, family);
    let mut prelude = Vec::new();
    let mut packets = Vec::new();
    let let_pass = |header| Packet {
        header,
        dropped: false,
    };
    for _ in 0..CONNECTIONS {
        let there = Header {
            src: address(random, family),
            dst: server,
            proto: TCP,
            sport: 1024 + random.below(60_000) as u16,
            dport: *random.pick(ports),
            flags: SYN,
        };
        let back = Header {
            src: there.dst,
            dst: there.src,
            sport: there.dport,
            dport: there.sport,
            flags: SYN_ACK,
            ..there
        };
        for header in [
            there,
            back,
            Header {
                flags: ACK,
                ..there
            },
        ] {
            prelude.push(let_pass(header));
        }
        for header in [there, back] {
            packets.push(let_pass(Header {
                flags: ACK,
                ..header
            }));
        }
    }
    random.shuffle(&mut packets);
    Packets {
        name: "established",
        packets,
        prelude,
    }
}

fn nft(family: Family, ports: &[u16], by_hand: bool) -> String {
    let mut text = format!("table {} bench {{\n", family.name());
    if by_hand {
        text += "\tset services {\n\t\ttype inet_service\n\t\telements = { ";
        let list: Vec<_> = ports.iter().map(u16::to_string).collect();
        text += &list.join(", ");
        text += " }\n\t}\n";
    }
    text += "\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n";
    if by_hand {
        text += "\t\tct state vmap { established : accept, related : accept, invalid : drop }\n";
        text += "\t\ttcp dport @services accept\n";
    } else {
        text += "\t\tct state established,related accept\n\t\tct state invalid drop\n";
        for port in ports {
            let _ = writeln!(text, "\t\ttcp dport {port} accept");
        }
    }
    let icmp = match family {
        Family::Ip => "icmp type echo-request",
        Family::Ip6 => "icmpv6 type echo-request",
    };
    let _ = writeln!(text, "\t\t{icmp} limit rate 10/second accept");
    text + "\t}\n}\n"
}

fn iptables(ports: &[u16], with_set: bool) -> String {
    let mut text = "*filter\n:FORWARD DROP [0:0]\n".to_owned();
    text += "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n";
    text += "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n";
    if with_set {
        text += "-A FORWARD -p tcp -m set --match-set services dst -j ACCEPT\n";
    } else {
        for port in ports {
            let _ = writeln!(text, "-A FORWARD -p tcp --dport {port} -j ACCEPT");
        }
    }
    text + "-A FORWARD -p udp -m limit --limit 10/second -j ACCEPT\nCOMMIT\n"
}
