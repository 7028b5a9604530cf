// SPDX-License-Identifier: GPL-2.0
//! What routing says: `addrtype rpfilter realm devgroup`.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{masked, masked_test, not};

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "addrtype",
        &[
            Opt::value("src-type").not(),
            Opt::value("dst-type").not(),
            Opt::flag("limit-iface-in").group(1),
            Opt::flag("limit-iface-out").group(1),
        ],
        addrtype,
    ),
    Extension::new(
        "rpfilter",
        &[
            Opt::flag("loose"),
            Opt::flag("validmark"),
            Opt::flag("accept-local"),
            Opt::flag("invert"),
        ],
        rpfilter,
    )
    .tables(&["raw", "mangle"]),
    Extension::new(
        "realm",
        &[Opt::value("realm").not().required()],
        |used, rule| {
            let Some(given) = used.get("realm") else {
                return Ok(());
            };
            let (value, mask) = masked(&given.word()).map_err(|refusal| {
                refusal.hint("names of realms are in rt_realms: write the number")
            })?;
            rule.test(masked_test("rt classid", value, mask, given.negated));
            Ok(())
        },
    )
    .family(Family::Ip),
    Extension::new(
        "devgroup",
        &[Opt::value("src-group").not(), Opt::value("dst-group").not()],
        devgroup,
    ),
];

/// Types, in the order of their numbers, which is that of nft's listings.
const TYPES: [&str; 9] = [
    "unspec",
    "unicast",
    "local",
    "broadcast",
    "anycast",
    "multicast",
    "blackhole",
    "unreachable",
    "prohibit",
];

fn addrtype(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if !used.has("src-type") && !used.has("dst-type") {
        return Err(Refusal::new(
            used.span,
            "`addrtype` needs --src-type or --dst-type",
        ));
    }
    let mut with = "";
    for (option, extra, chains) in [
        ("limit-iface-in", " . iif", ["OUTPUT", "POSTROUTING"]),
        ("limit-iface-out", " . oif", ["INPUT", "PREROUTING"]),
    ] {
        if let Some(given) = used.get(option) {
            if chains.contains(&rule.chain) {
                let message = format!("--{option} says nothing in chain {}", rule.chain);
                return Err(Refusal::new(given.span, message));
            }
            with = extra;
        }
    }
    for (option, side) in [("src-type", "saddr"), ("dst-type", "daddr")] {
        if let Some(given) = used.get(option) {
            let names = types(given)?;
            if rule.family == Family::Ip6 {
                let field = format!("ip6 {side}");
                if let Some(test) = by_address(&names, &field, given)? {
                    rule.test(test);
                    continue;
                }
            }
            let set = match names.as_slice() {
                [one] => (*one).to_owned(),
                many => format!("{{ {} }}", many.join(", ")),
            };
            rule.test(format!("fib {side}{with} type {}{set}", not(given.negated)));
        }
    }
    Ok(())
}

fn types(given: &Given) -> Result<Vec<&'static str>> {
    let mut names = Vec::new();
    for name in given.text().split(',') {
        let lower = name.to_ascii_lowercase();
        let Some(known) = TYPES.iter().position(|known| *known == lower) else {
            let message = format!("`{name}` is no type of address that nft knows");
            return Err(Refusal::new(given.span, message).hint(TYPES.join(", ")));
        };
        names.push(known);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(|index| TYPES[index]).collect())
}

/// For IPv6, iptables takes some types from the address alone: that is a test of the address. `None`
/// if the routing table is asked, as nft does.
fn by_address(names: &[&str], field: &str, given: &Given) -> Result<Option<String>> {
    let negated = given.negated;
    Ok(match names {
        ["unspec"] => Some(format!("{field} {}::", not(negated))),
        ["multicast"] => Some(format!("{field} {}ff00::/8", not(negated))),
        ["unicast"] => Some(format!(
            "{field} {}{{ ::, ::ffff:0:0/96, ff00::/8 }}",
            not(!negated)
        )),
        ["local"] | ["anycast"] | ["local", "anycast"] => None,
        _ => {
            return Err(Refusal::new(
                given.span,
                "iptables and nft do not agree on these types in IPv6",
            )
            .hint("UNSPEC, UNICAST, MULTICAST, or LOCAL and ANYCAST; each in a rule of its own"))
        }
    })
}

fn rpfilter(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if let Some(given) = used.get("accept-local") {
        return Err(Refusal::new(
            given.span,
            "nft's `fib` takes no packets from own addresses",
        )
        .hint("accept them by address in a rule before"));
    }
    let mut key = "saddr".to_owned();
    if used.has("validmark") {
        key.push_str(" . mark");
    }
    if !used.has("loose") {
        key.push_str(" . iif");
    }
    let test = match used.has("invert") {
        true => "oif 0",
        false => "oif != 0",
    };
    rule.test(format!("fib {key} {test}"));
    Ok(())
}

fn devgroup(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if used.given.is_empty() {
        return Err(Refusal::new(
            used.span,
            "`devgroup` needs --src-group or --dst-group",
        ));
    }
    for (option, field) in [("src-group", "iifgroup"), ("dst-group", "oifgroup")] {
        if let Some(given) = used.get(option) {
            let (value, mask) = masked(&given.word()).map_err(|refusal| {
                refusal.hint("names of groups are in iproute2: write the number")
            })?;
            rule.test(masked_test(
                &format!("meta {field}"),
                value,
                mask,
                given.negated,
            ));
        }
    }
    Ok(())
}
