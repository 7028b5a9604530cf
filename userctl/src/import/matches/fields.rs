// SPDX-License-Identifier: GPL-2.0
//! Fields of the IP header and of TCP's options: `length ttl hl dscp tos ecn tcpmss`; and `comment`,
//! which tests nothing.

use crate::import::arguments::{Opt, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::protocol::TCP;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::tos;
use crate::import::values::{equals, not, number, range};

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "length",
        &[Opt::value("length").not().required()],
        |used, rule| {
            let Some(given) = used.get("length") else {
                return Ok(());
            };
            let range = range(&given.word(), 65535)?;
            rule.test(format!("meta length {}{range}", not(given.negated)));
            Ok(())
        },
    ),
    Extension::new(
        "ttl",
        &[
            Opt::value("ttl-eq").not().required().group(1),
            Opt::value("ttl-lt").group(1),
            Opt::value("ttl-gt").group(1),
        ],
        |used, rule| hops(used, rule, "ip ttl"),
    )
    .family(Family::Ip),
    Extension::new(
        "hl",
        &[
            Opt::value("hl-eq").not().required().group(1),
            Opt::value("hl-lt").group(1),
            Opt::value("hl-gt").group(1),
        ],
        |used, rule| hops(used, rule, "ip6 hoplimit"),
    )
    .family(Family::Ip6),
    Extension::new(
        "dscp",
        &[
            Opt::value("dscp").not().required().group(1),
            Opt::value("dscp-class").not().group(1),
        ],
        dscp,
    ),
    Extension::new(
        "tos",
        &[Opt::value("tos").not().required()],
        type_of_service,
    ),
    Extension::new(
        "ecn",
        &[
            Opt::value("ecn-ip-ect").not(),
            Opt::flag("ecn-tcp-ece").not(),
            Opt::flag("ecn-tcp-cwr").not(),
        ],
        ecn,
    ),
    Extension::new("tcpmss", &[Opt::value("mss").not().required()], tcpmss).protocols(&[TCP]),
    Extension::new(
        "comment",
        &[Opt::value("comment").required()],
        |used, rule| {
            let Some(given) = used.get("comment") else {
                return Ok(());
            };
            if given.text().len() > 255 {
                return Err(Refusal::new(given.span, "a comment has at most 255 bytes"));
            }
            rule.comment(given.text());
            Ok(())
        },
    ),
];

fn hops(used: &Use, rule: &mut Rule<'_>, field: &str) -> Result<()> {
    for given in &used.given {
        let value = number(&given.word(), 255)?;
        let operator = match given.option.name.rsplit('-').next() {
            Some("lt") => "< ",
            Some("gt") => "> ",
            _ => not(given.negated),
        };
        rule.test(format!("{field} {operator}{value}"));
    }
    Ok(())
}

fn dscp(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for given in &used.given {
        let value = match given.option.name {
            "dscp" => number(&given.word(), 63)?,
            _ => tos::class(&given.word())?,
        };
        rule.test(format!(
            "{} dscp {}{value:#04x}",
            rule.ip(),
            not(given.negated)
        ));
    }
    Ok(())
}

/// The whole octet, of which nft has names for the two parts only.
fn type_of_service(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("tos") else {
        return Ok(());
    };
    let (value, mask) = tos::value_and_mask(&given.word(), 0xff)?;
    let ip = rule.ip();
    let operator = equals(given.negated);
    rule.test(match (mask, rule.family) {
        (0xfc, _) => format!("{ip} dscp {}{:#04x}", not(given.negated), value >> 2),
        (0xff, _) if !given.negated => {
            format!("{ip} dscp {:#04x} {ip} ecn {}", value >> 2, value & 3)
        }
        (mask, Family::Ip) => format!("@nh,8,8 & {mask:#x} {operator} {value:#x}"),
        (mask, Family::Ip6) => {
            let (mask, value) = (u16::from(mask) << 4, u16::from(value) << 4);
            format!("@nh,0,16 & {mask:#x} {operator} {value:#x}")
        }
    });
    Ok(())
}

fn ecn(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if used.given.is_empty() {
        return Err(Refusal::new(used.span, "`ecn` needs an option"));
    }
    for given in &used.given {
        match given.option.name {
            "ecn-ip-ect" => {
                let name = match number(&given.word(), 3)? {
                    0 => "not-ect",
                    1 => "ect1",
                    2 => "ect0",
                    _ => "ce",
                };
                rule.test(format!("{} ecn {}{name}", rule.ip(), not(given.negated)));
            }
            flag => {
                if !rule.has_protocol(&[TCP]) {
                    return Err(Refusal::new(given.span, format!("--{flag} needs -p tcp")));
                }
                let flag = match flag {
                    "ecn-tcp-ece" => "ecn",
                    _ => "cwr",
                };
                let operator = match given.negated {
                    true => "==",
                    false => "!=",
                };
                rule.transport(format!("tcp flags & {flag} {operator} 0x0"));
            }
        }
    }
    Ok(())
}

fn tcpmss(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("mss") else {
        return Ok(());
    };
    let range = range(&given.word(), 65535)?;
    if given.negated {
        // Packets without the option are meant, too.
        return rule.unless(&format!("tcp option maxseg size {range}"));
    }
    rule.test(format!("tcp option maxseg size {range}"));
    Ok(())
}
