// SPDX-License-Identifier: GPL-2.0
//! Commands that only ask: checked here, answered by whoever runs the script.

use ferrule_uapi::hook::Family;

use super::{refuse, Applier, Checked};
use crate::lang::syntax::{Command, Expr, ExprKind, Kind, Object, PositionKind, TablePath, Verb};
use crate::ruleset::datatype::Datatype;
use crate::ruleset::error::CheckErrorKind;
use crate::ruleset::expr::Named;
use crate::ruleset::expression::Checker;
use crate::ruleset::matching::unsupported;
use crate::ruleset::object::ObjectKind;
use crate::ruleset::set::Element;
use crate::ruleset::statements::OBJECTS;

/// A command that changes no declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub ask: Ask,
    /// Of what.
    pub subject: Subject,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `list`.
    List,
    /// `reset`: list, and begin counters and quotas anew.
    Reset,
    /// `get element`.
    Get,
    /// `describe`.
    Describe,
}

/// Kinds of things, as `list` and `reset` name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// `tables`.
    Tables,
    /// `chains`.
    Chains,
    /// `rules`.
    Rules,
    /// `sets`.
    Sets,
    /// `maps`.
    Maps,
    /// `meters`: sets that rules update.
    Meters,
    /// `counters`, `quotas`, `limits`, …
    Objects(ObjectKind),
}

/// A family and a table's name.
pub type TableName = (Family, Named);

/// Of what something is asked. It exists in [`super::Applied::ruleset`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole ruleset, or all tables of a family.
    Ruleset(Option<Family>),
    /// All of a kind, of a family or a table.
    All(What, Option<Family>, Option<TableName>),
    /// A table.
    Table(TableName),
    /// A chain.
    Chain(TableName, Named),
    /// The rules of a chain, or the one with this handle.
    Rules(TableName, Named, Option<u64>),
    /// A set or map.
    Set(TableName, Named),
    /// Elements of a set or map.
    Elements(TableName, Named, Vec<Element>),
    /// An object.
    Object(TableName, ObjectKind, Named),
    /// `describe`: the answer.
    Text(String),
}

impl Applier<'_> {
    pub(super) fn request(&mut self, command: &Command) -> Checked<Request> {
        let ask = match command.verb {
            Verb::Reset => Ask::Reset,
            Verb::Get => Ask::Get,
            Verb::Describe => Ask::Describe,
            _ => Ask::List,
        };
        let subject = match &command.object {
            Object::Ruleset(family) => Subject::Ruleset(*family),
            Object::All(kind, family, table) => {
                let what = self.what(*kind, command)?;
                let table = table.as_ref().map(|path| self.table_name(path));
                Subject::All(what, *family, table.transpose()?)
            }
            Object::Table(path, _) => Subject::Table(self.table_name(path)?),
            Object::Chain(path, _) => {
                let (table, chain) = self.chain(path)?;
                let name = self.ruleset.tables[table].chains[chain].name.clone();
                Subject::Chain(self.table_name(&path.table)?, name)
            }
            Object::Rules(path, position) | Object::Rule(path, position, _) => {
                let (table, chain) = self.chain(path)?;
                let of = &self.ruleset.tables[table].chains[chain];
                let handle = match position {
                    None => None,
                    Some(position) => {
                        let rule = match position.kind {
                            PositionKind::Handle => {
                                of.rules.iter().find(|rule| rule.handle == position.number)
                            }
                            PositionKind::Index => of.rules.get(position.number as usize),
                        };
                        match rule {
                            Some(rule) => Some(rule.handle),
                            None => {
                                let kind = CheckErrorKind::NoRule(position.number);
                                return refuse(kind, position.span);
                            }
                        }
                    }
                };
                Subject::Rules(self.table_name(&path.table)?, of.name.clone(), handle)
            }
            Object::Set(path, _) => {
                let (table, set) = self.set(path)?;
                let name = self.ruleset.tables[table].sets[set].name.clone();
                Subject::Set(self.table_name(&path.table)?, name)
            }
            Object::Element(path, elements) => {
                let (table, set) = self.set(path)?;
                let elements = self.checked(table, set, elements, true)?;
                let name = self.ruleset.tables[table].sets[set].name.clone();
                Subject::Elements(self.table_name(&path.table)?, name, elements)
            }
            Object::Stateful(kind, path, _) => {
                let kind = super::object::object_kind(*kind, path.name.span)?;
                let (table, object) = self.object(kind, path)?;
                let name = self.ruleset.tables[table].objects[object].name.clone();
                Subject::Object(self.table_name(&path.table)?, kind, name)
            }
            Object::Describe(expr) => Subject::Text(self.describe(expr)?),
            Object::Rename(path, _) => return refuse(CheckErrorKind::ReadOnly, path.name.span),
            Object::Unsupported(what) => {
                let feature = self.reader.names.get(what.feature).to_string();
                return refuse(unsupported(feature, what.hint), what.span);
            }
        };
        Ok(Request { ask, subject })
    }

    fn table_name(&self, path: &TablePath) -> Checked<TableName> {
        let table = &self.ruleset.tables[self.table(path)?];
        Ok((table.family, table.name.clone()))
    }

    fn what(&self, kind: Kind, command: &Command) -> Checked<What> {
        Ok(match kind {
            Kind::Table => What::Tables,
            Kind::Chain => What::Chains,
            Kind::Rule => What::Rules,
            Kind::Set => What::Sets,
            Kind::Map => What::Maps,
            Kind::Meter => What::Meters,
            _ => match OBJECTS.iter().find(|(known, ..)| *known == kind) {
                Some((_, kind, _)) => What::Objects(*kind),
                None => {
                    let hint = "leave it out: there are none";
                    return refuse(unsupported("objects of this kind", hint), command.span);
                }
            },
        })
    }

    /// nft's `describe`: of a type by its name, or of an expression.
    fn describe(&self, expr: &Expr) -> Checked<String> {
        if let ExprKind::Word(name) | ExprKind::Quoted(name) = &expr.kind {
            let name = self.reader.names.get(*name);
            return match Datatype::by_name(name) {
                Some(datatype) => Ok(datatype.describe_text(datatype.bits())),
                None => {
                    let similar = Datatype::similar_name(name);
                    refuse(CheckErrorKind::NoType(name.to_string(), similar), expr.span)
                }
            };
        }
        // What is described is part of no table: any will do.
        let table = crate::ruleset::Table::nowhere();
        let mut checker = Checker::new(self.reader, &table);
        checker.typeof_only = true;
        let typed = checker.expr(expr, None)?;
        let word = describe_word(&expr.kind);
        let parts = typed.parts();
        let texts = parts.iter().map(|part| {
            format!(
                "{word} expression, {}",
                part.datatype.describe_text(part.bits)
            )
        });
        Ok(texts.collect())
    }
}

/// What nft calls an expression of this kind.
fn describe_word(kind: &ExprKind) -> &'static str {
    match kind {
        ExprKind::Header(..) | ExprKind::Raw { .. } | ExprKind::Inner(..) => "payload",
        ExprKind::Meta(_) => "meta",
        ExprKind::Ct { .. } => "ct",
        ExprKind::Socket { .. } => "socket",
        ExprKind::Fib { .. } => "fib",
        ExprKind::Rt { .. } => "rt",
        ExprKind::Ipsec { .. } => "xfrm",
        ExprKind::Exthdr(_) | ExprKind::Option { .. } | ExprKind::RawOption { .. } => "exthdr",
        ExprKind::Numgen { .. } => "numgen",
        ExprKind::Jhash { .. } | ExprKind::Symhash { .. } => "hash",
        ExprKind::Concat(_) => "concat",
        _ => "symbol",
    }
}
