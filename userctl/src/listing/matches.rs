// SPDX-License-Identifier: GPL-2.0
//! Comparisons, in the form that nft gives them.

use super::Lister;
use crate::ruleset::expr::Argument;
use crate::ruleset::set::Part;
use crate::ruleset::statement::Require;
use crate::ruleset::{
    max, write_name, Datatype, Expr, Form, Match, Op, Selector, Tells, Test, SELECTORS,
};

/// The flags of `fib … check exists`, which is listed as `fib … oif exists`: nft before 1.1.4 does not know
/// `check`, and later ones take both for the same.
fn old_check(matched: &Match) -> Option<&[&'static str]> {
    match (&matched.left, &matched.test) {
        (
            Expr::Select(select),
            Test::Compare {
                form: Form::Exists, ..
            },
        ) => match &*select.argument {
            Argument::Fib(flags) => Some(flags),
            _ => None,
        },
        _ => None,
    }
}

/// `icmp type` or `icmpv6 type`, if that is what is asked for.
fn message_type(require: &Require) -> Option<&'static Selector> {
    let of = SELECTORS.iter().find(|row| row.types == require.values)?;
    let mut rows = SELECTORS.iter();
    let kind = rows.find(|row| row.protocol == of.protocol && row.tells == Tells::Icmp)?;
    (kind.source == require.source).then_some(kind)
}

/// A comparison of a single value.
#[derive(Clone, Copy)]
struct Bits {
    part: Part,
    mask: u128,
    op: Op,
    value: u128,
    form: Form,
    /// The left side ends in an operator's operand: the relation must be written.
    calculated: bool,
}

impl Bits {
    /// Whether all bits are compared.
    fn is_whole(self) -> bool {
        self.mask & max(self.part.bits) == max(self.part.bits)
    }
}

impl Lister<'_> {
    /// Whether nft lists what it asks for by itself: of which types an ICMP message is, if of several.
    pub(super) fn is_listed(&self, require: &Require) -> bool {
        require.values.len() > 1 && message_type(require).is_some()
    }

    /// What was asked for by itself and is listed nevertheless.
    pub(super) fn require(&mut self, require: &Require) {
        let Some(selector) = message_type(require) else {
            return;
        };
        self.put(format_args!("{} {} ", selector.protocol, selector.name));
        let part = Part {
            datatype: selector.datatype,
            bits: selector.bits,
        };
        let mut values = require.values.clone();
        values.sort_unstable();
        let ranges: Vec<_> = values.into_iter().map(|value| (value, value)).collect();
        self.constants(part, &ranges);
    }

    /// A comparison.
    pub(super) fn comparison(&mut self, matched: &Match) {
        match old_check(matched) {
            Some(flags) => self.put(format_args!("fib {} oif", flags.join(" . "))),
            None => self.expr(&matched.left),
        }
        self.out.push(' ');
        let parts = matched.left.parts();
        let Some(mut part) = parts.first().copied() else {
            return;
        };
        if matches!(matched.left, Expr::Shift { .. }) {
            // What was shifted may be wider than it was.
            part.bits = part.bits.max(32);
        }
        match &matched.test {
            Test::Compare {
                mask,
                op,
                value,
                form,
            } => self.compare(Bits {
                part,
                mask: *mask,
                op: *op,
                value: *value,
                form: *form,
                calculated: matches!(matched.left, Expr::Bitwise { .. } | Expr::Shift { .. }),
            }),
            Test::Range {
                mask,
                negate,
                lo,
                hi,
            } => {
                self.mask(part, *mask);
                self.out.push_str(if *negate { "!= " } else { "" });
                self.ends(part, *lo, *hi);
            }
            Test::Set {
                mask,
                negate,
                ranges,
            } => {
                let masked = self.mask(part, *mask);
                self.out.push_str(match (negate, masked) {
                    (true, _) => "!= ",
                    (false, true) => "== ",
                    (false, false) => "",
                });
                self.constants(part, ranges);
            }
            Test::Lookup { negate, set } => {
                self.out.push_str(if *negate { "!= " } else { "" });
                self.set_ref(set);
            }
            Test::Concat { negate, ranges } => {
                self.out.push_str(if *negate { "!= " } else { "" });
                self.key(&parts, ranges);
            }
            Test::Dynamic { op, right } => {
                let operator = if *op == Op::Ne { "!= " } else { "" };
                self.out.push_str(operator);
                self.expr(right);
            }
        }
    }

    /// `& MASK `, unless it is all bits.
    fn mask(&mut self, part: Part, mask: u128) -> bool {
        let masked = mask & max(part.bits) != max(part.bits);
        if masked {
            self.out.push_str("& ");
            if part.datatype.is_bitmask() && mask.count_ones() > 1 {
                self.out.push('(');
                self.value(part, mask);
                self.out.push(')');
            } else {
                self.value(part, mask);
            }
            self.out.push(' ');
        }
        masked
    }

    fn compare(&mut self, bits: Bits) {
        if self.formed(bits) || self.flags(bits) || self.prefix(bits) {
            return;
        }
        let Bits {
            part,
            mask,
            op,
            value,
            calculated,
            ..
        } = bits;
        let masked = self.mask(part, mask);
        let bitmask = part.datatype.is_bitmask();
        if op != Op::Eq || masked || bitmask || calculated {
            self.put(format_args!("{} ", op.text()));
        }
        if bitmask && !masked && value.count_ones() > 1 && part.datatype == Datatype::TcpFlags {
            self.put(format_args!("0x{value:x}"));
            return;
        }
        self.value(part, value);
    }

    /// `exists`, and flags as they were written.
    fn formed(&mut self, bits: Bits) -> bool {
        match bits.form {
            Form::Plain => return false,
            Form::Exists => {
                self.out
                    .push_str(if bits.op == Op::Ne { "!= " } else { "" });
                let there = bits.value != 0;
                self.out.push_str(if there { "exists" } else { "missing" });
            }
            Form::Any => self.flag_list(bits.part, bits.mask),
            Form::NoneOf => {
                self.out.push_str("! ");
                self.flag_list(bits.part, bits.mask);
            }
        }
        true
    }

    /// `tcp flags syn,ack` and `tcp flags ! syn,ack`: some or none of these.
    fn flags(&mut self, bits: Bits) -> bool {
        let any = match bits.op {
            Op::Ne if bits.value == 0 => "",
            Op::Eq if bits.value == 0 => "! ",
            _ => return false,
        };
        let plain = bits.mask == 0 || bits.is_whole();
        if !bits.part.datatype.is_bitmask() || plain || self.options.numeric {
            return false;
        }
        self.out.push_str(any);
        self.flag_list(bits.part, bits.mask);
        true
    }

    /// Flags by name, with commas.
    fn flag_list(&mut self, part: Part, flags: u128) {
        let _ = part.datatype.write_flags(flags, ",", &mut self.out);
    }

    /// `10.0.0.0/8` and `"eth*"`: the upper bits of the value.
    fn prefix(&mut self, bits: Bits) -> bool {
        let Part {
            datatype,
            bits: width,
        } = bits.part;
        let mask = bits.mask & max(width);
        let len = (mask << (128 - width)).leading_ones();
        // A value outside the mask never matches; written as a prefix, it would.
        let contiguous = mask.count_ones() == len && bits.value & !mask == 0;
        let name = datatype == Datatype::IfName && len % 8 == 0;
        let listed = name || datatype.has_prefixes();
        let equality = matches!(bits.op, Op::Eq | Op::Ne);
        if bits.is_whole() || !contiguous || !listed || !equality {
            return false;
        }
        self.out
            .push_str(if bits.op == Op::Ne { "!= " } else { "" });
        if name {
            let _ = write_name(bits.value, len, &mut self.out);
        } else {
            self.value(bits.part, bits.value);
            self.put(format_args!("/{len}"));
        }
        true
    }

    /// Constants in braces.
    fn constants(&mut self, part: Part, ranges: &[(u128, u128)]) {
        self.out.push_str("{ ");
        for (index, (lo, hi)) in ranges.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.range(part, *lo, *hi);
        }
        self.out.push_str(" }");
    }
}
