// SPDX-License-Identifier: GPL-2.0
//! How much of nftables' and iptables' own rule tests userctl gets right.
//!
//! ```text
//! corpora ─┬► nft_rules (a file: its head, its lines) ─► trial (userctl, stage by stage)
//!          │                                               ├─► listing (are two the same?)
//!          ├► iptables_rules, translations,                │
//!          │  saved_rulesets ─► import ────────────────────┘
//!          ▼                       └─► equivalence (the same effects on generated packets?)
//!        score (right, wrong, unsupported, apart) ─► report (table, lines, JSON), promised
//!          └─► floors (what must not get worse)
//! ```
//!
//! Apart from the scores, [`loading`] has nft read what userctl lists.
//!
//! `cargo xtask conformance` runs the program of this crate, and the crate's test holds the scores
//! to their [`floors`]. Only userctl's public interface is used: what is scored is what users get.

pub mod corpora;
mod equivalence;
pub mod floors;
mod import;
pub mod iptables_rules;
mod listing;
pub mod loading;
mod machine;
pub mod nft_rules;
mod packets;
pub mod promised;
pub mod report;
pub mod saved_rulesets;
pub mod score;
pub mod translations;
mod trial;
