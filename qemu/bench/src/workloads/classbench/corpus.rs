// SPDX-License-Identifier: GPL-2.0

//! The corpus's files: filter sets and traces (their form is in the corpora's own README).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::tuple::{Point, Prefix, Tuple};
use crate::random::Random;

/// What verdicts are drawn from.
const SEED: u64 = 0xacce;

/// Where the corpora are: `$FERRULE_CORPORA`, or beside the repository.
fn directory() -> PathBuf {
    env::var_os("FERRULE_CORPORA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"),
        PathBuf::from,
    )
}

fn read(name: &str) -> Result<String> {
    let file = directory().join("classbench").join(name);
    fs::read_to_string(&file).with_context(|| {
        format!(
            "{} cannot be read: classbench's filter sets are not part of this repository; \
             set FERRULE_CORPORA to the directory that has them",
            file.display()
        )
    })
}

fn size(rules: u64) -> &'static str {
    if rules > 5000 {
        "10k"
    } else {
        "1k"
    }
}

/// The filter set nearest to this size, cut to it if it is larger, with verdicts.
pub(super) fn rules(kind: &str, rules: u64) -> Result<Vec<Tuple>> {
    let name = format!("{kind}_{}", size(rules));
    let mut random = Random::new(SEED);
    let text = read(&name)?;
    let lines = text.lines().filter(|line| line.starts_with('@'));
    lines
        .take(rules as usize)
        .map(|line| {
            let mut rule = rule(line).with_context(|| format!("{name}: {line}"))?;
            rule.drop = random.below(2) == 0;
            Ok(rule)
        })
        .collect()
}

/// The headers that were recorded for a filter set; none for those that have none.
pub(super) fn trace(kind: &str, rules: u64) -> Result<Vec<Point>> {
    if size(rules) != "1k" {
        return Ok(Vec::new());
    }
    let text = read(&format!("{kind}_1k_trace"))?;
    let points = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::parse::<u64>);
        let mut next = || words.next()?.ok();
        Some(Point {
            src: next()? as u32,
            dst: next()? as u32,
            sport: next()? as u16,
            dport: next()? as u16,
            proto: next()? as u8,
        })
    });
    Ok(points.collect())
}

fn rule(line: &str) -> Option<Tuple> {
    let mut words = line.trim_start_matches('@').split_whitespace();
    let mut next = || words.next();
    let (src, dst) = (prefix(next()?)?, prefix(next()?)?);
    let mut ports = || {
        let low = next()?.parse().ok()?;
        next()?;
        Some((low, next()?.parse().ok()?))
    };
    let (sport, dport) = (ports()?, ports()?);
    let (value, mask) = next()?.split_once('/')?;
    let hex = |text: &str| u8::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    Some(Tuple {
        src,
        dst,
        sport,
        dport,
        proto: if hex(mask)? == 0 {
            None
        } else {
            Some(hex(value)?)
        },
        drop: false,
    })
}

fn prefix(text: &str) -> Option<Prefix> {
    let (address, length) = text.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let mut prefix = Prefix {
        address: address.into(),
        length: length.parse().ok()?,
    };
    prefix.address &= prefix.mask();
    Some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_filter_set_is_read() {
        let line =
            "@67.81.126.218/32\t112.154.225.0/24\t0 : 65535\t37 : 39\t0x11/0xFF\t0x0000/0x0000\t";
        let rule = rule(line).unwrap();
        assert_eq!(rule.src.length, 32);
        assert_eq!(rule.dst.address, 0x709a_e100);
        assert_eq!((rule.sport, rule.dport), ((0, 65535), (37, 39)));
        assert_eq!(rule.proto, Some(17));
    }
}
