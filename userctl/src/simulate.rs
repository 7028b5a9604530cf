// SPDX-License-Identifier: GPL-2.0
//! A capture's packets through a program, on the host.
//!
//! ```text
//! file ─► capture (pcap, pcapng: records) ─► frame (link header: where the IP packet is)
//!                                              │
//!                       program ─► crate::host (every base chain at the hook, in order)
//!                                              │
//!                                     annotate (pcapng with the verdicts as comments)
//! ```
//!
//! The engine is the one that the module runs, and no kernel is involved. A capture lacks what only
//! the machine it was taken on knew: which interfaces, which connection; a [`Context`](crate::host::Context) gives it.

pub mod annotate;
pub mod capture;
pub mod connection;
pub mod frame;
pub mod headline;
pub mod interfaces;
pub mod ruling;
