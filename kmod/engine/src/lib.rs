// SPDX-License-Identifier: GPL-2.0
//! Engine.
#![no_std]
#![forbid(unsafe_code)]
