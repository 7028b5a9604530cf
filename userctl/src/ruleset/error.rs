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
    #[error("an expression is expected here")]
    NotExpression,
    #[error("the right side of a comparison must be constant")]
    RightSide,
    #[error("no transport protocol is known that `{0}` could be in")]
    NoTransport(&'static str),
    #[error("messages of type {known} have no `{field}`")]
    IcmpType { field: String, known: u128 },
    #[error("this is no direction")]
    Direction,
    #[error("`ct {0}` has no direction")]
    NoDirection(&'static str),
    #[error("`ct {0}` needs a direction")]
    NeedsDirection(&'static str),
    #[error("`{0}` is of no family")]
    NoFamily(&'static str),
    #[error("the family is not known here")]
    NeedsFamily(&'static str),
    #[error("`socket {0}` has no level")]
    NoLevel(&'static str),
    #[error("`{0}` is no flag of `fib`")]
    FibFlag(String),
    #[error("`fib` needs one of `saddr` and `daddr`")]
    FibAddress,
    #[error("`fib` takes at most one of `iif` and `oif`, and `oif` only for `type`")]
    FibInterface,
    #[error("this option is not known by number")]
    OptionByNumber,
    #[error("unknown tunnel `{0}`")]
    Tunnel(String),
    #[error("only fields of headers are within a tunnel")]
    NotInner,
    #[error("raw payload has 1 to 128 bits")]
    RawLength,
    #[error("`{0}` can be set but not compared")]
    NotComparable(String),
    #[error("a concatenation has at most {0} parts")]
    TooManyParts(usize),
    #[error("a concatenation cannot be calculated with")]
    ConcatInOperator,
    #[error("the modulus must be at least 1")]
    Modulus,
    #[error("expected {expected} part(s), found {found}")]
    PartCount { expected: usize, found: usize },
    #[error("set `{set}` has keys of type {expected}, not {found}")]
    KeyType {
        set: String,
        expected: String,
        found: String,
    },
    #[error("expected a value of type {expected}, found {found}")]
    ValueType { expected: String, found: String },
    #[error("there is no set or map `{0}` in this table")]
    NoSet(String, Option<String>),
    #[error("`{0}` is not a map of this kind")]
    NotMap(String),
    #[error("`{0}` is not a map of verdicts")]
    NotVmap(String),
    #[error("a map is expected here")]
    NeedsMap,
    #[error("the type of the map's data is not known")]
    NoDataType,
    #[error("a set has no data")]
    DataInSet,
    #[error("an element of a map needs data behind a colon")]
    DataMissing,
    #[error("the data of an element is one value")]
    IntervalData,
    #[error("a verdict is expected here")]
    NotVerdict,
    #[error("the name of an object is expected here")]
    NotObject,
    #[error("the set is empty")]
    EmptySet,
    #[error("the elements overlap")]
    Overlap,
    #[error("the statements are not those of the set")]
    ElementStates,
    #[error("there is no {0} `{1}` in this table")]
    NoObject(&'static str, String),
    #[error("a {0} needs its limits")]
    ObjectBody(&'static str),
    #[error("{0} is still used")]
    ObjectInUse(String),
    #[error("`{0}` is missing or not of the right kind")]
    Setting(&'static str),
    #[error("this protocol has no timeouts by state")]
    TimeoutProtocol,
    #[error("unknown state `{0}`")]
    TimeoutState(String, Option<&'static str>),
    #[error("the prefix has at most {0} bytes")]
    PrefixTooLong(usize),
    #[error("unknown level `{0}`")]
    LogLevel(String),
    #[error("level and flags are for the kernel's log, `group`, `snaplen` and `queue-threshold` for nflog")]
    LogGroup,
    #[error("`level audit` takes nothing else")]
    LogAudit,
    #[error("cannot reject with `{0}`")]
    RejectWith(String),
    #[error("`icmpx` is only for tables of family inet")]
    RejectIcmpx,
    #[error("only TCP can be reset")]
    RejectTcp,
    #[error("this cannot be the number of a queue")]
    QueueNumber,
    #[error("`queue num` takes a number")]
    QueueNum,
    #[error("`fanout` needs a range of queues")]
    QueueFanout,
    #[error("`dup` is not for tables of family inet")]
    DupFamily,
    #[error("only TCP options beside `eol` and `nop` can be removed")]
    NotResettable,
    #[error("only `counter`, `limit`, `quota`, `last` and `ct count` can be here")]
    NotState,
    #[error("set `{0}` is constant")]
    ConstantSet(String),
    #[error("the rate is zero")]
    ZeroRate,
    #[error("the burst of a limit of packets must be at least 1")]
    ZeroBurst,
    #[error("`{what}` is not known at hook {hook}")]
    NotAtHook {
        what: String,
        hook: &'static str,
        allowed: String,
    },
    #[error("a set needs the type of its keys")]
    NoKeyType,
    #[error("the key has more than 16 parts or 64 bytes")]
    KeyTooLong,
    #[error("unknown type `{0}`")]
    NoType(String, Option<&'static str>),
    #[error("type `{0}` does not say how wide it is")]
    TypeWithoutWidth(&'static str),
    #[error("unknown flag `{0}`")]
    Flag(String),
    #[error("unknown policy `{0}`")]
    SetPolicy(String),
    #[error("`auto-merge` is for sets of intervals")]
    AutoMerge,
    #[error("set `{0}` exists with another type or other flags")]
    SetDiffers(String),
    #[error("set `{0}` is still used")]
    SetInUse(String),
    #[error("set `{0}` has no intervals")]
    NeedsInterval(String),
    #[error("set `{0}` has no timeouts")]
    NeedsTimeout(String),
    #[error("say which rule is replaced")]
    ReplaceWhat,
    #[error("say which rule goes")]
    DeleteWhat,
    #[error("this can only be listed")]
    ReadOnly,
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
    #[error("chains of type route are hooked in at output, not at {0}")]
    RouteHook(String),
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
    #[error("`{0}` cannot be set")]
    NotSettable(String),
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
            K::RouteHook(_) => "write `hook output`, or `type filter`",
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
            K::RightSide => "look it up in a set, or write two rules",
            K::NoTransport(_) => "write `udp dport 4789` (or the tunnel's port) before it",
            K::IcmpType { .. } => "match on one type only, or leave the type out",
            K::Direction => "write `original` or `reply` (of `ipsec`: `in` or `out`)",
            K::NoDirection(_) => "leave the direction out",
            K::NeedsDirection(_) => "write `ct original …` or `ct reply …`",
            K::NoFamily(_) => "leave the family out",
            K::NeedsFamily(example) => return Some(format!("say it: `{example}`")),
            K::NoLevel(_) => "only `socket cgroupv2` has one",
            K::FibFlag(_) => "the flags are saddr, daddr, mark, iif, oif",
            K::FibAddress => "write `fib saddr …` or `fib daddr …`",
            K::FibInterface => "write `fib saddr . iif oif`",
            K::Tunnel(_) => "the tunnels are vxlan, geneve, gre, gretap",
            K::NotComparable(_) => "write `set` before the value",
            K::KeyType { .. } => "look up what the set was declared for",
            K::NoSet(_, Some(similar)) => return Some(format!("did you mean `{similar}`?")),
            K::NoSet(..) => "declare it in the table: `set NAME { type …; }`",
            K::NotMap(_) => "declare it with `map`, and the type of its data behind a colon",
            K::NotVmap(_) => "declare it as `map NAME { type … : verdict; }`",
            K::NeedsMap => "write `{ key : value, … }` or `@NAME`",
            K::NoDataType => "declare the map with a name, and give the type of its data",
            K::DataInSet => "declare it with the word `map`",
            K::DataMissing => "write `key : value`",
            K::Overlap => "let them be apart; a set with `auto-merge` joins them",
            K::NoObject(..) => "declare it in the table first",
            K::ObjectBody(_) => "write them in braces",
            K::ObjectInUse(_) => "delete the rules and elements that use it first",
            K::NoType(_, Some(similar)) | K::TimeoutState(_, Some(similar)) => {
                return Some(format!("did you mean `{similar}`?"))
            }
            K::LogLevel(_) => {
                "the levels are emerg, alert, crit, err, warn, notice, info, debug, audit"
            }
            K::LogGroup => "leave one of them out",
            K::LogAudit => "leave the rest out",
            K::RejectWith(_) => "write `icmp`, `icmpv6`, `icmpx` or `tcp reset`",
            K::RejectIcmpx => "write `icmp` or `icmpv6`, as the table's family is",
            K::RejectTcp => "write `meta l4proto tcp` before it, or reject with ICMP",
            K::QueueNumber => "write a number, a range, a map, `numgen`, `jhash` or `symhash`",
            K::QueueNum => "write `queue to …`",
            K::QueueFanout => "write `queue flags fanout to 0-3`, or leave `fanout` out",
            K::DupFamily => "write the rule in a table of family ip or ip6",
            K::NotState => "put it into the rule",
            K::ConstantSet(_) => "declare it without `constant`",
            K::NotAtHook { allowed, .. } => return Some(format!("it is known at: {allowed}")),
            K::NoKeyType => "write `{ type …; }`",
            K::TypeWithoutWidth(_) => "write `typeof` and an expression instead",
            K::Flag(_) => {
                "sets have the flags constant, interval, timeout, dynamic; tables have dormant"
            }
            K::SetPolicy(_) => "write `memory` or `performance`",
            K::AutoMerge | K::NeedsInterval(_) => "write `flags interval` where it is declared",
            K::NeedsTimeout(_) => "write `flags timeout` where it is declared",
            K::SetDiffers(_) => "delete it first, or begin the file with `flush ruleset`",
            K::SetInUse(_) => "delete the rules that use it first",
            K::ReplaceWhat | K::DeleteWhat => "write `handle N`; `userctl list -a` shows it",
            K::ReadOnly => "write `list`",
            K::NotSettable(_) => {
                "fields of headers, `meta mark`, `ct mark` and their like can be set"
            }
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

/// The name that is most like `name`.
pub(super) fn similar<'n>(name: &str, among: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<&str> = among.collect();
    crate::lang::words::similar(name, &names).map(str::to_owned)
}
