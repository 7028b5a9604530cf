// SPDX-License-Identifier: GPL-2.0
//! Safe wrappers over the kernel's C interfaces: the only place in the module with `unsafe`.
//!
//! One file for each C header that is wrapped. What differs between kernel versions differs here,
//! and nowhere else in the module.
//!
//! | file | C header | what it gives |
//! | --- | --- | --- |
//! | `bottom_half` | `linux/bottom_half.h` | evidence that this code stays on its CPU |
//! | `percpu` | `linux/percpu.h` | counters that each CPU has to itself |
//! | `rcupdate` | `linux/rcupdate.h` | a published pointer, grace periods |
//! | `net_namespace` | `net/net_namespace.h` | network namespaces, and state that lives as long as they |
//! | `netfilter` | `linux/netfilter.h` | hook functions |
//! | `netdevice` | `linux/netdevice.h` | what a packet's interface is called |
//! | `skbuff` | `linux/skbuff.h` | a packet in a hook |
//!
//! `helpers.c` holds C inlines as functions; `bindings.h` is what bindgen reads, when the module is
//! built.

pub(crate) mod bottom_half;
pub(crate) mod clock;
pub(crate) mod conntrack;
pub(crate) mod dst;
pub(crate) mod fib;
mod member;
pub(crate) mod net_namespace;
pub(crate) mod netdevice;
pub(crate) mod netfilter;
pub(crate) mod nf_conncount;
pub(crate) mod nf_dup;
pub(crate) mod nf_log;
mod nf_queue;
pub(crate) mod nf_reject;
mod optional;
pub(crate) mod percpu;
pub(crate) mod rcupdate;
pub(crate) mod security;
pub(crate) mod skbuff;
pub(crate) mod sock;

/// What bindgen makes of `bindings.h`, beside the kernel's own [`kernel::bindings`].
#[allow(
    clippy::all,
    clippy::arithmetic_side_effects,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    reason = "generated code"
)]
mod bindings {
    use kernel::{bindings::*, ffi};

    include!("abstractions/bindings_generated.rs");
}
