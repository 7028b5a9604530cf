// SPDX-License-Identifier: GPL-2.0
//! Expressions of a checked ruleset: what has a value when a packet comes.
//!
//! Values are numbers of at most 128 bits, the first bit on the wire the most significant; only a
//! concatenation is several numbers. An expression that has no value for a packet (it has no such header)
//! makes the statement that it is part of fail, and with it the rule.

use std::sync::Arc;

use ferrule_uapi::expr::{Expr as Record, Tunnel};
use ferrule_uapi::field::Field;

use super::datatype::Datatype;
use super::selector::Selector;
use super::set::{Part, SetRef};
use crate::rare::{Rare, Usual};

/// Something that has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// What a packet has.
    Select(Select),
    /// A number.
    Constant(Constant),
    /// `left op right`: bit by bit. A narrower side begins with zeros.
    Bitwise {
        /// The operator.
        op: BitOp,
        /// What it is applied to.
        left: Box<Expr>,
        /// The other side.
        right: Box<Expr>,
    },
    /// `expr << by`, `expr >> by`: of a number of 32 bits, or 128 if the expression has more; not cut to the
    /// expression's own width.
    Shift {
        /// Whether to the left.
        left: bool,
        /// What is shifted.
        expr: Box<Expr>,
        /// By how many bits: less than 128.
        by: u32,
    },
    /// `a . b`: of two to 16 parts, none a concatenation.
    Concat(Vec<Expr>),
    /// `key map …`: what a map has for a key.
    Map {
        /// The key, perhaps a concatenation.
        key: Box<Expr>,
        /// The map.
        map: SetRef,
        /// Type of its data.
        data: Part,
    },
    /// `numgen`.
    Numgen {
        /// `random`, not `inc`.
        random: bool,
        /// At least 1.
        modulus: u32,
        /// Added.
        offset: u32,
    },
    /// `jhash`.
    Jhash {
        /// What is hashed.
        key: Box<Expr>,
        /// At least 1.
        modulus: u32,
        /// `None`: chosen by the compiler.
        seed: Option<u32>,
        /// Added.
        offset: u32,
    },
    /// `symhash`.
    Symhash {
        /// At least 1.
        modulus: u32,
        /// Added.
        offset: u32,
    },
}

/// A selector with what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Its row in the table; for raw payload one of a few rows that stand for all.
    pub selector: &'static Selector,
    /// Where the value comes from.
    pub source: Source,
    /// What was given beside the name.
    pub argument: Rare<Argument>,
    /// Type of its values.
    pub datatype: Datatype,
    /// Width in bits: 1 to 128.
    pub bits: u32,
    /// The tunnel that it is within.
    pub tunnel: Option<Tunnel>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The key.
    Field(Field),
    /// It is loaded.
    Record(Record),
}

/// What a selector was given beside its name, for the listing. The source has it already.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Argument {
    /// Nothing.
    #[default]
    None,
    /// `@nh,OFFSET,BITS`: base's name, offset.
    Raw(&'static str, u32),
    /// `ct original`, `ct reply`, and a family in between (`ct original ip saddr`).
    Direction(Option<Direction>, Option<&'static str>),
    /// `socket cgroupv2 level N`.
    Level(u32),
    /// `fib FLAGS`: flags by name, in nft's order.
    Fib(Vec<&'static str>),
    /// `ipsec in spnum N`, and a family.
    Ipsec(Direction, u32, Option<&'static str>),
    /// An option given by number: `tcp option 254`, `tcp option @42,16,4` (kind, offset), `dccp option N`.
    Number(u32),
    /// `tcp option @KIND,OFFSET,BITS`.
    RawOption(u32, u32),
    /// `rt ip nexthop`, `rt ip6 nexthop`.
    Family(&'static str),
}

impl Usual for Argument {
    const USUAL: &'static Self = &Argument::None;
}

/// Which direction of a connection; of IPsec: in is original, out is reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `original`, `in`.
    Original,
    /// `reply`, `out`.
    Reply,
}

/// A number and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The number.
    pub value: u128,
    /// Its type.
    pub datatype: Datatype,
    /// Its width in bits.
    pub bits: u32,
}

/// An operator between bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOp {
    /// `&`.
    And,
    /// `|`.
    Or,
    /// `^`.
    Xor,
}

impl Expr {
    /// Type and width of its values: one part, or those of a concatenation.
    pub fn parts(&self) -> Vec<Part> {
        match self {
            Expr::Select(select) => vec![Part {
                datatype: select.datatype,
                bits: select.bits,
            }],
            Expr::Constant(constant) => vec![Part {
                datatype: constant.datatype,
                bits: constant.bits,
            }],
            Expr::Bitwise { left, .. } => left.parts(),
            Expr::Shift { expr, .. } => expr.parts(),
            Expr::Concat(parts) => parts.iter().flat_map(Expr::parts).collect(),
            Expr::Map { data, .. } => vec![*data],
            Expr::Numgen { .. } | Expr::Jhash { .. } | Expr::Symhash { .. } => vec![Part {
                datatype: Datatype::Integer,
                bits: 32,
            }],
        }
    }
}

/// The name of something of the ruleset.
pub type Named = Arc<str>;
