// SPDX-License-Identifier: GPL-2.0
//! Selectors: values of the packet that rules compare, and that sets and maps have for keys.

use super::pools as p;
use super::{Hooks, Needs, Net, Pool, Selector, ANY_TRANSPORT};

const fn row(text: &'static str, pool: &'static Pool, needs: Needs) -> Selector {
    Selector { text, pool, needs }
}

const IP: Needs = Needs::of("header").net(Net::V4);
const IP6: Needs = Needs::of("header").net(Net::V6);
const TCP: Needs = Needs::of("header").transport("tcp");
const UDP: Needs = Needs::of("header").transport("udp");
const ICMP: Needs = Needs::of("header").net(Net::V4).transport("icmp");
const ICMPV6: Needs = Needs::of("header").net(Net::V6).transport("icmpv6");
const META: Needs = Needs::of("meta");
const IN: Needs = META.hooks(Hooks::In);
const OUT: Needs = META.hooks(Hooks::Out);
const MORE: Needs = Needs::of("header-more");
const META_MORE: Needs = Needs::of("meta-more");
const CT: Needs = Needs::of("ct");

/// Every selector.
pub(in super::super) static SELECTORS: &[Selector] = &[
    row("ip saddr", &p::ADDR4, IP),
    row("ip daddr", &p::ADDR4, IP),
    row("ip protocol", &p::PROTOCOL, IP.transport(ANY_TRANSPORT)),
    row("ip ttl", &p::TTL, IP),
    row("ip length", &p::LENGTH, IP),
    row("ip id", &p::NUMBER16, IP),
    row("ip dscp", &p::DSCP, IP),
    row("ip ecn", &p::ECN, IP),
    row("ip version", &p::NIBBLE, IP),
    row("ip hdrlength", &p::NIBBLE, IP),
    row("ip6 saddr", &p::ADDR6, IP6),
    row("ip6 daddr", &p::ADDR6, IP6),
    row("ip6 nexthdr", &p::PROTOCOL, IP6.transport(ANY_TRANSPORT)),
    row("ip6 hoplimit", &p::TTL, IP6),
    row("ip6 length", &p::LENGTH, IP6),
    row("ip6 dscp", &p::DSCP, IP6),
    row("ip6 ecn", &p::ECN, IP6),
    row("ip6 flowlabel", &p::FLOW_LABEL, IP6),
    row("tcp sport", &p::PORT, TCP),
    row("tcp dport", &p::PORT, TCP),
    row("tcp flags", &p::TCP_FLAGS, TCP),
    row("udp sport", &p::PORT, UDP),
    row("udp dport", &p::PORT, UDP),
    row("th sport", &p::PORT, Needs::of("header")),
    row("th dport", &p::PORT, Needs::of("header")),
    row("icmp type", &p::ICMP_TYPE, ICMP),
    row("icmp code", &p::CODE, ICMP),
    row("icmpv6 type", &p::ICMPV6_TYPE, ICMPV6),
    row("icmpv6 code", &p::CODE, ICMPV6),
    row("meta l4proto", &p::PROTOCOL, META.transport(ANY_TRANSPORT)),
    row("meta nfproto", &p::NFPROTO, META.net(Net::Which)),
    row("meta protocol", &p::ETHERTYPE, META.net(Net::Which)),
    row("meta length", &p::LENGTH, META),
    row("meta mark", &p::MARK, META),
    row("meta pkttype", &p::PKTTYPE, META),
    row("iif", &p::INTERFACE, IN),
    row("oif", &p::INTERFACE, OUT),
    row("iifname", &p::INTERFACE_NAME, IN),
    row("oifname", &p::INTERFACE_NAME, OUT),
    row("iifname", &p::INTERFACE_PATTERN, IN),
    row("oifname", &p::INTERFACE_PATTERN, OUT),
    row("tcp sequence", &p::NUMBER32, MORE.transport("tcp")),
    row("tcp ackseq", &p::NUMBER32, MORE.transport("tcp")),
    row("tcp doff", &p::NIBBLE, MORE.transport("tcp")),
    row("tcp window", &p::NUMBER16, MORE.transport("tcp")),
    row("tcp urgptr", &p::NUMBER16, MORE.transport("tcp")),
    row("udp length", &p::LENGTH, MORE.transport("udp")),
    row("udplite sport", &p::PORT, MORE.transport("udplite")),
    row("udplite dport", &p::PORT, MORE.transport("udplite")),
    row("sctp sport", &p::PORT, MORE.transport("sctp")),
    row("sctp dport", &p::PORT, MORE.transport("sctp")),
    row("sctp vtag", &p::NUMBER32, MORE.transport("sctp")),
    row("dccp sport", &p::PORT, MORE.transport("dccp")),
    row("dccp dport", &p::PORT, MORE.transport("dccp")),
    row("dccp type", &p::DCCP_TYPE, MORE.transport("dccp")),
    row("ah spi", &p::NUMBER32, MORE.transport("ah")),
    row("ah sequence", &p::NUMBER32, MORE.transport("ah")),
    row("esp spi", &p::NUMBER32, MORE.transport("esp")),
    row("comp cpi", &p::NUMBER16, MORE.transport("comp")),
    row(
        "igmp type",
        &p::IGMP_TYPE,
        MORE.net(Net::V4).transport("igmp"),
    ),
    row("icmp id", &p::NUMBER16, MORE.net(Net::V4).transport("icmp")),
    row(
        "icmp sequence",
        &p::NUMBER16,
        MORE.net(Net::V4).transport("icmp"),
    ),
    row(
        "icmpv6 id",
        &p::NUMBER16,
        MORE.net(Net::V6).transport("icmpv6"),
    ),
    row(
        "icmpv6 sequence",
        &p::NUMBER16,
        MORE.net(Net::V6).transport("icmpv6"),
    ),
    row("meta cpu", &p::ZERO, META_MORE),
    row(
        "meta iiftype",
        &p::INTERFACE_TYPE,
        META_MORE.hooks(Hooks::In),
    ),
    row(
        "meta oiftype",
        &p::INTERFACE_TYPE,
        META_MORE.hooks(Hooks::Out),
    ),
    row("meta iifgroup", &p::ZERO, META_MORE.hooks(Hooks::In)),
    row("meta oifgroup", &p::ZERO, META_MORE.hooks(Hooks::Out)),
    row(
        "meta skuid",
        &p::ZERO,
        META_MORE.hooks(Hooks::Only(&["output", "postrouting"])),
    ),
    row(
        "meta skgid",
        &p::ZERO,
        META_MORE.hooks(Hooks::Only(&["output", "postrouting"])),
    ),
    row("meta cgroup", &p::ZERO, META_MORE),
    row("ct state", &p::CT_STATE, CT),
    row("ct direction", &p::CT_DIRECTION, CT),
    row("ct status", &p::CT_STATUS, CT),
    row("ct mark", &p::MARK, CT),
    row("ct original ip saddr", &p::ADDR4, CT.net(Net::V4)),
    row("ct reply ip saddr", &p::ADDR4, CT.net(Net::V4)),
    row("ct original ip6 daddr", &p::ADDR6, CT.net(Net::V6)),
    row("ct original protocol", &p::PROTOCOL, CT),
    row("ct zone", &p::SMALL, CT),
];
