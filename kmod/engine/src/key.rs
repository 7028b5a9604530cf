// SPDX-License-Identifier: GPL-2.0
//! The key: a packet's fields, parsed once.
//!
//! [`Key::parse`] walks the headers that the program asks for, in the order link-independent facts,
//! network header, transport header, and notes for each field its value and that it is there. What
//! is there is decided exactly as nftables does it (`nft_set_pktinfo_ipv4`, `nft_set_pktinfo_ipv6`
//! and `nft_payload_eval` in Linux 7.3), so that a truncated or strange packet matches what it would
//! match there:
//!
//! - the IPv4 header length is believed, even below 20;
//! - a transport field is there if its own bytes are, whatever becomes of the rest of the header;
//! - a fragment other than the first has a transport protocol but no transport header;
//! - an IPv6 packet whose extension headers do not parse has neither.

mod network;
mod transport;

use ferrule_uapi::{
    classifier::Dim,
    field::{Field, FIRST_WIDE},
    hook::Family,
    program::Wide,
};

use crate::{classifier::Cursor, number::widen, packet::Packet, vm::Stack};

pub(crate) use network::{find_transport, is_extension, nexthdr, MAX_EXTENSION_HEADERS};
pub(crate) use transport::protocol;

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(u64);

impl FieldSet {
    /// No field.
    pub const EMPTY: Self = FieldSet(0);

    /// Every field there is.
    pub const ALL: Self = FieldSet(u64::MAX);

    /// These fields.
    pub const fn of(fields: &[Field]) -> Self {
        let mut bits = 0;
        let mut rest = fields;
        while let [field, tail @ ..] = rest {
            bits |= field.bit();
            rest = tail;
        }
        FieldSet(bits)
    }

    /// Whether `field` is in the set.
    pub const fn contains(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }

    /// Whether any field is in both sets.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds the field numbered `field`; nothing if there is none.
    pub(crate) fn insert_raw(&mut self, field: u8) {
        if let Some(field) = Field::from_raw(field) {
            self.insert(field);
        }
    }

    /// Adds `field`.
    pub fn insert(&mut self, field: Field) {
        self.0 |= field.bit();
    }
}

/// How many narrow fields a key stores, registers included.
const NARROW: usize = FIRST_WIDE as usize;

/// How many wide ones.
const WIDE: usize = 8;

/// The fields of one packet, and what is remembered while it is judged: the calls that are open, the place in a
/// classifier.
///
/// It is some hundred bytes, which take longer to clear than a short ruleset takes to run. So it is made once
/// and used for many packets ([`Key::read`]): what one leaves behind in it, the next never sees.
///
/// # Invariants
///
/// Only fields whose bit in `present` is set have a meaning. A field is never present unless the packet has it,
/// or, if it is a register, an instruction of the base chain wrote it.
///
/// In this order: what every packet needs lies together.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Key {
    present: u64,
    wanted: FieldSet,
    /// Meaningful if there is an l4proto.
    transport: Transport,
    pub(crate) stack: Stack,
    pub(crate) cursor: Cursor,
    narrow: [u32; NARROW],
    wide: [Wide; WIDE],
}

/// Where the transport header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transport {
    /// Its protocol.
    pub(crate) protocol: u8,
    /// Its offset from the network header.
    pub(crate) offset: u32,
    /// Whether the packet is a fragment other than the first: it has no such header.
    pub(crate) later_fragment: bool,
}

impl Key {
    /// The key of no packet: every field is absent.
    pub const EMPTY: Self = Key {
        present: 0,
        wanted: FieldSet::EMPTY,
        transport: Transport {
            protocol: 0,
            offset: 0,
            later_fragment: false,
        },
        stack: Stack::EMPTY,
        cursor: Cursor::NOWHERE,
        narrow: [0; NARROW],
        wide: [Wide { hi: 0, lo: 0 }; WIDE],
    };

    /// Parses the fields of `packet` that are `wanted`; others may be absent from the key.
    pub fn parse<P: Packet>(packet: &P, wanted: FieldSet) -> Self {
        let mut key = Key::EMPTY;
        key.read(packet, wanted);
        key
    }

    /// Becomes the key of `packet`, as [`Key::parse`] gives it, whatever it was before.
    #[inline]
    pub fn read<P: Packet>(&mut self, packet: &P, wanted: FieldSet) {
        self.present = 0;
        self.wanted = wanted;
        self.parse_meta(packet);
        if wanted.meets(HEADERS) {
            self.parse_headers(packet);
        }
        if wanted.meets(NAMES) {
            self.parse_names(packet);
        }
    }

    /// Stores what there is of network and transport header.
    #[inline]
    fn parse_headers<P: Packet>(&mut self, packet: &P) {
        let transport = match packet.family() {
            Family::Ip6 => self.parse_ipv6(packet, self.wanted),
            Family::Ip | Family::Inet => self.parse_ipv4(packet, self.wanted),
        };
        if let Some(transport) = transport.filter(|_| self.wanted.meets(BEHIND_NETWORK)) {
            self.transport = transport;
            self.set(Field::MetaL4proto, transport.protocol.into());
            if self.wanted.meets(TRANSPORT) && !transport.later_fragment {
                self.parse_transport(packet, transport);
            }
        }
    }

    /// Stores the interfaces' names. Apart, as few rulesets ask for them.
    #[inline(never)]
    fn parse_names<P: Packet>(&mut self, packet: &P) {
        self.set_wide(Field::MetaIifname, wide(&packet.iifname()));
        self.set_wide(Field::MetaOifname, wide(&packet.oifname()));
    }

    /// Parses the headers again, some bytes of which were changed.
    #[inline(never)]
    pub(crate) fn parse_again<P: Packet>(&mut self, packet: &P) {
        self.present &= NOT_OF_HEADERS.0;
        self.parse_headers(packet);
    }

    /// Takes the packet type from the packet again. That of one that is looped back is told by its address.
    pub(crate) fn parse_pkttype<P: Packet>(&mut self, packet: &P) {
        self.set(Field::MetaPkttype, packet.pkttype().into());
        self.parse_again(packet);
    }

    /// The transport header, if the packet has one: a fragment other than the first has none.
    pub(crate) fn transport(&self) -> Option<Transport> {
        let there = self.has(Field::MetaL4proto as u8) && !self.transport.later_fragment;
        there.then_some(self.transport)
    }

    /// Makes all registers absent: a base chain begins.
    #[inline]
    pub(crate) fn clear_registers(&mut self) {
        // Only if there are any: who reads all of a word soon after a part of it was written has to wait.
        if self.present & REGISTERS.0 != 0 {
            self.present &= !REGISTERS.0;
        }
    }

    /// What needs no header, except that a looped-back packet's type is told by its address, later.
    #[inline]
    fn parse_meta<P: Packet>(&mut self, packet: &P) {
        let wanted = self.wanted;
        if !wanted.meets(META) {
            return;
        }
        // An interface's index lies in memory of its own: it is not touched for nothing.
        if wanted.contains(Field::MetaIif) {
            self.set(Field::MetaIif, packet.iif());
        }
        if wanted.contains(Field::MetaOif) {
            self.set(Field::MetaOif, packet.oif());
        }
        self.set(Field::MetaNfproto, packet.family() as u32);
        self.set(Field::MetaProtocol, packet.protocol().into());
        self.set(Field::MetaLength, packet.len());
        self.set(Field::MetaMark, packet.mark());
        self.set(Field::MetaPkttype, packet.pkttype().into());
    }

    /// The value of a narrow field, if it is there.
    #[inline]
    pub fn get(&self, field: u8) -> Option<u32> {
        let value = self.narrow.get(usize::from(field))?;
        self.has(field).then_some(*value)
    }

    /// The value of a wide field, if it is there.
    #[inline]
    pub fn get_wide(&self, field: u8) -> Option<Wide> {
        let index = field.checked_sub(FIRST_WIDE)?;
        let value = self.wide.get(usize::from(index))?;
        self.has(field).then_some(*value)
    }

    /// Notes the values of `dims` for a classifier, and which of them are there.
    #[inline]
    pub(crate) fn note(&mut self, dims: &[Dim]) {
        let mut present = 0;
        for (at, (dim, slot)) in (0_u32..).zip(dims.iter().zip(&mut self.cursor.values)) {
            let there = self.present.wrapping_shr(dim.field.into()) as u32 & 1;
            present |= there.wrapping_shl(at);
            let value = match dim.field.checked_sub(FIRST_WIDE) {
                None => self.narrow.get(usize::from(dim.field)).copied(),
                Some(wide) => {
                    let wide = self.wide.get(usize::from(wide));
                    wide.map(|wide| word(*wide, dim.word))
                }
            };
            *slot = value.unwrap_or(0);
        }
        self.cursor.present = present;
    }

    /// The value of a field of either width, if it is there.
    pub(crate) fn value(&self, field: u8) -> Option<Wide> {
        match field < FIRST_WIDE {
            true => self.get(field).map(widen),
            false => self.get_wide(field),
        }
    }

    /// Writes a register of either width; a narrow one takes the low bits. `false` if there is none.
    pub(crate) fn write(&mut self, register: u8, value: Wide) -> bool {
        match Field::from_raw(register) {
            Some(field) if field.is_wide() => self.set_wide(field, value),
            Some(field) => self.set(field, value.lo as u32),
            None => return false,
        }
        true
    }

    /// Whether the field numbered `field` is there.
    #[inline]
    fn has(&self, field: u8) -> bool {
        self.present.wrapping_shr(field.into()) & 1 != 0
    }

    /// Sets a narrow field.
    #[inline]
    pub(crate) fn set(&mut self, field: Field, value: u32) {
        if let Some(slot) = self.narrow.get_mut(field as usize) {
            *slot = value;
            self.present |= field.bit();
        }
    }

    /// Sets a wide field.
    #[inline]
    fn set_wide(&mut self, field: Field, value: Wide) {
        let index = (field as u8).wrapping_sub(FIRST_WIDE);
        if let Some(slot) = self.wide.get_mut(usize::from(index)) {
            *slot = value;
            self.present |= field.bit();
        }
    }
}

/// Every register.
const REGISTERS: FieldSet = {
    let mut bits = 0;
    let mut rest = Field::ALL;
    while let [field, tail @ ..] = rest {
        if field.is_register() {
            bits |= field.bit();
        }
        rest = tail;
    }
    FieldSet(bits)
};

/// What a packet has beside its headers, names apart.
const META: FieldSet = FieldSet::of(&[
    Field::MetaNfproto,
    Field::MetaProtocol,
    Field::MetaLength,
    Field::MetaMark,
    Field::MetaIif,
    Field::MetaOif,
    Field::MetaPkttype,
]);

/// What is no header's field: it stays when headers are parsed again.
const NOT_OF_HEADERS: FieldSet = FieldSet(REGISTERS.0 | NAMES.0 | META.0);

/// What headers are parsed for. The packet type is one, as a looped-back packet's is told by its address.
const HEADERS: FieldSet = FieldSet(!NOT_OF_HEADERS.0 | FieldSet::of(&[Field::MetaPkttype]).0);

/// Interface names: copied only if wanted.
const NAMES: FieldSet = FieldSet::of(&[Field::MetaIifname, Field::MetaOifname]);

/// Fields of the transport header: read only if wanted.
const TRANSPORT: FieldSet = FieldSet::of(&[
    Field::ThSport,
    Field::ThDport,
    Field::TcpSport,
    Field::TcpDport,
    Field::TcpFlags,
    Field::UdpSport,
    Field::UdpDport,
    Field::IcmpType,
    Field::IcmpCode,
    Field::Icmpv6Type,
    Field::Icmpv6Code,
]);

/// What the transport protocol has to be known for.
const BEHIND_NETWORK: FieldSet = FieldSet(TRANSPORT.0 | FieldSet::of(&[Field::MetaL4proto]).0);

/// A 32-bit word of a wide field, 0 the most significant.
#[inline]
fn word(Wide { hi, lo }: Wide, index: u8) -> u32 {
    let half = if index < 2 { hi } else { lo };
    match index & 1 {
        0 => half.wrapping_shr(32) as u32,
        _ => half as u32,
    }
}

/// Sixteen bytes as a number, the first the most significant.
fn wide(bytes: &[u8; 16]) -> Wide {
    crate::number::wide(u128::from_be_bytes(*bytes))
}
