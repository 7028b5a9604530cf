// SPDX-License-Identifier: GPL-2.0
//! Types and codes of ICMP: `icmp icmp6`.

use crate::import::arguments::{Opt, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::protocol::{ICMP, ICMPV6};
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{not, number, range, Range};
use crate::import::words::Word;

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "icmp",
        &[Opt::value("icmp-type").not().required()],
        |used, rule| translate(used, rule, "icmp-type", &V4),
    )
    .family(Family::Ip)
    .protocols(&[ICMP]),
    Extension::new(
        "icmp6",
        &[Opt::value("icmpv6-type").not().required()],
        |used, rule| translate(used, rule, "icmpv6-type", &V6),
    )
    .family(Family::Ip6)
    .protocols(&[ICMPV6]),
];

/// What differs between the two.
struct Kind {
    /// nft's word for the header.
    header: &'static str,
    /// iptables' names: type, and code if the name means one.
    names: &'static [(&'static str, u64, Option<u64>)],
    /// The names that nft lists.
    listed: &'static [(u64, &'static str)],
    /// Type 255 means any.
    has_any: bool,
}

static V4: Kind = Kind {
    header: "icmp",
    has_any: true,
    listed: &[
        (0, "echo-reply"),
        (3, "destination-unreachable"),
        (4, "source-quench"),
        (5, "redirect"),
        (8, "echo-request"),
        (9, "router-advertisement"),
        (10, "router-solicitation"),
        (11, "time-exceeded"),
        (12, "parameter-problem"),
        (13, "timestamp-request"),
        (14, "timestamp-reply"),
        (15, "info-request"),
        (16, "info-reply"),
        (17, "address-mask-request"),
        (18, "address-mask-reply"),
    ],
    names: &[
        ("any", 255, None),
        ("echo-reply", 0, None),
        ("pong", 0, None),
        ("destination-unreachable", 3, None),
        ("network-unreachable", 3, Some(0)),
        ("host-unreachable", 3, Some(1)),
        ("protocol-unreachable", 3, Some(2)),
        ("port-unreachable", 3, Some(3)),
        ("fragmentation-needed", 3, Some(4)),
        ("source-route-failed", 3, Some(5)),
        ("network-unknown", 3, Some(6)),
        ("host-unknown", 3, Some(7)),
        ("network-prohibited", 3, Some(9)),
        ("host-prohibited", 3, Some(10)),
        ("TOS-network-unreachable", 3, Some(11)),
        ("TOS-host-unreachable", 3, Some(12)),
        ("communication-prohibited", 3, Some(13)),
        ("host-precedence-violation", 3, Some(14)),
        ("precedence-cutoff", 3, Some(15)),
        ("source-quench", 4, None),
        ("redirect", 5, None),
        ("network-redirect", 5, Some(0)),
        ("host-redirect", 5, Some(1)),
        ("TOS-network-redirect", 5, Some(2)),
        ("TOS-host-redirect", 5, Some(3)),
        ("echo-request", 8, None),
        ("ping", 8, None),
        ("router-advertisement", 9, None),
        ("router-solicitation", 10, None),
        ("time-exceeded", 11, None),
        ("ttl-exceeded", 11, None),
        ("ttl-zero-during-transit", 11, Some(0)),
        ("ttl-zero-during-reassembly", 11, Some(1)),
        ("parameter-problem", 12, None),
        ("ip-header-bad", 12, Some(0)),
        ("required-option-missing", 12, Some(1)),
        ("timestamp-request", 13, None),
        ("timestamp-reply", 14, None),
        ("address-mask-request", 17, None),
        ("address-mask-reply", 18, None),
    ],
};

static V6: Kind = Kind {
    header: "icmpv6",
    has_any: false,
    listed: &[
        (1, "destination-unreachable"),
        (2, "packet-too-big"),
        (3, "time-exceeded"),
        (4, "parameter-problem"),
        (128, "echo-request"),
        (129, "echo-reply"),
        (130, "mld-listener-query"),
        (131, "mld-listener-report"),
        (132, "mld-listener-done"),
        (133, "nd-router-solicit"),
        (134, "nd-router-advert"),
        (135, "nd-neighbor-solicit"),
        (136, "nd-neighbor-advert"),
        (137, "nd-redirect"),
        (138, "router-renumbering"),
        (143, "mld2-listener-report"),
    ],
    names: &[
        ("destination-unreachable", 1, None),
        ("no-route", 1, Some(0)),
        ("communication-prohibited", 1, Some(1)),
        ("beyond-scope", 1, Some(2)),
        ("address-unreachable", 1, Some(3)),
        ("port-unreachable", 1, Some(4)),
        ("failed-policy", 1, Some(5)),
        ("reject-route", 1, Some(6)),
        ("packet-too-big", 2, None),
        ("time-exceeded", 3, None),
        ("ttl-exceeded", 3, None),
        ("ttl-zero-during-transit", 3, Some(0)),
        ("ttl-zero-during-reassembly", 3, Some(1)),
        ("parameter-problem", 4, None),
        ("bad-header", 4, Some(0)),
        ("unknown-header-type", 4, Some(1)),
        ("unknown-option", 4, Some(2)),
        ("echo-request", 128, None),
        ("ping", 128, None),
        ("echo-reply", 129, None),
        ("pong", 129, None),
        ("mld-listener-query", 130, None),
        ("mld-listener-report", 131, None),
        ("mld-listener-done", 132, None),
        ("mld-listener-reduction", 132, None),
        ("router-solicitation", 133, None),
        ("router-advertisement", 134, None),
        ("neighbor-solicitation", 135, None),
        ("neighbour-solicitation", 135, None),
        ("neighbor-advertisement", 136, None),
        ("neighbour-advertisement", 136, None),
        ("redirect", 137, None),
    ],
};

fn translate(used: &Use, rule: &mut Rule<'_>, option: &str, kind: &Kind) -> Result<()> {
    let Some(given) = used.get(option) else {
        return Ok(());
    };
    let header = kind.header;
    let (kind_number, codes) = read(&given.word(), kind)?;
    if kind.has_any && kind_number == 255 {
        match given.negated {
            true => rule.never(),
            // Every type, but not of a fragment that has none.
            false => rule.transport(format!("{header} type 0-255")),
        }
        return Ok(());
    }
    let listed = kind
        .listed
        .iter()
        .find(|(number, _)| *number == kind_number);
    let name = listed.map_or(kind_number.to_string(), |(_, name)| (*name).to_owned());
    let every_code = codes.low == 0 && codes.high == 255;
    rule.transport(match (every_code, given.negated) {
        (true, negated) => format!("{header} type {}{name}", not(negated)),
        (false, false) => format!("{header} type {name} {header} code {codes}"),
        (false, true) => format!("{header} type . {header} code != {{ {name} . {codes} }}"),
    });
    Ok(())
}

/// Reads a name, a type, or `type/code`, `type/code:code`.
fn read(word: &Word, kind: &Kind) -> Result<(u64, Range)> {
    let all = Range { low: 0, high: 255 };
    let lower = word.text.to_ascii_lowercase();
    let starts = |name: &str| name.to_ascii_lowercase().starts_with(&lower);
    let exact = kind
        .names
        .iter()
        .find(|(name, ..)| name.eq_ignore_ascii_case(&lower));
    let mut similar = kind.names.iter().filter(|(name, ..)| starts(name));
    let short = match (similar.next(), similar.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    };
    if let Some((_, number, code)) = exact.or(short) {
        return Ok((*number, code.map_or(all, Range::only)));
    }
    let part = |text: &str| Word {
        text: text.to_owned(),
        span: word.span,
    };
    let read = match word.text.split_once('/') {
        Some((number_text, codes)) => number(&part(number_text), 255)
            .and_then(|number| Ok((number, range(&part(codes), 255)?))),
        None => number(word, 255).map(|number| (number, all)),
    };
    read.map_err(|_| {
        let message = format!("`{}` is no type of {}", word.text, kind.header);
        Refusal::new(word.span, message).hint("write TYPE or TYPE/CODE, in numbers")
    })
}
