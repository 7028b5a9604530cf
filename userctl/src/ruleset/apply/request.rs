// SPDX-License-Identifier: GPL-2.0
//! Commands that only ask (`list`, `get`, `reset`, `describe`) change nothing: [`crate::request`] says what they
//! are. What has to be checked of them with types in hand is checked here.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{Expr, ExprKind, Object};
use crate::lang::Script;
use crate::ruleset::datatype::Datatype;
use crate::ruleset::error::{CheckError, CheckErrorKind};
use crate::ruleset::expression::Checker;
use crate::ruleset::set::Element;
use crate::ruleset::{Environment, Ruleset};
use crate::source::{SourceMap, Span};

use super::{refuse, Applier, Checked};

/// See [`Ruleset::elements_of`].
pub(in crate::ruleset) fn elements_of(
    ruleset: &Ruleset,
    script: &Script,
    command: usize,
    sources: &SourceMap,
    environment: &dyn Environment,
) -> Result<Vec<Element>, Diagnostics> {
    let mut applier = Applier::new(ruleset, script, sources, environment);
    let found = match script.commands.get(command).map(|command| &command.object) {
        Some(Object::Element(path, elements)) => applier
            .set(path)
            .and_then(|(table, set)| applier.checked(table, set, elements, true)),
        _ => refuse(CheckErrorKind::NotExpression, Span::default()),
    };
    found.map_err(|error| Diagnostics::one(Diagnostic::from(&error)))
}

/// See [`Ruleset::describe`].
pub(in crate::ruleset) fn describe(
    script: &Script,
    command: usize,
    sources: &SourceMap,
    environment: &dyn Environment,
) -> Result<String, Diagnostics> {
    let nothing = Ruleset::default();
    let applier = Applier::new(&nothing, script, sources, environment);
    let text = match script.commands.get(command).map(|command| &command.object) {
        Some(Object::Describe(expr)) => applier.describe(expr),
        _ => Err(CheckError::new(
            CheckErrorKind::NotExpression,
            Span::default(),
        )),
    };
    text.map_err(|error| Diagnostics::one(Diagnostic::from(&error)))
}

impl Applier<'_> {
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
