// SPDX-License-Identifier: GPL-2.0
//! What can be wrong with a script that parses.

use crate::diagnostic::{Diagnostic, Label};
use crate::source::Span;

/// A mistake, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError {
    /// What is wrong.
    pub kind: CheckErrorKind,
    /// Where.
    pub span: Span,
    /// Other places that matter, and what is there.
    pub others: Vec<(Span, &'static str)>,
}

impl CheckError {
    pub(super) fn new(kind: CheckErrorKind, span: Span) -> Self {
        Self {
            kind,
            span,
            others: Vec::new(),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant is its message")]
pub enum CheckErrorKind {
    #[error("{feature}: not supported yet")]
    Unsupported { feature: String, hint: &'static str },
    #[error("`{protocol}` has no field `{field}`")]
    UnknownField {
        protocol: String,
        field: String,
        similar: Option<&'static str>,
    },
    #[error("unknown meta key `{key}`")]
    UnknownMetaKey {
        key: String,
        similar: Option<&'static str>,
    },
    #[error("conflicting {layer} protocols: {before} and {after}")]
    Conflict {
        layer: &'static str,
        before: String,
        after: String,
    },
    #[error("`meta nfproto` is only of use in tables of family inet")]
    UselessNfproto,
    #[error("{value} is too large: the largest value here is {max}")]
    OutOfRange { value: u128, max: u128 },
    #[error("a prefix of {len} bits is longer than the {bits} bits of the value")]
    PrefixLength { len: u64, bits: u32 },
    #[error("the range ends before it begins")]
    NegativeRange,
    #[error("`{text}` is not {expected}")]
    BadValue {
        text: String,
        expected: &'static str,
        similar: Option<&'static str>,
    },
    #[error("`{op}` cannot compare with {what}")]
    Relation {
        op: &'static str,
        what: &'static str,
    },
    #[error("a list without braces is only for flags")]
    NotBitmask,
    #[error("`!` is only for flags")]
    NotNegatable,
    #[error("nothing after `{terminal}` is reached")]
    Unreachable { terminal: &'static str },
    #[error("the left side of a comparison must be a field of the packet")]
    NotSelector,
    #[error("a constant is expected here")]
    NotConstant,
    #[error("a comment has at most {0} bytes")]
    CommentTooLong(usize),
    #[error("the name of an interface has at most 15 bytes")]
    NameTooLong,
    #[error("the name is empty")]
    EmptyName,
    #[error("a name that is all wildcard matches everything")]
    AllWildcard,
    #[error("names of interfaces have neither ranges nor masks")]
    NameRange,
    #[error("there is no interface `{0}`")]
    NoInterface(String),
    #[error("there is no table `{0}`")]
    NoTable(String),
    #[error("there is no chain `{0}`")]
    NoChain(String),
    #[error("there is no rule {0} in this chain")]
    NoRule(u64),
    #[error("{0} exists already")]
    Exists(String),
    #[error("unknown chain type `{0}`")]
    ChainType(String),
    #[error("unknown hook `{0}`")]
    Hook(String),
    #[error("`{0}` is no priority at this hook")]
    Priority(String),
    #[error("the priority is out of range")]
    PriorityRange,
    #[error("only a base chain has a policy")]
    PolicyWithoutHook,
    #[error("chain `{0}` exists with another type, hook or priority")]
    ChainDiffers(String),
    #[error("chain `{0}` is a base chain: rules cannot jump to it")]
    JumpToBase(String),
    #[error("the jumps from chain `{0}` lead back to it")]
    Loop(String),
    #[error("jumps nest more than {0} deep")]
    TooDeep(u32),
    #[error("chain `{0}` is still jumped to")]
    ChainInUse(String),
    #[error("a rule has at most {0} counters")]
    TooManyCounters(usize),
    #[error("only the mark of a packet can be set")]
    NotSettable,
}

impl CheckErrorKind {
    fn hint(&self) -> Option<String> {
        use CheckErrorKind as K;
        let text = match self {
            K::Unsupported { hint, .. } => hint,
            K::UnknownField { similar, .. }
            | K::UnknownMetaKey { similar, .. }
            | K::BadValue {
                similar: similar @ Some(_),
                ..
            } => {
                return similar.map(|word| format!("did you mean `{word}`?"));
            }
            K::BadValue {
                expected: "an IPv4 address" | "an IPv6 address",
                ..
            } => "write the address itself: names of hosts are not looked up",
            K::Conflict { .. } => "no packet has both: write two rules, in a table of family inet",
            K::UselessNfproto => "leave it out: the table's family says it already",
            K::NegativeRange => "write the smaller value first",
            K::Relation { .. } => "use `==` or `!=`",
            K::NotBitmask => "write the values in braces: `{ 22, 23 }`",
            K::NotNegatable => "did you mean `!=`?",
            K::Unreachable { .. } => "write it before the verdict, or in a rule of its own",
            K::NotSelector => "write the field first: `tcp dport 22`",
            K::NameRange => {
                "list the names in braces, or write the beginning they share: `\"eth*\"`"
            }
            K::AllWildcard => "leave the match out",
            K::NoInterface(_) => "create it first, or match by name with `iifname` or `oifname`",
            K::NoTable(_) => "add it first: `add table …`",
            K::NoChain(_) => "add it first: `add chain …`",
            K::NoRule(_) => "`userctl list -a` shows the handles",
            K::Exists(_) => "write `add` to go on if it exists",
            K::ChainType(_) => "write `filter`",
            K::Hook(_) => "the hooks are prerouting, input, forward, output, postrouting",
            K::Priority(_) => {
                "write a number, or raw, mangle, dstnat (prerouting), filter, security, srcnat \
                 (postrouting), with `+ N` or `- N` behind it, apart by spaces"
            }
            K::PolicyWithoutHook => "write `type filter hook … priority …;` before it",
            K::ChainDiffers(_) => "delete the chain first, or begin the file with `flush ruleset`",
            K::Loop(_) => "one of the jumps must go",
            K::TooDeep(_) => "use `goto` no deeper, or put rules together",
            K::ChainInUse(_) => "delete the rules that jump to it first",
            K::NotSettable => "write `meta mark set …`",
            K::JumpToBase(_) => "put the rules into a chain of their own and jump there from both",
            _ => return None,
        };
        Some(text.to_string())
    }
}

impl From<&CheckError> for Diagnostic {
    fn from(error: &CheckError) -> Self {
        let secondary = error.others.iter();
        Diagnostic {
            message: error.kind.to_string(),
            primary: Some(Label {
                span: error.span,
                text: String::new(),
            }),
            secondary: secondary
                .map(|(span, text)| Label {
                    span: *span,
                    text: (*text).to_owned(),
                })
                .collect(),
            hint: error.kind.hint(),
        }
    }
}
