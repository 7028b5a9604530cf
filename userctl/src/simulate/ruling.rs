// SPDX-License-Identifier: GPL-2.0
//! What becomes of a packet, in the words of rules.

use ferrule_uapi::hook::Verdict;

use crate::host::Judgement;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// It goes on.
    Accept,
    /// It ends here.
    Drop,
    /// It ends here, and the sender is told.
    Reject,
    /// It goes to user space, by this queue or the first of several.
    Queue(u16),
}

impl From<&Judgement> for Ruling {
    fn from(judgement: &Judgement) -> Self {
        match judgement {
            Judgement {
                queue: Some(queue), ..
            } => Ruling::Queue(queue.first),
            Judgement {
                rejected: Some(_), ..
            } => Ruling::Reject,
            Judgement {
                verdict: Verdict::Accept,
                ..
            } => Ruling::Accept,
            _ => Ruling::Drop,
        }
    }
}

impl Ruling {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Ruling::Accept => "accept",
            Ruling::Drop => "drop",
            Ruling::Reject => "reject",
            Ruling::Queue(_) => "queue",
        }
    }
}
