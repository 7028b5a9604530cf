// SPDX-License-Identifier: GPL-2.0
//! Statements and expressions of a rule, node by node.

use serde_json::{json, Value};

use crate::lang::syntax::{BinaryOp, Expr, ExprKind, Name, Relation, Rule, Script, StmtKind};

/// The statements of a rule, as the `expr` of its object.
pub(super) fn statements(script: &Script, rule: &Rule, stateless: bool) -> Value {
    let writer = Writer { script, stateless };
    let statements = rule.statements.iter();
    statements
        .map(|statement| writer.statement(&statement.kind))
        .collect()
}

struct Writer<'a> {
    script: &'a Script,
    stateless: bool,
}

impl Writer<'_> {
    fn statement(&self, statement: &StmtKind) -> Value {
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
            StmtKind::Counter { .. } if self.stateless => json!({ "counter": null }),
            StmtKind::Counter { packets, bytes } => {
                json!({ "counter": { "packets": packets, "bytes": bytes } })
            }
            StmtKind::Set { target, value } => json!({ "mangle": {
                "key": self.expression(target),
                "value": self.expression(value),
            }}),
            StmtKind::Accept => json!({ "accept": null }),
            StmtKind::Drop => json!({ "drop": null }),
            StmtKind::Continue => json!({ "continue": null }),
            StmtKind::Return => json!({ "return": null }),
            StmtKind::Jump(chain) => json!({ "jump": { "target": self.name(chain.name) } }),
            StmtKind::Goto(chain) => json!({ "goto": { "target": self.name(chain.name) } }),
            // Nothing of the kind is ever in a checked ruleset.
            StmtKind::Unsupported(what) => json!({ "xt": self.name(what.feature) }),
        }
    }

    /// A comparison. Without an operator, flags are looked for and everything else is compared.
    fn matching(&self, left: &Expr, op: Option<Relation>, right: &Expr) -> Value {
        let is_set = matches!(right.kind, ExprKind::Set(_));
        let implied = match self.are_flags(left) && !is_set {
            true => "in",
            false => "==",
        };
        json!({ "match": {
            "op": relation(op).unwrap_or(implied),
            "left": self.expression(left),
            "right": self.expression(right),
        }})
    }

    /// Whether a field is a set of bits, of which `field value` looks for any.
    fn are_flags(&self, left: &Expr) -> bool {
        match left.kind {
            ExprKind::Header(protocol, field) => {
                (self.name(protocol), self.name(field)) == ("tcp", "flags")
            }
            _ => false,
        }
    }

    fn expression(&self, expression: &Expr) -> Value {
        match &expression.kind {
            ExprKind::Number(number) => json!(number),
            ExprKind::Word(name) | ExprKind::Quoted(name) | ExprKind::Wild(name) => {
                json!(self.name(*name))
            }
            ExprKind::Header(protocol, field) => json!({ "payload": {
                "protocol": self.name(*protocol),
                "field": self.name(*field),
            }}),
            ExprKind::Meta(key) => json!({ "meta": { "key": self.name(*key) } }),
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
            ExprKind::List(items) => self.all(items),
            ExprKind::Set(elements) => json!({ "set": self.all(elements) }),
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

    fn name(&self, name: Name) -> &str {
        self.script.names.get(name)
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
            .map(|rule| statements(&script, rule, false))
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
            statements(&script, rule, true),
            json!([{ "counter": null }])
        );
    }
}
