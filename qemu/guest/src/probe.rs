// SPDX-License-Identifier: GPL-2.0
//! Probe.
use std::process::ExitCode;
pub(crate) fn main() -> ExitCode { ExitCode::FAILURE }
