// SPDX-License-Identifier: GPL-2.0
//! What the engine needs to know of a packet, and what it does to it.
//!
//! The kernel implements this for an `sk_buff` in a hook, the host tools for a frame from a capture.
//! Offsets count from the network header.
//!
//! The first part is the packet itself, from which the engine works out whatever lies in its bytes. The
//! second is what only the environment knows or can do: conntrack, routes, sockets, the clock, sets,
//! state, logs. Each of its methods has an answer that means "there is no such thing here"; a
//! rule that needs one then does not match.

use ferrule_uapi::{
    expr::Expr,
    hook::Family,
    program::Wide,
    set::ElementVerdict,
    statement::{RejectKind, SetUpdate, Statement},
};

/// What a set has for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there (a set).
    Member,
    /// Its data (a map): the number.
    Data(Wide),
    /// A verdict, and the handle of the chain that it leads to (0 if to none).
    Verdict(ElementVerdict, u64),
    /// The identity of an object.
    Object(u64),
    /// It is there, but one of its statements says no (a limit): the rule ends.
    Refused,
}

/// An `add`, `update` or `delete` of an element by a rule.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Which.
    pub kind: SetUpdate,
    /// Index of the set.
    pub set: u32,
    /// The key, as `ferrule_uapi::set` has it.
    pub key: &'a [u8],
    /// The data of a map.
    pub data: Option<Wide>,
    /// Timeout in milliseconds; 0: the set's own.
    pub timeout: u64,
    /// Templates of the element's statements, if the rule brings them: first and how many.
    pub states: (u32, u32),
}

/// A packet at a hook.
pub trait Packet {
    /// The family of the hook that it came through: [`Family::Ip`] or [`Family::Ip6`].
    fn family(&self) -> Family;

    /// Bytes from the network header on (`skb->len`).
    fn len(&self) -> u32;

    /// Whether there is not a byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes, as many as lie together in memory; may be none.
    fn head(&self) -> &[u8];

    /// Fills `to` from `offset`, wherever the bytes lie. `false`, with `to` in any state, if the
    /// packet has not that many.
    fn copy(&self, offset: u32, to: &mut [u8]) -> bool;

    /// The EtherType (`skb->protocol`), as a number.
    fn protocol(&self) -> u16;

    /// `PACKET_*` of `linux/if_packet.h`.
    fn pkttype(&self) -> u8;

    /// Index of the receiving interface; 0 if there is none.
    fn iif(&self) -> u32;

    /// Index of the sending interface; 0 if there is none.
    fn oif(&self) -> u32;

    /// Name of the receiving interface, padded with zeros; all zeros if there is none.
    fn iifname(&self) -> [u8; 16];

    /// Name of the sending interface, padded with zeros; all zeros if there is none.
    fn oifname(&self) -> [u8; 16];

    /// The mark.
    fn mark(&self) -> u32;

    /// Sets the mark.
    fn set_mark(&mut self, mark: u32);

    /// Adds this packet (one, and [`Packet::len`] bytes) to a counter of the program.
    fn count(&mut self, counter: u32);

    /// Bytes of the link header, up to the network header; none where there is none (`skb_mac_header_was_set`).
    fn link(&self) -> &[u8] {
        &[]
    }

    /// The VLAN tag that the device took out of the frame: protocol and TCI as on the wire. It is not in
    /// [`Packet::link`].
    fn vlan(&self) -> Option<[u8; 4]> {
        None
    }

    /// Overwrites bytes at `offset` of the link header, which has them. `false` if they cannot be written.
    fn write_link(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let _ = (offset, bytes);
        false
    }

    /// Overwrites bytes at `offset`, which the packet has. `false` if they cannot be written.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let _ = (offset, bytes);
        false
    }

    /// Puts right the transport's Internet checksum at `at`, which bytes will change under from `from` to `to` (of
    /// one length; reckoned as if at an even distance). `pseudo`: they belong to the pseudo header. As
    /// `inet_proto_csum_replace*`: a sum that the device is yet to work out changes only for the pseudo
    /// header. The engine itself puts right the IPv4 header's, which no device works out, and makes a sum of
    /// zero 0xffff where nftables does.
    fn fix_checksum(&mut self, at: u32, from: &[u8], to: &[u8], pseudo: bool) -> bool {
        let _ = (at, from, to, pseudo);
        false
    }

    /// The value of an expression that does not lie in the packet's bytes: `Meta`, `Ct`, `Socket`, `Fib`, `Rt`,
    /// `Xfrm`, `Symhash` (the whole hash: the engine scales it).
    fn fact(&mut self, expr: &Expr) -> Option<Wide> {
        let _ = expr;
        None
    }

    /// A random number.
    fn random(&mut self) -> u32 {
        0
    }

    /// The number of state `state`, which then becomes the next, below `modulus`, round robin.
    fn number(&mut self, state: u32, modulus: u32) -> u32 {
        let _ = (state, modulus);
        0
    }

    /// Whether state `state` lets the packet on; it takes note of it. `None`: it cannot, and the packet is to be
    /// dropped (`nft_connlimit_do_eval()` of a packet whose connection cannot be told).
    fn ask(&mut self, state: u32) -> Option<bool> {
        let _ = state;
        Some(false)
    }

    /// What set `set` has for `key`. The statements of the element are run.
    fn find(&mut self, set: u32, key: &[u8]) -> Option<Found> {
        let _ = (set, key);
        None
    }

    /// Whether set `set` holds `key`; no statement is run. What a negated lookup asks.
    fn holds(&mut self, set: u32, key: &[u8]) -> bool {
        self.find(set, key).is_some()
    }

    /// Changes an element. `false`: it could not be (the set is full), or its statements say no.
    fn update(&mut self, update: &Update<'_>) -> bool {
        let _ = update;
        false
    }

    /// Runs a statement that only the environment can: `SetMeta` (not of the mark; the packet type as
    /// `nft_meta_set_eval()` does, after which [`Packet::pkttype`] says what became of it), `SetCt`, `Notrack`, `Object` of
    /// a conntrack object or secmark (`a` is its index, whatever map it came from), `Log`, `Dup` (whose `b` is the interface's index here, 0 for none). `value` is
    /// that of its field, if it has one; `rule` the rule's index. `false` ends the rule.
    fn act(&mut self, statement: &Statement, value: Wide, rule: u32) -> bool {
        let _ = (statement, value, rule);
        false
    }

    /// Answers the packet with an error. It is dropped afterwards, whatever comes of this.
    fn reject(&mut self, kind: RejectKind, code: u8) {
        let _ = (kind, code);
    }

    /// The `N` bytes at `offset`, or `None` if the packet has not that many.
    fn bytes<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        if let Some(rest) = self.head().get(offset as usize..) {
            if let Some(bytes) = rest.first_chunk::<N>() {
                return Some(*bytes);
            }
        }
        let mut bytes = [0; N];
        self.copy(offset, &mut bytes).then_some(bytes)
    }
}
