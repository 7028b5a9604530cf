// SPDX-License-Identifier: GPL-2.0
//! What is looked for in a list: extension headers, options of IP and TCP, chunks of SCTP, options of DCCP.
//!
//! A row without a field says whether there is such a thing.

use ferrule_uapi::expr::{Expr, ExprKind, ExthdrOp, EXPR_PRESENT};
use ferrule_uapi::hook::Family;

use super::super::datatype::Datatype;
use super::super::expr::Source;
use super::{Layer, Selector, Settable, Tells};

/// Name, offset and width in bits.
type Fields = &'static [(&'static str, u32, u32)];

const LENGTH: (&str, u32, u32) = ("length", 8, 8);

/// TCP options by name: kind and fields. Of two names for one kind, the first is listed.
#[rustfmt::skip]
const TCP: &[(&str, u8, Fields)] = &[
    ("eol", 0, &[]),
    ("nop", 1, &[]),
    ("noop", 1, &[]),
    ("maxseg", 2, &[LENGTH, ("size", 16, 16)]),
    ("mss", 2, &[LENGTH, ("size", 16, 16)]),
    ("window", 3, &[LENGTH, ("count", 16, 8)]),
    ("sack-perm", 4, &[LENGTH]),
    ("sack-permitted", 4, &[LENGTH]),
    ("sack", 5, &[LENGTH, ("left", 16, 32), ("right", 48, 32)]),
    ("sack0", 5, &[LENGTH, ("left", 16, 32), ("right", 48, 32)]),
    ("sack1", 5, &[LENGTH, ("left", 80, 32), ("right", 112, 32)]),
    ("sack2", 5, &[LENGTH, ("left", 144, 32), ("right", 176, 32)]),
    ("sack3", 5, &[LENGTH, ("left", 208, 32), ("right", 240, 32)]),
    ("timestamp", 8, &[LENGTH, ("tsval", 16, 32), ("tsecr", 48, 32)]),
    ("echo", 8, &[LENGTH]),
    ("md5sig", 19, &[LENGTH]),
    ("mptcp", 30, &[LENGTH, ("subtype", 16, 4)]),
    ("fastopen", 34, &[LENGTH]),
];

/// Options of TCP that are listed under another name.
pub(in super::super) const TCP_ALIASES: &[(&str, &str)] = &[
    ("noop", "nop"),
    ("mss", "maxseg"),
    ("sack-permitted", "sack-perm"),
    ("sack0", "sack"),
    ("echo", "timestamp"),
];

const ROUTE: Fields = &[("type", 0, 8), LENGTH, ("ptr", 16, 8), ("addr", 24, 32)];

/// Options of IP.
const IP: &[(&str, u8, Fields)] = &[
    ("lsrr", 131, ROUTE),
    ("rr", 7, ROUTE),
    ("ssrr", 137, ROUTE),
    ("ra", 148, &[("type", 0, 8), LENGTH, ("value", 16, 16)]),
];

/// What every chunk begins with.
const CHUNK: Fields = &[("type", 0, 8), ("flags", 8, 8), ("length", 16, 16)];

const INIT: Fields = &[
    ("init-tag", 32, 32),
    ("a-rwnd", 64, 32),
    ("num-outbound-streams", 96, 16),
    ("num-inbound-streams", 112, 16),
    ("initial-tsn", 128, 32),
];

/// Chunks of SCTP, and what they have beyond [`CHUNK`].
#[rustfmt::skip]
const SCTP: &[(&str, u8, Fields)] = &[
    ("data", 0, &[("tsn", 32, 32), ("stream", 64, 16), ("ssn", 80, 16), ("ppid", 96, 32)]),
    ("init", 1, INIT),
    ("init-ack", 2, INIT),
    ("sack", 3, &[
        ("cum-tsn-ack", 32, 32), ("a-rwnd", 64, 32), ("num-gap-ack-blocks", 96, 16),
        ("num-dup-tsns", 112, 16),
    ]),
    ("heartbeat", 4, &[]),
    ("heartbeat-ack", 5, &[]),
    ("abort", 6, &[]),
    ("shutdown", 7, &[("cum-tsn-ack", 32, 32)]),
    ("shutdown-ack", 8, &[]),
    ("error", 9, &[]),
    ("cookie-echo", 10, &[]),
    ("cookie-ack", 11, &[]),
    ("ecne", 12, &[("lowest-tsn", 32, 32)]),
    ("cwr", 13, &[("lowest-tsn", 32, 32)]),
    ("shutdown-complete", 14, &[]),
    ("asconf-ack", 128, &[("seqno", 32, 32)]),
    ("forward-tsn", 192, &[("new-cum-tsn", 32, 32)]),
    ("asconf", 193, &[("seqno", 32, 32)]),
];

/// Extension headers of IPv6: name, protocol number, fields with their types.
type Typed = &'static [(&'static str, u32, u32, Datatype)];

const NEXT: (&str, u32, u32, Datatype) = ("nexthdr", 0, 8, Datatype::Protocol);
const SIZE: (&str, u32, u32, Datatype) = ("hdrlength", 8, 8, Datatype::Integer);

use Datatype as T;

#[rustfmt::skip]
const IP6: &[(&str, u8, Typed)] = &[
    ("hbh", 0, &[NEXT, SIZE]),
    ("dst", 60, &[NEXT, SIZE]),
    ("rt", 43, &[NEXT, SIZE, ("type", 16, 8, T::Integer), ("seg-left", 24, 8, T::Integer)]),
    ("rt0", 43, &[("addr", 64, 128, T::Ipv6)]),
    ("rt2", 43, &[("addr", 64, 128, T::Ipv6)]),
    ("srh", 43, &[
        ("last-entry", 32, 8, T::Integer), ("flags", 40, 8, T::Integer), ("tag", 48, 16, T::Integer),
        ("sid", 64, 128, T::Ipv6),
    ]),
    ("frag", 44, &[
        NEXT, ("reserved", 8, 8, T::Integer), ("frag-off", 16, 13, T::Integer),
        ("reserved2", 29, 2, T::Integer), ("more-fragments", 31, 1, T::Integer),
        ("id", 32, 32, T::Integer),
    ]),
    ("mh", 135, &[
        NEXT, SIZE, ("type", 16, 8, T::MhType), ("reserved", 24, 8, T::Integer),
        ("checksum", 32, 16, T::Integer),
    ]),
];

/// Headers that `exthdr` looks for.
const EXTHDR: &[(&str, u8)] = &[
    ("hbh", 0),
    ("rt", 43),
    ("frag", 44),
    ("dst", 60),
    ("mh", 135),
];

/// A record that loads bits of an option.
pub(in super::super) fn load(op: ExthdrOp, kind: u8, offset: u32, bits: u32) -> Expr {
    Expr {
        kind: ExprKind::Exthdr as u8,
        key: op as u8,
        op: kind,
        offset,
        bits: bits as u16,
        ..Expr::default()
    }
}

/// A record that says whether there is such an option.
pub(in super::super) fn presence(op: ExthdrOp, kind: u8) -> Expr {
    Expr {
        flags: EXPR_PRESENT,
        ..load(op, kind, 0, 8)
    }
}

fn row(
    protocol: &'static str,
    name: &'static str,
    record: Expr,
    datatype: Datatype,
    bits: u32,
    layer: Layer,
) -> Selector {
    Selector {
        protocol,
        name,
        unqualified: false,
        source: Source::Record(record),
        place: None,
        datatype,
        bits,
        layer,
        tells: Tells::Nothing,
        types: &[],
        set: Settable::No,
    }
}

fn there(protocol: &'static str, name: &'static str, record: Expr, layer: Layer) -> Selector {
    row(protocol, name, record, T::Boolean, 1, layer)
}

/// `option field` as one name, which lives as long as the program.
fn joined(option: &str, field: &str) -> &'static str {
    format!("{option} {field}").leak()
}

/// One list of options, and what its rows have in common.
struct Group {
    protocol: &'static str,
    op: ExthdrOp,
    layer: Layer,
    set: Settable,
}

impl Group {
    fn rows(&self, out: &mut Vec<Selector>, table: &[(&'static str, u8, Fields)], common: Fields) {
        let Group {
            protocol,
            op,
            layer,
            set,
        } = *self;
        for (option, kind, fields) in table {
            out.push(there(protocol, option, presence(op, *kind), layer));
            for (field, offset, bits) in common.iter().chain(*fields) {
                let record = load(op, *kind, *offset, *bits);
                let name = joined(option, field);
                out.push(row(protocol, name, record, T::Integer, *bits, layer).settable(set));
            }
        }
    }
}

pub(super) fn rows(out: &mut Vec<Selector>) {
    let (yes, no) = (Settable::Yes, Settable::No);
    let ip = Layer::Extension(Family::Ip);
    let ip6 = Layer::Extension(Family::Ip6);
    let group = |protocol, op, layer, set| Group {
        protocol,
        op,
        layer,
        set,
    };
    group("tcp option", ExthdrOp::Tcp, Layer::Meta, yes).rows(out, TCP, &[]);
    group("ip option", ExthdrOp::Ipv4, ip, no).rows(out, IP, &[]);
    group("sctp chunk", ExthdrOp::Sctp, Layer::Meta, no).rows(out, SCTP, CHUNK);
    for (header, kind, fields) in IP6 {
        for (field, offset, bits, datatype) in *fields {
            let record = load(ExthdrOp::Ipv6, *kind, *offset, *bits);
            out.push(row(header, field, record, *datatype, *bits, ip6));
        }
    }
    for (header, kind) in EXTHDR {
        let record = presence(ExthdrOp::Ipv6, *kind);
        out.push(there("exthdr", header, record, ip6));
    }
    // Options that are given by number: the row stands for all of them.
    let number = presence(ExthdrOp::Tcp, 0);
    out.push(there("tcp option", "", number, Layer::Meta));
    let raw = load(ExthdrOp::Tcp, 0, 0, 8);
    out.push(row("tcp option", "@", raw, T::Hex, 8, Layer::Meta).settable(yes));
    let dccp = presence(ExthdrOp::Dccp, 0);
    out.push(there("dccp option", "", dccp, Layer::Meta));
}
