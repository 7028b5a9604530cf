// SPDX-License-Identifier: GPL-2.0
//! Commands and their objects.

use serde_json::Value;

use super::at::At;
use super::expression::{elements, expression};
use super::statement::{limit, state, statement};
use super::Read;

/// The verbs. What has none is added.
const VERBS: &[&str] = &[
    "add", "create", "insert", "replace", "delete", "destroy", "flush", "list", "reset", "rename",
    "get",
];

/// Objects that only nft has.
const UNSUPPORTED: &[&str] = &["flowtable", "flowtables", "synproxy", "synproxys", "tunnel"];

/// What all of a kind is called in `list` and `reset`.
const PLURALS: &[&str] = &[
    "tables",
    "chains",
    "rules",
    "sets",
    "maps",
    "meters",
    "counters",
    "quotas",
    "limits",
    "secmarks",
    "ct helpers",
    "ct timeouts",
    "ct expectations",
];

/// The text of a command; none for what says nothing (`metainfo`).
pub(super) fn command(at: At<'_>) -> Read<Option<String>> {
    let (word, body) = at.only()?;
    if word == "metainfo" {
        return version(body).map(|()| None);
    }
    let text = match VERBS.contains(&word) {
        true => {
            let (kind, object) = body.only()?;
            self::object(word, kind, object, true)?
        }
        false => object("add", word, body, false)?,
    };
    Ok(Some(format!("{text}\n")))
}

/// Refuses schemas of the future.
fn version(at: At<'_>) -> Read<()> {
    match at.get("json_schema_version")? {
        Some(version) if version.number()? > 1 => version.error("only version 1 is known"),
        _ => Ok(()),
    }
}

/// A verb with its object. `explicit`: the verb was written, and a rule's handle is its place.
fn object(verb: &str, kind: &str, at: At<'_>, explicit: bool) -> Read<String> {
    let adds = matches!(verb, "add" | "create" | "insert" | "replace");
    if UNSUPPORTED.contains(&kind) {
        let hint = "leave it out; packets take the same path without it";
        return at.error_with_hint(format!("`{kind}` is not supported"), hint);
    }
    if PLURALS.contains(&kind) {
        return Ok(format!("{verb} {kind}{}", whose(at)?));
    }
    match kind {
        "ruleset" => Ok(format!("{verb} ruleset{}", whose(at)?)),
        "table" if adds => table(verb, at),
        "table" => {
            let family = family(at)?;
            Ok(format!(
                "{verb} table {family} {}",
                name_or_handle(at, "name")?
            ))
        }
        "chain" if verb == "rename" => {
            let path = path(at, "name")?;
            Ok(format!(
                "rename chain {path} {}",
                at.need("newname")?.word()?
            ))
        }
        "chain" if adds => chain(verb, at),
        "rule" => rule(verb, at, explicit),
        "set" | "map" if adds => set(verb, kind, at),
        "element" => {
            let path = path(at, "name")?;
            Ok(format!(
                "{verb} element {path} {{ {} }}",
                elements(at.need("elem")?)?
            ))
        }
        "counter" | "quota" | "limit" | "secmark" | "ct helper" | "ct timeout"
        | "ct expectation"
            if adds =>
        {
            stateful(verb, kind, at)
        }
        "chain" | "set" | "map" | "meter" | "counter" | "quota" | "limit" | "secmark"
        | "ct helper" | "ct timeout" | "ct expectation" => {
            let family = family(at)?;
            let table = at.need("table")?.word()?;
            Ok(format!(
                "{verb} {kind} {family} {table} {}",
                name_or_handle(at, "name")?
            ))
        }
        _ => at.error("there is no such object"),
    }
}

fn family(at: At<'_>) -> Read<String> {
    at.get("family")?
        .map_or(Ok("ip"), |family| family.word())
        .map(str::to_owned)
}

/// ` FAMILY` and ` table TABLE` of a command about many things, as far as they are said.
fn whose(at: At<'_>) -> Read<String> {
    if at.is_null() {
        return Ok(String::new());
    }
    if let Some(table) = at.get("table")? {
        return Ok(format!(" table {} {}", family(at)?, table.word()?));
    }
    match at.get("family")? {
        Some(family) => Ok(format!(" {}", family.word()?)),
        None => Ok(String::new()),
    }
}

/// `FAMILY TABLE NAME`.
fn path(at: At<'_>, name: &str) -> Read<String> {
    let family = family(at)?;
    let table = at.need("table")?.word()?;
    Ok(format!("{family} {table} {}", at.need(name)?.word()?))
}

/// The name, or `handle N` where there is none.
fn name_or_handle(at: At<'_>, name: &str) -> Read<String> {
    match (at.get(name)?, at.get("handle")?) {
        (None, Some(handle)) => Ok(format!("handle {}", handle.number()?)),
        _ => at.need(name)?.word().map(str::to_owned),
    }
}

/// A block of items, or nothing if there are none.
fn block(items: &[String]) -> String {
    match items.is_empty() {
        true => String::new(),
        false => format!(" {{ {}; }}", items.join("; ")),
    }
}

fn comment(at: At<'_>, items: &mut Vec<String>) -> Read<()> {
    if let Some(comment) = at.get("comment")? {
        items.push(format!("comment {}", comment.quoted()?));
    }
    Ok(())
}

/// Words with commas between them.
fn words(at: At<'_>) -> Read<String> {
    let words = at.each();
    let words: Vec<&str> = words.iter().map(At::word).collect::<Read<_>>()?;
    Ok(words.join(","))
}

fn table(verb: &str, at: At<'_>) -> Read<String> {
    let mut items = Vec::new();
    comment(at, &mut items)?;
    if let Some(flags) = at.get("flags")? {
        items.push(format!("flags {}", words(flags)?));
    }
    let family = family(at)?;
    let name = at.need("name")?.word()?;
    Ok(format!("{verb} table {family} {name}{}", block(&items)))
}

fn chain(verb: &str, at: At<'_>) -> Read<String> {
    let mut items = Vec::new();
    if let Some(kind) = at.get("type")? {
        let hook = at.need("hook")?.word()?;
        if let Some(device) = at.get("dev")? {
            let hint = "use a hook of family `inet`, and `iifname` in the rules";
            return device.error_with_hint("chains bound to a device are not supported", hint);
        }
        let priority = at.need("prio")?;
        let Some(number) = priority.value().as_i64() else {
            return priority.not("a number");
        };
        items.push(format!(
            "type {} hook {hook} priority {number}",
            kind.word()?
        ));
    }
    if let Some(policy) = at.get("policy")? {
        items.push(format!("policy {}", policy.word()?));
    }
    comment(at, &mut items)?;
    let path = path(at, "name")?;
    Ok(format!("{verb} chain {path}{}", block(&items)))
}

fn rule(verb: &str, at: At<'_>, explicit: bool) -> Read<String> {
    let path = path(at, "chain")?;
    let mut text = format!("{verb} rule {path}");
    if explicit {
        for place in ["index", "handle"] {
            if let Some(number) = at.get(place)? {
                text.push_str(&format!(" {place} {}", number.number()?));
            }
        }
    }
    if let "delete" | "destroy" | "reset" = verb {
        return Ok(text);
    }
    let list = at.need("expr")?;
    list.items()?;
    for one in list.each() {
        text.push_str(&format!(" {}", statement(one)?));
    }
    if let Some(comment) = at.get("comment")? {
        text.push_str(&format!(" comment {}", comment.quoted()?));
    }
    Ok(text)
}

/// `type …` or `typeof …`, of keys or of data.
fn types(at: At<'_>) -> Read<(bool, String)> {
    if let Value::Object(_) = at.value() {
        return Ok((true, expression(at.need("typeof")?)?));
    }
    let types = at.each();
    let types: Vec<&str> = types
        .iter()
        .map(|one| match one.text()? {
            two @ ("ct helper" | "ct timeout" | "ct expectation") => Ok(two),
            _ => one.word(),
        })
        .collect::<Read<_>>()?;
    Ok((false, types.join(" . ")))
}

fn set(verb: &str, kind: &str, at: At<'_>) -> Read<String> {
    let path = path(at, "name")?;
    let (is_typeof, key) = types(at.need("type")?)?;
    let word = if is_typeof { "typeof" } else { "type" };
    let data = match at.get("map")? {
        Some(data) => format!(" : {}", types(data)?.1),
        None => String::new(),
    };
    let mut items = vec![format!("{word} {key}{data}")];
    if let Some(policy) = at.get("policy")? {
        items.push(format!("policy {}", policy.word()?));
    }
    if let Some(flags) = at.get("flags")?.filter(|flags| !flags.each().is_empty()) {
        items.push(format!("flags {}", words(flags)?));
    }
    for key in ["timeout", "gc-interval"] {
        if let Some(time) = at.get(key)? {
            items.push(format!("{key} {}s", time.number()?));
        }
    }
    if let Some(size) = at.get("size")? {
        items.push(format!("size {}", size.number()?));
    }
    if at.is_set("auto-merge")? {
        items.push("auto-merge".to_owned());
    }
    for one in at.get("stmt")?.iter().flat_map(At::each) {
        items.push(statement(one)?);
    }
    comment(at, &mut items)?;
    if let Some(list) = at.get("elem")?.filter(|list| !list.each().is_empty()) {
        items.push(format!("elements = {{ {} }}", elements(list)?));
    }
    Ok(format!("{verb} {kind} {path}{}", block(&items)))
}

/// A counter, a quota, a limit, an object of connection tracking.
fn stateful(verb: &str, kind: &str, at: At<'_>) -> Read<String> {
    let path = path(at, "name")?;
    let mut items = Vec::new();
    match kind {
        "counter" => {
            let counts = state("counter", at)?.unwrap_or_default();
            items.push(counts.trim_start_matches("counter ").to_owned());
        }
        "quota" => {
            let over = if at.is_set("inv")? { "over " } else { "" };
            let used = at.get("used")?.map_or(Ok(0), |used| used.number())?;
            let bytes = at.need("bytes")?.number()?;
            items.push(format!("{over}{bytes} bytes used {used} bytes"));
        }
        "limit" => items.push(limit(at)?),
        "secmark" => items.push(at.need("context")?.quoted()?),
        "ct helper" => {
            let helper = at.need("type")?.quoted()?;
            items.push(format!(
                "type {helper} protocol {}",
                at.need("protocol")?.word()?
            ));
        }
        "ct timeout" => {
            items.push(format!("protocol {}", at.need("protocol")?.word()?));
            if let Some(policy) = at.get("policy")? {
                items.push(format!("policy = {{ {} }}", timeouts(policy)?));
            }
        }
        _ => {
            items.push(format!("protocol {}", at.need("protocol")?.word()?));
            items.push(format!("dport {}", at.need("dport")?.number()?));
            items.push(format!("timeout {}ms", at.need("timeout")?.number()?));
            items.push(format!("size {}", at.need("size")?.number()?));
        }
    }
    if let Some(l3proto) = at.get("l3proto")? {
        items.push(format!("l3proto {}", l3proto.word()?));
    }
    comment(at, &mut items)?;
    Ok(format!("{verb} {kind} {path}{}", block(&items)))
}

/// `established : 120, close : 20`.
fn timeouts(at: At<'_>) -> Read<String> {
    let mut parts = Vec::new();
    for state in at.members()?.keys() {
        let seconds = at.need(state)?.number()?;
        match state
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
        {
            true => parts.push(format!("{state} : {seconds}")),
            false => return at.error("this is no state"),
        }
    }
    Ok(parts.join(", "))
}
