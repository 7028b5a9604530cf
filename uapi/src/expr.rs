// SPDX-License-Identifier: GPL-2.0
//! Expressions: values that are not in the key from the beginning.
//!
//! An [`Expr`] says where a value comes from; [`crate::insn::Opcode::Load`] puts it into a register: a narrow
//! one if it has at most 32 bits, else a wide one. Values are numbers, as fields are: the first bit on
//! the wire is the most significant, and what the kernel keeps in the machine's order is that number.
//!
//! Keys, flags and results have the numbers that `linux/netfilter/nf_tables.h` gives them, so that
//! who knows nftables' netlink knows these.

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi_struct! {
    /// An expression. What its kind does not use is zero.
    pub struct Expr = ferrule_expr {
        /// An [`ExprKind`].
        pub kind: u8,
        /// Which one of its kind.
        pub key: u8,
        /// [`EXPR_PRESENT`]; or a direction, [`DIRECTION_ORIGINAL`] or [`DIRECTION_REPLY`].
        pub flags: u8,
        /// Type of an option, extension header or chunk; see the kind.
        pub op: u8,
        /// Length in bits: 1 to 128.
        pub bits: u16,
        /// Zero.
        pub reserved: u16,
        /// Offset in bits.
        pub offset: u32,
        /// See the kind.
        pub a: u32,
        /// See the kind.
        pub b: u32,
        /// See the kind.
        pub c: u32,
        /// See the kind.
        pub d: u32,
        /// See the kind.
        pub e: u32,
    }
}

/// [`Expr::flags`]: the value is 1 if there is such a thing, 0 if not. It is never absent, except that an
/// IPv6 packet has nothing to say of IPv4 options, nor the other way round, as in nftables.
pub const EXPR_PRESENT: u8 = 1;

/// [`Expr::flags`] of [`ExprKind::Ct`] and [`ExprKind::Xfrm`]: the original direction; in.
pub const DIRECTION_ORIGINAL: u8 = 2;

/// [`Expr::flags`] of [`ExprKind::Ct`] and [`ExprKind::Xfrm`]: the reply direction; out.
pub const DIRECTION_REPLY: u8 = 4;

abi_enum! {
    /// Where a value comes from.
    pub enum ExprKind: u8 = "FERRULE_EXPR_" {
        /// `bits` at `offset` from a [`PayloadBase`] (`key`).
        Payload = 1, "PAYLOAD",
        /// `bits` at `offset` from the beginning of an option or header that is looked for: `key` is an
        /// [`ExthdrOp`], `op` its type. [`EXPR_PRESENT`].
        Exthdr = 2, "EXTHDR",
        /// `key` is a [`MetaKey`]: what is not a field already. Narrow if `bits` is at most 32.
        Meta = 3, "META",
        /// Conntrack: `key` is a [`CtKey`]; a direction.
        Ct = 4, "CT",
        /// The socket that the packet belongs to: `key` is `NFT_SOCKET_*`, `a` the cgroup's level.
        Socket = 5, "SOCKET",
        /// The routing table: `key` is `NFT_FIB_RESULT_*`, `a` `NFTA_FIB_F_*`. [`EXPR_PRESENT`].
        Fib = 6, "FIB",
        /// The packet's route: `key` is `NFT_RT_*`.
        Rt = 7, "RT",
        /// Its IPsec transformations: `key` is `NFT_XFRM_KEY_*`, `a` the number of the policy; a direction.
        Xfrm = 8, "XFRM",
        /// A number below `a` plus `b`: from state `c`, round robin, if `key` is 0; random if it is 1,
        /// and `c` is 0.
        Numgen = 9, "NUMGEN",
        /// Jenkins' hash of key `d` with seed `c`, scaled to below `a`, plus `b`. If `a` is 0, the whole hash.
        /// Fields of headers are hashed as nftables has them in its registers (a port is two bytes at the
        /// beginning of four), registers as the key has them. The low half of `e` is a set of bits: parts
        /// that are in the machine's order instead. Its high half says how many bytes to hash; 0: all, and of a
        /// single field as many as it has.
        Jhash = 10, "JHASH",
        /// The packet's symmetric hash, scaled to below `a`, plus `b`.
        Symhash = 11, "SYMHASH",
        /// The packet within the packet: `key` is a [`Tunnel`]; `op` is [`ExprKind::Payload`], and `a` the
        /// base, or [`ExprKind::Meta`], and `a` the [`MetaKey`] (protocol or l4proto).
        Inner = 12, "INNER",
        /// The number whose four words are `a` (the most significant) to `d`.
        Constant = 13, "CONSTANT",
    }
}

abi_enum! {
    /// What an offset counts from.
    pub enum PayloadBase: u8 = "FERRULE_BASE_" {
        /// The link header (`@ll`, `ether`, `vlan`).
        Link = 0, "LINK",
        /// The network header (`@nh`).
        Network = 1, "NETWORK",
        /// The transport header (`@th`).
        Transport = 2, "TRANSPORT",
        /// What the transport header is followed by (`@ih`).
        Inner = 3, "INNER",
        /// The tunnel's header (`vxlan vni`): in [`ExprKind::Inner`] only.
        Tunnel = 4, "TUNNEL",
    }
}

abi_enum! {
    /// What is looked for in a list of options, headers or chunks (`NFT_EXTHDR_OP_*`).
    pub enum ExthdrOp: u8 = "FERRULE_EXTHDR_" {
        /// IPv6 extension headers; `op` is the header's protocol number.
        Ipv6 = 0, "IPV6",
        /// TCP options; `op` is the option's kind.
        Tcp = 1, "TCP",
        /// IPv4 options; `op` is the option's type.
        Ipv4 = 2, "IPV4",
        /// SCTP chunks; `op` is the chunk's type.
        Sctp = 3, "SCTP",
        /// DCCP options; `op` is the option's type.
        Dccp = 4, "DCCP",
    }
}

abi_enum! {
    /// What encloses a packet (`NFT_INNER_*`, `inner_desc`).
    pub enum Tunnel: u8 = "FERRULE_TUNNEL_" {
        /// VXLAN over UDP.
        Vxlan = 1, "VXLAN",
        /// GENEVE over UDP.
        Geneve = 2, "GENEVE",
        /// GRE with an IP packet inside.
        Gre = 3, "GRE",
        /// GRE with an Ethernet frame inside.
        Gretap = 4, "GRETAP",
    }
}

abi_enum! {
    /// `NFT_META_*`.
    pub enum MetaKey: u8 = "FERRULE_META_" {
        /// `meta length`.
        Len = 0, "LEN",
        /// `meta protocol`.
        Protocol = 1, "PROTOCOL",
        /// `meta priority`.
        Priority = 2, "PRIORITY",
        /// `meta mark`.
        Mark = 3, "MARK",
        /// `iif`.
        Iif = 4, "IIF",
        /// `oif`.
        Oif = 5, "OIF",
        /// `iifname`.
        Iifname = 6, "IIFNAME",
        /// `oifname`.
        Oifname = 7, "OIFNAME",
        /// `iiftype`: `ARPHRD_*`.
        Iiftype = 8, "IIFTYPE",
        /// `oiftype`: `ARPHRD_*`.
        Oiftype = 9, "OIFTYPE",
        /// `meta skuid`.
        Skuid = 10, "SKUID",
        /// `meta skgid`.
        Skgid = 11, "SKGID",
        /// `meta nftrace`.
        Nftrace = 12, "NFTRACE",
        /// `meta rtclassid`.
        Rtclassid = 13, "RTCLASSID",
        /// `meta secmark`.
        Secmark = 14, "SECMARK",
        /// `meta nfproto`.
        Nfproto = 15, "NFPROTO",
        /// `meta l4proto`.
        L4proto = 16, "L4PROTO",
        /// `meta pkttype`.
        Pkttype = 19, "PKTTYPE",
        /// `meta cpu`.
        Cpu = 20, "CPU",
        /// `iifgroup`.
        Iifgroup = 21, "IIFGROUP",
        /// `oifgroup`.
        Oifgroup = 22, "OIFGROUP",
        /// `meta cgroup`.
        Cgroup = 23, "CGROUP",
        /// `meta random`.
        Random = 24, "RANDOM",
        /// `meta ipsec`.
        Secpath = 25, "SECPATH",
        /// `iifkind`: 16 bytes.
        Iifkind = 26, "IIFKIND",
        /// `oifkind`: 16 bytes.
        Oifkind = 27, "OIFKIND",
        /// `meta time`: nanoseconds since the epoch, 64 bits.
        TimeNs = 30, "TIME_NS",
        /// `meta day`: 0 is Sunday.
        TimeDay = 31, "TIME_DAY",
        /// `meta hour`: seconds since midnight, UTC.
        TimeHour = 32, "TIME_HOUR",
        /// `meta sdif`.
        Sdif = 33, "SDIF",
        /// `meta sdifname`.
        Sdifname = 34, "SDIFNAME",
    }
}

abi_enum! {
    /// `NFT_CT_*`.
    pub enum CtKey: u8 = "FERRULE_CT_" {
        /// `ct state`: `NF_CT_STATE_BIT`.
        State = 0, "STATE",
        /// `ct direction`.
        Direction = 1, "DIRECTION",
        /// `ct status`.
        Status = 2, "STATUS",
        /// `ct mark`.
        Mark = 3, "MARK",
        /// `ct secmark`.
        Secmark = 4, "SECMARK",
        /// `ct expiration`: milliseconds.
        Expiration = 5, "EXPIRATION",
        /// `ct helper`: 16 bytes.
        Helper = 6, "HELPER",
        /// `ct l3proto`.
        L3proto = 7, "L3PROTOCOL",
        /// `ct saddr`: of the family that the packet has.
        Src = 8, "SRC",
        /// `ct daddr`.
        Dst = 9, "DST",
        /// `ct protocol`.
        Protocol = 10, "PROTOCOL",
        /// `ct proto-src`.
        ProtoSrc = 11, "PROTO_SRC",
        /// `ct proto-dst`.
        ProtoDst = 12, "PROTO_DST",
        /// `ct label`: 128 bits.
        Labels = 13, "LABELS",
        /// `ct packets`: 64 bits; of both directions without one.
        Pkts = 14, "PKTS",
        /// `ct bytes`: 64 bits.
        Bytes = 15, "BYTES",
        /// `ct avgpkt`: 64 bits.
        Avgpkt = 16, "AVGPKT",
        /// `ct zone`.
        Zone = 17, "ZONE",
        /// `ct event`: set only.
        Eventmask = 18, "EVENTMASK",
        /// `ct ip saddr`.
        SrcIp = 19, "SRC_IP",
        /// `ct ip daddr`.
        DstIp = 20, "DST_IP",
        /// `ct ip6 saddr`.
        SrcIp6 = 21, "SRC_IP6",
        /// `ct ip6 daddr`.
        DstIp6 = 22, "DST_IP6",
        /// `ct id`.
        Id = 23, "ID",
    }
}
