// SPDX-License-Identifier: GPL-2.0
//! Statements.

use super::at::At;
use super::expression::{element, expression};
use super::Read;

/// Statements that nft has and Ferrule has not, and what to do instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("snat", NAT_LATER),
    ("dnat", NAT_LATER),
    ("masquerade", NAT_LATER),
    ("redirect", NAT_LATER),
    ("tproxy", LATER),
    ("synproxy", LATER),
    ("fwd", LATER),
    ("flow", LATER),
    ("xt", "write the rule anew in nft's own words"),
];

const NAT_LATER: &str = "address translation comes later";
const LATER: &str = "leave the rule out; later versions will have it";

/// Statements whose body is the name of an object, or a map of them, and what the rules' text has before it.
const OBJECTS: &[(&str, &str)] = &[
    ("ct helper", "ct helper set"),
    ("ct timeout", "ct timeout set"),
    ("ct expectation", "ct expectation set"),
    ("secmark", "meta secmark set"),
];

/// A statement.
pub(super) fn statement(at: At<'_>) -> Read<String> {
    if let Some(verdict) = verdict(at)? {
        return Ok(verdict);
    }
    let (kind, body) = at.only()?;
    if let Some(state) = state(kind, body)? {
        return Ok(state);
    }
    if let Some((_, text)) = OBJECTS.iter().find(|(name, _)| *name == kind) {
        return Ok(format!("{text} {}", expression(body)?));
    }
    if let Some((name, hint)) = UNSUPPORTED.iter().find(|(name, _)| *name == kind) {
        return at.error_with_hint(format!("`{name}` is not supported"), hint);
    }
    match kind {
        "match" => comparison(body),
        "mangle" => {
            let key = expression(body.need("key")?)?;
            Ok(format!("{key} set {}", expression(body.need("value")?)?))
        }
        "vmap" => {
            let key = expression(body.need("key")?)?;
            Ok(format!("{key} vmap {}", expression(body.need("data")?)?))
        }
        "set" | "map" => update(kind, body),
        "meter" => meter(body),
        "log" => log(body),
        "reject" => reject(body),
        "queue" => queue(body),
        "dup" => {
            let to = expression(body.need("addr")?)?;
            match body.get("dev")? {
                Some(device) => Ok(format!("dup to {to} device {}", expression(device)?)),
                None => Ok(format!("dup to {to}")),
            }
        }
        "reset" => Ok(format!("reset {}", expression(body)?)),
        "notrack" => Ok("notrack".to_owned()),
        _ => body.error("there is no such statement"),
    }
}

/// A verdict, if it is one.
pub(super) fn verdict(at: At<'_>) -> Read<Option<String>> {
    if !at.value().is_object() {
        return Ok(None);
    }
    let (kind, body) = at.only()?;
    Ok(match kind {
        "accept" | "drop" | "continue" | "return" => Some(kind.to_owned()),
        "jump" | "goto" => Some(format!("{kind} {}", body.need("target")?.word()?)),
        _ => None,
    })
}

/// A statement that keeps a state, if it is one.
pub(super) fn state(kind: &str, at: At<'_>) -> Read<Option<String>> {
    if let "counter" | "quota" | "limit" = kind {
        let map = at.value().is_object() && at.get("map")?.is_some();
        if at.value().is_string() || map {
            return Ok(Some(format!("{kind} name {}", expression(at)?)));
        }
    }
    Ok(Some(match kind {
        "counter" if at.is_null() => "counter".to_owned(),
        "counter" => {
            let packets = at.get("packets")?.map_or(Ok(0), |n| n.number())?;
            let bytes = at.get("bytes")?.map_or(Ok(0), |n| n.number())?;
            format!("counter packets {packets} bytes {bytes}")
        }
        "limit" => format!("limit {}", limit(at)?),
        "quota" => format!("quota {}", quota(at)?),
        "last" => match at.is_null() {
            true => "last".to_owned(),
            false => match at.get("used")? {
                Some(used) => format!("last used {}ms", used.number()?),
                None => "last".to_owned(),
            },
        },
        "ct count" => {
            let over = if at.is_set("inv")? { "over " } else { "" };
            format!("ct count {over}{}", at.need("val")?.number()?)
        }
        _ => return Ok(None),
    }))
}

/// `rate over 10 mbytes/second burst 1 kbytes`.
pub(super) fn limit(at: At<'_>) -> Read<String> {
    let over = if at.is_set("inv")? { "over " } else { "" };
    let rate = at.need("rate")?.number()?;
    let per = at.get("per")?.map_or(Ok("second"), |per| per.word())?;
    let unit = at
        .get("rate_unit")?
        .map_or(Ok("packets"), |unit| unit.word())?;
    let burst = at.get("burst")?.map(|burst| burst.number()).transpose()?;
    let burst_unit = at
        .get("burst_unit")?
        .map_or(Ok("bytes"), |unit| unit.word())?;
    let packets = unit == "packets";
    let unit = if packets {
        String::new()
    } else {
        format!(" {unit}")
    };
    let burst = match burst {
        None | Some(0) => String::new(),
        Some(burst) if packets => format!(" burst {burst} packets"),
        Some(burst) => format!(" burst {burst} {burst_unit}"),
    };
    Ok(format!("rate {over}{rate}{unit}/{per}{burst}"))
}

/// `over 10 mbytes used 1 kbytes`.
fn quota(at: At<'_>) -> Read<String> {
    let over = if at.is_set("inv")? { "over " } else { "" };
    let unit = at
        .get("val_unit")?
        .map_or(Ok("bytes"), |unit| unit.word())?;
    let mut text = format!("{over}{} {unit}", at.need("val")?.number()?);
    if let Some(used) = at.get("used")? {
        let unit = at
            .get("used_unit")?
            .map_or(Ok("bytes"), |unit| unit.word())?;
        text.push_str(&format!(" used {} {unit}", used.number()?));
    }
    Ok(text)
}

fn comparison(at: At<'_>) -> Read<String> {
    let op = match at.need("op")?.text()? {
        "in" => "",
        op @ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "!") => op,
        _ => return at.need("op")?.error("this is no operator"),
    };
    let between = if op.is_empty() { "" } else { " " };
    let left = expression(at.need("left")?)?;
    let right = expression(at.need("right")?)?;
    Ok(format!("{left} {op}{between}{right}"))
}

/// `add @set { … }` and its kin.
fn update(kind: &str, at: At<'_>) -> Read<String> {
    let verb = at.need("op")?.word()?;
    let set = expression(at.need(kind)?)?;
    let mut text = format!("{verb} {set} {{ {}", element(at.need("elem")?)?);
    text.push_str(&states(at)?);
    if let Some(data) = at.get("data")? {
        text.push_str(&format!(" : {}", expression(data)?));
    }
    text.push_str(" }");
    Ok(text)
}

/// The statements of an update, each with a space before it.
fn states(at: At<'_>) -> Read<String> {
    let mut text = String::new();
    if let Some(statements) = at.get("stmt")? {
        for one in statements.each() {
            text.push_str(&format!(" {}", statement(one)?));
        }
    }
    Ok(text)
}

fn meter(at: At<'_>) -> Read<String> {
    let name = at.need("name")?.word()?;
    let size = match at.get("size")? {
        Some(size) => format!(" size {}", size.number()?),
        None => String::new(),
    };
    let key = element(at.need("key")?)?;
    Ok(format!("meter {name}{size} {{ {key}{} }}", states(at)?))
}

fn log(at: At<'_>) -> Read<String> {
    let mut text = "log".to_owned();
    if at.is_null() {
        return Ok(text);
    }
    if let Some(prefix) = at.get("prefix")? {
        text.push_str(&format!(" prefix {}", prefix.quoted()?));
    }
    for key in ["group", "snaplen", "queue-threshold"] {
        if let Some(number) = at.get(key)? {
            text.push_str(&format!(" {key} {}", number.number()?));
        }
    }
    if let Some(level) = at.get("level")? {
        text.push_str(&format!(" level {}", level.word()?));
    }
    if let Some(flags) = at.get("flags")? {
        for flag in flags.each() {
            match flag.text()? {
                word @ ("tcp sequence" | "tcp options" | "ip options" | "skuid" | "ether"
                | "all") => {
                    text.push_str(&format!(" flags {word}"));
                }
                _ => return flag.error("there is no such flag"),
            }
        }
    }
    Ok(text)
}

fn reject(at: At<'_>) -> Read<String> {
    if at.is_null() {
        return Ok("reject".to_owned());
    }
    let Some(kind) = at.get("type")? else {
        return Ok("reject".to_owned());
    };
    match kind.text()? {
        "tcp reset" => Ok("reject with tcp reset".to_owned()),
        word @ ("icmp" | "icmpv6" | "icmpx") => match at.get("expr")? {
            Some(code) => Ok(format!("reject with {word} {}", expression(code)?)),
            None => Ok(format!("reject with {word} port-unreachable")),
        },
        _ => kind.error("expected `tcp reset`, `icmp`, `icmpv6` or `icmpx`"),
    }
}

fn queue(at: At<'_>) -> Read<String> {
    let mut text = "queue".to_owned();
    if at.is_null() {
        return Ok(text);
    }
    if let Some(flags) = at.get("flags")? {
        let flags = flags.each();
        let flags: Vec<&str> = flags.iter().map(At::word).collect::<Read<_>>()?;
        if !flags.is_empty() {
            text.push_str(&format!(" flags {}", flags.join(",")));
        }
    }
    match at.get("num")? {
        Some(number) => text.push_str(&format!(" to {}", expression(number)?)),
        None => text.push_str(" to 0"),
    }
    Ok(text)
}
