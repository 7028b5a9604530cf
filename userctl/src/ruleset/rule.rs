// SPDX-License-Identifier: GPL-2.0
//! Rules: statements from syntax to types.

use ferrule_uapi::field::Field;
use ferrule_uapi::hook::Family;

use super::context::Context;
use super::error::{CheckError, CheckErrorKind};
use super::matching::{selector_of, unsupported, Matching};
use super::selector::Selector;
use super::value::Reader;
use super::{Counts, SetMark, Statement, Verdict, MAX_RULE_COUNTERS};
use crate::lang::syntax::{BinaryOp, Expr, ExprKind, Ident, Rule, Stmt, StmtKind, Text};
use crate::source::Span;

/// Longest comment in bytes.
pub(super) const MAX_COMMENT: usize = 127;

const FROM_FIELD: &str = "set a constant, or change the mark itself with and, or, xor";

/// A rule being checked.
pub(super) struct RuleCheck<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) context: Context,
    pub(super) errors: &'a mut Vec<CheckError>,
}

/// What a rule says, and where its jump is.
pub(super) struct Checked {
    pub(super) statements: Vec<Statement>,
    pub(super) jump: Option<Span>,
}

impl<'a> RuleCheck<'a> {
    pub(super) fn new(reader: Reader<'a>, family: Family, errors: &'a mut Vec<CheckError>) -> Self {
        Self {
            reader,
            context: Context::new(family),
            errors,
        }
    }

    /// Checks every statement. After the first mistake in a rule the others are not looked at: what
    /// they mean may depend on it.
    pub(super) fn rule(mut self, rule: &Rule) -> Checked {
        let mut checked = Checked {
            statements: Vec::with_capacity(rule.statements.len()),
            jump: None,
        };
        let mut terminal: Option<(&'static str, Span)> = None;
        for statement in &rule.statements {
            if let Some((terminal, span)) = terminal {
                let kind = CheckErrorKind::Unreachable { terminal };
                let others = vec![(span, "this ends the rule")];
                self.errors.push(CheckError {
                    kind,
                    span: statement.span,
                    others,
                });
                return checked;
            }
            match self.statement(statement) {
                Ok(typed) => checked.statements.push(typed),
                Err(error) => {
                    self.errors.push(error);
                    return checked;
                }
            }
            terminal = terminal_name(&statement.kind).map(|name| (name, statement.span));
            if let StmtKind::Jump(target) | StmtKind::Goto(target) = &statement.kind {
                checked.jump = Some(target.span);
            }
        }
        let counters = checked
            .statements
            .iter()
            .filter(|s| matches!(s, Statement::Counter(_)));
        if counters.count() > MAX_RULE_COUNTERS {
            let kind = CheckErrorKind::TooManyCounters(MAX_RULE_COUNTERS);
            self.errors.push(CheckError::new(kind, rule.span));
        }
        checked
    }

    fn statement(&mut self, statement: &Stmt) -> Result<Statement, CheckError> {
        let mut matching = Matching {
            reader: self.reader,
            context: &mut self.context,
        };
        Ok(match &statement.kind {
            StmtKind::Match { left, op, right } => {
                Statement::Match(matching.compare(left, *op, right)?)
            }
            StmtKind::Masked {
                left,
                op,
                value,
                mask,
            } => Statement::Match(matching.masked(left, *op, value, mask)?),
            StmtKind::Counter { packets, bytes } => Statement::Counter(Counts {
                packets: *packets,
                bytes: *bytes,
            }),
            StmtKind::Set { target, value } => Statement::SetMark(self.set_mark(target, value)?),
            StmtKind::Accept => Statement::Verdict(Verdict::Accept),
            StmtKind::Drop => Statement::Verdict(Verdict::Drop),
            StmtKind::Continue => Statement::Verdict(Verdict::Continue),
            StmtKind::Return => Statement::Verdict(Verdict::Return),
            StmtKind::Jump(chain) => Statement::Verdict(Verdict::Jump(self.name(chain))),
            StmtKind::Goto(chain) => Statement::Verdict(Verdict::Goto(self.name(chain))),
            StmtKind::Unsupported(what) => {
                let kind = unsupported(&**self.reader.names.get(what.feature), what.hint);
                return Err(CheckError::new(kind, what.span));
            }
        })
    }

    fn name(&self, ident: &Ident) -> std::sync::Arc<str> {
        self.reader.names.get(ident.name).clone()
    }

    /// `meta mark set value`.
    fn set_mark(&self, target: &Expr, value: &Expr) -> Result<SetMark, CheckError> {
        let selector = selector_of(target, &self.reader)?;
        if selector.field != Field::MetaMark {
            let name = format!("setting `{} {}`", selector.protocol, selector.name);
            let kind = unsupported(name, "only `meta mark set` is supported");
            return Err(CheckError::new(kind, target.span));
        }
        self.mark_value(value, selector)
    }

    /// A value as a function of the mark, `mark & and ^ xor`.
    fn mark_value(&self, expr: &Expr, selector: &Selector) -> Result<SetMark, CheckError> {
        let ExprKind::Binary(op, left, right) = &expr.kind else {
            return self.mark_leaf(expr, selector);
        };
        let (a, b) = (
            self.mark_value(left, selector)?,
            self.mark_value(right, selector)?,
        );
        let (inner, constant) = match (a.and, b.and) {
            (0, 0) => {
                let value = self.reader.value(expr, selector)?;
                return Ok(SetMark {
                    and: 0,
                    xor: value as u32,
                });
            }
            (_, 0) => (a, b.xor),
            (0, _) => (b, a.xor),
            _ => {
                return Err(CheckError::new(
                    unsupported("two fields", FROM_FIELD),
                    expr.span,
                ))
            }
        };
        match op {
            BinaryOp::And => Ok(SetMark {
                and: inner.and & constant,
                xor: inner.xor & constant,
            }),
            BinaryOp::Or => Ok(SetMark {
                and: inner.and & !constant,
                xor: inner.xor & !constant | constant,
            }),
            BinaryOp::Xor => Ok(SetMark {
                and: inner.and,
                xor: inner.xor ^ constant,
            }),
            BinaryOp::Shl | BinaryOp::Shr => {
                let kind = unsupported("shifting the mark", FROM_FIELD);
                Err(CheckError::new(kind, expr.span))
            }
        }
    }

    fn mark_leaf(&self, expr: &Expr, selector: &Selector) -> Result<SetMark, CheckError> {
        match &expr.kind {
            ExprKind::Header(..) | ExprKind::Meta(_) => {
                let from = selector_of(expr, &self.reader)?;
                if from.field == Field::MetaMark {
                    return Ok(SetMark {
                        and: u32::MAX,
                        xor: 0,
                    });
                }
                let kind = unsupported("setting the mark from a field", FROM_FIELD);
                Err(CheckError::new(kind, expr.span))
            }
            _ => Ok(SetMark {
                and: 0,
                xor: self.reader.value(expr, selector)? as u32,
            }),
        }
    }
}

/// The verdict's name, if it ends the rule. (`continue` does not, in nft.)
fn terminal_name(kind: &StmtKind) -> Option<&'static str> {
    Some(match kind {
        StmtKind::Accept => "accept",
        StmtKind::Drop => "drop",
        StmtKind::Return => "return",
        StmtKind::Jump(_) => "jump",
        StmtKind::Goto(_) => "goto",
        _ => return None,
    })
}

/// Checks a comment's length.
pub(super) fn comment(
    reader: &Reader<'_>,
    text: Option<Text>,
    errors: &mut Vec<CheckError>,
) -> Option<std::sync::Arc<str>> {
    let text = text?;
    let comment = reader.names.get(text.text).clone();
    if comment.len() > MAX_COMMENT {
        errors.push(CheckError::new(
            CheckErrorKind::CommentTooLong(MAX_COMMENT),
            text.span,
        ));
    }
    Some(comment)
}
