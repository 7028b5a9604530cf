// SPDX-License-Identifier: GPL-2.0
//! What packets carry, where it takes more than ports.

use ferrule_uapi::hook::Family;

use crate::packet::{protocol, Packet};

use super::super::random::Random;

/// The checksum of a protocol's bytes.
type Sum<'a> = dyn Fn(u8, &[u8]) -> u16 + 'a;

/// TCP with options, among them broken ones.
pub(super) fn tcp(
    random: &mut Random,
    family: Family,
    sport: u16,
    dport: u16,
    sum: &Sum<'_>,
) -> Packet {
    let pieces: [&[u8]; 9] = [
        &[2, 4, 5, 120],
        &[2, 4, 2, 24],
        &[3, 3, 7],
        &[4, 2],
        &[8, 10, 0, 0, 0, 1, 0, 0, 0, 0],
        &[1],
        &[254, 4, 0x12, 0x34],
        &[2, 0],
        &[5, 10, 0, 0, 0, 1, 0, 0, 0, 2],
    ];
    let mut options = Vec::new();
    for _ in 0..random.between(0, 4) {
        let piece = *random.pick(&pieces);
        if options.len() + piece.len() <= 36 {
            options.extend_from_slice(piece);
        }
    }
    while options.len() % 4 != 0 {
        options.push(*random.pick(&[0, 1]));
    }
    let flags = *random.pick(&[0x02, 0x02, 0x12, 0x10, 0x18]);
    let doff = ((20 + options.len()) / 4) as u8;
    let window = *random.pick(&[0_u16, 24, 512, 4096, 65535]);
    let mut body = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    body.extend_from_slice(&random.pick(&[1_u32, 7, 1000, 65536]).to_be_bytes());
    body.extend_from_slice(&random.pick(&[0_u32, 7, 1000]).to_be_bytes());
    body.extend_from_slice(&[doff << 4, flags]);
    body.extend_from_slice(&window.to_be_bytes());
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&options);
    body.extend((0..*random.pick(&[0_u8, 0, 5, 20])).map(|index| index + 1));
    let sum = sum(protocol::TCP, &body).to_be_bytes();
    body[16..18].copy_from_slice(&sum);
    Packet::raw(family, protocol::TCP, &body)
}

/// SCTP with chunks. Its checksum is nobody's business here.
pub(super) fn sctp(random: &mut Random, family: Family, sport: u16, dport: u16) -> Packet {
    let data: &[u8] = &[0, 3, 0, 20, 0, 0, 0, 1, 0, 5, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4];
    let init: &[u8] = &[
        1, 0, 0, 20, 0, 0, 0, 9, 0, 0, 16, 0, 0, 10, 0, 10, 0, 0, 0, 1,
    ];
    let broken: &[u8] = &[0, 3, 0, 0, 9, 9, 9, 9];
    let mut body = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    body.extend_from_slice(&random.pick(&[0_u32, 1, 1000]).to_be_bytes());
    body.extend_from_slice(&[0; 4]);
    for _ in 0..random.between(0, 3) {
        let chunks = [data, data, init, broken];
        body.extend_from_slice(chunks[random.below(chunks.len())]);
    }
    Packet::raw(family, protocol::SCTP, &body)
}

/// DCCP with a long sequence number.
pub(super) fn dccp(random: &mut Random, family: Family, sport: u16, dport: u16) -> Packet {
    let mut body = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    let kind = *random.pick(&[0_u8, 1, 2, 7]);
    body.extend_from_slice(&[6, 0, 0, 0, kind << 1 | 1, 0, 0, 0, 0, 0, 0, 1]);
    body.extend_from_slice(&[0; 8]);
    Packet::raw(family, protocol::DCCP, &body)
}

/// VXLAN, GENEVE or GRE, with an IPv4 packet inside.
pub(super) fn tunnel(random: &mut Random, family: Family, sport: u16, sum: &Sum<'_>) -> Packet {
    const GRE: u8 = 47;
    let saddr = std::net::IpAddr::from([10, 9, 0, *random.pick(&[1, 2])]);
    let inside = match random.below(2) {
        0 => Packet::udp(Family::Ip, 9, *random.pick(&[53, 80])),
        _ => Packet::tcp(Family::Ip, 9, *random.pick(&[22, 80])),
    };
    let inside = inside.from(saddr).to([10, 9, 0, 9].into());
    let ethernet: &[u8] = &[2, 0, 0, 0, 9, 1, 2, 0, 0, 0, 9, 2, 8, 0];
    let vni = *random.pick(&[7_u8, 9]);
    let kind = random.below(3);
    if kind == 2 {
        let mut body = vec![0, 0, 8, 0];
        body.extend_from_slice(&inside.bytes());
        return Packet::raw(family, GRE, &body);
    }
    let (port, header) = match kind {
        0 => (4789_u16, [8, 0, 0, 0, 0, 0, vni, 0]),
        _ => (6081, [0, 0, 0x65, 0x58, 0, 0, vni, 0]),
    };
    let mut body = [sport.to_be_bytes(), port.to_be_bytes(), [0; 2], [0; 2]].concat();
    body.extend_from_slice(&header);
    body.extend_from_slice(ethernet);
    body.extend_from_slice(&inside.bytes());
    let length = (body.len() as u16).to_be_bytes();
    body[4..6].copy_from_slice(&length);
    let sum = sum(protocol::UDP, &body).to_be_bytes();
    body[6..8].copy_from_slice(&sum);
    Packet::raw(family, protocol::UDP, &body)
}

/// AH, ESP, IPComp, IGMP, or nobody's protocol.
pub(super) fn other(random: &mut Random, family: Family) -> Packet {
    let spi = random.pick(&[0_u32, 1, 1000]).to_be_bytes();
    let (protocol, body) = match random.below(5) {
        0 => {
            let mut body = vec![protocol::UDP, 4, 0, 0];
            body.extend_from_slice(&spi);
            body.extend_from_slice(&[0, 0, 0, 7]);
            body.extend_from_slice(&[0xaa; 12]);
            body.extend_from_slice(&[0, 7, 0, 53, 0, 8, 0, 0]);
            (protocol::AH, body)
        }
        1 => (50, [&spi[..], &[0, 0, 0, 1, 9, 9, 9, 9]].concat()),
        2 => (108, vec![protocol::UDP, 0, 0, 1, 5, 5, 5, 5]),
        3 => (
            2,
            vec![*random.pick(&[0x11, 0x17]), 0, 0xee, 0xe8, 0, 0, 0, 0],
        ),
        _ => {
            let length = random.below(30);
            let bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            (protocol::EXPERIMENT, bytes)
        }
    };
    Packet::raw(family, protocol, &body)
}
