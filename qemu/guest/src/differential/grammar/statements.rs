// SPDX-License-Identifier: GPL-2.0
//! Statements: what rules do beside matching and deciding. Rates are such that no time that a run
//! takes makes a difference.

use super::{Hooks, Needs, Net, Phrases};

const fn row(needs: Needs, texts: &'static [&'static str]) -> Phrases {
    Phrases { texts, needs }
}

const FIRST: Hooks = Hooks::Only(&["prerouting", "output"]);
const PAYLOAD: Needs = Needs::of("payload-set");

/// Every statement but counters, verdicts, maps and updates of sets.
pub(in super::super) static STATEMENTS: &[Phrases] = &[
    row(
        Needs::of("mark"),
        &[
            "meta mark set 0x1",
            "meta mark set 0x2",
            "meta mark set 0x10",
            "meta mark set 0xff",
            "meta mark set 0x0",
        ],
    ),
    row(
        Needs::of("bitwise"),
        &[
            "meta mark set meta mark | 0x10",
            "meta mark set meta mark & 0x11",
            "meta mark set meta mark ^ 0x3",
            "meta mark set meta mark & 0xf0 | 0x1",
        ],
    ),
    row(
        Needs::of("bitwise").net(Net::V4),
        &["meta mark set ip dscp", "meta mark set ip dscp << 2 | 0x1"],
    ),
    row(
        Needs::of("bitwise").transport("tcp"),
        &["meta mark set tcp dport"],
    ),
    row(
        Needs::of("limit"),
        &[
            "limit rate 5/day burst 3 packets",
            "limit rate 1/day burst 1 packets",
            "limit rate over 2/day burst 4 packets",
            "limit rate 10/day",
            "limit rate 100 bytes/day burst 300 bytes",
            "limit rate over 50 bytes/day burst 500 bytes",
        ],
    ),
    row(
        Needs::of("quota"),
        &[
            "quota 200 bytes",
            "quota over 300 bytes",
            "quota until 1 kbytes",
            "quota over 1000 bytes used 900 bytes",
        ],
    ),
    row(Needs::of("last"), &["last"]),
    row(
        Needs::of("objects"),
        &[
            "counter name \"c0\"",
            "counter name \"c1\"",
            "quota name \"q0\"",
            "quota name \"q1\"",
            "limit name \"l0\"",
            "limit name \"l1\"",
        ],
    ),
    row(
        Needs::of("log"),
        &[
            "log",
            "log prefix \"ferrule-test \"",
            "log prefix \"a: \" level debug",
            "log level warn flags tcp options",
            "log flags all",
            "log prefix \"b \" flags ip options",
            "log prefix \"c \" flags skuid flags ether",
            "log flags tcp sequence,options",
        ],
    ),
    row(
        Needs::of("meta-set"),
        &[
            "meta priority set 1:2",
            "meta priority set 0x6",
            "meta priority set none",
            "meta nftrace set 0",
        ],
    ),
    row(
        Needs::of("meta-set").hooks(Hooks::Only(&["prerouting"])),
        &["meta pkttype set host", "meta pkttype set broadcast"],
    ),
    row(
        Needs::of("ct-set"),
        &[
            "ct mark set 0x1",
            "ct mark set 0x10",
            "ct mark set meta mark",
            "meta mark set ct mark",
            "ct mark set ct mark | 0x2",
            "ct label set 1",
        ],
    ),
    row(Needs::of("notrack").hooks(FIRST), &["notrack"]),
    row(
        Needs::of("ct-set").hooks(FIRST),
        &["ct zone set 2", "ct original zone set 3"],
    ),
    row(
        PAYLOAD.net(Net::V4),
        &[
            "ip ttl set 5",
            "ip ttl set 64",
            "ip dscp set ef",
            "ip dscp set cs0",
            "ip ecn set ce",
            "ip id set 7",
            "ip saddr set 10.0.1.9",
            "ip daddr set 10.0.3.77",
        ],
    ),
    row(
        PAYLOAD.net(Net::V6),
        &[
            "ip6 hoplimit set 5",
            "ip6 dscp set af41",
            "ip6 ecn set ect0",
            "ip6 flowlabel set 77",
            "ip6 saddr set fd00:1::9",
            "ip6 daddr set fd00:3::77",
        ],
    ),
    row(
        PAYLOAD.transport("tcp"),
        &[
            "tcp dport set 8080",
            "tcp sport set 1",
            "tcp flags set syn | ack",
            "tcp window set 100",
            "tcp urgptr set 0",
        ],
    ),
    row(
        PAYLOAD.transport("udp"),
        &[
            "udp dport set 5353",
            "udp sport set 65535",
            "udp checksum set 0",
        ],
    ),
    row(
        PAYLOAD.transport("icmp").net(Net::V4),
        &["icmp code set 3", "icmp type set echo-reply"],
    ),
    row(
        PAYLOAD.transport("icmpv6").net(Net::V6),
        &["icmpv6 code set 2"],
    ),
    row(PAYLOAD.transport("sctp"), &["sctp dport set 99"]),
    row(
        Needs::of("raw-payload").transport("udp"),
        &[
            "@th,16,16 set 0x1234",
            "@ih,0,32 set 0xaabbccdd",
            "@ih,8,8 set 0x11",
        ],
    ),
    row(
        Needs::of("tcp-option-set").transport("tcp"),
        &[
            "tcp option maxseg size set 1000",
            "tcp option maxseg size set 65000",
            "reset tcp option sack-perm",
            "reset tcp option timestamp",
        ],
    ),
    row(
        Needs::of("tcp-option-set")
            .transport("tcp")
            .hooks(Hooks::Out),
        &["tcp option maxseg size set rt mtu"],
    ),
];

/// How rules turn packets away: in place of a verdict.
pub(in super::super) static REJECTS: &[Phrases] = &[
    row(REJECT, &["reject"]),
    row(
        // nft has those only where both families are.
        REJECT.net(Net::Which),
        &[
            "reject with icmpx admin-prohibited",
            "reject with icmpx port-unreachable",
            "reject with icmpx no-route",
        ],
    ),
    row(
        REJECT.net(Net::V4),
        &["reject with icmp host-unreachable", "reject with icmp 3"],
    ),
    row(
        REJECT.net(Net::V6),
        &[
            "reject with icmpv6 addr-unreachable",
            "reject with icmpv6 admin-prohibited",
        ],
    ),
    row(REJECT.transport("tcp"), &["reject with tcp reset"]),
];

const REJECT: Needs =
    Needs::of("reject").hooks(Hooks::Only(&["prerouting", "input", "forward", "output"]));
