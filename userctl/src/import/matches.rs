// SPDX-License-Identifier: GPL-2.0
//! The matches, by what they look at.

pub(super) use addresses::set_and_key;

mod addresses;
mod bpf;
mod conntrack;
mod fields;
pub(super) mod hashlimit;
mod headers6;
mod host;
mod icmp;
mod payload;
mod ports;
mod rates;
pub(super) mod recent;
mod route;
mod sctp;
mod security;
mod time;

use super::extension::Extension;

/// All of them.
pub(super) static ALL: &[&[Extension]] = &[
    addresses::ALL,
    bpf::ALL,
    conntrack::ALL,
    fields::ALL,
    hashlimit::ALL,
    headers6::ALL,
    host::ALL,
    icmp::ALL,
    payload::ALL,
    ports::ALL,
    rates::ALL,
    recent::ALL,
    route::ALL,
    sctp::ALL,
    security::ALL,
    time::ALL,
];
