// SPDX-License-Identifier: GPL-2.0
//! Expressions.

use ferrule_uapi::expr::Tunnel;

use super::Lister;
use crate::ruleset::expr::{Argument, BitOp, Constant, Direction, Select};
use crate::ruleset::set::SetRef;
use crate::ruleset::Expr;

/// How tightly an expression binds: what is looser within something tighter stands in parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tightness {
    Or,
    Xor,
    And,
    Shift,
    Single,
}

fn tightness(expr: &Expr) -> Tightness {
    match expr {
        Expr::Bitwise { op: BitOp::Or, .. } => Tightness::Or,
        Expr::Bitwise { op: BitOp::Xor, .. } => Tightness::Xor,
        Expr::Bitwise { op: BitOp::And, .. } => Tightness::And,
        Expr::Shift { .. } => Tightness::Shift,
        _ => Tightness::Single,
    }
}

/// Whether bits were moved.
fn is_shifted(expr: &Expr) -> bool {
    match expr {
        Expr::Shift { .. } => true,
        Expr::Bitwise { left, .. } => is_shifted(left),
        _ => false,
    }
}

impl Lister<'_> {
    /// An expression.
    pub(super) fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Select(select) => self.select(select),
            Expr::Constant(number) => {
                let part = crate::ruleset::set::Part {
                    datatype: number.datatype,
                    bits: number.bits,
                };
                self.value(part, number.value);
            }
            Expr::Bitwise { op, left, right } => {
                let own = tightness(expr);
                self.operand(left, own, false);
                self.out.push_str(match op {
                    BitOp::And => " & ",
                    BitOp::Or => " | ",
                    BitOp::Xor => " ^ ",
                });
                match &**right {
                    // nft does not take the names of values that were shifted.
                    Expr::Constant(number) if is_shifted(left) => self.number(number),
                    right => self.operand(right, own, true),
                }
            }
            Expr::Shift { left, expr: of, by } => {
                self.operand(of, Tightness::Shift, false);
                let operator = if *left { "<<" } else { ">>" };
                self.put(format_args!(" {operator} {by}"));
            }
            Expr::Concat(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(" . ");
                    }
                    self.operand(part, Tightness::Single, false);
                }
            }
            Expr::Map { key, map, .. } => {
                self.expr(key);
                self.out.push_str(" map ");
                self.set_ref(map);
            }
            _ => self.generated(expr),
        }
    }

    /// A constant without its name.
    pub(super) fn number(&mut self, number: &Constant) {
        number.datatype.write(number.value, true, &mut self.out);
    }

    /// An operand of something that binds so tightly.
    fn operand(&mut self, expr: &Expr, outer: Tightness, right: bool) {
        let own = tightness(expr);
        // A mask of several flags is written as flags that are or-ed.
        let flags = matches!(expr, Expr::Constant(number)
            if number.datatype.is_bitmask() && number.value.count_ones() > 1 && outer > Tightness::Or);
        let enclosed = own < outer || (right && own == outer && own != Tightness::Single) || flags;
        if enclosed {
            self.out.push('(');
        }
        self.expr(expr);
        if enclosed {
            self.out.push(')');
        }
    }

    /// `numgen`, `jhash`, `symhash`.
    fn generated(&mut self, expr: &Expr) {
        let offset = match expr {
            Expr::Numgen {
                random,
                modulus,
                offset,
            } => {
                let mode = if *random { "random" } else { "inc" };
                self.put(format_args!("numgen {mode} mod {modulus}"));
                *offset
            }
            Expr::Jhash {
                key,
                modulus,
                seed,
                offset,
            } => {
                self.out.push_str("jhash ");
                self.expr(key);
                self.put(format_args!(" mod {modulus}"));
                if let Some(seed) = seed {
                    self.put(format_args!(" seed {seed:#x}"));
                }
                *offset
            }
            Expr::Symhash { modulus, offset } => {
                self.put(format_args!("symhash mod {modulus}"));
                *offset
            }
            _ => 0,
        };
        if offset != 0 {
            self.put(format_args!(" offset {offset}"));
        }
    }

    /// A selector with what it was given.
    pub(super) fn select(&mut self, select: &Select) {
        if let Some(tunnel) = select.tunnel {
            self.out.push_str(match tunnel {
                Tunnel::Vxlan => "vxlan ",
                Tunnel::Geneve => "geneve ",
                Tunnel::Gre => "gre ",
                Tunnel::Gretap => "gretap ",
            });
        }
        let protocol = select.selector.protocol;
        let name = select.selector.name;
        match &*select.argument {
            Argument::None if select.selector.unqualified || protocol.is_empty() => {
                self.out.push_str(name);
            }
            Argument::None if name.is_empty() => self.out.push_str(protocol),
            Argument::None => self.put(format_args!("{protocol} {name}")),
            Argument::Raw(base, offset) => {
                self.put(format_args!("@{base},{offset},{}", select.bits));
            }
            Argument::Direction(direction, family) => {
                self.out.push_str(protocol);
                // Both directions have the same, and the kernel keeps none for them.
                let direction = direction.filter(|_| !matches!(name, "protocol" | "l3proto"));
                match direction {
                    Some(Direction::Original) => self.out.push_str(" original"),
                    Some(Direction::Reply) => self.out.push_str(" reply"),
                    None => {}
                }
                if let Some(family) = family {
                    self.put(format_args!(" {family}"));
                }
                self.put(format_args!(" {}", bare(name)));
            }
            Argument::Level(level) => self.put(format_args!("{protocol} {name} level {level}")),
            Argument::Fib(flags) => {
                self.put(format_args!("{protocol} {} {name}", flags.join(" . ")));
            }
            Argument::Ipsec(direction, number, family) => {
                let direction = match direction {
                    Direction::Original => "in",
                    Direction::Reply => "out",
                };
                self.put(format_args!("{protocol} {direction}"));
                if *number != 0 {
                    self.put(format_args!(" spnum {number}"));
                }
                if let Some(family) = family {
                    self.put(format_args!(" {family}"));
                }
                self.put(format_args!(" {}", bare(name)));
            }
            Argument::Number(number) => {
                self.put(format_args!("{protocol} {number}"));
                if !name.is_empty() {
                    self.put(format_args!(" {name}"));
                }
            }
            Argument::RawOption(kind, offset) => {
                self.put(format_args!("tcp option @{kind},{offset},{}", select.bits));
            }
            Argument::Family(family) => {
                self.put(format_args!("{protocol} {family} {}", bare(name)))
            }
        }
    }

    /// `@name`, or the elements in braces.
    pub(super) fn set_ref(&mut self, set: &SetRef) {
        match set {
            SetRef::Named(name) => self.put(format_args!("@{name}")),
            SetRef::Anonymous(set) => self.anonymous(set),
        }
    }
}

/// The name without a family, which is written apart.
fn bare(name: &str) -> &str {
    name.strip_prefix("ip6 ")
        .or_else(|| name.strip_prefix("ip "))
        .unwrap_or(name)
}
