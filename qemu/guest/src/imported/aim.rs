// SPDX-License-Identifier: GPL-2.0
//! What a packet has to be like to reach a rule and match it, from the rule's own constants and those of the
//! rules that lead to it; and values that do, or nearly do.

use std::net::IpAddr;

use crate::differential::Random;
use crate::packet::protocol;

use super::save::{Opt, Rule, Save};

/// Values, or all the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Want {
    negated: bool,
    ranges: Vec<(u128, u128)>,
}

/// What is wanted of a packet; what is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Aim {
    /// The built-in chain at the beginning.
    pub(super) chain: String,
    pub(super) iif: Option<(bool, String)>,
    pub(super) oif: Option<(bool, String)>,
    pub(super) saddr: Option<Want>,
    pub(super) daddr: Option<Want>,
    pub(super) protocol: Option<Want>,
    pub(super) sport: Option<Want>,
    pub(super) dport: Option<Want>,
    pub(super) icmp: Option<Want>,
    /// Of TCP's flags, those that are looked at, and those of them that are set.
    pub(super) flags: Option<(u8, u8)>,
    /// Only packets of a known connection.
    pub(super) answer: bool,
    /// To everybody on the link.
    pub(super) broadcast: bool,
}

/// Which field an option is about, and how its values are read.
type Reader = fn(&mut Aim, &Opt);

/// The options that say something about a packet.
const OPTIONS: &[(&[&str], Reader)] = &[
    (&["-i"], |aim, option| aim.iif = device(option)),
    (&["-o"], |aim, option| aim.oif = device(option)),
    (&["-s", "--src-range"], |aim, option| {
        aim.saddr = want(option, address)
    }),
    (&["-d", "--dst-range", "--ctorigdst"], |aim, option| {
        aim.daddr = want(option, address);
    }),
    (&["-p", "--ctproto"], |aim, option| {
        aim.protocol = want(option, protocol_number)
    }),
    (
        &["--sport", "--sports", "--ctorigsrcport"],
        |aim, option| {
            aim.sport = want(option, number);
        },
    ),
    (
        &["--dport", "--dports", "--ports", "--ctorigdstport"],
        |aim, option| {
            aim.dport = want(option, number);
        },
    ),
    (&["--icmp-type", "--icmpv6-type"], |aim, option| {
        aim.icmp = want(option, number)
    }),
    (&["--tcp-flags"], |aim, option| aim.flags = flags(option)),
    (&["--syn"], |aim, _| aim.flags = Some((0x17, 0x02))),
    (&["--ctstate", "--state"], |aim, option| {
        let states = option.values.concat();
        aim.answer = states.contains("ESTABLISHED") && !states.contains("NEW");
    }),
    (&["--pkt-type", "--dst-type"], |aim, option| {
        aim.broadcast |= option.values.concat().eq_ignore_ascii_case("broadcast");
    }),
];

const FLAGS: &[(&str, u8)] = &[
    ("FIN", 0x01),
    ("SYN", 0x02),
    ("RST", 0x04),
    ("PSH", 0x08),
    ("ACK", 0x10),
    ("URG", 0x20),
    ("ALL", 0x3f),
];

const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", protocol::ICMP),
    ("tcp", protocol::TCP),
    ("udp", protocol::UDP),
    ("ipv6-icmp", protocol::ICMPV6),
    ("icmpv6", protocol::ICMPV6),
];

fn device(option: &Opt) -> Option<(bool, String)> {
    Some((option.negated, option.values.first()?.clone()))
}

/// The ranges in a list: `a`, `a:b` and `a-b`, with commas between them.
fn want(option: &Opt, read: fn(&str) -> Option<(u128, u128)>) -> Option<Want> {
    let list = option.values.first()?;
    let ranges: Vec<_> = list.split(',').filter_map(read).collect();
    (!ranges.is_empty()).then_some(Want {
        negated: option.negated,
        ranges,
    })
}

fn number(text: &str) -> Option<(u128, u128)> {
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    // Of a type with a code, the type.
    let read = |text: &str| text.split('/').next()?.parse().ok();
    Some((read(from)?, read(to)?))
}

fn protocol_number(text: &str) -> Option<(u128, u128)> {
    let known = PROTOCOLS.iter().find(|(name, _)| *name == text);
    let value = match known {
        Some((_, value)) => u128::from(*value),
        None => text.parse().ok()?,
    };
    Some((value, value))
}

/// An address, a network or a range of addresses.
fn address(text: &str) -> Option<(u128, u128)> {
    if let Some((from, to)) = text.split_once('-') {
        return Some((bits(from)?.0, bits(to)?.0));
    }
    let (base, length) = text.split_once('/').unwrap_or((text, "128"));
    let (base, width) = bits(base)?;
    let length = length.parse::<u32>().ok()?.min(width);
    let hosts = 1_u128
        .checked_shl(width - length)
        .unwrap_or(0)
        .wrapping_sub(1);
    Some((base & !hosts, base | hosts))
}

/// An address as a number, and how many bits it has.
fn bits(text: &str) -> Option<(u128, u32)> {
    Some(match text.parse().ok()? {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    })
}

fn flags(option: &Opt) -> Option<(u8, u8)> {
    let read = |text: &String| {
        let words: Vec<_> = text.split(',').collect();
        let known = FLAGS.iter().filter(|(name, _)| words.contains(name));
        known.fold(0, |sum, (_, bit)| sum | bit)
    };
    Some((read(option.values.first()?), read(option.values.get(1)?)))
}

impl Want {
    /// A value that is wanted, most of the time; else one that just is not, or any.
    pub(super) fn value(&self, random: &mut Random, most: u128) -> u128 {
        let (from, to) = *random.pick(&self.ranges);
        if random.chance(if self.negated { 25 } else { 80 }) {
            return inside(random, (from, to));
        }
        match random.below(3) {
            0 if from > 0 => from - 1,
            1 if to < most => to + 1,
            _ => any(random) % most.saturating_add(1).max(1),
        }
    }

    /// Its ranges, unless the others are wanted.
    pub(super) fn ranges(&self) -> &[(u128, u128)] {
        if self.negated {
            &[]
        } else {
            &self.ranges
        }
    }
}

/// A value of a range: its ends more often than any other.
pub(super) fn inside(random: &mut Random, (from, to): (u128, u128)) -> u128 {
    match random.below(4) {
        0 => from,
        1 => to,
        _ => match (to - from).checked_add(1) {
            Some(count) => from + any(random) % count,
            None => any(random),
        },
    }
}

fn any(random: &mut Random) -> u128 {
    u128::from(random.next()) << 64 | u128::from(random.next())
}

impl Aim {
    fn of(rule: &Rule) -> Self {
        let mut aim = Aim::default();
        for option in &rule.options {
            let known = OPTIONS
                .iter()
                .find(|(names, _)| names.contains(&option.name.as_str()));
            if let Some((_, read)) = known {
                read(&mut aim, option);
            }
        }
        aim
    }

    /// What is wanted, with what a rule wants that leads here where that does not matter here.
    fn or(self, caller: Aim) -> Self {
        Self {
            chain: caller.chain,
            iif: self.iif.or(caller.iif),
            oif: self.oif.or(caller.oif),
            saddr: self.saddr.or(caller.saddr),
            daddr: self.daddr.or(caller.daddr),
            protocol: self.protocol.or(caller.protocol),
            sport: self.sport.or(caller.sport),
            dport: self.dport.or(caller.dport),
            icmp: self.icmp.or(caller.icmp),
            flags: self.flags.or(caller.flags),
            answer: self.answer || caller.answer,
            broadcast: self.broadcast || caller.broadcast,
        }
    }

    /// What a packet has to be like for a rule, on one of the ways that lead to it; `None` if there is none.
    pub(super) fn at(random: &mut Random, save: &Save, rule: &Rule) -> Option<Self> {
        let mut aim = Aim::of(rule);
        let mut rule = rule;
        for _ in 0..32 {
            if is_built_in(&rule.chain) {
                rule.chain.clone_into(&mut aim.chain);
                return Some(aim);
            }
            let callers: Vec<_> = save
                .rules
                .iter()
                .filter(|one| one.table == rule.table && one.target == rule.chain)
                .collect();
            if callers.is_empty() {
                return None;
            }
            rule = callers[random.below(callers.len())];
            aim = aim.or(Aim::of(rule));
        }
        None
    }
}

fn is_built_in(chain: &str) -> bool {
    const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    CHAINS.contains(&chain)
}

#[cfg(test)]
mod tests {
    use ferrule_uapi::hook::Family;

    use super::*;

    #[test]
    fn a_rule_in_a_chain_wants_what_the_rule_wants_that_leads_there() {
        let save = Save::read(
            Family::Ip,
            "*filter\n-A INPUT -i eth0 -p tcp -j C\n-A C ! -s 10.0.0.0/30 -m multiport --dports 1,5:7 -j DROP\nCOMMIT\n",
        );
        let aim = Aim::at(&mut Random::new(1, 1), &save, &save.rules[1]).expect("a way");
        assert_eq!(aim.chain, "INPUT");
        assert_eq!(aim.iif, Some((false, "eth0".to_owned())));
        let saddr = aim.saddr.expect("a source");
        assert_eq!(
            (saddr.negated, &saddr.ranges[..]),
            (true, &[(0x0a00_0000, 0x0a00_0003)][..])
        );
        assert_eq!(aim.dport.expect("ports").ranges, [(1, 1), (5, 7)]);
        assert_eq!(aim.protocol.expect("a protocol").ranges, [(6, 6)]);
    }

    #[test]
    fn a_chain_that_nothing_leads_to_has_no_aim() {
        let save = Save::read(Family::Ip, "*filter\n-A C -j DROP\nCOMMIT\n");
        assert_eq!(Aim::at(&mut Random::new(1, 1), &save, &save.rules[0]), None);
    }
}
