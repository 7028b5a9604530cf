// SPDX-License-Identifier: GPL-2.0
//! Addresses beyond `-s` and `-d`: `iprange mac pkttype set`.

use crate::import::arguments::{Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{address, address_text, not};
use crate::import::words::Word;

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "iprange",
        &[Opt::value("src-range").not(), Opt::value("dst-range").not()],
        iprange,
    ),
    Extension::new("mac", &[Opt::value("mac-source").not().required()], mac),
    Extension::new(
        "pkttype",
        &[Opt::value("pkt-type").not().required()],
        pkttype,
    ),
    Extension::new(
        "set",
        &[
            Opt::pair("match-set").not().required(),
            Opt::flag("return-nomatch"),
            Opt::flag("update-counters").not(),
            Opt::flag("update-subcounters").not(),
            Opt::value("packets-eq").not(),
            Opt::value("packets-lt"),
            Opt::value("packets-gt"),
            Opt::value("bytes-eq").not(),
            Opt::value("bytes-lt"),
            Opt::value("bytes-gt"),
        ],
        set,
    ),
];

fn iprange(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if used.given.is_empty() {
        return Err(Refusal::new(
            used.span,
            "`iprange` needs --src-range or --dst-range",
        ));
    }
    for (option, side) in [("src-range", "saddr"), ("dst-range", "daddr")] {
        let Some(given) = used.get(option) else {
            continue;
        };
        let text = given.text();
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let ends = address(low, rule.family).zip(address(high, rule.family));
        let Some((low, high)) = ends.filter(|(low, high)| low <= high) else {
            let message = format!("`{text}` is no range of addresses of {}", rule.ip());
            return Err(Refusal::new(given.span, message).hint("write FIRST-LAST"));
        };
        let mut range = address_text(low, rule.family);
        if low != high {
            range = format!("{range}-{}", address_text(high, rule.family));
        }
        rule.test(format!(
            "{} {side} {}{range}",
            rule.ip(),
            not(given.negated)
        ));
    }
    Ok(())
}

fn mac(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("mac-source") else {
        return Ok(());
    };
    let bytes: Vec<_> = given.text().split(':').collect();
    let byte =
        |text: &&str| (1..=2).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
    if bytes.len() != 6 || !bytes.iter().all(byte) {
        let message = format!("`{}` is no link-layer address", given.text());
        return Err(Refusal::new(given.span, message).hint("six bytes: 02:00:00:00:00:01"));
    }
    if ["OUTPUT", "POSTROUTING"].contains(&rule.chain) {
        return Err(Refusal::new(
            given.span,
            "a packet that leaves has no such address yet",
        ));
    }
    let bytes: Vec<_> = bytes
        .iter()
        .map(|byte| format!("{:0>2}", byte.to_ascii_lowercase()))
        .collect();
    rule.test(format!(
        "ether saddr {}{}",
        not(given.negated),
        bytes.join(":")
    ));
    Ok(())
}

fn pkttype(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("pkt-type") else {
        return Ok(());
    };
    let name = match given.text().to_ascii_lowercase().as_str() {
        "unicast" | "host" => "host",
        "broadcast" | "bcast" => "broadcast",
        "multicast" | "mcast" => "multicast",
        "otherhost" => "other",
        other => {
            let message = format!("`{other}` is no type of packet");
            return Err(Refusal::new(given.span, message).hint("unicast, broadcast or multicast"));
        }
    };
    rule.test(format!("meta pkttype {}{name}", not(given.negated)));
    Ok(())
}

fn set(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for given in &used.given {
        let harmless = ["match-set", "update-counters", "update-subcounters"];
        if !harmless.contains(&given.option.name) {
            let message = format!("sets of nft have no --{}", given.option.name);
            return Err(Refusal::new(given.span, message));
        }
    }
    let Some(given) = used.get("match-set") else {
        return Ok(());
    };
    let (name, key) = set_and_key(&given.values[0], &given.values[1], rule, "interval")?;
    rule.test(format!("{key} {}@{name}", not(given.negated)));
    Ok(())
}

/// Declares an ipset, and gives its name and the key that `src,dst` looks up. A save does not say
/// what type the set has: it is taken for one of addresses, and the declaration says so.
pub(in crate::import) fn set_and_key(
    name: &Word,
    sides: &Word,
    rule: &mut Rule<'_>,
    flags: &str,
) -> Result<(String, String)> {
    let mut fields = Vec::new();
    for side in sides.text.split(',') {
        fields.push(match side {
            "src" => format!("{} saddr", rule.ip()),
            "dst" => format!("{} daddr", rule.ip()),
            _ => {
                return Err(Refusal::new(
                    sides.span,
                    "`src` or `dst`, with commas between",
                ))
            }
        });
    }
    let type_name = vec![rule.family.address_type(); fields.len()].join(" . ");
    let body = [
        format!("type {type_name}"),
        format!("flags {flags}"),
        "comment \"an ipset: fill it, see `ipset save`; the type is a guess\"".to_owned(),
    ];
    let known = rule
        .objects
        .objects
        .iter()
        .find(|object| object.name == name.text);
    if known.is_some_and(|object| object.body.first() != body.first()) {
        let message = format!("set `{}` is looked up with two kinds of keys", name.text);
        return Err(Refusal::new(sides.span, message).hint("use one set for each"));
    }
    let name = match known {
        Some(object) => object.name.clone(),
        None => rule.objects.declare("set", &name.text, body),
    };
    Ok((name, fields.join(" . ")))
}
