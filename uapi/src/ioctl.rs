// SPDX-License-Identifier: GPL-2.0
//! What `ioctl(2)` on the device takes.
//!
//! A descriptor is bound to the network namespace of the process that opened the device. Every
//! argument begins with its own size and [`crate::ABI_VERSION`]; what the module writes back is marked
//! *out*, and in a refused call only [`Load`]'s `error_*` are written.
//!
//! | errno | means |
//! | --- | --- |
//! | `ENOTTY` | no such ioctl |
//! | `EINVAL` | wrong size, unknown flag, non-zero reserved field; a program that does not verify (`error_code` says why) |
//! | `EPROTO` | wrong version |
//! | `EFAULT` | a pointer that cannot be read or written |
//! | `E2BIG` | a program larger than [`crate::limit::MAX_PROGRAM_SIZE`] |
//! | `EPERM` | a change without `CAP_NET_ADMIN` in the user namespace that owns the network namespace |
//! | `ESTALE` | the generation is not the expected one |
//! | `ENOENT` | no such set, element, counter or state |
//! | `ENOSPC` | the buffer is too small: `count` says what is needed |
//! | `ENOMEM` | no memory |
//! | `ENODEV` | the namespace is going away |

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// "Whatever the generation is" in an expected generation.
pub const GENERATION_ANY: u64 = 0;

abi_struct! {
    /// What is loaded. Argument of [`IOC_INFO`].
    pub struct Info = ferrule_info {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// Out: generation of the published ruleset. The first, empty one is 1.
        pub generation: u64,
        /// Out: size of the published program in bytes; 0 if the ruleset is empty.
        pub program_size: u32,
        /// Out: size of its source section in bytes.
        pub source_size: u32,
        /// Out: instructions.
        pub insns: u32,
        /// Out: chains.
        pub chains: u32,
        /// Out: base chains.
        pub base_chains: u32,
        /// Out: rules.
        pub rules: u32,
        /// Out: counters.
        pub counters: u32,
        /// Out: hook functions registered in this namespace.
        pub hooks: u32,
        /// Out: most instructions that one packet may cost at one base chain.
        pub max_steps: u32,
        /// Out: possible CPUs, each with counters of its own.
        pub cpus: u32,
        /// Out: when the ruleset was published, in nanoseconds since the epoch.
        pub published_at: u64,
        /// Out: user of whoever published it, as seen from the reader's user namespace.
        pub published_uid: u32,
        /// Out: process (thread group) that published it, as in the initial PID namespace.
        pub published_pid: u32,
        /// Zero.
        pub reserved: [u64; 4],
    }
}

/// [`Load::flags`]: verify and say what would happen; change nothing.
pub const LOAD_DRY_RUN: u32 = 1;

abi_struct! {
    /// A ruleset to publish. Argument of [`IOC_LOAD`].
    pub struct Load = ferrule_load {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// [`LOAD_DRY_RUN`].
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
        /// Refuse (`ESTALE`) unless this generation is the published one; [`GENERATION_ANY`].
        pub expected_generation: u64,
        /// Address of the program.
        pub program: u64,
        /// Its size in bytes.
        pub program_size: u64,
        /// Out: the new generation, or the present one after a dry run.
        pub generation: u64,
        /// Out: a [`crate::error::VerifyError`] if the program was refused, else 0.
        pub error_code: u32,
        /// Out: [`crate::program::SectionId`] of what was refused, [`ERROR_IN_BATCH`], or
        /// [`crate::NONE`].
        pub error_section: u32,
        /// Out: index of the element in that section; of the op, if it is the batch.
        pub error_index: u32,
        /// Out: index of the element in the op, if it is the batch.
        pub error_element: u32,
        /// Address of a batch of changes to elements that are published with the program
        /// ([`crate::set`]); 0 if there are none.
        pub batch: u64,
        /// Its size in bytes.
        pub batch_size: u64,
    }
}

/// [`Load::error_section`], [`SetChange::error_section`]: an element of the batch was refused.
pub const ERROR_IN_BATCH: u32 = 0x100;

abi_struct! {
    /// Changes to elements of the published sets. Argument of [`IOC_CHANGE_SETS`]. All are seen by
    /// packets at once, or none.
    pub struct SetChange = ferrule_set_change {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// [`LOAD_DRY_RUN`].
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
        /// Refuse (`ESTALE`) unless this generation is the published one; [`GENERATION_ANY`].
        pub expected_generation: u64,
        /// Address of the batch.
        pub batch: u64,
        /// Its size in bytes.
        pub batch_size: u64,
        /// Out: the generation of the ruleset, which does not change.
        pub generation: u64,
        /// Out: a [`crate::error::VerifyError`] if the batch was refused, else 0.
        pub error_code: u32,
        /// Out: [`ERROR_IN_BATCH`] or [`crate::NONE`].
        pub error_section: u32,
        /// Out: index of the op.
        pub error_index: u32,
        /// Out: index of the element in the op.
        pub error_element: u32,
    }
}

/// [`ReadSet::flags`]: begin the states of what is read anew (`reset element`, `reset set`).
pub const READ_RESET: u32 = 1;

/// [`ReadSet::flags`]: only the element whose key is in the buffer (`get element`); the answer says an
/// interval that holds it.
pub const READ_ONE: u32 = 2;

abi_struct! {
    /// Elements of a set, in the form of a batch with one op. Argument of [`IOC_ELEMENTS`]. `capacity` and
    /// `count` are bytes.
    pub struct ReadSet = ferrule_read_set {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// [`READ_RESET`], [`READ_ONE`].
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
        /// Refuse (`ESTALE`) unless this generation is the published one; [`GENERATION_ANY`].
        pub expected_generation: u64,
        /// Identity of the set.
        pub set: u64,
        /// Address of the buffer.
        pub buffer: u64,
        /// How many bytes fit there.
        pub capacity: u64,
        /// Out: how many bytes there are (written with `ENOSPC` too).
        pub count: u64,
        /// Out: the generation.
        pub generation: u64,
    }
}

abi_struct! {
    /// Value of a state, in the order of the program's states section (templates: zero).
    /// A limit: tokens that are left, in nanoseconds; 0. A quota: bytes used; 0. Last: 1 if ever; milliseconds
    /// since. Connections: how many; 0. A counter: packets; bytes. A number: the next one; 0.
    pub struct StateValue = ferrule_state_value {
        /// See above.
        pub a: u64,
        /// See above.
        pub b: u64,
    }
}

abi_struct! {
    /// Begins one counter or state anew and says what it was. Argument of [`IOC_RESET_VALUE`].
    pub struct ResetValue = ferrule_reset_value {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// [`RESET_COUNTERS`] or [`RESET_STATES`]: which section it is in.
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
        /// Refuse (`ESTALE`) unless this generation is the published one; [`GENERATION_ANY`].
        pub expected_generation: u64,
        /// Its identity.
        pub identity: u64,
        /// Out: what it was: packets, or the first number of the state.
        pub a: u64,
        /// Out: bytes, or the second number.
        pub b: u64,
        /// Out: the generation.
        pub generation: u64,
    }
}

abi_struct! {
    /// Subscribes this descriptor to events ([`crate::event`]), or changes what it is subscribed to.
    /// Argument of [`IOC_SUBSCRIBE`].
    pub struct Subscribe = ferrule_subscribe {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// No flag is defined: zero.
        pub flags: u32,
        /// Set of bits `1 << EventKind`; 0: no longer.
        pub events: u32,
        /// Bytes of events to hold until they are read: 4 KiB to 4 MiB; 0: 256 KiB.
        pub capacity: u32,
        /// Bytes of each packet: at most 1500; 0: 64.
        pub snaplen: u32,
    }
}

/// [`Change::flags`] of [`IOC_RESET`]: the counters of rules and policies.
pub const RESET_COUNTERS: u32 = 1;

/// [`Change::flags`] of [`IOC_RESET`]: the counters of hooks.
pub const RESET_HOOKS: u32 = 2;

/// [`Change::flags`] of [`IOC_RESET`]: quotas and `last` of rules and objects.
pub const RESET_STATES: u32 = 4;

abi_struct! {
    /// Argument of [`IOC_FLUSH`] and [`IOC_RESET`].
    pub struct Change = ferrule_change {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// For [`IOC_RESET`]: [`RESET_COUNTERS`], [`RESET_HOOKS`], at least one.
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
        /// Refuse (`ESTALE`) unless this generation is the published one; [`GENERATION_ANY`].
        pub expected_generation: u64,
        /// Out: the generation after the change.
        pub generation: u64,
    }
}

abi_struct! {
    /// Argument of [`IOC_PROGRAM`] (bytes), [`IOC_COUNTERS`] ([`CounterValue`]) and [`IOC_HOOKS`]
    /// ([`HookValue`]).
    pub struct Read = ferrule_read {
        /// Size of this structure.
        pub size: u32,
        /// [`crate::ABI_VERSION`].
        pub version: u32,
        /// No flag is defined: zero.
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
        /// Refuse (`ESTALE`) unless this generation is the published one; [`GENERATION_ANY`].
        pub expected_generation: u64,
        /// Address of the buffer.
        pub buffer: u64,
        /// How many elements fit there.
        pub capacity: u64,
        /// Out: how many elements there are (written with `ENOSPC` too).
        pub count: u64,
        /// Out: the generation that they belong to.
        pub generation: u64,
    }
}

abi_struct! {
    /// Value of a counter, in the order of the program's counters section.
    pub struct CounterValue = ferrule_counter_value {
        /// Packets.
        pub packets: u64,
        /// Bytes, from the network header on.
        pub bytes: u64,
    }
}

abi_struct! {
    /// A registered hook function, and what passed it since the namespace began or was reset.
    pub struct HookValue = ferrule_hook_value {
        /// [`crate::hook::Family`]: ip or ip6.
        pub family: u8,
        /// [`crate::hook::Hook`].
        pub hook: u8,
        /// Zero.
        pub reserved: u16,
        /// Priority.
        pub priority: i32,
        /// Base chains that run here now.
        pub base_chains: u32,
        /// Zero.
        pub reserved2: u32,
        /// Packets that came.
        pub packets: u64,
        /// Their bytes, from the network header on.
        pub bytes: u64,
        /// Packets that went on.
        pub accepted: u64,
        /// Packets that ended here.
        pub dropped: u64,
    }
}

/// The ioctl type of all of them; `0xF7` is unused in the kernel's `ioctl-number.rst`.
pub const IOC_MAGIC: u32 = 0xf7;

/// `_IOWR(IOC_MAGIC, number, size)`.
const fn iowr(number: u32, size: usize) -> u32 {
    3 << 30 | (size as u32) << 16 | IOC_MAGIC << 8 | number
}

/// Says what is loaded: [`Info`].
pub const IOC_INFO: u32 = iowr(0, size_of::<Info>());

/// Publishes a ruleset: [`Load`].
pub const IOC_LOAD: u32 = iowr(1, size_of::<Load>());

/// Publishes the empty ruleset: [`Change`].
pub const IOC_FLUSH: u32 = iowr(2, size_of::<Change>());

/// Sets counters to zero: [`Change`].
pub const IOC_RESET: u32 = iowr(3, size_of::<Change>());

/// Gives the published program back, byte by byte as it was loaded: [`Read`].
pub const IOC_PROGRAM: u32 = iowr(4, size_of::<Read>());

/// Gives the counters' values: [`Read`] of [`CounterValue`].
pub const IOC_COUNTERS: u32 = iowr(5, size_of::<Read>());

/// Gives the registered hook functions and their counters: [`Read`] of [`HookValue`].
pub const IOC_HOOKS: u32 = iowr(6, size_of::<Read>());

/// Changes elements of sets: [`SetChange`].
pub const IOC_CHANGE_SETS: u32 = iowr(7, size_of::<SetChange>());

/// Gives elements of a set: [`ReadSet`].
pub const IOC_ELEMENTS: u32 = iowr(8, size_of::<ReadSet>());

/// Gives the states' values: [`Read`] of [`StateValue`].
pub const IOC_STATES: u32 = iowr(9, size_of::<Read>());

/// Begins one counter or state anew: [`ResetValue`].
pub const IOC_RESET_VALUE: u32 = iowr(10, size_of::<ResetValue>());

/// Subscribes to events: [`Subscribe`].
pub const IOC_SUBSCRIBE: u32 = iowr(11, size_of::<Subscribe>());
