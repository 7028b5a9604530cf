// SPDX-License-Identifier: GPL-2.0
//! The syntax tree of a script.
//!
//! It says what was written and where, with variables and includes resolved, and nothing about
//! whether it makes sense. Names are interned: a [`Name`] is four bytes, and its text one allocation
//! for the whole script.

use std::sync::Arc;

use ferrule_uapi::hook::Family;
use rustc_hash::FxHashMap;

use crate::source::Span;

/// An interned string of a [`Script`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name(u32);

/// The strings of a script.
#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: Vec<Arc<str>>,
    index: FxHashMap<Arc<str>, Name>,
}

impl Names {
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.index.get(text) {
            return *name;
        }
        let text: Arc<str> = text.into();
        let name = Name(self.texts.len() as u32);
        self.texts.push(text.clone());
        self.index.insert(text, name);
        name
    }

    pub(crate) fn get(&self, name: Name) -> &Arc<str> {
        &self.texts[name.0 as usize]
    }
}

/// A parsed file: commands in order, includes and variables resolved.
#[derive(Debug, Default)]
pub struct Script {
    pub(crate) names: Names,
    pub(crate) commands: Vec<Command>,
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
    Delete,
    Destroy,
    Flush,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) verb: Verb,
    pub(crate) object: Object,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Object {
    /// `flush ruleset [FAMILY]`.
    Ruleset(Option<Family>),
    Table(TablePath, Option<TableBlock>),
    Chain(ChainPath, Option<ChainBlock>),
    Rule(ChainPath, Option<Position>, Box<Rule>),
    /// Something nft has and Ferrule has not.
    Unsupported(Unsupported),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TablePath {
    pub(crate) family: Family,
    pub(crate) name: Ident,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainPath {
    pub(crate) table: TablePath,
    pub(crate) name: Ident,
}

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
    pub(crate) chains: Vec<(Ident, ChainBlock)>,
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

#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
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
    /// `meta mark set value`.
    Set {
        target: Expr,
        value: Expr,
    },
    Accept,
    Drop,
    Continue,
    Return,
    Jump(Ident),
    Goto(Ident),
    Unsupported(Unsupported),
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
    /// A bare word or an address; its meaning depends on what it is compared with.
    Word(Name),
    /// A string in quotes.
    Quoted(Name),
    /// `eth*`, `eth\*`: as written, unquoted.
    Wild(Name),
    /// `ip saddr`, `tcp dport`: protocol and field.
    Header(Name, Name),
    /// `meta key`, or the key alone.
    Meta(Name),
    /// `$name`, which stands for the expression that it was defined as.
    Variable(Arc<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    Prefix(Box<Expr>, u64),
    Range(Box<Expr>, Box<Expr>),
    /// `a, b, c` without braces: bits that are or-ed.
    List(Vec<Expr>),
    Set(Vec<Expr>),
}
