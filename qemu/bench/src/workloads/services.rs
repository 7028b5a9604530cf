// SPDX-License-Identifier: GPL-2.0

//! Service rules as Kubernetes has them: a verdict by address and port, a chain for each service.

use std::fmt::Write;
use std::net::IpAddr;

use super::addresses::{address, addresses, misses, PACKETS};
use crate::case::{Case, Family, Form, Packets};
use crate::packet::{Header, Packet, ACK, TCP};
use crate::plan::{Peer, Tool};
use crate::random::Random;

const SEED: u64 = 0x5e2c;

/// A service, and a source that may not use it.
struct Service {
    address: IpAddr,
    port: u16,
    barred: IpAddr,
}

/// This many services.
pub(crate) fn case(family: Family, count: u64) -> Case {
    let mut random = Random::new(SEED);
    let list = addresses(&mut random, family, count as usize);
    let services: Vec<_> = list
        .iter()
        .map(|place| Service {
            address: *place,
            port: *random.pick(&[80, 443, 8080, 9090, 5432]),
            barred: address(&mut random, family),
        })
        .collect();
    let mut case = Case::new("services", count, family);
    case.as_written(&nft(family, &services, false));
    let by_hand = nft(family, &services, true);
    case.forms
        .push(Form::new(Peer::NftHand, Tool::Nft, by_hand));
    let iptables = iptables(&services);
    case.forms
        .push(Form::new(Peer::Iptables, family.iptables(), iptables));
    let hits = (0..PACKETS)
        .map(|_| {
            let service = random.pick(&services);
            let dropped = random.below(8) == 0;
            let src = if dropped {
                service.barred
            } else {
                address(&mut random, family)
            };
            Packet {
                header: Header {
                    src,
                    dst: service.address,
                    proto: TCP,
                    sport: 1024 + random.below(60_000) as u16,
                    dport: service.port,
                    flags: ACK,
                },
                dropped,
            }
        })
        .collect();
    case.traffic.push(Packets::new("hit", hits));
    case.traffic
        .push(Packets::new("miss", misses(&mut random, family, &list)));
    case
}

fn nft(family: Family, services: &[Service], by_hand: bool) -> String {
    let name = family.name();
    let mut text = format!("table {name} bench {{\n");
    for (number, service) in services.iter().enumerate() {
        let _ = writeln!(text, "\tchain svc-{number} {{");
        let _ = writeln!(text, "\t\t{name} saddr {} drop", service.barred);
        text += "\t\taccept\n\t}\n";
    }
    if by_hand {
        let _ = writeln!(
            text,
            "\tmap services {{\n\t\ttype {} . inet_service : verdict\n\t\telements = {{",
            family.address_type()
        );
        for (number, Service { address, port, .. }) in services.iter().enumerate() {
            let _ = writeln!(text, "\t\t\t{address} . {port} : jump svc-{number},");
        }
        text += "\t\t}\n\t}\n";
    }
    text += "\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n";
    if by_hand {
        let _ = writeln!(text, "\t\t{name} daddr . tcp dport vmap @services");
    } else {
        for (number, Service { address, port, .. }) in services.iter().enumerate() {
            let _ = writeln!(
                text,
                "\t\t{name} daddr {address} tcp dport {port} jump svc-{number}"
            );
        }
    }
    text + "\t}\n}\n"
}

fn iptables(services: &[Service]) -> String {
    let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n".to_owned();
    for number in 0..services.len() {
        let _ = writeln!(text, ":SVC-{number} - [0:0]");
    }
    for (number, service) in services.iter().enumerate() {
        let Service {
            address,
            port,
            barred,
        } = service;
        let _ = writeln!(
            text,
            "-A FORWARD -d {address} -p tcp --dport {port} -j SVC-{number}"
        );
        let _ = writeln!(text, "-A SVC-{number} -s {barred} -j DROP");
        let _ = writeln!(text, "-A SVC-{number} -j ACCEPT");
    }
    text + "COMMIT\n"
}
