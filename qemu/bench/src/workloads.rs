// SPDX-License-Identifier: GPL-2.0

//! The workloads: one file each.

pub(crate) mod addresses;
pub(crate) mod blocklist;
pub(crate) mod chains;
