// SPDX-License-Identifier: GPL-2.0
//! What a rule knows of a packet's protocols, from left to right.
//!
//! nft calls it the protocol context: `tcp dport 22 udp dport 53` is refused because no packet is both. What a
//! comparison needs and the rule has not asked yet is asked before it ([`Require`]): nft's implicit
//! dependencies. A field of the key asks for nothing, because that it is there says that its header is; what
//! is loaded from the packet's bytes asks for its protocol.

use ferrule_uapi::expr::{Expr, ExprKind, MetaKey, PayloadBase, Tunnel};
use ferrule_uapi::field::Field;
use ferrule_uapi::hook::Family;

use super::datatype::Datatype;
use super::error::CheckErrorKind;
use super::expr::Source;
use super::selector::{get, Layer, Selector, Tells};
use super::statement::Require;

const IPPROTO_UDP: u128 = 17;
const IPPROTO_GRE: u128 = 47;
const ETHERTYPE_VLAN: u128 = 0x8100;
const ARPHRD_ETHER: u128 = 1;

/// EtherTypes of the families.
const ETHERTYPES: &[(Family, u128)] = &[(Family::Ip, 0x0800), (Family::Ip6, 0x86dd)];

/// What is known of the link header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    Unknown,
    Ethernet,
    Vlan,
}

/// The protocols known so far.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The family of the table; `inet` for the packet within a tunnel.
    pub(super) table: Family,
    pub(super) network: Option<Family>,
    /// Protocol numbers of which the packet has one.
    pub(super) transport: Option<Vec<u128>>,
    /// Whether the packet's own header was asked for them, not the connection's.
    sure: bool,
    /// Types of which the ICMP message has one.
    icmp: Option<Vec<u128>>,
    link: Link,
    /// The tunnel that the packet is within.
    tunnel: Option<Tunnel>,
    /// Packets within this one.
    inner: Vec<Context>,
    /// What is entered is written, not compared.
    pub(super) writes: bool,
}

type Checked<T> = Result<T, CheckErrorKind>;

impl Context {
    /// At the beginning of a rule in a table of this family.
    pub(super) fn new(table: Family) -> Self {
        let network = (table != Family::Inet).then_some(table);
        Self {
            table,
            network,
            transport: None,
            sure: false,
            icmp: None,
            link: Link::Unknown,
            tunnel: None,
            inner: Vec::new(),
            writes: false,
        }
    }

    /// Takes note that `selector` is about to be used, and gives back what has to be asked before.
    pub(super) fn enter(
        &mut self,
        selector: &Selector,
        tunnel: Option<Tunnel>,
    ) -> Checked<Vec<Require>> {
        let mut asked = Vec::new();
        match tunnel {
            None => self.use_selector(selector, &mut asked)?,
            Some(tunnel) => {
                self.use_tunnel(tunnel, &mut asked)?;
                self.within(tunnel).use_selector(selector, &mut asked)?;
            }
        }
        Ok(asked)
    }

    /// The context of the packet within a tunnel.
    fn within(&mut self, tunnel: Tunnel) -> &mut Context {
        let there = self.inner.iter().position(|c| c.tunnel == Some(tunnel));
        let index = there.unwrap_or_else(|| {
            self.inner.push(Context {
                tunnel: Some(tunnel),
                ..Context::new(Family::Inet)
            });
            self.inner.len() - 1
        });
        &mut self.inner[index]
    }

    /// Whether that the field is there has to be asked: comparing a field of the key says it, loading or
    /// writing does not.
    fn loads(&self, selector: &Selector) -> bool {
        self.writes || self.tunnel.is_some() || matches!(selector.source, Source::Record(_))
    }

    fn use_tunnel(&mut self, tunnel: Tunnel, asked: &mut Vec<Require>) -> Checked<()> {
        match tunnel {
            Tunnel::Vxlan => self.over_udp("vxlan"),
            Tunnel::Geneve => self.over_udp("geneve"),
            Tunnel::Gre => self.use_transport(IPPROTO_GRE, "gre", asked),
            Tunnel::Gretap => self.use_transport(IPPROTO_GRE, "gretap", asked),
        }
    }

    /// A tunnel over UDP has no protocol number of its own: the rule must have said UDP before.
    fn over_udp(&mut self, name: &'static str) -> Checked<()> {
        match &self.transport {
            Some(known) if **known == [IPPROTO_UDP] => Ok(()),
            Some(known) => Err(conflict("transport", protocol_name(known[0]), name)),
            None => Err(CheckErrorKind::NoTransport(name)),
        }
    }

    fn use_selector(&mut self, selector: &Selector, asked: &mut Vec<Require>) -> Checked<()> {
        match selector.layer {
            Layer::Meta if selector.tells == Tells::Network && self.table != Family::Inet => {
                Err(CheckErrorKind::UselessNfproto)
            }
            Layer::Meta | Layer::AnyTransport => Ok(()),
            Layer::Link => {
                self.use_link(Link::Ethernet, asked);
                Ok(())
            }
            Layer::Vlan => {
                self.use_link(Link::Vlan, asked);
                Ok(())
            }
            Layer::Arp => Err(conflict("network", self.table.name().to_owned(), "arp")),
            Layer::Network(family) => {
                let loads = self.loads(selector);
                self.use_network(family, loads, asked)
            }
            Layer::Extension(family) => self.use_network(family, true, asked),
            Layer::Transport(protocol, family) => {
                self.use_header(selector, protocol.into(), family, asked)
            }
            Layer::Tunnel(_) => self.over_udp(selector.protocol),
        }
    }

    fn use_header(
        &mut self,
        selector: &Selector,
        protocol: u128,
        family: Option<Family>,
        asked: &mut Vec<Require>,
    ) -> Checked<()> {
        let family = family.filter(|_| self.network.is_none() && self.transport.is_none());
        if let Some(family) = family {
            self.network = Some(family);
            asked.push(self.network_is(family));
        }
        let loads = self.loads(selector);
        let mut requires = Vec::new();
        self.use_transport(protocol, selector.protocol, &mut requires)?;
        if loads {
            asked.append(&mut requires);
        }
        self.use_types(selector, asked)
    }

    /// Asks for the type of the message, if the field is not part of all.
    fn use_types(&mut self, selector: &Selector, asked: &mut Vec<Require>) -> Checked<()> {
        if selector.types.is_empty() {
            return Ok(());
        }
        match &self.icmp {
            Some(known) if known.iter().any(|kind| selector.types.contains(kind)) => {
                if known.iter().all(|kind| selector.types.contains(kind)) {
                    return Ok(());
                }
            }
            Some(known) => {
                return Err(CheckErrorKind::IcmpType {
                    field: format!("{} {}", selector.protocol, selector.name),
                    known: known[0],
                });
            }
            None => self.icmp = Some(selector.types.to_vec()),
        }
        let Some(kind) = get(selector.protocol, "type") else {
            return Ok(());
        };
        let source = match (self.tunnel, kind.source) {
            (Some(tunnel), _) => {
                Source::Record(inner_payload(tunnel, PayloadBase::Transport, 0, 8))
            }
            (None, source) => source,
        };
        asked.push(Require {
            source,
            mask: u128::MAX,
            values: selector.types.to_vec(),
        });
        Ok(())
    }

    fn use_link(&mut self, link: Link, asked: &mut Vec<Require>) {
        if self.link < Link::Ethernet && self.tunnel.is_none() {
            let source = get("meta", "iiftype").map(|row| row.source);
            asked.extend(source.map(|source| equals(source, ARPHRD_ETHER)));
        }
        if self.link < link && link == Link::Vlan {
            let record = match self.tunnel {
                Some(tunnel) => inner_payload(tunnel, PayloadBase::Link, 96, 16),
                None => super::selector::payload(PayloadBase::Link, 96, 16),
            };
            asked.push(equals(Source::Record(record), ETHERTYPE_VLAN));
        }
        self.link = self.link.max(link);
    }

    fn use_network(
        &mut self,
        family: Family,
        loads: bool,
        asked: &mut Vec<Require>,
    ) -> Checked<()> {
        match self.network {
            Some(known) if known != family => {
                let before = known.name().to_owned();
                Err(conflict("network", before, family.name()))
            }
            Some(_) => Ok(()),
            None => {
                self.network = Some(family);
                if loads {
                    asked.push(self.network_is(family));
                }
                Ok(())
            }
        }
    }

    /// The packet is of this family: asked by a statement or an expression that only it has.
    pub(super) fn need_network(&mut self, family: Family) -> Checked<Vec<Require>> {
        let mut asked = Vec::new();
        self.use_network(family, true, &mut asked)?;
        Ok(asked)
    }

    /// The packet has this transport protocol: asked by a statement that only it has.
    pub(super) fn need_transport(&mut self, protocol: u128, name: &str) -> Checked<Vec<Require>> {
        let mut asked = Vec::new();
        self.use_transport(protocol, name, &mut asked)?;
        Ok(asked)
    }

    fn use_transport(
        &mut self,
        protocol: u128,
        name: &str,
        asked: &mut Vec<Require>,
    ) -> Checked<()> {
        if let Some(known) = &self.transport {
            if let Some(other) = known.iter().find(|known| **known != protocol) {
                return Err(conflict("transport", protocol_name(*other), name));
            }
        }
        if self.transport.is_none() || !self.sure {
            asked.push(self.transport_is(protocol));
        }
        self.transport = Some(vec![protocol]);
        self.sure = true;
        Ok(())
    }

    fn network_is(&self, family: Family) -> Require {
        let Some(tunnel) = self.tunnel else {
            return Require::field(Field::MetaNfproto, vec![family as u128]);
        };
        let row = ETHERTYPES.iter().find(|(known, _)| *known == family);
        let ethertype = row.map_or(0, |(_, ethertype)| *ethertype);
        let record = inner_meta(tunnel, MetaKey::Protocol, 16);
        equals(Source::Record(record), ethertype)
    }

    fn transport_is(&self, protocol: u128) -> Require {
        match self.tunnel {
            None => Require::field(Field::MetaL4proto, vec![protocol]),
            Some(tunnel) => {
                let record = inner_meta(tunnel, MetaKey::L4proto, 8);
                equals(Source::Record(record), protocol)
            }
        }
    }

    /// Takes note that the selector equals one of `values`.
    pub(super) fn learn(&mut self, selector: &Selector, tunnel: Option<Tunnel>, values: &[u128]) {
        if let Some(tunnel) = tunnel {
            self.within(tunnel).learn(selector, None, values);
            return;
        }
        match (selector.tells, values) {
            (Tells::Transport, _) => {
                self.transport = Some(values.to_vec());
                self.sure = true;
            }
            // Only what both know: `ct_expr_pctx_update()`.
            (Tells::Connection, _) if self.network.is_some() && values.iter().all(is_known) => {
                self.transport = Some(values.to_vec());
                self.sure = false;
            }
            (Tells::Network, [value]) => {
                self.network = Family::from_raw(*value as u8).filter(|f| *f != Family::Inet);
            }
            (Tells::Link, [ARPHRD_ETHER]) => self.link = self.link.max(Link::Ethernet),
            (Tells::Icmp, values) => self.icmp = Some(values.to_vec()),
            _ => {}
        }
    }
}

/// Whether nft knows the header of this protocol (`proto_find_upper()` of `proto_ip` and `proto_ip6`).
fn is_known(protocol: &u128) -> bool {
    const KNOWN: &[u128] = &[1, 2, 6, 17, 33, 47, 50, 51, 58, 108, 132, 136];
    KNOWN.contains(protocol)
}

fn conflict(layer: &'static str, before: String, after: &str) -> CheckErrorKind {
    CheckErrorKind::Conflict {
        layer,
        before,
        after: after.to_owned(),
    }
}

fn protocol_name(number: u128) -> String {
    let mut name = String::new();
    Datatype::Protocol.write(number, false, &mut name);
    name
}

fn equals(source: Source, value: u128) -> Require {
    Require {
        source,
        mask: u128::MAX,
        values: vec![value],
    }
}

/// A record that loads bits of the packet within a tunnel.
pub(super) fn inner_payload(tunnel: Tunnel, base: PayloadBase, offset: u32, bits: u32) -> Expr {
    Expr {
        kind: ExprKind::Inner as u8,
        key: tunnel as u8,
        op: ExprKind::Payload as u8,
        a: base as u32,
        offset,
        bits: bits as u16,
        ..Expr::default()
    }
}

fn inner_meta(tunnel: Tunnel, key: MetaKey, bits: u16) -> Expr {
    Expr {
        kind: ExprKind::Inner as u8,
        key: tunnel as u8,
        op: ExprKind::Meta as u8,
        a: key as u32,
        bits,
        ..Expr::default()
    }
}
