// SPDX-License-Identifier: GPL-2.0
//! Rules: statements from syntax to types.

use std::sync::Arc;

use super::error::{CheckError, CheckErrorKind};
use super::expr::Named;
use super::expression::Checker;
use super::matching::unsupported;
use super::set::Set;
use super::value::Reader;
use super::{Statement, Table, Verdict, MAX_RULE_COUNTERS};
use crate::lang::syntax::{Ident, Rule, Stmt, StmtKind, Text};
use crate::source::Span;

/// Longest comment in bytes.
pub(super) const MAX_COMMENT: usize = 127;

/// What a rule says, and what it asks of its table.
pub(super) struct Checked {
    pub(super) statements: Vec<Statement>,
    /// Sets that it updates.
    pub(super) updated: Vec<Named>,
    /// Sets that its meters declare.
    pub(super) meters: Vec<Set>,
}

/// Checks a rule's statements. After the first mistake in a rule the others are not looked at: what
/// they mean may depend on it.
pub(super) fn rule(
    reader: Reader<'_>,
    table: &Table,
    rule: &Rule,
    errors: &mut Vec<CheckError>,
) -> Checked {
    let mut check = RuleCheck {
        checker: Checker::new(reader, table),
        statements: Vec::with_capacity(rule.statements.len()),
    };
    if let Err(error) = check.rule(rule) {
        errors.push(error);
    }
    // A hundred thousand rules: what a growing vector keeps in hand adds up.
    check.statements.shrink_to_fit();
    let updated = check
        .statements
        .iter()
        .filter_map(|statement| match statement {
            Statement::Update(update) => Some(update.set.clone()),
            _ => None,
        });
    Checked {
        updated: updated.collect(),
        meters: check.checker.meters,
        statements: check.statements,
    }
}

struct RuleCheck<'a> {
    checker: Checker<'a>,
    statements: Vec<Statement>,
}

impl RuleCheck<'_> {
    fn rule(&mut self, rule: &Rule) -> Result<(), CheckError> {
        let mut terminal: Option<(&'static str, Span)> = None;
        for statement in &rule.statements {
            if let Some((terminal, span)) = terminal {
                return Err(CheckError {
                    kind: CheckErrorKind::Unreachable { terminal },
                    span: statement.span,
                    others: vec![(span, "this ends the rule")],
                });
            }
            let typed = self.checker.statement(statement)?;
            let first = std::mem::take(&mut self.checker.asked_first);
            self.statements
                .splice(0..0, first.into_iter().map(Statement::Require));
            let asked = std::mem::take(&mut self.checker.asked);
            let asked = asked.into_iter().map(Statement::Require);
            match typed {
                // As in nft: nothing is logged or counted of what will not be rejected.
                Statement::Reject(_) => {
                    self.statements.splice(0..0, asked);
                }
                _ => self.statements.extend(asked),
            }
            self.statements.push(typed);
            terminal = terminal_name(&statement.kind).map(|name| (name, statement.span));
        }
        let counters = self.statements.iter();
        if counters
            .filter(|s| matches!(s, Statement::Counter(_)))
            .count()
            > MAX_RULE_COUNTERS
        {
            let kind = CheckErrorKind::TooManyCounters(MAX_RULE_COUNTERS);
            return Err(CheckError::new(kind, rule.span));
        }
        Ok(())
    }
}

impl Checker<'_> {
    pub(super) fn name(&self, ident: &Ident) -> Arc<str> {
        self.reader.names.shared(ident.name)
    }

    fn statement(&mut self, statement: &Stmt) -> Result<Statement, CheckError> {
        let span = statement.span;
        Ok(match &statement.kind {
            StmtKind::Match { left, op, right } => {
                Statement::Match(self.compare(left, *op, right)?)
            }
            StmtKind::Masked {
                left,
                op,
                value,
                mask,
            } => Statement::Match(self.masked(left, *op, value, mask)?),
            StmtKind::Counter { .. } => self.counter(&statement.kind),
            StmtKind::Limit(_)
            | StmtKind::Quota { .. }
            | StmtKind::Last(_)
            | StmtKind::Connections { .. } => Statement::State(self.state(statement)?),
            StmtKind::Object { kind, object } => self.object_use(*kind, object, span)?,
            StmtKind::Log(log) => Statement::Log(self.log(log, span)?),
            StmtKind::Reject(reject) => Statement::Reject(self.reject(reject, span)?),
            StmtKind::Queue(queue) => Statement::Queue(Box::new(self.queue(queue, span)?)),
            StmtKind::Notrack => Statement::Notrack,
            StmtKind::Dup { to, device } => {
                Statement::Dup(self.dup(to, device.as_deref(), span)?)
            }
            StmtKind::Set { target, value } => Statement::Set(self.assign(target, value)?),
            StmtKind::ResetOption(target) => Statement::ResetOption(self.reset_option(target)?),
            StmtKind::Update { verb, set, element } => {
                Statement::Update(Box::new(self.update(*verb, set, element, span)?))
            }
            StmtKind::Meter {
                name,
                size,
                element,
            } => Statement::Update(Box::new(self.meter(name, *size, element)?)),
            StmtKind::Vmap { key, map } => self.vmap(key, map)?,
            StmtKind::Accept => Statement::Verdict(Verdict::Accept),
            StmtKind::Drop => Statement::Verdict(Verdict::Drop),
            StmtKind::Continue => Statement::Verdict(Verdict::Continue),
            StmtKind::Return => Statement::Verdict(Verdict::Return),
            StmtKind::Jump(chain) => Statement::Verdict(Verdict::Jump(self.name(chain))),
            StmtKind::Goto(chain) => Statement::Verdict(Verdict::Goto(self.name(chain))),
            StmtKind::Unsupported(what) => {
                let kind = unsupported(self.reader.names.get(what.feature), what.hint);
                return Err(CheckError::new(kind, what.span));
            }
        })
    }
}

/// The statement's name, if it ends the rule. (`continue` does not, in nft.)
fn terminal_name(kind: &StmtKind) -> Option<&'static str> {
    Some(match kind {
        StmtKind::Accept => "accept",
        StmtKind::Drop => "drop",
        StmtKind::Return => "return",
        StmtKind::Jump(_) => "jump",
        StmtKind::Goto(_) => "goto",
        StmtKind::Reject(_) => "reject",
        StmtKind::Queue(_) => "queue",
        _ => return None,
    })
}

/// Checks a comment's length.
pub(super) fn comment(
    reader: &Reader<'_>,
    text: Option<Text>,
    errors: &mut Vec<CheckError>,
) -> Option<Arc<str>> {
    let text = text?;
    let comment = reader.names.shared(text.text);
    if comment.len() > MAX_COMMENT {
        errors.push(CheckError::new(
            CheckErrorKind::CommentTooLong(MAX_COMMENT),
            text.span,
        ));
    }
    Some(comment)
}
