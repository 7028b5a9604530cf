// SPDX-License-Identifier: GPL-2.0
//! The octet of IP that was "type of service" and is now a DSCP and two ECN bits.

use super::refusal::{Refusal, Result};
use super::values::masked;
use super::words::Word;

/// Classes of DSCP.
static CLASSES: &[(&str, u8)] = &[
    ("BE", 0),
    ("CS0", 0),
    ("CS1", 8),
    ("CS2", 16),
    ("CS3", 24),
    ("CS4", 32),
    ("CS5", 40),
    ("CS6", 48),
    ("CS7", 56),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("EF", 46),
];

/// Names of types of service. They leave the two bits alone that were not in it.
static NAMES: &[(&str, u8)] = &[
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];

/// The value of a class.
pub(super) fn class(word: &Word) -> Result<u64> {
    let found = CLASSES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&word.text));
    found.map(|(_, value)| u64::from(*value)).ok_or_else(|| {
        let message = format!("`{}` is no class of DSCP", word.text);
        Refusal::new(word.span, message).hint("BE, CS0 to CS7, AF11 to AF43, EF")
    })
}

/// Reads `value`, `value/mask` or a name; `default` is the mask of a value without one.
pub(super) fn value_and_mask(word: &Word, default: u8) -> Result<(u8, u8)> {
    let named = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&word.text));
    if let Some((_, value)) = named {
        return Ok((*value, 0x3f));
    }
    let (value, mask) = masked(word)?;
    let octets = u8::try_from(value)
        .ok()
        .zip(u8::try_from(mask.unwrap_or(default.into())).ok());
    octets.ok_or_else(|| {
        let message = format!("`{}` is more than an octet", word.text);
        Refusal::new(word.span, message)
    })
}
