// SPDX-License-Identifier: GPL-2.0
//! Bytes at a place: `u32 string`.
//!
//! `u32` reads 32 bits at a fixed offset of the network header; offsets that are computed (`@`) are
//! refused. `string` searches; it can be said in nft if there is one place only where the string may
//! begin. Both read from the network header.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{disjoint, number, one_of, range_of, Range};
use crate::import::words::Word;

pub(super) const ALL: &[Extension] = &[
    Extension::new("u32", &[Opt::value("u32").not().required()], u32_match),
    Extension::new(
        "string",
        &[
            Opt::value("from"),
            Opt::value("to"),
            Opt::value("algo").required(),
            Opt::value("string").not().required().group(1),
            Opt::value("hex-string").not().group(1),
            Opt::flag("icase"),
        ],
        string,
    ),
];

fn u32_match(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("u32") else {
        return Ok(());
    };
    let tests: Vec<_> = given.text().split("&&").collect();
    let mut texts = Vec::new();
    for test in tests {
        texts.push(Read::parse(test, given)?.text());
    }
    match given.negated {
        // What is too short for a test fails it.
        true => rule.unless(&texts.join(" ")),
        false => {
            texts.into_iter().for_each(|text| rule.test(text));
            Ok(())
        }
    }
}

/// `offset [& mask | >> shift]… = values`.
struct Read {
    offset: u64,
    mask: u32,
    values: Vec<Range>,
}

impl Read {
    fn parse(text: &str, given: &Given) -> Result<Self> {
        let span = given.span;
        let wrong = |message: &str| {
            Refusal::new(span, message)
                .hint("nft reads at a fixed place: @nh,BITS,32 & MASK == VALUE")
        };
        let word = |text: &str| Word {
            text: text.trim().to_owned(),
            span,
        };
        let number32 = |text: &str| number(&word(text), u32::MAX.into());
        let (place, values) = text
            .split_once('=')
            .ok_or_else(|| wrong("a test has a `=`"))?;
        if place.contains('@') || place.contains("<<") {
            return Err(wrong("an offset that is computed cannot be read"));
        }
        // `(x >> n) & m` is `(x & m << n) >> n`: masks move to the front, the shift to the values.
        let (offset, operations) = match place.find(['&', '>']) {
            Some(at) => place.split_at(at),
            None => (place, ""),
        };
        let (mut mask, mut shift, mut rest) = (u32::MAX, 0_u32, operations);
        while !rest.is_empty() {
            let masks = rest.starts_with('&');
            let operand = rest.trim_start_matches(['&', '>']);
            let length = operand.find(['&', '>']).unwrap_or(operand.len());
            let (operand, after) = operand.split_at(length);
            match masks {
                true => mask &= (number32(operand)? << shift) as u32,
                false => shift += number(&word(operand), 31)? as u32,
            }
            if shift > 31 {
                return Err(wrong("nothing is left after these shifts"));
            }
            mask &= u32::MAX << shift;
            rest = after;
        }
        let offset = number(&word(offset), 4096)?;
        let end = |word: &Word| number(word, u32::MAX.into());
        let mut ranges = Vec::new();
        for value in values.split(',') {
            let range = range_of(&word(value), ':', u32::MAX.into(), &end)?;
            let most = u64::from(u32::MAX) >> shift;
            if range.low > most {
                continue;
            }
            ranges.push(Range {
                low: range.low << shift,
                high: ((range.high.min(most) + 1) << shift) - 1,
            });
        }
        match ranges.is_empty() {
            true => Err(wrong("no value is left after the shift")),
            false => Ok(Self {
                offset,
                mask,
                values: disjoint(&ranges),
            }),
        }
    }

    fn text(&self) -> String {
        let field = format!("@nh,{},32", self.offset * 8);
        let values = one_of(&self.values);
        match self.mask {
            u32::MAX => format!("{field} == {values}"),
            mask => format!("{field} & {mask:#x} == {values}"),
        }
    }
}

fn string(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("string").or(used.get("hex-string")) else {
        return Ok(());
    };
    let offset = |name: &str| match used.get(name) {
        Some(given) => number(&given.word(), 65535).map(Some),
        None => Ok(None),
    };
    let bytes = match given.option.name {
        "string" => given.text().as_bytes().to_vec(),
        _ => hex_string(given)?,
    };
    let length = bytes.len() as u64;
    let from = offset("from")?.unwrap_or(0);
    let anchored = offset("to")?.is_some_and(|to| to == from + length);
    if !anchored || given.negated || used.has("icase") || !(1..=16).contains(&length) {
        return Err(Refusal::new(given.span, "nft does not search").hint(
            "a string of at most 16 bytes at one place can be imported: --from N --to N+LENGTH",
        ));
    }
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    rule.test(format!("@nh,{},{} 0x{digits}", from * 8, length * 8));
    Ok(())
}

/// Reads `abc|0d 0a|def`.
fn hex_string(given: &Given) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (index, part) in given.text().split('|').enumerate() {
        if index % 2 == 0 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<char> = part.chars().filter(|c| !c.is_whitespace()).collect();
        for pair in digits.chunks(2) {
            let pair: String = pair.iter().collect();
            let byte = u8::from_str_radix(&pair, 16)
                .ok()
                .filter(|_| pair.len() == 2);
            bytes.push(
                byte.ok_or_else(|| Refusal::new(given.span, "hexadecimal has two digits a byte"))?,
            );
        }
    }
    Ok(bytes)
}
