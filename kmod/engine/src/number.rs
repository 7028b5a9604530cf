// SPDX-License-Identifier: GPL-2.0
//! Numbers of up to 128 bits: as the ABI has them, as the machine reckons, and as bits of a packet.
//!
//! The first bit on the wire is the most significant. Bits are counted from the first bit of a header;
//! those before a byte's end that a value does not begin with belong to another value.

use ferrule_uapi::program::Wide;

/// Bits of the widest value.
pub(crate) const MAX_BITS: u16 = 128;

/// Most bytes that a value's bits lie in: 16, one more if it does not begin with a byte, and one that is
/// read along to make an even number.
pub(crate) const MAX_SPAN: usize = 18;

/// A 128-bit number of the ABI as one of the machine.
pub(crate) fn number(wide: Wide) -> u128 {
    u128::from(wide.hi).wrapping_shl(64) | u128::from(wide.lo)
}

/// A number of the machine as one of the ABI.
pub(crate) fn wide(number: u128) -> Wide {
    Wide {
        hi: number.wrapping_shr(64) as u64,
        lo: number as u64,
    }
}

/// A narrow number as a wide one.
pub(crate) fn widen(number: u32) -> Wide {
    Wide {
        hi: 0,
        lo: number.into(),
    }
}

/// The lowest `bits` bits, set.
pub(crate) fn ones(bits: u32) -> u128 {
    match bits {
        0 => 0,
        bits => u128::MAX.wrapping_shr(128_u32.wrapping_sub(bits)),
    }
}

/// Where bits of a header lie: bytes from `start` to `end`, from the header's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first bit.
    pub(crate) first: u32,
    /// How many: at most 128.
    pub(crate) bits: u32,
    /// The first byte.
    pub(crate) start: u32,
    /// The byte behind the last.
    pub(crate) end: u32,
}

impl Span {
    /// The bytes that `bits` bits from bit `first` on lie in.
    pub(crate) fn of(first: u32, bits: u32) -> Self {
        Span {
            first,
            bits,
            start: first >> 3,
            end: first.saturating_add(bits).div_ceil(8),
        }
    }

    /// How many bytes.
    pub(crate) fn len(self) -> u32 {
        self.end.wrapping_sub(self.start)
    }

    /// How many bits lie behind the value, up to the end of the last byte.
    fn behind(self) -> u32 {
        let end = self.end.wrapping_mul(8);
        end.wrapping_sub(self.first.wrapping_add(self.bits))
    }

    /// The value in `bytes`, which are those of the span.
    pub(crate) fn read(self, bytes: &[u8]) -> u128 {
        let behind = self.behind();
        if bytes.len() <= 8 {
            let mut word = [0_u8; 8];
            for (to, from) in word.iter_mut().rev().zip(bytes.iter().rev()) {
                *to = *from;
            }
            let value = u64::from_be_bytes(word).wrapping_shr(behind);
            return u128::from(value) & ones(self.bits);
        }
        // Bits of a first byte that belong to others are shifted out at the top, or masked.
        let mut value = 0_u128;
        let mut low = self.len().wrapping_mul(8);
        for byte in bytes {
            low = low.wrapping_sub(8);
            let byte = u128::from(*byte);
            value = match behind.saturating_sub(low) {
                0 => value.wrapping_shl(8) | byte,
                cut @ 1..8 => value.wrapping_shl(8_u32.wrapping_sub(cut)) | byte.wrapping_shr(cut),
                _ => value,
            };
        }
        value & ones(self.bits)
    }

    /// Puts `value` into `bytes`, which are those of the span; other bits stay.
    #[inline(never)]
    pub(crate) fn write(self, value: u128, bytes: &mut [u8]) {
        let mut behind = self.behind();
        let mut mask = ones(self.bits);
        let mut value = value & mask;
        for byte in bytes.iter_mut().rev() {
            if behind >= 8 {
                behind = behind.wrapping_sub(8);
                continue;
            }
            let of_mask = mask.wrapping_shl(behind) as u8;
            *byte = *byte & !of_mask | value.wrapping_shl(behind) as u8 & of_mask;
            let done = 8_u32.wrapping_sub(behind);
            value = value.wrapping_shr(done);
            mask = mask.wrapping_shr(done);
            behind = 0;
        }
    }
}
