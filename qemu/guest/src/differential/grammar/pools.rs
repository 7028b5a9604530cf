// SPDX-License-Identifier: GPL-2.0
//! Values, as rules write them, by type.

/// The values of a type. In ascending order if there are ranges of them.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Pool {
    pub(in super::super) values: &'static [&'static str],
    /// `a-b`, `<` and `>` mean something.
    pub(in super::super) ordered: bool,
    /// Prefixes, disjoint, ascending.
    pub(in super::super) prefixes: &'static [&'static str],
    /// Can be the type of a named set's key or of a map's value.
    pub(in super::super) declarable: bool,
}

const fn ordered(values: &'static [&'static str]) -> Pool {
    Pool {
        values,
        ordered: true,
        prefixes: &[],
        declarable: true,
    }
}

const fn words(values: &'static [&'static str]) -> Pool {
    Pool {
        ordered: false,
        ..ordered(values)
    }
}

const fn prefixed(values: &'static [&'static str], prefixes: &'static [&'static str]) -> Pool {
    Pool {
        prefixes,
        ..ordered(values)
    }
}

pub(super) static ADDR4: Pool = prefixed(
    &[
        "10.0.1.1",
        "10.0.1.2",
        "10.0.1.5",
        "10.0.1.77",
        "10.0.1.200",
        "10.0.2.1",
        "10.0.3.2",
        "10.0.3.9",
    ],
    &[
        "10.0.1.0/30",
        "10.0.1.64/26",
        "10.0.2.0/23",
        "192.168.0.0/16",
    ],
);
pub(super) static ADDR6: Pool = prefixed(
    &[
        "fd00:1::1",
        "fd00:1::2",
        "fd00:1::5",
        "fd00:1::4d",
        "fd00:1::c8",
        "fd00:2::1",
        "fd00:3::2",
        "fd00:3::9",
    ],
    &["fd00:1::/126", "fd00:1::40/122", "fd00:2::/31", "fe80::/10"],
);
pub(super) static PORT: Pool = ordered(&[
    "1", "7", "22", "53", "80", "123", "443", "1024", "8080", "33000", "65535",
]);
pub(super) static PROTOCOL: Pool = words(&["tcp", "udp", "icmp", "ipv6-icmp", "sctp", "253", "ah"]);
pub(super) static TTL: Pool = ordered(&["1", "2", "63", "64", "128", "255"]);
pub(super) static LENGTH: Pool = ordered(&["20", "28", "40", "44", "56", "60", "100", "500"]);
pub(super) static NUMBER16: Pool = ordered(&["0", "1", "24", "512", "4096", "4660", "65535"]);
pub(super) static NUMBER32: Pool = ordered(&["0", "1", "7", "1000", "65536", "4294967295"]);
pub(super) static NIBBLE: Pool = ordered(&["4", "5", "6", "7"]);
pub(super) static FLOW_LABEL: Pool = ordered(&["0", "1", "74565", "1048575"]);
pub(super) static DSCP: Pool = words(&["cs0", "cs1", "af11", "af41", "ef", "cs7"]);
pub(super) static ECN: Pool = words(&["not-ect", "ect1", "ect0", "ce"]);
pub(super) static TCP_FLAGS: Pool = words(&["syn", "ack", "rst", "fin", "syn | ack", "fin | ack"]);
pub(super) static ICMP_TYPE: Pool = words(&[
    "echo-reply",
    "destination-unreachable",
    "redirect",
    "echo-request",
    "time-exceeded",
    "timestamp-request",
]);
pub(super) static ICMPV6_TYPE: Pool = words(&[
    "destination-unreachable",
    "packet-too-big",
    "time-exceeded",
    "echo-request",
    "echo-reply",
    "nd-redirect",
]);
pub(super) static CODE: Pool = ordered(&["0", "1", "3", "4", "13"]);
pub(super) static INTERFACE: Pool = words(&["lan0", "wan0", "lo"]);
pub(super) static INTERFACE_NAME: Pool = words(&["\"lan0\"", "\"wan0\"", "\"lo\"", "\"eth7\""]);
pub(super) static INTERFACE_PATTERN: Pool = Pool {
    declarable: false,
    ..words(&["\"lan*\"", "\"wan*\"", "\"l*\""])
};
pub(super) static MARK: Pool = ordered(&["0x0", "0x1", "0x2", "0x10", "0x11", "0xff"]);
pub(super) static NFPROTO: Pool = words(&["ipv4", "ipv6"]);
pub(super) static ETHERTYPE: Pool = words(&["ip", "ip6"]);
pub(super) static PKTTYPE: Pool = words(&["host", "broadcast", "multicast", "other"]);
pub(super) static INTERFACE_TYPE: Pool = words(&["ether", "loopback"]);
pub(super) static ZERO: Pool = ordered(&["0", "1", "1000"]);
pub(super) static DCCP_TYPE: Pool = words(&["request", "response", "data", "reset"]);
pub(super) static IGMP_TYPE: Pool = words(&["membership-query", "leave-group"]);
pub(super) static CT_STATE: Pool = Pool {
    declarable: false,
    ..words(&["new", "established", "related", "invalid", "untracked"])
};
pub(super) static CT_DIRECTION: Pool = words(&["original", "reply"]);
pub(super) static CT_STATUS: Pool = Pool {
    declarable: false,
    ..words(&["seen-reply", "assured", "confirmed", "expected"])
};
pub(super) static SMALL: Pool = ordered(&["0", "1", "2", "3"]);
