// SPDX-License-Identifier: GPL-2.0
//! Selectors: what a rule may compare, and everything that differs from one to the next.
//!
//! One row a selector. The row says where its value comes from, how wide and of which type it is, and which
//! headers a packet must have for it; parser, checks, compiler and listing hold no case of their own for any
//! of them. Rows are in [`header`] (what packets consist of), [`option`] (what is looked for in lists of options,
//! chunks and extension headers) and [`fact`] (what is known beside the packet).

mod fact;
mod header;
mod option;

use std::sync::LazyLock;

use ferrule_uapi::expr::PayloadBase;
use ferrule_uapi::hook::Family;
use rustc_hash::FxHashMap;

use super::datatype::Datatype;
use super::expr::Source;
pub(super) use header::payload;
pub(super) use option::{load, presence, TCP_ALIASES};

/// Something that a rule compares.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector {
    /// The protocol (`tcp`, `tcp option`), or `meta`, `ct` and their kin; `@nh` and its kin for raw payload.
    pub protocol: &'static str,
    /// The field or key (`dport`, `maxseg size`); empty for raw payload.
    pub name: &'static str,
    /// Whether nft lists it without the word `meta` before it.
    pub unqualified: bool,
    /// Where the value comes from, if nothing was given beside the name.
    pub source: Source,
    /// Where it is in the packet, if it is a field of a header: what it is counted from, and its first bit.
    pub place: Option<(PayloadBase, u32)>,
    /// Type of its values.
    pub datatype: Datatype,
    /// Width of its values in bits.
    pub bits: u32,
    /// Which headers it belongs to.
    pub layer: Layer,
    /// What an equality with it says about other headers.
    pub tells: Tells,
    /// Types that an ICMP message must be one of to have it; empty: any.
    pub types: &'static [u128],
    /// Whether and how rules set it.
    pub set: Settable,
}

/// The header that a selector reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// None: a fact about the packet.
    Meta,
    /// The link header.
    Link,
    /// A VLAN tag in the link header.
    Vlan,
    /// An ARP packet: none that Ferrule sees is one.
    Arp,
    /// The network header of this family.
    Network(Family),
    /// An option or extension header of this family's.
    Extension(Family),
    /// Any transport header.
    AnyTransport,
    /// The transport header of this protocol; of this family where nothing else says which.
    Transport(u8, Option<Family>),
    /// The header of a tunnel over this transport protocol.
    Tunnel(u8),
}

/// What is known of a packet once the selector was compared for equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Nothing.
    Nothing,
    /// The network protocol, as `NFPROTO_*`.
    Network,
    /// The transport protocol.
    Transport,
    /// The transport protocol of the connection.
    Connection,
    /// The type of the link.
    Link,
    /// The type of the ICMP message.
    Icmp,
}

/// How rules set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settable {
    /// They do not.
    No,
    /// As what it is.
    Yes,
    /// Only as what it is: it cannot be compared.
    Only,
}

impl Selector {
    /// The largest value.
    pub const fn max(&self) -> u128 {
        max(self.bits)
    }

    const fn telling(self, tells: Tells) -> Self {
        Selector { tells, ..self }
    }

    const fn of_types(self, types: &'static [u128]) -> Self {
        Selector { types, ..self }
    }

    const fn settable(self, set: Settable) -> Self {
        Selector { set, ..self }
    }
}

/// The largest number of so many bits.
pub(crate) const fn max(bits: u32) -> u128 {
    if bits >= 128 {
        u128::MAX
    } else {
        (1 << bits) - 1
    }
}

/// Every selector.
pub static SELECTORS: LazyLock<Vec<Selector>> = LazyLock::new(|| {
    let mut rows = Vec::with_capacity(400);
    fact::rows(&mut rows);
    header::rows(&mut rows);
    option::rows(&mut rows);
    rows
});

type Index = FxHashMap<(&'static str, &'static str), &'static Selector>;

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    SELECTORS
        .iter()
        .map(|row| ((row.protocol, row.name), row))
        .collect()
});

/// Other names for the same, which nft lists under the second.
const ALIASES: &[(&str, &str, &str)] = &[
    ("meta", "secpath", "ipsec"),
    ("icmpv6", "param-problem", "parameter-problem"),
    ("icmpv6", "packet-too-big", "mtu"),
    ("vlan", "cfi", "dei"),
    ("ct", "l3protocol", "l3proto"),
    ("rt0", "addr[1]", "addr"),
    ("srh", "sid[1]", "sid"),
];

/// What nft has and Ferrule has not, and what to write instead.
const UNSUPPORTED: &[(&str, &str, &str)] = &[
    ("meta", "ibrname", BRIDGE),
    ("meta", "obrname", BRIDGE),
    ("meta", "ibriport", BRIDGE),
    ("meta", "obriport", BRIDGE),
    ("meta", "ibrpvid", BRIDGE),
    ("meta", "ibrvproto", BRIDGE),
    ("meta", "ibrhwaddr", BRIDGE),
    ("meta", "broute", BRIDGE),
];

const BRIDGE: &str = "leave it out: bridges are not filtered by the families ip, ip6 and inet";

/// What a name on the left-hand side stands for.
pub(super) enum Lookup {
    /// A selector.
    Found(&'static Selector),
    /// One that only nft has, and what to write instead.
    Unsupported(&'static str),
    /// Nothing; perhaps this was meant.
    Unknown(Option<&'static str>),
}

/// Looks up `protocol` and `name`.
pub(super) fn find(protocol: &str, name: &str) -> Lookup {
    let alias = ALIASES
        .iter()
        .find(|(of, alias, _)| *of == protocol && *alias == name);
    let name = alias.map_or(name, |(_, _, name)| name);
    if let Some(selector) = INDEX.get(&(protocol, name)) {
        return Lookup::Found(selector);
    }
    let unsupported = UNSUPPORTED
        .iter()
        .find(|(of, other, _)| *of == protocol && *other == name);
    if let Some((_, _, hint)) = unsupported {
        return Lookup::Unsupported(hint);
    }
    let of_protocol = SELECTORS.iter().filter(|row| row.protocol == protocol);
    let names: Vec<&'static str> = of_protocol.map(|row| row.name).collect();
    Lookup::Unknown(crate::lang::words::similar(name, &names))
}

/// The selector of this protocol and name, if there is one.
pub(crate) fn get(protocol: &str, name: &str) -> Option<&'static Selector> {
    match find(protocol, name) {
        Lookup::Found(selector) => Some(selector),
        _ => None,
    }
}
