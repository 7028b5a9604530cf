// SPDX-License-Identifier: GPL-2.0
//! Ferrule: a packet filter. The driver.
//!
//! ```text
//!            ioctl                                            packet
//!              │                                                │
//! device ──► draft ──► namespace ──► ruleset ◄─────────────── hook ──► verdict
//!   │   copy, verify      │    publish, retire    read (RCU)    │
//!   │                     │                                     │ count
//!   └── values ◄──────────┴── counters, points ◄────────────────┘
//! ```
//!
//! | file | concept |
//! | --- | --- |
//! | `device` | `/dev/ferrule`: who may ask what, and in which words (errno is known here only) |
//! | `ruleset` | what is published; `ruleset/draft`: how user bytes become it |
//! | `namespace` | what a network namespace has: one published ruleset, one writer at a time; `namespace/points`: its hook points |
//! | `hook` | what happens to a packet; `packet`: how the engine sees it |
//! | `counters` | values that outlive programs |
//! | `facilities` | what a program needs of the kernel: conntrack, loggers and so on |
//! | `states` | limits, quotas and their kin, which outlive them too |
//! | `sets` | sets and maps: elements that packets look up and change |
//! | `events` | what subscribers are told |
//! | `clock` | what timeouts and limits go by |
//! | `abstractions` | the kernel's C interfaces, made safe: the only `unsafe` |
//!
//! # Life of the module
//!
//! Loading makes a [`namespace::Namespace`] for every network namespace, and one for each that
//! comes later: ten hook functions at priority 0 and an empty ruleset, which counts and accepts. Then the
//! device appears. Removing undoes it in the opposite order: the device first (an open descriptor holds the
//! module, so there is none), then the hook functions, then, after a grace period, the memory.
//!
//! # Rules of this crate
//!
//! - No `unsafe` outside `abstractions`.
//! - Nothing panics: no indexing, no `unwrap`, no arithmetic that may overflow unnoticed.
//! - The path of a packet neither allocates, nor locks, nor writes to memory that another CPU writes to;
//!   unless a rule says so: limits and quotas are shared by all CPUs, and what a packet adds to a set is memory.
#![deny(unsafe_code)]

use kernel::{
    miscdevice::{MiscDeviceOptions, MiscDeviceRegistration},
    prelude::*,
};

#[allow(unsafe_code, reason = "this is the place for it")]
mod abstractions;
mod clock;
mod counters;
mod device;
mod events;
mod facilities;
mod hook;
mod namespace;
mod packet;
mod ruleset;
mod sets;
mod states;

use abstractions::net_namespace::Subsystem;
use device::Descriptor;
use namespace::Namespace;

module! {
    type: Ferrule,
    name: "ferrule",
    authors: ["Ferrule developers"],
    description: "Packet filter: verified rule programs at the netfilter hooks",
    license: "GPL",
}

/// The module. Fields are dropped in this order: the device goes before what it gives access to.
#[pin_data]
struct Ferrule {
    #[pin]
    device: MiscDeviceRegistration<Descriptor>,
    #[pin]
    namespaces: Subsystem<Namespace>,
    notice: Notice,
}

impl kernel::InPlaceModule for Ferrule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            namespaces <- Subsystem::register(),
            device <- MiscDeviceRegistration::register(MiscDeviceOptions { name: c"ferrule" }),
            notice: Notice::new(),
        })
    }
}

/// Says in the kernel's log that the module is there, and that it was.
struct Notice;

impl Notice {
    fn new() -> Self {
        pr_info!("loaded, ABI version {}\n", ferrule_uapi::ABI_VERSION);
        Notice
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        pr_info!("unloaded\n");
    }
}
