// SPDX-License-Identifier: GPL-2.0
//! Connections: `conntrack state connmark connbytes connlabel helper`.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::protocol::{self, DCCP, SCTP, TCP, UDP, UDPLITE};
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::{quotable, Rule};
use crate::import::values::{masked, masked_test, not, number, ports, range, Network};

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "conntrack",
        &[
            Opt::value("ctstate").not(),
            Opt::value("ctproto").not(),
            Opt::value("ctorigsrc").not(),
            Opt::value("ctorigdst").not(),
            Opt::value("ctreplsrc").not(),
            Opt::value("ctrepldst").not(),
            Opt::value("ctorigsrcport").not(),
            Opt::value("ctorigdstport").not(),
            Opt::value("ctreplsrcport").not(),
            Opt::value("ctrepldstport").not(),
            Opt::value("ctstatus").not(),
            Opt::value("ctexpire").not(),
            Opt::value("ctdir"),
        ],
        conntrack,
    ),
    Extension::new(
        "state",
        &[Opt::value("state").not().required()],
        |used, rule| used.get("state").map_or(Ok(()), |given| state(given, rule)),
    ),
    Extension::new(
        "connmark",
        &[Opt::value("mark").not().required()],
        |used, rule| mark(used, rule, "ct mark"),
    ),
    Extension::new(
        "mark",
        &[Opt::value("mark").not().required()],
        |used, rule| mark(used, rule, "meta mark"),
    ),
    Extension::new(
        "connbytes",
        &[
            Opt::value("connbytes").not().required(),
            Opt::value("connbytes-dir").required(),
            Opt::value("connbytes-mode").required(),
        ],
        connbytes,
    ),
    Extension::new(
        "connlabel",
        &[Opt::value("label").not().required(), Opt::flag("set")],
        connlabel,
    ),
    Extension::new("helper", &[Opt::value("helper").not().required()], helper),
];

fn conntrack(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if used.given.is_empty() {
        return Err(Refusal::new(used.span, "`conntrack` needs an option"));
    }
    if let Some(given) = used.get("ctdir") {
        match given.text().to_ascii_uppercase().as_str() {
            "ORIGINAL" => rule.test("ct direction original"),
            "REPLY" => rule.test("ct direction reply"),
            _ => return Err(Refusal::new(given.span, "`ORIGINAL` or `REPLY`?")),
        }
    }
    if let Some(given) = used.get("ctstate") {
        state(given, rule)?;
    }
    if let Some(given) = used.get("ctproto") {
        let number = protocol::number(&given.word())?;
        let name = protocol::name(number);
        rule.test(format!("ct protocol {}{name}", not(given.negated)));
    }
    for (option, field) in [
        ("ctorigsrc", "ct original {} saddr"),
        ("ctorigdst", "ct original {} daddr"),
        ("ctreplsrc", "ct reply {} saddr"),
        ("ctrepldst", "ct reply {} daddr"),
    ] {
        if let Some(given) = used.get(option) {
            let network = Network::read(&given.word(), rule.family)?;
            let field = field.replace("{}", rule.ip());
            if let Some(test) = network.test(&field, given.negated) {
                rule.test(test);
            }
        }
    }
    connection_ports(used, rule)?;
    if let Some(given) = used.get("ctstatus") {
        status(given, rule)?;
    }
    if let Some(given) = used.get("ctexpire") {
        // iptables compares whole seconds, nft milliseconds.
        let seconds = range(&given.word(), u32::MAX.into())?;
        let (low, high) = (seconds.low, seconds.high);
        if high > u64::from(u32::MAX) / 1000 - 1 {
            return Err(Refusal::new(
                given.span,
                "nft counts at most 4294966 seconds",
            ));
        }
        rule.test(format!(
            "ct expiration {}{low}s-{high}s999ms",
            not(given.negated)
        ));
    }
    Ok(())
}

/// The ports of a connection. nft wants to know of which protocol they are.
fn connection_ports(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for (option, field) in [
        ("ctorigsrcport", "ct original proto-src"),
        ("ctorigdstport", "ct original proto-dst"),
        ("ctreplsrcport", "ct reply proto-src"),
        ("ctrepldstport", "ct reply proto-dst"),
    ] {
        let Some(given) = used.get(option) else {
            continue;
        };
        let with_ports = [TCP, UDP, UDPLITE, SCTP, DCCP];
        let by_connection = used.get("ctproto").filter(|given| !given.negated);
        let by_connection = by_connection.map(|given| protocol::number(&given.word()));
        let known = match by_connection.transpose()? {
            Some(number) => with_ports.contains(&number),
            None => rule.has_protocol(&with_ports),
        };
        if !known {
            return Err(
                Refusal::new(given.span, "nft asks which protocol's port that is")
                    .hint("add --ctproto tcp, or -p tcp"),
            );
        }
        rule.repeat_protocol();
        let ports = ports(&given.word())?;
        rule.test(format!("{field} {}{ports}", not(given.negated)));
    }
    Ok(())
}

/// `NEW,RELATED`: a packet has one state. That a connection is translated is no state to nft.
fn state(given: &Given, rule: &mut Rule<'_>) -> Result<()> {
    let (mut states, mut status) = (Vec::new(), Vec::new());
    for name in given.text().split(',') {
        match name.to_ascii_uppercase().as_str() {
            "INVALID" => states.push("invalid"),
            "NEW" => states.push("new"),
            "RELATED" => states.push("related"),
            "ESTABLISHED" => states.push("established"),
            "UNTRACKED" => states.push("untracked"),
            "SNAT" => status.push("snat"),
            "DNAT" => status.push("dnat"),
            _ => {
                let message = format!("`{name}` is no state of a connection");
                return Err(Refusal::new(given.span, message)
                    .hint("INVALID NEW RELATED ESTABLISHED UNTRACKED SNAT DNAT"));
            }
        }
    }
    if !status.is_empty() {
        if !given.negated && !states.is_empty() {
            return Err(
                Refusal::new(given.span, "nft tests state and translation apart")
                    .hint("write one rule with `ct state` and one with `ct status`"),
            );
        }
        let test = format!("ct status {}", status.join(","));
        match given.negated {
            false => rule.test(test),
            true => rule.unless(&test)?,
        }
        if states.is_empty() {
            return Ok(());
        }
    }
    rule.test(match (given.negated, states.as_slice()) {
        (false, _) => format!("ct state {}", states.join(",")),
        (true, [one]) => format!("ct state != {one}"),
        (true, many) => format!("ct state != {{ {} }}", many.join(", ")),
    });
    Ok(())
}

fn status(given: &Given, rule: &mut Rule<'_>) -> Result<()> {
    let mut names = Vec::new();
    for name in given.text().split(',') {
        names.push(match name.to_ascii_uppercase().as_str() {
            "EXPECTED" => "expected",
            "SEEN_REPLY" => "seen-reply",
            "ASSURED" => "assured",
            "CONFIRMED" => "confirmed",
            "NONE" => {
                return Err(
                    Refusal::new(given.span, "iptables never matches status NONE")
                        .hint("leave the rule out"),
                )
            }
            _ => {
                let message = format!("`{name}` is no status of a connection");
                return Err(
                    Refusal::new(given.span, message).hint("EXPECTED SEEN_REPLY ASSURED CONFIRMED")
                );
            }
        });
    }
    rule.test(match given.negated {
        false => format!("ct status {}", names.join(",")),
        true => format!("ct status & ({}) == 0", names.join(" | ")),
    });
    Ok(())
}

fn mark(used: &Use, rule: &mut Rule<'_>, field: &str) -> Result<()> {
    let Some(given) = used.get("mark") else {
        return Ok(());
    };
    let (value, mask) = masked(&given.word())?;
    rule.test(masked_test(field, value, mask, given.negated));
    Ok(())
}

fn connbytes(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let (Some(given), Some(direction), Some(mode)) = (
        used.get("connbytes"),
        used.get("connbytes-dir"),
        used.get("connbytes-mode"),
    ) else {
        return Ok(());
    };
    let direction = match direction.text() {
        "original" => "original ",
        "reply" => "reply ",
        "both" => "",
        _ => {
            return Err(Refusal::new(
                direction.span,
                "`original`, `reply` or `both`?",
            ))
        }
    };
    let mode = match mode.text() {
        "packets" => "packets",
        "bytes" => "bytes",
        "avgpkt" => "avgpkt",
        _ => return Err(Refusal::new(mode.span, "`packets`, `bytes` or `avgpkt`?")),
    };
    let mut word = given.word();
    if !word.text.contains(':') {
        // One number is where the range begins.
        word.text.push(':');
    }
    let range = range(&word, u64::MAX)?;
    let field = format!("ct {direction}{mode}");
    rule.test(match (range.low, range.high, given.negated) {
        (low, u64::MAX, false) => format!("{field} >= {low}"),
        (low, u64::MAX, true) => format!("{field} < {low}"),
        (low, high, negated) => format!("{field} {}{low}-{high}", not(negated)),
    });
    Ok(())
}

fn connlabel(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if let Some(given) = used.get("set") {
        return Err(
            Refusal::new(given.span, "--set changes the label before it tests it")
                .hint("write `ct label set N` in a rule of its own"),
        );
    }
    let Some(given) = used.get("label") else {
        return Ok(());
    };
    let label = number(&given.word(), 127).map_err(|refusal| {
        refusal.hint("names of labels are in connlabel.conf: write the number")
    })?;
    match given.negated {
        false => rule.test(format!("ct label {label}")),
        true => rule.unless(&format!("ct label {label}"))?,
    }
    Ok(())
}

fn helper(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("helper") else {
        return Ok(());
    };
    let name = given.text();
    if !quotable(name) || name.is_empty() {
        return Err(Refusal::new(given.span, "which helper?").hint("nft names one"));
    }
    let port = name
        .rsplit_once('-')
        .is_some_and(|(_, end)| end.parse::<u16>().is_ok());
    if port {
        // To iptables, `ftp-2121` is also `ftp`.
        return Err(
            Refusal::new(given.span, "nft's names of helpers have no ports")
                .hint("test the port beside the helper's name"),
        );
    }
    let test = format!("ct helper \"{name}\"");
    match given.negated {
        false => rule.test(test),
        true => rule.unless(&test)?,
    }
    Ok(())
}
