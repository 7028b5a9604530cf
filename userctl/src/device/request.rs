// SPDX-License-Identifier: GPL-2.0
//! Arguments of the ioctls, filled in but for addresses, which [`super::ioctl`] adds.

use ferrule_uapi::ioctl as abi;
use ferrule_uapi::ABI_VERSION;

use super::{Expected, LoadMode, Reset, Value};

/// How far the ABI versions are tried to learn which one the module speaks.
pub(super) const PROBED_VERSIONS: u32 = 64;

impl Expected {
    /// The generation as the module is told.
    fn raw(self) -> u64 {
        match self {
            Expected::Any => abi::GENERATION_ANY,
            Expected::Generation(generation) => generation,
        }
    }
}

/// Asks what is loaded, in the given version of the ABI.
pub(super) fn info(version: u32) -> abi::Info {
    abi::Info {
        size: size_of::<abi::Info>() as u32,
        version,
        ..abi::Info::default()
    }
}

/// Asks to verify a program and perhaps to publish it.
pub(super) fn load(expected: Expected, mode: LoadMode) -> abi::Load {
    abi::Load {
        size: size_of::<abi::Load>() as u32,
        version: ABI_VERSION,
        flags: mode_flags(mode),
        expected_generation: expected.raw(),
        ..abi::Load::default()
    }
}

/// Asks to flush (no flags) or to reset (what [`reset_flags`] says).
pub(super) fn change(expected: Expected, flags: u32) -> abi::Change {
    abi::Change {
        size: size_of::<abi::Change>() as u32,
        version: ABI_VERSION,
        flags,
        expected_generation: expected.raw(),
        ..abi::Change::default()
    }
}

/// Which counters to set to zero.
pub(super) fn reset_flags(what: Reset) -> u32 {
    match what {
        Reset::Counters => abi::RESET_COUNTERS,
        Reset::Hooks => abi::RESET_HOOKS,
        Reset::States => abi::RESET_STATES,
        Reset::All => abi::RESET_COUNTERS | abi::RESET_HOOKS | abi::RESET_STATES,
    }
}

/// Asks to change elements.
pub(super) fn set_change(expected: Expected, mode: LoadMode) -> abi::SetChange {
    abi::SetChange {
        size: size_of::<abi::SetChange>() as u32,
        version: ABI_VERSION,
        flags: mode_flags(mode),
        expected_generation: expected.raw(),
        ..abi::SetChange::default()
    }
}

/// Asks for elements of a set.
pub(super) fn read_set(expected: Expected, set: u64, flags: u32) -> abi::ReadSet {
    abi::ReadSet {
        size: size_of::<abi::ReadSet>() as u32,
        version: ABI_VERSION,
        flags,
        expected_generation: expected.raw(),
        set,
        ..abi::ReadSet::default()
    }
}

/// Asks to begin one counter or state anew.
pub(super) fn reset_value(expected: Expected, which: Value, identity: u64) -> abi::ResetValue {
    abi::ResetValue {
        size: size_of::<abi::ResetValue>() as u32,
        version: ABI_VERSION,
        flags: match which {
            Value::Counter => abi::RESET_COUNTERS,
            Value::State => abi::RESET_STATES,
        },
        expected_generation: expected.raw(),
        identity,
        ..abi::ResetValue::default()
    }
}

/// Asks for events.
pub(super) fn subscribe(events: u32, capacity: u32, snaplen: u32) -> abi::Subscribe {
    abi::Subscribe {
        size: size_of::<abi::Subscribe>() as u32,
        version: ABI_VERSION,
        events,
        capacity,
        snaplen,
        ..abi::Subscribe::default()
    }
}

/// Whether anything is to be done.
fn mode_flags(mode: LoadMode) -> u32 {
    match mode {
        LoadMode::Publish => 0,
        LoadMode::DryRun => abi::LOAD_DRY_RUN,
    }
}

/// Asks for elements.
pub(super) fn read(expected: Expected) -> abi::Read {
    abi::Read {
        size: size_of::<abi::Read>() as u32,
        version: ABI_VERSION,
        expected_generation: expected.raw(),
        ..abi::Read::default()
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    /// The 32-bit words of an argument, as the module reads them.
    fn words(argument: &(impl IntoBytes + zerocopy::Immutable)) -> Vec<u32> {
        argument
            .as_bytes()
            .chunks_exact(4)
            .map(|word| u32::from_ne_bytes(word.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn info_says_its_size_and_version_and_nothing_else() {
        let words = words(&info(1));
        assert_eq!(words[..2], [104, 1]);
        assert!(words[2..].iter().all(|&word| word == 0));
    }

    #[test]
    fn a_load_carries_its_flag_and_the_expected_generation() {
        let encoded = words(&load(Expected::Generation(7), LoadMode::DryRun));
        assert_eq!(encoded[..6], [80, ABI_VERSION, 1, 0, 7, 0]);
        let encoded = words(&load(Expected::Any, LoadMode::Publish));
        assert_eq!(encoded[..6], [80, ABI_VERSION, 0, 0, 0, 0]);
        assert!(encoded[6..].iter().all(|&word| word == 0));
    }

    #[test]
    fn a_flush_has_no_flags_and_a_reset_says_which_counters() {
        assert_eq!(
            words(&change(Expected::Any, 0)),
            [32, ABI_VERSION, 0, 0, 0, 0, 0, 0]
        );
        let flags = [Reset::Counters, Reset::Hooks, Reset::States, Reset::All].map(reset_flags);
        assert_eq!(flags, [1, 2, 4, 7]);
    }

    #[test]
    fn a_read_of_a_generation_above_32_bits_keeps_all_of_it() {
        let encoded = words(&read(Expected::Generation(0x1_0000_0002)));
        let generation = u64::from_ne_bytes(encoded[4..6].as_bytes().try_into().unwrap());
        assert_eq!(encoded[..4], [56, ABI_VERSION, 0, 0]);
        assert_eq!(generation, 0x1_0000_0002);
        assert!(encoded[6..].iter().all(|&word| word == 0));
    }
}
