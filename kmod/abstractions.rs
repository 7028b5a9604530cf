// SPDX-License-Identifier: GPL-2.0
//! Safe wrappers over the kernel's C interfaces: the only place in the module with `unsafe`.
//!
//! One file for each C header that is wrapped. What differs between kernel versions differs here,
//! and nowhere else in the module.
//!
//! | file | C header | what it gives |
//! | --- | --- | --- |
//! | `bottom_half` | `linux/bottom_half.h` | evidence that this code stays on its CPU |
//! | `clock` | `linux/timekeeping.h` | the time of day |
//! | `conntrack` | `net/netfilter/nf_conntrack.h` | a packet's connection; conntrack on and off |
//! | `dst` | `net/dst.h`, `net/xfrm.h` | a packet's route and its IPsec transformations |
//! | `fib` | `net/ip_fib.h`, `net/ip6_fib.h` | looking addresses up in the routing table |
//! | `net_namespace` | `net/net_namespace.h` | network namespaces, and state that lives as long as they |
//! | `netdevice` | `linux/netdevice.h` | a packet's interface |
//! | `netfilter` | `linux/netfilter.h` | hook functions |
//! | `nf_conncount` | `net/netfilter/nf_conntrack_count.h` | lists of connections |
//! | `nf_dup` | `net/netfilter/ipv4/nf_dup_ipv4.h` and IPv6's | copies of packets |
//! | `nf_log` | `net/netfilter/nf_log.h`, `linux/audit.h` | logging packets |
//! | `nf_queue` | `net/netfilter/nf_queue.h` | choosing a queue to user space |
//! | `nf_reject` | `net/netfilter/ipv4/nf_reject.h` and IPv6's | answering packets with errors |
//! | `optional` | `linux/module.h`, `linux/kmod.h` | functions of modules that need not be loaded |
//! | `percpu` | `linux/percpu.h` | counters that each CPU has to itself |
//! | `random` | `linux/random.h` | random numbers |
//! | `rculist` | `linux/rculist.h` | a hash table that is searched under RCU |
//! | `rcupdate` | `linux/rcupdate.h` | a published pointer, grace periods |
//! | `security` | `linux/security.h` | security marks |
//! | `kiocb` | `linux/fs.h` | how a file is read |
//! | `reroute` | `linux/netfilter_ipv4.h`, `linux/netfilter_ipv6.h` | routing a packet anew |
//! | `rwonce` | `asm/rwonce.h` | numbers that are read while they are written |
//! | `wait` | `linux/wait.h` | waiting for what a softirq brings |
//! | `workqueue` | `linux/workqueue.h` | work that is done later, and can be cancelled |
//! | `skbuff` | `linux/skbuff.h` | a packet in a hook |
//! | `sock` | `net/sock.h` | a packet's socket, and who owns it |
//!
//! `member` reads members of C structures by their offsets.
//!
//! `helpers.c` holds C inlines as functions; `bindings.h` is what bindgen reads, when the module is
//! built.

pub(crate) mod bottom_half;
pub(crate) mod clock;
pub(crate) mod conntrack;
pub(crate) mod dst;
pub(crate) mod fib;
pub(crate) mod kiocb;
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
pub(crate) mod random;
pub(crate) mod rculist;
pub(crate) mod rcupdate;
pub(crate) mod reroute;
pub(crate) mod rwonce;
pub(crate) mod security;
pub(crate) mod skbuff;
pub(crate) mod sock;
pub(crate) mod wait;
pub(crate) mod workqueue;

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
