// SPDX-License-Identifier: GPL-2.0
//! Commands in libnftables' JSON schema, read as a script (`nft -j -f`).
//!
//! ```text
//! JSON ─► at (a value and its path) ─► command, statement, expression ─► rule text ─► lang ─► Script
//! ```
//!
//! Each command becomes the text that says the same, under a name that says where in the JSON it was:
//! `rules.json: nftables[3].add.rule`. So there is one grammar and one set of checks, and what is
//! wrong with a value is shown in its rule. What is wrong with the JSON itself is told by its path.

mod at;
mod command;
mod expression;
mod statement;

use serde_json::Value;

use self::at::{At, Path};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::{self, Script};
use crate::source::SourceMap;

/// Something that is wrong with the JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
struct JsonError {
    /// The path (`nftables[3].add.rule.expr[0].match.op`).
    path: String,
    /// What is wrong.
    message: String,
    /// What to write instead.
    hint: Option<String>,
}

type Read<T> = Result<T, JsonError>;

/// Reads commands in JSON. `name` is what to call the text in messages.
///
/// # Errors
///
/// What is wrong with the JSON, by its path, or with the rules that it says.
pub fn parse(sources: &mut SourceMap, name: &str, text: &str) -> Result<Script, Diagnostics> {
    let commands = match commands(text) {
        Ok(commands) => commands,
        Err(errors) => {
            let list = errors.iter().map(|error| Diagnostic {
                hint: error.hint.clone(),
                ..Diagnostic::without_position(format!("{name}: {error}"))
            });
            return Diagnostics::from_list(list).map_or_else(|| Ok(Script::default()), Err);
        }
    };
    let texts = commands
        .into_iter()
        .map(|(path, text)| (format!("{name}: {path}"), text));
    lang::parse_texts(sources, texts)
}

/// The path and the text of each command.
fn commands(text: &str) -> Result<Vec<(String, String)>, Vec<JsonError>> {
    let json: Value = serde_json::from_str(text).map_err(|error| {
        let path = format!("line {}, column {}", error.line(), error.column());
        let message = error.to_string();
        let end = message.find(" at line").unwrap_or(message.len());
        vec![JsonError {
            path,
            message: message[..end].to_owned(),
            hint: None,
        }]
    })?;
    let root = Path::Root;
    let root = At::new(&json, &root);
    let list = root.need("nftables").map_err(|error| vec![error])?;
    let items = list.items().map_err(|error| vec![error])?;
    let mut texts = Vec::with_capacity(items.len());
    let mut errors = Vec::new();
    for (index, value) in items.iter().enumerate() {
        let path = Path::Index(list.path(), index);
        match command::command(At::new(value, &path)) {
            Ok(Some(text)) => texts.push((path.to_string(), text)),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    match errors.is_empty() {
        true => Ok(texts),
        false => Err(errors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        let texts = commands(json).expect("good JSON");
        texts.into_iter().map(|(_, text)| text).collect()
    }

    fn error(json: &str) -> String {
        commands(json).expect_err("bad JSON")[0].to_string()
    }

    fn of_rule(statement: &str) -> String {
        let text = text(&format!(
            r#"{{"nftables":[{{"add":{{"rule":{{"family":"ip","table":"t","chain":"c","expr":[{statement}]}}}}}}]}}"#
        ));
        let rule = text.strip_prefix("add rule ip t c ").expect("a rule");
        rule.trim_end().to_owned()
    }

    #[test]
    fn statements_are_the_text_that_says_the_same() {
        let table = [
            (r#"{"accept":null}"#, "accept"),
            (r#"{"jump":{"target":"x"}}"#, "jump x"),
            (
                r#"{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":{"set":[22,{"range":[80,90]}]}}}"#,
                "tcp dport == { 22, 80-90 }",
            ),
            (
                r#"{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["new","related"]}}"#,
                "ct state \"new\",\"related\"",
            ),
            (
                r#"{"match":{"op":"==","left":{"&":[{"payload":{"protocol":"tcp","field":"flags"}},["fin","syn"]]},"right":"syn"}}"#,
                "(tcp flags & (\"fin\" | \"syn\")) == \"syn\"",
            ),
            (
                r#"{"match":{"op":"==","left":{"exthdr":{"name":"hbh"}},"right":true}}"#,
                "exthdr hbh == exists",
            ),
            (
                r#"{"vmap":{"key":{"meta":{"key":"mark"}},"data":{"set":[[1,{"drop":null}],["*",{"accept":null}]]}}}"#,
                "meta mark vmap { 1 : drop, * : accept }",
            ),
            (
                r#"{"set":{"op":"update","elem":{"elem":{"val":{"payload":{"protocol":"ip","field":"saddr"}},"timeout":30}},"set":"@s","stmt":[{"limit":{"rate":1,"per":"minute"}}]}}"#,
                "update @s { ip saddr timeout 30s limit rate 1/minute }",
            ),
            (
                r#"{"mangle":{"key":{"ct":{"key":"mark"}},"value":{"|":[{"ct":{"key":"mark"}},4]}}}"#,
                "ct mark set (ct mark | 4)",
            ),
            (
                r#"{"log":{"prefix":"x ","flags":["tcp sequence","tcp options","skuid"]}}"#,
                r#"log prefix "x " flags tcp sequence flags tcp options flags skuid"#,
            ),
            (
                r#"{"reject":{"type":"icmpx","expr":"admin-prohibited"}}"#,
                "reject with icmpx \"admin-prohibited\"",
            ),
            (
                r#"{"queue":{"num":{"range":[1,3]},"flags":["bypass"]}}"#,
                "queue flags bypass to 1-3",
            ),
            (
                r#"{"counter":{"packets":1,"bytes":2}}"#,
                "counter packets 1 bytes 2",
            ),
            (r#"{"counter":"x"}"#, "counter name \"x\""),
            (r#"{"ct helper":"ftp"}"#, "ct helper set \"ftp\""),
            (
                r#"{"limit":{"rate":10,"rate_unit":"mbytes","per":"second","inv":true,"burst":1,"burst_unit":"kbytes"}}"#,
                "limit rate over 10 mbytes/second burst 1 kbytes",
            ),
            (
                r#"{"quota":{"val":5,"val_unit":"kbytes"}}"#,
                "quota 5 kbytes",
            ),
            (r#"{"ct count":{"val":5,"inv":true}}"#, "ct count over 5"),
        ];
        for (json, expected) in table {
            assert_eq!(of_rule(json), expected);
        }
    }

    #[test]
    fn a_set_is_its_block() {
        let json = r#"{"nftables":[{"set":{"family":"inet","table":"t","name":"s","handle":4,
            "type":["ipv4_addr","inet_service"],"flags":["interval","timeout"],"timeout":60,
            "size":5,"elem":[{"concat":[{"prefix":{"addr":"10.0.0.0","len":8}},80]},
            {"elem":{"val":{"concat":["1.1.1.1",1]},"comment":"y","counter":{"packets":1,"bytes":2}}}]}}]}"#;
        let expected = "add set inet t s { type ipv4_addr . inet_service; flags interval,timeout; \
            timeout 60s; size 5; elements = { \"10.0.0.0\"/8 . 80, \
            \"1.1.1.1\" . 1 comment \"y\" counter packets 1 bytes 2 }; }\n";
        assert_eq!(text(json), expected);
    }

    #[test]
    fn mistakes_are_told_by_their_path() {
        let table = [
            (
                r#"{"nftables":[{"add":{"rule":{"family":"ip","table":"t","chain":"c","expr":[{"match":{"op":7}}]}}}]}"#,
                "nftables[0].add.rule.expr[0].match.op: expected a string, found a number",
            ),
            (
                r#"{"nftables":[{"add":{"rule":{"family":"ip","table":"t","expr":[]}}}]}"#,
                "nftables[0].add.rule: `chain` is missing",
            ),
            (
                r#"{"nftables":[{"add":{"tabel":{"family":"ip","name":"t"}}}]}"#,
                "nftables[0].add.tabel: there is no such object",
            ),
            (
                r#"{"nftables": 5}"#,
                "nftables: expected a list, found a number",
            ),
            (r#"{"nftables": [}"#, "line 1, column 15: expected value"),
            (
                r#"{"nftables":[{"add":{"chain":{"family":"ip","table":"t","name":"a\" }"}}}]}"#,
                "nftables[0].add.chain.name: this is no name",
            ),
        ];
        for (json, expected) in table {
            assert_eq!(error(json), expected);
        }
    }
}
