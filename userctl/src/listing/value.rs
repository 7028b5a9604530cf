// SPDX-License-Identifier: GPL-2.0
//! Values: single ones, ranges, prefixes, keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Lister;
use crate::ruleset::set::Part;
use crate::ruleset::{write_name, Datatype};

impl Lister<'_> {
    /// One value.
    pub(super) fn value(&mut self, part: Part, value: u128) {
        if part.datatype == Datatype::IfIndex {
            let environment = self.options.environment;
            let name = environment.and_then(|machine| machine.interface_name(value as u32));
            if let Some(name) = name {
                self.put(format_args!("\"{name}\""));
                return;
            }
        }
        if part.datatype == Datatype::Port && self.options.services {
            if let Some(name) = crate::ruleset::service_name(value) {
                self.put(format_args!("{name:?}"));
                return;
            }
        }
        if let Some(name) = self.host(part, value) {
            self.out.push_str(&name);
            return;
        }
        // Numbers are read as seconds: of the day, or since the epoch.
        const NANOS_PER_SECOND: u128 = 1_000_000_000;
        let seconds = match part.datatype {
            Datatype::Hour => Some(value),
            Datatype::Time if value % NANOS_PER_SECOND == 0 => Some(value / NANOS_PER_SECOND),
            _ => None,
        };
        if let Some(seconds) = seconds.filter(|_| self.options.utc) {
            self.put(format_args!("{seconds}"));
            return;
        }
        part.datatype
            .write(value, self.options.numeric, &mut self.out);
    }

    /// The name of the host with this address. A name that nft could not read again is none.
    fn host(&self, part: Part, value: u128) -> Option<String> {
        let address: IpAddr = match part.datatype {
            Datatype::Ipv4 => Ipv4Addr::from(u32::try_from(value).ok()?).into(),
            Datatype::Ipv6 => Ipv6Addr::from(value).into(),
            _ => return None,
        };
        let name = self.options.hosts?(address)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        (name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_name))
            .then_some(name)
    }

    /// From one value to another: a prefix or the beginning of a name, if it is that.
    pub(super) fn range(&mut self, part: Part, lo: u128, hi: u128) {
        let bits = part.bits;
        match prefix_len(lo, hi, bits) {
            _ if lo == hi => self.value(part, lo),
            Some(0) if part.datatype == Datatype::IfName => self.out.push_str("\"*\""),
            Some(len) if part.datatype.has_prefixes() => {
                part.datatype.write(lo, self.options.numeric, &mut self.out);
                self.put(format_args!("/{len}"));
            }
            Some(len) if part.datatype == Datatype::IfName && len % 8 == 0 => {
                let _ = write_name(lo, len, &mut self.out);
            }
            _ => self.ends(part, lo, hi),
        }
    }

    /// The ends as numbers, as nft has them: `dccp-ipv6-frag` would be one word. In JSON nft has names there, but
    /// for protocols (`range_expr_print()`, `range_expr_json()`).
    pub(super) fn ends(&mut self, part: Part, lo: u128, hi: u128) {
        let by_name = match part.datatype {
            Datatype::IfIndex | Datatype::Day | Datatype::Time | Datatype::Hour => true,
            Datatype::DevGroup | Datatype::Realm => self.options.json,
            _ => false,
        };
        for (value, behind) in [(lo, "-"), (hi, "")] {
            if by_name {
                self.value(part, value);
            } else {
                part.datatype.write(value, true, &mut self.out);
            }
            self.out.push_str(behind);
        }
    }

    /// A key, part by part.
    pub(super) fn key(&mut self, parts: &[Part], key: &[(u128, u128)]) {
        if key.is_empty() {
            self.out.push('*');
        }
        for (index, (part, (lo, hi))) in parts.iter().zip(key).enumerate() {
            if index > 0 {
                self.out.push_str(" . ");
            }
            self.range(*part, *lo, *hi);
        }
    }

    /// The type of keys or data: `ipv4_addr . inet_service`.
    pub(super) fn types(&mut self, parts: &[Part]) {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.out.push_str(" . ");
            }
            self.out.push_str(part.datatype.name());
        }
    }
}

/// The length of the prefix that is exactly `lo` to `hi`.
pub(super) fn prefix_len(lo: u128, hi: u128, bits: u32) -> Option<u32> {
    let open = (lo ^ hi).count_ones();
    let low = u128::MAX.checked_shl(open).map_or(u128::MAX, |mask| !mask);
    (lo ^ hi == low && lo & low == 0).then(|| bits.saturating_sub(open))
}
