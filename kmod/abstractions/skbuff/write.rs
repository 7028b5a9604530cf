// SPDX-License-Identifier: GPL-2.0
//! Changing a packet's bytes, and putting its checksums right.
//!
//! C header: [`include/net/checksum.h`](srctree/include/net/checksum.h)
//!
//! A transport checksum is one of three things in the kernel (`skb->ip_summed`): a number that must be right
//! in the packet; a number that the hardware is going to complete (`CHECKSUM_PARTIAL`: then the field has the
//! sum of the pseudo header); or the former with a sum of the whole packet noted beside it, which has to
//! follow changes (`CHECKSUM_COMPLETE`). What is done in each case is what `nft_payload.c` does.

use super::Skb;
use crate::abstractions::{bindings, member::Member};

const CSUM: Member<u32> = Member::at(bindings::FERRULE_SKB_CSUM);

/// `CHECKSUM_COMPLETE`.
const COMPLETE: u8 = 2;

/// `CHECKSUM_PARTIAL`.
const PARTIAL: u8 = 3;

impl Skb<'_> {
    /// What is known of the transport checksum (`skb->ip_summed`).
    fn summed(&self) -> u8 {
        // SAFETY: By the type invariants `skb` is valid.
        unsafe { bindings::ferrule_skb_ip_summed(self.skb.as_ptr()) }
    }

    /// Overwrites bytes at `offset` after the network header. `false` if they cannot be written: the packet
    /// has not that many, or there is no memory for a copy of what is shared.
    pub(crate) fn write(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let end = u64::from(offset).saturating_add(bytes.len() as u64);
        if end > u64::from(self.len) {
            return false;
        }
        let at = i64::from(self.offset).saturating_add(i64::from(offset));
        i32::try_from(at).is_ok_and(|at| self.store(at, bytes))
    }

    /// Overwrites bytes of the link header, at `offset` from its beginning.
    pub(crate) fn write_link(&mut self, offset: u32, bytes: &[u8]) -> bool {
        let len = self.link().len() as u64;
        if u64::from(offset).saturating_add(bytes.len() as u64) > len {
            return false;
        }
        let before = i64::from(self.offset).saturating_sub(len as i64);
        let at = before.saturating_add(i64::from(offset));
        i32::try_from(at).is_ok_and(|at| self.store(at, bytes))
    }

    /// Overwrites bytes at `at`, from `skb->data`, which the packet has.
    fn store(&mut self, at: i32, bytes: &[u8]) -> bool {
        let Ok(len) = i32::try_from(bytes.len()) else {
            return false;
        };
        let skb = self.skb.as_ptr();
        let end = at.saturating_add(len).max(0) as u32;
        // SAFETY: By the type invariants `skb` is valid and ours. Both check what they are told.
        let stored = unsafe {
            kernel::bindings::skb_ensure_writable(skb, end) == 0
                && kernel::bindings::skb_store_bits(skb, at, bytes.as_ptr().cast(), len) == 0
        };
        // Making it writable may have moved the linear part.
        self.locate();
        stored
    }

    /// Puts right the transport checksum at `at` after the network header, after bytes that it covers changed
    /// from `from` to `to` (`inet_proto_csum_replace_by_diff()`). `pseudo`: they belong to the pseudo header.
    pub(crate) fn fix_checksum(&mut self, at: u32, from: &[u8], to: &[u8], pseudo: bool) -> bool {
        let summed = self.summed();
        if summed == PARTIAL && !pseudo {
            return true;
        }
        let mut field = [0; 2];
        if !self.copy(at, &mut field) {
            return false;
        }
        let (from, to) = (sum(from), sum(to));
        let old = u32::from(u16::from_ne_bytes(field));
        let new = match summed {
            PARTIAL => fold(add(add(old, !from), to)),
            _ => !fold(add(add(!old, !from), to)),
        };
        if summed == COMPLETE && pseudo {
            // SAFETY: By the type invariants `skb` is valid.
            let whole = unsafe { CSUM.read(self.skb) };
            let whole = !add(add(!whole, !from), to);
            // SAFETY: As above, and it is ours to write to.
            unsafe { CSUM.write(self.skb, whole) };
        }
        self.write(at, &new.to_ne_bytes())
    }
}

/// `csum_add()`.
fn add(a: u32, b: u32) -> u32 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(u32::from(carry))
}

/// The one's complement sum of 32 bits in 16: `~csum_fold()`.
fn fold(sum: u32) -> u16 {
    let sum = (sum >> 16).wrapping_add(sum & 0xffff);
    let sum = (sum >> 16).wrapping_add(sum);
    sum as u16
}

/// `csum_partial()` of a few bytes, in the machine's order as it is there.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).fold(0, |total, pair| {
        let mut word = [0; 2];
        for (to, from) in word.iter_mut().zip(pair) {
            *to = *from;
        }
        add(total, u32::from(u16::from_ne_bytes(word)))
    })
}
