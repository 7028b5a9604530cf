// SPDX-License-Identifier: GPL-2.0
//! Expressions and elements.

use serde_json::Value;

use super::at::At;
use super::statement::{state, verdict};
use super::Read;

/// What stands around an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing: lists stand bare.
    Top,
    /// An operator: lists are or-ed.
    Operand,
}

/// An expression.
pub(super) fn expression(at: At<'_>) -> Read<String> {
    placed(at, Place::Top)
}

fn placed(at: At<'_>, place: Place) -> Read<String> {
    match at.value() {
        Value::Number(_) => Ok(at.number()?.to_string()),
        Value::Bool(there) => Ok(if *there { "exists" } else { "missing" }.to_owned()),
        Value::String(text) => string(at, text),
        Value::Array(_) if place == Place::Operand => {
            joined(at, " | ").map(|all| format!("({all})"))
        }
        Value::Array(_) => joined(at, ","),
        Value::Object(_) => object(at),
        Value::Null => at.not("an expression"),
    }
}

/// A string: `@name`, `*`, a length of time, or else a value in quotes.
fn string(at: At<'_>, text: &str) -> Read<String> {
    if let Some(name) = text.strip_prefix('@') {
        let word = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_./-".contains(&b));
        return match word && !name.is_empty() {
            true => Ok(text.to_owned()),
            false => at.error("this is no name of a set"),
        };
    }
    match text == "*" {
        true => Ok(text.to_owned()),
        false => at.quoted(),
    }
}

fn joined(at: At<'_>, between: &str) -> Read<String> {
    let parts = at.each();
    let parts: Vec<String> = parts
        .into_iter()
        .map(|part| placed(part, Place::Operand))
        .collect::<Read<_>>()?;
    match parts.is_empty() {
        true => at.error("the list is empty"),
        false => Ok(parts.join(between)),
    }
}

fn object(at: At<'_>) -> Read<String> {
    let (kind, body) = at.only()?;
    match kind {
        "&" | "|" | "^" | "<<" | ">>" => {
            let all = joined(body, &format!(" {kind} "))?;
            Ok(format!("({all})"))
        }
        "concat" => joined(body, " . "),
        "set" => Ok(format!("{{ {} }}", elements(body)?)),
        "range" => {
            let (first, last) = body.pair()?;
            let first = placed(first, Place::Operand)?;
            Ok(format!("{first}-{}", placed(last, Place::Operand)?))
        }
        "prefix" => {
            let address = placed(body.need("addr")?, Place::Operand)?;
            Ok(format!("{address}/{}", body.need("len")?.number()?))
        }
        "map" => {
            let key = expression(body.need("key")?)?;
            Ok(format!("{key} map {}", expression(body.need("data")?)?))
        }
        "elem" => element(at),
        "numgen" => {
            let mode = body.need("mode")?.word()?;
            let modulus = body.need("mod")?.number()?;
            Ok(format!("numgen {mode} mod {modulus}{}", offset(body)?))
        }
        "jhash" => {
            let key = expression(body.need("expr")?)?;
            let modulus = body.need("mod")?.number()?;
            let seed = match body.get("seed")? {
                Some(seed) => format!(" seed {}", seed.number()?),
                None => String::new(),
            };
            Ok(format!("jhash {key} mod {modulus}{seed}{}", offset(body)?))
        }
        "symhash" => {
            let modulus = body.need("mod")?.number()?;
            Ok(format!("symhash mod {modulus}{}", offset(body)?))
        }
        _ => selector(at),
    }
}

fn offset(at: At<'_>) -> Read<String> {
    match at
        .get("offset")?
        .map(|offset| offset.number())
        .transpose()?
    {
        Some(offset) if offset != 0 => Ok(format!(" offset {offset}")),
        _ => Ok(String::new()),
    }
}

/// A member that is a word, with a space before it; nothing if it is not there.
fn maybe(at: At<'_>, key: &str) -> Read<String> {
    match at.get(key)? {
        Some(word) => Ok(format!(" {}", word.word()?)),
        None => Ok(String::new()),
    }
}

/// What a packet has.
fn selector(at: At<'_>) -> Read<String> {
    let (kind, body) = at.only()?;
    match kind {
        "meta" => Ok(format!("meta {}", body.need("key")?.word()?)),
        "payload" => payload(body),
        "exthdr" => exthdr(body),
        "tcp option" | "ip option" | "sctp chunk" | "dccp option" => option(kind, body),
        "ct" => {
            let direction = maybe(body, "dir")?;
            let key = body.need("key")?;
            let family = maybe(body, "family")?;
            let (of, name) = match key.text()?.split_once(' ') {
                Some((of @ ("ip" | "ip6"), name)) => (format!(" {of}"), name),
                _ => (family, key.word()?),
            };
            match name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                true => Ok(format!("ct{direction}{of} {name}")),
                false => key.error("this is no key"),
            }
        }
        "rt" => {
            let family = maybe(body, "family")?;
            Ok(format!("rt{family} {}", body.need("key")?.word()?))
        }
        "socket" => {
            let key = body.need("key")?.word()?;
            match body.get("level")? {
                Some(level) => Ok(format!("socket {key} level {}", level.number()?)),
                None => Ok(format!("socket {key}")),
            }
        }
        "fib" => {
            let result = body.need("result")?.word()?;
            let flags = body.need("flags")?;
            let flags = flags.each();
            let flags: Vec<&str> = flags.iter().map(At::word).collect::<Read<_>>()?;
            Ok(format!("fib {} {result}", flags.join(" . ")))
        }
        "ipsec" => {
            let direction = body.need("dir")?.word()?;
            let number = match body
                .get("spnum")?
                .map(|number| number.number())
                .transpose()?
            {
                Some(number) if number != 0 => format!(" spnum {number}"),
                _ => String::new(),
            };
            let family = maybe(body, "family")?;
            let key = body.need("key")?.word()?;
            Ok(format!("ipsec {direction}{number}{family} {key}"))
        }
        "osf" | "tunnel" => at.error_with_hint(
            format!("`{kind}` is not supported"),
            "leave the rule out; later versions will have it",
        ),
        _ => body.error("there is no such expression"),
    }
}

fn payload(at: At<'_>) -> Read<String> {
    if let Some(base) = at.get("base")? {
        let offset = at.need("offset")?.number()?;
        let bits = at.need("len")?.number()?;
        return Ok(format!("@{},{offset},{bits}", base.word()?));
    }
    let protocol = at.need("protocol")?.word()?;
    let field = at.need("field")?;
    // `arp saddr ip` is two words.
    let name = match field.text()?.split_once(' ') {
        Some((first @ ("saddr" | "daddr"), second @ ("ip" | "ether"))) => {
            format!("{first} {second}")
        }
        _ => field.word()?.to_owned(),
    };
    match at.get("tunnel")? {
        Some(tunnel) if tunnel.word()? != protocol => {
            Ok(format!("{} {protocol} {name}", tunnel.word()?))
        }
        _ => Ok(format!("{protocol} {name}")),
    }
}

fn exthdr(at: At<'_>) -> Read<String> {
    let name = at.need("name")?.word()?;
    let Some(field) = at.get("field")? else {
        return Ok(format!("exthdr {name}"));
    };
    let text = field.text()?;
    // `addr[1]`: the index is a part of the name in our own listing.
    let bare = text.split('[').next().unwrap_or(text);
    let index = match at.get("offset")? {
        Some(offset) => format!("[{}]", offset.number()?),
        None => text[bare.len()..].to_owned(),
    };
    let good = |text: &str, more: &[u8]| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    if !good(bare, b"-") || !good(&index, b"[]") {
        return field.error("this is no field");
    }
    match name {
        "rt0" | "srh" => Ok(format!("{name} {bare}{index}")),
        _ => Ok(format!("{name} {bare}")),
    }
}

fn option(kind: &str, at: At<'_>) -> Read<String> {
    if let Some(base) = at.get("base")? {
        let offset = at.need("offset")?.number()?;
        let bits = at.need("len")?.number()?;
        return Ok(format!("{kind} @{},{offset},{bits}", base.number()?));
    }
    let name = match (at.get("type")?, at.get("name")?) {
        (Some(number), _) => number.number()?.to_string(),
        (None, Some(name)) => match name.text()?.parse::<u8>() {
            Ok(number) => number.to_string(),
            Err(_) => name.word()?.to_owned(),
        },
        (None, None) => return at.error("`name` is missing"),
    };
    Ok(format!("{kind} {name}{}", maybe(at, "field")?))
}

/// The elements of a set, with commas between them.
pub(super) fn elements(at: At<'_>) -> Read<String> {
    let elements = at.each();
    let elements: Vec<String> = elements
        .into_iter()
        .map(element_or_pair)
        .collect::<Read<_>>()?;
    Ok(elements.join(", "))
}

/// An element of a set, or the pair that one of a map is.
fn element_or_pair(at: At<'_>) -> Read<String> {
    if !at.value().is_array() {
        return element(at);
    }
    let (key, data) = at.pair()?;
    let key = element(key)?;
    let data = match verdict(data)? {
        Some(verdict) => verdict,
        None => expression(data)?,
    };
    Ok(format!("{key} : {data}"))
}

/// A key, or an `elem` with what it has beside the key.
pub(super) fn element(at: At<'_>) -> Read<String> {
    let is_elem = matches!(at.value(), Value::Object(members) if members.contains_key("elem"));
    if !is_elem {
        return expression(at);
    }
    let body = at.need("elem")?;
    let mut text = expression(body.need("val")?)?;
    for key in ["timeout", "expires"] {
        if let Some(time) = body.get(key)? {
            text.push_str(&format!(" {key} {}s", time.number()?));
        }
    }
    if let Some(comment) = body.get("comment")? {
        text.push_str(&format!(" comment {}", comment.quoted()?));
    }
    for key in ["counter", "limit", "quota", "last", "ct count"] {
        if body.members()?.contains_key(key) {
            if let Some(state) = state(key, body.need(key)?)? {
                text.push_str(&format!(" {state}"));
            }
        }
    }
    Ok(text)
}
