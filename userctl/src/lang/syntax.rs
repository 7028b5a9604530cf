// SPDX-License-Identifier: GPL-2.0
//! The syntax tree of a script.
//!
//! It says what was written and where, with variables and includes resolved, and nothing about
//! whether it makes sense: words are words until the next stage knows what they are compared with.

mod name;

use std::sync::Arc;

use ferrule_uapi::hook::Family;

use crate::rare::{Rare, Usual};
use crate::source::Span;

pub(crate) use name::{Name, Names};

/// A parsed file: commands in order, includes and variables resolved.
#[derive(Debug, Default)]
pub struct Script {
    pub(crate) names: Names,
    pub(crate) commands: Vec<Command>,
}

impl Script {
    /// Forgets what the commands that `which` says are about. They keep their numbers.
    pub fn release(&mut self, which: impl Fn(&Command) -> bool) {
        for command in self.commands.iter_mut().filter(|command| which(command)) {
            command.object = Object::Ruleset(None);
        }
    }
}

/// A name and where it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ident {
    pub(crate) name: Name,
    pub(crate) span: Span,
}

/// What a command does with its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Add,
    Create,
    Insert,
    Replace,
    Delete,
    Destroy,
    Flush,
    Rename,
    List,
    Reset,
    Get,
    Describe,
    /// Of a statement only: `update @set { … }`.
    Update,
}

/// A command of a [`Script`].
#[derive(Debug)]
pub struct Command {
    pub(crate) verb: Verb,
    pub(crate) object: Object,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Object {
    /// `flush ruleset [FAMILY]`, `list ruleset`, `reset ruleset`.
    Ruleset(Option<Family>),
    /// `list tables`, `list chains`, `list sets table T`, `reset rules`, …: all of a kind.
    All(Kind, Option<Family>, Option<TablePath>),
    Table(TablePath, Option<TableBlock>),
    Chain(ChainPath, Option<ChainBlock>),
    /// `rename chain T C NEW`.
    Rename(ChainPath, Ident),
    Rule(ChainPath, Option<Position>, Box<Rule>),
    /// `delete rule T C handle N`, `reset rules chain T C`: without a rule of its own.
    Rules(ChainPath, Option<Position>),
    Set(SetPath, Option<Box<SetBlock>>),
    /// `add element T S { … }`.
    Element(SetPath, Vec<Element>),
    /// A counter, quota, limit, ct helper, …
    Stateful(Kind, SetPath, Option<Box<ObjectBlock>>),
    /// `describe EXPRESSION`; a bare word may be the name of a type.
    Describe(Expr),
    /// Something nft has and Ferrule has not.
    Unsupported(Unsupported),
}

/// Kinds of objects, as commands name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Table,
    Chain,
    Rule,
    Set,
    Map,
    Meter,
    Counter,
    Quota,
    Limit,
    CtHelper,
    CtTimeout,
    CtExpectation,
    Secmark,
    Synproxy,
    Flowtable,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TablePath {
    pub(crate) family: Family,
    pub(crate) name: Ident,
    /// `table handle N` instead of a name, which is then the number's text.
    pub(crate) handle: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainPath {
    pub(crate) table: TablePath,
    pub(crate) name: Ident,
    /// `handle N` instead of a name, which is then the number's text.
    pub(crate) handle: Option<u64>,
}

/// A set, a map or an object of a table: the same as a chain's path.
pub(crate) type SetPath = ChainPath;

/// Where in its chain a rule goes, or which rule is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) kind: PositionKind,
    pub(crate) number: u64,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PositionKind {
    /// `handle N` or `position N`.
    Handle,
    /// `index N`.
    Index,
}

#[derive(Debug, Default)]
pub(crate) struct TableBlock {
    pub(crate) comment: Option<Text>,
    /// `flags dormant`, `flags owner`, …
    pub(crate) flags: Vec<Ident>,
    pub(crate) chains: Vec<(Ident, ChainBlock)>,
    pub(crate) sets: Vec<(Ident, SetBlock)>,
    pub(crate) objects: Vec<(Kind, Ident, ObjectBlock)>,
    pub(crate) unsupported: Vec<Unsupported>,
}

#[derive(Debug, Default)]
pub(crate) struct ChainBlock {
    pub(crate) hook: Option<HookSpec>,
    pub(crate) policy: Option<Policy>,
    pub(crate) comment: Option<Text>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) unsupported: Vec<Unsupported>,
}

/// The type of a key or of data.
#[derive(Debug)]
pub(crate) enum TypeSpec {
    /// `type ipv4_addr . inet_service`; for data also `verdict`, `counter`, `ct helper` (as one word).
    Types(Vec<Ident>),
    /// `typeof ip saddr . tcp dport`.
    Typeof(Expr),
}

#[derive(Debug, Default)]
pub(crate) struct SetBlock {
    /// Declared with the word `map`, or `meter`.
    pub(crate) map: bool,
    pub(crate) key: Option<TypeSpec>,
    pub(crate) data: Option<TypeSpec>,
    /// `: interval …` before the data's type.
    pub(crate) interval_data: bool,
    pub(crate) flags: Vec<Ident>,
    /// Milliseconds.
    pub(crate) timeout: Option<Time>,
    pub(crate) gc_interval: Option<Time>,
    pub(crate) size: Option<(u64, Span)>,
    /// `policy performance` or `policy memory`.
    pub(crate) policy: Option<Ident>,
    pub(crate) auto_merge: Option<Span>,
    pub(crate) comment: Option<Text>,
    /// `counter`, `limit …`, that each element has.
    pub(crate) statements: Vec<Stmt>,
    pub(crate) elements: Option<Vec<Element>>,
    pub(crate) span: Span,
}

/// An element of a set or map, named or anonymous, or of a rule's `add @set { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// `None`: the catch-all `*`.
    pub(crate) key: Option<Expr>,
    /// What follows the colon.
    pub(crate) data: Option<Box<Expr>>,
    pub(crate) more: Rare<ElementMore>,
    pub(crate) span: Span,
}

/// What an element may have beside key and data.
#[derive(Clone, Debug, Default)]
pub(crate) struct ElementMore {
    pub(crate) timeout: Option<Time>,
    pub(crate) expires: Option<Time>,
    pub(crate) comment: Option<Text>,
    /// `counter packets 1 bytes 2`, `limit …`
    pub(crate) statements: Vec<Stmt>,
}

impl Usual for ElementMore {
    const USUAL: &'static Self = &ElementMore {
        timeout: None,
        expires: None,
        comment: None,
        statements: Vec::new(),
    };
}

/// A length of time, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    pub(crate) millis: u64,
}

/// The body of an object.
#[derive(Debug, Default)]
pub(crate) struct ObjectBlock {
    pub(crate) comment: Option<Text>,
    /// `counter { packets 1 bytes 2 }`, `quota { over 10 mbytes used 1 }`, `limit { rate … }`: the statement
    /// that it would be.
    pub(crate) statement: Option<Stmt>,
    /// The rest as pairs of words and values: `type "ftp" protocol tcp`, `l3proto ip`, `policy { … }`,
    /// `dport 9876`, `timeout 2m`, `size 12`; of a secmark `context` and the text.
    pub(crate) settings: Vec<(Ident, Setting)>,
    pub(crate) span: Span,
}

/// A value in an [`ObjectBlock`].
#[derive(Debug)]
pub(crate) enum Setting {
    Word(Ident),
    Text(Text),
    Number(u64, Span),
    Time(Time),
    /// `policy = { established : 2m, close : 20 }`, in milliseconds.
    Times(Vec<(Ident, Time)>),
}

/// A string and where it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) text: Name,
    pub(crate) span: Span,
}

/// `type T hook H priority P`.
#[derive(Debug)]
pub(crate) struct HookSpec {
    pub(crate) kind: Ident,
    pub(crate) hook: Ident,
    pub(crate) priority: Priority,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Priority {
    /// `filter` of `filter + 10`.
    pub(crate) name: Option<Ident>,
    pub(crate) offset: i64,
    pub(crate) span: Span,
}

/// `policy accept` or `policy drop`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) accept: bool,
    pub(crate) span: Span,
}

/// Something valid in nft that Ferrule does not run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsupported {
    /// What it is called in nft.
    pub(crate) feature: Name,
    /// What to do instead.
    pub(crate) hint: &'static str,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) statements: Vec<Stmt>,
    pub(crate) comment: Option<Text>,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum StmtKind {
    /// `left op right`; without an operator, the one that the left side implies.
    Match {
        left: Expr,
        op: Option<Relation>,
        right: Expr,
    },
    /// `left [op] value / mask`.
    Masked {
        left: Expr,
        op: Option<Relation>,
        value: Box<Expr>,
        mask: Box<Expr>,
    },
    /// `counter [packets N bytes N]`.
    Counter {
        packets: u64,
        bytes: u64,
    },
    /// `counter name X`, `quota name X`, `limit name X`, `ct helper set X`, `ct timeout set X`,
    /// `ct expectation set X`, `meta secmark set X`: the object is a name or a map expression.
    Object {
        kind: Kind,
        object: Box<Expr>,
    },
    /// `limit rate [over] N UNIT/TIME [burst N UNIT]`.
    Limit(Limit),
    /// `quota [over|until] N UNIT [used N UNIT]`.
    Quota {
        over: bool,
        bytes: u64,
        used: u64,
    },
    /// `last [used [never|TIME]]`.
    Last(Option<Time>),
    /// `ct count [over] N`.
    Connections {
        over: bool,
        count: u64,
    },
    Log(Box<Log>),
    Reject(Reject),
    Queue(Box<Queue>),
    Notrack,
    /// `dup to ADDRESS [device DEVICE]`.
    Dup {
        to: Box<Expr>,
        device: Option<Box<Expr>>,
    },
    /// `TARGET set value`: meta, ct, payload, an option.
    Set {
        target: Expr,
        value: Expr,
    },
    /// `reset tcp option X`.
    ResetOption(Expr),
    /// `add|update|delete @set { … }`, `set add …`.
    Update {
        verb: Verb,
        set: Ident,
        element: Box<Element>,
    },
    /// `meter NAME [size N] { KEY STATEMENT }`: an update of a dynamic set that the statement makes.
    Meter {
        name: Ident,
        size: Option<(u64, Span)>,
        element: Box<Element>,
    },
    /// `key vmap map`.
    Vmap {
        key: Expr,
        map: Expr,
    },
    Accept,
    Drop,
    Continue,
    Return,
    Jump(Ident),
    Goto(Ident),
    Unsupported(Unsupported),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) over: bool,
    /// Packets, or bytes, per unit.
    pub(crate) rate: u64,
    pub(crate) bytes: bool,
    /// Seconds: 1, 60, 3600, 86400, 604800.
    pub(crate) unit: u64,
    /// Packets or bytes; `None`: nft's default (5 packets, no bytes).
    pub(crate) burst: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Log {
    pub(crate) prefix: Option<Text>,
    pub(crate) level: Option<Ident>,
    /// `flags tcp sequence`, `flags all`: nft's bits (`NF_LOG_*`).
    pub(crate) flags: u8,
    pub(crate) group: Option<(u64, Span)>,
    pub(crate) snaplen: Option<u64>,
    pub(crate) queue_threshold: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Reject {
    /// `with KIND …`: `icmp`, `icmpv6`, `icmpx` or `tcp`.
    pub(crate) with: Option<Ident>,
    /// The code or type after it; `reset` after `tcp`.
    pub(crate) code: Option<Box<Expr>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// Number, range, or a map, numgen or hash; `None`: 0.
    pub(crate) number: Option<Expr>,
    pub(crate) bypass: bool,
    pub(crate) fanout: bool,
    /// Whether it was written in the new way (`queue flags bypass to 1`).
    pub(crate) to: bool,
}

/// A relational operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `!`: none of these bits.
    Not,
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    And,
    Or,
    Xor,
    Shl,
    Shr,
}

#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Number(u64),
    /// A bare word, an address, a number of more than 64 bits; its meaning depends on what it is
    /// compared with.
    Word(Name),
    /// A string in quotes.
    Quoted(Name),
    /// `eth*`, `eth\*`: as written, unquoted.
    Wild(Name),
    /// A length of time on the right-hand side (`1h30m`, `2d`), in milliseconds.
    Time(u64),
    /// `ip saddr`, `tcp dport`, `frag id`, `vxlan vni`: protocol and field.
    Header(Name, Name),
    /// `meta key`, or the key alone.
    Meta(Name),
    /// `@ll,0,16`, `@nh,…`, `@th,…`, `@ih,…`: base, offset and length in bits.
    Raw {
        base: Name,
        offset: u64,
        bits: u64,
    },
    /// `ct [original|reply] [ip|ip6] KEY`.
    Ct {
        direction: Option<Ident>,
        family: Option<Ident>,
        key: Ident,
    },
    /// `socket KEY [level N]`.
    Socket {
        key: Ident,
        level: Option<u64>,
    },
    /// `fib saddr . iif oif`: flags and result.
    Fib {
        flags: Vec<Ident>,
        result: Ident,
    },
    /// `rt [ip|ip6] KEY`.
    Rt {
        family: Option<Ident>,
        key: Ident,
    },
    /// `ipsec in|out [spnum N] [ip|ip6] KEY`.
    Ipsec {
        direction: Ident,
        number: u64,
        family: Option<Ident>,
        key: Ident,
    },
    /// `exthdr hbh`.
    Exthdr(Ident),
    /// `tcp option maxseg [size]`, `ip option lsrr [addr]`, `sctp chunk init [init-tag]`, `dccp option 40`: protocol
    /// (`tcp`, `ip`, `sctp`, `dccp`), option (a word, or a number's text), field.
    Option {
        protocol: Name,
        option: Ident,
        field: Option<Ident>,
    },
    /// `tcp option @42,16,4`: kind, offset and length in bits.
    RawOption {
        kind: u64,
        offset: u64,
        bits: u64,
    },
    /// `vxlan ip saddr`, `gre tcp dport`: an expression within a tunnel.
    Inner(Ident, Box<Expr>),
    /// `numgen inc|random mod N [offset N]`.
    Numgen {
        random: bool,
        modulus: u64,
        offset: u64,
    },
    /// `jhash EXPR mod N [seed N] [offset N]`.
    Jhash {
        expr: Box<Expr>,
        modulus: u64,
        seed: Option<u64>,
        offset: u64,
    },
    /// `symhash mod N [offset N]`.
    Symhash {
        modulus: u64,
        offset: u64,
    },
    /// `$name`, which stands for the expression that it was defined as.
    Variable(Arc<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    Prefix(Box<Expr>, u64),
    Range(Box<Expr>, Box<Expr>),
    /// `a . b . c`.
    Concat(Vec<Expr>),
    /// `a, b, c` without braces: bits that are or-ed.
    List(Vec<Expr>),
    /// `{ … }`: a set, or a map if its elements have data. Elements may be sets themselves (of variables).
    Set(Vec<Element>),
    /// `@name`.
    Named(Ident),
    /// `key map { … }`, `key map @name`.
    Map(Box<Expr>, Box<Expr>),
    /// A verdict, as the data of an element.
    Verdict(Box<StmtKind>),
}
