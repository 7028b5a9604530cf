// SPDX-License-Identifier: GPL-2.0
//! The values of options: numbers, ranges, ports, addresses; read as iptables reads them, written as
//! nft does.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::family::Family;
use super::refusal::{Refusal, Result};
use super::services;
use super::words::Word;

/// Reads a number as strtoul does with base 0: decimal, `0x` hexadecimal, `0` octal.
pub(super) fn number(word: &Word, max: u64) -> Result<u64> {
    let wrong = || {
        let message = format!("`{}` is no number from 0 to {max}", word.text);
        Refusal::new(word.span, message)
    };
    let value = unsigned(&word.text).ok_or_else(wrong)?;
    (value <= max).then_some(value).ok_or_else(wrong)
}

fn unsigned(text: &str) -> Option<u64> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    let clean = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base));
    clean.then(|| u64::from_str_radix(digits, base).ok())?
}

/// A range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    /// The smallest.
    pub(super) low: u64,
    /// The largest.
    pub(super) high: u64,
}

impl Range {
    /// One value.
    pub(super) const fn only(value: u64) -> Self {
        Self {
            low: value,
            high: value,
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.low == self.high {
            true => write!(f, "{}", self.low),
            false => write!(f, "{}-{}", self.low, self.high),
        }
    }
}

/// Reads `a`, `a:b`, `:b`, `a:` or `:`; `value` reads an end.
pub(super) fn range_of(
    word: &Word,
    separator: char,
    max: u64,
    value: &dyn Fn(&Word) -> Result<u64>,
) -> Result<Range> {
    let part = |text: &str, missing: u64| match text.is_empty() {
        true => Ok(missing),
        false => value(&Word {
            text: text.to_owned(),
            span: word.span,
        }),
    };
    let range = match word.text.split_once(separator) {
        Some((low, high)) => Range {
            low: part(low, 0)?,
            high: part(high, max)?,
        },
        None => Range::only(value(word)?),
    };
    if range.low > range.high {
        let message = format!("`{}` ends before it begins", word.text);
        return Err(Refusal::new(word.span, message));
    }
    Ok(range)
}

/// Reads a range of numbers, with a colon.
pub(super) fn range(word: &Word, max: u64) -> Result<Range> {
    range_of(word, ':', max, &|end| number(end, max))
}

/// Reads a port: a number, or the name of a service.
pub(super) fn port(word: &Word) -> Result<u64> {
    match services::port(&word.text) {
        Some(port) => Ok(port.into()),
        None => number(word, 65535).map_err(|_| {
            let message = format!("`{}` is no port", word.text);
            Refusal::new(word.span, message).hint("write a number from 0 to 65535")
        }),
    }
}

/// Reads a range of ports, with a colon.
pub(super) fn ports(word: &Word) -> Result<Range> {
    range_of(word, ':', 65535, &port)
}

/// Reads `value` or `value/mask`, of 32 bits.
pub(super) fn masked(word: &Word) -> Result<(u32, Option<u32>)> {
    let part = |text: &str| {
        let part = Word {
            text: text.to_owned(),
            span: word.span,
        };
        number(&part, u32::MAX.into()).map(|value| value as u32)
    };
    match word.text.split_once('/') {
        Some((value, mask)) => Ok((part(value)?, Some(part(mask)?))),
        None => Ok((part(&word.text)?, None)),
    }
}

/// The operator of a test: nothing, or `!= `.
pub(super) const fn not(negated: bool) -> &'static str {
    match negated {
        true => "!= ",
        false => "",
    }
}

/// The operator of a test whose left side is an expression.
pub(super) const fn equals(negated: bool) -> &'static str {
    match negated {
        true => "!=",
        false => "==",
    }
}

/// Writes a test of `field & mask` for `value`; no mask is all bits.
pub(super) fn masked_test(field: &str, value: u32, mask: Option<u32>, negated: bool) -> String {
    match mask.filter(|mask| *mask != u32::MAX) {
        None => format!("{field} {}{value:#x}", not(negated)),
        Some(mask) => format!("{field} & {mask:#x} {} {value:#x}", equals(negated)),
    }
}

/// Intervals in the order they were given, or sorted and merged if some overlap: nft's anonymous
/// sets take no element twice.
pub(super) fn disjoint(ranges: &[Range]) -> Vec<Range> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).all(|pair| pair[0].high < pair[1].low) {
        return ranges.to_vec();
    }
    let mut merged: Vec<Range> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.low <= last.high => last.high = last.high.max(range.high),
            _ => merged.push(range),
        }
    }
    merged
}

/// Writes the right side of a test: one range, or a set of them.
pub(super) fn one_of(ranges: &[Range]) -> String {
    match ranges {
        [one] => one.to_string(),
        many => {
            let list: Vec<_> = many.iter().map(Range::to_string).collect();
            format!("{{ {} }}", list.join(", "))
        }
    }
}

/// An address or mask, as a number: IPv4 in the low 32 bits.
pub(super) fn address(text: &str, family: Family) -> Option<u128> {
    match family {
        Family::Ip => text
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| u32::from(address).into()),
        Family::Ip6 => text.parse::<Ipv6Addr>().ok().map(u128::from),
    }
}

/// Writes an address.
pub(super) fn address_text(address: u128, family: Family) -> String {
    match family {
        Family::Ip => Ipv4Addr::from(address as u32).to_string(),
        Family::Ip6 => Ipv6Addr::from(address).to_string(),
    }
}

/// An address and the bits of it that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// The bits.
    pub(super) address: u128,
    /// Which matter.
    pub(super) mask: u128,
    /// Whose.
    pub(super) family: Family,
}

/// The mask of a prefix's length.
pub(super) fn prefix_mask(length: u8, family: Family) -> u128 {
    let all = match family {
        Family::Ip => u128::from(u32::MAX),
        Family::Ip6 => u128::MAX,
    };
    let rest = family.bits() - length;
    match u32::from(rest) {
        128 => 0,
        rest => (all >> rest) << rest,
    }
}

impl Network {
    /// Reads `address`, `address/length` or `address/mask`.
    pub(super) fn read(word: &Word, family: Family) -> Result<Self> {
        let (text, mask) = match word.text.split_once('/') {
            Some((text, mask)) => (text, Some(mask)),
            None => (word.text.as_str(), None),
        };
        let wrong = |what: &str, hint: &str| {
            let message = format!("`{}` is no {what} of {}", word.text, family.name());
            Err(Refusal::new(word.span, message).hint(hint))
        };
        let Some(address) = address(text, family) else {
            return wrong("address", "iptables-save writes addresses, not host names");
        };
        let mask = match mask {
            None => prefix_mask(family.bits(), family),
            Some(mask) => match mask.parse::<u8>() {
                Ok(length) if length <= family.bits() => prefix_mask(length, family),
                Ok(_) => return wrong("network", "the prefix is too long"),
                Err(_) => match self::address(mask, family) {
                    Some(mask) => mask,
                    None => return wrong("network", "write ADDRESS/LENGTH"),
                },
            },
        };
        Ok(Self {
            address: address & mask,
            mask,
            family,
        })
    }

    /// The prefix's length, if the mask is one.
    pub(super) fn prefix(self) -> Option<u8> {
        (0..=self.family.bits()).find(|length| prefix_mask(*length, self.family) == self.mask)
    }

    /// Writes a test of `field`; `None` if every packet passes it.
    pub(super) fn test(self, field: &str, negated: bool) -> Option<String> {
        let network = address_text(self.address, self.family);
        Some(match self.prefix() {
            Some(0) if !negated => return None,
            Some(length) if length == self.family.bits() => {
                format!("{field} {}{network}", not(negated))
            }
            Some(length) => format!("{field} {}{network}/{length}", not(negated)),
            None => {
                let mask = address_text(self.mask, self.family);
                format!("{field} & {mask} {} {network}", equals(negated))
            }
        })
    }

    /// Writes it, if the mask is a prefix.
    pub(super) fn text(self) -> Option<String> {
        let network = address_text(self.address, self.family);
        let length = self.prefix()?;
        Some(match length == self.family.bits() {
            true => network,
            false => format!("{network}/{length}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn word(text: &str) -> Word {
        Word {
            text: text.into(),
            span: Span::default(),
        }
    }

    #[test]
    fn numbers_are_read_in_the_bases_of_c() {
        for (text, value) in [("10", 10), ("0x1F", 31), ("010", 8), ("0", 0)] {
            assert_eq!(number(&word(text), 255), Ok(value), "{text}");
        }
        for text in ["", "-1", "1 ", "256", "0x", "09", "a", "+1"] {
            assert!(number(&word(text), 255).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_range_may_leave_out_its_ends() {
        for (text, low, high) in [(":", 0, 9), (":3", 0, 3), ("3:", 3, 9), ("4", 4, 4)] {
            assert_eq!(range(&word(text), 9), Ok(Range { low, high }), "{text}");
        }
        assert!(range(&word("4:3"), 9).is_err());
    }

    #[test]
    fn overlapping_ranges_are_merged_and_others_keep_their_order() {
        let three = [Range::only(9), Range { low: 1, high: 5 }, Range::only(3)];
        assert_eq!(one_of(&disjoint(&three)), "{ 1-5, 9 }");
        assert_eq!(one_of(&disjoint(&three[..2])), "{ 9, 1-5 }");
    }

    #[test]
    fn a_mask_that_is_no_prefix_is_written_as_one() {
        let network = Network::read(&word("10.11.12.13/255.0.255.0"), Family::Ip).unwrap();
        let test = network.test("ip saddr", true).unwrap();
        assert_eq!(test, "ip saddr & 255.0.255.0 != 10.0.12.0");
    }
}
