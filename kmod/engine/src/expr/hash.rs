// SPDX-License-Identifier: GPL-2.0
//! Hashes and running or random numbers: `nft_hash.c`, `nft_numgen.c`.
//!
//! nftables hashes the bytes of its registers: header fields lie there as on the wire, at the beginning of
//! their four bytes; what the kernel keeps in the machine's order lies there in that. So that a rule
//! gives the number that it gives in nftables, the parts of a key are laid out like that here. What a
//! register of ours holds is not known by its number: the expression says which of its parts are in the
//! machine's order, and how many bytes to hash.

use ferrule_uapi::{
    expr::Expr,
    field::{Field, FIRST_WIDE},
    set::{self, KEY_BYTES},
};

use crate::{key::Key, packet::Packet};

/// `JHASH_INITVAL`.
const INITIAL: u32 = 0xdead_beef;

/// The number of a numgen expression.
pub(super) fn number<P: Packet>(packet: &mut P, expr: &Expr) -> u32 {
    let number = match expr.key {
        0 => packet.number(expr.c, expr.a),
        _ => scale(packet.random(), expr.a),
    };
    number.wrapping_add(expr.b)
}

/// `reciprocal_scale()`: a hash scaled to below `modulus`.
pub(crate) fn scale(hash: u32, modulus: u32) -> u32 {
    let product = u64::from(hash).wrapping_mul(modulus.into());
    product.wrapping_shr(32) as u32
}

/// The hash of a key; `None` if a part of it is absent.
pub(super) fn of_key(shape: &set::Key, key: &Key, expr: &Expr) -> Option<u32> {
    let mut bytes = [0_u8; KEY_BYTES];
    let mut at = 0_usize;
    let host_order = expr.e & 0xffff;
    let mut used = 0;
    for (part, index) in shape.parts.iter().zip(0..u32::from(shape.count)) {
        let end = at.checked_add(part.len.into())?;
        let to = bytes.get_mut(at..end)?;
        let swap = host_order.wrapping_shr(index) & 1 != 0;
        used = put(key, part.field, swap, to)?;
        at = end;
    }
    let len = match expr.e.wrapping_shr(16) as usize {
        0 if shape.count == 1 => used,
        0 => at,
        len => len,
    };
    Some(jhash(bytes.get(..len)?, expr.c))
}

/// Lays a field out as nftables' registers have it; returns how many bytes it has.
fn put(key: &Key, field: u8, swap: bool, to: &mut [u8]) -> Option<usize> {
    if field >= FIRST_WIDE {
        let value = crate::number::number(key.get_wide(field)?);
        let bytes = value.to_be_bytes();
        let from = bytes.get(bytes.len().checked_sub(to.len())?..)?;
        let len = to.len();
        copy(from, to);
        if swap {
            to.reverse();
        }
        return Some(len);
    }
    let value = key.get(field)?;
    let (len, host) = in_register(Field::from_raw(field)?);
    if host || swap {
        copy(&value.to_ne_bytes(), to);
        return Some(4);
    }
    let bytes = value.to_be_bytes();
    copy(bytes.get(bytes.len().checked_sub(len)?..)?, to);
    Some(len)
}

/// Copies as many bytes as both have.
fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// How nftables has a narrow field in a register: how many bytes, and whether in the machine's order.
fn in_register(field: Field) -> (usize, bool) {
    match field {
        Field::MetaLength | Field::MetaMark | Field::MetaIif | Field::MetaOif => (4, true),
        Field::MetaProtocol
        | Field::IpLength
        | Field::IpId
        | Field::IpFragOff
        | Field::IpChecksum
        | Field::Ip6Length
        | Field::ThSport
        | Field::ThDport
        | Field::TcpSport
        | Field::TcpDport
        | Field::UdpSport
        | Field::UdpDport => (2, false),
        Field::MetaNfproto
        | Field::MetaL4proto
        | Field::MetaPkttype
        | Field::IpVersion
        | Field::IpHdrlength
        | Field::IpDscp
        | Field::IpEcn
        | Field::IpTtl
        | Field::IpProtocol
        | Field::Ip6Version
        | Field::Ip6Ecn
        | Field::Ip6Dscp
        | Field::Ip6Nexthdr
        | Field::Ip6Hoplimit
        | Field::TcpFlags
        | Field::IcmpType
        | Field::IcmpCode
        | Field::Icmpv6Type
        | Field::Icmpv6Code => (1, false),
        Field::Ip6Flowlabel => (3, false),
        _ => (4, false),
    }
}

/// `jhash()` of the kernel: Bob Jenkins' lookup3. Words are in the machine's order, the last bytes as on a
/// little-endian one.
pub(crate) fn jhash(key: &[u8], seed: u32) -> u32 {
    let start = INITIAL
        .wrapping_add(u32::try_from(key.len()).unwrap_or(u32::MAX))
        .wrapping_add(seed);
    let mut state = [start; 3];
    let mut rest = key;
    while rest.len() > 12 {
        let (block, behind) = rest.split_at_checked(12).unwrap_or((rest, &[]));
        for (word, bytes) in state.iter_mut().zip(block.chunks_exact(4)) {
            let bytes = bytes.first_chunk().copied().unwrap_or_default();
            *word = word.wrapping_add(u32::from_ne_bytes(bytes));
        }
        state = mix(state);
        rest = behind;
    }
    if rest.is_empty() {
        let [_, _, c] = state;
        return c;
    }
    for (word, bytes) in state.iter_mut().zip(rest.chunks(4)) {
        for (byte, shift) in bytes.iter().zip([0_u32, 8, 16, 24]) {
            *word = word.wrapping_add(u32::from(*byte).wrapping_shl(shift));
        }
    }
    finish(state)
}

/// `__jhash_mix`.
fn mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    [a, b, c]
}

/// `__jhash_final`.
fn finish([mut a, mut b, mut c]: [u32; 3]) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}
