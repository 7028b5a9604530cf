// SPDX-License-Identifier: GPL-2.0
//! The text that a program keeps: the ruleset's listing with handles, packed where that makes it smaller.
//!
//! ```text
//! listing ─► pack ─► source section ─► (kernel keeps it) ─► unpack ─► Ruleset::from_program, texts of rules
//! ```
//!
//! What the kernel gives back need not be what this tool packed. The text is never larger than a source section
//! may be, whatever it claims to unpack to.

use ferrule_engine::View;
use ferrule_uapi::limit;
use rustc_hash::FxHashMap;

/// The program's text cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No text in UTF-8.
    #[error("the program's source is not a text")]
    NotText,
    /// Not packed as its header says.
    #[error("the program's source cannot be unpacked")]
    NotPacked,
    /// Larger than a source section may be.
    #[error("the program's source unpacks to more than 64 MiB")]
    TooLarge,
}

/// The bytes of a source section, and whether they are packed ([`ferrule_uapi::program::PROGRAM_SOURCE_LZ4`]).
pub(crate) fn pack(text: String) -> (Vec<u8>, bool) {
    let len = (text.len() as u32).to_ne_bytes();
    let packed = [len.as_slice(), &lz4_flex::block::compress(text.as_bytes())].concat();
    match packed.len() < text.len() {
        true => (packed, true),
        false => (text.into_bytes(), false),
    }
}

/// The text of a source section.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn unpack(section: &[u8], packed: bool) -> Result<String, Unreadable> {
    if !packed {
        return String::from_utf8(section.to_vec()).map_err(|_| Unreadable::NotText);
    }
    let (len, block) = section.split_first_chunk().ok_or(Unreadable::NotPacked)?;
    let len = u32::from_ne_bytes(*len);
    if len > limit::MAX_SOURCE_SIZE {
        return Err(Unreadable::TooLarge);
    }
    let bytes = lz4_flex::block::decompress(block, len as usize);
    let bytes = bytes.map_err(|_| Unreadable::NotPacked)?;
    String::from_utf8(bytes).map_err(|_| Unreadable::NotText)
}

/// The text of a program.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn of(view: &View<'_>) -> Result<String, Unreadable> {
    unpack(view.source(), view.source_is_packed())
}

/// What stands before the handle on each line that ends in one, by handle: of rules, all that they are.
pub fn by_handle(text: &str) -> FxHashMap<u64, &str> {
    let lines = text.lines().filter_map(|line| {
        let (before, number) = line.rsplit_once(" # handle ")?;
        Some((number.parse().ok()?, before.trim_start()))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_and_small_texts_are_left_alone() {
        for text in [
            String::new(),
            "table ip t { # handle 1\n}\n".to_owned(),
            "a rule like all others\n".repeat(1000),
        ] {
            let (section, packed) = pack(text.clone());
            assert!(section.len() <= text.len());
            assert_eq!(packed, text.len() > 1000);
            assert_eq!(unpack(&section, packed), Ok(text));
        }
    }

    #[test]
    fn what_claims_to_be_larger_than_it_may_be_is_refused_before_memory_is_taken() {
        let mut section = pack("a".repeat(1000)).0;
        section[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(unpack(&section, true), Err(Unreadable::TooLarge));
        section[..4].copy_from_slice(&999_u32.to_ne_bytes());
        assert_eq!(unpack(&section, true), Err(Unreadable::NotPacked));
        assert_eq!(unpack(&section[..3], true), Err(Unreadable::NotPacked));
        assert_eq!(unpack(b"\xff", false), Err(Unreadable::NotText));
    }

    #[test]
    fn a_rules_text_is_what_stands_before_its_handle() {
        let text = "table ip t { # handle 1\n\tchain c { # handle 2\n\t\tip ttl 1 comment \"# handle 9\" # handle 3\n\t}\n}\n";
        let texts = by_handle(text);
        assert_eq!(texts[&3], "ip ttl 1 comment \"# handle 9\"");
        assert_eq!(texts.len(), 3);
    }
}
