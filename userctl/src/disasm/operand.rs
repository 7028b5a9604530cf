// SPDX-License-Identifier: GPL-2.0
//! Fields and their values in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use ferrule_uapi::{field::Field, program::Wide};

/// The field as rules name it: `ip saddr`.
pub(super) fn field_name(field: Option<Field>) -> String {
    let Some(field) = field else {
        return "unknown field".to_owned();
    };
    let name = field.c_name().to_ascii_lowercase();
    if field.is_register() {
        return name;
    }
    match name.split_once('_') {
        Some((header, rest)) if rest.starts_with("frag_") => {
            format!("{header} {}", rest.replace('_', "-"))
        }
        Some((header, rest)) => format!("{header} {rest}"),
        None => name,
    }
}

/// Whether values of the field are IPv4 addresses.
fn is_ipv4(field: Option<Field>) -> bool {
    matches!(field, Some(Field::IpSaddr | Field::IpDaddr))
}

/// Whether values of the field are names of interfaces.
fn is_name(field: Option<Field>) -> bool {
    matches!(field, Some(Field::MetaIifname | Field::MetaOifname))
}

/// A value of a narrow field.
pub(super) fn narrow(field: Option<Field>, value: u32) -> String {
    match field {
        _ if is_ipv4(field) => Ipv4Addr::from(value).to_string(),
        Some(Field::MetaMark | Field::MetaProtocol | Field::TcpFlags | Field::IpFragOff) => {
            format!("{value:#x}")
        }
        _ => value.to_string(),
    }
}

/// A mask of a narrow field.
pub(super) fn mask(field: Option<Field>, mask: u32) -> String {
    match field {
        _ if is_ipv4(field) => Ipv4Addr::from(mask).to_string(),
        _ => format!("{mask:#x}"),
    }
}

/// `lo-hi`, or one value.
pub(super) fn narrow_range(field: Option<Field>, lo: u32, hi: u32) -> String {
    match lo == hi {
        true => narrow(field, lo),
        false => format!("{}-{}", narrow(field, lo), narrow(field, hi)),
    }
}

/// A value of a wide field.
pub(super) fn wide(field: Option<Field>, value: Wide) -> String {
    let number = number(value);
    if !is_name(field) {
        return Ipv6Addr::from(number).to_string();
    }
    let bytes = number.to_be_bytes();
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    format!("\"{}\"", name.escape_ascii())
}

/// Whether the mask leaves nothing out.
pub(super) fn is_whole(mask: Wide) -> bool {
    mask.hi & mask.lo == u64::MAX
}

/// A mask of a wide field: as a length where it is a prefix's.
pub(super) fn wide_mask(mask: Wide) -> String {
    let number = number(mask);
    if number.leading_ones() + number.trailing_zeros() == u128::BITS {
        return format!("/{}", number.leading_ones());
    }
    format!("{number:#034x}")
}

/// `lo-hi`, or one value.
pub(super) fn wide_range(field: Option<Field>, lo: Wide, hi: Wide) -> String {
    match lo == hi {
        true => wide(field, lo),
        false => format!("{}-{}", wide(field, lo), wide(field, hi)),
    }
}

/// The two halves as one number.
pub(super) fn number(value: Wide) -> u128 {
    u128::from(value.hi) << 64 | u128::from(value.lo)
}
