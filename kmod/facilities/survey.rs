// SPDX-License-Identifier: GPL-2.0
//! Finding out what a program needs.
//!
//! | what the program has | what it needs |
//! | --- | --- |
//! | `ct` expressions, `ct … set` but `notrack`, conntrack objects, `ct count` | conntrack, for the families of the tables that have them |
//! | `ct label`, got or set | room for labels in connections |
//! | `ct packets`, `bytes`, `avgpkt` | accounting (`nf_conntrack_acct`) |
//! | `ct zone set` | a template for each CPU |
//! | `socket` | `nf_socket_ipv4`, `nf_socket_ipv6` |
//! | `reject` | `nf_reject_ipv4`, `nf_reject_ipv6` |
//! | `dup` | `nf_dup_ipv4`, `nf_dup_ipv6` |
//! | `log` | `nf_log_syslog` or `nfnetlink_log` |
//!
//! Only what instructions refer to counts.

use ferrule_engine::View;
use ferrule_uapi::{
    expr::{CtKey, Expr, ExprKind},
    hook::{Family, FAMILY_BIT_IP, FAMILY_BIT_IP6},
    insn::{Insn, Opcode},
    program::{Chain, SectionId},
    statement::{
        Log, ObjectKind, State, StateKind, Statement, StatementKind, LOG_KERNEL, STATE_OBJECT,
        STATE_RULE_TEMPLATE, STATE_TEMPLATE,
    },
};

use super::bits;
use crate::abstractions::conntrack::Wants;

/// A log's level that means the audit system (`NFT_LOGLEVEL_AUDIT`).
pub(crate) const LEVEL_AUDIT: u8 = 8;

/// A record of the program.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) section: SectionId,
    pub(super) index: u32,
}

impl Place {
    /// The record number `index` of `section`.
    pub(super) fn new(section: SectionId, index: usize) -> Self {
        Place {
            section,
            index: u32::try_from(index).unwrap_or(u32::MAX),
        }
    }
}

/// What a program needs, and which record is the first to need it.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) conntrack: Option<Place>,
    pub(super) wants: Wants,
    pub(super) sockets: Option<Place>,
    pub(super) reject: Option<Place>,
    pub(super) dup: Option<Place>,
    pub(super) kernel_log: Option<Place>,
    pub(super) group_log: Option<Place>,
}

impl Needs {
    /// What a program needs.
    pub(super) fn of(view: &View<'_>) -> Self {
        let mut needs = Needs::default();
        for chain in view.chains() {
            needs.add_chain(view, chain);
        }
        for (index, object) in view.objects().iter().enumerate() {
            let place = Place::new(SectionId::Objects, index);
            if let Some(ObjectKind::CtHelper | ObjectKind::CtTimeout | ObjectKind::CtExpectation) =
                ObjectKind::from_raw(object.kind)
            {
                needs.track(place, bits(object.family));
            }
        }
        for (index, state) in view.states().iter().enumerate() {
            if state.kind == StateKind::Connections as u8 {
                let families = bits(family_of(view, state));
                needs.track(Place::new(SectionId::States, index), families);
            }
        }
        needs
    }

    /// Notes that `place` needs conntrack for packets of `families`.
    fn track(&mut self, place: Place, families: u8) {
        self.conntrack.get_or_insert(place);
        self.wants.v4 |= families & FAMILY_BIT_IP != 0;
        self.wants.v6 |= families & FAMILY_BIT_IP6 != 0;
    }

    fn add_chain(&mut self, view: &View<'_>, chain: &Chain) {
        let families = bits(chain.family);
        let first = chain.first_insn as usize;
        let end = first.saturating_add(chain.insn_count as usize);
        let insns = view.insns().get(first..end).unwrap_or_default();
        for (offset, insn) in insns.iter().enumerate() {
            self.add_insn(view, insn, first.saturating_add(offset), families);
        }
    }

    fn add_insn(&mut self, view: &View<'_>, insn: &Insn, pc: usize, families: u8) {
        let operand = insn.a as usize;
        match Opcode::from_raw(insn.opcode) {
            Some(Opcode::Load) => {
                if let Some(expr) = view.exprs().get(operand) {
                    self.add_expr(expr, Place::new(SectionId::Exprs, operand), families);
                }
            }
            Some(Opcode::Do) => {
                if let Some(statement) = view.statements().get(operand) {
                    let place = Place::new(SectionId::Statements, operand);
                    self.add_statement(view, statement, place, families);
                }
            }
            Some(Opcode::Reject) => {
                self.reject.get_or_insert(Place::new(SectionId::Insns, pc));
            }
            _ => {}
        }
    }

    fn add_expr(&mut self, expr: &Expr, place: Place, families: u8) {
        match ExprKind::from_raw(expr.kind) {
            Some(ExprKind::Ct) => {
                self.track(place, families);
                let key = CtKey::from_raw(expr.key);
                self.wants.labels |= key == Some(CtKey::Labels);
                let counted = [CtKey::Pkts, CtKey::Bytes, CtKey::Avgpkt];
                self.wants.counts |= key.is_some_and(|key| counted.contains(&key));
            }
            Some(ExprKind::Socket) => {
                self.sockets.get_or_insert(place);
            }
            _ => {}
        }
    }

    fn add_statement(
        &mut self,
        view: &View<'_>,
        statement: &Statement,
        place: Place,
        families: u8,
    ) {
        match StatementKind::from_raw(statement.kind) {
            Some(StatementKind::SetCt) => {
                self.track(place, families);
                let key = CtKey::from_raw(statement.key);
                self.wants.labels |= key == Some(CtKey::Labels);
                self.wants.zones |= key == Some(CtKey::Zone);
            }
            Some(StatementKind::Log) => {
                if let Some(log) = view.logs().get(statement.a as usize) {
                    self.add_log(log, Place::new(SectionId::Logs, statement.a as usize));
                }
            }
            Some(StatementKind::Dup) => {
                self.dup.get_or_insert(place);
            }
            _ => {}
        }
    }

    fn add_log(&mut self, log: &Log, place: Place) {
        if log.group != LOG_KERNEL {
            self.group_log.get_or_insert(place);
        } else if log.level != LEVEL_AUDIT {
            self.kernel_log.get_or_insert(place);
        }
    }
}

/// The family of the table that a state belongs to.
fn family_of(view: &View<'_>, state: &State) -> u8 {
    let owner = state.owner as usize;
    let family = if state.flags & STATE_OBJECT != 0 {
        view.objects().get(owner).map(|object| object.family)
    } else if state.flags & (STATE_TEMPLATE | STATE_RULE_TEMPLATE) == STATE_TEMPLATE {
        view.sets().get(owner).map(|set| set.family)
    } else {
        let rule = view.rules().get(owner);
        let chain = rule
            .and_then(|rule| view.chain_of(rule.first_insn))
            .and_then(|chain| view.chains().get(chain));
        chain.map(|chain| chain.family)
    };
    family.unwrap_or(Family::Inet as u8)
}
