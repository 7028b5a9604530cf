// SPDX-License-Identifier: GPL-2.0
//! Named objects of a checked ruleset.

use std::sync::Arc;

use ferrule_uapi::hook::Family;
pub use ferrule_uapi::statement::ObjectKind;

use super::expr::Named;
use super::statement::{Limit, Quota};
use super::Counts;

/// A named object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name, unique among the objects of its kind in the table.
    pub name: Named,
    /// Its handle.
    pub handle: u64,
    /// Its comment.
    pub comment: Option<Arc<str>>,
    /// What it is.
    pub spec: ObjectSpec,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectSpec {
    /// `counter`, with what it begins with.
    Counter(Counts),
    /// `quota`.
    Quota(Quota),
    /// `limit`.
    Limit(Limit),
    /// `ct helper`: the helper's name in the kernel, transport protocol, network protocol.
    CtHelper {
        /// As the kernel calls it (`ftp`).
        helper: Arc<str>,
        /// Transport protocol.
        l4proto: u8,
        /// Network protocol; the table's if nothing was said.
        l3proto: Family,
    },
    /// `ct timeout`.
    CtTimeout {
        /// Transport protocol.
        l4proto: u8,
        /// Network protocol.
        l3proto: Family,
        /// State (its number in `linux/netfilter/nfnetlink_cttimeout.h`, from 0) and seconds.
        policy: Vec<(u32, u32)>,
    },
    /// `ct expectation`.
    CtExpectation {
        /// Transport protocol.
        l4proto: u8,
        /// Network protocol.
        l3proto: Family,
        /// Destination port.
        dport: u16,
        /// Milliseconds.
        timeout: u64,
        /// How many at a time.
        size: u8,
    },
    /// `secmark`: the security context.
    Secmark(Arc<str>),
}

impl ObjectSpec {
    /// Its kind.
    pub fn kind(&self) -> ObjectKind {
        match self {
            ObjectSpec::Counter(_) => ObjectKind::Counter,
            ObjectSpec::Quota(_) => ObjectKind::Quota,
            ObjectSpec::Limit(_) => ObjectKind::Limit,
            ObjectSpec::CtHelper { .. } => ObjectKind::CtHelper,
            ObjectSpec::CtTimeout { .. } => ObjectKind::CtTimeout,
            ObjectSpec::CtExpectation { .. } => ObjectKind::CtExpectation,
            ObjectSpec::Secmark(_) => ObjectKind::Secmark,
        }
    }
}
