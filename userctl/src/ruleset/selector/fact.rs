// SPDX-License-Identifier: GPL-2.0
//! What is known of a packet beside its bytes: `meta`, `ct`, `socket`, `fib`, `rt`, `ipsec`.

use ferrule_uapi::expr::{CtKey, Expr, ExprKind, MetaKey, EXPR_PRESENT};
use ferrule_uapi::field::Field;

use super::super::datatype::Datatype;
use super::super::expr::Source;
use super::{Layer, Selector, Settable, Tells};

fn row(
    protocol: &'static str,
    name: &'static str,
    source: Source,
    datatype: Datatype,
    bits: u32,
) -> Selector {
    Selector {
        protocol,
        name,
        unqualified: false,
        source,
        place: None,
        datatype,
        bits,
        layer: Layer::Meta,
        tells: Tells::Nothing,
        types: &[],
        set: Settable::No,
    }
}

/// A record of a kind and a key. Values of less than a byte are loaded as one.
fn record(kind: ExprKind, key: u8, bits: u32) -> Source {
    Source::Record(Expr {
        kind: kind as u8,
        key,
        bits: bits.max(8) as u16,
        ..Expr::default()
    })
}

fn field(name: &'static str, key: Field, datatype: Datatype, bits: u32) -> Selector {
    row("meta", name, Source::Field(key), datatype, bits)
}

fn meta(name: &'static str, key: MetaKey, datatype: Datatype, bits: u32) -> Selector {
    row(
        "meta",
        name,
        record(ExprKind::Meta, key as u8, bits),
        datatype,
        bits,
    )
}

fn ct(name: &'static str, key: CtKey, datatype: Datatype, bits: u32) -> Selector {
    row(
        "ct",
        name,
        record(ExprKind::Ct, key as u8, bits),
        datatype,
        bits,
    )
}

fn other(
    protocol: &'static str,
    name: &'static str,
    kind: ExprKind,
    key: u8,
    datatype: Datatype,
    bits: u32,
) -> Selector {
    row(protocol, name, record(kind, key, bits), datatype, bits)
}

impl Selector {
    fn unqualified(self) -> Self {
        Selector {
            unqualified: true,
            ..self
        }
    }
}

use CtKey as C;
use Datatype as T;
use ExprKind as E;
use Field as F;
use MetaKey as M;

#[rustfmt::skip]
pub(super) fn rows(out: &mut Vec<Selector>) {
    out.extend([
        field("nfproto", F::MetaNfproto, T::Nfproto, 8).telling(Tells::Network),
        field("l4proto", F::MetaL4proto, T::Protocol, 8).telling(Tells::Transport),
        field("protocol", F::MetaProtocol, T::EtherType, 16),
        field("length", F::MetaLength, T::Integer, 32),
        field("mark", F::MetaMark, T::Mark, 32).settable(Settable::Yes),
        field("iif", F::MetaIif, T::IfIndex, 32).unqualified(),
        field("oif", F::MetaOif, T::IfIndex, 32).unqualified(),
        field("iifname", F::MetaIifname, T::IfName, 128).unqualified(),
        field("oifname", F::MetaOifname, T::IfName, 128).unqualified(),
        field("pkttype", F::MetaPkttype, T::PktType, 8).settable(Settable::Yes),
        meta("priority", M::Priority, T::ClassId, 32).settable(Settable::Yes),
        meta("iiftype", M::Iiftype, T::IfType, 16).telling(Tells::Link),
        meta("oiftype", M::Oiftype, T::IfType, 16),
        meta("skuid", M::Skuid, T::Uid, 32),
        meta("skgid", M::Skgid, T::Gid, 32),
        meta("nftrace", M::Nftrace, T::Integer, 1).settable(Settable::Only),
        meta("rtclassid", M::Rtclassid, T::Realm, 32),
        meta("secmark", M::Secmark, T::Integer, 32).settable(Settable::Yes),
        meta("cpu", M::Cpu, T::Integer, 32),
        meta("iifgroup", M::Iifgroup, T::DevGroup, 32).unqualified(),
        meta("oifgroup", M::Oifgroup, T::DevGroup, 32).unqualified(),
        meta("cgroup", M::Cgroup, T::Integer, 32),
        meta("random", M::Random, T::Integer, 32),
        meta("ipsec", M::Secpath, T::Boolean, 1),
        meta("iifkind", M::Iifkind, T::IfName, 128),
        meta("oifkind", M::Oifkind, T::IfName, 128),
        meta("time", M::TimeNs, T::Time, 64),
        meta("day", M::TimeDay, T::Day, 8),
        meta("hour", M::TimeHour, T::Hour, 32),
        meta("sdif", M::Sdif, T::IfIndex, 32),
        meta("sdifname", M::Sdifname, T::IfName, 128),
        ct("state", C::State, T::CtState, 32),
        ct("direction", C::Direction, T::CtDir, 8),
        ct("status", C::Status, T::CtStatus, 32),
        ct("mark", C::Mark, T::Mark, 32).settable(Settable::Yes),
        ct("secmark", C::Secmark, T::Integer, 32).settable(Settable::Yes),
        ct("expiration", C::Expiration, T::Duration, 32),
        ct("helper", C::Helper, T::String, 128),
        ct("l3proto", C::L3proto, T::Nfproto, 8),
        ct("protocol", C::Protocol, T::Protocol, 8).telling(Tells::Connection),
        ct("saddr", C::Src, T::Integer, 128),
        ct("daddr", C::Dst, T::Integer, 128),
        ct("proto-src", C::ProtoSrc, T::Port, 16),
        ct("proto-dst", C::ProtoDst, T::Port, 16),
        ct("label", C::Labels, T::CtLabel, 128).settable(Settable::Yes),
        ct("packets", C::Pkts, T::Integer, 64),
        ct("bytes", C::Bytes, T::Integer, 64),
        ct("avgpkt", C::Avgpkt, T::Integer, 64),
        ct("zone", C::Zone, T::Integer, 16).settable(Settable::Yes),
        ct("event", C::Eventmask, T::CtEvent, 32).settable(Settable::Only),
        ct("id", C::Id, T::Integer, 32),
        other("socket", "transparent", E::Socket, 0, T::Integer, 1),
        other("socket", "mark", E::Socket, 1, T::Mark, 32),
        other("socket", "wildcard", E::Socket, 2, T::Integer, 1),
        other("socket", "cgroupv2", E::Socket, 3, T::CgroupV2, 64),
        other("fib", "oif", E::Fib, 1, T::IfIndex, 32),
        other("fib", "oifname", E::Fib, 2, T::IfName, 128),
        other("fib", "type", E::Fib, 3, T::FibAddr, 32),
        present(other("fib", "check", E::Fib, 1, T::Boolean, 1)),
        other("rt", "classid", E::Rt, 0, T::Realm, 32),
        other("rt", "nexthop", E::Rt, 1, T::Ipv4, 32),
        other("rt", "mtu", E::Rt, 3, T::Integer, 16),
        other("rt", "ipsec", E::Rt, 4, T::Boolean, 1),
        other("ipsec", "daddr", E::Xfrm, 1, T::Ipv4, 32),
        other("ipsec", "saddr", E::Xfrm, 3, T::Ipv4, 32),
        other("ipsec", "reqid", E::Xfrm, 5, T::Integer, 32),
        other("ipsec", "spi", E::Xfrm, 6, T::Integer, 32),
    ]);
}

/// Whether there is such a thing.
fn present(selector: Selector) -> Selector {
    match selector.source {
        Source::Record(record) => Selector {
            source: Source::Record(Expr {
                flags: EXPR_PRESENT,
                ..record
            }),
            ..selector
        },
        Source::Field(_) => selector,
    }
}
