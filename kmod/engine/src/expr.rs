// SPDX-License-Identifier: GPL-2.0
//! Expressions: values worked out when an instruction asks for them.
//!
//! Those that lie in the packet's bytes are read here, exactly where nftables of Linux 7.3 reads them, and
//! absent where it finds nothing (`NFT_BREAK`); what only the environment knows is asked of
//! [`Packet::fact`].
//!
//! - `payload`: bits at an offset (`nft_payload.c`)
//! - `exthdr`: options, extension headers, chunks (`nft_exthdr.c`)
//! - `inner`: a packet within the packet (`nft_inner.c`)
//! - `hash`: hashes and numbers (`nft_hash.c`, `nft_numgen.c`)

pub(crate) mod exthdr;
pub(crate) mod hash;
pub(crate) mod inner;
pub(crate) mod payload;

use ferrule_uapi::{
    expr::{Expr, ExprKind},
    program::Wide,
};

use crate::{
    key::Key,
    number::{wide, widen},
    packet::Packet,
    program::View,
};

impl View<'_> {
    /// The value of expression `index` for a packet; `None` if it has none.
    ///
    /// Apart from the loop, which is to have a small frame.
    #[inline(never)]
    pub(crate) fn evaluate<P: Packet>(
        &self,
        index: u32,
        key: &Key,
        packet: &mut P,
    ) -> Option<Wide> {
        let expr = self.exprs().get(index as usize)?;
        match ExprKind::from_raw(expr.kind)? {
            ExprKind::Payload => payload::load(packet, key, expr).map(wide),
            ExprKind::Exthdr => exthdr::load(packet, key, expr).map(wide),
            ExprKind::Inner => inner::load(packet, key, expr).map(wide),
            ExprKind::Numgen => Some(widen(hash::number(packet, expr))),
            ExprKind::Jhash => {
                let shape = self.keys().get(expr.d as usize)?;
                let hash = hash::of_key(shape, key, expr)?;
                Some(widen(scaled(hash, expr)))
            }
            ExprKind::Symhash => {
                let hash = packet.fact(expr)?;
                Some(widen(scaled(hash.lo as u32, expr)))
            }
            ExprKind::Constant => Some(constant(expr)),
            ExprKind::Meta
            | ExprKind::Ct
            | ExprKind::Socket
            | ExprKind::Fib
            | ExprKind::Rt
            | ExprKind::Xfrm => packet.fact(expr),
        }
    }
}

/// The number whose words an expression holds.
fn constant(expr: &Expr) -> Wide {
    let double = |high: u32, low: u32| u64::from(high).wrapping_shl(32) | u64::from(low);
    Wide {
        hi: double(expr.a, expr.b),
        lo: double(expr.c, expr.d),
    }
}

/// A hash scaled to below `a`, plus `b`; the whole hash if `a` is 0.
fn scaled(hash: u32, expr: &Expr) -> u32 {
    match expr.a {
        0 => hash,
        modulus => hash::scale(hash, modulus).wrapping_add(expr.b),
    }
}
