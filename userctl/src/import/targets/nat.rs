// SPDX-License-Identifier: GPL-2.0
//! Address translation: `DNAT SNAT MASQUERADE REDIRECT NETMAP`.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::protocol::{DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE};
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{address, address_text, number, port, range_of, Network, Range};
use crate::import::words::Word;

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "DNAT",
        &[
            Opt::value("to-destination").required(),
            Opt::flag("random"),
            Opt::flag("persistent"),
        ],
        |used, rule| to_address(used, rule, "dnat", "to-destination"),
    )
    .tables(&["nat"]),
    Extension::new(
        "SNAT",
        &[
            Opt::value("to-source").required(),
            Opt::flag("random"),
            Opt::flag("random-fully"),
            Opt::flag("persistent"),
        ],
        |used, rule| to_address(used, rule, "snat", "to-source"),
    )
    .tables(&["nat"]),
    Extension::new(
        "MASQUERADE",
        &[
            Opt::value("to-ports"),
            Opt::flag("random"),
            Opt::flag("random-fully"),
        ],
        |used, rule| to_ports(used, rule, "masquerade"),
    )
    .tables(&["nat"]),
    Extension::new(
        "REDIRECT",
        &[Opt::value("to-ports"), Opt::flag("random")],
        |used, rule| to_ports(used, rule, "redirect"),
    )
    .tables(&["nat"]),
    Extension::new("NETMAP", &[Opt::value("to").required()], netmap).tables(&["nat"]),
];

/// The flags that were given, as nft lists them.
fn flags(used: &Use) -> String {
    let named = [
        ("random", "random"),
        ("random-fully", "fully-random"),
        ("persistent", "persistent"),
    ];
    let given: Vec<_> = named
        .iter()
        .filter(|(option, _)| used.has(option))
        .map(|(_, flag)| *flag)
        .collect();
    match given.is_empty() {
        true => String::new(),
        false => format!(" {}", given.join(",")),
    }
}

/// Reads ports, which only some protocols have.
fn ports(given: &Given, text: &str, rule: &mut Rule<'_>) -> Result<Range> {
    if !rule.has_protocol(&[TCP, UDP, UDPLITE, SCTP, DCCP, ICMP, ICMPV6]) {
        return Err(Refusal::new(given.span, "only some protocols have ports").hint("add -p tcp"));
    }
    rule.repeat_protocol();
    if text.contains('/') {
        return Err(
            Refusal::new(given.span, "nft does not shift ports by a base")
                .hint("use a map of ports: `dnat to ADDRESS : tcp dport map { … }`"),
        );
    }
    let word = Word {
        text: text.to_owned(),
        span: given.span,
    };
    // A range of names is none: a service's name may have a dash in it.
    match port(&word) {
        Ok(port) => Ok(Range::only(port)),
        Err(_) => {
            // Both ends are there.
            let end = |word: &Word| number(word, 65535);
            if text.starts_with('-') || text.ends_with('-') {
                return Err(Refusal::new(given.span, "a range has two ends"));
            }
            range_of(&word, '-', 65535, &end)
        }
    }
}

fn to_address(used: &Use, rule: &mut Rule<'_>, statement: &str, option: &str) -> Result<()> {
    let Some(given) = used.get(option) else {
        return Ok(());
    };
    let text = given.text();
    let (addresses, port_text) = match (rule.family, text.strip_prefix('[')) {
        (Family::Ip6, Some(inner)) => match inner.split_once(']') {
            Some((addresses, "")) => (addresses, None),
            Some((addresses, rest)) => (addresses, rest.strip_prefix(':')),
            None => (inner, None),
        },
        (Family::Ip6, None) => (text, None),
        (Family::Ip, _) => match text.split_once(':') {
            Some((addresses, ports)) => (addresses, Some(ports)),
            None => (text, None),
        },
    };
    let mut to = Vec::new();
    for part in addresses.split('-').filter(|_| !addresses.is_empty()) {
        let read = address(part, rule.family);
        let read = read.ok_or_else(|| {
            let message = format!("`{part}` is no address of {}", rule.ip());
            Refusal::new(given.span, message)
        })?;
        to.push(address_text(read, rule.family));
    }
    if to.len() > 2 {
        return Err(Refusal::new(given.span, "a range has two ends"));
    }
    to.dedup();
    let mut text = to.join("-");
    if let Some(ports_text) = port_text {
        let ports = ports(given, ports_text, rule)?;
        if rule.family == Family::Ip6 {
            let bracketed: Vec<_> = to.iter().map(|address| format!("[{address}]")).collect();
            text = bracketed.join("-");
        }
        text = format!("{text}:{ports}");
    }
    let to = text;
    rule.act(format!("{statement} to {to}{}", flags(used)));
    Ok(())
}

fn to_ports(used: &Use, rule: &mut Rule<'_>, statement: &str) -> Result<()> {
    let to = match used.get("to-ports") {
        Some(given) => format!(" to :{}", ports(given, given.text(), rule)?),
        None => String::new(),
    };
    rule.act(format!("{statement}{to}{}", flags(used)));
    Ok(())
}

/// The network's bits are replaced, the host's stay: nft says so with a map from prefix to prefix.
fn netmap(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("to") else {
        return Ok(());
    };
    let to = Network::read(&given.word(), rule.family)?;
    let (side, option, statement) = match rule.chain {
        "PREROUTING" | "OUTPUT" => ("daddr", "destination", "dnat"),
        "POSTROUTING" | "INPUT" => ("saddr", "source", "snat"),
        _ => {
            return Err(
                Refusal::new(used.span, "which address is meant depends on the hook")
                    .hint("write the rule in PREROUTING or POSTROUTING"),
            )
        }
    };
    let from = rule
        .arguments
        .core
        .get(option)
        .filter(|given| !given.negated);
    let from = from
        .map(|given| Network::read(&given.word(), rule.family))
        .transpose()?;
    let from = from.filter(|from| from.mask == to.mask);
    let texts = from.and_then(|from| from.text()).zip(to.text());
    let Some((from, to)) = texts else {
        let message =
            format!("nft maps a network to one of the same size: --{option} does not say which");
        return Err(Refusal::new(given.span, message));
    };
    let ip = rule.ip();
    rule.act(format!(
        "{statement} {ip} prefix to {ip} {side} map {{ {from} : {to} }}"
    ));
    Ok(())
}
