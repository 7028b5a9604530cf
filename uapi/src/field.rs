// SPDX-License-Identifier: GPL-2.0
//! Fields: what instructions compare.
//!
//! A packet's headers are parsed once into a key of numbered fields, and instructions name a field,
//! not an offset. A field is *narrow* (one 32-bit word) or *wide* (128 bits: IPv6 addresses and
//! interface names). Values are numbers in the machine's order, so that `<` means what it says: the
//! first byte on the wire is the most significant. An interface name is its 16 bytes, zero-padded,
//! read the same way, which makes `"eth*"` a prefix like any other.
//!
//! A field may be *absent* (the packet has no such header, or is too short for it). No instruction
//! matches an absent field, whether negated or not: `tcp dport != 22` is false for a UDP packet,
//! exactly as in nftables, whose implicit dependency the field's presence stands for.
//!
//! Registers are fields too, so that every compare and lookup works on them: ten narrow ones and
//! four wide ones, absent at the beginning of each base chain, and written by `Load` and the
//! instructions that calculate. Numbers 38 to 45 are free.

abi_enum! {
    /// A field of the key.
    pub enum Field: u8 = "FERRULE_FIELD_" {
        /// `meta nfproto`: `NFPROTO_IPV4` or `NFPROTO_IPV6`.
        MetaNfproto = 0, "META_NFPROTO",
        /// `meta l4proto`: the transport protocol, after IPv6 extension headers.
        MetaL4proto = 1, "META_L4PROTO",
        /// `meta protocol`: the EtherType in `skb->protocol`.
        MetaProtocol = 2, "META_PROTOCOL",
        /// `meta length`: bytes from the network header on (`skb->len`).
        MetaLength = 3, "META_LENGTH",
        /// `meta mark`.
        MetaMark = 4, "META_MARK",
        /// `iif`: index of the receiving interface, 0 if there is none.
        MetaIif = 5, "META_IIF",
        /// `oif`: index of the sending interface, 0 if there is none.
        MetaOif = 6, "META_OIF",
        /// `meta pkttype`: `PACKET_*` of `linux/if_packet.h`.
        MetaPkttype = 7, "META_PKTTYPE",
        /// `ip version`: the four bits.
        IpVersion = 8, "IP_VERSION",
        /// `ip hdrlength`: in units of 4 bytes.
        IpHdrlength = 9, "IP_HDRLENGTH",
        /// `ip dscp`: the six bits.
        IpDscp = 10, "IP_DSCP",
        /// `ip ecn`: the two bits.
        IpEcn = 11, "IP_ECN",
        /// `ip length`: total length in bytes.
        IpLength = 12, "IP_LENGTH",
        /// `ip id`.
        IpId = 13, "IP_ID",
        /// `ip frag-off`: the 16 bits, flags included.
        IpFragOff = 14, "IP_FRAG_OFF",
        /// `ip ttl`.
        IpTtl = 15, "IP_TTL",
        /// `ip protocol`.
        IpProtocol = 16, "IP_PROTOCOL",
        /// `ip checksum`.
        IpChecksum = 17, "IP_CHECKSUM",
        /// `ip saddr`.
        IpSaddr = 18, "IP_SADDR",
        /// `ip daddr`.
        IpDaddr = 19, "IP_DADDR",
        /// `ip6 version`: the four bits.
        Ip6Version = 20, "IP6_VERSION",
        /// `ip6 dscp`: the six bits.
        Ip6Dscp = 21, "IP6_DSCP",
        /// `ip6 ecn`: the two bits.
        Ip6Ecn = 22, "IP6_ECN",
        /// `ip6 flowlabel`: the 20 bits.
        Ip6Flowlabel = 23, "IP6_FLOWLABEL",
        /// `ip6 length`: payload length in bytes.
        Ip6Length = 24, "IP6_LENGTH",
        /// `ip6 nexthdr`: of the fixed header.
        Ip6Nexthdr = 25, "IP6_NEXTHDR",
        /// `ip6 hoplimit`.
        Ip6Hoplimit = 26, "IP6_HOPLIMIT",
        /// `th sport`: the first two bytes of whatever transport header there is.
        ThSport = 27, "TH_SPORT",
        /// `th dport`: the next two.
        ThDport = 28, "TH_DPORT",
        /// `tcp sport`.
        TcpSport = 29, "TCP_SPORT",
        /// `tcp dport`.
        TcpDport = 30, "TCP_DPORT",
        /// `tcp flags`: the eight bits.
        TcpFlags = 31, "TCP_FLAGS",
        /// `udp sport`.
        UdpSport = 32, "UDP_SPORT",
        /// `udp dport`.
        UdpDport = 33, "UDP_DPORT",
        /// `icmp type`.
        IcmpType = 34, "ICMP_TYPE",
        /// `icmp code`.
        IcmpCode = 35, "ICMP_CODE",
        /// `icmpv6 type`.
        Icmpv6Type = 36, "ICMPV6_TYPE",
        /// `icmpv6 code`.
        Icmpv6Code = 37, "ICMPV6_CODE",
        /// Register 0: narrow; written by instructions only.
        Reg0 = 46, "REG0",
        /// Register 1: narrow; written by instructions only.
        Reg1 = 47, "REG1",
        /// Register 2: narrow; written by instructions only.
        Reg2 = 48, "REG2",
        /// Register 3: narrow; written by instructions only.
        Reg3 = 49, "REG3",
        /// Register 4: narrow; written by instructions only.
        Reg4 = 50, "REG4",
        /// Register 5: narrow; written by instructions only.
        Reg5 = 51, "REG5",
        /// Register 6: narrow; written by instructions only.
        Reg6 = 52, "REG6",
        /// Register 7: narrow; written by instructions only.
        Reg7 = 53, "REG7",
        /// Register 8: narrow; written by instructions only.
        Reg8 = 54, "REG8",
        /// Register 9: narrow; written by instructions only.
        Reg9 = 55, "REG9",
        /// `ip6 saddr`: wide.
        Ip6Saddr = 56, "IP6_SADDR",
        /// `ip6 daddr`: wide.
        Ip6Daddr = 57, "IP6_DADDR",
        /// `iifname`: wide; empty if there is no receiving interface.
        MetaIifname = 58, "META_IIFNAME",
        /// `oifname`: wide; empty if there is no sending interface.
        MetaOifname = 59, "META_OIFNAME",
        /// Wide register 0; written by instructions only.
        Wide0 = 60, "WIDE0",
        /// Wide register 1; written by instructions only.
        Wide1 = 61, "WIDE1",
        /// Wide register 2; written by instructions only.
        Wide2 = 62, "WIDE2",
        /// Wide register 3; written by instructions only.
        Wide3 = 63, "WIDE3",
    }
}

/// The first wide field. Those below are narrow.
pub const FIRST_WIDE: u8 = 56;

/// One more than the largest number that a field may ever have.
pub const FIELDS: u8 = 64;

impl Field {
    /// Whether the field is 128 bits wide rather than 32.
    pub const fn is_wide(self) -> bool {
        self as u8 >= FIRST_WIDE
    }

    /// Whether the field is a register: only instructions write it.
    pub const fn is_register(self) -> bool {
        let number = self as u8;
        (number >= Field::Reg0 as u8 && number < FIRST_WIDE) || number >= Field::Wide0 as u8
    }

    /// The greatest number that it can be, or one of its words: of ports and their kin, and of bytes, less than a
    /// word has room for.
    pub const fn most(self) -> u32 {
        match self {
            Field::ThSport
            | Field::ThDport
            | Field::TcpSport
            | Field::TcpDport
            | Field::UdpSport
            | Field::UdpDport
            | Field::MetaProtocol => u16::MAX as u32,
            Field::MetaL4proto
            | Field::MetaNfproto
            | Field::MetaPkttype
            | Field::IpProtocol
            | Field::IcmpType
            | Field::IcmpCode
            | Field::Icmpv6Type
            | Field::Icmpv6Code
            | Field::TcpFlags => u8::MAX as u32,
            _ => u32::MAX,
        }
    }

    /// The field's bit in a set of fields.
    pub const fn bit(self) -> u64 {
        1_u64.wrapping_shl(self as u32)
    }
}
