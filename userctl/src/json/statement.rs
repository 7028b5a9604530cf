// SPDX-License-Identifier: GPL-2.0
//! Statements of a rule, node by node.

use serde_json::{json, Value};

use super::expression::{object, Writer};
use crate::lang::syntax::{
    Expr, ExprKind, Kind, Limit, Log, Names, Queue, Reject, Relation, Rule, Stmt, StmtKind, Verb,
};
use crate::listing::bytes_text;

/// The statements of a rule, as the `expr` of its object.
pub(super) fn statements(names: &Names, rule: &Rule, stateless: bool) -> Value {
    let writer = Writer { names, stateless };
    let statements = rule.statements.iter();
    statements
        .map(|statement| writer.statement(&statement.kind))
        .collect()
}

/// Selectors whose values are sets of bits, of which `field value` looks for any.
const FLAGS: &[(&str, &str)] = &[
    ("tcp", "flags"),
    ("ct", "state"),
    ("ct", "status"),
    ("ct", "label"),
    ("ct", "event"),
];

impl Writer<'_> {
    pub(super) fn statement(&self, statement: &StmtKind) -> Value {
        match statement {
            StmtKind::Match { left, op, right } => self.matching(left, *op, right),
            StmtKind::Masked {
                left,
                op,
                value,
                mask,
            } => json!({ "match": {
                "op": relation(*op).unwrap_or("=="),
                "left": { "&": [self.expression(left), self.expression(mask)] },
                "right": self.expression(value),
            }}),
            StmtKind::Set { target, value } => json!({ "mangle": {
                "key": self.expression(target),
                "value": self.expression(value),
            }}),
            StmtKind::Vmap { key, map } => json!({ "vmap": {
                "key": self.expression(key),
                "data": self.expression(map),
            }}),
            StmtKind::Accept => json!({ "accept": null }),
            StmtKind::Drop => json!({ "drop": null }),
            StmtKind::Continue => json!({ "continue": null }),
            StmtKind::Return => json!({ "return": null }),
            StmtKind::Jump(chain) => json!({ "jump": { "target": self.name(chain.name) } }),
            StmtKind::Goto(chain) => json!({ "goto": { "target": self.name(chain.name) } }),
            StmtKind::Object { kind, object } => {
                json!({ object_word(*kind): self.expression(object) })
            }
            StmtKind::Notrack => json!({ "notrack": null }),
            StmtKind::Log(log) => self.log(log),
            StmtKind::Reject(reject) => self.reject(reject),
            StmtKind::Queue(queue) => self.queue(queue),
            StmtKind::Dup { to, device } => json!({ "dup": object([
                ("addr", self.expression(to)),
                ("dev", device.as_ref().map_or(Value::Null, |device| self.expression(device))),
            ])}),
            StmtKind::ResetOption(option) => json!({ "reset": self.expression(option) }),
            StmtKind::Update { verb, set, element } => {
                let name = format!("@{}", self.name(set.name));
                let verb = match verb {
                    Verb::Delete => "delete",
                    Verb::Add => "add",
                    _ => "update",
                };
                self.update(verb, &name, element)
            }
            // Nothing of the kind is ever in a checked ruleset.
            StmtKind::Unsupported(what) => json!({ "xt": self.name(what.feature) }),
            state => self.state(state),
        }
    }

    /// `add @set { … }`.
    fn update(&self, verb: &str, set: &str, element: &crate::lang::syntax::Element) -> Value {
        let mut bare = element.clone();
        let statements = std::mem::take(&mut bare.more.statements);
        let data = bare.data.take();
        let statements = match statements.is_empty() {
            true => Value::Null,
            false => self.bare_statements(&statements),
        };
        let kind = if data.is_some() { "map" } else { "set" };
        json!({ kind: object([
            ("op", json!(verb)),
            ("elem", self.element(&bare)),
            ("data", data.map_or(Value::Null, |data| self.expression(&data))),
            (kind, json!(set)),
            ("stmt", statements),
        ])})
    }

    /// What new elements are to have: as in nft without what it begins with.
    pub(super) fn bare_statements(&self, statements: &[Stmt]) -> Value {
        let bare = Writer {
            stateless: true,
            ..*self
        };
        let statements = statements.iter();
        statements.map(|one| bare.statement(&one.kind)).collect()
    }

    /// What counts and limits.
    fn state(&self, state: &StmtKind) -> Value {
        match state {
            StmtKind::Counter { .. } if self.stateless => json!({ "counter": null }),
            StmtKind::Counter { packets, bytes } => {
                json!({ "counter": { "packets": packets, "bytes": bytes } })
            }
            StmtKind::Limit(limit) => json!({ "limit": limit_object(limit) }),
            StmtKind::Quota { over, bytes, used } => {
                let (val, val_unit) = bytes_text(*bytes);
                let (used, used_unit) = bytes_text(*used);
                let used = (used != 0 && !self.stateless).then_some(used);
                json!({ "quota": object([
                    ("val", json!(val)),
                    ("val_unit", json!(val_unit)),
                    ("used", json!(used)),
                    ("used_unit", used.map_or(Value::Null, |_| json!(used_unit))),
                    ("inv", over.then_some(true).map_or(Value::Null, |over| json!(over))),
                ])})
            }
            StmtKind::Last(used) => match used.filter(|_| !self.stateless) {
                Some(used) => json!({ "last": { "used": used.millis } }),
                None => json!({ "last": null }),
            },
            StmtKind::Connections { over, count } => json!({ "ct count": object([
                ("val", json!(count)),
                ("inv", over.then_some(true).map_or(Value::Null, |over| json!(over))),
            ])}),
            _ => Value::Null,
        }
    }

    /// A comparison. Without an operator, flags are looked for and everything else is compared.
    fn matching(&self, left: &Expr, op: Option<Relation>, right: &Expr) -> Value {
        let is_set = matches!(right.kind, ExprKind::Set(_) | ExprKind::Named(_));
        let implied = match self.are_flags(left) && !is_set {
            true => "in",
            false => "==",
        };
        let right = match &right.kind {
            ExprKind::Word(word) if self.name(*word) == "exists" => json!(true),
            ExprKind::Word(word) if self.name(*word) == "missing" => json!(false),
            _ => self.expression(right),
        };
        json!({ "match": {
            "op": relation(op).unwrap_or(implied),
            "left": self.expression(left),
            "right": right,
        }})
    }

    fn are_flags(&self, left: &Expr) -> bool {
        let pair = match &left.kind {
            ExprKind::Header(protocol, field) => (self.name(*protocol), self.name(*field)),
            ExprKind::Ct { key, .. } => ("ct", self.name(key.name)),
            _ => return false,
        };
        FLAGS.contains(&pair)
    }

    fn log(&self, log: &Log) -> Value {
        const FLAGS: [(u8, &str); 5] = [
            (1, "tcp sequence"),
            (2, "tcp options"),
            (4, "ip options"),
            (8, "skuid"),
            (32, "ether"),
        ];
        let all = FLAGS.iter().fold(0, |all, (bit, _)| all | bit);
        let flags = match log.flags {
            0 => Value::Null,
            flags if flags & all == all => json!("all"),
            flags => FLAGS
                .iter()
                .filter_map(|(bit, name)| (flags & bit != 0).then_some(*name))
                .collect(),
        };
        let log = object([
            (
                "prefix",
                log.prefix
                    .map_or(Value::Null, |text| json!(self.name(text.text))),
            ),
            (
                "group",
                log.group.map_or(Value::Null, |(group, _)| json!(group)),
            ),
            ("snaplen", json!(log.snaplen)),
            ("queue-threshold", json!(log.queue_threshold)),
            (
                "level",
                log.level
                    .map_or(Value::Null, |level| json!(self.name(level.name))),
            ),
            ("flags", flags),
        ]);
        match log.as_object().is_some_and(|members| members.is_empty()) {
            true => json!({ "log": null }),
            false => json!({ "log": log }),
        }
    }

    fn reject(&self, reject: &Reject) -> Value {
        let Some(with) = &reject.with else {
            return json!({ "reject": null });
        };
        match self.name(with.name) {
            "tcp" => json!({ "reject": { "type": "tcp reset" } }),
            kind => json!({ "reject": object([
                ("type", json!(kind)),
                ("expr", reject.code.as_ref().map_or(Value::Null, |code| self.expression(code))),
            ])}),
        }
    }

    fn queue(&self, queue: &Queue) -> Value {
        let flags: Vec<&str> = [("bypass", queue.bypass), ("fanout", queue.fanout)]
            .into_iter()
            .filter_map(|(name, is_set)| is_set.then_some(name))
            .collect();
        let flags = match flags.as_slice() {
            [] => Value::Null,
            [one] => json!(one),
            more => json!(more),
        };
        json!({ "queue": object([
            ("num", queue.number.as_ref().map_or(json!(0), |number| self.expression(number))),
            ("flags", flags),
        ])})
    }
}

/// A limit's numbers.
pub(super) fn limit_object(limit: &Limit) -> Value {
    let per = match limit.unit {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        86_400 => "day",
        _ => "week",
    };
    let inv = limit.over.then_some(true);
    if !limit.bytes {
        return object([
            ("rate", json!(limit.rate)),
            ("burst", json!(limit.burst.unwrap_or(5))),
            ("per", json!(per)),
            ("inv", json!(inv)),
        ]);
    }
    let (rate, rate_unit) = bytes_text(limit.rate);
    let burst = limit.burst.filter(|burst| *burst != 0).map(bytes_text);
    object([
        ("rate", json!(rate)),
        ("rate_unit", json!(rate_unit)),
        ("per", json!(per)),
        ("burst", json!(burst.map(|burst| burst.0))),
        ("burst_unit", json!(burst.map(|burst| burst.1))),
        ("inv", json!(inv)),
    ])
}

/// What a statement that uses an object is called.
fn object_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Quota => "quota",
        Kind::Limit => "limit",
        Kind::CtHelper => "ct helper",
        Kind::CtTimeout => "ct timeout",
        Kind::CtExpectation => "ct expectation",
        Kind::Secmark => "secmark",
        Kind::Synproxy => "synproxy",
        _ => "counter",
    }
}

/// A relational operator as it is written.
fn relation(op: Option<Relation>) -> Option<&'static str> {
    Some(match op? {
        Relation::Eq => "==",
        Relation::Ne => "!=",
        Relation::Lt => "<",
        Relation::Le => "<=",
        Relation::Gt => ">",
        Relation::Ge => ">=",
        Relation::Not => "!",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::{self, Entry};
    use crate::source::SourceMap;

    /// What nft 1.1.3 listed, as text and as JSON, of one ruleset that uses the whole language.
    const LISTING: &str = include_str!("../../tests/json/ruleset.nft");
    const JSON: &str = include_str!("../../tests/json/ruleset.json");

    #[test]
    fn every_rule_is_the_json_that_nft_makes_of_it() {
        let entry = Entry::Text {
            name: "ruleset.nft",
            text: LISTING,
        };
        let script = lang::parse(&mut SourceMap::new(), entry).unwrap();
        let ours: Vec<_> = super::super::blocks(&script)
            .flat_map(|table| &table.chains)
            .flat_map(|(_, chain)| &chain.rules)
            .map(|rule| statements(&script.names, rule, false))
            .collect();
        let nft: Value = serde_json::from_str(JSON).unwrap();
        let theirs: Vec<_> = nft["nftables"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|object| object.get("rule"))
            .collect();
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(*ours, theirs["expr"]);
        }
    }

    #[test]
    fn a_counter_without_state_is_null() {
        let entry = Entry::Text {
            name: "rule",
            text: "add rule ip x y counter packets 3 bytes 4\n",
        };
        let script = lang::parse(&mut SourceMap::new(), entry).unwrap();
        let crate::lang::syntax::Object::Rule(_, _, rule) = &script.commands[0].object else {
            panic!("{script:?}");
        };
        assert_eq!(
            statements(&script.names, rule, true),
            json!([{ "counter": null }])
        );
    }
}
