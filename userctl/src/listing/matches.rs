// SPDX-License-Identifier: GPL-2.0
//! Comparisons, in the form that nft gives them.

use std::fmt::Write;

use super::Options;
use crate::ruleset::{write_flags, write_name, Datatype, Match, Op, Selector, Test};

/// Writes a comparison.
pub(super) fn write(matched: &Match, options: &Options<'_>, out: &mut String) {
    let writer = Writer {
        selector: matched.selector,
        options,
    };
    if !matched.selector.unqualified {
        let _ = write!(out, "{} ", matched.selector.protocol);
    }
    let _ = write!(out, "{} ", matched.selector.name);
    match &matched.test {
        Test::Compare { mask, op, value } => writer.compare(*mask, *op, *value, out),
        Test::Range {
            mask,
            negate,
            lo,
            hi,
        } => {
            writer.mask(*mask, out);
            out.push_str(if *negate { "!= " } else { "" });
            writer.range(*lo, *hi, out);
        }
        Test::Set {
            mask,
            negate,
            ranges,
        } => {
            let masked = writer.mask(*mask, out);
            out.push_str(match (negate, masked) {
                (true, _) => "!= ",
                (false, true) => "== ",
                (false, false) => "",
            });
            writer.set(ranges, out);
        }
    }
}

struct Writer<'a> {
    selector: &'static Selector,
    options: &'a Options<'a>,
}

impl Writer<'_> {
    fn value(&self, value: u128, out: &mut String) {
        if self.selector.datatype == Datatype::IfIndex {
            let name = self
                .options
                .environment
                .and_then(|e| e.interface_name(value as u32));
            if let Some(name) = name {
                let _ = write!(out, "\"{name}\"");
                return;
            }
        }
        self.selector
            .datatype
            .write(value, self.options.numeric, out);
    }

    /// `& MASK `, unless it is all bits.
    fn mask(&self, mask: u128, out: &mut String) -> bool {
        let masked = mask != self.selector.max();
        if masked {
            out.push_str("& ");
            if self.selector.datatype == Datatype::TcpFlags && mask.count_ones() > 1 {
                out.push('(');
                self.value(mask, out);
                out.push(')');
            } else {
                self.value(mask, out);
            }
            out.push(' ');
        }
        masked
    }

    fn compare(&self, mask: u128, op: Op, value: u128, out: &mut String) {
        if self.flags(mask, op, value, out) || self.prefix(mask, op, value, out) {
            return;
        }
        let masked = self.mask(mask, out);
        let bitmask = self.selector.datatype.is_bitmask();
        if op != Op::Eq || masked || bitmask {
            let _ = write!(out, "{} ", op.text());
        }
        if bitmask && !masked && value.count_ones() > 1 {
            let _ = write!(out, "0x{value:x}");
            return;
        }
        self.value(value, out);
    }

    /// `tcp flags syn,ack` and `tcp flags ! syn,ack`: some or none of these.
    fn flags(&self, mask: u128, op: Op, value: u128, out: &mut String) -> bool {
        let any = match op {
            Op::Ne if value == 0 => "",
            Op::Eq if value == 0 => "! ",
            _ => return false,
        };
        let plain = mask == 0 || mask == self.selector.max();
        if !self.selector.datatype.is_bitmask() || plain || self.options.numeric {
            return false;
        }
        out.push_str(any);
        let _ = write_flags(mask, ",", out);
        true
    }

    /// `10.0.0.0/8` and `"eth*"`: the upper bits of the value.
    fn prefix(&self, mask: u128, op: Op, value: u128, out: &mut String) -> bool {
        let bits = self.selector.bits;
        let len = (mask << (128 - bits)).leading_ones();
        // A value outside the mask never matches; written as a prefix, it would.
        let contiguous = mask.count_ones() == len && value & !mask == 0;
        let name = self.selector.datatype == Datatype::IfName && len % 8 == 0;
        let listed = name || self.selector.datatype.has_prefixes();
        if mask == self.selector.max() || !contiguous || !listed || !matches!(op, Op::Eq | Op::Ne) {
            return false;
        }
        out.push_str(if op == Op::Ne { "!= " } else { "" });
        if name {
            let _ = write_name(value, len, out);
        } else {
            self.value(value, out);
            let _ = write!(out, "/{len}");
        }
        true
    }

    /// The ends as numbers, as nft has them: `dccp-ipv6-frag` would be one word.
    fn range(&self, lo: u128, hi: u128, out: &mut String) {
        let datatype = self.selector.datatype;
        if datatype == Datatype::IfIndex {
            self.value(lo, out);
            out.push('-');
            self.value(hi, out);
            return;
        }
        datatype.write(lo, true, out);
        out.push('-');
        datatype.write(hi, true, out);
    }

    fn set(&self, ranges: &[(u128, u128)], out: &mut String) {
        out.push_str("{ ");
        for (index, (lo, hi)) in ranges.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            let len = prefix_len(*lo, *hi, self.selector.bits);
            match len {
                _ if lo == hi => self.value(*lo, out),
                Some(len) if self.selector.datatype.has_prefixes() => {
                    self.value(*lo, out);
                    let _ = write!(out, "/{len}");
                }
                Some(len) if self.selector.datatype == Datatype::IfName && len % 8 == 0 => {
                    let _ = write_name(*lo, len, out);
                }
                _ => self.range(*lo, *hi, out),
            }
        }
        out.push_str(" }");
    }
}

/// The length of the prefix that is exactly `lo` to `hi`.
fn prefix_len(lo: u128, hi: u128, bits: u32) -> Option<u32> {
    let open = (lo ^ hi).count_ones();
    let low = u128::MAX.checked_shl(open).map_or(u128::MAX, |mask| !mask);
    (lo ^ hi == low && lo & low == 0).then_some(bits - open)
}
