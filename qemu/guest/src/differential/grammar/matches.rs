// SPDX-License-Identifier: GPL-2.0
//! Matches that are more than a selector, a relation and a value.

use super::{Hooks, Needs, Net, Phrases};

const fn row(needs: Needs, texts: &'static [&'static str]) -> Phrases {
    Phrases { texts, needs }
}

const BITWISE: Needs = Needs::of("bitwise");
const RAW: Needs = Needs::of("raw-payload");
const CT: Needs = Needs::of("ct");

/// Every such match.
pub(in super::super) static MATCHES: &[Phrases] = &[
    row(
        Needs::of("header").transport("tcp"),
        &[
            "tcp flags & (syn | ack) == syn",
            "tcp flags & (fin | syn | rst | ack) == syn | ack",
            "tcp flags & rst != 0x0",
            "tcp flags syn / syn,rst",
            "tcp flags != syn / syn,ack",
            "tcp flags & (fin | psh | urg) == (fin | psh | urg)",
        ],
    ),
    row(
        Needs::of("header").net(Net::V4),
        &[
            "ip saddr & 255.255.255.0 == 10.0.1.0",
            "ip daddr & 0.0.0.255 == 0.0.0.9",
            "ip frag-off & 0x1fff != 0",
            "ip frag-off & 0x2000 != 0",
            "ip frag-off & 0x4000 == 0x4000",
        ],
    ),
    row(
        Needs::of("header").net(Net::V6),
        &[
            "ip6 saddr & ffff:ffff:: == fd00:1::",
            "ip6 daddr & ::ffff != ::9",
        ],
    ),
    row(
        Needs::of("mark"),
        &[
            "meta mark & 0xff == 0x1",
            "meta mark & 0x10 == 0x10",
            "meta mark & 0x3 != 0x2",
        ],
    ),
    row(
        BITWISE,
        &[
            "meta mark and 0x11 == { 0x1, 0x10 }",
            "meta mark xor 0x1 == 0x11",
            "meta mark or 0x1 != 0x1",
            "meta mark << 4 == 0x110",
        ],
    ),
    row(
        BITWISE.transport("udp"),
        &["udp dport & 0x7 == 5", "udp sport and 0xfff0 != 0x1f90"],
    ),
    row(
        RAW,
        &[
            "@th,0,16 53",
            "@th,16,16 { 22, 53, 80 }",
            "@th,16,16 != 80-443",
            "@nh,0,4 4",
            "@nh,8,8 & 0xf == 0",
            "@th,0,32 0x9c400035",
            "@ih,0,32 0x00010203",
            "@ih,8,16 != 0x0102",
            "@ih,32,24 0x040506",
        ],
    ),
    row(
        RAW.net(Net::V4),
        &[
            "@nh,96,32 0x0a000102",
            "@nh,72,8 17",
            "@nh,64,8 > 63",
            "@nh,50,3 2",
        ],
    ),
    row(
        RAW.net(Net::V6),
        &[
            "@nh,48,8 17",
            "@nh,56,8 64",
            "@nh,64,128 0xfd000001000000000000000000000002",
        ],
    ),
    row(
        RAW.hooks(Hooks::Only(&["prerouting", "input", "forward"])),
        &[
            "@ll,0,48 0x020000000101",
            "ether saddr 02:00:00:00:01:02",
            "ether daddr != 02:00:00:00:01:01",
        ],
    ),
    row(
        Needs::of("exthdr").net(Net::V6),
        &[
            "exthdr hbh exists",
            "exthdr hbh missing",
            "exthdr frag exists",
            "exthdr rt exists",
            "exthdr dst missing",
            "frag id 1",
            "frag frag-off 7",
            "frag more-fragments 1",
            "rt type 4",
            "rt seg-left 0",
            "hbh nexthdr tcp",
            "hbh hdrlength 0",
            "dst nexthdr { tcp, udp }",
            "frag nexthdr udp",
        ],
    ),
    row(
        Needs::of("tcp-option").transport("tcp"),
        &[
            "tcp option maxseg exists",
            "tcp option maxseg missing",
            "tcp option maxseg size 1400",
            "tcp option maxseg size < 1000",
            "tcp option maxseg size { 536, 1400, 1460 }",
            "tcp option window count 7",
            "tcp option sack-perm exists",
            "tcp option timestamp exists",
            "tcp option timestamp tsval 1",
            "tcp option nop exists",
            "tcp option 254 missing",
            "tcp option @254,16,16 0x1234",
        ],
    ),
    row(
        Needs::of("ip-option").net(Net::V4),
        &[
            "ip option rr exists",
            "ip option rr missing",
            "ip option ra value 0",
            "ip option lsrr exists",
            "ip option ssrr missing",
            "ip option rr ptr 4",
            "ip option ra length 4",
        ],
    ),
    row(
        Needs::of("sctp-chunk").transport("sctp"),
        &[
            "sctp chunk data exists",
            "sctp chunk init missing",
            "sctp chunk data flags 3",
            "sctp chunk init num-outbound-streams 10",
            "sctp chunk data stream 5",
        ],
    ),
    row(
        Needs::of("numgen"),
        &[
            "numgen inc mod 2 0",
            "numgen inc mod 3 != 1",
            "numgen inc mod 5 offset 10 { 10, 12 }",
            "numgen inc mod 4 < 2",
            "numgen random mod 1 0",
        ],
    ),
    row(
        Needs::of("hash").net(Net::V4),
        &[
            "jhash ip saddr mod 2 seed 0xdeadbeef 0",
            "jhash ip saddr . ip daddr mod 4 seed 0x1 { 1, 2 }",
            "jhash ip daddr mod 8 seed 0x7 offset 100 < 104",
        ],
    ),
    row(
        Needs::of("hash").net(Net::V6),
        &[
            "jhash ip6 saddr mod 2 seed 0xdeadbeef 1",
            "jhash ip6 saddr . ip6 daddr mod 4 seed 0x1 { 1, 2 }",
        ],
    ),
    row(
        Needs::of("hash").transport("tcp"),
        &["jhash tcp sport . tcp dport mod 3 seed 0x5 0"],
    ),
    row(
        Needs::of("hash"),
        &[
            "symhash mod 2 0",
            "symhash mod 3 offset 5 != 6",
            "symhash mod 4 { 0, 3 }",
        ],
    ),
    row(
        Needs::of("fib"),
        &[
            "fib daddr type unicast",
            "fib daddr type local",
            "fib daddr type { broadcast, multicast, local }",
            "fib saddr type != unicast",
        ],
    ),
    row(
        Needs::of("fib").hooks(Hooks::Only(&["prerouting", "input", "forward"])),
        &[
            "fib saddr . iif oif exists",
            "fib saddr . iif oif missing",
            "fib saddr oif lan0",
            "fib saddr oifname \"lan0\"",
            "fib daddr oifname \"wan0\"",
            "fib saddr . mark oif exists",
            "fib daddr . iif type local",
        ],
    ),
    row(
        Needs::of("rt").net(Net::V4).hooks(Hooks::Out),
        &["rt ip nexthop 10.0.2.99", "rt ip nexthop != 10.0.3.2"],
    ),
    row(
        Needs::of("rt").net(Net::V6).hooks(Hooks::Out),
        &["rt ip6 nexthop fd00:2::99", "rt ip6 nexthop != fd00:3::2"],
    ),
    row(
        Needs::of("rt").hooks(Hooks::Out),
        &["rt mtu 1460", "rt mtu > 1000", "rt ipsec missing"],
    ),
    row(
        Needs::of("socket").hooks(Hooks::Only(&["prerouting", "input", "output"])),
        &[
            "socket transparent 0",
            "socket mark 0x0",
            "socket wildcard 1",
        ],
    ),
    row(
        Needs::of("inner").transport("udp"),
        &[
            "udp dport 4789 vxlan vni 7",
            "udp dport 4789 vxlan ip saddr 10.9.0.1",
            "udp dport 4789 vxlan udp dport 53",
            "udp dport 4789 vxlan ip ttl > 5",
            "udp dport 6081 geneve vni 9",
            "udp dport 6081 geneve tcp dport { 22, 80 }",
        ],
    ),
    row(
        Needs::of("inner").transport("gre"),
        &[
            "gre version 0",
            "gre protocol ip",
            "gre ip saddr 10.9.0.1",
            "gre udp dport 53",
        ],
    ),
    row(
        CT,
        &[
            "ct state established,related",
            "ct state { new, untracked }",
            "ct state != invalid",
            "ct state != established,new",
            "ct state & (new | established) != 0",
            "ct status & (seen-reply | assured) == seen-reply",
            "ct mark & 0xf == 0x1",
            "ct original packets > 1",
            "ct reply bytes < 100",
            "ct packets 0",
            "ct original proto-dst 53",
            "ct reply proto-src { 53, 80 }",
            "ct expiration > 5s",
            "ct label 1",
        ],
    ),
    row(
        Needs::of("meta-more"),
        &[
            "meta time > \"2020-01-01 00:00:00\"",
            "meta day 0-6",
            "meta hour \"00:00\"-\"23:59:59\"",
            "meta random >= 0",
            "meta priority 0x0",
            "meta priority != 1:1",
        ],
    ),
    row(
        Needs::of("meta-more").hooks(Hooks::In),
        &["meta ipsec missing"],
    ),
    row(
        Needs::of("meta-more").hooks(Hooks::Only(&["input", "forward"])),
        &["meta sdif 0", "meta sdifname \"lan0\""],
    ),
    row(
        Needs::of("ct-count"),
        &["ct count over 3", "ct count 2", "ct count over 0"],
    ),
];
