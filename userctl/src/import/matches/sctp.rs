// SPDX-License-Identifier: GPL-2.0
//! Ports and chunks of SCTP.

use super::ports::port_tests;
use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::protocol::SCTP;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;

pub(super) const ALL: &[Extension] = &[Extension::new(
    "sctp",
    &[
        Opt::value("source-port").also(&["sport"]).not(),
        Opt::value("destination-port").also(&["dport"]).not(),
        Opt::pair("chunk-types").not(),
    ],
    sctp,
)
.protocols(&[SCTP])];

/// Chunks: iptables' name, nft's, and the letters of its flags from the highest bit, if it is at most
/// once in a packet.
static CHUNKS: &[(&str, &str, &str)] = &[
    ("DATA", "data", ""),
    ("INIT", "init", ""),
    ("INIT_ACK", "init-ack", ""),
    ("SACK", "sack", ""),
    ("HEARTBEAT", "heartbeat", ""),
    ("HEARTBEAT_ACK", "heartbeat-ack", ""),
    ("ABORT", "abort", "t"),
    ("SHUTDOWN", "shutdown", ""),
    ("SHUTDOWN_ACK", "shutdown-ack", ""),
    ("ERROR", "error", ""),
    ("COOKIE_ECHO", "cookie-echo", ""),
    ("COOKIE_ACK", "cookie-ack", ""),
    ("ECN_ECNE", "ecne", ""),
    ("ECN_CWR", "cwr", ""),
    ("SHUTDOWN_COMPLETE", "shutdown-complete", "t"),
    ("ASCONF", "asconf", ""),
    ("ASCONF_ACK", "asconf-ack", ""),
    ("FORWARD_TSN", "forward-tsn", ""),
];

fn sctp(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if !port_tests(used, rule, "sctp")? {
        rule.transport("sctp sport 0-65535");
    }
    used.get("chunk-types")
        .map_or(Ok(()), |given| chunks(given, rule))
}

fn chunks(given: &Given, rule: &mut Rule<'_>) -> Result<()> {
    let list = given.values[1].text.as_str();
    let mut listed = Vec::new();
    for item in list.split(',') {
        let (name, flags) = item.split_once(':').unwrap_or((item, ""));
        let chunk = CHUNKS
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let Some(chunk) = chunk else {
            let message = format!("`{name}` is no chunk of SCTP");
            return Err(Refusal::new(given.span, message));
        };
        listed.push((chunk, flag_test(given, chunk, flags)?));
    }
    let test = |(chunk, flags): &(&(&str, &str, &str), String)| match flags.is_empty() {
        true => format!("sctp chunk {} exists", chunk.1),
        false => format!("sctp chunk {} {flags}", chunk.1),
    };
    match (
        given.values[0].text.as_str(),
        listed.as_slice(),
        given.negated,
    ) {
        ("all", _, false) => listed.iter().for_each(|item| rule.transport(test(item))),
        ("any", [one], false) => rule.transport(test(one)),
        ("all" | "any", [(chunk, flags)], true) if flags.is_empty() => {
            rule.transport(format!("sctp chunk {} missing", chunk.1));
        }
        ("all" | "any" | "only", ..) => {
            return Err(
                Refusal::new(given.span, "nft tests whether one chunk is there")
                    .hint("write a rule for each chunk"),
            )
        }
        _ => {
            return Err(Refusal::new(
                given.values[0].span,
                "`all`, `any` or `only`?",
            ));
        }
    }
    Ok(())
}

fn flag_test(given: &Given, chunk: &(&str, &str, &str), letters: &str) -> Result<String> {
    let (mut mask, mut set) = (0_u8, 0_u8);
    for letter in letters.chars() {
        let known = chunk.2.chars().rev();
        let bit = known
            .zip(0_u8..)
            .find(|(flag, _)| *flag == letter.to_ascii_lowercase());
        let Some((_, bit)) = bit else {
            let message = format!("the flags of chunk {} cannot be tested", chunk.0);
            return Err(Refusal::new(given.span, message).hint(
                "nft looks at the first chunk of a type only, and a packet may have several",
            ));
        };
        mask |= 1 << bit;
        set |= u8::from(letter.is_ascii_uppercase()) << bit;
    }
    Ok(match mask {
        0 => String::new(),
        _ => format!("flags & {mask:#x} == {set:#x}"),
    })
}
