// SPDX-License-Identifier: GPL-2.0
//! The targets, by what they do.

mod connection;
mod log;
mod marks;
mod nat;
mod rewrite;
mod verdict;

use super::extension::Extension;

/// All of them.
pub(super) static ALL: &[&[Extension]] = &[
    connection::ALL,
    log::ALL,
    marks::ALL,
    nat::ALL,
    rewrite::ALL,
    verdict::ALL,
];
