// SPDX-License-Identifier: GPL-2.0
//! What a rule knows of a packet's protocols, from left to right.
//!
//! nft calls it the protocol context: `tcp dport 22 udp dport 53` is refused because no packet is both.
//! The context decides nothing but refusals, and whether `icmp type` in a table of family inet asks for
//! the family too; in all else, that a field is there says that its header is.

use ferrule_uapi::hook::Family;

use super::datatype::Datatype;
use super::error::CheckErrorKind;
use super::selector::{Layer, Selector, Tells};

/// The protocols known so far.
#[derive(Clone, Debug)]
pub(super) struct Context {
    table: Family,
    network: Option<Family>,
    /// Protocol numbers of which the packet has one.
    transport: Option<Vec<u128>>,
}

impl Context {
    /// At the beginning of a rule in a table of this family.
    pub(super) fn new(table: Family) -> Self {
        let network = (table != Family::Inet).then_some(table);
        Self {
            table,
            network,
            transport: None,
        }
    }

    /// Takes note that `selector` is about to be compared. Gives back the family that the comparison
    /// asks for on its own.
    pub(super) fn use_selector(
        &mut self,
        selector: &Selector,
    ) -> Result<Option<Family>, CheckErrorKind> {
        match selector.layer {
            Layer::Meta if selector.tells == Tells::Network && self.table != Family::Inet => {
                Err(CheckErrorKind::UselessNfproto)
            }
            Layer::Meta | Layer::AnyTransport => Ok(None),
            Layer::Network(family) => {
                self.use_network(family)?;
                Ok(None)
            }
            Layer::Transport(protocol, family) => {
                let asked = family.filter(|_| self.network.is_none() && self.transport.is_none());
                if let Some(family) = asked {
                    self.network = Some(family);
                }
                self.use_transport(protocol.into(), selector.protocol)?;
                Ok(asked)
            }
        }
    }

    fn use_network(&mut self, family: Family) -> Result<(), CheckErrorKind> {
        match self.network {
            Some(known) if known != family => Err(CheckErrorKind::Conflict {
                layer: "network",
                before: known.name().to_owned(),
                after: family.name().to_owned(),
            }),
            _ => {
                self.network = Some(family);
                Ok(())
            }
        }
    }

    fn use_transport(&mut self, protocol: u128, name: &str) -> Result<(), CheckErrorKind> {
        let known = self.transport.get_or_insert_with(|| vec![protocol]);
        match known.iter().find(|known| **known != protocol) {
            None => Ok(()),
            Some(other) => {
                let mut before = String::new();
                Datatype::Protocol.write(*other, false, &mut before);
                let after = name.to_owned();
                Err(CheckErrorKind::Conflict {
                    layer: "transport",
                    before,
                    after,
                })
            }
        }
    }

    /// Takes note that the selector equals one of `values`.
    pub(super) fn learn(&mut self, selector: &Selector, values: &[u128]) {
        match (selector.tells, values) {
            (Tells::Transport, _) => self.transport = Some(values.to_vec()),
            (Tells::Network, [value]) => {
                self.network = Family::from_raw(*value as u8).filter(|f| *f != Family::Inet);
            }
            _ => {}
        }
    }
}
