// SPDX-License-Identifier: GPL-2.0
//! Statements of a checked ruleset.

use std::sync::Arc;

use ferrule_uapi::field::Field;

use super::expr::{Expr, Named, Select};
use super::object::ObjectKind;
use super::set::{Element, SetRef};
use super::{Counts, Match, Verdict};

/// A statement of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A comparison that nft leaves unsaid (it is not listed): the statement behind it needs the protocol.
    Require(Require),
    /// A comparison.
    Match(Match),
    /// `counter`, with what it begins with.
    Counter(Counts),
    /// `limit`, `quota`, `last`, `ct count`.
    State(StateSpec),
    /// `counter name …`, `ct helper set …` and their kin.
    Object(ObjectUse),
    /// `… set …`.
    Set(Assignment),
    /// `reset tcp option …`.
    ResetOption(Select),
    /// `notrack`.
    Notrack,
    /// `log`.
    Log(Log),
    /// `reject`: ends the rule.
    Reject(Reject),
    /// `queue`: ends the rule.
    Queue(Box<Queue>),
    /// `dup to`.
    Dup(Dup),
    /// `add @set { … }` and its kin.
    Update(Box<SetUpdate>),
    /// `key vmap …`.
    Vmap {
        /// The key, perhaps a concatenation.
        key: Expr,
        /// The verdict map.
        map: SetRef,
    },
    /// A verdict.
    Verdict(Verdict),
}

/// `field & mask` is one of `values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Require {
    /// A field of the key (`MetaL4proto`, `MetaNfproto`, `MetaProtocol`), or a record to load.
    pub source: super::expr::Source,
    /// Which bits.
    pub mask: u128,
    /// One of these. At least one.
    pub values: Vec<u128>,
}

impl Require {
    /// A narrow field equals one of `values`.
    pub fn field(field: Field, values: Vec<u128>) -> Self {
        Require {
            source: super::expr::Source::Field(field),
            mask: u128::MAX,
            values,
        }
    }
}

/// Something that counts or limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateSpec {
    /// `counter`, of an element.
    Counter(Counts),
    /// `limit`.
    Limit(Limit),
    /// `quota`.
    Quota(Quota),
    /// `last`: milliseconds since, if ever.
    Last(Option<u64>),
    /// `ct count`.
    Connections {
        /// More than so many, not so many at most.
        over: bool,
        /// How many.
        count: u32,
    },
}

/// `limit rate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Whether it matches above the rate.
    pub over: bool,
    /// Packets or bytes.
    pub rate: u64,
    /// Bytes.
    pub bytes: bool,
    /// Seconds.
    pub unit: u64,
    /// Packets or bytes; what nft takes where nothing was said: 5 packets, 0 bytes.
    pub burst: u64,
}

/// `quota`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Whether it matches beyond it.
    pub over: bool,
    /// Bytes.
    pub bytes: u64,
    /// Of which so many are used.
    pub used: u64,
}

/// Use of a named object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectUse {
    /// Its kind.
    pub kind: ObjectKind,
    /// Which.
    pub which: ObjectRef,
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectRef {
    /// By name.
    Name(Named),
    /// By what a map has for a key.
    Map(Expr, SetRef),
}

/// `target set value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What is set: a meta or ct key, a field of a header, a TCP option.
    pub target: Select,
    /// To what, of the target's width.
    pub value: Expr,
}

/// `log`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Log {
    /// What the line begins with.
    pub prefix: Option<Arc<str>>,
    /// `LOG_EMERG` (0) to `LOG_DEBUG` (7); 8 for audit.
    pub level: Option<u8>,
    /// `NF_LOG_*`.
    pub flags: u8,
    /// nflog's group.
    pub group: Option<u16>,
    /// Bytes of the packet.
    pub snaplen: Option<u32>,
    /// Packets that nflog collects.
    pub queue_threshold: Option<u16>,
}

/// `reject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// How.
    pub kind: ferrule_uapi::statement::RejectKind,
    /// Code of the ICMP message.
    pub code: u8,
}

/// `queue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// To which.
    pub to: QueueTo,
    /// Let the packet pass when nobody listens.
    pub bypass: bool,
    /// Choose by CPU.
    pub fanout: bool,
}

/// To which queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueTo {
    /// One of a range.
    Range(u16, u16),
    /// What an expression says.
    Expr(Expr),
}

/// `dup to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dup {
    /// The address, of the table's family.
    pub to: Expr,
    /// The interface's index.
    pub device: Option<Expr>,
}

/// `add @set { … }`, `update @set { … }`, `delete @set { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUpdate {
    /// Which.
    pub kind: ferrule_uapi::statement::SetUpdate,
    /// The set or map.
    pub set: Named,
    /// The key.
    pub key: Expr,
    /// The data, if it is a map.
    pub data: Option<Expr>,
    /// In milliseconds; `None`: the set's.
    pub timeout: Option<u64>,
    /// Comment of the element.
    pub comment: Option<Arc<str>>,
    /// What the element is to have.
    pub states: Vec<StateSpec>,
}

/// The elements that commands name: for `get element`.
pub type Elements = Vec<Element>;
