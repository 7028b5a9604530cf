// SPDX-License-Identifier: GPL-2.0
//! Checksums: the Internet's, put right after a change (RFC 1624), and SCTP's CRC32c (RFC 9260).

/// The Internet checksum `sum` after bytes under it changed (RFC 1624). `from` and `to` lie at an even
/// distance from where it begins.
#[inline(never)]
pub fn replaced(sum: u16, from: &[u8], to: &[u8]) -> u16 {
    let removed = |bytes: &[u8]| added(bytes, 0xffff);
    let total = u64::from(!sum)
        .wrapping_add(removed(from))
        .wrapping_add(added(to, 0));
    !folded(total)
}

/// The words of `bytes`, each xor `mask`, added up. A last odd byte is the upper half of a word.
fn added(bytes: &[u8], mask: u16) -> u64 {
    let mut sum = 0_u64;
    for word in bytes.chunks(2) {
        let high = word.first().copied().unwrap_or(0);
        let low = word.get(1).copied().unwrap_or(0);
        let word = u16::from_be_bytes([high, low]) ^ mask;
        sum = sum.wrapping_add(word.into());
    }
    sum
}

/// A sum of words with its carries added in.
fn folded(mut sum: u64) -> u16 {
    while let carry @ 1.. = sum.wrapping_shr(16) {
        sum = (sum & 0xffff).wrapping_add(carry);
    }
    sum as u16
}

/// One byte more under a CRC32c, whose polynomial is 0x1edc6f41 with its bits turned round.
pub(crate) fn crc32c(sum: u32, byte: u8) -> u32 {
    let mut sum = sum ^ u32::from(byte);
    for _ in 0..8 {
        let low = sum & 1;
        sum = sum.wrapping_shr(1) ^ if low != 0 { 0x82f6_3b78 } else { 0 };
    }
    sum
}
