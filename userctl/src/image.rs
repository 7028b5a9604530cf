// SPDX-License-Identifier: GPL-2.0
//! Program bytes in aligned memory, and their way through the engine's verifier.
//!
//! What [`crate::compile`] makes and what the module gives back both become an [`Image`] here and
//! then a [`Program`]; commands look at programs through nothing else.

use ferrule_engine::{scratch_len, verify, Program, Refusal, Scratch, Storage};
use zerocopy::IntoBytes;

/// Bytes that begin at a multiple of eight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    words: Vec<u64>,
    len: usize,
}

impl Image {
    /// Copies `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        Self::filled(bytes.len(), |image| image.copy_from_slice(bytes))
    }

    /// `len` bytes, zero but for what `fill` writes.
    pub(crate) fn filled(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut words = vec![0_u64; len.div_ceil(size_of::<u64>())];
        if let Some(image) = words.as_mut_bytes().get_mut(..len) {
            fill(image);
        }
        Self { words, len }
    }

    /// Verifies the bytes as the module does.
    ///
    /// # Errors
    ///
    /// The first thing that the verifier finds wrong.
    pub fn verify(self) -> Result<Program<Image>, Refusal> {
        let mut scratch = vec![Scratch::ZERO; scratch_len(self.bytes())];
        verify(self, &mut scratch)
    }
}

impl Storage for Image {
    fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_bytes_it_was_made_of_whatever_their_number() {
        for len in 0..=17_u8 {
            let bytes: Vec<u8> = (0..len).collect();
            assert_eq!(Image::new(&bytes).bytes(), bytes);
        }
    }

    #[test]
    fn bytes_that_are_no_program_are_refused() {
        for bytes in [&b""[..], b"table inet filter {}\n", &[0; 4096]] {
            assert!(Image::new(bytes).verify().is_err());
        }
    }
}
