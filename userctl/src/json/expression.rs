// SPDX-License-Identifier: GPL-2.0
//! Expressions, node by node.

use serde_json::{json, Map, Value};

use crate::lang::syntax::{BinaryOp, Element, Expr, ExprKind, Ident, Name, Names};

/// Protocols whose fields are in IPv6 extension headers.
const EXTENSIONS: &[&str] = &["hbh", "rt", "rt0", "rt2", "srh", "frag", "dst", "mh"];

/// Writes syntax as JSON.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) names: &'a Names,
    /// Without what counters and quotas have come to.
    pub(super) stateless: bool,
}

/// An object without the members that are null.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    let object: Map<String, Value> = present
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Value::Object(object)
}

impl Writer<'_> {
    pub(super) fn name(&self, name: Name) -> &str {
        self.names.get(name)
    }

    /// A name, or null.
    fn maybe(&self, ident: Option<&Ident>) -> Value {
        ident.map_or(Value::Null, |ident| json!(self.name(ident.name)))
    }

    pub(super) fn expression(&self, expression: &Expr) -> Value {
        match &expression.kind {
            ExprKind::Number(number) => json!(number),
            ExprKind::Word(name) | ExprKind::Quoted(name) | ExprKind::Wild(name) => {
                json!(self.name(*name))
            }
            ExprKind::Time(millis) => json!(millis / 1000),
            ExprKind::Variable(value) => self.expression(value),
            ExprKind::Binary(op, left, right) => {
                let mut operands = Vec::new();
                self.operands(*op, left, &mut operands);
                operands.push(self.expression(right));
                json!({ symbol(*op): operands })
            }
            ExprKind::Prefix(address, len) => json!({ "prefix": {
                "addr": self.expression(address),
                "len": len,
            }}),
            ExprKind::Range(lo, hi) => {
                json!({ "range": [self.expression(lo), self.expression(hi)] })
            }
            ExprKind::Concat(parts) => json!({ "concat": self.all(parts) }),
            ExprKind::List(items) => self.all(items),
            ExprKind::Set(elements) => json!({ "set": self.elements(elements) }),
            ExprKind::Named(name) => json!(format!("@{}", self.name(name.name))),
            ExprKind::Map(key, map) => json!({ "map": {
                "key": self.expression(key),
                "data": self.expression(map),
            }}),
            ExprKind::Verdict(verdict) => self.statement(verdict),
            ExprKind::Numgen {
                random,
                modulus,
                offset,
            } => json!({ "numgen": {
                "mode": if *random { "random" } else { "inc" },
                "mod": modulus,
                "offset": offset,
            }}),
            ExprKind::Jhash {
                expr,
                modulus,
                seed,
                offset,
            } => json!({ "jhash": object([
                ("mod", json!(modulus)),
                ("offset", json!(offset)),
                ("expr", self.expression(expr)),
                ("seed", json!(seed)),
            ])}),
            ExprKind::Symhash { modulus, offset } => {
                json!({ "symhash": { "mod": modulus, "offset": offset } })
            }
            selector => self.selector(selector),
        }
    }

    /// What a packet has.
    fn selector(&self, selector: &ExprKind) -> Value {
        match selector {
            ExprKind::Header(protocol, field) => self.header(*protocol, *field),
            ExprKind::Meta(key) => json!({ "meta": { "key": self.name(*key) } }),
            ExprKind::Raw { base, offset, bits } => json!({ "payload": {
                "base": self.name(*base), "offset": offset, "len": bits,
            }}),
            ExprKind::Ct {
                direction,
                family,
                key,
            } => {
                let name = self.name(key.name);
                let key = match family {
                    Some(family) => format!("{} {name}", self.name(family.name)),
                    None => name.to_owned(),
                };
                let direction = self.maybe(direction.as_ref());
                json!({ "ct": object([("key", json!(key)), ("dir", direction)]) })
            }
            ExprKind::Socket { key, level } => json!({ "socket": object([
                ("key", json!(self.name(key.name))),
                ("level", json!(level)),
            ])}),
            ExprKind::Fib { flags, result } => json!({ "fib": {
                "result": self.name(result.name),
                "flags": flags.iter().map(|flag| self.name(flag.name)).collect::<Vec<_>>(),
            }}),
            ExprKind::Rt { family, key } => json!({ "rt": object([
                ("key", json!(self.name(key.name))),
                ("family", self.maybe(family.as_ref())),
            ])}),
            ExprKind::Ipsec {
                direction,
                number,
                family,
                key,
            } => json!({ "ipsec": object([
                ("key", json!(self.name(key.name))),
                ("family", self.maybe(family.as_ref())),
                ("dir", json!(self.name(direction.name))),
                ("spnum", json!(number)),
            ])}),
            ExprKind::Exthdr(name) => json!({ "exthdr": { "name": self.name(name.name) } }),
            ExprKind::Option {
                protocol,
                option,
                field,
            } => {
                let kind = match self.name(*protocol) {
                    "sctp" => "sctp chunk".to_owned(),
                    protocol => format!("{protocol} option"),
                };
                json!({ kind: object([
                    ("name", json!(self.name(option.name))),
                    ("field", self.maybe(field.as_ref())),
                ])})
            }
            ExprKind::RawOption { kind, offset, bits } => json!({ "tcp option": {
                "base": kind, "offset": offset, "len": bits,
            }}),
            ExprKind::Inner(tunnel, inner) => {
                let mut inner = self.expression(inner);
                let members = inner
                    .as_object_mut()
                    .and_then(|all| all.values_mut().next());
                if let Some(Value::Object(members)) = members {
                    members.insert("tunnel".into(), json!(self.name(tunnel.name)));
                }
                inner
            }
            _ => Value::Null,
        }
    }

    fn header(&self, protocol: Name, field: Name) -> Value {
        let (protocol, field) = (self.name(protocol), self.name(field));
        if EXTENSIONS.contains(&protocol) {
            return json!({ "exthdr": { "name": protocol, "field": field } });
        }
        json!({ "payload": { "protocol": protocol, "field": field } })
    }

    /// Elements of a set or map.
    pub(super) fn elements(&self, elements: &[Element]) -> Value {
        elements.iter().map(|one| self.element(one)).collect()
    }

    /// An element: its key, or with what it has beside it an `elem`; of a map a pair.
    pub(super) fn element(&self, element: &Element) -> Value {
        let key = match &element.key {
            Some(key) => self.expression(key),
            None => json!("*"),
        };
        let seconds = |time: Option<crate::lang::syntax::Time>| {
            time.map_or(Value::Null, |time| json!(time.millis / 1000))
        };
        let comment = element
            .more
            .comment
            .map_or(Value::Null, |text| json!(self.name(text.text)));
        let mut extras = object([
            ("timeout", seconds(element.more.timeout)),
            ("expires", seconds(element.more.expires)),
            ("comment", comment),
        ]);
        for statement in &element.more.statements {
            if let (Value::Object(extras), Value::Object(statement)) =
                (&mut extras, self.statement(&statement.kind))
            {
                extras.extend(statement);
            }
        }
        let key = match extras {
            Value::Object(mut members) if !members.is_empty() => {
                members.insert("val".into(), key);
                json!({ "elem": members })
            }
            _ => key,
        };
        match &element.data {
            Some(data) => json!([key, self.expression(data)]),
            None => key,
        }
    }

    /// The operands of `a | b | c`, which is one node in JSON.
    fn operands(&self, op: BinaryOp, left: &Expr, operands: &mut Vec<Value>) {
        match &left.kind {
            ExprKind::Binary(inner, first, second) if *inner == op => {
                self.operands(op, first, operands);
                operands.push(self.expression(second));
            }
            _ => operands.push(self.expression(left)),
        }
    }

    fn all(&self, expressions: &[Expr]) -> Value {
        expressions.iter().map(|one| self.expression(one)).collect()
    }
}

/// A binary operator as it is written.
fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::And => "&",
        BinaryOp::Or => "|",
        BinaryOp::Xor => "^",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
    }
}
