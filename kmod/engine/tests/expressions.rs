// SPDX-License-Identifier: GPL-2.0
//! Values of expressions, of packets written out byte by byte. One table for each kind.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use ferrule_engine::{Key, Packet};
use ferrule_uapi::{
    expr::{CtKey, Expr, ExprKind, MetaKey, EXPR_PRESENT},
    field::Field,
    insn::{Insn, Opcode},
    statement::{State, StateKind},
};
use support::{frame::Frame, headers::*, program::*, value, verified};

const REG: u8 = Field::Reg0 as u8;
const WIDE: u8 = Field::Wide0 as u8;

/// A shorthand: kind, key, op, offset and length in bits.
fn expr(kind: ExprKind, key: u8, op: u8, offset: u32, bits: u16) -> Expr {
    Expr {
        kind: kind as u8,
        key,
        op,
        offset,
        bits,
        ..Expr::default()
    }
}

fn payload(base: u8, offset: u32, bits: u16) -> Expr {
    expr(ExprKind::Payload, base, 0, offset, bits)
}

fn exthdr(list: u8, op: u8, offset: u32, bits: u16) -> Expr {
    expr(ExprKind::Exthdr, list, op, offset, bits)
}

fn present(expr: Expr) -> Expr {
    Expr {
        flags: EXPR_PRESENT,
        ..expr
    }
}

/// The value of an expression, by way of a program that loads it.
fn load(expr: Expr, frame: &Frame) -> Option<u128> {
    load_with(expr, frame, |_| {})
}

/// The same, with more in the program.
fn load_with(expr: Expr, frame: &Frame, prepare: impl Fn(&mut Records)) -> Option<u128> {
    let register = if expr.bits > 32 { WIDE } else { REG };
    let mut records = Records::of(&[&[insn(Opcode::Load, register, 1, 0, 0), end()]]);
    prepare(&mut records);
    records.expr(expr);
    let image = records.build();
    let program = verified(&image);
    let view = program.view();
    let mut packet = frame.clone();
    let mut key = Key::parse(&packet, program.fields());
    view.run(&view.base_chains()[0], &mut key, &mut packet);
    value(&key, Field::from_raw(register).unwrap())
}

/// A TCP segment whose header has these options behind it.
fn tcp_with(options: &[u8]) -> Frame {
    let mut segment = transport();
    segment[12] = ((5 + options.len() / 4) << 4) as u8;
    segment.extend(options);
    segment.extend(b"data");
    ipv4(TCP, 0, 0, &segment)
}

/// An IPv4 packet with these options.
fn ipv4_with(options: &[u8]) -> Frame {
    let mut frame = ipv4(UDP, 0, (options.len() / 4) as u8, &[0; 8]);
    frame.bytes[20..20 + options.len()].copy_from_slice(options);
    frame
}

#[test]
fn payload_gives_bits_at_an_offset_from_a_base() {
    let tcp = ipv4(TCP, 0, 1, &[transport(), b"payload".to_vec()].concat());
    let udp = ipv4(UDP, 0, 0, &[0, 1, 0, 2, 0, 12, 0, 0, 0xca, 0xfe]);
    let later = ipv4(TCP, 1, 0, &transport());
    for (frame, base, offset, bits, expected) in [
        (&tcp, 1, 0, 4, Some(4)),
        (&tcp, 1, 4, 4, Some(6)),
        (&tcp, 1, 96, 32, Some(0x0a01_0203)),
        (
            &tcp,
            1,
            99,
            31,
            Some((0x0a01_0203_u128 << 8 | 192) >> 6 & 0x7fff_ffff),
        ),
        (&tcp, 2, 0, 16, Some(0x1234)),
        (
            &tcp,
            2,
            0,
            128,
            Some(0x1234_5678_0000_0001_0000_0002_5012_2000),
        ),
        (
            &tcp,
            2,
            4,
            128,
            Some(0x2345_6780_0000_0010_0000_0025_0122_000a),
        ),
        (&tcp, 3, 0, 24, Some(0x0070_6179)),
        (&udp, 3, 0, 16, Some(0xcafe)),
        (&udp, 3, 8, 16, None),
        (&later, 1, 0, 8, Some(0x45)),
        (&later, 2, 0, 16, None),
        (&later, 3, 0, 8, None),
        (&tcp, 0, 0, 8, None),
    ] {
        let found = load(payload(base, offset, bits), frame);
        assert_eq!(expected, found, "{base} {offset} {bits}");
        let split = frame.split_at(13);
        assert_eq!(expected, load(payload(base, offset, bits), &split));
    }
}

#[test]
fn the_link_header_is_read_and_its_vlan_tag_is_put_back() {
    let mut frame = ipv4(TCP, 0, 0, &transport());
    frame.link = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x00];
    for (offset, bits, expected) in [
        (0, 48, Some(0x0102_0304_0506)),
        (96, 16, Some(0x0800)),
        (96, 24, Some(0x0008_0045)),
    ] {
        assert_eq!(expected, load(payload(0, offset, bits), &frame));
    }
    frame.vlan = Some([0x81, 0x00, 0x20, 0x07]);
    for (offset, bits, expected) in [
        (48, 48, Some(0x0708_090a_0b0c)),
        (96, 32, Some(0x8100_2007)),
        (116, 12, Some(7)),
        (128, 24, Some(0x0008_0045)),
    ] {
        assert_eq!(expected, load(payload(0, offset, bits), &frame), "{offset}");
    }
}

#[test]
fn tcp_options_are_found_by_kind() {
    // MSS 1460, NOP, window scale 7, SACK permitted, end.
    let frame = tcp_with(&[2, 4, 0x05, 0xb4, 1, 3, 3, 7, 4, 2, 0, 0]);
    let cut = tcp_with(&[1, 1, 2, 40]);
    for (frame, expr, expected) in [
        (&frame, exthdr(1, 2, 16, 16), Some(1460)),
        (&frame, exthdr(1, 3, 16, 8), Some(7)),
        (&frame, exthdr(1, 3, 16, 16), None),
        (&frame, present(exthdr(1, 4, 0, 8)), Some(1)),
        (&frame, present(exthdr(1, 8, 0, 8)), Some(0)),
        (&frame, exthdr(1, 8, 0, 8), None),
        (&cut, exthdr(1, 2, 0, 8), None),
        (&cut, present(exthdr(1, 2, 0, 8)), Some(0)),
    ] {
        assert_eq!(expected, load(expr, frame), "{expr:?}");
    }
    let udp = ipv4(UDP, 0, 0, &transport());
    assert_eq!(Some(0), load(present(exthdr(1, 2, 0, 8)), &udp));
}

#[test]
fn ipv4_options_are_found_only_if_all_are_in_order() {
    let alert: &[u8] = &[148, 4, 0, 0];
    let route: &[u8] = &[131, 7, 4, 1, 2, 3, 4, 0];
    let wrong: &[u8] = &[148, 4, 0, 0, 7, 3, 2, 0];
    for (options, expr, expected) in [
        (alert, present(exthdr(2, 148, 0, 8)), Some(1)),
        (alert, exthdr(2, 148, 8, 24), Some(0x04_0000)),
        (alert, present(exthdr(2, 7, 0, 8)), Some(0)),
        (route, exthdr(2, 131, 24, 32), Some(0x0102_0304)),
        (route, present(exthdr(2, 137, 0, 8)), Some(0)),
        (wrong, present(exthdr(2, 148, 0, 8)), Some(0)),
        (&[148, 4, 1, 0], present(exthdr(2, 148, 0, 8)), Some(0)),
        (&[1, 1, 1, 148], present(exthdr(2, 148, 0, 8)), Some(0)),
    ] {
        assert_eq!(expected, load(expr, &ipv4_with(options)), "{options:?}");
    }
    let six = ipv6(TCP, &transport());
    assert_eq!(None, load(present(exthdr(2, 148, 0, 8)), &six));
}

#[test]
fn ipv6_extension_headers_are_found_by_number() {
    let chain = ipv6_chain(&[HOP, ROUTING, AUTH, DEST], TCP);
    let fragment = ipv6_fragment(8 << 3 | 1, UDP);
    for (frame, expr, expected) in [
        (&chain, exthdr(0, HOP, 0, 8), Some(ROUTING.into())),
        (
            &chain,
            exthdr(0, AUTH, 0, 16),
            Some(u128::from(DEST) << 8 | 4),
        ),
        (&chain, exthdr(0, DEST, 0, 8), Some(TCP.into())),
        (&chain, present(exthdr(0, FRAGMENT, 0, 8)), Some(0)),
        (&chain, exthdr(0, FRAGMENT, 0, 8), None),
        (&fragment, exthdr(0, FRAGMENT, 16, 13), Some(8)),
        (&fragment, exthdr(0, FRAGMENT, 31, 1), Some(1)),
        (&fragment, present(exthdr(0, FRAGMENT, 0, 8)), Some(1)),
    ] {
        assert_eq!(expected, load(expr, frame), "{expr:?}");
    }
    let four = ipv4(TCP, 0, 0, &transport());
    assert_eq!(None, load(present(exthdr(0, HOP, 0, 8)), &four));
}

#[test]
fn sctp_chunks_and_dccp_options_are_found_by_type() {
    let mut sctp = vec![0; 12];
    sctp.extend([1, 0, 0, 6, 0xab, 0xcd, 0, 0]);
    sctp.extend([0, 3, 0, 8, 1, 2, 3, 4]);
    let sctp = ipv4(132, 0, 0, &sctp);
    for (expr, expected) in [
        (exthdr(3, 1, 32, 16), Some(0xabcd)),
        (exthdr(3, 0, 8, 8), Some(3)),
        (exthdr(3, 0, 32, 40), None),
        (present(exthdr(3, 0, 0, 8)), Some(1)),
        (present(exthdr(3, 7, 0, 8)), Some(0)),
    ] {
        assert_eq!(expected, load(expr, &sctp), "{expr:?}");
    }
    // A request: 12 bytes, X (4 more), service code, then padding and option 41 of 3 bytes.
    let mut dccp = vec![0, 1, 0, 2, 6, 0, 0, 0, 1, 0, 0, 0];
    dccp.extend([0; 8]);
    dccp.extend([0, 41, 3, 9]);
    let dccp = ipv4(33, 0, 0, &dccp);
    for (op, expected) in [(41, 1), (0, 1), (9, 0), (40, 0)] {
        let found = load(present(exthdr(4, op, 0, 8)), &dccp);
        assert_eq!(Some(expected), found, "{op}");
    }
}

/// An Ethernet frame with a UDP packet over IPv4 in it.
fn inner_frame(tag: bool) -> Vec<u8> {
    let mut bytes = vec![0xaa; 12];
    if tag {
        bytes.extend([0x81, 0x00, 0, 9]);
    }
    bytes.extend([0x08, 0x00]);
    bytes.extend(ipv4(UDP, 0, 0, &[0, 7, 0, 9, 0, 8, 0, 0]).bytes);
    bytes
}

#[test]
fn the_packet_within_a_tunnel_is_read() {
    let udp = |port: u16, rest: &[u8]| {
        let header = [[0, 1], port.to_be_bytes(), [0, 0], [0, 0]].concat();
        ipv4(UDP, 0, 0, &[&header, rest].concat())
    };
    let vxlan = [[8, 0, 0, 0, 0, 0, 42, 0].as_slice(), &inner_frame(false)].concat();
    let geneve = [
        [1, 0, 0, 0, 0, 0, 7, 0, 9, 9, 9, 9].as_slice(),
        &inner_frame(true),
    ]
    .concat();
    let gre = [
        [0x20, 0, 8, 0, 1, 2, 3, 4].as_slice(),
        &ipv6(TCP, &transport()).bytes,
    ]
    .concat();
    let gretap = [[0, 0, 0x65, 0x58].as_slice(), &inner_frame(false)].concat();
    let (vxlan, geneve) = (udp(4789, &vxlan), udp(6081, &geneve));
    let (gre, gretap) = (ipv4(47, 0, 0, &gre), ipv4(47, 0, 0, &gretap));
    let inner = |tunnel, base, offset, bits| Expr {
        a: base,
        ..expr(
            ExprKind::Inner,
            tunnel,
            ExprKind::Payload as u8,
            offset,
            bits,
        )
    };
    let meta = |tunnel, key: MetaKey| Expr {
        a: key as u32,
        ..expr(ExprKind::Inner, tunnel, ExprKind::Meta as u8, 0, 16)
    };
    for (frame, expr, expected) in [
        (&vxlan, inner(1, 4, 32, 24), Some(42)),
        (&vxlan, inner(1, 0, 96, 16), Some(0x0800)),
        (&vxlan, inner(1, 1, 96, 32), Some(0x0a01_0203)),
        (&vxlan, inner(1, 2, 16, 16), Some(9)),
        (&vxlan, meta(1, MetaKey::Protocol), Some(0x0800)),
        (&vxlan, meta(1, MetaKey::L4proto), Some(17)),
        (&geneve, inner(2, 4, 32, 24), Some(7)),
        (&geneve, inner(2, 2, 0, 16), Some(7)),
        (&geneve, meta(2, MetaKey::Protocol), Some(0x8100)),
        (&gre, inner(3, 1, 0, 4), Some(6)),
        (&gre, inner(3, 2, 16, 16), Some(0x5678)),
        (&gre, inner(3, 0, 0, 8), None),
        (&gre, meta(3, MetaKey::L4proto), Some(6)),
        (&gretap, inner(4, 2, 0, 16), Some(7)),
        (&vxlan.cut_to(60), inner(1, 1, 0, 8), None),
        (&ipv4(TCP, 0, 0, &transport()), inner(1, 1, 0, 8), None),
    ] {
        assert_eq!(expected, load(expr, frame), "{expr:?}");
    }
}

#[test]
fn jhash_gives_the_numbers_that_the_kernel_gives() {
    // jhash() of linux/jhash.h, compiled as C: ip saddr (4 bytes), tcp dport (2), both (8), addresses and ports (16), and a
    // mark of 7 in the order of a little-endian machine.
    let frame = ipv4(TCP, 0, 0, &transport());
    let jhash = |modulus: u32, seed: u32, e: u32| Expr {
        a: modulus,
        c: seed,
        e,
        ..expr(ExprKind::Jhash, 0, 0, 0, 32)
    };
    use Field::{IpDaddr, IpSaddr, MetaMark, TcpDport, TcpSport};
    for (fields, expr, expected) in [
        (&[IpSaddr] as &[Field], jhash(0, 0, 0), SADDR_HASH),
        (&[IpSaddr], jhash(0, 0xdead_beef, 0), SADDR_SEED_HASH),
        (&[TcpDport], jhash(0, 0, 0), DPORT_HASH),
        (&[IpSaddr, TcpDport], jhash(0, 7, 0), BOTH_HASH),
        (
            &[IpSaddr, IpDaddr, TcpSport, TcpDport],
            jhash(0, 7, 0),
            ALL_HASH,
        ),
        (&[MetaMark], jhash(0, 0, 0), MARK_HASH),
        (
            &[IpSaddr],
            jhash(10, 0, 0),
            ((u64::from(SADDR_HASH) * 10) >> 32) as u32,
        ),
    ] {
        let found = load_with(expr, &frame, |r| {
            r.key(fields);
        });
        assert_eq!(Some(expected.into()), found, "{fields:?}");
    }
}

const SADDR_HASH: u32 = 0xca44_a027;
const SADDR_SEED_HASH: u32 = 0xd2d9_6718;
const DPORT_HASH: u32 = 0x6d90_4824;
const BOTH_HASH: u32 = 0x27ee_4cd5;
const ALL_HASH: u32 = 0x906a_c8ac;
const MARK_HASH: u32 = 0xa9d5_5c9a;

#[test]
fn numbers_and_hashes_are_scaled_and_moved() {
    let frame = ipv4(TCP, 0, 0, &transport());
    let number = |kind, key, a, b| Expr {
        a,
        b,
        ..expr(kind, key, 0, 0, 32)
    };
    let state = |r: &mut Records| {
        r.states.push(State {
            identity: 1,
            kind: StateKind::Number as u8,
            ..State::default()
        });
    };
    let running = number(ExprKind::Numgen, 0, 10, 100);
    assert_eq!(Some(100), load_with(running, &frame, state));
    // The frame's random number is half of all there are.
    let random = number(ExprKind::Numgen, 1, 10, 100);
    assert_eq!(Some(105), load(random, &frame));
    let mut hashed = frame.clone();
    let hash = wide(0xc000_0000);
    hashed.facts.insert((ExprKind::Symhash as u8, 0), hash);
    let symhash = number(ExprKind::Symhash, 0, 4, 1);
    assert_eq!(Some(4), load(symhash, &hashed));
}

#[test]
fn constants_are_what_they_say_and_facts_are_asked_of_the_environment() {
    let mut frame = ipv4(TCP, 0, 0, &transport());
    let constant = Expr {
        a: 0x0102_0304,
        d: 5,
        ..expr(ExprKind::Constant, 0, 0, 0, 128)
    };
    let expected = 0x0102_0304_u128 << 96 | 5;
    assert_eq!(Some(expected), load(constant, &frame));
    let mark = expr(ExprKind::Ct, CtKey::Mark as u8, 0, 0, 32);
    assert_eq!(None, load(mark, &frame));
    let place = (ExprKind::Ct as u8, CtKey::Mark as u8);
    frame.facts.insert(place, wide(0xffff_ffff_0000_0007));
    assert_eq!(Some(7), load(mark, &frame));
}

#[test]
fn registers_are_reckoned_with() {
    let frame = ipv4(TCP, 0, 0, &transport());
    let from = |field: Field| u16::from(field as u8);
    let calculate = |opcode, register, flags, a, b| Insn {
        flags,
        ..insn(opcode, register, 1, a, b)
    };
    let both = from(Field::TcpSport) | from(Field::TcpDport) << 8;
    let six = ipv6(TCP, &transport());
    for (frame, insn, expected) in [
        (
            &frame,
            calculate(Opcode::Bitwise, REG, from(Field::IpSaddr), 0xffff, 1),
            Some(0x0202),
        ),
        (
            &six,
            calculate(Opcode::Bitwise, REG, from(Field::Ip6Saddr), u32::MAX, 0),
            Some(0x0506_0708),
        ),
        (
            &six,
            calculate(Opcode::Bitwise, REG, from(Field::IpSaddr), 0, 0),
            None,
        ),
        (
            &frame,
            calculate(Opcode::BitwiseWide, WIDE, from(Field::IpTtl), 0, 0),
            Some(1 << 100 | 63 & 0x0f),
        ),
        (
            &frame,
            calculate(Opcode::Shift, REG, from(Field::TcpDport), 20, 0),
            Some(0x6780_0000),
        ),
        (
            &frame,
            calculate(Opcode::Shift, REG, from(Field::TcpDport), 32, 0),
            Some(0),
        ),
        (
            &six,
            calculate(Opcode::Shift, WIDE, from(Field::Ip6Saddr), 96, 1),
            Some(0x2001_0db8),
        ),
        (
            &frame,
            calculate(Opcode::Combine, REG, both, 0, 0),
            Some(0x1230),
        ),
        (
            &frame,
            calculate(Opcode::Combine, REG, both, 1, 0),
            Some(0x567c),
        ),
        (
            &frame,
            calculate(Opcode::Combine, REG, both, 2, 0),
            Some(0x444c),
        ),
    ] {
        let mut records = Records::of(&[&[insn, end()]]);
        records.wide_pairs.push(pair(0x0f, 1 << 100));
        let image = records.build();
        let program = verified(&image);
        let mut packet = frame.clone();
        let mut key = Key::parse(&packet, program.fields());
        let view = program.view();
        view.run(&view.base_chains()[0], &mut key, &mut packet);
        let register = Field::from_raw(insn.field).unwrap();
        assert_eq!(expected, value(&key, register), "{insn:?}");
    }
    assert_eq!(0x0800, frame.protocol());
}
