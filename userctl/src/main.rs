// SPDX-License-Identifier: GPL-2.0
//! userctl.
fn main() {}
