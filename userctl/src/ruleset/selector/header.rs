// SPDX-License-Identifier: GPL-2.0
//! Fields of headers. Offsets and widths are in bits, as the standards draw them.

use ferrule_uapi::expr::{Expr, ExprKind, PayloadBase};
use ferrule_uapi::field::Field;
use ferrule_uapi::hook::Family;

use super::super::datatype::Datatype;
use super::super::expr::Source;
use super::{Layer, Selector, Settable, Tells};

/// A record that loads payload.
pub(in super::super) fn payload(base: PayloadBase, offset: u32, bits: u32) -> Expr {
    Expr {
        kind: ExprKind::Payload as u8,
        key: base as u8,
        bits: bits as u16,
        offset,
        ..Expr::default()
    }
}

/// A header: what its fields are called after, where it begins, and what it needs.
#[derive(Clone, Copy)]
struct Header(&'static str, PayloadBase, Layer);

impl Header {
    fn field(
        self,
        name: &'static str,
        offset: u32,
        bits: u32,
        datatype: Datatype,
        key: Option<Field>,
    ) -> Selector {
        let source = match key {
            Some(field) => Source::Field(field),
            None => Source::Record(payload(self.1, offset, bits)),
        };
        Selector {
            protocol: self.0,
            name,
            unqualified: false,
            source,
            place: Some((self.1, offset)),
            datatype,
            bits,
            layer: self.2,
            tells: Tells::Nothing,
            types: &[],
            set: Settable::Yes,
        }
    }
}

use Datatype as T;
use Field as F;
use PayloadBase::{Inner, Link, Network, Transport};

const ETHER: Header = Header("ether", Link, Layer::Link);
const VLAN: Header = Header("vlan", Link, Layer::Vlan);
const ARP: Header = Header("arp", Network, Layer::Arp);
const IP: Header = Header("ip", Network, Layer::Network(Family::Ip));
const IP6: Header = Header("ip6", Network, Layer::Network(Family::Ip6));
const TH: Header = Header("th", Transport, Layer::AnyTransport);
const TCP: Header = Header("tcp", Transport, Layer::Transport(6, None));
const UDP: Header = Header("udp", Transport, Layer::Transport(17, None));
const UDPLITE: Header = Header("udplite", Transport, Layer::Transport(136, None));
const SCTP: Header = Header("sctp", Transport, Layer::Transport(132, None));
const DCCP: Header = Header("dccp", Transport, Layer::Transport(33, None));
const AH: Header = Header("ah", Transport, Layer::Transport(51, None));
const ESP: Header = Header("esp", Transport, Layer::Transport(50, None));
const COMP: Header = Header("comp", Transport, Layer::Transport(108, None));
const GRE: Header = Header("gre", Transport, Layer::Transport(47, None));
const ICMP: Header = Header("icmp", Transport, Layer::Transport(1, Some(Family::Ip)));
const ICMPV6: Header = Header("icmpv6", Transport, Layer::Transport(58, Some(Family::Ip6)));
const IGMP: Header = Header("igmp", Transport, Layer::Transport(2, Some(Family::Ip)));
const VXLAN: Header = Header("vxlan", Inner, Layer::Tunnel(17));
const GENEVE: Header = Header("geneve", Inner, Layer::Tunnel(17));

/// Types of ICMP messages that have an identifier: echo-reply and echo-request.
const ECHO: &[u128] = &[0, 8];
/// The same of ICMPv6.
const ECHO6: &[u128] = &[128, 129];
/// Types of ICMPv6 messages that have a target address.
const TARGET: &[u128] = &[130, 131, 132, 135, 136, 137];

#[rustfmt::skip]
pub(super) fn rows(out: &mut Vec<Selector>) {
    raw(out);
    out.extend([
        ETHER.field("daddr", 0, 48, T::Ether, None),
        ETHER.field("saddr", 48, 48, T::Ether, None),
        ETHER.field("type", 96, 16, T::EtherType, None),
        VLAN.field("pcp", 112, 3, T::Integer, None),
        VLAN.field("dei", 115, 1, T::Integer, None),
        VLAN.field("id", 116, 12, T::Integer, None),
        VLAN.field("type", 128, 16, T::EtherType, None),
        ARP.field("htype", 0, 16, T::Integer, None),
        ARP.field("ptype", 16, 16, T::EtherType, None),
        ARP.field("hlen", 32, 8, T::Integer, None),
        ARP.field("plen", 40, 8, T::Integer, None),
        ARP.field("operation", 48, 16, T::ArpOp, None),
        ARP.field("saddr ether", 64, 48, T::Ether, None),
        ARP.field("saddr ip", 112, 32, T::Ipv4, None),
        ARP.field("daddr ether", 144, 48, T::Ether, None),
        ARP.field("daddr ip", 192, 32, T::Ipv4, None),
        IP.field("version", 0, 4, T::Integer, Some(F::IpVersion)),
        IP.field("hdrlength", 4, 4, T::Integer, Some(F::IpHdrlength)),
        IP.field("dscp", 8, 6, T::Dscp, Some(F::IpDscp)),
        IP.field("ecn", 14, 2, T::Ecn, Some(F::IpEcn)),
        IP.field("length", 16, 16, T::Integer, Some(F::IpLength)),
        IP.field("id", 32, 16, T::Integer, Some(F::IpId)),
        IP.field("frag-off", 48, 16, T::Hex, Some(F::IpFragOff)),
        IP.field("ttl", 64, 8, T::Integer, Some(F::IpTtl)),
        IP.field("protocol", 72, 8, T::Protocol, Some(F::IpProtocol)).telling(Tells::Transport),
        IP.field("checksum", 80, 16, T::Integer, Some(F::IpChecksum)),
        IP.field("saddr", 96, 32, T::Ipv4, Some(F::IpSaddr)),
        IP.field("daddr", 128, 32, T::Ipv4, Some(F::IpDaddr)),
        IP6.field("version", 0, 4, T::Integer, Some(F::Ip6Version)),
        IP6.field("dscp", 4, 6, T::Dscp, Some(F::Ip6Dscp)),
        IP6.field("ecn", 10, 2, T::Ecn, Some(F::Ip6Ecn)),
        IP6.field("flowlabel", 12, 20, T::Integer, Some(F::Ip6Flowlabel)),
        IP6.field("length", 32, 16, T::Integer, Some(F::Ip6Length)),
        IP6.field("nexthdr", 48, 8, T::Protocol, Some(F::Ip6Nexthdr)).telling(Tells::Transport),
        IP6.field("hoplimit", 56, 8, T::Integer, Some(F::Ip6Hoplimit)),
        IP6.field("saddr", 64, 128, T::Ipv6, Some(F::Ip6Saddr)),
        IP6.field("daddr", 192, 128, T::Ipv6, Some(F::Ip6Daddr)),
        TH.field("sport", 0, 16, T::Port, Some(F::ThSport)),
        TH.field("dport", 16, 16, T::Port, Some(F::ThDport)),
        TCP.field("sport", 0, 16, T::Port, Some(F::TcpSport)),
        TCP.field("dport", 16, 16, T::Port, Some(F::TcpDport)),
        TCP.field("sequence", 32, 32, T::Integer, None),
        TCP.field("ackseq", 64, 32, T::Integer, None),
        TCP.field("doff", 96, 4, T::Integer, None),
        TCP.field("reserved", 100, 4, T::Integer, None),
        TCP.field("flags", 104, 8, T::TcpFlags, Some(F::TcpFlags)),
        TCP.field("window", 112, 16, T::Integer, None),
        TCP.field("checksum", 128, 16, T::Integer, None),
        TCP.field("urgptr", 144, 16, T::Integer, None),
        UDP.field("sport", 0, 16, T::Port, Some(F::UdpSport)),
        UDP.field("dport", 16, 16, T::Port, Some(F::UdpDport)),
        UDP.field("length", 32, 16, T::Integer, None),
        UDP.field("checksum", 48, 16, T::Integer, None),
        UDPLITE.field("sport", 0, 16, T::Port, None),
        UDPLITE.field("dport", 16, 16, T::Port, None),
        UDPLITE.field("csumcov", 32, 16, T::Integer, None),
        UDPLITE.field("checksum", 48, 16, T::Integer, None),
        SCTP.field("sport", 0, 16, T::Port, None),
        SCTP.field("dport", 16, 16, T::Port, None),
        SCTP.field("vtag", 32, 32, T::Integer, None),
        SCTP.field("checksum", 64, 32, T::Integer, None),
        DCCP.field("sport", 0, 16, T::Port, None),
        DCCP.field("dport", 16, 16, T::Port, None),
        DCCP.field("type", 67, 4, T::DccpType, None),
        AH.field("nexthdr", 0, 8, T::Protocol, None),
        AH.field("hdrlength", 8, 8, T::Integer, None),
        AH.field("reserved", 16, 16, T::Integer, None),
        AH.field("spi", 32, 32, T::Integer, None),
        AH.field("sequence", 64, 32, T::Integer, None),
        ESP.field("spi", 0, 32, T::Integer, None),
        ESP.field("sequence", 32, 32, T::Integer, None),
        COMP.field("nexthdr", 0, 8, T::Protocol, None),
        COMP.field("flags", 8, 8, T::Bitmask, None),
        COMP.field("cpi", 16, 16, T::Integer, None),
        GRE.field("flags", 0, 5, T::Integer, None),
        GRE.field("version", 13, 3, T::Integer, None),
        GRE.field("protocol", 16, 16, T::EtherType, None),
        ICMP.field("type", 0, 8, T::IcmpType, Some(F::IcmpType)).telling(Tells::Icmp),
        ICMP.field("code", 8, 8, T::IcmpCode, Some(F::IcmpCode)),
        ICMP.field("checksum", 16, 16, T::Integer, None),
        ICMP.field("id", 32, 16, T::Integer, None).of_types(ECHO),
        ICMP.field("sequence", 48, 16, T::Integer, None).of_types(ECHO),
        ICMP.field("gateway", 32, 32, T::Integer, None).of_types(&[5]),
        ICMP.field("mtu", 48, 16, T::Integer, None).of_types(&[3]),
        ICMPV6.field("type", 0, 8, T::Icmpv6Type, Some(F::Icmpv6Type)).telling(Tells::Icmp),
        ICMPV6.field("code", 8, 8, T::Icmpv6Code, Some(F::Icmpv6Code)),
        ICMPV6.field("checksum", 16, 16, T::Integer, None),
        ICMPV6.field("parameter-problem", 32, 32, T::Integer, None).of_types(&[4]),
        ICMPV6.field("mtu", 32, 32, T::Integer, None).of_types(&[2]),
        ICMPV6.field("id", 32, 16, T::Integer, None).of_types(ECHO6),
        ICMPV6.field("sequence", 48, 16, T::Integer, None).of_types(ECHO6),
        ICMPV6.field("max-delay", 32, 16, T::Integer, None).of_types(&[130]),
        ICMPV6.field("taddr", 64, 128, T::Ipv6, None).of_types(TARGET),
        ICMPV6.field("daddr", 192, 128, T::Ipv6, None).of_types(&[137]),
        IGMP.field("type", 0, 8, T::IgmpType, None),
        IGMP.field("mrt", 8, 8, T::Integer, None),
        IGMP.field("checksum", 16, 16, T::Integer, None),
        IGMP.field("group", 32, 32, T::Integer, None),
        VXLAN.field("flags", 0, 8, T::Bitmask, None),
        VXLAN.field("vni", 32, 24, T::Integer, None),
        GENEVE.field("type", 16, 16, T::EtherType, None),
        GENEVE.field("vni", 32, 24, T::Integer, None),
    ]);
}

/// Rows that stand for all raw payload of one base. Which bits is said where they are used.
fn raw(out: &mut Vec<Selector>) {
    for (name, base) in [
        ("@ll", Link),
        ("@nh", Network),
        ("@th", Transport),
        ("@ih", Inner),
    ] {
        out.push(Header(name, base, Layer::Meta).field("", 0, 128, T::Hex, None));
    }
}
