// SPDX-License-Identifier: GPL-2.0
//! What a match or a target is to the importer: a name, a table of options, and a translation. All
//! of them are listed here by the module that has them.

use super::arguments::{Opt, Use};
use super::family::Family;
use super::refusal::{Refusal, Result};
use super::rule::Rule;
use super::words::Word;
use super::{matches, targets};

/// Where an extension stands in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Behind `-m`.
    Match,
    /// Behind `-j`.
    Target,
}

/// Puts what the options say into nft's words.
pub(super) type Translate = fn(&Use, &mut Rule<'_>) -> Result<()>;

/// A match or a target.
#[derive(Debug)]
pub(super) struct Extension {
    /// Its name.
    pub(super) name: &'static str,
    /// The family it is for; `None` for both.
    pub(super) family: Option<Family>,
    /// It is only for rules with `-p` and one of these; empty for all rules.
    pub(super) protocols: &'static [u8],
    /// It is only for these tables; empty for all.
    pub(super) tables: &'static [&'static str],
    /// Its options.
    pub(super) options: &'static [Opt],
    /// Its translation.
    pub(super) translate: Translate,
}

impl Extension {
    /// A match or a target.
    pub(super) const fn new(
        name: &'static str,
        options: &'static [Opt],
        translate: Translate,
    ) -> Self {
        Self {
            name,
            family: None,
            protocols: &[],
            tables: &[],
            options,
            translate,
        }
    }

    /// Only for one family.
    pub(super) const fn family(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
    }

    /// Only with `-p` and one of these protocols.
    pub(super) const fn protocols(mut self, protocols: &'static [u8]) -> Self {
        self.protocols = protocols;
        self
    }

    /// Only in these tables.
    pub(super) const fn tables(mut self, tables: &'static [&'static str]) -> Self {
        self.tables = tables;
        self
    }

    /// Finds a match or target by its name.
    pub(super) fn find(kind: Kind, name: &Word, family: Family) -> Result<&'static Self> {
        let modules = match kind {
            Kind::Match => matches::ALL,
            Kind::Target => targets::ALL,
        };
        let all = modules.iter().flat_map(|module| module.iter());
        let mut named = all.filter(|extension| extension.name == name.text);
        let fits = |extension: &&&Extension| extension.family.is_none_or(|only| only == family);
        if let Some(found) = named.find(|extension| fits(&extension)) {
            return Ok(found);
        }
        let what = match kind {
            Kind::Match => "match",
            Kind::Target => "target",
        };
        let refused = REFUSED.iter().find(|(refused, _)| *refused == name.text);
        let message = match refused {
            Some(_) => format!("nft has nothing that means the {what} `{}`", name.text),
            None => format!("no {what} `{}` for {}", name.text, family.name()),
        };
        let refusal = Refusal::new(name.span, message);
        Err(match (refused, kind) {
            (Some((_, hint)), _) => refusal.hint(*hint),
            (None, Kind::Target) => {
                refusal.hint("a chain to jump to needs a line `:NAME - [0:0]` in its table")
            }
            _ => refusal,
        })
    }
}

/// Extensions that are known and have no counterpart, with what to do instead.
static REFUSED: &[(&str, &str)] = &[
    (
        "physdev",
        "filter bridged packets in a table of family bridge, by iifname and oifname",
    ),
    (
        "ipvs",
        "match the addresses of the real servers, or set a mark where IPVS decides",
    ),
    (
        "rateest",
        "`limit rate` and `quota` measure what passes a rule",
    ),
    (
        "RATEEST",
        "`limit rate` and `quota` measure what passes a rule",
    ),
    (
        "osf",
        "the fingerprints are loaded with nfnl_osf, and `osf name` is not the same match",
    ),
    ("nfacct", "use a named counter: `counter name NAME`"),
    ("quota", "use a named quota: `quota until N bytes`"),
    ("quota2", "use a named quota: `quota until N bytes`"),
    ("condition", "use a set that is filled and emptied"),
    ("geoip", "make a set of the country's networks"),
    ("l2tp", "match the header's bytes: `@th,…`"),
    (
        "cluster",
        "write `jhash ct original saddr mod N seed S`, and what becomes of the packet's type",
    ),
    (
        "HMARK",
        "use `meta mark set jhash …`; iptables' hash gives other numbers",
    ),
    ("IDLETIMER", "let a program watch an element with a timeout"),
    ("LED", "let a program watch a counter"),
    (
        "DNPT",
        "prefix translation without state is no statement of nft",
    ),
    (
        "SNPT",
        "prefix translation without state is no statement of nft",
    ),
    (
        "CHECKSUM",
        "leave it out: today's drivers need no help with checksums",
    ),
    ("CLUSTERIP", "use a load balancer of user space"),
    (
        "SYNPROXY",
        "use a `synproxy` statement by hand; its defaults differ",
    ),
    (
        "TPROXY",
        "use `tproxy to …` by hand: where no socket listens, iptables drops and nft goes on",
    ),
    ("NFACCT", "use a named counter: `counter name NAME`"),
    ("ULOG", "it is gone from Linux: use NFLOG"),
    ("QUEUE", "it is gone from Linux: use NFQUEUE"),
];
