// SPDX-License-Identifier: GPL-2.0
//! What a ruleset remembers after a run: counters and quotas of rules, elements of sets, objects, as both
//! tools list them in JSON; and making a namespace forget its connections.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use nix::sys::socket::{
    recv, sendto, socket, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
};
use serde_json::Value;

use crate::ferrule;
use crate::filter::Filter;
use crate::netns::Netns;

/// Everything that is remembered, by what remembers it, as text that is equal where the meaning is.
pub(super) type State = BTreeMap<String, String>;

/// What rules remember that is compared, by the names that it has in JSON. A limit's tokens are not
/// listed; what it lets pass is seen.
const REMEMBERED: [&str; 3] = ["counter", "quota", "last"];

/// Keys whose values depend on when they are looked at, or are given out by each tool for itself.
const VOLATILE: [&str; 2] = ["expires", "handle"];

/// nft cannot list what it has loaded: there are rulesets that make it crash.
#[derive(Debug)]
pub(super) struct NftFails(String);

impl fmt::Display for NftFails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NftFails {}

/// Reads it.
pub(super) fn read(filter: Filter, ns: &Netns) -> Result<State> {
    let output = match filter {
        Filter::Ferrule => ferrule::userctl(ns, &["-j", "list", "ruleset"])?.success()?,
        Filter::Nftables => {
            let output = ns.run(&["nft", "-j", "list", "ruleset"])?;
            if output.status != Some(0) {
                return Err(NftFails(output.to_string()).into());
            }
            output
        }
    };
    parse(&output.stdout)
}

fn parse(json: &str) -> Result<State> {
    let listing: Value = serde_json::from_str(json).context("a listing in JSON")?;
    let objects = listing["nftables"].as_array().context("no list in JSON")?;
    let mut state = State::new();
    for object in objects.iter().filter_map(Value::as_object) {
        for (kind, value) in object {
            if let Some((name, text)) = remembered(kind, value) {
                state.insert(name, text);
            }
        }
    }
    Ok(state)
}

/// What one object of the listing remembers.
fn remembered(kind: &str, value: &Value) -> Option<(String, String)> {
    let word = |key: &str| value[key].as_str().unwrap_or_default();
    let name = format!(
        "{kind} {} {} {}",
        word("family"),
        word("table"),
        word("name")
    );
    match kind {
        "rule" => {
            let name = format!("rule {}", word("comment"));
            let parts = value["expr"]
                .as_array()?
                .iter()
                .filter_map(Value::as_object);
            let known = parts
                .flatten()
                .filter(|(key, _)| REMEMBERED.contains(&key.as_str()));
            // What has a name has it for its value.
            let own: Vec<_> = known
                .filter(|(_, value)| !value.is_string())
                .map(|(key, value)| format!("{key} {}", normal_of(key, value)))
                .collect();
            (!own.is_empty()).then(|| (name, own.join(", ")))
        }
        "set" | "map" => {
            let elements = value["elem"].as_array().into_iter().flatten();
            let is_dynamic = value["flags"].to_string().contains("dynamic");
            let text = |element: &Value| match &element["elem"]["val"] {
                // Statements that the rule brought along are not compared; see the table of quirks.
                key if is_dynamic && !key.is_null() && element["elem"]["timeout"].is_null() => {
                    normal(key).to_string()
                }
                _ => normal(element).to_string(),
            };
            let mut elements: Vec<_> = elements.map(text).collect();
            elements.sort();
            Some((name, elements.join(", ")))
        }
        "counter" | "quota" => Some((name, normal(value).to_string())),
        _ => None,
    }
}

/// A value without what is different each time.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map
                .iter()
                .filter(|(key, _)| !VOLATILE.contains(&key.as_str()));
            let sorted: BTreeMap<_, _> = kept
                .map(|(key, value)| (key.clone(), normal_of(key, value)))
                .collect();
            sorted.into_iter().collect()
        }
        Value::Array(list) => list.iter().map(normal).collect(),
        other => other.clone(),
    }
}

/// The same, of the value of a key: of `last` only whether there was a packet.
fn normal_of(key: &str, value: &Value) -> Value {
    if key == "last" {
        return Value::from(if value.is_null() { "never" } else { "used" });
    }
    normal(value)
}

/// Makes conntrack forget what it has seen in a namespace.
pub(super) fn forget_connections(ns: &Netns) -> Result<()> {
    ns.inside(flush_conntrack)?
        .context("cannot flush conntrack")
}

fn flush_conntrack() -> Result<()> {
    /// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE` without a tuple: all of them.
    const DELETE: u16 = 1 << 8 | 2;
    /// `NLM_F_REQUEST | NLM_F_ACK`.
    const FLAGS: u16 = 1 | 4;
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )?;
    let mut message = Vec::new();
    message.extend_from_slice(&20_u32.to_ne_bytes());
    message.extend_from_slice(&DELETE.to_ne_bytes());
    message.extend_from_slice(&FLAGS.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[0; 4]);
    let kernel = NetlinkAddr::new(0, 0);
    sendto(netlink.as_raw_fd(), &message, &kernel, MsgFlags::empty())?;
    // The acknowledgement: it is done when this is there.
    let mut answer = [0; 256];
    recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_elements_are_known_by_what_has_them() {
        let json = r#"{"nftables": [
            {"rule": {"comment": "r1", "expr": [{"counter": {"packets": 1, "bytes": 40}}, {"drop": null}]}},
            {"set": {"family": "ip", "table": "t", "name": "s", "handle": 4, "elem": [
                {"elem": {"val": "10.0.0.2", "timeout": 60, "expires": 59}}, "10.0.0.1"]}}]}"#;
        let state = parse(json).expect("good JSON");
        assert_eq!(state["rule r1"], r#"counter {"bytes":40,"packets":1}"#);
        assert_eq!(
            state["set ip t s"],
            r#""10.0.0.1", {"elem":{"timeout":60,"val":"10.0.0.2"}}"#
        );
    }
}
