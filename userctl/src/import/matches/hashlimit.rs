// SPDX-License-Identifier: GPL-2.0
//! `hashlimit`: a bucket for each address or port.
//!
//! It becomes a set whose elements are filled by the rule and have a `limit` each. Kept exactly: the
//! rate, the burst, the key with its masks, and that a bucket is full again once it was idle for
//! `--hashlimit-htable-expire` (whose defaults are iptables': the unit of the rate). Rules with one
//! name share one table; as in the kernel, the rule that comes first says what the table does, and
//! what others say about rate and key counts for nothing. Not kept: what happens when the table is
//! full (iptables drops the packet, nft's rule does not hold; the size itself is not saved unless
//! somebody set it), that bytes are counted in units of 16, and that iptables' buckets fill at each tick
//! of the kernel's clock, nft's all the time.

use super::rates::{keyed, mask, rate};
use crate::import::arguments::{Arguments, Given, Opt, Use};
use crate::import::chains::constant_key;
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::protocol::{self, DCCP, SCTP, TCP, UDP, UDPLITE};
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{number, prefix_mask};
use crate::import::words::Word;

pub(super) const ALL: &[Extension] = &[Extension::new(
    "hashlimit",
    &[
        Opt::value("hashlimit-upto")
            .also(&["hashlimit"])
            .not()
            .required()
            .group(1),
        Opt::value("hashlimit-above").not().group(1),
        Opt::value("hashlimit-burst"),
        Opt::value("hashlimit-mode"),
        Opt::value("hashlimit-name").required(),
        Opt::value("hashlimit-srcmask"),
        Opt::value("hashlimit-dstmask"),
        Opt::value("hashlimit-htable-size"),
        Opt::value("hashlimit-htable-max"),
        Opt::value("hashlimit-htable-expire"),
        Opt::value("hashlimit-htable-gcinterval"),
        Opt::flag("hashlimit-rate-match"),
        Opt::value("hashlimit-rate-interval"),
    ],
    translate,
)];

/// A table of buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::import) struct Bucket {
    /// Its name.
    pub(in crate::import) name: String,
    /// Whether packets above the rate are meant.
    above: bool,
    /// Whether the rate is in bytes.
    bytes: bool,
    /// `limit rate …`, without `over`.
    rate: String,
    /// What an element is found by.
    key: String,
    /// The key's type.
    key_type: String,
    /// For how long an idle bucket is kept, in milliseconds.
    expire: u64,
    /// Most elements.
    size: u64,
}

/// Units of bytes, as iptables writes and nft takes them.
static BYTES: &[(&str, &str, u64)] = &[
    ("gb", "mbytes", 1 << 30),
    ("mb", "mbytes", 1 << 20),
    ("kb", "kbytes", 1 << 10),
    ("b", "bytes", 1),
];

fn bytes(text: &str) -> Option<String> {
    let (digits, (name, unit, _)) = BYTES
        .iter()
        .find_map(|unit| Some((text.strip_suffix(unit.0)?, unit)))?;
    let count: u64 = digits.parse().ok().filter(|count| *count > 0)?;
    let count = match *name {
        "gb" => count.checked_mul(1024)?,
        _ => count,
    };
    Some(format!("{count} {unit}"))
}

impl Bucket {
    /// What a rule says.
    pub(in crate::import) fn read(
        used: &Use,
        arguments: &Arguments,
        family: Family,
    ) -> Result<Self> {
        for option in ["hashlimit-rate-match", "hashlimit-rate-interval"] {
            if let Some(given) = used.get(option) {
                return Err(
                    Refusal::new(given.span, "nft does not measure a rate, it limits one")
                        .hint("without --hashlimit-rate-match the rule can be imported"),
                );
            }
        }
        let given = used.get("hashlimit-upto").or(used.get("hashlimit-above"));
        let Some(given) = given else {
            return Err(Refusal::new(used.span, "which rate?"));
        };
        let above = (given.option.name == "hashlimit-above") != given.negated;
        let burst = used.get("hashlimit-burst");
        let text = given.text().to_ascii_lowercase();
        let per_second = text.strip_suffix("/s").or(text.strip_suffix("/second"));
        let in_bytes = per_second.and_then(bytes);
        let (rate, expire) = match &in_bytes {
            Some(amount) => (byte_rate(amount, burst)?, burst.map_or(15, |_| 60)),
            None => packet_rate(&given.word(), burst)?,
        };
        let option = |name: &str, default: u64| match used.get(name) {
            Some(given) => number(&given.word(), u32::MAX.into()),
            None => Ok(default),
        };
        let (key, key_type) = key(used, arguments, family)?;
        Ok(Self {
            name: used
                .get("hashlimit-name")
                .map_or("", |given| given.text())
                .to_owned(),
            above,
            bytes: in_bytes.is_some(),
            rate,
            key,
            key_type,
            expire: option("hashlimit-htable-expire", expire * 1000)?,
            size: option("hashlimit-htable-max", 65535)?.max(1),
        })
    }
}

fn packet_rate(word: &Word, burst: Option<&Given>) -> Result<(String, u64)> {
    let rate = rate(word)?;
    let burst = match burst {
        Some(given) => match number(&given.word(), u32::MAX.into())? {
            0 => return Err(Refusal::new(given.span, "no packet would ever pass")),
            burst => burst,
        },
        None => 5,
    };
    Ok((format!("{} burst {burst} packets", rate.text), rate.seconds))
}

fn byte_rate(amount: &str, burst: Option<&Given>) -> Result<String> {
    let Some(given) = burst else {
        return Ok(format!("{amount}/second"));
    };
    let text = given.text().to_ascii_lowercase();
    let burst = bytes(&text).or_else(|| text.parse::<u64>().ok().map(|n| format!("{n} bytes")));
    match burst {
        Some(burst) => Ok(format!("{amount}/second burst {burst}")),
        None => Err(Refusal::new(
            given.span,
            "a burst of bytes is written as 400kb or 1mb",
        )),
    }
}

/// The key and its type.
fn key(used: &Use, arguments: &Arguments, family: Family) -> Result<(String, String)> {
    let ip = family.name();
    let full = prefix_mask(family.bits(), family);
    let masked = |option: &str| match used.get(option) {
        Some(given) => mask(&given.word(), family),
        None => Ok(full),
    };
    let modes = used.get("hashlimit-mode");
    let (mut fields, mut types) = (Vec::new(), Vec::new());
    let listed: Vec<_> = modes.map_or(Vec::new(), |given| given.text().split(',').collect());
    for (mode, side, option) in [
        ("dstip", "daddr", "hashlimit-dstmask"),
        ("srcip", "saddr", "hashlimit-srcmask"),
    ] {
        if listed.contains(&mode) {
            fields.push(keyed(&format!("{ip} {side}"), masked(option)?, family));
            types.push(family.address_type());
        }
    }
    for (mode, field) in [("dstport", "dport"), ("srcport", "sport")] {
        if listed.contains(&mode) {
            let with_ports = [TCP, UDP, UDPLITE, SCTP, DCCP];
            let protocol = arguments.protocol.filter(|p| p.is_one_of(&with_ports));
            let Some(protocol) = protocol else {
                return Err(Refusal::new(used.span, "only some protocols have ports")
                    .hint("add -p tcp or another, in a rule for each"));
            };
            fields.push(format!("{} {field}", protocol::name(protocol.number)));
            types.push("inet_service");
        }
    }
    if let (Some(given), false) = (modes, fields.len() == listed.len()) {
        return Err(Refusal::new(
            given.span,
            "a list of `srcip dstip srcport dstport`, each once",
        ));
    }
    if fields.is_empty() {
        // One bucket for all: nft wants a key.
        let key = constant_key(family);
        return Ok((key.to_owned(), format!("typeof {key}")));
    }
    Ok((fields.join(" . "), format!("type {}", types.join(" . "))))
}

fn translate(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let own = Bucket::read(used, rule.arguments, rule.family)?;
    // The first rule of that name made the table.
    let bucket = rule.shared.buckets.get(&own.name).unwrap_or(&own);
    if bucket.above != own.above || bucket.bytes != own.bytes {
        let message = format!(
            "two rules use the buckets of `{}` in different ways",
            own.name
        );
        return Err(Refusal::new(used.span, message).hint(
            "in nft the bucket itself knows whether it means above or up to: use two names",
        ));
    }
    let body = [
        bucket.key_type.clone(),
        format!("size {}", bucket.size),
        "flags dynamic,timeout".to_owned(),
    ];
    let name = rule
        .objects
        .declare("set", &format!("hashlimit-{}", bucket.name), body);
    let over = match bucket.above {
        true => "over ",
        false => "",
    };
    let expire = match bucket.expire % 1000 {
        0 => format!("{}s", bucket.expire / 1000),
        rest => format!("{}s{rest}ms", bucket.expire / 1000),
    };
    let (key, rate) = (&bucket.key, &bucket.rate);
    rule.stateful(format!(
        "update @{name} {{ {key} timeout {expire} limit rate {over}{rate} }}"
    ));
    Ok(())
}
