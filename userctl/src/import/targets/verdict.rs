// SPDX-License-Identifier: GPL-2.0
//! What decides about a packet: `ACCEPT DROP RETURN REJECT NFQUEUE`.

use crate::import::arguments::{Opt, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::protocol::TCP;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{number, range_of};

pub(super) const ALL: &[Extension] = &[
    Extension::new("ACCEPT", &[], |_, rule| {
        rule.act("accept");
        Ok(())
    }),
    Extension::new("DROP", &[], |used, rule| {
        if rule.table == "nat" {
            return Err(
                Refusal::new(used.span, "iptables refuses to drop in table nat")
                    .hint("it sees the first packet of a connection only: drop in table filter"),
            );
        }
        rule.act("drop");
        Ok(())
    }),
    Extension::new("RETURN", &[], |_, rule| {
        rule.act("return");
        Ok(())
    }),
    Extension::new("REJECT", &[Opt::value("reject-with")], reject).tables(&["filter"]),
    Extension::new(
        "NFQUEUE",
        &[
            Opt::value("queue-num").group(1),
            Opt::value("queue-balance").group(1),
            Opt::flag("queue-bypass"),
            Opt::flag("queue-cpu-fanout"),
        ],
        queue,
    ),
];

/// Answers: iptables' names, and nft's.
type Answers = &'static [(&'static [&'static str], &'static str)];

static ANSWERS: Answers = &[
    (
        &["icmp-net-unreachable", "net-unreach"],
        "icmp net-unreachable",
    ),
    (
        &["icmp-host-unreachable", "host-unreach"],
        "icmp host-unreachable",
    ),
    (
        &["icmp-proto-unreachable", "proto-unreach"],
        "icmp prot-unreachable",
    ),
    (
        &["icmp-port-unreachable", "port-unreach"],
        "icmp port-unreachable",
    ),
    (
        &["icmp-net-prohibited", "net-prohib"],
        "icmp net-prohibited",
    ),
    (
        &["icmp-host-prohibited", "host-prohib"],
        "icmp host-prohibited",
    ),
    (
        &["icmp-admin-prohibited", "admin-prohib"],
        "icmp admin-prohibited",
    ),
    (&["tcp-reset", "tcp-rst"], "tcp reset"),
];

static ANSWERS_6: Answers = &[
    (&["icmp6-no-route", "no-route"], "icmpv6 no-route"),
    (
        &["icmp6-adm-prohibited", "adm-prohibited"],
        "icmpv6 admin-prohibited",
    ),
    (
        &["icmp6-addr-unreachable", "addr-unreach"],
        "icmpv6 addr-unreachable",
    ),
    (
        &["icmp6-port-unreachable", "port-unreach"],
        "icmpv6 port-unreachable",
    ),
    (&["icmp6-policy-fail", "policy-fail"], "icmpv6 policy-fail"),
    (
        &["icmp6-reject-route", "reject-route"],
        "icmpv6 reject-route",
    ),
    (&["tcp-reset"], "tcp reset"),
];

fn reject(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let (answers, default) = match rule.family {
        Family::Ip => (ANSWERS, "icmp port-unreachable"),
        Family::Ip6 => (ANSWERS_6, "icmpv6 port-unreachable"),
    };
    let answer = match used.get("reject-with") {
        None => default,
        Some(given) => {
            let known = answers
                .iter()
                .find(|(names, _)| names.contains(&given.text()));
            let Some((_, answer)) = known else {
                let message = format!("`{}` is no answer", given.text());
                return Err(Refusal::new(given.span, message));
            };
            if *answer == "tcp reset" && !rule.has_protocol(&[TCP]) {
                return Err(Refusal::new(given.span, "a reset answers TCP only").hint("add -p tcp"));
            }
            answer
        }
    };
    rule.act(format!("reject with {answer}"));
    Ok(())
}

fn queue(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let queues = match (used.get("queue-num"), used.get("queue-balance")) {
        (Some(given), _) => number(&given.word(), 65535)?.to_string(),
        (None, Some(given)) => {
            let end = |word: &_| number(word, 65535);
            range_of(&given.word(), ':', 65535, &end)?.to_string()
        }
        (None, None) => "0".to_owned(),
    };
    let mut flags = Vec::new();
    if used.has("queue-bypass") {
        flags.push("bypass");
    }
    if let Some(given) = used.get("queue-cpu-fanout") {
        if !used.has("queue-balance") {
            return Err(Refusal::new(given.span, "fanout needs --queue-balance"));
        }
        flags.push("fanout");
    }
    let flags = match flags.is_empty() {
        true => String::new(),
        false => format!("flags {} ", flags.join(",")),
    };
    rule.act(format!("queue {flags}to {queues}"));
    Ok(())
}
