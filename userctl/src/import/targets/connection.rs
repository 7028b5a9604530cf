// SPDX-License-Identifier: GPL-2.0
//! What changes things beside the packet's bytes: `CT NOTRACK SET TEE CLASSIFY SECMARK CONNSECMARK`.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::matches::set_and_key;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::{quotable, Rule};
use crate::import::values::{address, address_text, number};

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "CT",
        &[
            Opt::flag("notrack").required().group(1),
            Opt::value("zone").group(1),
            Opt::value("zone-orig").group(1),
            Opt::value("zone-reply").group(1),
            Opt::value("helper").group(1),
            Opt::value("timeout").group(1),
            Opt::value("ctevents").group(1),
            Opt::value("expevents").group(1),
        ],
        ct,
    )
    .tables(&["raw"]),
    Extension::new("NOTRACK", &[], |_, rule| {
        rule.act("notrack");
        Ok(())
    })
    .tables(&["raw"]),
    Extension::new(
        "SET",
        &[
            Opt::pair("add-set").required().group(1),
            Opt::pair("del-set").group(1),
            Opt::pair("map-set").group(1),
            Opt::value("timeout"),
            Opt::flag("exist"),
            Opt::flag("map-mark"),
            Opt::flag("map-prio"),
            Opt::flag("map-queue"),
        ],
        set,
    ),
    Extension::new(
        "TEE",
        &[Opt::value("gateway").required(), Opt::value("oif")],
        tee,
    ),
    Extension::new("CLASSIFY", &[Opt::value("set-class").required()], classify),
    Extension::new("SECMARK", &[Opt::value("selctx").required()], secmark)
        .tables(&["mangle", "security"]),
    Extension::new(
        "CONNSECMARK",
        &[
            Opt::flag("save").required().group(1),
            Opt::flag("restore").group(1),
        ],
        |used, rule| {
            // Neither overwrites a mark, nor takes one that is not there. nft compares a mark
            // with a number only behind a mask.
            const NONE: &str = "& 0xffffffff == 0";
            const SOME: &str = "& 0xffffffff != 0";
            rule.act(match used.has("save") {
                true => {
                    format!("ct secmark {NONE} meta secmark {SOME} ct secmark set meta secmark")
                }
                false => {
                    format!("meta secmark {NONE} ct secmark {SOME} meta secmark set ct secmark")
                }
            });
            Ok(())
        },
    )
    .tables(&["mangle", "security"]),
];

fn ct(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    for given in &used.given {
        let zone = |given: &Given| {
            number(&given.word(), 65535)
                .map_err(|refusal| refusal.hint("a zone is a number; nft takes none from the mark"))
        };
        let text = match given.option.name {
            "notrack" => "notrack".to_owned(),
            "zone" => format!("ct zone set {}", zone(given)?),
            "zone-orig" => format!("ct original zone set {}", zone(given)?),
            "zone-reply" => format!("ct reply zone set {}", zone(given)?),
            "helper" => {
                let message = "nft assigns a helper where the connection exists, after conntrack";
                return Err(Refusal::new(given.span, message).hint(
                    "write a chain of priority filter with `ct helper set NAME`, \
                     and `ct helper NAME { type … protocol …; }`",
                ));
            }
            name => {
                let message =
                    format!("nft sets --{name} where the connection exists, after conntrack");
                return Err(Refusal::new(given.span, message)
                    .hint("write a chain of priority filter that does it"));
            }
        };
        rule.act(text);
    }
    Ok(())
}

fn set(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let flags = match used.has("timeout") {
        true => "dynamic,timeout",
        false => "dynamic",
    };
    for given in &used.given {
        let operation = match (given.option.name, used.has("exist")) {
            ("add-set", false) => "add",
            ("add-set", true) => "update",
            ("del-set", _) => "delete",
            ("timeout" | "exist", _) => continue,
            (name, _) => {
                let message = format!("sets of nft have no --{name}");
                return Err(Refusal::new(given.span, message)
                    .hint("use a map: `meta mark set … map @NAME`"));
            }
        };
        let (name, key) = set_and_key(&given.values[0], &given.values[1], rule, flags)?;
        let timeout = match used.get("timeout") {
            Some(given) => format!(" timeout {}s", number(&given.word(), u32::MAX.into())?),
            None => String::new(),
        };
        rule.act(format!("{operation} @{name} {{ {key}{timeout} }}"));
    }
    Ok(())
}

fn tee(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("gateway") else {
        return Ok(());
    };
    let gateway = address(given.text(), rule.family)
        .ok_or_else(|| Refusal::new(given.span, format!("no address of {}", rule.ip())))?;
    let mut text = format!("dup to {}", address_text(gateway, rule.family));
    if let Some(given) = used.get("oif") {
        if !quotable(given.text()) {
            return Err(Refusal::new(given.span, "no name of an interface"));
        }
        text.push_str(&format!(" device \"{}\"", given.text()));
    }
    rule.act(text);
    Ok(())
}

fn classify(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("set-class") else {
        return Ok(());
    };
    if ["PREROUTING", "INPUT"].contains(&rule.chain) {
        return Err(Refusal::new(
            used.span,
            "packets are classified on their way out only",
        ));
    }
    let parts = given.text().split_once(':');
    let part = |text: &str| {
        u16::from_str_radix(text, 16)
            .ok()
            .filter(|_| !text.starts_with('+'))
    };
    let parts = parts.and_then(|(major, minor)| part(major).zip(part(minor)));
    rule.act(match parts {
        Some((0, 0)) => "meta priority set none".to_owned(),
        Some((0xffff, 0xffff)) => "meta priority set root".to_owned(),
        Some((major, minor)) => format!("meta priority set {major:x}:{minor:x}"),
        None => {
            return Err(Refusal::new(
                given.span,
                "a class is written MAJOR:MINOR, in hexadecimal",
            ))
        }
    });
    Ok(())
}

fn secmark(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("selctx") else {
        return Ok(());
    };
    let context = given.text();
    if !quotable(context) {
        return Err(Refusal::new(given.span, "no security context"));
    }
    let kind = context.split(':').nth(2).unwrap_or("secmark");
    let body = vec![format!("\"{context}\"")];
    let same =
        |object: &&crate::import::objects::Object| object.kind == "secmark" && object.body == body;
    let name = match rule.objects.objects.iter().find(same) {
        Some(object) => object.name.clone(),
        None => {
            let stem = crate::import::chains::name_for(kind, &|name| {
                rule.objects
                    .objects
                    .iter()
                    .any(|object| object.name == name)
            });
            rule.objects.declare("secmark", &stem, body.clone())
        }
    };
    rule.act(format!("meta secmark set \"{name}\""));
    Ok(())
}
