// SPDX-License-Identifier: GPL-2.0
//! Marks of packets and of connections: `MARK CONNMARK`.
//!
//! What iptables does to a mark is always `(old & ~mask) ^ value`; its options are other ways to write
//! that. nft's `&` binds tighter than `^`, and that than `|`.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{masked, number};

pub(super) const ALL: &[Extension] = &[
    Extension::new(
        "MARK",
        &[
            Opt::value("set-mark").required().group(1),
            Opt::value("set-xmark").group(1),
            Opt::value("and-mark").group(1),
            Opt::value("or-mark").group(1),
            Opt::value("xor-mark").group(1),
        ],
        |used, rule| {
            for given in &used.given {
                let change = Change::read(given)?;
                rule.act(format!("meta mark set {}", change.text("meta mark")));
            }
            Ok(())
        },
    ),
    Extension::new(
        "CONNMARK",
        &[
            Opt::value("set-mark").required().group(1),
            Opt::value("set-xmark").group(1),
            Opt::value("and-mark").group(1),
            Opt::value("or-mark").group(1),
            Opt::value("xor-mark").group(1),
            Opt::flag("save-mark").group(1),
            Opt::flag("restore-mark").group(1),
            Opt::value("left-shift-mark").group(2),
            Opt::value("right-shift-mark").group(2),
            Opt::value("nfmask").group(3),
            Opt::value("ctmask").group(4),
            Opt::value("mask").group(5),
        ],
        connmark,
    ),
];

/// `(old & ~mask) ^ value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    value: u32,
    mask: u32,
}

impl Change {
    fn read(given: &Given) -> Result<Self> {
        let (value, mask) = masked(&given.word())?;
        let full = mask.unwrap_or(u32::MAX);
        let only_value = |change: Self| match mask {
            None => Ok(change),
            Some(_) => Err(Refusal::new(given.span, "this option takes no mask")),
        };
        match given.option.name {
            "set-xmark" => Ok(Self { value, mask: full }),
            "and-mark" => only_value(Self {
                value: 0,
                mask: !value,
            }),
            "or-mark" => only_value(Self { value, mask: value }),
            "xor-mark" => only_value(Self { value, mask: 0 }),
            _ => Ok(Self {
                value,
                mask: full | value,
            }),
        }
    }

    fn text(self, field: &str) -> String {
        let Self { value, mask } = self;
        match (mask, value) {
            (u32::MAX, _) => format!("{value:#x}"),
            (0, _) => format!("{field} ^ {value:#x}"),
            (_, 0) => format!("{field} & {:#x}", !mask),
            _ if mask == value => format!("{field} | {value:#x}"),
            _ => format!("{field} & {:#x} ^ {value:#x}", !mask),
        }
    }
}

/// A shift that applies to what is written.
fn shift(used: &Use) -> Result<Option<String>> {
    for (option, operator) in [("left-shift-mark", "<<"), ("right-shift-mark", ">>")] {
        if let Some(given) = used.get(option) {
            let bits = number(&given.word(), 31)?;
            return Ok((bits != 0).then(|| format!(" {operator} {bits}")));
        }
    }
    Ok(None)
}

fn connmark(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let shift = shift(used)?;
    let shifted = |text: String| match &shift {
        Some(shift) if text.contains(' ') && !text.starts_with("meta mark set ") => {
            format!("({text}){shift}")
        }
        Some(shift) => format!("{text}{shift}"),
        None => text,
    };
    let mask = |name: &str| match used.get(name).or(used.get("mask")) {
        Some(given) => number(&given.word(), u32::MAX.into()).map(|mask| mask as u32),
        None => Ok(u32::MAX),
    };
    let transfer = used.has("save-mark") || used.has("restore-mark");
    for given in &used.given {
        match given.option.name {
            "save-mark" => {
                let (from, to) = (mask("nfmask")?, mask("ctmask")?);
                let value = copied("meta mark", from, &shift);
                rule.act(format!("ct mark set {}", merged("ct mark", to, &value)));
            }
            "restore-mark" => {
                let (from, to) = (mask("ctmask")?, mask("nfmask")?);
                let value = copied("ct mark", from, &shift);
                // Without connection, the mark stays.
                rule.act(format!("meta mark set {}", merged("meta mark", to, &value)));
            }
            "nfmask" | "ctmask" | "mask" if !transfer => {
                return Err(Refusal::new(
                    given.span,
                    "a mask goes with --save-mark or --restore-mark",
                ));
            }
            name if name.starts_with("set-") || name.ends_with("or-mark") || name == "and-mark" => {
                let change = Change::read(given)?;
                rule.act(format!("ct mark set {}", shifted(change.text("ct mark"))));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The bits that are taken, shifted.
fn copied(field: &str, mask: u32, shift: &Option<String>) -> String {
    match (mask, shift) {
        (u32::MAX, None) => field.to_owned(),
        (u32::MAX, Some(shift)) => format!("{field}{shift}"),
        (mask, None) => format!("{field} & {mask:#x}"),
        (mask, Some(shift)) => format!("({field} & {mask:#x}){shift}"),
    }
}

/// `(old & ~mask) ^ value`, where the value is an expression.
fn merged(field: &str, mask: u32, value: &str) -> String {
    match mask {
        u32::MAX => value.to_owned(),
        0 => format!("{field} ^ ({value})"),
        mask => format!("({field} & {:#x}) ^ ({value})", !mask),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_written_with_the_operator_that_says_it() {
        for (value, mask, text) in [
            (5, u32::MAX, "0x5"),
            (5, 0, "m ^ 0x5"),
            (0, 0xff, "m & 0xffffff00"),
            (5, 5, "m | 0x5"),
            (0x40, 0x32, "m & 0xffffffcd ^ 0x40"),
        ] {
            assert_eq!(Change { value, mask }.text("m"), text);
        }
    }
}
