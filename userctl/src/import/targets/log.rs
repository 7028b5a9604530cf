// SPDX-License-Identifier: GPL-2.0
//! What writes packets down: `LOG NFLOG TRACE AUDIT`.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::{quotable, Rule};
use crate::import::values::number;

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "LOG",
        &[
            Opt::value("log-level"),
            Opt::value("log-prefix"),
            Opt::flag("log-tcp-sequence"),
            Opt::flag("log-tcp-options"),
            Opt::flag("log-ip-options"),
            Opt::flag("log-uid"),
            Opt::flag("log-macdecode"),
        ],
        log,
    ),
    Extension::new(
        "NFLOG",
        &[
            Opt::value("nflog-group"),
            Opt::value("nflog-prefix"),
            Opt::value("nflog-range"),
            Opt::value("nflog-size"),
            Opt::value("nflog-threshold"),
        ],
        nflog,
    ),
    Extension::new("TRACE", &[], |_, rule| {
        rule.act("meta nftrace set 1");
        Ok(())
    })
    .tables(&["raw"]),
    Extension::new("AUDIT", &[Opt::value("type").required()], |used, rule| {
        let kinds = ["accept", "drop", "reject"];
        let known = |given: &Given| kinds.contains(&given.text().to_ascii_lowercase().as_str());
        match used.get("type").is_some_and(known) {
            true => rule.act("log level audit"),
            false => return Err(Refusal::new(used.span, "accept, drop or reject?")),
        }
        Ok(())
    }),
];

/// Levels by number: iptables' names, and nft's.
static LEVELS: &[(&[&str], &str)] = &[
    (&["emerg", "panic"], "emerg"),
    (&["alert"], "alert"),
    (&["crit"], "crit"),
    (&["err", "error"], "err"),
    (&["warning", "warn"], "warn"),
    (&["notice"], "notice"),
    (&["info"], "info"),
    (&["debug"], "debug"),
];

/// What both use if nothing is said.
const DEFAULT_LEVEL: &str = "warn";

fn level(given: &Given) -> Result<&'static str> {
    let text = given.text().to_ascii_lowercase();
    let named = LEVELS
        .iter()
        .find(|(names, _)| names.contains(&text.as_str()));
    let numbered = || {
        number(&given.word(), 7)
            .ok()
            .and_then(|index| LEVELS.get(index as usize))
    };
    let found = named.or_else(numbered);
    found.map(|(_, name)| *name).ok_or_else(|| {
        let message = format!("`{}` is no level", given.text());
        Refusal::new(given.span, message).hint("a name from emerg to debug, or 0 to 7")
    })
}

fn prefix(given: Option<&Given>, longest: usize) -> Result<String> {
    let Some(given) = given else {
        return Ok(String::new());
    };
    let text = given.text();
    if text.len() > longest {
        return Err(Refusal::new(
            given.span,
            format!("a prefix has at most {longest} bytes"),
        ));
    }
    match quotable(text) {
        true if text.is_empty() => Ok(String::new()),
        true => Ok(format!(" prefix \"{text}\"")),
        false => Err(
            Refusal::new(given.span, "nft's strings have no quotes in them")
                .hint("write ' instead"),
        ),
    }
}

fn log(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let mut text = format!("log{}", prefix(used.get("log-prefix"), 29)?);
    if let Some(given) = used.get("log-level") {
        let level = level(given)?;
        if level != DEFAULT_LEVEL {
            text.push_str(&format!(" level {level}"));
        }
    }
    match (used.has("log-tcp-sequence"), used.has("log-tcp-options")) {
        (true, true) => text.push_str(" flags tcp sequence,options"),
        (true, false) => text.push_str(" flags tcp sequence"),
        (false, true) => text.push_str(" flags tcp options"),
        (false, false) => {}
    }
    for (option, flag) in [
        ("log-ip-options", " flags ip options"),
        ("log-uid", " flags skuid"),
        ("log-macdecode", " flags ether"),
    ] {
        if used.has(option) {
            text.push_str(flag);
        }
    }
    rule.act(text);
    Ok(())
}

fn nflog(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if let Some(given) = used.get("nflog-range") {
        return Err(Refusal::new(given.span, "--nflog-range never did anything")
            .hint("--nflog-size limits what is copied"));
    }
    let mut text = format!("log{}", prefix(used.get("nflog-prefix"), 63)?);
    for (option, word, max) in [
        ("nflog-group", "group", 65535),
        ("nflog-size", "snaplen", u32::MAX.into()),
        ("nflog-threshold", "queue-threshold", 65535),
    ] {
        match used.get(option) {
            Some(given) => {
                let value = number(&given.word(), max)?;
                text.push_str(&format!(" {word} {value}"));
            }
            None if option == "nflog-group" => text.push_str(" group 0"),
            None => {}
        }
    }
    rule.act(text);
    Ok(())
}
