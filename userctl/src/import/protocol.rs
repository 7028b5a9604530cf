// SPDX-License-Identifier: GPL-2.0
//! Transport protocols: their numbers, and the names that iptables and nft have for them.

use super::refusal::{Refusal, Result};
use super::values::number as parse;
use super::words::Word;
use crate::source::Span;

/// What `-p` says. `-p all` says nothing, and is no `Protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protocol {
    /// IANA's number.
    pub(super) number: u8,
    /// Whether every other one is meant.
    pub(super) negated: bool,
}

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const DCCP: u8 = 33;
pub(super) const ESP: u8 = 50;
pub(super) const AH: u8 = 51;
pub(super) const ICMPV6: u8 = 58;
pub(super) const SCTP: u8 = 132;
pub(super) const MH: u8 = 135;
pub(super) const UDPLITE: u8 = 136;

impl Protocol {
    /// What `-p` gives; `None` for all protocols.
    pub(super) fn new(number: u8, negated: bool, span: Span) -> Result<Option<Self>> {
        match (number, negated) {
            (0, true) => Err(Refusal::new(
                span,
                "this rule would match no protocol at all",
            )),
            (0, false) => Ok(None),
            _ => Ok(Some(Self { number, negated })),
        }
    }

    /// Whether this is exactly one of these protocols.
    pub(super) fn is_one_of(self, numbers: &[u8]) -> bool {
        !self.negated && numbers.contains(&self.number)
    }
}

/// Names, as /etc/protocols has them. The first name of a number is the one that is printed, if nft
/// knows it on any machine.
static NAMES: &[(&str, u8)] = &[
    ("ip", 0),
    ("all", 0),
    ("icmp", ICMP),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("ipv4", 4),
    ("tcp", TCP),
    ("egp", 8),
    ("igp", 9),
    ("udp", UDP),
    ("dccp", DCCP),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", ESP),
    ("ipv6-crypt", ESP),
    ("ah", AH),
    ("ipv6-auth", AH),
    ("ipv6-icmp", ICMPV6),
    ("icmpv6", ICMPV6),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("ipip", 94),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", SCTP),
    ("ipv6-mh", MH),
    ("mobility-header", MH),
    ("mh", MH),
    ("udplite", UDPLITE),
    ("mpls-in-ip", 137),
    ("hip", 139),
];

/// The names that nft prints.
const NFT_NAMES: &[&str] = &[
    "icmp",
    "igmp",
    "tcp",
    "udp",
    "dccp",
    "gre",
    "esp",
    "ah",
    "ipv6-icmp",
    "sctp",
    "udplite",
];

/// The number that a word means.
pub(super) fn number(word: &Word) -> Result<u8> {
    let lower = word.text.to_ascii_lowercase();
    if let Some((_, number)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Ok(*number);
    }
    parse(word, 255).map(|number| number as u8).map_err(|_| {
        Refusal::new(word.span, format!("`{}` is no protocol", word.text))
            .hint("write its number, from 0 to 255")
    })
}

/// What to call it in nft.
pub(super) fn name(number: u8) -> String {
    let known = NAMES.iter().find(|(_, known)| *known == number);
    match known {
        Some((name, _)) if NFT_NAMES.contains(name) => (*name).to_owned(),
        _ => number.to_string(),
    }
}

/// The match whose options a protocol brings along.
pub(super) fn implied_match(number: u8) -> Option<&'static str> {
    Some(match number {
        TCP => "tcp",
        UDP => "udp",
        UDPLITE => "udplite",
        DCCP => "dccp",
        SCTP => "sctp",
        ICMP => "icmp",
        ICMPV6 => "icmp6",
        AH => "ah",
        ESP => "esp",
        MH => "mh",
        _ => return None,
    })
}
