// SPDX-License-Identifier: GPL-2.0
//! Sets, maps and objects.

use serde_json::{json, Map, Value};

use super::expression::Writer;
use super::statement::limit_object;
use crate::lang::syntax::{Names, ObjectBlock, SetBlock, StmtKind, TableBlock, TypeSpec};
use crate::ruleset::object::{Object, ObjectSpec};
use crate::ruleset::set::Data;
use crate::ruleset::{ct_timeout_state, Datatype, Set, Table};

/// Appends the objects and sets of a table.
pub(super) fn add(
    table: &Table,
    block: &TableBlock,
    names: &Names,
    stateless: bool,
    objects: &mut Vec<Value>,
) {
    let writer = Writer { names, stateless };
    for (object, (_, _, syntax)) in table.objects.iter().zip(&block.objects) {
        objects.push(writer.object(table, object, syntax));
    }
    for (set, (_, syntax)) in table.sets.iter().zip(&block.sets) {
        objects.push(writer.set(table, set, syntax));
    }
}

/// What everything in a table begins with.
fn head(table: &Table, name: &str, handle: u64, comment: Option<&str>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("family".into(), table.family.name().into());
    members.insert("name".into(), name.into());
    members.insert("table".into(), (&*table.name).into());
    if let Some(comment) = comment {
        members.insert("comment".into(), comment.into());
    }
    members.insert("handle".into(), handle.into());
    members
}

impl Writer<'_> {
    /// A set or map.
    fn set(&self, table: &Table, set: &Set, syntax: &SetBlock) -> Value {
        let mut members = head(table, &set.name, set.handle, set.comment.as_deref());
        let mut add = |name: &str, value: Value| {
            members.insert(name.to_owned(), value);
        };
        if let Some(key) = &syntax.key {
            add("type", self.types(key));
        }
        if let Some(data) = &syntax.data {
            add("map", self.types(data));
        }
        if set.memory {
            add("policy", json!("memory"));
        }
        let flags: Vec<&str> = syntax
            .flags
            .iter()
            .map(|flag| self.name(flag.name))
            .collect();
        if !flags.is_empty() {
            add("flags", json!(flags));
        }
        if let Some(size) = set.size {
            add("size", json!(size));
        }
        for (name, time) in [("timeout", set.timeout), ("gc-interval", set.gc_interval)] {
            if let Some(millis) = time {
                add(name, json!(millis / 1000));
            }
        }
        if set.auto_merge {
            add("auto-merge", json!(true));
        }
        if !syntax.statements.is_empty() {
            add("stmt", self.bare_statements(&syntax.statements));
        }
        if let Some(elements) = &syntax.elements {
            add("elem", self.elements(elements));
        }
        let kind = if set.data == Data::None { "set" } else { "map" };
        json!({ kind: members })
    }

    /// A type: one name, several, or an expression's.
    fn types(&self, spec: &TypeSpec) -> Value {
        match spec {
            TypeSpec::Types(names) => match names.as_slice() {
                [one] => json!(self.name(one.name)),
                more => more.iter().map(|one| self.name(one.name)).collect(),
            },
            TypeSpec::Typeof(expr) => json!({ "typeof": self.expression(expr) }),
        }
    }

    /// An object.
    fn object(&self, table: &Table, object: &Object, syntax: &ObjectBlock) -> Value {
        let mut members = head(
            table,
            &object.name,
            object.handle,
            object.comment.as_deref(),
        );
        let statement = syntax.statement.as_ref().map(|one| &one.kind);
        let kind = match &object.spec {
            ObjectSpec::Counter(counts) => {
                let (mut packets, mut bytes) = (counts.packets, counts.bytes);
                if let Some(StmtKind::Counter {
                    packets: p,
                    bytes: b,
                }) = statement
                {
                    (packets, bytes) = (*p, *b);
                }
                if !self.stateless {
                    members.insert("packets".into(), packets.into());
                    members.insert("bytes".into(), bytes.into());
                }
                "counter"
            }
            ObjectSpec::Quota(quota) => {
                let used = match statement {
                    Some(StmtKind::Quota { used, .. }) => *used,
                    _ => quota.used,
                };
                members.insert("bytes".into(), quota.bytes.into());
                members.insert("used".into(), if self.stateless { 0 } else { used }.into());
                members.insert("inv".into(), quota.over.into());
                "quota"
            }
            ObjectSpec::Limit(_) => {
                if let Some(StmtKind::Limit(limit)) = statement {
                    if let Value::Object(numbers) = limit_object(limit) {
                        members.extend(numbers);
                    }
                }
                "limit"
            }
            ObjectSpec::CtHelper {
                helper,
                l4proto,
                l3proto,
            } => {
                members.insert("type".into(), (&**helper).into());
                members.insert("protocol".into(), protocol(*l4proto));
                members.insert("l3proto".into(), l3proto.name().into());
                "ct helper"
            }
            ObjectSpec::CtTimeout {
                l4proto,
                l3proto,
                policy,
            } => {
                members.insert("protocol".into(), protocol(*l4proto));
                members.insert("l3proto".into(), l3proto.name().into());
                let states = policy.iter().map(|(state, seconds)| {
                    let name = ct_timeout_state(*l4proto, *state).unwrap_or("unknown");
                    (name.to_owned(), json!(seconds))
                });
                members.insert("policy".into(), Value::Object(states.collect()));
                "ct timeout"
            }
            ObjectSpec::CtExpectation {
                l4proto,
                l3proto,
                dport,
                timeout,
                size,
            } => {
                members.insert("protocol".into(), protocol(*l4proto));
                members.insert("dport".into(), (*dport).into());
                members.insert("timeout".into(), (*timeout).into());
                members.insert("size".into(), (*size).into());
                members.insert("l3proto".into(), l3proto.name().into());
                "ct expectation"
            }
            ObjectSpec::Secmark(context) => {
                members.insert("context".into(), (&**context).into());
                "secmark"
            }
        };
        json!({ kind: members })
    }
}

/// A transport protocol by name.
fn protocol(number: u8) -> Value {
    let mut text = String::new();
    Datatype::Protocol.write(number.into(), false, &mut text);
    json!(text)
}
