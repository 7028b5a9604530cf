// SPDX-License-Identifier: GPL-2.0

//! The workloads: one file each.

pub(crate) mod addresses;
pub(crate) mod blocklist;
pub(crate) mod chains;
pub(crate) mod classbench;
pub(crate) mod server;
pub(crate) mod services;
pub(crate) mod sets;
