// SPDX-License-Identifier: GPL-2.0
//! Events: what `read(2)` on a descriptor gives after it has subscribed ([`crate::ioctl::IOC_SUBSCRIBE`]).
//!
//! A read gives as many whole events as fit, and waits for the first (unless `O_NONBLOCK`). Each begins
//! with an [`Event`]; what follows it is as long as `size` says, rounded up to a multiple of 8. Events that
//! come faster than they are read are lost, and the next one says how many.

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

abi_enum! {
    /// What happened.
    pub enum EventKind: u32 = "FERRULE_EVENT_" {
        /// A `log` statement: a [`LogEvent`] and the packet's first bytes follow.
        Log = 1, "LOG",
        /// Another ruleset was published. Nothing follows.
        Ruleset = 2, "RULESET",
        /// Elements were changed by request: the batch follows, as far as it has at most 64 KiB.
        Elements = 3, "ELEMENTS",
    }
}

abi_struct! {
    /// The beginning of an event.
    pub struct Event = ferrule_event {
        /// Bytes of this structure and of what follows, without padding.
        pub size: u32,
        /// An [`EventKind`].
        pub kind: u32,
        /// When, in nanoseconds since the epoch.
        pub at: u64,
        /// Generation of the ruleset.
        pub generation: u64,
        /// How many events were lost before this one since the last.
        pub lost: u64,
    }
}

abi_struct! {
    /// A packet that was logged.
    pub struct LogEvent = ferrule_log_event {
        /// Index of the rule in the program of that generation.
        pub rule: u32,
        /// Index in its logs section.
        pub log: u32,
        /// Receiving interface, or 0.
        pub iif: u32,
        /// Sending interface, or 0.
        pub oif: u32,
        /// The mark.
        pub mark: u32,
        /// Bytes of the packet from the network header on.
        pub len: u32,
        /// Bytes of it that follow.
        pub caplen: u32,
        /// [`crate::hook::Family`]: ip or ip6.
        pub family: u8,
        /// [`crate::hook::Hook`].
        pub hook: u8,
        /// Zero.
        pub reserved: u16,
    }
}
