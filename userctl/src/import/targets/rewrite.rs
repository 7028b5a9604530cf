// SPDX-License-Identifier: GPL-2.0
//! What changes bytes of the packet: `DSCP TOS TTL HL ECN TCPMSS TCPOPTSTRIP`.
//!
//! nft does not add. But to add 2^k is to flip bits from k up to the first that is 0, and to subtract it
//! is to flip them up to the first that is 1; so a chain of a rule per bit adds or subtracts a power of
//! two, and stops at 255 or 0 as iptables does. Other amounts are sums.
//!
//! `TCPMSS` also adds the option to a SYN that has none; nft does not. (What it would add is no larger
//! than what a missing option stands for, so only values below that, 536 for IPv4 and 1220 for IPv6,
//! tell the difference.)

use crate::import::arguments::{Opt, Target, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::protocol::TCP;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::tos;
use crate::import::values::number;

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "DSCP",
        &[
            Opt::value("set-dscp").required().group(1),
            Opt::value("set-dscp-class").group(1),
        ],
        dscp,
    )
    .tables(&["mangle"]),
    Extension::new(
        "TOS",
        &[
            Opt::value("set-tos").required().group(1),
            Opt::value("and-tos").group(1),
            Opt::value("or-tos").group(1),
            Opt::value("xor-tos").group(1),
        ],
        type_of_service,
    )
    .tables(&["mangle"]),
    Extension::new(
        "TTL",
        &[
            Opt::value("ttl-set").required().group(1),
            Opt::value("ttl-inc").group(1),
            Opt::value("ttl-dec").group(1),
        ],
        |used, rule| hops(used, rule, "ip ttl", "ttl"),
    )
    .family(Family::Ip)
    .tables(&["mangle"]),
    Extension::new(
        "HL",
        &[
            Opt::value("hl-set").required().group(1),
            Opt::value("hl-inc").group(1),
            Opt::value("hl-dec").group(1),
        ],
        |used, rule| hops(used, rule, "ip6 hoplimit", "hoplimit"),
    )
    .family(Family::Ip6)
    .tables(&["mangle"]),
    Extension::new(
        "ECN",
        &[
            Opt::flag("ecn-tcp-remove").required(),
            Opt::value("ecn-tcp-cwr"),
            Opt::value("ecn-tcp-ece"),
            Opt::value("ecn-ip-ect"),
        ],
        |_, rule| {
            rule.act("tcp flags set tcp flags & (fin | syn | rst | psh | ack | urg)");
            Ok(())
        },
    )
    .family(Family::Ip)
    .protocols(&[TCP])
    .tables(&["mangle"]),
    Extension::new(
        "TCPMSS",
        &[
            Opt::value("set-mss").required().group(1),
            Opt::flag("clamp-mss-to-pmtu").group(1),
        ],
        tcpmss,
    )
    .protocols(&[TCP]),
    Extension::new("TCPOPTSTRIP", &[Opt::value("strip-options")], strip)
        .protocols(&[TCP])
        .tables(&["mangle"]),
];

fn dscp(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for given in &used.given {
        let value = match given.option.name {
            "set-dscp" => number(&given.word(), 63)?,
            _ => tos::class(&given.word())?,
        };
        rule.act(format!("{} dscp set {value:#04x}", rule.ip()));
    }
    Ok(())
}

/// `(octet & ~mask) ^ value`, in its two parts.
fn type_of_service(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for given in &used.given {
        let name = given.option.name;
        let plain = || number(&given.word(), 255).map(|value| value as u8);
        let (value, mask) = match name {
            "and-tos" => (0, !plain()?),
            "or-tos" => (plain()?, plain()?),
            "xor-tos" => (plain()?, 0),
            _ => tos::value_and_mask(&given.word(), 0xff)?,
        };
        let ip = rule.ip();
        for (field, bits, value, mask) in [
            ("dscp", 0x3f, value >> 2, mask >> 2),
            ("ecn", 0x03, value & 3, mask & 3),
        ] {
            let field = format!("{ip} {field}");
            match (mask, value) {
                (0, 0) => {}
                (mask, _) if mask == bits => rule.act(format!("{field} set {value:#04x}")),
                (0, _) => rule.act(format!("{field} set {field} ^ {value:#04x}")),
                (_, 0) => rule.act(format!("{field} set {field} & {:#04x}", bits & !mask)),
                _ if mask == value => rule.act(format!("{field} set {field} | {value:#04x}")),
                _ => {
                    // Two statements: nft 1.1 misplaces the value of `& … ^ …` in a part of an octet.
                    rule.act(format!("{field} set {field} & {:#04x}", bits & !mask));
                    rule.act(format!("{field} set {field} ^ {value:#04x}"));
                }
            }
        }
    }
    Ok(())
}

fn hops(used: &Use, rule: &mut Rule<'_>, field: &str, name: &str) -> Result<()> {
    for given in &used.given {
        let value = number(&given.word(), 255)?;
        let step = match given.option.name.rsplit('-').next() {
            Some("inc") => Step::Add,
            Some("dec") => Step::Subtract,
            _ => {
                rule.act(format!("{field} set {value}"));
                continue;
            }
        };
        if value == 0 {
            return Err(Refusal::new(given.span, "to add nothing changes nothing"));
        }
        let powers = (0..8).filter(|bit| value & (1 << bit) != 0);
        let chains: Vec<_> = powers
            .map(|bit| {
                let stem = format!("{name}-{}-{}", step.name(), 1 << bit);
                rule.objects.chain(&stem, step.rules(field, bit))
            })
            .collect();
        let chain = match chains.as_slice() {
            [one] => one.clone(),
            many => {
                let stem = format!("{name}-{}-{value}", step.name());
                let calls = many.iter().map(|chain| format!("jump {chain}"));
                let calls = calls.collect();
                rule.objects.chain(&stem, calls)
            }
        };
        rule.act(format!("jump {chain}"));
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Add,
    Subtract,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Step::Add => "add",
            Step::Subtract => "subtract",
        }
    }

    /// The rules that add 2^`bit` to a field, or subtract it.
    fn rules(self, field: &str, bit: u32) -> Vec<String> {
        let step = 1_u32 << bit;
        let (edge, end, stops_at) = match self {
            Step::Add => (format!("{field} > {}", 255 - step), 255, 0),
            Step::Subtract => (format!("{field} < {step}"), 0, 1),
        };
        let mut rules = vec![format!("{edge} {field} set {end} return")];
        for stop in bit..8 {
            let found = match stops_at {
                0 => "== 0".to_owned(),
                _ => format!("== {}", 1_u32 << stop),
            };
            let flipped = (2_u32 << stop) - step;
            rules.push(format!(
                "{field} & {} {found} {field} set {field} ^ {flipped} return",
                1_u32 << stop
            ));
        }
        rules
    }
}

fn tcpmss(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let syn = |matching: &Use| {
        let flags = matching.get("tcp-flags").filter(|given| !given.negated);
        let set = flags.and_then(|given| given.values.get(1));
        let has_syn = |text: &str| {
            let mut names = text.split(',');
            names.any(|name| ["SYN", "ALL"].contains(&name.to_ascii_uppercase().as_str()))
        };
        matching.get("syn").is_some_and(|given| !given.negated)
            || set.is_some_and(|word| has_syn(&word.text))
    };
    if !rule.arguments.matches.iter().any(syn) {
        return Err(Refusal::new(used.span, "TCPMSS works on SYN packets only")
            .hint("add --tcp-flags SYN,RST SYN"));
    }
    if let Some(given) = used.get("set-mss") {
        let size = number(&given.word(), 65535)?;
        rule.act(format!("tcp option maxseg size set {size}"));
    } else {
        if ["PREROUTING", "INPUT"].contains(&rule.chain) {
            return Err(
                Refusal::new(used.span, "there is no path of its own to clamp to here")
                    .hint("clamp in FORWARD, OUTPUT or POSTROUTING"),
            );
        }
        rule.act("tcp option maxseg size set rt mtu");
    }
    debug_assert!(matches!(rule.arguments.target, Target::Extension(_)));
    Ok(())
}

/// Options by name.
static OPTIONS: &[(&str, u64)] = &[
    ("wscale", 3),
    ("mss", 2),
    ("sack-permitted", 4),
    ("sack", 5),
    ("timestamp", 8),
    ("md5", 19),
];

fn strip(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("strip-options") else {
        return Ok(());
    };
    let word = given.word();
    for text in word.text.split(',') {
        let named = OPTIONS.iter().find(|(name, _)| *name == text);
        let option = match named {
            Some((_, option)) => *option,
            None => {
                let part = crate::import::words::Word {
                    text: text.to_owned(),
                    span: word.span,
                };
                number(&part, 255)?
            }
        };
        if option < 2 {
            return Err(Refusal::new(
                given.span,
                "padding is no option that could be stripped",
            ));
        }
        rule.act(format!("reset tcp option {option}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the rules on a value.
    fn run(rules: &[String], mut value: u32) -> u32 {
        for rule in rules {
            let words: Vec<_> = rule.split(' ').collect();
            let number = |at: usize| words[at].parse::<u32>().unwrap();
            let holds = match words[1] {
                ">" => value > number(2),
                "<" => value < number(2),
                _ => value & number(2) == number(4),
            };
            if holds {
                let last = words.len() - 2;
                value = match words[last - 1] {
                    "^" => value ^ number(last),
                    _ => number(last),
                };
                break;
            }
        }
        value
    }

    #[test]
    fn the_chains_add_and_subtract_and_stop_at_the_ends() {
        for bit in 0..8 {
            let step = 1_u32 << bit;
            let (add, subtract) = (Step::Add.rules("t", bit), Step::Subtract.rules("t", bit));
            for value in 0..=255 {
                assert_eq!(
                    run(&add, value),
                    (value + step).min(255),
                    "{value} + {step}"
                );
                assert_eq!(
                    run(&subtract, value),
                    value.saturating_sub(step),
                    "{value} - {step}"
                );
            }
        }
    }
}
