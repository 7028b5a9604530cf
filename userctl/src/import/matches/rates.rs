// SPDX-License-Identifier: GPL-2.0
//! How often a rule may hold: `limit connlimit statistic`.
//!
//! `limit` and nft's statement are the same bucket, and `connlimit` and `ct count` the same code in
//! the kernel, each rule with a table of its own. `statistic` in its mode `nth` begins to count at 0
//! as `numgen inc` does, and in its mode `random` compares 31 random bits.

use crate::import::arguments::{Opt, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{address_text, number, prefix_mask, Network};
use crate::import::words::Word;

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "limit",
        &[Opt::value("limit"), Opt::value("limit-burst")],
        limit,
    ),
    Extension::new(
        "connlimit",
        &[
            Opt::value("connlimit-upto").not().required().group(1),
            Opt::value("connlimit-above").not().group(1),
            Opt::value("connlimit-mask"),
            Opt::flag("connlimit-saddr").group(2),
            Opt::flag("connlimit-daddr").group(2),
        ],
        connlimit,
    ),
    Extension::new(
        "statistic",
        &[
            Opt::value("mode").required(),
            Opt::value("probability").not().required().group(1),
            Opt::value("every").not().group(1),
            Opt::value("packet"),
        ],
        statistic,
    ),
];

/// Units of a rate: what iptables takes the first letters of, nft's word, and seconds.
static UNITS: &[(&str, &str, u64)] = &[
    ("second", "second", 1),
    ("minute", "minute", 60),
    ("hour", "hour", 3600),
    ("day", "day", 86400),
];

/// A rate in packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// As nft writes it.
    pub(super) text: String,
    /// Seconds of the unit.
    pub(super) seconds: u64,
}

/// Reads `N`, `N/s`, `N/minute`.
pub(super) fn rate(word: &Word) -> Result<Rate> {
    let wrong = || {
        let message = format!("`{}` is no rate", word.text);
        Refusal::new(word.span, message).hint("N/second, N/minute, N/hour or N/day")
    };
    let (count, unit) = word.text.split_once('/').unwrap_or((&word.text, "second"));
    let count_word = Word {
        text: count.to_owned(),
        span: word.span,
    };
    let count = number(&count_word, u32::MAX.into()).map_err(|_| wrong())?;
    let lower = unit.to_ascii_lowercase();
    let unit = UNITS
        .iter()
        .find(|(name, ..)| !lower.is_empty() && name.starts_with(&lower));
    let (_, unit, seconds) = unit.ok_or_else(wrong)?;
    if count == 0 {
        return Err(wrong());
    }
    Ok(Rate {
        text: format!("{count}/{unit}"),
        seconds: *seconds,
    })
}

fn limit(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let text = match used.get("limit") {
        Some(given) => {
            let rate = rate(&given.word())?;
            let count: u64 = rate
                .text
                .split('/')
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(0);
            if count > 10_000 * rate.seconds {
                return Err(Refusal::new(
                    given.span,
                    "too fast: iptables counts up to 10000/second",
                ));
            }
            rate.text
        }
        None => "3/hour".to_owned(),
    };
    let burst = match used.get("limit-burst") {
        Some(given) => match number(&given.word(), 10_000)? {
            0 => return Err(Refusal::new(given.span, "no packet would ever pass")),
            burst => burst,
        },
        None => 5,
    };
    rule.stateful(format!("limit rate {text} burst {burst} packets"));
    Ok(())
}

/// The address that a table of addresses is keyed by, with its mask.
pub(super) fn keyed(field: &str, mask: u128, family: Family) -> String {
    match mask == prefix_mask(family.bits(), family) {
        true => field.to_owned(),
        false => format!("{field} & {}", address_text(mask, family)),
    }
}

fn connlimit(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let family = rule.family;
    let mask = match used.get("connlimit-mask") {
        Some(given) => mask(&given.word(), family)?,
        None => prefix_mask(family.bits(), family),
    };
    let side = match used.has("connlimit-daddr") {
        true => "daddr",
        false => "saddr",
    };
    let field = format!("{} {side}", rule.ip());
    for given in &used.given {
        let above = match given.option.name {
            "connlimit-above" => !given.negated,
            "connlimit-upto" => given.negated,
            _ => continue,
        };
        let count = number(&given.word(), u32::MAX.into())?;
        let over = match above {
            true => "over ",
            false => "",
        };
        let name = rule.objects.fresh_set("connlimit");
        let key = format!("type {}", family.address_type());
        let name = rule.objects.dynamic_set(&name, &key, "dynamic");
        let keyed = keyed(&field, mask, family);
        rule.stateful(format!("add @{name} {{ {keyed} ct count {over}{count} }}"));
    }
    Ok(())
}

/// A mask: a prefix's length, or an address.
pub(super) fn mask(word: &Word, family: Family) -> Result<u128> {
    let all = Word {
        text: format!("{}/{}", address_text(0, family), word.text),
        span: word.span,
    };
    Network::read(&all, family).map(|network| network.mask)
}

fn statistic(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let mode = used.get("mode").map_or("", |given| given.text());
    match (mode, used.get("probability"), used.get("every")) {
        ("random", Some(given), _) => {
            let probability: Option<f64> = given.text().parse().ok();
            let Some(probability) = probability.filter(|p| (0.0..=1.0).contains(p)) else {
                return Err(Refusal::new(given.span, "a probability is from 0 to 1"));
            };
            // As iptables rounds it.
            let bound = (probability * f64::from(1_u32 << 31)).round() as u64;
            match (bound, given.negated) {
                (0, false) | (0x8000_0000, true) => rule.never(),
                (0, true) | (0x8000_0000, false) => {}
                (bound, negated) => {
                    let operator = match negated {
                        true => ">=",
                        false => "<",
                    };
                    rule.stateful(format!("numgen random mod 2147483648 {operator} {bound}"));
                }
            }
            Ok(())
        }
        ("nth", _, Some(given)) => {
            let every = number(&given.word(), 0x7fff_ffff)?;
            let Some(packet) = used.get("packet") else {
                return Err(Refusal::new(given.span, "--every needs --packet")
                    .hint("--packet 0 is the first of each round"));
            };
            let index = number(&packet.word(), 0x7fff_ffff)?;
            if every == 0 || index >= every {
                return Err(Refusal::new(
                    packet.span,
                    "--packet is smaller than --every",
                ));
            }
            let operator = crate::import::values::not(given.negated);
            rule.stateful(format!("numgen inc mod {every} {operator}{index}"));
            Ok(())
        }
        ("random" | "nth", ..) => Err(Refusal::new(
            used.span,
            "random goes with --probability, nth with --every",
        )),
        _ => Err(Refusal::new(used.span, "`random` or `nth`?")),
    }
}
