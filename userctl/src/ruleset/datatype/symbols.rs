// SPDX-License-Identifier: GPL-2.0
//! Names of values, by type. Of two names for one value, the first is listed.

use super::Datatype;

/// Names and the values that they stand for.
pub(crate) type Names = &'static [(&'static str, u128)];

/// The names that values of a type have.
pub(super) fn of(datatype: Datatype) -> Names {
    let row = TABLE.iter().find(|(of, _)| *of == datatype);
    row.map_or(&[], |(_, names)| names)
}

use Datatype as T;

#[rustfmt::skip]
static TABLE: &[(Datatype, Names)] = &[
    (T::Dscp, &[
        ("cs0", 0x00), ("cs1", 0x08), ("cs2", 0x10), ("cs3", 0x18), ("cs4", 0x20), ("cs5", 0x28),
        ("cs6", 0x30), ("cs7", 0x38), ("df", 0x00), ("be", 0x00), ("lephb", 0x01), ("af11", 0x0a),
        ("af12", 0x0c), ("af13", 0x0e), ("af21", 0x12), ("af22", 0x14), ("af23", 0x16),
        ("af31", 0x1a), ("af32", 0x1c), ("af33", 0x1e), ("af41", 0x22), ("af42", 0x24),
        ("af43", 0x26), ("va", 0x2c), ("ef", 0x2e),
    ]),
    (T::Ecn, &[("not-ect", 0), ("ect1", 1), ("ect0", 2), ("ce", 3)]),
    (T::TcpFlags, &[
        ("fin", 0x01), ("syn", 0x02), ("rst", 0x04), ("psh", 0x08), ("ack", 0x10), ("urg", 0x20),
        ("ecn", 0x40), ("cwr", 0x80),
    ]),
    (T::IcmpType, &[
        ("echo-reply", 0), ("destination-unreachable", 3), ("source-quench", 4), ("redirect", 5),
        ("echo-request", 8), ("router-advertisement", 9), ("router-solicitation", 10),
        ("time-exceeded", 11), ("parameter-problem", 12), ("timestamp-request", 13),
        ("timestamp-reply", 14), ("info-request", 15), ("info-reply", 16),
        ("address-mask-request", 17), ("address-mask-reply", 18),
    ]),
    (T::Icmpv6Type, &[
        ("destination-unreachable", 1), ("packet-too-big", 2), ("time-exceeded", 3),
        ("parameter-problem", 4), ("echo-request", 128), ("echo-reply", 129),
        ("mld-listener-query", 130), ("mld-listener-report", 131), ("mld-listener-done", 132),
        ("mld-listener-reduction", 132), ("nd-router-solicit", 133), ("nd-router-advert", 134),
        ("nd-neighbor-solicit", 135), ("nd-neighbor-advert", 136), ("nd-redirect", 137),
        ("router-renumbering", 138), ("ind-neighbor-solicit", 141), ("ind-neighbor-advert", 142),
        ("mld2-listener-report", 143),
    ]),
    (T::IcmpCode, &[
        ("net-unreachable", 0), ("host-unreachable", 1), ("prot-unreachable", 2),
        ("port-unreachable", 3), ("frag-needed", 4), ("net-prohibited", 9), ("host-prohibited", 10),
        ("admin-prohibited", 13),
    ]),
    (T::Icmpv6Code, &[
        ("no-route", 0), ("admin-prohibited", 1), ("addr-unreachable", 3), ("port-unreachable", 4),
        ("policy-fail", 5), ("reject-route", 6),
    ]),
    (T::IcmpxCode, &[
        ("port-unreachable", 1), ("admin-prohibited", 3), ("no-route", 0), ("host-unreachable", 2),
    ]),
    (T::IgmpType, &[
        ("membership-query", 0x11), ("membership-report-v1", 0x12), ("membership-report-v2", 0x16),
        ("membership-report-v3", 0x22), ("leave-group", 0x17),
    ]),
    (T::DccpType, &[
        ("request", 0), ("response", 1), ("data", 2), ("ack", 3), ("dataack", 4), ("closereq", 5),
        ("close", 6), ("reset", 7), ("sync", 8), ("syncack", 9),
    ]),
    (T::MhType, &[
        ("binding-refresh-request", 0), ("home-test-init", 1), ("careof-test-init", 2),
        ("home-test", 3), ("careof-test", 4), ("binding-update", 5),
        ("binding-acknowledgement", 6), ("binding-error", 7), ("fast-binding-update", 8),
        ("fast-binding-acknowledgement", 9), ("fast-binding-advertisement", 10),
        ("experimental-mobility-header", 11), ("home-agent-switch-message", 12),
    ]),
    (T::ArpOp, &[
        ("request", 1), ("reply", 2), ("rrequest", 3), ("rreply", 4), ("inrequest", 8),
        ("inreply", 9), ("nak", 10),
    ]),
    (T::PktType, &[("host", 0), ("unicast", 0), ("broadcast", 1), ("multicast", 2), ("other", 3)]),
    (T::EtherType, &[
        ("ip", 0x0800), ("arp", 0x0806), ("ip6", 0x86dd), ("8021q", 0x8100), ("8021ad", 0x88a8),
        ("vlan", 0x8100),
    ]),
    (T::Nfproto, &[("ipv4", 2), ("ipv6", 10)]),
    (T::IfType, &[
        ("ether", 1), ("ppp", 512), ("ipip", 768), ("ipip6", 769), ("loopback", 772), ("sit", 776),
        ("ipgre", 778),
    ]),
    (T::Realm, &[("cosmos", 0)]),
    (T::DevGroup, &[("default", 0)]),
    (T::ClassId, &[("none", 0), ("root", 0xffff_ffff)]),
    (T::CtState, &[
        ("invalid", 1), ("new", 8), ("established", 2), ("related", 4), ("untracked", 64),
    ]),
    (T::CtDir, &[("original", 0), ("reply", 1)]),
    (T::CtStatus, &[
        ("expected", 0x1), ("seen-reply", 0x2), ("assured", 0x4), ("confirmed", 0x8), ("snat", 0x10),
        ("dnat", 0x20), ("dying", 0x200),
    ]),
    (T::CtEvent, &[
        ("new", 0x1), ("related", 0x2), ("destroy", 0x4), ("reply", 0x8), ("assured", 0x10),
        ("protoinfo", 0x20), ("helper", 0x40), ("mark", 0x80), ("seqadj", 0x100),
        ("secmark", 0x200), ("label", 0x400),
    ]),
    (T::FibAddr, &[
        ("unspec", 0), ("unicast", 1), ("local", 2), ("broadcast", 3), ("anycast", 4),
        ("multicast", 5), ("blackhole", 6), ("unreachable", 7), ("prohibit", 8),
    ]),
    (T::Day, &[
        ("Sunday", 0), ("Monday", 1), ("Tuesday", 2), ("Wednesday", 3), ("Thursday", 4),
        ("Friday", 5), ("Saturday", 6),
    ]),
    (T::Boolean, &[("exists", 1), ("missing", 0)]),
];
