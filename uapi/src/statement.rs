// SPDX-License-Identifier: GPL-2.0
//! Statements: what a rule does beside matching and deciding, and the state that it needs.
//!
//! [`crate::insn::Opcode::Do`] names a [`Statement`]. State that outlives the program is declared in
//! records with an identity: a [`State`] (limit, quota, last, a limit of connections, a running number) or a
//! [`crate::program::Counter`]; what has a name in the ruleset has an [`Object`] too.

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::program::Text;

abi_struct! {
    /// A statement. What its kind does not use is zero.
    pub struct Statement = ferrule_statement {
        /// A [`StatementKind`].
        pub kind: u8,
        /// Which one of its kind.
        pub key: u8,
        /// See the kind; [`STATEMENT_BY_MAP`].
        pub flags: u8,
        /// The field that is the source, or [`NO_FIELD`].
        pub field: u8,
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
        /// See the kind.
        pub f: u32,
        /// See the kind.
        pub g: u32,
    }
}

/// "No field" in [`Statement::field`].
pub const NO_FIELD: u8 = 0xff;

/// [`Statement::flags`] where `a` is the index of an object: `a` is an object map instead, and `b` the key
/// to look up in it. No element: the rule ends.
pub const STATEMENT_BY_MAP: u8 = 0x80;

/// [`StatementKind::SetPayload`]: an Internet checksum is at bit `c` of the base; it is put right.
pub const PAYLOAD_CSUM: u8 = 1;

/// [`StatementKind::SetPayload`]: the bits are part of the transport's pseudo header; its checksum is put right.
pub const PAYLOAD_CSUM_PSEUDO: u8 = 2;

/// [`StatementKind::SetPayload`]: the SCTP checksum is worked out anew.
pub const PAYLOAD_CSUM_SCTP: u8 = 4;

abi_enum! {
    /// What a statement does.
    pub enum StatementKind: u8 = "FERRULE_STATEMENT_" {
        /// Asks state `a` (limit, quota, last, limit of connections): no ends the rule.
        State = 1, "STATE",
        /// Uses object `a`: counts, asks its limit or quota, sets the helper, timeout or
        /// expectation, the mark of a secmark. [`STATEMENT_BY_MAP`].
        Object = 2, "OBJECT",
        /// `meta KEY set FIELD`: `key` is a [`crate::expr::MetaKey`].
        SetMeta = 3, "SET_META",
        /// `ct KEY set FIELD`: `key` is a [`crate::expr::CtKey`]; `flags` a direction (zones).
        SetCt = 4, "SET_CT",
        /// `notrack`.
        Notrack = 5, "NOTRACK",
        /// Sets `b` bits (1 to 128) at bit `a` of the base `key` ([`crate::expr::PayloadBase`]) to FIELD.
        /// `flags`: [`PAYLOAD_CSUM`] and its kin.
        SetPayload = 6, "SET_PAYLOAD",
        /// Sets `b` bits at bit `a` of the TCP option of kind `key` to FIELD; `maxseg` only downwards. `c` is 1
        /// if the source is in network order already and is not compared (as `nft_exthdr_tcp_set_eval`).
        SetTcpOption = 7, "SET_TCP_OPTION",
        /// Overwrites the TCP option of kind `key` with no-operations.
        ResetTcpOption = 8, "RESET_TCP_OPTION",
        /// Logs, as record `a` of the logs section says.
        Log = 9, "LOG",
        /// `dup to FIELD device B`: `key` is the family; `b` is the field of the interface's index, or [`NO_FIELD`].
        Dup = 10, "DUP",
        /// `add`, `update`, `delete @set { … }`: `key` is a [`SetUpdate`], `a` the set, `b` the key, `c` and
        /// `d` the low and high half of the timeout in milliseconds (0: the set's), FIELD the data of a map,
        /// `e` the first and `f` the number of the templates in the states section (if the rule says other
        /// statements than the set). An element that does not fit ends the rule.
        UpdateSet = 11, "UPDATE_SET",
    }
}

abi_enum! {
    /// What [`StatementKind::UpdateSet`] does (`NFT_DYNSET_OP_*`).
    pub enum SetUpdate: u8 = "FERRULE_UPDATE_" {
        /// Adds the element, or leaves it as it is.
        Add = 0, "ADD",
        /// Adds the element, or begins its timeout anew.
        Update = 1, "UPDATE",
        /// Removes the element.
        Delete = 2, "DELETE",
    }
}

abi_enum! {
    /// How a packet is rejected.
    pub enum RejectKind: u8 = "FERRULE_REJECT_" {
        /// ICMP destination unreachable, of this code; IPv4.
        Icmp = 1, "ICMP",
        /// ICMPv6 destination unreachable, of this code; IPv6.
        Icmpv6 = 2, "ICMPV6",
        /// Either, by the packet's family: the code is `NFT_REJECT_ICMPX_*`.
        Icmpx = 3, "ICMPX",
        /// A TCP reset; the code is 0.
        TcpReset = 4, "TCP_RESET",
    }
}

abi_struct! {
    /// State that outlives the program as long as one of the same identity is in the next.
    pub struct State = ferrule_state {
        /// Identity: strictly ascending in the section.
        pub identity: u64,
        /// A [`StateKind`].
        pub kind: u8,
        /// [`STATE_INVERT`], [`STATE_BYTES`], [`STATE_OBJECT`], [`STATE_TEMPLATE`], [`STATE_INITIAL`].
        pub flags: u8,
        /// Zero.
        pub reserved: u16,
        /// Index of the rule, of the object, or of the set whose elements have one each.
        pub owner: u32,
        /// See the kind.
        pub a: u64,
        /// See the kind.
        pub b: u64,
        /// See the kind.
        pub c: u64,
    }
}

/// [`State::flags`]: `over`.
pub const STATE_INVERT: u8 = 1;

/// [`State::flags`]: a limit of bytes, not of packets.
pub const STATE_BYTES: u8 = 2;

/// [`State::flags`]: [`State::owner`] is an object.
pub const STATE_OBJECT: u8 = 4;

/// [`State::flags`]: no state by itself, but what each new element of a set begins with; the owner is the set,
/// or, if a rule's statement brings it, the rule ([`STATE_RULE_TEMPLATE`]).
pub const STATE_TEMPLATE: u8 = 8;

/// [`State::flags`]: begins with what the record says, not with what it had before.
pub const STATE_INITIAL: u8 = 16;

/// [`State::flags`]: a template whose owner is a rule.
pub const STATE_RULE_TEMPLATE: u8 = 32;

abi_enum! {
    /// What a state is.
    pub enum StateKind: u8 = "FERRULE_STATE_" {
        /// `limit`: `a` packets or bytes in `b` nanoseconds, burst `c`.
        Limit = 1, "LIMIT",
        /// `quota`: `a` bytes, of which `b` are used at the beginning.
        Quota = 2, "QUOTA",
        /// `last`: `a` is 1 if it was seen, `b` milliseconds ago, at the beginning.
        Last = 3, "LAST",
        /// `ct count`: `a` connections.
        Connections = 4, "CONNECTIONS",
        /// `counter`, as an element has it: `a` packets and `b` bytes at the beginning.
        Counter = 5, "COUNTER",
        /// `numgen inc`: the next number. The modulus is the expression's.
        Number = 6, "NUMBER",
    }
}

abi_struct! {
    /// Something with a name that rules use.
    pub struct Object = ferrule_object {
        /// Identity (its handle, shifted like a rule's): strictly ascending in the section.
        pub identity: u64,
        /// Name of its table, in the strings section.
        pub table: Text,
        /// Name, in the strings section.
        pub name: Text,
        /// An [`ObjectKind`].
        pub kind: u8,
        /// [`crate::hook::Family`] of its table.
        pub family: u8,
        /// Transport protocol (helper, timeout, expectation).
        pub l4proto: u8,
        /// Network protocol, as a family (the same).
        pub l3proto: u8,
        /// Index of the counter or state; port of an expectation; number of timeouts. Else 0.
        pub a: u32,
        /// Name of the helper, or the security context, in the strings section; the policy of a timeout,
        /// pairs of 32-bit numbers (state, seconds) there.
        pub text: Text,
        /// Timeout of an expectation in milliseconds.
        pub b: u32,
        /// Size of an expectation.
        pub c: u32,
    }
}

abi_enum! {
    /// What an object is (`NFT_OBJECT_*`).
    pub enum ObjectKind: u8 = "FERRULE_OBJECT_" {
        /// `counter`.
        Counter = 1, "COUNTER",
        /// `quota`.
        Quota = 2, "QUOTA",
        /// `ct helper`.
        CtHelper = 3, "CT_HELPER",
        /// `limit`.
        Limit = 4, "LIMIT",
        /// `ct timeout`.
        CtTimeout = 7, "CT_TIMEOUT",
        /// `secmark`.
        Secmark = 8, "SECMARK",
        /// `ct expectation`.
        CtExpectation = 9, "CT_EXPECT",
        /// `synproxy`: reserved.
        Synproxy = 10, "SYNPROXY",
    }
}

abi_struct! {
    /// How something is logged.
    pub struct Log = ferrule_log {
        /// What the line begins with, in the strings section.
        pub prefix: Text,
        /// Bytes of the packet for nflog; 0: all.
        pub snaplen: u32,
        /// Group of nflog, or [`LOG_KERNEL`].
        pub group: u32,
        /// Packets that nflog collects.
        pub qthreshold: u16,
        /// `LOG_EMERG` (0) to `LOG_DEBUG` (7), or 8 for `audit`.
        pub level: u8,
        /// `NF_LOG_*`: 1 tcp sequence, 2 tcp options, 4 ip options, 8 skuid, 32 ether.
        pub flags: u8,
        /// Zero.
        pub reserved: u32,
    }
}

/// [`Log::group`]: to the kernel's log.
pub const LOG_KERNEL: u32 = u32::MAX;
