// SPDX-License-Identifier: GPL-2.0
//! What the kernel knows of a packet beside its bytes: the values of expressions that only it can work out.
//!
//! Each is what nftables of Linux 7.3 says (`nft_meta.c` and so on), a number; `None` is what nftables
//! calls `NFT_BREAK`.
//!
//! - `meta`: interfaces, owner, time, what is noted about the packet
//! - `ct`: its connection
//! - `route`: `fib`, `rt`, `ipsec`
//!
//! | expression | where it comes from |
//! | --- | --- |
//! | `socket transparent` | `inet_sk_transparent()` of the socket that sent it, or that is looked up for it |
//! | `socket mark`, `wildcard` | `sk_mark`, whether it is bound to an address; of full sockets |
//! | `socket cgroupv2` | identity of the cgroup at the level, counted from the root that the loader saw |
//! | `symhash` | `__skb_get_hash_symmetric_net()` |

mod ct;
mod meta;
mod route;

use ferrule_uapi::{
    expr::{Expr, ExprKind},
    hook::Family,
    program::Wide,
};

use super::Subject;

pub(super) use ct::direction;

/// `NFT_SOCKET_*`.
mod socket {
    pub(super) const TRANSPARENT: u8 = 0;
    pub(super) const MARK: u8 = 1;
    pub(super) const WILDCARD: u8 = 2;
    pub(super) const CGROUPV2: u8 = 3;
}

/// A number of at most 64 bits.
fn narrow(value: impl Into<u64>) -> Wide {
    Wide {
        hi: 0,
        lo: value.into(),
    }
}

/// A number of 128 bits.
fn wide(value: u128) -> Wide {
    Wide {
        hi: (value >> 64) as u64,
        lo: value as u64,
    }
}

/// Bytes in network order, or of a name.
fn of_bytes(bytes: [u8; 16]) -> Wide {
    wide(u128::from_be_bytes(bytes))
}

/// The first four bytes of an address.
fn of_address4([a, b, c, d, ..]: [u8; 16]) -> Wide {
    narrow(u32::from_be_bytes([a, b, c, d]))
}

impl Subject<'_> {
    /// The value of an expression. Apart from the engine's loop, which is to stay small.
    #[inline(never)]
    pub(super) fn fact_of(&self, expr: &Expr) -> Option<Wide> {
        match ExprKind::from_raw(expr.kind)? {
            ExprKind::Meta => meta::value(self, expr),
            ExprKind::Ct => ct::value(self, expr),
            ExprKind::Socket => self.socket(expr),
            ExprKind::Fib => route::fib(self, expr),
            ExprKind::Rt => route::rt(self, expr),
            ExprKind::Xfrm => route::xfrm(self, expr),
            ExprKind::Symhash => Some(narrow(self.skb.symmetric_hash())),
            _ => None,
        }
    }

    fn socket(&self, expr: &Expr) -> Option<Wide> {
        let socket = self.skb.socket(self.loaded.facilities().sockets()?)?;
        match expr.key {
            socket::TRANSPARENT => Some(narrow(u8::from(socket.is_transparent()))),
            socket::MARK => socket.mark().map(narrow),
            socket::WILDCARD => {
                let wildcard = socket.is_wildcard(self.family == Family::Ip6)?;
                Some(narrow(u8::from(wildcard)))
            }
            socket::CGROUPV2 => socket.cgroup(expr.a).map(narrow),
            _ => None,
        }
    }
}
